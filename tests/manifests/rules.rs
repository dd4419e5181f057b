//! Our own rules: what no schema knows and what would break an installation all the same.

mod breakage;
mod filter;
mod names;
mod pods;
mod selectors;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::objects::{Rendered, kind};

pub(crate) use breakage::faults_are_found;

/// One thing that is wrong, in words.
pub(crate) type Faults = Vec<String>;

/// Everything that is wrong with the objects that are applied together.
pub(crate) fn faults(objects: &[Value]) -> Faults {
    let rules: [fn(&[Value]) -> Faults; 5] =
        [names::faults, selectors::faults, pods::faults, filter::faults, filter::collector_is_not_traced];
    rules.iter().flat_map(|rule| rule(objects)).collect()
}

pub(crate) fn objects_fit_together(rendered: &mut Rendered) -> Result<()> {
    let mut found = Vec::new();
    for (name, objects) in &rendered.sets {
        found.extend(faults(objects).into_iter().map(|fault| format!("{name}: {fault}")));
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

/// All objects of a kind.
fn of_kind<'a>(objects: &'a [Value], wanted: &'static str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| kind(object) == wanted)
}

/// Everything with a pod template.
fn workloads(objects: &[Value]) -> impl Iterator<Item = &Value> {
    objects.iter().filter(|object| object["spec"]["template"]["spec"]["containers"].is_array())
}
