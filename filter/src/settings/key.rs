//! One key: its place, what it takes, its default, and what it means.

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number within bounds, both included.
    Number {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A number from 0 to 1.
    Fraction,
    /// A text of so many bytes.
    Text {
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A text that no log and no fault ever shows.
    Secret {
        /// The most bytes.
        most: usize,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of some of these words, in the operator's order.
    Choices(&'static [&'static str]),
    /// A list of header names.
    HeaderNames {
        /// The most names.
        most: usize,
    },
    /// A list of objects with keys of their own; the paths of those are relative to the object.
    Objects {
        /// The most objects.
        most: usize,
        /// The keys of each.
        keys: &'static [Key],
    },
}

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its place, such as `batch.max_spans`.
    pub path: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Its default as JSON.
    pub default: &'static str,
    /// What it means, in half a sentence. Documents are made natively; in every proxy the sentences would only
    /// take room.
    #[cfg(not(target_arch = "wasm32"))]
    pub meaning: &'static str,
}

impl Key {
    /// A key of the table. `default` is JSON of the kind.
    pub const fn new(path: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Self {
        #[cfg(target_arch = "wasm32")]
        let _ = meaning;
        Self {
            path,
            kind,
            default,
            #[cfg(not(target_arch = "wasm32"))]
            meaning,
        }
    }

    /// What the key takes, in words: `should be ...`.
    pub fn right(&self) -> String {
        match self.kind {
            Kind::Switch => "true or false".to_owned(),
            Kind::Number { least, most } => format!("a whole number from {least} to {most}"),
            Kind::Fraction => "a number from 0 to 1".to_owned(),
            Kind::Text { least, most } => format!("a text of {least} to {most} bytes"),
            Kind::Secret { most } => format!("a text of at most {most} printable characters"),
            Kind::Choice(words) => format!("one of {}", quoted(words)),
            Kind::Choices(words) => format!("a list of some of {}", quoted(words)),
            Kind::HeaderNames { most } => format!("a list of at most {most} header names"),
            Kind::Objects { most, .. } => format!("a list of at most {most} objects"),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
