//! Rates for some requests: what a rule asks for, and whether a request fits it.

use crate::headers::{Headers, Known};
use crate::settings::{Key, Kind, Reader};

const TEXT: Kind = Kind::Text { least: 0, most: 256 };
const SERVICE: Key = Key::new("service", TEXT, "\"\"", "the service the proxy stands for");
const ROUTE: Key = Key::new("route", TEXT, "\"\"", "the name of the proxy's route");
const PATH_PREFIX: Key = Key::new("path_prefix", TEXT, "\"\"", "what the path begins with");
const METHOD: Key = Key::new("method", TEXT, "\"\"", "the request method");
const HEADER: Key = Key::new("header", TEXT, "\"\"", "a header that is there");
const HEADER_EQUALS: Key = Key::new("header_equals", TEXT, "\"\"", "the value of that header");
const RATE: Key = Key::new("rate", Kind::Fraction, "1", "share of these traces to be recorded");

/// The keys of one rule.
pub(super) const RULE_KEYS: &[Key] = &[SERVICE, ROUTE, PATH_PREFIX, METHOD, HEADER, HEADER_EQUALS, RATE];

/// A rate for some requests; what is empty fits every request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// `service`.
    pub service: String,
    /// `route`.
    pub route: String,
    /// `path_prefix`.
    pub path_prefix: String,
    /// `method`.
    pub method: String,
    /// `header`, in lower case.
    pub header: String,
    /// `header_equals`.
    pub header_equals: String,
    /// `rate`.
    pub rate: f64,
}

impl Rule {
    /// Reads the rules. One with a fault is left out: with a part of what was written in it, it would fit more
    /// requests than were meant.
    pub(super) fn read_all(reader: &mut Reader, key: &Key) -> Vec<Self> {
        let mut faults = reader.fault_count();
        let rules = reader.objects(key, |inner| {
            let rule = Self::read(inner);
            let is_faulty = inner.fault_count() > faults;
            faults = inner.fault_count();
            (!is_faulty && !rule.fits_everything()).then_some(rule)
        });
        rules.into_iter().flatten().collect()
    }

    fn read(reader: &mut Reader) -> Self {
        Self {
            service: reader.text(&SERVICE),
            route: reader.text(&ROUTE),
            path_prefix: reader.text(&PATH_PREFIX),
            method: reader.text(&METHOD),
            header: reader.text(&HEADER).to_ascii_lowercase(),
            header_equals: reader.text(&HEADER_EQUALS),
            rate: reader.fraction(&RATE),
        }
    }

    fn fits_everything(&self) -> bool {
        [&self.service, &self.route, &self.path_prefix, &self.method, &self.header]
            .iter()
            .all(|text| text.is_empty())
    }

    /// Whether proxies of this service have to look at the rule.
    pub(super) fn is_for(&self, service: &str) -> bool {
        self.service.is_empty() || self.service == service
    }

    /// Whether it asks for the name of the route.
    pub(super) fn asks_for_route(&self) -> bool {
        !self.route.is_empty()
    }

    /// Whether a request of this proxy's service fits.
    pub(super) fn fits(&self, headers: &Headers, route: &[u8]) -> bool {
        let begins = || headers.get(Known::Path).unwrap_or_default().starts_with(self.path_prefix.as_bytes());
        let is_method = || headers.get(Known::Method) == Some(self.method.as_bytes());
        let has_header = || headers.all(&self.header).any(|value| self.is_header_value(value));
        (self.path_prefix.is_empty() || begins())
            && (self.method.is_empty() || is_method())
            && (self.route.is_empty() || self.route.as_bytes() == route)
            && (self.header.is_empty() || has_header())
    }

    fn is_header_value(&self, value: &[u8]) -> bool {
        self.header_equals.is_empty() || self.header_equals.as_bytes() == value
    }
}
