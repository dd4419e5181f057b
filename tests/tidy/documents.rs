//! Documents: links lead somewhere, the changelog takes entries, decisions have one form, examples are tested.

use crate::tree::{SourceFile, Violation, assert_none, hold, repository, root};

const DECISION_PARTS: [&str; 4] = ["## Status", "## Context", "## Decision", "## Consequences"];
const REQUIRED: [&str; 7] =
    ["README.md", "ARCHITECTURE.md", "STYLE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs/api.md"];

/// Lines of a Markdown file outside code blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence).then_some((index + 1, line))
    })
}

fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, _)| {
        let target = line[at + 2..].split(')').next()?;
        target.split_whitespace().next()
    })
}

/// The path a relative link leads to, from the root of the repository; `None` for a link to another place.
fn linked_path(from: &str, target: &str) -> Option<String> {
    let path = target.split('#').next().filter(|path| !path.is_empty())?;
    if path.contains("://") || path.starts_with("mailto:") {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn links(file: &SourceFile, is_there: impl Fn(&str) -> bool) -> Vec<Violation> {
    if file.extension() != "md" {
        return Vec::new();
    }
    let linked = prose(&file.text)
        .flat_map(|(line, text)| link_targets(text).map(move |target| (line, target)))
        .filter_map(|(line, target)| Some((line, target, linked_path(&file.path, target)?)));
    linked
        .filter(|(_, _, path)| !is_there(path))
        .map(|(line, target, _)| {
            Violation::new(file, line, "link", format!("`{target}` leads nowhere: mend it or take it out"))
        })
        .collect()
}

fn changelog(file: &SourceFile) -> Vec<Violation> {
    if file.path != "CHANGELOG.md" || file.text.lines().any(|line| line.trim() == "## Unreleased") {
        return Vec::new();
    }
    vec![Violation::new(
        file,
        1,
        "changelog",
        "add a section `## Unreleased` for what users will notice next",
    )]
}

fn decision_form(file: &SourceFile) -> Vec<Violation> {
    let Some(name) = file.path.strip_prefix("docs/decisions/").filter(|name| name.ends_with(".md")) else {
        return Vec::new();
    };
    let number = name
        .split('-')
        .next()
        .filter(|number| number.len() == 3)
        .and_then(|number| number.parse::<u16>().ok());
    let title = number.map(|number| format!("# {number:03}: "));
    if !title.is_some_and(|title| file.text.starts_with(&title)) {
        let remedy = "name it `NNN-slug.md` and begin it with `# NNN: what was decided`";
        return vec![Violation::new(file, 1, "decision", remedy)];
    }
    let missing = DECISION_PARTS.into_iter().filter(|part| !file.text.lines().any(|line| line == *part));
    missing.map(|part| Violation::new(file, 1, "decision", format!("add the part `{part}`"))).collect()
}

/// An example of a configuration says what the defaults are, so a test must hold it against them.
fn examples_are_tested(files: &[SourceFile]) -> Vec<Violation> {
    let is_example = |file: &&SourceFile| {
        file.path.starts_with("collector/")
            && file.file_name().contains("example")
            && file.extension() == "yaml"
    };
    let is_read_by_a_test = |name: &str| {
        files.iter().any(|file| file.is_rust() && file.file_name() == "tests.rs" && file.text.contains(name))
    };
    files
        .iter()
        .filter(is_example)
        .filter(|file| !is_read_by_a_test(file.file_name()))
        .map(|file| {
            Violation::new(
                file,
                1,
                "example",
                "add a unit test that reads it and compares it with the defaults",
            )
        })
        .collect()
}

#[test]
fn documents_are_all_there() {
    let missing: Vec<&str> = REQUIRED.into_iter().filter(|path| !root().join(path).is_file()).collect();
    assert!(missing.is_empty(), "these documents are missing: {missing:?}");
}

#[test]
fn links_lead_somewhere() {
    hold(|file| links(file, |path| root().join(path).exists()));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let text = "See [a](../STYLE.md#names), [b](gone.md), [c](https://example.com/x) and [d](#here).\n```\n[e](gone.md)\n```\n";
    let found = links(&SourceFile::example("docs/api.md", text), |path| path == "STYLE.md");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].remedy.contains("gone.md"));
}

#[test]
fn the_changelog_takes_entries() {
    hold(changelog);
}

#[test]
fn a_changelog_without_a_place_for_entries_is_found() {
    assert_eq!(changelog(&SourceFile::example("CHANGELOG.md", "# Changelog\n## 0.1.0\n")).len(), 1);
    assert_eq!(changelog(&SourceFile::example("CHANGELOG.md", "# Changelog\n## Unreleased\n")).len(), 0);
}

#[test]
fn decisions_have_one_form() {
    hold(decision_form);
}

#[test]
fn a_decision_of_another_form_is_found() {
    let whole = format!("# 001: one workspace\n{}\n", DECISION_PARTS.join("\n"));
    let check = |path: &str, text: &str| decision_form(&SourceFile::example(path, text)).len();
    assert_eq!(check("docs/decisions/001-workspace.md", &whole), 0);
    assert_eq!(check("docs/decisions/001-workspace.md", "# 001: one workspace\n## Status\n"), 3);
    assert_eq!(check("docs/decisions/workspace.md", &whole), 1);
}

#[test]
fn examples_equal_the_defaults() {
    assert_none(examples_are_tested(repository()));
}

#[test]
fn an_example_without_a_test_is_found() {
    let example = SourceFile::example("collector/throughline.example.yaml", "");
    let test = SourceFile::example(
        "collector/src/config/tests.rs",
        "include_str!(\"../../throughline.example.yaml\")",
    );
    assert_eq!(examples_are_tested(std::slice::from_ref(&example)).len(), 1);
    assert_eq!(examples_are_tested(&[example, test]).len(), 0);
}
