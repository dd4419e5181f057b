//! The module that ships can panic at no place but those listed here, each with the reason why it never does.

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::run_directory::RunDirectory;
use harness::wasm_module::panic_sites;

/// Beginnings of the names of source files, and why what may panic there does not. A new file must be looked at: mend
/// it so that nothing is left for the panic handler, or add its reason.
const LISTED: &[(&str, &str)] = &[
    // Ours.
    ("filter/src/inflight/slot.rs", "removes at a place that `position` has found, or at 0 of eight entries"),
    ("filter/src/propagation.rs", "an index that the search before it has found"),
    ("model/src/context/format/digits.rs", "a width that is given as a constant"),
    ("model/src/context/path.rs", "removes and inserts at places below a length that was compared before"),
    // Memory: Envoy has given the module its limit of a gigabyte before an allocation fails, and buffers are bounded.
    ("library/alloc/src/raw_vec/mod.rs", "out of memory, or a length above the address space"),
    ("library/alloc/src/vec/spec_from_iter_nested.rs", "a length above the address space"),
    ("crates/hashbrown-", "a length above the address space"),
    ("rust/deps/hashbrown-", "a length above the address space"),
    ("/rust/deps/hashbrown-", "a length above the address space"),
    // Formatting and text, with arguments that are whole texts and numbers.
    ("library/alloc/src/fmt.rs", "a `Display` that fails; ours do not"),
    ("library/alloc/src/string.rs", "a `Display` that fails; ours do not"),
    ("library/core/src/fmt/", "widths and precisions of the formatter's own"),
    ("library/core/src/unicode/", "tables of the `Debug` of a character"),
    ("library/alloc/src/str.rs", "the sum of lengths in `join` and `replace`"),
    ("library/core/src/str/", "searches that keep to the bounds of the text"),
    ("library/core/src/slice/", "searches and copies that keep to the bounds of the slice"),
    ("library/alloc/src/slice.rs", "the sum of lengths in `concat` and `join`"),
    ("library/alloc/src/vec/mod.rs", "places below a length that was compared before"),
    ("library/alloc/src/collections/", "the invariants of maps and queues"),
    ("library/core/src/iter/", "steps that are constants other than zero"),
    // Clocks: the host's monotonic clock does not go back.
    ("library/core/src/time.rs", "a duration that fits"),
    ("library/std/src/time.rs", "a moment that fits"),
    ("library/std/src/sys/pal/", "a clock that the host has"),
    // One thread, one callback at a time.
    ("library/core/src/cell.rs", "our own cells are asked with `try_borrow_mut`"),
    ("library/std/src/sync/", "one thread, so nobody else holds it"),
    ("library/std/src/sys/sync/", "one thread, so nobody else holds it"),
    ("library/std/src/sys/thread_local/", "one thread, which never ends"),
    ("library/std/src/thread/", "one thread, which never ends"),
    // What panics use themselves, and the standard streams that they write to.
    ("library/std/src/panicking.rs", "the panic handler"),
    ("library/std/src/io/", "the panic handler's output"),
    ("library/std/src/sys/io/", "the panic handler's output"),
    ("library/std/src/sys/random/", "the host's source of randomness, which the seeds of hash maps ask"),
    ("library/std/src/sys/stdio/", "the panic handler's output"),
    ("library/std/src/sys/backtrace.rs", "the panic handler's output"),
    ("library/std/src/alloc.rs", "the handler of a failed allocation"),
    // Crates.
    ("crates/hex-", "digits of a room of twice the length"),
    ("crates/json-event-parser-", "places within the text, which the reader has compared"),
    ("crates/itoa-", "digits within a buffer that holds the longest number"),
    ("crates/log-", "the SDK logs without keys and values"),
    ("crates/proxy-wasm-", "the start and the wrappers of the SDK, which our calls pass by"),
];

pub(crate) fn only_listed_panics(_run: &mut RunDirectory) -> Result<()> {
    let path = artefacts::module()?;
    let sites = panic_sites(&std::fs::read(&path).with_context(|| path.display().to_string())?)?;
    let is_listed = |file: &str| LISTED.iter().any(|(beginning, _)| file.starts_with(beginning));
    let unlisted: Vec<String> = sites
        .iter()
        .filter(|site| !is_listed(&site.file))
        .map(|site| format!("{}:{}", site.file, site.line))
        .collect();
    let ours = |file: &str| file.starts_with("filter/") || file.starts_with("model/");
    let of_ours: Vec<String> = sites
        .iter()
        .filter(|site| ours(&site.file))
        .map(|site| format!("{}:{}", site.file, site.line))
        .collect();
    println!(
        "  {} places may panic as far as the linker knows, {} of them in our own code: {}",
        sites.len(),
        of_ours.len(),
        of_ours.join(", ")
    );
    ensure!(!sites.is_empty(), "no place was found: is a location still laid out as it is read here?");
    ensure!(unlisted.is_empty(), "the module can panic at places that are not listed: {unlisted:?}");
    Ok(())
}
