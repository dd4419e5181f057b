//! Which requests are recorded: decided once, where a trace begins, and then followed by everybody; and which are
//! kept all the same, because they turned out to matter.

mod bucket;
mod rules;

use throughline_model::context::Threshold;

use crate::headers::Headers;
use crate::settings::{Key, Kind, Reader};

use bucket::Bucket;
use rules::{RULE_KEYS, Rule};

/// `sampling.rate`.
const RATE: Key = Key::new(
    "sampling.rate",
    Kind::Fraction,
    "1",
    "share of the traces that begin at this proxy to be recorded",
);
/// `sampling.rules`.
const RULES: Key = Key::new(
    "sampling.rules",
    Kind::Objects { most: 64, keys: RULE_KEYS },
    "[]",
    "other rates for some requests: the first rule counts of which everything written in it fits; a rule with a \
     fault, or with nothing to fit, is left out",
);
/// `sampling.max_per_second`.
const MAX_PER_SECOND: Key = Key::new(
    "sampling.max_per_second",
    Kind::Number { least: 0, most: 1_000_000 },
    "0",
    "traces recorded per second by each worker thread, on average; above it the rate goes down; 0 is no bound",
);
/// `sampling.keep_errors`.
const KEEP_ERRORS: Key = Key::new(
    "sampling.keep_errors",
    Kind::Switch,
    "true",
    "requests that failed are exported whatever was decided at their begin, with all that led to them",
);
/// `sampling.keep_slow_ms`.
const KEEP_SLOW_MS: Key = Key::new(
    "sampling.keep_slow_ms",
    Kind::Number { least: 0, most: 3_600_000 },
    "1000",
    "so are requests whose response headers took this long; 0 keeps none for being slow",
);
/// `stubs`.
const STUBS: Key = Key::new(
    "stubs",
    Kind::Switch,
    "false",
    "requests that are not exported leave a span of ids, times, kind and route",
);

/// The keys of this room.
pub const KEYS: &[Key] = &[RATE, RULES, MAX_PER_SECOND, KEEP_ERRORS, KEEP_SLOW_MS, STUBS];

/// Whether requests that are not exported leave a trace of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stubs {
    /// Nothing of them leaves the proxy.
    Off,
    /// Each leaves a span of the least that identifies it.
    On,
}

/// `sampling.*` and `stubs`.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingConfig {
    /// `sampling.rate`.
    pub rate: f64,
    /// `sampling.rules`.
    pub rules: Vec<Rule>,
    /// `sampling.max_per_second`; `None` is no bound.
    pub max_per_second: Option<u64>,
    /// `sampling.keep_errors`.
    pub keeps_errors: bool,
    /// `sampling.keep_slow_ms`; `None` keeps none for being slow.
    pub keep_slow_ms: Option<u64>,
    /// `stubs`.
    pub stubs: Stubs,
}

impl SamplingConfig {
    /// Reads the keys of this room.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            rate: reader.fraction(&RATE),
            rules: Rule::read_all(reader, &RULES),
            max_per_second: Some(reader.number(&MAX_PER_SECOND)).filter(|most| *most > 0),
            keeps_errors: reader.switch(&KEEP_ERRORS),
            keep_slow_ms: Some(reader.number(&KEEP_SLOW_MS)).filter(|limit| *limit > 0),
            stubs: if reader.switch(&STUBS) { Stubs::On } else { Stubs::Off },
        }
    }

    /// Why a request is to be kept that is not recorded; an error says more than slowness, and what happened here
    /// more than what happened below.
    pub fn reason_to_keep(&self, observed: &Observed) -> Option<KeepReason> {
        let slow_ns = self.keep_slow_ms.map(|limit| limit.saturating_mul(1_000_000));
        if self.keeps_errors && observed.is_failure {
            Some(KeepReason::Error)
        } else if slow_ns.is_some_and(|limit| observed.elapsed_ns >= limit) {
            Some(KeepReason::Slow)
        } else if observed.is_marked {
            Some(KeepReason::Descendant)
        } else {
            None
        }
    }
}

/// What has been seen of a request by the time its response headers come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// It failed by the rule for servers.
    pub is_failure: bool,
    /// Something that it caused is kept.
    pub is_marked: bool,
    /// The time it took so far.
    pub elapsed_ns: u64,
}

/// Why a request is exported that was not to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepReason {
    /// It failed.
    Error,
    /// It was slow.
    Slow,
    /// Something that it caused is kept.
    Descendant,
}

impl KeepReason {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Slow => "slow",
            Self::Descendant => "descendant",
        }
    }
}

/// Decides for the traces that begin at one worker.
#[derive(Debug)]
pub struct Sampler {
    rate: Rate,
    rules: Vec<(Rule, Rate)>,
    bucket: Option<Bucket>,
}

/// A probability with its threshold, which costs more to find.
#[derive(Clone, Copy, Debug)]
struct Rate {
    probability: f64,
    threshold: Option<Threshold>,
}

impl Rate {
    fn new(probability: f64) -> Self {
        Self { probability, threshold: Threshold::from_probability(probability) }
    }
}

impl Sampler {
    /// The sampler of a proxy of this service.
    pub fn new(config: &SamplingConfig, service: &str) -> Self {
        let rules = config.rules.iter().filter(|rule| rule.is_for(service));
        Self {
            rate: Rate::new(config.rate),
            rules: rules.map(|rule| (rule.clone(), Rate::new(rule.rate))).collect(),
            bucket: config.max_per_second.map(Bucket::new),
        }
    }

    /// Whether some rule asks for the name of the route.
    pub fn asks_for_route(&self) -> bool {
        self.rules.iter().any(|(rule, _)| rule.asks_for_route())
    }

    /// The threshold for a trace that begins with this request; `None` drops it. The threshold is settled before
    /// anybody looks at the randomness of the trace, so that each recorded trace stands for the right number of
    /// them even while the bound makes the rate go up and down.
    pub fn threshold(&mut self, headers: &Headers, route: &[u8], now_ns: u64) -> Option<Threshold> {
        let rule = self.rules.iter().find(|(rule, _)| rule.fits(headers, route));
        let rate = rule.map_or(self.rate, |(_, rate)| *rate);
        let Some(bucket) = &mut self.bucket else { return rate.threshold };
        let allowed = bucket.allow(rate.probability, now_ns);
        if allowed < rate.probability { Threshold::from_probability(allowed) } else { rate.threshold }
    }
}

#[cfg(test)]
mod tests;
