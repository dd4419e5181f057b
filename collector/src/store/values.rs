//! Which names and values occur: what a form offers to choose from.

use std::collections::BTreeSet;

use throughline_model::span::Span;

use super::{Field, Found, Scope};

/// Longer values are not offered.
const MAX_VALUE_BYTES: usize = 1_024;

/// What is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValuesOf {
    /// The values of a field, written as text; those without a short form are left out.
    Field(Field),
    /// The names of attributes.
    Keys(Scope),
}

impl ValuesOf {
    /// Offers what one span has of it.
    pub(super) fn offer(&self, span: &Span, values: &mut Values) {
        let own = || span.attributes.iter();
        let of_resource = || span.resource.attributes.iter();
        match self {
            Self::Field(field) => values.insert_some(field.of(span).and_then(|value| value.to_text())),
            Self::Keys(Scope::Span) => own().for_each(|attribute| values.insert(&attribute.key)),
            Self::Keys(Scope::Resource) => of_resource().for_each(|attribute| values.insert(&attribute.key)),
            Self::Keys(Scope::Any) => {
                own().chain(of_resource()).for_each(|attribute| values.insert(&attribute.key));
            }
        }
    }
}

/// Values that were found, each once.
#[derive(Debug)]
pub(super) struct Values {
    found: BTreeSet<String>,
    limit: usize,
    /// More were there than are listed.
    pub(super) is_cut: bool,
}

impl Values {
    pub(super) fn new(limit: usize) -> Self {
        Self { found: BTreeSet::new(), limit, is_cut: false }
    }

    pub(super) fn insert(&mut self, value: &str) {
        if self.found.contains(value) || value.len() > MAX_VALUE_BYTES {
            return;
        }
        if self.found.len() < self.limit {
            self.found.insert(value.to_owned());
        } else {
            self.is_cut = true;
        }
    }

    pub(super) fn insert_some(&mut self, value: Option<String>) {
        if let Some(value) = value {
            self.insert(&value);
        }
    }

    /// Whether nothing that comes could change the answer.
    pub(super) fn is_full(&self) -> bool {
        self.is_cut
    }

    pub(super) fn into_found(self) -> Found<String> {
        Found { is_complete: !self.is_cut, items: self.found.into_iter().collect() }
    }
}
