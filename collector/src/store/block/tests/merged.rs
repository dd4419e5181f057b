//! What a block made of others knows of itself, and what a block of an older version leaves unsaid.

use std::time::Duration;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::EnabledStatistics;
use parquet::schema::types::ColumnPath;
use throughline_model::link::LinkKind;

use super::super::*;
use super::{attribute, search, span, trace, trace_id, write_block};
use crate::store::{Comparison, Condition, Field, Scope, Test};
use throughline_model::span::{Attribute, SpanEvent, SpanKind, SpanLink, Value};

const ALL_BYTES: u64 = 1_000_000_000;

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: Value::Text(value.to_owned()) }
}

/// A call that began a trace, with this evidence for its cause.
fn call(number: u64, kind: LinkKind) -> Span {
    let attributes = vec![text(attribute::LINK_KIND, kind.as_str())];
    Span { kind: SpanKind::Client, attributes, ..span(number, 1, "cart", 100 + number) }
}

fn merged(folder: &Path, blocks: &[Block]) -> Block {
    let reopened = |block: &Block| Arc::new(Block::open(block.path()).unwrap());
    let blocks: Vec<Arc<Block>> = blocks.iter().map(reopened).collect();
    let merge = Merge { blocks: &blocks, without: &BTreeSet::new(), is_given_up: &|| false };
    let Merged::Into(path) = super::super::merge(folder, &merge).unwrap() else { panic!("no block") };
    Block::open(&path).unwrap()
}

/// Traces that began without a cause, and whether rows were read to find them.
fn without_cause(block: &Block) -> (Vec<TraceId>, bool) {
    let link = Field::Attribute(Scope::Span, attribute::LINK_KIND.to_owned());
    let is_none = Test::Is(Comparison::Equal, Value::Text(LinkKind::None.as_str().to_owned()));
    let filter = SpanFilter { conditions: vec![Condition::Field(link, is_none)], ..SpanFilter::default() };
    let budget = Budget::new(Duration::from_secs(600), ALL_BYTES);
    let mut newest = NewestTraces::new(100);
    assert!(block.search(&filter, &mut newest, &budget).unwrap());
    (newest.into_traces(), !budget.has_bytes(ALL_BYTES))
}

/// The same rows with as few statistics as older versions wrote.
fn as_of_an_older_version(block: &Block) -> (tempfile::TempDir, Block) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("older.parquet");
    let mut properties = schema::properties(100, block.footer.entries(), &[]).unwrap().into_builder();
    let ids_and_times = [columns::TRACE_ID, columns::START, columns::DURATION];
    for field in
        schema::SCHEMA.fields().iter().filter(|field| !ids_and_times.contains(&field.name().as_str()))
    {
        let column = ColumnPath::from(field.name().as_str());
        properties = properties.set_column_statistics_enabled(column, EnabledStatistics::None);
    }
    let rows = ParquetRecordBatchReaderBuilder::try_new(File::open(block.path()).unwrap()).unwrap();
    let file = File::create(&path).unwrap();
    let mut writer =
        ArrowWriter::try_new(file, Arc::clone(&schema::SCHEMA), Some(properties.build())).unwrap();
    for batch in rows.build().unwrap() {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.close().unwrap();
    let block = Block::open(&path).unwrap();
    (folder, block)
}

#[test]
fn a_merged_block_is_not_read_for_a_kind_of_link_that_it_lacks() {
    let (folder, one) = write_block(&[1, 2].map(|number| call(number, LinkKind::Propagated)));
    let (_other, two) = write_block(&[3, 4].map(|number| call(number, LinkKind::Sole)));
    let block = merged(folder.path(), &[one, two]);
    assert_eq!(block.rows(), 4);
    assert_eq!(without_cause(&block), (Vec::new(), false));
}

#[test]
fn a_merged_block_tells_every_call_without_a_cause() {
    let (folder, one) = write_block(&[call(1, LinkKind::Propagated), call(2, LinkKind::None)]);
    let (_other, two) = write_block(&[call(3, LinkKind::Sole), call(4, LinkKind::None)]);
    let block = merged(folder.path(), &[one, two]);
    assert_eq!(without_cause(&block), ([4, 2].map(trace_id).to_vec(), true));
}

#[test]
fn a_merged_block_knows_what_is_outside_of_its_columns() {
    // Two values of one name: the first of them has the column.
    let mut odd = call(1, LinkKind::Propagated);
    odd.attributes =
        vec![Attribute { key: attribute::DEPTH.to_owned(), value: Value::Text("two".to_owned()) }];
    let (folder, one) = write_block(&[odd]);
    let (_other, two) = write_block(&[call(2, LinkKind::Propagated)]);
    let block = merged(folder.path(), &[one, two]);
    assert_eq!(block.footer.inline, Some(BTreeSet::from([attribute::DEPTH.to_owned()])));
    let depth = Field::Attribute(Scope::Span, attribute::DEPTH.to_owned());
    let is_two = Test::Is(Comparison::Equal, Value::Text("two".to_owned()));
    let filter = SpanFilter { conditions: vec![Condition::Field(depth, is_two)], ..SpanFilter::default() };
    assert_eq!(search(&block, &filter, 10), [trace_id(1)]);
}

#[test]
fn what_one_span_of_many_has_is_read_though_the_others_have_nothing_of_it() {
    let mut rich = span(2_500, 1, "cart", 100);
    rich.trace_state = "vendor=1".to_owned();
    rich.status_message = "no route".to_owned();
    rich.end_unix_ns = 90;
    rich.attributes = vec![text(attribute::RPC_METHOD, "Get"), text(attribute::PATH, "a>b")];
    rich.links = vec![SpanLink { trace_id: trace_id(1), span_id: rich.span_id, attributes: Vec::new() }];
    rich.events = vec![SpanEvent { time_unix_ns: 95, name: "retry".to_owned(), attributes: Vec::new() }];
    let mut spans: Vec<Span> = (1..5_000).map(|number| span(number, 1, "cart", 100)).collect();
    let (_folder, plain) = write_block(&spans);
    assert!(absent::present(&plain.metadata, 0).len() < schema::SCHEMA.fields().len() - 20);
    spans[2_499] = rich;
    let (folder, block) = write_block(&spans);
    let (_older, older) = as_of_an_older_version(&block);
    assert_eq!(absent::present(&older.metadata, 0).len(), schema::SCHEMA.fields().len());
    let again = merged(folder.path(), &[Block::open(block.path()).unwrap()]);
    for block in [&block, &older, &again] {
        for number in [1, 2_499, 2_500, 2_501, 4_999] {
            let found = trace(block, trace_id(number)).unwrap();
            assert_eq!(
                found.iter().map(|span| (**span).clone()).collect::<Vec<_>>(),
                [spans[number as usize - 1].clone()]
            );
        }
    }
}

/// One of 4,096 ways.
fn way(number: u64) -> String {
    let ways = (0..6).map(|hop| format!("service-{}", (number >> (2 * hop)) % 4));
    ways.collect::<Vec<_>>().join(">")
}

fn with_way(number: u64) -> Span {
    Span { attributes: vec![text(attribute::PATH, &way(number))], ..span(number, 1, "cart", number) }
}

#[test]
fn damage_to_the_ways_is_an_error_or_another_text_and_stops_nothing() {
    let spans: Vec<Span> = (1..9_000).map(with_way).collect();
    let (folder, block) = write_block(&spans);
    let place = schema::SCHEMA.index_of("path").unwrap();
    let (start, length) = block.metadata.metadata().row_group(0).column(place).byte_range();
    let whole = std::fs::read(block.path()).unwrap();
    let path = folder.path().join("damaged.parquet");
    let mut errors = 0;
    for step in 0..200 {
        let mut bytes = whole.clone();
        let at = (start + step * length / 200) as usize;
        bytes[at] ^= 1 << (step % 8);
        bytes[at + 1] = 0xff;
        std::fs::write(&path, &bytes).unwrap();
        let damaged = Block::open(&path).unwrap();
        let found = (1..9_000).step_by(500).map(|number| trace(&damaged, trace_id(number)));
        errors += usize::from(found.filter(Result::is_err).count() > 0);
    }
    assert!(errors > 0, "nothing that was damaged was read");
}

#[test]
fn many_ways_through_a_mesh_are_read_back() {
    let spans: Vec<Span> = (1..9_000).map(with_way).collect();
    let (_folder, block) = write_block(&spans);
    for number in [1, 300, 1_025, 4_000, 8_999] {
        let found = trace(&block, trace_id(number)).unwrap();
        assert_eq!(
            found.iter().map(|span| (**span).clone()).collect::<Vec<_>>(),
            [spans[number as usize - 1].clone()]
        );
    }
    let path = Field::Attribute(Scope::Span, attribute::PATH.to_owned());
    let is_way = Test::Is(Comparison::Equal, Value::Text(way(4_095)));
    let filter = SpanFilter { conditions: vec![Condition::Field(path, is_way)], ..SpanFilter::default() };
    assert_eq!(search(&block, &filter, 10), [8_191, 4_095].map(trace_id));
}
