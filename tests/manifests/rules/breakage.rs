//! Breaks what was rendered, one thing at a time: the rule for it has to speak, or it could never fail.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::faults;
use crate::objects::{Rendered, kind};

/// The set that is broken, the kind of the object, the place in it, what is put there, and the words of the fault.
type Breakage = (String, String, String, Value, String);

fn breakages() -> Result<Vec<Breakage>> {
    serde_saphyr::from_str(include_str!("breakage.yaml")).context("breakage.yaml")
}

pub(crate) fn faults_are_found(rendered: &mut Rendered) -> Result<()> {
    let breakages = breakages()?;
    ensure!(breakages.len() > 36, "only {} are left", breakages.len());
    for (set, wanted, pointer, wrong, words) in &breakages {
        let mut objects = rendered.sets.get(set).with_context(|| format!("no set {set}"))?.clone();
        let object = objects.iter_mut().find(|object| kind(object) == wanted);
        let object = object.with_context(|| format!("{set} has no {wanted}"))?;
        *object.pointer_mut(pointer).with_context(|| format!("{wanted} has no {pointer}"))? = wrong.clone();
        let found = faults(&objects);
        ensure!(
            found.iter().any(|fault| fault.contains(words.as_str())),
            "{wrong} at {pointer} of {wanted} in {set} should be found as `{words}`; found: {found:?}"
        );
    }
    println!("  {} faults, each found", breakages.len());
    Ok(())
}
