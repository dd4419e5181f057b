//! Rules as people write them, right and wrong.

use super::*;

fn faults(text: &str) -> Vec<String> {
    parse(text).err().unwrap_or_else(|| panic!("{text:?} is not refused"))
}

#[test]
fn an_empty_file_leaves_the_built_in_rules_on() {
    let rules = parse("# nothing\n").unwrap();
    assert_eq!(rules, Rules::default());
    let on: Vec<&str> =
        rules.rules.iter().filter(|rule| rule.is_enabled).map(|rule| rule.kind.name()).collect();
    assert_eq!(on, &Kind::NAMES[..8], "all but the burn rate, which needs an objective");
}

#[test]
fn own_rules_go_before_built_in_ones_for_their_services() {
    let rules = parse(
        "rules:\n- {name: strict, kind: error_rate, services: [pay], min_errors: 10, severity: critical, for: 2m}\n\
         - {name: off, kind: latency, services: [batch], enabled: false}\n",
    )
    .unwrap();
    let strict = rules.find_for_service("error_rate", "pay").unwrap();
    assert_eq!(
        (strict.name.as_str(), strict.for_s, strict.severity),
        ("strict", 120, Some(Severity::Critical))
    );
    assert!(matches!(strict.kind, Kind::ErrorRate(settings) if settings.min_errors == 10.0));
    assert_eq!(rules.find_for_service("error_rate", "cart").unwrap().name, "error-rate");
    assert!(rules.find_for_service("latency", "batch").is_none());
    assert!(rules.find_for_service("latency", "cart").is_some());
}

#[test]
fn receivers_of_every_kind_are_read() {
    let rules = parse(
        "external_url: https://traces.example.com/\nreceivers:\n\
         - {kind: alertmanager, url: 'http://127.0.0.1:9093/'}\n\
         - {kind: webhook, url: 'http://h/x', secret: s, template: '{\"text\": \"{{ summary }}\"}'}\n\
         - {kind: slack, url: 'https://hooks.slack.com/services/T/B/x'}\n\
         - {kind: pagerduty, routing_key: k}\n\
         - {kind: smtp, url: 'smtp://127.0.0.1:25', from: a@b.c, to: [sre@b.c]}\n",
    )
    .unwrap();
    let kinds: Vec<&str> = rules.receivers.iter().map(|receiver| receiver.kind.name()).collect();
    assert_eq!(kinds, ["alertmanager", "webhook", "slack", "pagerduty", "smtp"]);
    assert_eq!(rules.external_url, "https://traces.example.com");
    assert_eq!(rules.receivers[3].url, "https://events.pagerduty.com/v2/enqueue");
}

#[test]
fn faults_name_line_reason_and_remedy() {
    let cases = [
        ("ruls: []\n", "line 1: `ruls` is not a known key of the file; did you mean `rules`?"),
        (
            "rules:\n- kind: error_rat\n",
            "line 2: `error_rat` is not a kind of rule; did you mean `error_rate`?",
        ),
        (
            "rules:\n- kind: loop\n  trace: 3\n",
            "line 3: `trace` is not a known key of a rule; did you mean `traces`?",
        ),
        (
            "rules:\n- kind: loop\n  min_ratio: 3\n",
            "line 3: `min_ratio` means nothing to a rule of kind loop",
        ),
        ("rules:\n- kind: error_rate\n  for: 90d\n", "line 3: for `90d` is not usable: write up to 7d"),
        ("rules:\n- kind: error_rate\n  for: soon\n", "line 3: for `soon` is not usable"),
        ("rules:\n- kind: burn_rate\n  objective: 99.9\n", "line 3: `objective` has to be a number from 0.5"),
        ("rules:\n- name: x\n", "line 2: a rule needs `kind`"),
        ("rules:\n- {kind: loop, severity: loud}\n", "line 2: severity `loud` is not known"),
        ("rules:\n- {kind: loop, enabled: maybe}\n", "line 2: `enabled` is true or false"),
        ("rules:\n- {kind: loop}\n- {kind: loop}\n", "line 3: two rules are named `loop-own`"),
        (
            "external_url: http://h\nreceivers:\n- kind: webhook\n  url: http://a\n\n- kind: webhook\n  url: http://b\n",
            "line 6: two receivers are named `webhook`, the other one on line 3",
        ),
        ("rules: {kind: loop}\n", "`rules` is no list"),
        ("receivers:\n- {kind: slack}\n", "line 2: a receiver of kind slack needs `url`"),
        ("receivers:\n- {kind: slack, url: 'ftp://x'}\n", "line 2: `ftp://x` is not usable"),
        (
            "receivers:\n- {kind: slack, url: 'http://x', secret: s}\n",
            "`secret` means nothing to a receiver of kind slack",
        ),
        (
            "receivers:\n- {kind: webhook, url: 'http://x', template: '{{sumary}}'}\n",
            "line 2: template: `{{sumary}}` is not known: use",
        ),
        (
            "receivers:\n- {kind: webhook, url: 'http://x', template: '{{summary'}\n",
            "line 2: template: `{{` is never closed",
        ),
        (
            "receivers:\n- {kind: smtp, url: 'smtp://x', from: 'a@b\\r\\nX: y', to: [a@b]}\n",
            "`from` and `to` hold addresses",
        ),
        ("receivers:\n- {kind: pager, url: 'http://x'}\n", "`pager` is not a kind of receiver"),
        ("rules: [\n", "the file is not YAML"),
        ("--- {}\n--- {}\n", "several documents"),
    ];
    for (text, expected) in cases {
        let told = faults(text).join("\n");
        assert!(told.contains(expected), "{text:?}: {told}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let told = faults("rules:\n- {kind: loop, limit: 0}\n- {kind: nothing}\nreceivers:\n- {kind: slack}\n");
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn a_template_escapes_what_it_is_given() {
    let template = Template::parse(r#"{"a": "{{suspect}}", "b": {{count}}}"#).unwrap();
    let body = template.fill(|name| if name == "count" { "3".to_owned() } else { "a \"b\"\n".to_owned() });
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&body).unwrap(),
        serde_json::json!({"a": "a \"b\"\n", "b": 3})
    );
}
