//! Silences: alerts that somebody knows of and does not want to hear of for a while.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Book, State};

const MAX_SILENCES: usize = 1_000;

/// One silence. What is not named matches everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// Given by the collector.
    #[serde(default)]
    pub id: String,
    /// The rule's name.
    #[serde(default)]
    pub rule: Option<String>,
    /// The service that answers.
    #[serde(default)]
    pub service: Option<String>,
    /// The suspect.
    #[serde(default)]
    pub suspect: Option<String>,
    /// When it ends.
    pub until_unix_s: u64,
    /// Why.
    pub comment: String,
}

impl Silence {
    /// Whether it keeps alerts of this rule, service and suspect quiet.
    pub fn covers(&self, rule: &str, service: &str, suspect: &str) -> bool {
        let is = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
        is(&self.rule, rule) && is(&self.service, service) && is(&self.suspect, suspect)
    }
}

impl Book {
    /// Adds a silence and returns its id; the error says what would be right.
    pub fn silence(&mut self, now_unix_s: u64, mut silence: Silence) -> Result<String, String> {
        if silence.until_unix_s <= now_unix_s {
            return Err(format!("until_unix_s {} is past: write a later second", silence.until_unix_s));
        }
        if silence.rule.is_none() && silence.service.is_none() && silence.suspect.is_none() {
            return Err("a silence needs rule, service or suspect: one without would keep everything quiet"
                .to_owned());
        }
        if self.silences.len() >= MAX_SILENCES {
            return Err(format!("there are {MAX_SILENCES} silences already: delete one"));
        }
        self.number += 1;
        silence.id = format!("{:016x}", super::hash(&format!("silence {now_unix_s} {}", self.number)));
        let id = silence.id.clone();
        self.silences.push(silence);
        Ok(id)
    }

    /// Ends a silence; false when there is none of this id.
    pub fn end_silence(&mut self, id: &str) -> bool {
        let before = self.silences.len();
        self.silences.retain(|silence| silence.id != id);
        self.silences.len() < before
    }

    /// Says what is silenced from now on, and what was over before anybody could hear of it. Returns whether there was any of
    /// the latter.
    pub(super) fn apply_silences(&mut self, now_unix_s: u64) -> bool {
        self.silences.retain(|silence| silence.until_unix_s > now_unix_s);
        let mut is_any = false;
        for alert in &mut self.alerts {
            let covers = |silence: &Silence| silence.covers(&alert.rule, &alert.service, &alert.suspect);
            let was_silenced = std::mem::replace(&mut alert.is_silenced, self.silences.iter().any(covers));
            // Of one that ends in the round in which its silence does, nobody saw that it fires without the silence.
            let is_over_unheard = alert.state == State::Resolved && (was_silenced || alert.is_silenced);
            is_any |= is_over_unheard && !alert.has_ended_silenced;
            alert.has_ended_silenced |= is_over_unheard;
        }
        is_any
    }

    /// All silences.
    pub fn silences(&self) -> &[Silence] {
        &self.silences
    }
}
