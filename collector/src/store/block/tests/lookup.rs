//! What a lookup by id opens of a block: the pages that hold the trace, and nothing else.

use std::fs;

use super::*;

const TRACES: u64 = 70_000;
const WANTED: u64 = 35_003;

/// Every page but those with the two rows of the trace is made unreadable; whoever opened one of them would fail.
#[test]
fn a_lookup_opens_no_page_that_does_not_hold_the_trace() {
    let spans: Vec<Span> =
        (1..=TRACES).flat_map(|trace| [1, 2].map(|id| span(trace, id, "cart", trace))).collect();
    let (_folder, block) = write_block(&spans);
    let metadata = block.metadata.metadata();
    let mut bytes = fs::read(&block.path).unwrap();
    let (mut first_row, mut kept, mut spoiled) = (0, 0, 0);
    for (number, group) in metadata.row_groups().iter().enumerate() {
        // Rows are in the order of the ids, as numbers of this row group.
        let rows = (2 * (WANTED as i64 - 1) - first_row)..(2 * WANTED as i64 - first_row);
        let index = metadata.page_index_for_row_group(number);
        for column in 0..group.columns().len() {
            let pages = index.page_locations(column).unwrap();
            let ends = pages.iter().skip(1).map(|next| next.first_row_index).chain([group.num_rows()]);
            for (page, end) in pages.iter().zip(ends) {
                if page.first_row_index < rows.end && rows.start < end {
                    kept += 1;
                } else {
                    let place =
                        page.offset as usize..page.offset as usize + page.compressed_page_size as usize;
                    bytes[place].fill(0xff);
                    spoiled += 1;
                }
            }
        }
        first_row += group.num_rows();
    }
    assert!(spoiled > 10 * kept, "{spoiled} pages are spoiled, and {kept} are not");
    fs::write(&block.path, bytes).unwrap();
    let found = trace(&block, trace_id(WANTED)).unwrap();
    assert_eq!(found.iter().map(|span| span.trace_id).collect::<Vec<_>>(), [trace_id(WANTED); 2]);
    assert!(
        trace(&block, trace_id(TRACES + 1)).unwrap().is_empty(),
        "no page is needed to know that it is absent"
    );
    assert!(trace(&block, trace_id(1)).is_err(), "what is spoiled is read without an error");
}
