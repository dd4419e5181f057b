//! `x-amzn-trace-id: Root=1-{8 digits}-{24 digits};Parent={span-id};Sampled={0|1|?}` (AWS X-Ray, "Tracing header").

use super::{Carried, Decision, Outgoing, Reading, Width};
use crate::id::{SpanId, TraceId};

pub(super) const HEADER: &str = "x-amzn-trace-id";
/// Most bytes of the parts that belong to others, such as `Self` or `Lineage`.
const MAX_KEPT_BYTES: usize = 256;

#[derive(Default)]
struct Parts<'a> {
    root: Option<&'a str>,
    parent: Option<&'a str>,
    sampled: Option<&'a str>,
    others: String,
}

pub(super) fn parse(carried: &Carried<'_>) -> Result<Reading, &'static str> {
    let value = carried.only(HEADER)?.unwrap_or_default();
    if !value.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return Err("x-amzn-trace-id is not printable");
    }
    let parts = split(std::str::from_utf8(value).map_err(|_| "x-amzn-trace-id is not text")?)?;
    let trace_id = parts
        .root
        .and_then(root_to_trace_id)
        .ok_or("x-amzn-trace-id's Root is not 1, 8 and 24 lower-case hexadecimal digits, or zero")?;
    // A load balancer begins a trace without a span of its own: no Parent.
    let span_id = match parts.parent {
        None => None,
        Some(digits) => Some(
            SpanId::from_hex(digits.as_bytes())
                .ok_or("x-amzn-trace-id's Parent is not 16 lower-case digits, or zero")?,
        ),
    };
    let decision = match parts.sampled {
        None | Some("?") => Decision::Deferred,
        Some("1") => Decision::Sampled,
        Some("0") => Decision::NotSampled,
        Some(_) => return Err("x-amzn-trace-id's Sampled is none of 0, 1, ?"),
    };
    Ok(Reading { ids: Some((trace_id, span_id)), decision, width: Width::Wide, kept: parts.others })
}

fn split(value: &str) -> Result<Parts<'_>, &'static str> {
    let mut parts = Parts::default();
    for part in value.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, text) = part.split_once('=').ok_or("x-amzn-trace-id has a part without an equals sign")?;
        let known = match key {
            "Root" => &mut parts.root,
            "Parent" => &mut parts.parent,
            "Sampled" => &mut parts.sampled,
            _ => {
                if parts.others.len() + part.len() < MAX_KEPT_BYTES {
                    parts.others.push(';');
                    parts.others.push_str(part);
                }
                continue;
            }
        };
        if known.replace(text).is_some() {
            return Err("x-amzn-trace-id names a part twice");
        }
    }
    Ok(parts)
}

fn root_to_trace_id(root: &str) -> Option<TraceId> {
    let (epoch, unique) = root.strip_prefix("1-")?.split_once('-')?;
    if epoch.len() != 8 {
        return None;
    }
    TraceId::from_hex(format!("{epoch}{unique}").as_bytes())
}

pub(super) fn write(outgoing: &Outgoing<'_>, kept: &str) -> Vec<(&'static str, String)> {
    let trace_id = outgoing.context.trace_id.to_hex();
    let (epoch, unique) = trace_id.split_at_checked(8).unwrap_or_default();
    let (span_id, sampled) = (outgoing.context.span_id, outgoing.one_or_zero());
    vec![(HEADER, format!("Root=1-{epoch}-{unique};Parent={span_id};Sampled={sampled}{kept}"))]
}
