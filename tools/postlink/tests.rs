//! Modules before and after the last step.

use walrus::{FunctionBuilder, ValType};

use super::*;

/// A module as the linker leaves it: callbacks of the SDK and our own, and something only the SDK's need.
fn linked(names: &[&str]) -> Vec<u8> {
    let mut module = Module::default();
    let body = FunctionBuilder::new(&mut module.types, &[], &[]).finish(vec![], &mut module.funcs);
    let needed = module.types.add(&[ValType::I32], &[]);
    let (imported, _) = module.add_import_func("env", "only_for_the_sdk", needed);
    for name in names {
        module.exports.add(name, if name.starts_with("proxy_on_request_body") { imported } else { body });
    }
    module.emit_wasm()
}

fn exports(bytes: &[u8]) -> Vec<String> {
    let module = Module::from_buffer(bytes).unwrap();
    let mut names: Vec<String> = module.exports.iter().map(|export| export.name.clone()).collect();
    names.sort();
    names
}

#[test]
fn our_callbacks_take_the_place_of_the_sdks() {
    let names = [
        "_initialize",
        "proxy_abi_version_0_2_1",
        "proxy_on_log",
        "proxy_on_memory_allocate",
        "proxy_on_request_body",
        "throughline_on_log",
    ];
    let finished = finish(&linked(&names)).unwrap();
    assert_eq!(
        exports(&finished),
        ["_initialize", "proxy_abi_version_0_2_1", "proxy_on_log", "proxy_on_memory_allocate"]
    );
    let left = Module::from_buffer(&finished).unwrap();
    assert_eq!(left.imports.iter().count(), 0, "what only the SDK's callbacks needed is gone");
}

#[test]
fn a_module_without_our_callbacks_is_refused() {
    assert!(finish(&linked(&["proxy_on_log"])).is_err());
}
