//! Rollups to columns and back.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, FixedSizeBinaryBuilder, StringBuilder, UInt8Builder, UInt64Builder,
};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{UInt8Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, RecordBatch, StringArray, UInt64Array,
};
use throughline_model::id::{SpanId, TraceId};
use throughline_model::link::LinkKind;
use throughline_model::span::SpanKind;

use super::file::{LINK_COLUMNS, SCHEMA};
use super::part::Part;
use super::{Exemplar, Figures, Histogram, Links, Series};
use crate::store::block::BlockError;

const OPERATION: &str = "operation";
const EDGE: &str = "edge";
/// Trace id, span id, start and duration; numbers in little endian.
pub(super) const EXEMPLAR_BYTES: i32 = 40;
const MISSING: BlockError = BlockError::Damaged("a column is missing or has another type");

/// By series, then by minute, so that neighbours are alike.
pub(super) fn to_columns(part: &Part) -> Result<RecordBatch, BlockError> {
    let rows = part.sorted();
    let (mut series, mut client, mut service) =
        (StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let (mut kind, mut name) = (UInt8Builder::new(), StringBuilder::new());
    for (one, _, _) in &rows {
        match one {
            Series::Operation { service: of, kind: role, operation } => {
                series.append_value(OPERATION);
                client.append_null();
                service.append_value(of);
                kind.append_value(*role as u8);
                name.append_value(operation);
            }
            Series::Edge { client: from, server, route } => {
                series.append_value(EDGE);
                client.append_value(from);
                service.append_value(server);
                kind.append_null();
                name.append_value(route);
            }
        }
    }
    let number = |of: fn(&Figures) -> u64| -> ArrayRef {
        let mut builder = UInt64Builder::with_capacity(rows.len());
        rows.iter().for_each(|(_, _, figures)| builder.append_value(of(figures)));
        Arc::new(builder.finish())
    };
    let histogram = |of: fn(&Figures) -> &Histogram| -> ArrayRef {
        let mut builder = BinaryBuilder::new();
        rows.iter().for_each(|(_, _, figures)| builder.append_value(histogram_bytes(of(figures))));
        Arc::new(builder.finish())
    };
    let minutes: ArrayRef =
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(_, minute, _)| *minute)));
    let mut columns = vec![
        minutes,
        Arc::new(series.finish()),
        Arc::new(client.finish()),
        Arc::new(service.finish()),
        Arc::new(kind.finish()),
        Arc::new(name.finish()),
        number(|figures| figures.calls),
        number(|figures| figures.errors),
        number(|figures| figures.one_sided),
        number(|figures| figures.durations.sum_ns()),
        histogram(|figures| &figures.durations),
        number(|figures| figures.client_durations.sum_ns()),
        histogram(|figures| &figures.client_durations),
        exemplars(rows.iter().map(|(_, _, figures)| figures.slowest))?,
        exemplars(rows.iter().map(|(_, _, figures)| figures.slowest_error))?,
    ];
    columns.extend(LINK_COLUMNS.map(|(kind, _)| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(_, _, figures)| figures.links.of(kind))))
    }));
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)
}

/// Two bytes of index and eight of count for each bucket, little endian.
fn histogram_bytes(histogram: &Histogram) -> Vec<u8> {
    let of_bucket = |(index, count): &(u16, u64)| index.to_le_bytes().into_iter().chain(count.to_le_bytes());
    histogram.raw().iter().flat_map(of_bucket).collect()
}

fn exemplars(values: impl Iterator<Item = Option<Exemplar>>) -> Result<ArrayRef, BlockError> {
    let mut builder = FixedSizeBinaryBuilder::new(EXEMPLAR_BYTES);
    for value in values {
        match value {
            None => builder.append_null(),
            Some(exemplar) => {
                let mut bytes = exemplar.trace_id.as_bytes().to_vec();
                bytes.extend_from_slice(exemplar.span_id.as_bytes());
                bytes.extend_from_slice(&exemplar.start_unix_ns.to_le_bytes());
                bytes.extend_from_slice(&exemplar.duration_ns.to_le_bytes());
                builder.append_value(&bytes)?;
            }
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Adds the rows of a file.
pub(super) fn from_columns(batch: &RecordBatch, part: &mut Part) -> Result<(), BlockError> {
    let column = |name: &str| batch.column_by_name(name).ok_or(MISSING);
    let text = |name| -> Result<&StringArray, BlockError> { column(name)?.as_string_opt().ok_or(MISSING) };
    let number = |name| -> Result<&UInt64Array, BlockError> {
        column(name)?.as_primitive_opt::<UInt64Type>().ok_or(MISSING)
    };
    let bytes = |name| -> Result<&BinaryArray, BlockError> { column(name)?.as_binary_opt().ok_or(MISSING) };
    let exemplar = |name| -> Result<&FixedSizeBinaryArray, BlockError> {
        column(name)?.as_fixed_size_binary_opt().ok_or(MISSING)
    };
    let (minutes, family, client, service) =
        (number("minute_unix_s")?, text("series")?, text("client")?, text("service")?);
    let kind = column("kind")?.as_primitive_opt::<UInt8Type>().ok_or(MISSING)?;
    let name = text("name")?;
    let (calls, errors, one_sided) = (number("calls")?, number("errors")?, number("one_sided")?);
    let (sum_ns, client_sum_ns) = (number("duration_sum_ns")?, number("client_duration_sum_ns")?);
    let (durations, client_durations) = (bytes("durations")?, bytes("client_durations")?);
    let (slowest, slowest_error) = (exemplar("slowest")?, exemplar("slowest_error")?);
    let links = link_columns(batch)?;
    for row in 0..batch.num_rows() {
        let (of, named) = (Arc::from(service.value(row)), Arc::from(name.value(row)));
        let series = match family.value(row) {
            OPERATION => {
                let kind = SpanKind::from_number(kind.value(row).into());
                Series::Operation { service: of, kind, operation: named }
            }
            EDGE => Series::Edge { client: Arc::from(client.value(row)), server: of, route: named },
            _ => return Err(BlockError::Damaged("a rollup is neither of an operation nor of an edge")),
        };
        let figures = Figures {
            calls: calls.value(row),
            errors: errors.value(row),
            one_sided: one_sided.value(row),
            durations: histogram(durations.value(row), sum_ns.value(row)),
            client_durations: histogram(client_durations.value(row), client_sum_ns.value(row)),
            links: read_links(&links, row),
            slowest: read_exemplar(slowest, row)?,
            slowest_error: read_exemplar(slowest_error, row)?,
        };
        part.add(minutes.value(row), &series, &figures);
    }
    Ok(())
}

/// Those that the file has.
fn link_columns(batch: &RecordBatch) -> Result<Vec<(LinkKind, &UInt64Array)>, BlockError> {
    let column = |(kind, name): (LinkKind, &str)| {
        let column = batch.column_by_name(name)?;
        Some(column.as_primitive_opt::<UInt64Type>().map(|column| (kind, column)).ok_or(MISSING))
    };
    LINK_COLUMNS.into_iter().filter_map(column).collect()
}

fn read_links(columns: &[(LinkKind, &UInt64Array)], row: usize) -> Links {
    let mut links = Links::default();
    columns.iter().for_each(|(kind, calls)| links.observe(*kind, calls.value(row)));
    links
}

fn histogram(bytes: &[u8], sum_ns: u64) -> Histogram {
    let (buckets, _) = bytes.as_chunks::<10>();
    let buckets = buckets
        .iter()
        .map(|[low, high, count @ ..]| (u16::from_le_bytes([*low, *high]), u64::from_le_bytes(*count)));
    Histogram::from_raw(buckets, sum_ns)
}

fn read_exemplar(array: &FixedSizeBinaryArray, row: usize) -> Result<Option<Exemplar>, BlockError> {
    const DAMAGED: BlockError = BlockError::Damaged("an exemplar is not readable");
    if array.is_null(row) {
        return Ok(None);
    }
    let (trace_id, rest) = array.value(row).split_first_chunk::<16>().ok_or(DAMAGED)?;
    let (span_id, rest) = rest.split_first_chunk::<8>().ok_or(DAMAGED)?;
    let (start, rest) = rest.split_first_chunk::<8>().ok_or(DAMAGED)?;
    let (duration, _) = rest.split_first_chunk::<8>().ok_or(DAMAGED)?;
    Ok(Some(Exemplar {
        trace_id: TraceId::from_bytes(trace_id).ok_or(DAMAGED)?,
        span_id: SpanId::from_bytes(span_id).ok_or(DAMAGED)?,
        start_unix_ns: u64::from_le_bytes(*start),
        duration_ns: u64::from_le_bytes(*duration),
    }))
}
