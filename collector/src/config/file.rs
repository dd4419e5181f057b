//! Reads the configuration file: YAML to settings, with a fault for each key that is not known.

use std::fs;
use std::path::Path;

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};
use strsim::levenshtein;

use super::Fault;
use super::environment::{Environment, expand};
use super::written::{Key, Origin, Setting, Written};

/// Far more than any configuration needs; guards against a path to something else.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads a file; what is wrong with it goes to the faults.
pub(super) fn read(path: &Path, environment: &dyn Environment, faults: &mut Vec<Fault>) -> Written {
    match read_text(path) {
        Ok(text) => parse(&text, environment, faults),
        Err(reason) => {
            faults.push(Fault::new(format!("--config {}: {reason}", path.display())));
            Written::default()
        }
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("has {size} bytes; a configuration has at most {MAX_FILE_BYTES}"));
    }
    fs::read_to_string(path).map_err(|error| format!("cannot be read as text: {error}"))
}

/// Reads the text of a file; what is wrong with it goes to the faults.
pub(super) fn parse(text: &str, environment: &dyn Environment, faults: &mut Vec<Fault>) -> Written {
    let mut written = Written::default();
    match MarkedYaml::load_from_str(text) {
        Ok(documents) => match documents.as_slice() {
            [] => {}
            [document] => Walk { written: &mut written, environment, faults }.branch("", document),
            _ => faults.push(Fault::new("the file holds several documents separated by `---`; write one")),
        },
        Err(error) => faults.push(Fault::new(format!("the file is not YAML: {error}"))),
    }
    written
}

struct Walk<'a> {
    written: &'a mut Written,
    environment: &'a dyn Environment,
    faults: &'a mut Vec<Fault>,
}

impl Walk<'_> {
    /// A place where keys are expected. `path` is that of the place, empty at the top.
    fn branch(&mut self, path: &str, node: &MarkedYaml<'_>) {
        let entries = match &node.data {
            YamlData::Mapping(entries) => entries,
            // As in the OpenTelemetry Collector, a bare `grpc:` asks for the defaults.
            YamlData::Value(Scalar::Null) => return,
            _ => {
                let place = if path.is_empty() { "the file" } else { path };
                let right = format!("write keys under it, such as `{}`", nearest(path));
                self.fault(node, &format!("{place} holds a value"), &right);
                return;
            }
        };
        for (name, value) in entries {
            let name_text = scalar_text(name).unwrap_or_default();
            let full = if path.is_empty() { name_text } else { format!("{path}.{name_text}") };
            if let Some(key) = Key::ALL.into_iter().find(|key| key.path() == full) {
                self.leaf(key, value);
            } else if Key::ALL.iter().any(|key| is_below(key.path(), &full)) {
                self.branch(&full, value);
            } else {
                let right = format!("did you mean `{}`?", nearest(&full));
                self.fault(name, &format!("`{full}` is not a known key"), &right);
            }
        }
    }

    fn leaf(&mut self, key: Key, node: &MarkedYaml<'_>) {
        match scalar_text(node) {
            Some(text) => match expand(&text, self.environment) {
                Ok(text) => {
                    let origin = Origin::File { key, line: node.span.start.line() };
                    self.written.settings.push(Setting { key, text, origin });
                }
                Err(wrong) => {
                    let line = node.span.start.line();
                    self.faults.push(Fault::new(format!("{} (line {line}): {wrong}", key.path())));
                }
            },
            None if matches!(node.data, YamlData::Value(Scalar::Null)) => {}
            None => self.fault(node, &format!("{} holds several values", key.path()), "write one value"),
        }
    }

    fn fault(&mut self, node: &MarkedYaml<'_>, wrong: &str, right: &str) {
        let line = node.span.start.line();
        self.faults.push(Fault::new(format!("line {line}: {wrong}; {right}")));
    }
}

fn is_below(key: &str, path: &str) -> bool {
    key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
}

fn scalar_text(node: &MarkedYaml<'_>) -> Option<String> {
    match &node.data {
        YamlData::Value(Scalar::String(text)) | YamlData::Representation(text, _, _) => {
            Some(text.to_string())
        }
        YamlData::Value(Scalar::Integer(number)) => Some(number.to_string()),
        YamlData::Value(Scalar::FloatingPoint(number)) => Some(number.to_string()),
        YamlData::Value(Scalar::Boolean(truth)) => Some(truth.to_string()),
        _ => None,
    }
}

/// The known key, or the part of one, that is nearest to a path: a key written at the wrong place counts as near.
fn nearest(path: &str) -> &'static str {
    let candidates = Key::ALL.into_iter().flat_map(|key| {
        let path = key.path();
        let parts = path.match_indices('.').filter_map(|(end, _)| path.get(..end));
        parts.chain([path])
    });
    candidates.min_by_key(|candidate| misfit(path, candidate)).unwrap_or_default()
}

fn misfit(path: &str, candidate: &str) -> (usize, usize) {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let (candidate_parent, candidate_name) = candidate.rsplit_once('.').unwrap_or(("", candidate));
    let moved = usize::from(parent != candidate_parent);
    (levenshtein(name, candidate_name) + moved, levenshtein(path, candidate))
}
