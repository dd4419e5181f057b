//! Reads written JSON by the table of keys.

use super::faults::{Faults, nearest, shown};
use super::json::{Json, Object, member};
use super::{Key, Kind};

/// Gives the value of each key. A key that is absent or wrong has its default.
#[derive(Debug)]
pub struct Reader {
    /// Empty at the top, else where this object stands, with a final dot.
    prefix: String,
    object: Object,
    faults: Faults,
}

impl Reader {
    /// Reads what the operator wrote, and looks for keys that are not in the table. Nothing at all is fine too.
    pub fn open<'k>(written: &[u8], keys: impl Iterator<Item = &'k Key> + Clone) -> Self {
        let mut faults = Faults::default();
        let parsed = if written.trim_ascii().is_empty() {
            Ok(Json::Object(Object::new()))
        } else {
            Json::parse(written)
        };
        let object = match parsed {
            Ok(Json::Object(object)) => object,
            Ok(_) => {
                let sentence = "the configuration is not a JSON object such as {\"path_log\": \"off\"}";
                faults.add(sentence.to_owned());
                Object::new()
            }
            Err(error) => {
                faults.add(format!("the configuration is not JSON: {error}"));
                Object::new()
            }
        };
        Self::over(String::new(), object, keys, faults)
    }

    fn over<'k>(
        prefix: String,
        object: Object,
        keys: impl Iterator<Item = &'k Key> + Clone,
        mut faults: Faults,
    ) -> Self {
        check_keys(&prefix, "", &object, &keys.map(|key| key.path), &mut faults);
        Self { prefix, object, faults }
    }

    /// One sentence for each fault.
    pub fn into_faults(self) -> Vec<String> {
        self.faults.into_sentences()
    }

    /// How many faults were found so far.
    pub fn fault_count(&self) -> usize {
        self.faults.found()
    }

    /// The value of a switch.
    pub fn switch(&mut self, key: &Key) -> bool {
        self.read(key, |value| value.as_bool()).unwrap_or_default()
    }

    /// The value of a number.
    pub fn number(&mut self, key: &Key) -> u64 {
        let Kind::Number { least, most } = key.kind else { return 0 };
        self.read(key, |value| value.as_whole().filter(|number| (least..=most).contains(number)))
            .unwrap_or_default()
    }

    /// The value of a number that is a size or a count here.
    pub fn size(&mut self, key: &Key) -> usize {
        usize::try_from(self.number(key)).unwrap_or(usize::MAX)
    }

    /// The value of a fraction.
    pub fn fraction(&mut self, key: &Key) -> f64 {
        self.read(key, |value| value.as_fraction()).unwrap_or_default()
    }

    /// The value of a text or a secret.
    pub fn text(&mut self, key: &Key) -> String {
        let is_right = |text: &&str| match key.kind {
            Kind::Text { least, most } => (least..=most).contains(&text.len()),
            // It goes into a header.
            Kind::Secret { most } => {
                text.len() <= most && text.bytes().all(|byte| matches!(byte, 0x21..=0x7e))
            }
            _ => false,
        };
        self.read(key, |value| value.as_text().filter(is_right).map(str::to_owned)).unwrap_or_default()
    }

    /// The word chosen.
    pub fn choice(&mut self, key: &Key) -> &'static str {
        let Kind::Choice(words) = key.kind else { return "" };
        self.read(key, |value| word_of(words, value)).unwrap_or_default()
    }

    /// The words chosen, each once, in the order written.
    pub fn choices(&mut self, key: &Key) -> Vec<&'static str> {
        let Kind::Choices(words) = key.kind else { return Vec::new() };
        let chosen = self.read(key, |value| {
            value.as_list()?.iter().map(|item| word_of(words, item)).collect::<Option<Vec<_>>>()
        });
        let mut once = Vec::new();
        for word in chosen.unwrap_or_default() {
            if !once.contains(&word) {
                once.push(word);
            }
        }
        once
    }

    /// Header names; upper case is folded, since header names have no case.
    pub fn header_names(&mut self, key: &Key) -> Vec<String> {
        let Kind::HeaderNames { most } = key.kind else { return Vec::new() };
        self.read(key, |value| {
            let list = value.as_list().filter(|list| list.len() <= most)?;
            list.iter()
                .map(|name| name.as_text().filter(|name| is_header_name(name)).map(str::to_ascii_lowercase))
                .collect()
        })
        .unwrap_or_default()
    }

    /// Objects, each read by `read_one` from a reader of its own. An object with a fault has defaults for what is
    /// wrong in it.
    pub fn objects<T>(&mut self, key: &Key, mut read_one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let Kind::Objects { most, keys } = key.kind else { return Vec::new() };
        let list = self.read(key, |value| {
            let list = value.as_list().filter(|list| list.len() <= most)?;
            list.iter().map(|item| item.as_object().cloned()).collect::<Option<Vec<_>>>()
        });
        let mut results = Vec::new();
        for (index, object) in list.unwrap_or_default().into_iter().enumerate() {
            let prefix = format!("{}{}[{index}].", self.prefix, key.path);
            let mut inner = Self::over(prefix, object, keys.iter(), std::mem::take(&mut self.faults));
            results.push(read_one(&mut inner));
            self.faults = inner.faults;
        }
        results
    }

    /// Whether the operator wrote this key at all.
    pub fn is_written(&self, key: &Key) -> bool {
        find(&self.object, key.path).is_some()
    }

    /// The written value if it is right, else the default of the table.
    fn read<T>(&mut self, key: &Key, take: impl Fn(&Json) -> Option<T>) -> Option<T> {
        if let Some(value) = find(&self.object, key.path) {
            let taken = take(value);
            if taken.is_some() {
                return taken;
            }
            let is = match key.kind {
                Kind::Secret { .. } => "not shown here".to_owned(),
                _ => shown(&value.to_string()),
            };
            self.faults.add(format!("`{}{}` is {is}, should be {}", self.prefix, key.path, key.right()));
        }
        // Each default is right by the test of the table.
        Json::parse(key.default.as_bytes()).ok().as_ref().and_then(take)
    }
}

fn find<'a>(object: &'a Object, path: &str) -> Option<&'a Json> {
    match path.split_once('.') {
        None => member(object, path),
        Some((first, rest)) => find(member(object, first)?.as_object()?, rest),
    }
}

fn word_of(words: &'static [&'static str], value: &Json) -> Option<&'static str> {
    words.iter().find(|word| value.as_text() == Some(word)).copied()
}

/// Walks over what was written: every name must be a key of the table or a part of one. `shown_prefix` is where the
/// object stands for the reader of a fault, `prefix` where it stands in the table.
fn check_keys<'k>(
    shown_prefix: &str,
    prefix: &str,
    object: &Object,
    paths: &(impl Iterator<Item = &'k str> + Clone),
    faults: &mut Faults,
) {
    for (name, value) in object {
        let path = format!("{prefix}{name}");
        let inside = format!("{path}.");
        // A dot in a written name would look like a path and is none.
        let is_plain = !name.contains('.');
        if is_plain && paths.clone().any(|candidate| candidate == path) {
            continue;
        }
        if !is_plain || !paths.clone().any(|candidate| candidate.starts_with(&inside)) {
            let siblings = paths.clone().filter_map(|candidate| candidate.strip_prefix(prefix));
            let near = nearest(name, siblings.map(|rest| rest.split('.').next().unwrap_or(rest)));
            let at = format!("{shown_prefix}{prefix}");
            faults.add(format!("unknown key `{at}{}`: did you mean `{at}{near}`?", shown(name)));
            continue;
        }
        match value {
            Json::Object(inner) => check_keys(shown_prefix, &inside, inner, paths, faults),
            other => {
                let is = shown(&other.to_string());
                faults.add(format!("`{shown_prefix}{path}` is {is}, should be an object"));
            }
        }
    }
}

fn is_header_name(name: &str) -> bool {
    let is_token =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    is_token && (1..=64).contains(&name.len())
}
