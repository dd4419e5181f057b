//! The map in `ARCHITECTURE.md`: read here, and held against the folders and rooms on disk.

use std::collections::BTreeSet;

use crate::tree::{SourceFile, Violation, assert_none, repository};

pub(crate) const MAP: &str = "ARCHITECTURE.md";

/// What a room may use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MayUse {
    /// Every room beside it.
    Everything,
    /// These rooms or packages and no others.
    Only(Vec<String>),
}

/// One row of the map.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) may_use: MayUse,
}

impl Room {
    /// The name by which its neighbours call it.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Rows look like ``| `path` | what lives there | `room`, `room` |``; the last cell may say `none` or `all`.
pub(crate) fn read_rooms(text: &str) -> Vec<Room> {
    text.lines().enumerate().filter_map(|(index, line)| read_row(index + 1, line)).collect()
}

fn read_row(line: usize, row: &str) -> Option<Room> {
    let cells: Vec<&str> = row.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let [path, _, may_use] = cells.as_slice() else { return None };
    let path = path.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let may_use = match *may_use {
        "all" => MayUse::Everything,
        "none" => MayUse::Only(Vec::new()),
        names => {
            MayUse::Only(names.split(',').map(|name| name.trim().trim_matches('`').to_owned()).collect())
        }
    };
    Some(Room { path, line, may_use })
}

/// The rooms of the map of this repository.
pub(crate) fn rooms() -> Vec<Room> {
    let map = repository().iter().find(|file| file.path == MAP).expect("ARCHITECTURE.md must exist");
    let rooms = read_rooms(&map.text);
    assert!(
        rooms.len() > 10,
        "{MAP} has {} rooms: is its table still written as read_rooms reads it?",
        rooms.len()
    );
    rooms
}

/// Top-level folders, and top-level modules of the three packages that ship.
fn rooms_on_disk(paths: &[&str]) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for path in paths {
        if let Some((folder, _)) = path.split_once('/') {
            rooms.insert(folder.to_owned());
        }
        for source in ["model/src", "filter/src", "collector/src"] {
            let Some(inside) = path.strip_prefix(source).and_then(|inside| inside.strip_prefix('/')) else {
                continue;
            };
            let name = inside.split(['/', '.']).next().unwrap_or(inside);
            if name != "lib" {
                rooms.insert(format!("{source}/{name}"));
            }
        }
    }
    rooms
}

fn map_against_disk(rooms: &[Room], paths: &[&str]) -> Vec<Violation> {
    let map = SourceFile::example(MAP, "");
    let disk = rooms_on_disk(paths);
    let is_there = |room: &Room| {
        let (folder, door) = (format!("{}/", room.path), format!("{}.rs", room.path));
        paths.iter().any(|path| path.starts_with(&folder) || *path == door || *path == room.path)
    };
    let gone = rooms.iter().filter(|room| !is_there(room)).map(|room| {
        let remedy = format!("`{}` is in the map and not on disk: take the row out", room.path);
        Violation::new(&map, room.line, "map", remedy)
    });
    let missing = disk.iter().filter(|path| !rooms.iter().any(|room| room.path == **path)).map(|path| {
        let remedy = format!("`{path}` is on disk and not in the map: add a row that says what lives there");
        Violation::new(&map, 1, "map", remedy)
    });
    gone.chain(missing).collect()
}

/// Rooms that the arrows of the map lead from and back to; a room that may use all stands outside the order.
fn cycles(rooms: &[Room]) -> Vec<Violation> {
    let map = SourceFile::example(MAP, "");
    let on_a_cycle = rooms.iter().filter(|room| reachable(rooms, room).contains(room.path.as_str()));
    on_a_cycle
        .map(|room| {
            let remedy = format!("`{}` uses, over others, itself: arrows point upstream only", room.path);
            Violation::new(&map, room.line, "cycle", remedy)
        })
        .collect()
}

/// Every room that the arrows lead to from `start`.
fn reachable<'a>(rooms: &'a [Room], start: &'a Room) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(room) = open.pop() {
        let MayUse::Only(names) = &room.may_use else { continue };
        let package = room.path.strip_suffix(room.name()).unwrap_or_default();
        let targets = rooms.iter().filter(|target| {
            names.iter().any(|name| target.path.strip_prefix(package) == Some(name.as_str()))
        });
        open.extend(targets.filter(|target| reached.insert(target.path.as_str())));
    }
    reached
}

#[test]
fn arrows_make_no_cycle() {
    assert_none(cycles(&rooms()));
}

#[test]
fn a_cycle_is_found() {
    let upstream = "| `a/src/x` | one | `y` |\n| `a/src/y` | two | `z` |\n";
    let found = |last: &str| cycles(&read_rooms(&format!("{upstream}{last}"))).len();
    assert_eq!(found("| `a/src/z` | three | none |\n"), 0);
    assert_eq!(found("| `a/src/z` | three | `x` |\n"), 3);
    assert_eq!(found("| `a/src/z` | three | all |\n"), 0);
    assert_eq!(found("| `b/src/z` | three | `x` |\n| `b/src/x` | four | none |\n"), 0);
}

#[test]
fn the_map_is_the_disk() {
    let paths: Vec<&str> = repository().iter().map(|file| file.path.as_str()).collect();
    assert_none(map_against_disk(&rooms(), &paths));
}

#[test]
fn a_wrong_map_is_found() {
    let rooms = read_rooms(
        "| room | lives | may use |\n|---|---|---|\n| `model` | pure | none |\n| `model/src/id` | ids | none |\n",
    );
    assert_eq!(rooms.len(), 2);
    let found = |paths: &[&str]| {
        map_against_disk(&rooms, paths).iter().map(|one| one.remedy.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        found(&["model/src/lib.rs", "model/src/id.rs", "model/src/id/tests.rs", "README.md"]).len(),
        0
    );
    assert!(found(&["model/src/lib.rs"])[0].contains("`model/src/id` is in the map"));
    assert!(found(&["model/src/id.rs", "model/src/span.rs"])[0].contains("`model/src/span` is on disk"));
    assert!(found(&["model/src/id.rs", "extra/notes.md"])[0].contains("`extra` is on disk"));
}

#[test]
fn rows_say_what_a_room_may_use() {
    let rooms = read_rooms(
        "| `a/src/x` | one | `y`, `z` |\n| `a/src/y` | two | all |\n| `a/src/z` | three | none |\n",
    );
    let may_use: Vec<&MayUse> = rooms.iter().map(|room| &room.may_use).collect();
    let only = MayUse::Only(vec!["y".to_owned(), "z".to_owned()]);
    assert_eq!(may_use, [&only, &MayUse::Everything, &MayUse::Only(Vec::new())]);
    assert_eq!(rooms[0].name(), "x");
}
