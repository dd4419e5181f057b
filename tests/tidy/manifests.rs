//! Kubernetes manifests: they start the collector with flags it has, on ports that its Service and probes name.

use crate::tree::{SourceFile, Violation, assert_none, repository};

const SERVE_OPTIONS: &str = "collector/src/config.rs";

fn is_manifest(file: &SourceFile) -> bool {
    file.path.starts_with("k8s/") && file.extension() == "yaml"
}

/// The items `- --flag=value` of a list of arguments.
fn flags(file: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    file.text.lines().enumerate().filter_map(|(index, line)| {
        let flag = line.trim().strip_prefix("- --")?.split(['=', ' ']).next()?;
        Some((index + 1, flag))
    })
}

/// Flags are the public fields of the options that `serve` takes.
fn unknown_flags(file: &SourceFile, options: &str) -> Vec<Violation> {
    flags(file)
        .filter(|(_, flag)| !options.contains(&format!("    pub {}: ", flag.replace('-', "_"))))
        .map(|(line, flag)| {
            let remedy =
                format!("the collector has no flag `--{flag}`: `throughline serve --help` lists them");
            Violation::new(file, line, "manifest flag", remedy)
        })
        .collect()
}

/// Values of `key: value` lines, list items included.
fn values<'a>(file: &'a SourceFile, key: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    file.text.lines().enumerate().filter_map(move |(index, line)| {
        let (name, value) = line.trim().trim_start_matches("- ").split_once(": ")?;
        (name == key).then_some((index + 1, value))
    })
}

/// Ports are named where a container has them, and used by that name.
fn unknown_ports(files: &[&SourceFile]) -> Vec<Violation> {
    let containers: Vec<&&SourceFile> =
        files.iter().filter(|file| file.text.contains("containerPort: ")).collect();
    let names: Vec<&str> =
        containers.iter().flat_map(|file| values(file, "name")).map(|(_, name)| name).collect();
    let used = files.iter().flat_map(|file| {
        let probes = values(file, "port").filter(|(_, value)| value.parse::<u16>().is_err());
        values(file, "targetPort").chain(probes).map(move |(line, name)| (file, line, name))
    });
    used.filter(|(_, _, name)| !names.contains(name))
        .map(|(file, line, name)| {
            let remedy = format!("no container names a port `{name}`: use one of its names");
            Violation::new(file, line, "manifest port", remedy)
        })
        .collect()
}

#[test]
fn manifests_use_flags_that_exist() {
    let options = repository().iter().find(|file| file.path == SERVE_OPTIONS).expect("serve has options");
    let manifests: Vec<&SourceFile> = repository().iter().filter(|file| is_manifest(file)).collect();
    let count: usize = manifests.iter().map(|file| flags(file).count()).sum();
    assert!(
        count > 0,
        "no manifest starts the collector with flags: is the list still written as it is read here?"
    );
    assert_none(manifests.iter().flat_map(|file| unknown_flags(file, &options.text)).collect());
}

#[test]
fn a_flag_that_does_not_exist_is_found() {
    let options = "pub struct ServeOptions {\n    pub data_dir: Option<String>,\n}";
    let check = |text: &str| unknown_flags(&SourceFile::example("k8s/base/x.yaml", text), options).len();
    assert_eq!(check("args:\n  - serve\n  - --data-dir=/data\n"), 0);
    assert_eq!(check("args:\n  - --data-directory=/data\n"), 1);
}

#[test]
fn manifests_use_ports_that_exist() {
    let manifests: Vec<&SourceFile> = repository().iter().filter(|file| is_manifest(file)).collect();
    assert_none(unknown_ports(&manifests));
}

#[test]
fn a_port_that_does_not_exist_is_found() {
    let pod =
        SourceFile::example("k8s/base/pod.yaml", "ports:\n  - name: http-api\n    containerPort: 16686\n");
    let right = SourceFile::example("k8s/base/a.yaml", "ports:\n  - port: 80\n    targetPort: http-api\n");
    let wrong = SourceFile::example("k8s/base/b.yaml", "httpGet:\n  port: http-app\n");
    assert_eq!(unknown_ports(&[&pod, &right]).len(), 0);
    assert_eq!(unknown_ports(&[&pod, &wrong]).len(), 1);
}
