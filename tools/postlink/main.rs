//! The last step of building the filter's module: the callbacks of the SDK's dispatcher make room for our own, and what
//! nobody can reach any more is left out.
//!
//!     postlink LINKED.wasm FINISHED.wasm

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use walrus::{ElementItems, ExportItem, FunctionBuilder, FunctionId, Module, ModuleConfig};

/// What our own callbacks begin with, in place of [`HOST_PREFIX`].
const OUR_PREFIX: &str = "throughline_on_";
/// What the host looks for.
const HOST_PREFIX: &str = "proxy_on_";
/// What stands in the names of the SDK's functions, and in those of ours that are made of them.
const SDK: &str = "proxy_wasm";
const OURS: &str = "throughline";
/// The SDK's exports that stay: the host's way to memory in the module, the version, and the start.
const KEPT: [&str; 4] = ["memory", "proxy_on_memory_allocate", "proxy_abi_version_0_2_1", "_initialize"];

fn main() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    let mut path = || words.next().map(PathBuf::from);
    let (Some(from), Some(to), None) = (path(), path(), path()) else {
        bail!("two arguments are right: the module as it was linked, and the one to write");
    };
    let linked = std::fs::read(&from).with_context(|| from.display().to_string())?;
    let finished = finish(&linked)?;
    // Put in place at once: a proxy that starts meanwhile finds the old one or the new one.
    let beside = to.with_extension("wasm.new");
    std::fs::write(&beside, finished).with_context(|| beside.display().to_string())?;
    std::fs::rename(&beside, &to).with_context(|| to.display().to_string())
}

/// The module as it ships.
fn finish(linked: &[u8]) -> Result<Vec<u8>> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    let mut module = config.parse(linked).context("read the module")?;
    replace_callbacks(&mut module)?;
    empty_method_tables(&mut module);
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

fn replace_callbacks(module: &mut Module) -> Result<()> {
    let ours: Vec<(String, ExportItem)> = module
        .exports
        .iter()
        .filter_map(|export| {
            let name = export.name.strip_prefix(OUR_PREFIX)?;
            Some((format!("{HOST_PREFIX}{name}"), export.item))
        })
        .collect();
    ensure!(!ours.is_empty(), "the module has no export {OUR_PREFIX}...: was it finished already?");
    let dropped: Vec<_> = module
        .exports
        .iter()
        .filter(|export| !KEPT.contains(&export.name.as_str()))
        .map(|export| export.id())
        .collect();
    dropped.into_iter().for_each(|id| module.exports.delete(id));
    for (name, item) in ours {
        module.exports.add(&name, item);
    }
    Ok(())
}

/// The methods of the SDK's contexts stand in tables that keep them alive, although nobody is left who calls through
/// those: only the dispatcher did. Each place there gets one function that traps.
fn empty_method_tables(module: &mut Module) {
    let is_of_sdk = |name: &str| name.contains(SDK) && !name.contains(OURS);
    let methods: HashSet<FunctionId> = module
        .funcs
        .iter()
        .filter(|function| function.name.as_deref().is_some_and(is_of_sdk))
        .map(|function| function.id())
        .collect();
    let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
    builder.func_body().unreachable();
    let trap = builder.finish(vec![], &mut module.funcs);
    for element in module.elements.iter_mut() {
        if let ElementItems::Functions(places) = &mut element.items {
            places.iter_mut().filter(|place| methods.contains(place)).for_each(|place| *place = trap);
        }
    }
}

#[cfg(test)]
mod tests;
