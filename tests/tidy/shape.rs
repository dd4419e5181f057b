//! The shape of files: length, first line, names, and nothing unfinished.

use crate::rust_source::RustSource;
use crate::tree::{SourceFile, Violation, hold};

const LINES_AT_MOST: usize = 500;
const NAMES_THAT_SAY_NOTHING: [&str; 8] =
    ["util", "utils", "common", "helper", "helpers", "misc", "types", "shared"];

/// Files that people write; lock files and recorded data are not among them.
fn is_written_by_hand(file: &SourceFile) -> bool {
    let by_extension = ["rs", "ts", "tsx", "js", "mjs", "css", "html", "sh", "yaml", "yml", "toml", "md"];
    let by_name = file.path == "Makefile" || file.path.starts_with(".ci/") || file.path.starts_with("tools/");
    let is_data = file.path.contains("/data/") || file.path.ends_with("-lock.json");
    (by_name || by_extension.contains(&file.extension())) && !is_data
}

fn file_length(file: &SourceFile) -> Vec<Violation> {
    let lines = file.text.lines().count();
    if !is_written_by_hand(file) || lines <= LINES_AT_MOST {
        return Vec::new();
    }
    let remedy =
        format!("{lines} lines, at most {LINES_AT_MOST} are allowed: divide it into a door and a folder");
    vec![Violation::new(file, LINES_AT_MOST + 1, "file length", remedy)]
}

fn first_line(file: &SourceFile) -> Vec<Violation> {
    if !file.is_rust() || file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![Violation::new(
        file,
        1,
        "first line",
        "begin the file with one `//!` sentence that says what lives here",
    )]
}

fn no_mod_rs(file: &SourceFile) -> Vec<Violation> {
    if file.file_name() != "mod.rs" {
        return Vec::new();
    }
    vec![Violation::new(
        file,
        1,
        "room",
        "a room is a door `foo.rs` and a folder `foo/`: rename `foo/mod.rs` to `foo.rs`",
    )]
}

fn room_name(file: &SourceFile) -> Vec<Violation> {
    if !["rs", "ts", "tsx", "mjs"].contains(&file.extension()) {
        return Vec::new();
    }
    let empty_names = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    empty_names
        .filter(|name| NAMES_THAT_SAY_NOTHING.contains(name))
        .map(|name| {
            Violation::new(
                file,
                1,
                "room name",
                format!("`{name}` says nothing: name the room after what it does"),
            )
        })
        .collect()
}

fn unfinished(file: &SourceFile) -> Vec<Violation> {
    match file.extension() {
        "rs" => unfinished_rust(file),
        "ts" | "tsx" | "mjs" => unfinished_script(file),
        _ => Vec::new(),
    }
}

fn unfinished_rust(file: &SourceFile) -> Vec<Violation> {
    let source = RustSource::read(&file.text);
    // Put together, so that whoever searches the tree for such words finds only what is meant.
    let macros = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!"));
    macros
        .into_iter()
        .chain([format!("#[{}", "ignore")])
        .flat_map(|word| source.find_word(&word).into_iter().map(move |offset| (word.clone(), offset)))
        .map(|(word, offset)| {
            Violation::new(
                file,
                source.line(offset),
                "unfinished",
                format!("finish it or take it out: `{word}`"),
            )
        })
        .collect()
}

fn unfinished_script(file: &SourceFile) -> Vec<Violation> {
    let marks = ["it", "test", "describe"]
        .into_iter()
        .flat_map(|word| ["only", "skip", "todo"].into_iter().map(move |kind| format!("{word}.{kind}(")));
    let marks: Vec<String> = marks.collect();
    let lines = file.text.lines().enumerate();
    lines
        .filter_map(|(index, line)| {
            marks.iter().find(|mark| line.contains(*mark)).map(|mark| (index + 1, mark))
        })
        .map(|(line, mark)| {
            Violation::new(file, line, "unfinished", format!("run every test or delete it: `{mark}`"))
        })
        .collect()
}

fn unit_tests_apart(file: &SourceFile) -> Vec<Violation> {
    if !file.is_product_code() {
        return Vec::new();
    }
    let source = RustSource::read(&file.text);
    ["#[test", "#[tokio::test", "#[wasm_bindgen_test"]
        .into_iter()
        .flat_map(|attribute| source.find_word(attribute))
        .map(|offset| {
            let remedy = "a unit test lives in the folder of its room: move it to `tests.rs` there";
            Violation::new(file, source.line(offset), "unit tests", remedy)
        })
        .collect()
}

fn anyhow_at_the_edge(file: &SourceFile) -> Vec<Violation> {
    let is_edge = ["collector/src/main.rs", "collector/src/app.rs"].contains(&file.path.as_str());
    if !file.is_product_code() || is_edge {
        return Vec::new();
    }
    let source = RustSource::read(&file.text);
    source
        .find_word("anyhow")
        .into_iter()
        .map(|offset| {
            let remedy =
                "a room has its own small `thiserror` enum; `anyhow` is for main.rs, app.rs and tests";
            Violation::new(file, source.line(offset), "errors", remedy)
        })
        .collect()
}

#[test]
fn files_are_short() {
    hold(file_length);
}

#[test]
fn a_long_file_is_found() {
    let long = "\n".repeat(LINES_AT_MOST + 1);
    assert_eq!(file_length(&SourceFile::example("model/src/id.rs", &long)).len(), 1);
    assert_eq!(file_length(&SourceFile::example("collector/ui/package-lock.json", &long)).len(), 0);
}

#[test]
fn rust_files_begin_with_what_they_are() {
    hold(first_line);
}

#[test]
fn a_file_without_a_first_sentence_is_found() {
    assert_eq!(first_line(&SourceFile::example("model/src/id.rs", "use std::fmt;\n")).len(), 1);
    assert_eq!(first_line(&SourceFile::example("model/src/id.rs", "//! Ids.\n")).len(), 0);
}

#[test]
fn a_room_is_a_door_and_a_folder() {
    hold(no_mod_rs);
}

#[test]
fn a_mod_rs_is_found() {
    assert_eq!(no_mod_rs(&SourceFile::example("model/src/otlp/mod.rs", "")).len(), 1);
}

#[test]
fn rooms_are_named_after_what_they_do() {
    hold(room_name);
}

#[test]
fn a_name_that_says_nothing_is_found() {
    for path in ["filter/src/utils.rs", "collector/src/common/time.rs", "collector/ui/src/helpers.ts"] {
        assert_eq!(room_name(&SourceFile::example(path, "")).len(), 1, "{path}");
    }
    assert_eq!(room_name(&SourceFile::example("collector/src/store.rs", "")).len(), 0);
}

#[test]
fn nothing_is_unfinished() {
    hold(unfinished);
}

#[test]
fn unfinished_code_is_found() {
    let [attribute, gap, print] = ["ignore", "todo", "dbg"];
    let text = format!("#[{attribute}]\nfn f() {{\n    {gap}!()\n}} // {gap}!()\nlet a = \"{print}!\";");
    let rust = SourceFile::example("model/src/id.rs", &text);
    assert_eq!(unfinished(&rust).iter().map(|found| found.line).collect::<Vec<_>>(), [3, 1]);
    let script =
        SourceFile::example("collector/ui/src/time.test.ts", &format!("it.{}('x', f)\nit('y', f)", "skip"));
    assert_eq!(unfinished(&script).len(), 1);
}

#[test]
fn unit_tests_live_beside_their_room() {
    hold(unit_tests_apart);
}

#[test]
fn a_unit_test_among_product_code_is_found() {
    let text = "#[test]\nfn works() {}";
    assert_eq!(unit_tests_apart(&SourceFile::example("model/src/id.rs", text)).len(), 1);
    assert_eq!(unit_tests_apart(&SourceFile::example("model/src/id/tests.rs", text)).len(), 0);
}

#[test]
fn rooms_have_errors_of_their_own() {
    hold(anyhow_at_the_edge);
}

#[test]
fn anyhow_inside_a_room_is_found() {
    let text = "use anyhow::Result;";
    assert_eq!(anyhow_at_the_edge(&SourceFile::example("collector/src/store.rs", text)).len(), 1);
    assert_eq!(anyhow_at_the_edge(&SourceFile::example("collector/src/app.rs", text)).len(), 0);
    assert_eq!(anyhow_at_the_edge(&SourceFile::example("tests/harness/lib.rs", text)).len(), 0);
}
