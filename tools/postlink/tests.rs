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
fn methods_of_the_sdk_are_left_out_and_ours_stay_in_their_places() {
    let mut module = Module::from_buffer(&linked(&["throughline_on_log"])).unwrap();
    let mut method = |name: &str| {
        let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
        builder.name(name.to_owned()).func_body().i32_const(7).drop();
        builder.finish(vec![], &mut module.funcs)
    };
    let places = vec![
        method("_ZN10proxy_wasm6traits7Context7on_done"),
        method("_ZN18throughline_filter4host"),
        method("_ZN10proxy_wasm_for_throughline"),
    ];
    let table = module.tables.add_local(false, 3, Some(3), walrus::RefType::FUNCREF);
    let kind =
        walrus::ElementKind::Active { table, offset: walrus::ConstExpr::Value(walrus::ir::Value::I32(0)) };
    let element = module.elements.add(kind, ElementItems::Functions(places));
    module.tables.get_mut(table).elem_segments.insert(element);
    module.exports.add("throughline_on_table", table);
    let finished = Module::from_buffer(&finish(&module.emit_wasm()).unwrap()).unwrap();
    let ElementItems::Functions(places) = &finished.elements.iter().next().unwrap().items else { panic!() };
    let is_trap = |id: &FunctionId| {
        let body = finished.funcs.get(*id).kind.unwrap_local();
        matches!(body.block(body.entry_block()).instrs[0].0, walrus::ir::Instr::Unreachable(_))
    };
    assert_eq!(places.iter().map(is_trap).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn a_module_without_our_callbacks_is_refused() {
    assert!(finish(&linked(&["proxy_on_log"])).is_err());
}
