//! Reads rules from YAML, strictly: every fault at once, each with its line, what is wrong and what would be right.

use std::time::Duration;

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};
use strsim::levenshtein;

use super::receiver::{Receiver, ReceiverKind, Template};
use super::{Kind, Rule, Rules, built_in, default_keep_firing_s};
use crate::alert::error_rate::Severity;

const TOP: [&str; 4] = ["rules", "receivers", "external_url", "built_in"];
const RULE: [&str; 16] = [
    "name",
    "kind",
    "enabled",
    "services",
    "severity",
    "for",
    "keep_firing_for",
    "false_alarms_per_week",
    "min_errors",
    "min_ratio",
    "min_rise",
    "quiet_minutes",
    "limit",
    "traces",
    "min_missing_calls",
    "objective",
];
const RECEIVER: [&str; 8] = ["name", "kind", "url", "secret", "template", "routing_key", "from", "to"];
const MAX_TEXT_BYTES: usize = 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Reads the text of a file.
pub fn parse(text: &str) -> Result<Rules, Vec<String>> {
    let mut reader = Reader { faults: Vec::new() };
    let rules = reader.read(text);
    if reader.faults.is_empty() { Ok(rules) } else { Err(reader.faults) }
}

/// A value with its key.
struct Entry<'a> {
    key: &'static str,
    value: &'a MarkedYaml<'a>,
}

struct Reader {
    faults: Vec<String>,
}

impl Reader {
    fn fault(&mut self, node: &MarkedYaml<'_>, wrong: &str) {
        self.faults.push(format!("line {}: {wrong}", node.span.start.line()));
    }

    fn read(&mut self, text: &str) -> Rules {
        let mut rules = Rules::default();
        if text.len() > MAX_TEXT_BYTES {
            self.faults.push(format!("the file has more than {MAX_TEXT_BYTES} bytes: divide the rules"));
            return rules;
        }
        let documents = match MarkedYaml::load_from_str(text) {
            Ok(documents) => documents,
            Err(error) => {
                self.faults.push(format!("the file is not YAML: {error}"));
                return rules;
            }
        };
        if documents.len() > 1 {
            self.faults.push("the file holds several documents separated by `---`: write one".to_owned());
        }
        let Some(document) = documents.first() else { return rules };
        let (mut own, mut named) = (Vec::new(), Vec::new());
        let mut with_built_in = true;
        for Entry { key, value } in self.entries(document, "the file", &TOP) {
            match key {
                "rules" => {
                    for node in self.list(value, key) {
                        let rule = self.rule(node);
                        named.extend(rule.as_ref().map(|rule| ("rule", rule.name.clone(), node)));
                        own.extend(rule);
                    }
                }
                "receivers" => {
                    for node in self.list(value, key) {
                        let receiver = self.receiver(node);
                        named.extend(receiver.as_ref().map(|it| ("receiver", it.name.clone(), node)));
                        rules.receivers.extend(receiver);
                    }
                }
                "external_url" => rules.external_url = self.url(value, &["http", "https"]),
                _ => with_built_in = self.truth(value, key),
            }
        }
        self.refuse_second_names(&named);
        own.extend(if with_built_in { built_in() } else { Vec::new() });
        rules.rules = own;
        rules
    }

    /// Each is told where it stands, by what it is and by its name.
    fn refuse_second_names(&mut self, named: &[(&str, String, &MarkedYaml<'_>)]) {
        for (place, (thing, name, node)) in named.iter().enumerate() {
            let first = named.iter().take(place).find(|before| (before.0, &before.1) == (*thing, name));
            if let Some((_, _, first)) = first {
                let line = first.span.start.line();
                self.fault(
                    node,
                    &format!(
                        "two {thing}s are named `{name}`, the other one on line {line}: give this one a `name` of its own \
                         (without one it is called by its kind)"
                    ),
                );
            }
        }
    }

    /// The entries of a mapping whose keys are all known.
    fn entries<'a>(
        &mut self,
        node: &'a MarkedYaml<'a>,
        place: &str,
        known: &[&'static str],
    ) -> Vec<Entry<'a>> {
        let mapping = match &node.data {
            YamlData::Mapping(mapping) => mapping,
            YamlData::Value(Scalar::Null) => return Vec::new(),
            _ => {
                self.fault(node, &format!("{place} holds no keys: write such as `{}:`", known.join(":`, `")));
                return Vec::new();
            }
        };
        let mut entries = Vec::new();
        for (name, value) in mapping {
            let key = text_of(name).unwrap_or_default();
            match known.iter().find(|known| **known == key) {
                Some(key) => entries.push(Entry { key, value }),
                None => {
                    let nearest = known.iter().min_by_key(|known| levenshtein(known, &key));
                    let nearest = nearest.copied().unwrap_or_default();
                    self.fault(
                        name,
                        &format!(
                            "`{key}` is not a known key of {place}; did you mean `{nearest}`? Known are {}",
                            known.join(", ")
                        ),
                    );
                }
            }
        }
        entries
    }

    fn list<'a>(&mut self, node: &'a MarkedYaml<'a>, key: &str) -> Vec<&'a MarkedYaml<'a>> {
        match &node.data {
            YamlData::Sequence(items) => items.iter().collect(),
            YamlData::Value(Scalar::Null) => Vec::new(),
            _ => {
                self.fault(node, &format!("`{key}` is no list: begin each item with `- `"));
                Vec::new()
            }
        }
    }

    fn rule(&mut self, node: &MarkedYaml<'_>) -> Option<Rule> {
        let entries = self.entries(node, "a rule", &RULE);
        let find = |key| entries.iter().find(|entry| entry.key == key).map(|entry| entry.value);
        let Some(word) = find("kind") else {
            self.fault(node, &format!("a rule needs `kind`: write one of {}", Kind::NAMES.join(", ")));
            return None;
        };
        let name_of_kind = text_of(word).unwrap_or_default();
        let Some(kind) = Kind::by_name(&name_of_kind) else {
            let nearest = Kind::NAMES.into_iter().min_by_key(|name| levenshtein(name, &name_of_kind));
            let nearest = nearest.unwrap_or_default();
            self.fault(
                word,
                &format!(
                    "`{name_of_kind}` is not a kind of rule; did you mean `{nearest}`? Kinds are {}",
                    Kind::NAMES.join(", ")
                ),
            );
            return None;
        };
        let mut rule = Rule {
            name: name_of_kind.replace('_', "-") + "-own",
            kind,
            is_enabled: true,
            services: Vec::new(),
            severity: None,
            for_s: 0,
            keep_firing_for_s: default_keep_firing_s(&kind),
        };
        for Entry { key, value } in entries {
            match key {
                "name" => rule.name = self.text(value, key),
                "kind" => {}
                "enabled" => rule.is_enabled = self.truth(value, key),
                "services" => {
                    rule.services =
                        self.list(value, key).into_iter().map(|node| self.text(node, key)).collect();
                }
                "severity" => rule.severity = self.severity(value),
                "for" => rule.for_s = self.seconds(value, key),
                "keep_firing_for" => rule.keep_firing_for_s = self.seconds(value, key),
                _ => self.threshold(&mut rule.kind, key, value),
            }
        }
        Some(rule)
    }

    /// Thresholds belong to kinds: one of another kind would do nothing, and is a fault.
    fn threshold(&mut self, kind: &mut Kind, key: &'static str, value: &MarkedYaml<'_>) {
        let name = kind.name();
        if let (Kind::ErrorRate(settings) | Kind::Latency(settings), "quiet_minutes") = (&mut *kind, key) {
            settings.quiet_minutes = self.number(value, key, 1.0, 60.0) as u32;
            return;
        }
        let (target, least, most) = match (kind, key) {
            (Kind::ErrorRate(settings) | Kind::Latency(settings), _) => match key {
                "false_alarms_per_week" => (&mut settings.false_alarms_per_week, 1e-9, 1000.0),
                "min_errors" => (&mut settings.min_errors, 1.0, 1e9),
                "min_ratio" => (&mut settings.min_ratio, 1.0, 1000.0),
                "min_rise" => (&mut settings.min_rise, 0.0, 1.0),
                _ => {
                    return self.fault(
                        value,
                        &format!("`{key}` means nothing to a rule of kind {name}: leave it out"),
                    );
                }
            },
            (Kind::Shape(_, limit), "limit" | "traces") => {
                let number = self.number(value, key, 1.0, 100_000.0) as usize;
                *(if key == "limit" { &mut limit.limit } else { &mut limit.traces }) = number.max(1);
                return;
            }
            (Kind::SilentEdge { min_missing_calls }, "min_missing_calls") => (min_missing_calls, 1.0, 1e9),
            (Kind::BurnRate { objective }, "objective") => (objective, 0.5, 0.999_999),
            _ => {
                return self
                    .fault(value, &format!("`{key}` means nothing to a rule of kind {name}: leave it out"));
            }
        };
        *target = self.number(value, key, least, most);
    }

    fn receiver(&mut self, node: &MarkedYaml<'_>) -> Option<Receiver> {
        let entries = self.entries(node, "a receiver", &RECEIVER);
        let mut values = Values::default();
        for Entry { key, value } in entries {
            match key {
                "to" => {
                    values.to = self.list(value, key).into_iter().map(|node| self.text(node, key)).collect();
                }
                "template" => match Template::parse(&self.text(value, key)) {
                    Ok(template) => values.template = Some(template),
                    Err(wrong) => self.fault(value, &format!("template: {wrong}")),
                },
                "url" => values.url = self.url(value, &["http", "https", "smtp"]),
                _ => values.texts.push((key, self.text(value, key))),
            }
        }
        match values.into_receiver() {
            Ok(receiver) => Some(receiver),
            Err(wrong) => {
                self.fault(node, &wrong);
                None
            }
        }
    }

    fn text(&mut self, node: &MarkedYaml<'_>, key: &str) -> String {
        let text = text_of(node).filter(|text| !text.is_empty() && text.len() <= 16_384);
        text.unwrap_or_else(|| {
            self.fault(node, &format!("`{key}` has to be a text that is not empty"));
            String::new()
        })
    }

    fn url(&mut self, node: &MarkedYaml<'_>, schemes: &[&str]) -> String {
        let url = self.text(node, "url");
        let is_good = url.split_once("://").is_some_and(|(scheme, rest)| {
            let wrong = |letter: char| letter.is_whitespace() || letter.is_control();
            schemes.contains(&scheme) && !rest.is_empty() && !rest.contains(wrong)
        });
        if !is_good && !url.is_empty() {
            self.fault(
                node,
                &format!("`{url}` is not usable: write {}://HOST...", schemes.join("://HOST... or ")),
            );
        }
        url.trim_end_matches('/').to_owned()
    }

    fn truth(&mut self, node: &MarkedYaml<'_>, key: &str) -> bool {
        match &node.data {
            YamlData::Value(Scalar::Boolean(truth)) => *truth,
            _ => {
                self.fault(node, &format!("`{key}` is true or false"));
                true
            }
        }
    }

    fn severity(&mut self, node: &MarkedYaml<'_>) -> Option<Severity> {
        let severities = [Severity::Info, Severity::Warning, Severity::Critical];
        let text = text_of(node).unwrap_or_default();
        let severity = severities.into_iter().find(|severity| severity.as_str() == text);
        if severity.is_none() {
            self.fault(node, &format!("severity `{text}` is not known: write info, warning or critical"));
        }
        severity
    }

    fn seconds(&mut self, node: &MarkedYaml<'_>, key: &str) -> u64 {
        let text = text_of(node).unwrap_or_default();
        match parse_duration(&text).filter(|duration| *duration <= LONGEST) {
            Some(duration) => duration.as_secs(),
            None => {
                self.fault(
                    node,
                    &format!("{key} `{text}` is not usable: write up to 7d, such as 30s, 5m or 1h"),
                );
                0
            }
        }
    }

    fn number(&mut self, node: &MarkedYaml<'_>, key: &str, least: f64, most: f64) -> f64 {
        let number = text_of(node).and_then(|text| text.parse::<f64>().ok());
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => number,
            None => {
                self.fault(node, &format!("`{key}` has to be a number from {least} to {most}"));
                least
            }
        }
    }
}

#[derive(Default)]
struct Values {
    texts: Vec<(&'static str, String)>,
    url: String,
    to: Vec<String>,
    template: Option<Template>,
}

impl Values {
    fn take(&mut self, key: &str) -> Option<String> {
        let place = self.texts.iter().position(|(name, _)| *name == key)?;
        Some(self.texts.swap_remove(place).1)
    }

    fn into_receiver(mut self) -> Result<Receiver, String> {
        const KINDS: &str = "alertmanager, webhook, slack, pagerduty or smtp";
        let word = self.take("kind").ok_or_else(|| format!("a receiver needs `kind`: {KINDS}"))?;
        let name = self.take("name").unwrap_or_else(|| word.clone());
        let kind = match word.as_str() {
            "alertmanager" => ReceiverKind::Alertmanager,
            "webhook" => {
                ReceiverKind::Webhook { secret: self.take("secret"), template: self.template.take() }
            }
            "slack" => ReceiverKind::Slack,
            "pagerduty" => {
                if self.url.is_empty() {
                    "https://events.pagerduty.com/v2/enqueue".clone_into(&mut self.url);
                }
                let key =
                    self.take("routing_key").ok_or("a receiver of kind pagerduty needs `routing_key`")?;
                ReceiverKind::PagerDuty { routing_key: key }
            }
            "smtp" => {
                let from = self.take("from").ok_or("a receiver of kind smtp needs `from`")?;
                if self.to.is_empty() {
                    return Err("a receiver of kind smtp needs `to`, a list of addresses".to_owned());
                }
                let is_wrong =
                    |letter: char| letter.is_whitespace() || letter.is_control() || "<>".contains(letter);
                let is_address = |text: &String| text.contains('@') && !text.contains(is_wrong);
                if !self.to.iter().chain([&from]).all(is_address) {
                    return Err("`from` and `to` hold addresses such as sre@example.com".to_owned());
                }
                ReceiverKind::Smtp { from, to: std::mem::take(&mut self.to) }
            }
            other => return Err(format!("`{other}` is not a kind of receiver: write {KINDS}")),
        };
        if let Some((key, _)) = self.texts.first() {
            return Err(format!("`{key}` means nothing to a receiver of kind {word}: leave it out"));
        }
        if self.template.is_some() || !self.to.is_empty() {
            return Err(format!(
                "`template` and `to` mean nothing to a receiver of kind {word}: leave them out"
            ));
        }
        let is_mail = matches!(kind, ReceiverKind::Smtp { .. });
        if self.url.is_empty() || is_mail != self.url.starts_with("smtp://") {
            let right = if is_mail { "smtp://HOST:PORT" } else { "http://... or https://..." };
            return Err(format!("a receiver of kind {word} needs `url`, such as {right}"));
        }
        Ok(Receiver { name, kind, url: self.url })
    }
}

fn text_of(node: &MarkedYaml<'_>) -> Option<String> {
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

/// `90s`, `5m`, `1h`, `7d`, and `0`.
fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (number, factor) = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    let seconds = number.parse::<u32>().ok()?;
    Some(Duration::from_secs(u64::from(seconds) * factor))
}
