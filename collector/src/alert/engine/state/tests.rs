//! Rules that change while the process runs.

use std::fs;

use super::*;

const GOOD: &str = "rules:\n- {name: strict, kind: error_rate, services: [payment], min_errors: 5}\n";

fn names(shared: &Shared) -> Vec<String> {
    shared.rules().rules.iter().map(|rule| rule.name.clone()).collect()
}

#[test]
fn a_file_that_is_wrong_is_refused_and_the_old_rules_stay_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    fs::write(&file, GOOD).unwrap();
    let config = Config {
        rules_file: Some(file.clone()),
        book_file: folder.path().join("alerts.json"),
        ..Config::default()
    };
    let shared = Shared::open(&config).unwrap();
    let (before, generation) = (names(&shared), shared.generation());
    assert!(before.contains(&"strict".to_owned()), "{before:?}");
    assert!(!shared.reload_rules(), "nothing changed");

    for (wrong, line, reason) in [
        ("rules:\n- {name: a, kind: error_rate, min_erors: 5}\n", "line 2", "min_errors"),
        ("rules:\n- name: a\n  kind: trace_depth\n  for: yesterday\n", "line 4", "for"),
        ("receivers:\n- {kind: webhook, url: 'http://h/', template: '{{sumary}}'}\n", "line 2", "summary"),
    ] {
        fs::write(&file, wrong).unwrap();
        assert!(!shared.reload_rules());
        let state = shared.rules_state();
        let told = state.faults.join("\n");
        assert!(
            told.contains("rules.yaml") && told.contains(line) && told.contains(reason),
            "{wrong}: {told}"
        );
        assert_eq!((names(&shared), shared.generation()), (before.clone(), generation), "{wrong}");
    }

    fs::write(&file, GOOD.replace("strict", "stricter")).unwrap();
    assert!(shared.reload_rules(), "a sound file is taken again");
    assert_eq!(shared.rules_state().faults, [""; 0]);
    assert!(names(&shared).contains(&"stricter".to_owned()) && shared.generation() > generation);

    fs::remove_file(&file).unwrap();
    assert!(!shared.reload_rules());
    let state = shared.rules_state();
    assert!(state.faults[0].contains("cannot be read"), "{:?}", state.faults);
    assert!(names(&shared).contains(&"stricter".to_owned()));
}
