//! What a reader of the tail wants to hear, and how much of it.

use std::time::Instant;

use axum::http::Uri;
use throughline_model::link::LinkKind;

use crate::query::answer::Summary;
use crate::query::parameter;
use crate::query::problem::Problem;

/// The parameters of the tail.
pub(in crate::query) const TAIL_PARAMETERS: [&str; 7] =
    ["service", "errors", "complete", "min_duration_ms", "min_depth", "link", "max_per_second"];

/// More than anybody reads; a page would only be busy drawing.
const DEFAULT_PER_SECOND: u32 = 500;
const MAX_PER_SECOND: u32 = 10_000;

/// Conditions on a summary; all must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TailFilter {
    service: Option<String>,
    errors_only: bool,
    is_complete: Option<bool>,
    min_duration_ns: Option<u64>,
    min_depth: Option<usize>,
    link: Option<LinkKind>,
}

impl TailFilter {
    pub(super) fn matches(&self, summary: &Summary) -> bool {
        self.service.as_ref().is_none_or(|service| summary.services.contains(service))
            && (!self.errors_only || summary.errors > 0)
            && self.is_complete.is_none_or(|is_complete| summary.complete == is_complete)
            && self.min_duration_ns.is_none_or(|min| summary.duration_ns >= min)
            && self.min_depth.is_none_or(|min| summary.depth >= min)
            && self.link.is_none_or(|link| summary.link.as_deref() == Some(link.as_str()))
    }
}

/// Lets so many through a second, and counts the others.
#[derive(Debug)]
pub(super) struct RateCap {
    pub(super) per_second: u32,
    left: u32,
    second_began: Option<Instant>,
    skipped: u64,
}

impl RateCap {
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second, left: per_second, second_began: None, skipped: 0 }
    }

    /// Whether one more may pass now.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let is_over = self.second_began.is_none_or(|began| now.duration_since(began).as_secs() >= 1);
        if is_over {
            (self.second_began, self.left) = (Some(now), self.per_second);
        }
        if self.left == 0 {
            self.skipped += 1;
            return false;
        }
        self.left -= 1;
        true
    }

    /// How many were kept back since this was asked last.
    pub(super) fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }
}

/// Reads the parameters.
pub(super) fn read(uri: &Uri) -> Result<(TailFilter, RateCap), Problem> {
    let (mut filter, mut per_second) = (TailFilter::default(), DEFAULT_PER_SECOND);
    for (name, value) in parameter::read_pairs(uri, &TAIL_PARAMETERS)? {
        match name.as_str() {
            "service" => filter.service = Some(parameter::read_text(&name, value)?),
            "errors" => filter.errors_only = parameter::read_truth(&name, &value)?,
            "complete" => filter.is_complete = Some(parameter::read_truth(&name, &value)?),
            "min_duration_ms" => filter.min_duration_ns = Some(parameter::read_milliseconds(&name, &value)?),
            "min_depth" => filter.min_depth = Some(parameter::read_depth(&name, &value)?),
            "link" => filter.link = Some(parameter::read_link(&name, &value)?),
            _ => {
                per_second = value
                    .parse()
                    .ok()
                    .filter(|rate| (1..=MAX_PER_SECOND).contains(rate))
                    .ok_or_else(|| {
                        parameter::wrong(&name, &value, &format!("a whole number from 1 to {MAX_PER_SECOND}"))
                    })?;
            }
        }
    }
    Ok((filter, RateCap::new(per_second)))
}

#[cfg(test)]
mod tests;
