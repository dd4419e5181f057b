//! Nothing of one machine in the repository: no paths, no registries, no addresses resolved by one of them.

use crate::tree::{SourceFile, Violation, hold};

/// Top-level directories that stand for somebody's machine; built into paths below so that this file holds none.
const MACHINE_DIRECTORIES: [&str; 7] = ["tmp", "root", "home", "Users", "work", "workspace", "farm"];

/// Settings that would tie a build to one registry, divided so that this file holds none of them.
const REGISTRY_SETTINGS: [(&str, &str); 10] = [
    ("--index", "-url"),
    ("--extra-index", "-url"),
    ("npm_config_", "registry"),
    ("registry=", "http"),
    ("--registry", "=http"),
    ("--registry ", "http"),
    ("replace-", "with"),
    ("registry.npm", "js.org"),
    ("static.crates", ".io"),
    ("files.python", "hosted.org"),
];

fn lines(file: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    file.text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn machine_path_in(line: &str) -> Option<String> {
    MACHINE_DIRECTORIES.into_iter().map(|name| format!("/{name}/")).find(|path| {
        line.match_indices(path.as_str()).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|letter| {
                letter.is_alphanumeric() || ['_', '.', '-', '*', '}', ')'].contains(&letter)
            })
        })
    })
}

fn machine_paths(file: &SourceFile) -> Vec<Violation> {
    lines(file)
        .filter_map(|(line, text)| machine_path_in(text).map(|path| (line, path)))
        .map(|(line, path)| {
            let remedy = format!("`{path}` is a place on one machine: use a path relative to the repository");
            Violation::new(file, line, "machine path", remedy)
        })
        .collect()
}

fn registries(file: &SourceFile) -> Vec<Violation> {
    lines(file)
        .filter(|(_, text)| {
            REGISTRY_SETTINGS.iter().any(|(left, right)| text.contains(&format!("{left}{right}")))
        })
        .map(|(line, _)| {
            let remedy = "a build takes its registry from the machine it runs on: take this setting out";
            Violation::new(file, line, "registry", remedy)
        })
        .collect()
}

fn resolved_addresses(file: &SourceFile) -> Vec<Violation> {
    if !["package-lock.json", "npm-shrinkwrap.json"].contains(&file.file_name()) {
        return Vec::new();
    }
    lines(file)
        .filter(|(_, text)| text.trim_start().starts_with("\"resolved\""))
        .take(1)
        .map(|(line, _)| {
            let remedy = "write the lock file again with `npm install --omit-lockfile-registry-resolved`";
            Violation::new(file, line, "resolved address", remedy)
        })
        .collect()
}

fn cargo_sources(file: &SourceFile) -> Vec<Violation> {
    if file.file_name() != "Cargo.lock" {
        return Vec::new();
    }
    let index = "\"registry+https://github.com/rust-lang/crates.io-index\"";
    lines(file)
        .filter(|(_, text)| text.starts_with("source = ") && !text.ends_with(index))
        .map(|(line, _)| {
            let remedy = "every dependency comes from crates.io: publish this one or do without it";
            Violation::new(file, line, "crate source", remedy)
        })
        .collect()
}

#[test]
fn no_path_of_a_machine() {
    hold(machine_paths);
}

#[test]
fn a_path_of_a_machine_is_found() {
    let check = |text: &str| machine_paths(&SourceFile::example("README.md", text)).len();
    assert_eq!(check(&format!("cd /{}/someone/x", "home")), 1);
    assert_eq!(check(&format!("let a = \"/{}/x\";", "tmp")), 1);
    assert_eq!(check(&format!("https://example.com/{}/x", "home")), 0);
    assert_eq!(check("mountPath: /tmp"), 0);
}

#[test]
fn no_registry_of_a_machine() {
    hold(registries);
}

#[test]
fn a_registry_setting_is_found() {
    for (left, right) in REGISTRY_SETTINGS {
        let file = SourceFile::example(".npmrc", &format!("{left}{right}"));
        assert_eq!(registries(&file).len(), 1, "{left}{right}");
    }
    assert_eq!(registries(&SourceFile::example("Makefile", "npm ci")).len(), 0);
}

#[test]
fn lock_files_name_no_address() {
    hold(resolved_addresses);
}

#[test]
fn a_resolved_address_is_found() {
    let text = "{\n  \"resolved\": \"https://registry.example/preact.tgz\",\n}";
    assert_eq!(resolved_addresses(&SourceFile::example("collector/ui/package-lock.json", text)).len(), 1);
    assert_eq!(resolved_addresses(&SourceFile::example("collector/ui/package.json", text)).len(), 0);
}

#[test]
fn crates_come_from_one_place() {
    hold(cargo_sources);
}

#[test]
fn a_crate_from_elsewhere_is_found() {
    let index = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    assert_eq!(cargo_sources(&SourceFile::example("Cargo.lock", index)).len(), 0);
    assert_eq!(
        cargo_sources(&SourceFile::example("Cargo.lock", "source = \"git+https://example.com/x\"\n")).len(),
        1
    );
}
