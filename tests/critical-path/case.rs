//! One labelled trace: spans in Jaeger's JSON, and beside them the microseconds of each operation on the critical path.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use harness::generator::now_unix_ns;
use serde_json::Value;
use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::encode_export_request;
use throughline_model::span::{self, Attribute, Resource, Span, SpanKind, StatusCode};

/// The cases begin near zero; this long ago is within what the collector takes.
const AGE_NS: u64 = 3_600_000_000_000;

/// Nanoseconds on the path by `[service] operation`.
pub(crate) type Shares = BTreeMap<String, u64>;

/// A labelled trace.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) spans: Vec<Span>,
    pub(crate) labelled: Shares,
}

impl Case {
    pub(crate) fn read(number: u64, folder: &Path, path: &Path) -> Result<Self> {
        let json: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let trace = &json["data"][0];
        let written = trace["spans"].as_array().context("no spans")?;
        let ids: HashMap<&str, u64> =
            written.iter().filter_map(|span| span["spanID"].as_str()).zip(1..).collect();
        let trace_id = TraceId::from_bytes(&u128::from(number).to_be_bytes()).context("a trace id")?;
        let begin_ns = now_unix_ns().saturating_sub(AGE_NS);
        let read = |span: &Value| read_span(span, trace, &ids, (trace_id, begin_ns));
        let spans = written.iter().map(read).collect::<Result<_>>()?;
        // The first cases hold the times alone, in a list; the later ones other figures beside them.
        let told = json["testing"].get(0).unwrap_or(&json["testing"]["opTimeExclusive"]);
        let labels = told.as_object().context("no label")?;
        let label = |(name, time): (&String, &Value)| Some((name.clone(), time.as_u64()? * 1_000));
        let name = path.strip_prefix(folder)?.with_extension("").to_string_lossy().into_owned();
        Ok(Self { name, spans, labelled: labels.iter().filter_map(label).collect() })
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        encode_export_request(&self.spans)
    }

    pub(crate) fn trace_id(&self) -> String {
        self.spans.first().map(|span| span.trace_id.to_hex()).unwrap_or_default()
    }
}

fn read_span(
    span: &Value,
    trace: &Value,
    ids: &HashMap<&str, u64>,
    (trace_id, begin_ns): (TraceId, u64),
) -> Result<Span> {
    let id_of = |value: &Value| {
        // A parent that the trace lacks is missing, and its child is no root.
        let number = ids.get(value.as_str()?).copied().unwrap_or(u64::MAX);
        SpanId::from_bytes(&number.to_be_bytes())
    };
    let process = span["processID"].as_str().context("no process")?;
    let service = trace["processes"][process]["serviceName"].as_str().context("no service")?;
    let references = span["references"].as_array();
    let parent = references.and_then(|all| all.iter().find(|one| one["refType"] == "CHILD_OF"));
    let start_unix_ns = begin_ns + span["startTime"].as_u64().context("no start")? * 1_000;
    let value = span::Value::Text(service.to_owned());
    let name = Attribute { key: attribute::SERVICE_NAME.to_owned(), value };
    Ok(Span {
        trace_id,
        span_id: id_of(&span["spanID"]).context("no id")?,
        parent_span_id: parent.and_then(|parent| id_of(&parent["spanID"])),
        trace_state: String::new(),
        flags: 1,
        name: span["operationName"].as_str().context("no operation")?.to_owned(),
        kind: SpanKind::Internal,
        start_unix_ns,
        end_unix_ns: start_unix_ns + span["duration"].as_u64().context("no duration")? * 1_000,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource { attributes: vec![name] }),
    })
}
