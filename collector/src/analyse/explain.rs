//! Explains a selection of traces: which attributes are over-represented in it, against the rest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use throughline_model::span::{Attribute, Span, Value};

use super::significance::over_represented;
use crate::assemble::Lifecycle;

/// Different facts that are counted; those met later are left out.
const MAX_FACTS: usize = 200_000;
/// Longer values tell one request from another, not a group from the rest.
const MAX_VALUE_BYTES: usize = 200;
/// What may be called over-represented by accident, over all facts together.
const SIGNIFICANCE: f64 = 0.01;

/// A fact, and how often it holds in the selection and in the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The attribute's name; `resource.` before those of the sender, `span.name` for the span's name.
    pub key: String,
    /// Its value as text.
    pub value: String,
    /// The share of selected traces in which a span has it.
    pub selected_share: f64,
    /// The share of the others.
    pub rest_share: f64,
    /// How likely it is by chance, seen alone.
    pub p_value: f64,
}

type Fact = (String, String);

/// At most `limit` facts that hold more often in the selection than chance allows, by how much more.
pub fn explain(selected: &[Lifecycle], rest: &[Lifecycle], limit: usize) -> Vec<Explanation> {
    let mut counts: HashMap<Fact, (usize, usize)> = HashMap::new();
    for lifecycle in selected {
        count(lifecycle, &mut counts, |(selected, _)| *selected += 1);
    }
    for lifecycle in rest {
        count(lifecycle, &mut counts, |(_, rest)| *rest += 1);
    }
    let (drawn, whole) = (selected.len(), selected.len() + rest.len());
    let bound = SIGNIFICANCE / counts.len().max(1) as f64;
    let mut found: Vec<Explanation> = counts
        .into_iter()
        .filter_map(|((key, value), (inside, outside))| {
            let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
            let (selected_share, rest_share) = (share(inside, drawn), share(outside, rest.len()));
            // What all traces have, and what one has, is not worth the sum.
            let may_be = inside > 1 && selected_share > rest_share;
            let p_value = may_be.then(|| over_represented((inside, drawn), (inside + outside, whole)))?;
            (p_value <= bound).then_some(Explanation { key, value, selected_share, rest_share, p_value })
        })
        .collect();
    found.sort_by(|left, right| {
        let rise = |one: &Explanation| one.selected_share - one.rest_share;
        rise(right)
            .total_cmp(&rise(left))
            .then_with(|| (&left.key, &left.value).cmp(&(&right.key, &right.value)))
    });
    found.truncate(limit);
    found
}

/// Each fact once, however many spans of the trace have it.
fn count(
    lifecycle: &Lifecycle,
    counts: &mut HashMap<Fact, (usize, usize)>,
    increase: impl Fn(&mut (usize, usize)),
) {
    let mut facts: HashSet<Fact> = HashSet::new();
    let mut resources = HashSet::new();
    for placed in &lifecycle.spans {
        let span = &placed.span;
        facts.insert(("span.name".to_owned(), span.name.clone()));
        facts.insert(("span.status".to_owned(), format!("{} {}", span.service_name(), span.status.as_str())));
        facts.extend(span.attributes.iter().filter_map(|attribute| fact("", attribute)));
        if resources.insert(Arc::as_ptr(&span.resource)) {
            facts.extend(of_resource(span));
        }
    }
    for fact in facts {
        if let Some(known) = counts.get_mut(&fact) {
            increase(known);
        } else if counts.len() < MAX_FACTS {
            increase(counts.entry(fact).or_default());
        }
    }
}

fn of_resource(span: &Span) -> impl Iterator<Item = Fact> {
    span.resource.attributes.iter().filter_map(|attribute| fact("resource.", attribute))
}

fn fact(prefix: &str, attribute: &Attribute) -> Option<Fact> {
    let value = match &attribute.value {
        Value::Text(text) if text.len() <= MAX_VALUE_BYTES => text.clone(),
        Value::Bool(is) => is.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(_) | Value::Double(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => return None,
    };
    Some((format!("{prefix}{}", attribute.key), value))
}

#[cfg(test)]
mod tests;
