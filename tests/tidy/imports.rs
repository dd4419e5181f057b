//! The arrows between packages and between rooms: they point upstream, and the map names each of them.

use std::collections::BTreeSet;

use crate::map::{MayUse, Room, read_rooms, rooms};
use crate::rust_source::RustSource;
use crate::tree::{SourceFile, Violation, hold};

const PACKAGES: [(&str, &str); 4] = [
    ("model", "throughline-model"),
    ("filter", "throughline-filter"),
    ("collector", "throughline"),
    ("tests", "throughline-tests"),
];

fn room<'a>(rooms: &'a [Room], path: &str) -> Option<&'a Room> {
    rooms.iter().find(|room| room.path == path)
}

fn is_allowed(room: Option<&Room>, target: &str) -> bool {
    match room.map(|room| &room.may_use) {
        Some(MayUse::Everything) => true,
        Some(MayUse::Only(names)) => names.iter().any(|name| name == target),
        None => false,
    }
}

/// Holds the `[dependencies]` of one package against the map.
fn package_arrows(file: &SourceFile, rooms: &[Room]) -> Vec<Violation> {
    let Some(folder) = file.path.strip_suffix("/Cargo.toml") else { return Vec::new() };
    if !PACKAGES.iter().any(|(package, _)| *package == folder) {
        return Vec::new();
    }
    let named = file.text.lines().enumerate().filter_map(|(index, line)| {
        let key = line.split(['=', '.']).next()?.trim();
        let target = PACKAGES.iter().find(|(_, package)| *package == key)?.0;
        (line.contains('=') && target != folder).then_some((index + 1, target))
    });
    named
        .filter(|(_, target)| !is_allowed(room(rooms, folder), target))
        .map(|(line, target)| {
            let remedy =
                format!("`{folder}` may not depend on `{target}`: see the map, or write a decision page");
            Violation::new(file, line, "package arrow", remedy)
        })
        .collect()
}

/// The package and the room a file of product code belongs to, and how deep its module lies in the package.
fn place(file: &SourceFile) -> Option<(String, String, usize)> {
    let (package, inside) = file.path.split_once("/src/")?;
    let module = inside.strip_suffix(".rs")?;
    let name = module.split('/').next()?;
    let depth = if ["lib", "main"].contains(&module) { 0 } else { module.split('/').count() };
    Some((package.to_owned(), name.to_owned(), depth))
}

/// The name below the root of the package that a path leads to from a module `depth` levels down.
fn name_below_root(path: &str, depth: usize) -> Option<&str> {
    let segments: Vec<&str> = path.split("::").collect();
    let ups = segments.iter().take_while(|segment| **segment == "super").count();
    match segments.first() {
        Some(&("crate" | "throughline" | "throughline_filter" | "throughline_model")) => {
            segments.get(1).copied()
        }
        Some(&"super") if ups == depth => segments.get(ups).copied(),
        _ => None,
    }
}

/// Holds what one file of a package uses of its neighbours against the map.
fn room_arrows(file: &SourceFile, rooms: &[Room]) -> Vec<Violation> {
    if !file.is_product_code() {
        return Vec::new();
    }
    let Some((package, name, depth)) = place(file) else { return Vec::new() };
    if name == "lib" {
        return Vec::new();
    }
    let from = room(rooms, &format!("{package}/src/{name}"));
    let is_foreign = |path: &str| path.starts_with("throughline_model::") && package != "model";
    let source = RustSource::read(&file.text);
    let paths = source.paths();
    let arrows: BTreeSet<(usize, &str)> = paths
        .iter()
        .filter(|(_, path)| !is_foreign(path))
        .filter_map(|(offset, path)| Some((source.line(*offset), name_below_root(path, depth)?)))
        .filter(|(_, target)| *target != name && room(rooms, &format!("{package}/src/{target}")).is_some())
        .collect();
    arrows
        .into_iter()
        .filter(|(_, target)| !is_allowed(from, target))
        .map(|(line, target)| {
            let remedy = format!("`{name}` may not use `{target}`: see the map, or write a decision page");
            Violation::new(file, line, "room arrow", remedy)
        })
        .collect()
}

fn example_rooms() -> Vec<Room> {
    read_rooms(
        "| `model` | pure | none |\n| `filter` | proxy | `model` |\n| `tests` | tests | all |\n\
         | `collector/src/store` | keeps | `telemetry` |\n| `collector/src/query` | asks | `store` |\n\
         | `collector/src/telemetry` | counts | none |\n| `collector/src/app` | starts | all |\n",
    )
}

fn check_room(path: &str, text: &str, expected: usize) {
    let found = room_arrows(&SourceFile::example(path, text), &example_rooms());
    assert_eq!(found.len(), expected, "{path}: {text}: {found:?}");
}

#[test]
fn packages_point_upstream() {
    let rooms = rooms();
    hold(|file| package_arrows(file, &rooms));
}

#[test]
fn a_package_that_points_downstream_is_found() {
    let check =
        |path: &str, text: &str| package_arrows(&SourceFile::example(path, text), &example_rooms()).len();
    assert_eq!(
        check("model/Cargo.toml", "[dependencies]\nthroughline-filter = { path = \"../filter\" }\n"),
        1
    );
    assert_eq!(check("filter/Cargo.toml", "[dependencies]\nthroughline-model.workspace = true\n"), 0);
    assert_eq!(check("filter/Cargo.toml", "[dependencies]\nthroughline = { path = \"../collector\" }\n"), 1);
    assert_eq!(check("tests/Cargo.toml", "[dependencies]\nthroughline = { path = \"../collector\" }\n"), 0);
}

#[test]
fn rooms_point_upstream() {
    let rooms = rooms();
    hold(|file| room_arrows(file, &rooms));
}

#[test]
fn a_room_that_points_downstream_is_found() {
    check_room("collector/src/store/log.rs", "use crate::{query::Answer, telemetry};", 1);
    check_room("collector/src/store.rs", "use super::query::Answer;", 1);
    check_room("collector/src/store/log.rs", "fn f() -> super::super::query::Answer {}", 1);
    check_room(
        "collector/src/query/list.rs",
        "use crate::store::Store; use super::page; use crate::query::x;",
        0,
    );
    check_room("collector/src/app.rs", "use crate::{query::router, store::open};", 0);
    check_room("collector/src/store/tests.rs", "use crate::query::Answer;", 0);
    check_room("collector/src/store.rs", "// crate::query::Answer\nlet a = \"crate::query::Answer\";", 0);
}
