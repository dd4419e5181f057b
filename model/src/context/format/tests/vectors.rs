//! What each format's headers are read as: headers, `trace/span/decision` or a decision alone, and the rule.

use super::{Case, DEBUG, NOT, SAMPLED};

pub(super) const B3_SINGLE: &[Case] = &[
    (
        &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90")],
        Some("80f198ee56343ba864fe8b2a57d3eff7/e457b5a2e4d86bd1/sampled"),
        "Single Header: all four parts",
    ),
    (
        &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-0")],
        Some("80f198ee56343ba864fe8b2a57d3eff7/e457b5a2e4d86bd1/not"),
        "Single Header, Sampling State: deny",
    ),
    (
        &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d")],
        Some("80f198ee56343ba864fe8b2a57d3eff7/e457b5a2e4d86bd1/debug"),
        "Single Header, Sampling State: debug",
    ),
    (
        &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1")],
        Some("80f198ee56343ba864fe8b2a57d3eff7/e457b5a2e4d86bd1/deferred"),
        "Single Header, Sampling State: absent is defer",
    ),
    (
        &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-05e3ac9a4f6e3b90")],
        Some("80f198ee56343ba864fe8b2a57d3eff7/e457b5a2e4d86bd1/deferred"),
        "Single Header: the sampling state may be absent before a parent",
    ),
    (
        &[("b3", "64fe8b2a57d3eff7-e457b5a2e4d86bd1-1")],
        Some("000000000000000064fe8b2a57d3eff7/e457b5a2e4d86bd1/sampled"),
        "Single Header, TraceId: 16 digits; W3C: padded on the left",
    ),
    (&[("b3", "0")], Some(NOT), "Single Header: a deny decision may omit the ids"),
    (&[("b3", "1")], Some(SAMPLED), "Single Header: any state may be sent alone"),
    (&[("b3", "d")], Some(DEBUG), "Single Header: any state may be sent alone"),
    (&[("b3", "")], None, "Single Header: something has to be there"),
    (&[("b3", "2")], None, "Sampling State is one of 0, 1, d"),
    (&[("b3", "true")], None, "Sampling State is a single character"),
    (&[("b3", "80f198ee56343ba864fe8b2a57d3eff7")], None, "SpanId is required"),
    (&[("b3", "80f198ee56343ba864fe8b2a57d3eff7-")], None, "SpanId is required"),
    (
        &[("b3", "80F198EE56343BA864FE8B2A57D3EFF7-e457b5a2e4d86bd1-1")],
        None,
        "TraceId is lower-case (policy)",
    ),
    (&[("b3", "0f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1")], None, "TraceId has 32 or 16 digits"),
    (&[("b3", "00000000000000000000000000000000-e457b5a2e4d86bd1-1")], None, "TraceId is not zero (W3C)"),
    (&[("b3", "0000000000000000-e457b5a2e4d86bd1-1")], None, "TraceId is not zero (W3C)"),
    (&[("b3", "80f198ee56343ba864fe8b2a57d3eff7-0000000000000000-1")], None, "SpanId is not zero (W3C)"),
    (&[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd-1")], None, "SpanId has 16 digits"),
    (
        &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-x")],
        None,
        "Sampling State is one of 0, 1, d",
    ),
    (
        &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3")],
        None,
        "ParentSpanId has 16 digits",
    ),
    (
        &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-x-05e3ac9a4f6e3b90")],
        None,
        "Sampling State is one of 0, 1, d",
    ),
    (
        &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90-1")],
        None,
        "Single Header has four parts",
    ),
    (&[("b3", "0"), ("b3", "1")], None, "one header is one context (policy)"),
    (&[("b3", "\u{fc}")], None, "hexadecimal digits are ASCII"),
];

pub(super) const B3_MULTI: &[Case] = &[
    (
        &[
            ("x-b3-traceid", "80f198ee56343ba864fe8b2a57d3eff7"),
            ("x-b3-parentspanid", "05e3ac9a4f6e3b90"),
            ("x-b3-spanid", "e457b5a2e4d86bd1"),
            ("x-b3-sampled", "1"),
        ],
        Some("80f198ee56343ba864fe8b2a57d3eff7/e457b5a2e4d86bd1/sampled"),
        "Multiple Headers: all of them",
    ),
    (
        &[("x-b3-traceid", "64fe8b2a57d3eff7"), ("x-b3-spanid", "e457b5a2e4d86bd1"), ("x-b3-sampled", "0")],
        Some("000000000000000064fe8b2a57d3eff7/e457b5a2e4d86bd1/not"),
        "Multiple Headers, TraceId: 16 digits",
    ),
    (
        &[("x-b3-traceid", "64fe8b2a57d3eff7"), ("x-b3-spanid", "e457b5a2e4d86bd1")],
        Some("000000000000000064fe8b2a57d3eff7/e457b5a2e4d86bd1/deferred"),
        "Multiple Headers, Sampling State: absent is defer",
    ),
    (
        &[
            ("x-b3-traceid", "64fe8b2a57d3eff7"),
            ("x-b3-spanid", "e457b5a2e4d86bd1"),
            ("x-b3-sampled", "0"),
            ("x-b3-flags", "1"),
        ],
        Some("000000000000000064fe8b2a57d3eff7/e457b5a2e4d86bd1/debug"),
        "Debug Flag implies accept",
    ),
    (
        &[
            ("x-b3-traceid", "64fe8b2a57d3eff7"),
            ("x-b3-spanid", "e457b5a2e4d86bd1"),
            ("x-b3-sampled", "true"),
            ("x-b3-flags", "0"),
        ],
        Some("000000000000000064fe8b2a57d3eff7/e457b5a2e4d86bd1/sampled"),
        "Sampling State, Note: true and false may be accepted; only flag 1 has a meaning",
    ),
    (
        &[
            ("x-b3-traceid", "64fe8b2a57d3eff7"),
            ("x-b3-traceid", "74fe8b2a57d3eff7"),
            ("x-b3-spanid", "e457b5a2e4d86bd1"),
        ],
        Some("000000000000000064fe8b2a57d3eff7/e457b5a2e4d86bd1/deferred"),
        "Multiple Headers: the first value wins",
    ),
    (&[("x-b3-sampled", "0")], Some(NOT), "Sampling State alone"),
    (&[("x-b3-sampled", "false")], Some(NOT), "Sampling State alone"),
    (&[("x-b3-flags", "1")], Some(DEBUG), "Debug Flag alone"),
    (&[("x-b3-flags", "0")], None, "nothing is said"),
    (&[("x-b3-parentspanid", "05e3ac9a4f6e3b90")], None, "TraceId is required"),
    (&[("x-b3-traceid", "64fe8b2a57d3eff7")], None, "SpanId is required"),
    (&[("x-b3-spanid", "64fe8b2a57d3eff7"), ("x-b3-sampled", "1")], None, "TraceId is required"),
    (
        &[("x-b3-traceid", "64fe8b2a57d3eff7"), ("x-b3-spanid", "E457B5A2E4D86BD1")],
        None,
        "SpanId is lower-case (policy)",
    ),
    (
        &[("x-b3-traceid", "4fe8b2a57d3eff7"), ("x-b3-spanid", "e457b5a2e4d86bd1")],
        None,
        "TraceId has 32 or 16 digits",
    ),
    (
        &[("x-b3-traceid", "0000000000000000"), ("x-b3-spanid", "e457b5a2e4d86bd1")],
        None,
        "TraceId is not zero (W3C)",
    ),
    (
        &[("x-b3-traceid", "64fe8b2a57d3eff7"), ("x-b3-spanid", "e457b5a2e4d86bd1"), ("x-b3-sampled", "2")],
        None,
        "Sampling State is 1 or 0",
    ),
    (
        &[
            ("x-b3-traceid", "64fe8b2a57d3eff7"),
            ("x-b3-spanid", "e457b5a2e4d86bd1"),
            ("x-b3-parentspanid", "x"),
        ],
        None,
        "ParentSpanId has 16 digits",
    ),
];

pub(super) const JAEGER: &[Case] = &[
    (
        &[("uber-trace-id", "80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:0:1")],
        Some("80f198ee56343ba864fe8b2a57d3eff7/e457b5a2e4d86bd1/sampled"),
        "Value: trace, span, parent, flags",
    ),
    (
        &[("uber-trace-id", "4fe8b2a57d3eff7:bd1:05e3ac9a4f6e3b90:0")],
        Some("000000000000000004fe8b2a57d3eff7/0000000000000bd1/not"),
        "Value: ids of variable length are padded on the left",
    ),
    (
        &[("uber-trace-id", "1%3A2%3a0%3A03")],
        Some("00000000000000000000000000000001/0000000000000002/debug"),
        "Value: the encoding of URLs; flag 2 is debug",
    ),
    (
        &[("uber-trace-id", "1:2:0:2")],
        Some("00000000000000000000000000000001/0000000000000002/not"),
        "Value: debug counts only with sampled",
    ),
    (
        &[("uber-trace-id", "1:2:0:9")],
        Some("00000000000000000000000000000001/0000000000000002/sampled"),
        "Value: the firehose flag and other bits are not ours",
    ),
    (&[("uber-trace-id", "0:2:0:1")], None, "Value: trace id 0 is invalid"),
    (&[("uber-trace-id", "1:0:0:1")], None, "Value: span id 0 is invalid"),
    (&[("uber-trace-id", "1:2:0")], None, "Value: four parts"),
    (&[("uber-trace-id", "1:2:0:1:1")], None, "Value: four parts"),
    (&[("uber-trace-id", "1:2:0:")], None, "Value: flags are one or two digits"),
    (&[("uber-trace-id", "1:2:0:001")], None, "Value: flags are one byte"),
    (&[("uber-trace-id", "1:2:0:+1")], None, "Value: flags are hexadecimal"),
    (&[("uber-trace-id", "1:2:x:1")], None, "Value: the parent is hexadecimal"),
    (&[("uber-trace-id", "180f198ee56343ba864fe8b2a57d3eff7:2:0:1")], None, "Value: at most 128 bits"),
    (&[("uber-trace-id", "1:1e457b5a2e4d86bd1:0:1")], None, "Value: at most 64 bits"),
    (
        &[("uber-trace-id", "1:2:0:1"), ("uber-trace-id", "1:2:0:1")],
        None,
        "one header is one context (policy)",
    ),
];

pub(super) const X_RAY: &[Case] = &[
    (
        &[("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")],
        Some("5759e988bd862e3fe1be46a994272793/53995c3f42cd8ad8/sampled"),
        "Tracing header: with Parent",
    ),
    (
        &[(
            "x-amzn-trace-id",
            "Sampled=0; Parent=53995c3f42cd8ad8; Root=1-5759e988-bd862e3fe1be46a994272793;",
        )],
        Some("5759e988bd862e3fe1be46a994272793/53995c3f42cd8ad8/not"),
        "Tracing header: any order, space between parts",
    ),
    (
        &[("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=?")],
        Some("5759e988bd862e3fe1be46a994272793/53995c3f42cd8ad8/deferred"),
        "Tracing header: a question mark asks the receiver to decide (policy)",
    ),
    (
        &[(
            "x-amzn-trace-id",
            "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678",
        )],
        Some("67891233abcdef012345678912345678//deferred"),
        "Load balancer: Root alone, and a part of its own (policy: a root span in that trace)",
    ),
    (&[("x-amzn-trace-id", "Parent=53995c3f42cd8ad8;Sampled=1")], None, "Tracing header: Root is required"),
    (&[("x-amzn-trace-id", "Root=2-5759e988-bd862e3fe1be46a994272793")], None, "Trace id: version 1"),
    (&[("x-amzn-trace-id", "Root=1-5759e98-8bd862e3fe1be46a994272793")], None, "Trace id: 8 and 24 digits"),
    (&[("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a99427279")], None, "Trace id: 8 and 24 digits"),
    (&[("x-amzn-trace-id", "Root=1-00000000-000000000000000000000000")], None, "Trace id: not zero (W3C)"),
    (
        &[("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000")],
        None,
        "Parent: not zero (W3C)",
    ),
    (
        &[(
            "x-amzn-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=yes",
        )],
        None,
        "Sampled: 0, 1 or ?",
    ),
    (
        &[(
            "x-amzn-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Root=1-5759e988-bd862e3fe1be46a994272794",
        )],
        None,
        "Tracing header: one Root",
    ),
    (
        &[("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;junk")],
        None,
        "Tracing header: key=value",
    ),
    (&[("x-amzn-trace-id", "\u{e9}")], None, "Tracing header: printable"),
];

pub(super) const DATADOG: &[Case] = &[
    (
        &[
            ("x-datadog-trace-id", "12345678901234567890"),
            ("x-datadog-parent-id", "255"),
            ("x-datadog-sampling-priority", "1"),
            ("x-datadog-tags", "_dd.p.dm=-1,_dd.p.tid=640cfd8d00000000"),
        ],
        Some("640cfd8d00000000ab54a98ceb1f0ad2/00000000000000ff/sampled"),
        "Trace id: lower half decimal, upper half in _dd.p.tid",
    ),
    (
        &[
            ("x-datadog-trace-id", "1"),
            ("x-datadog-parent-id", "2"),
            ("x-datadog-tags", "_dd.p.tid=640CFD8D00000000"),
        ],
        Some("00000000000000000000000000000001/0000000000000002/deferred"),
        "Trace id: a tid that is no 16 lower-case digits is ignored; no priority is no decision",
    ),
    (
        &[
            ("x-datadog-trace-id", "1"),
            ("x-datadog-parent-id", "2"),
            ("x-datadog-sampling-priority", "-1"),
            ("x-datadog-tags", "\u{e9}"),
        ],
        Some("00000000000000000000000000000001/0000000000000002/not"),
        "Sampling priority: -1 is a user's reject; bad tags harm only themselves",
    ),
    (
        &[("x-datadog-trace-id", "1"), ("x-datadog-parent-id", "2"), ("x-datadog-sampling-priority", "2")],
        Some("00000000000000000000000000000001/0000000000000002/debug"),
        "Sampling priority: 2 is a user's keep (policy: as B3's debug)",
    ),
    (&[("x-datadog-trace-id", "0"), ("x-datadog-parent-id", "2")], None, "Trace id: not zero"),
    (&[("x-datadog-trace-id", "1"), ("x-datadog-parent-id", "0")], None, "Parent id: not zero (policy)"),
    (&[("x-datadog-trace-id", "1")], None, "Parent id: required"),
    (&[("x-datadog-parent-id", "1")], None, "Trace id: required"),
    (&[("x-datadog-sampling-priority", "1")], None, "Trace id: required"),
    (&[("x-datadog-trace-id", "18446744073709551616"), ("x-datadog-parent-id", "2")], None, "64 bits"),
    (&[("x-datadog-trace-id", "+1"), ("x-datadog-parent-id", "2")], None, "decimal digits"),
    (&[("x-datadog-trace-id", "1f"), ("x-datadog-parent-id", "2")], None, "decimal digits"),
    (
        &[("x-datadog-trace-id", "1"), ("x-datadog-parent-id", "2"), ("x-datadog-sampling-priority", "x")],
        None,
        "Sampling priority: a whole number from -1 to 2",
    ),
];

pub(super) const CLOUD_TRACE: &[Case] = &[
    (
        &[("x-cloud-trace-context", "105445aa7843bc8bf206b12000100000/255;o=1")],
        Some("105445aa7843bc8bf206b12000100000/00000000000000ff/sampled"),
        "Legacy header: trace, decimal span, options",
    ),
    (
        &[("x-cloud-trace-context", "105445aa7843bc8bf206b12000100000/18446744073709551615;o=0")],
        Some("105445aa7843bc8bf206b12000100000/ffffffffffffffff/not"),
        "Legacy header: a span id of 64 bits",
    ),
    (
        &[("x-cloud-trace-context", "105445aa7843bc8bf206b12000100000/1")],
        Some("105445aa7843bc8bf206b12000100000/0000000000000001/deferred"),
        "Legacy header: no options, no decision (policy)",
    ),
    (&[("x-cloud-trace-context", "105445aa7843bc8bf206b12000100000")], None, "a span id is required"),
    (&[("x-cloud-trace-context", "105445aa7843bc8bf206b12000100000/0;o=1")], None, "span id is not zero"),
    (&[("x-cloud-trace-context", "105445aa7843bc8bf206b12000100000/18446744073709551616")], None, "64 bits"),
    (&[("x-cloud-trace-context", "105445aa7843bc8bf206b12000100000/ff;o=1")], None, "span id is decimal"),
    (&[("x-cloud-trace-context", "105445AA7843BC8BF206B12000100000/1;o=1")], None, "lower case (policy)"),
    (
        &[("x-cloud-trace-context", "00000000000000000000000000000000/1;o=1")],
        None,
        "trace id is not zero (W3C)",
    ),
    (&[("x-cloud-trace-context", "105445aa7843bc8bf206b12000100000/1;o=x")], None, "options are 0 or 1"),
    (&[("x-cloud-trace-context", "")], None, "something has to be there"),
];

/// The valid example of the OpenCensus binary encoding: trace 404142..4f, span 61..68, options 1.
const EXAMPLE: &str = "404142434445464748494a4b4c4d4e4f/6162636465666768/sampled";

pub(super) const GRPC_TRACE_BIN: &[Case] = &[
    (
        &[("grpc-trace-bin", "AABAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdoAgE")],
        Some(EXAMPLE),
        "the example, not padded",
    ),
    (&[("grpc-trace-bin", "AABAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdoAgE=")], Some(EXAMPLE), "the example, padded"),
    (
        &[("grpc-trace-bin", "AABAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdoAgA")],
        Some("404142434445464748494a4b4c4d4e4f/6162636465666768/deferred"),
        "trace options: 0 may mean that nobody decided (policy)",
    ),
    (
        &[("grpc-trace-bin", "AABAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdo")],
        Some("404142434445464748494a4b4c4d4e4f/6162636465666768/deferred"),
        "trace options may be absent",
    ),
    (
        &[("grpc-trace-bin", "AABAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdoAgEJCQk")],
        Some(EXAMPLE),
        "what follows an unknown field id is ignored",
    ),
    (&[("grpc-trace-bin", "AQBAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdoAgE")], None, "version 0"),
    (&[("grpc-trace-bin", "AABAQUJDREVGR0hJSktMTU5P")], None, "a span id is required"),
    (&[("grpc-trace-bin", "AAFhYmNkZWZnaAIB")], None, "fields stand in the order of their ids"),
    (&[("grpc-trace-bin", "AABAQUJDREVGR0hJ")], None, "a field that ends early"),
    (&[("grpc-trace-bin", "AAAAAAAAAAAAAAAAAAAAAAAAAWFiY2RlZmdoAgE")], None, "trace id is not zero (W3C)"),
    (&[("grpc-trace-bin", "AABAQUJDREVGR0hJSktMTU5PAQAAAAAAAAAAAgE")], None, "span id is not zero (W3C)"),
    (
        &[("grpc-trace-bin", "AABAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdoAgE==")],
        None,
        "padding to a multiple of four",
    ),
    (&[("grpc-trace-bin", "AABAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdo_gE")], None, "base64, not base64url"),
    (&[("grpc-trace-bin", "A")], None, "no whole byte"),
    (&[("grpc-trace-bin", "")], None, "something has to be there"),
];

pub(super) const OT_TRACE: &[Case] = &[
    (
        &[
            ("ot-tracer-traceid", "64fe8b2a57d3eff7"),
            ("ot-tracer-spanid", "e457b5a2e4d86bd1"),
            ("ot-tracer-sampled", "true"),
        ],
        Some("000000000000000064fe8b2a57d3eff7/e457b5a2e4d86bd1/sampled"),
        "OT Trace: 16 digits",
    ),
    (
        &[
            ("ot-tracer-traceid", "80f198ee56343ba864fe8b2a57d3eff7"),
            ("ot-tracer-spanid", "e457b5a2e4d86bd1"),
            ("ot-tracer-sampled", "0"),
        ],
        Some("80f198ee56343ba864fe8b2a57d3eff7/e457b5a2e4d86bd1/not"),
        "OT Trace: 32 digits are taken",
    ),
    (
        &[("ot-tracer-traceid", "64fe8b2a57d3eff7"), ("ot-tracer-spanid", "e457b5a2e4d86bd1")],
        Some("000000000000000064fe8b2a57d3eff7/e457b5a2e4d86bd1/deferred"),
        "OT Trace: no decision",
    ),
    (&[("ot-tracer-traceid", "64fe8b2a57d3eff7")], None, "OT Trace: a span id is required"),
    (&[("ot-tracer-sampled", "true")], None, "OT Trace: ids are required"),
    (
        &[("ot-tracer-traceid", "0000000000000000"), ("ot-tracer-spanid", "e457b5a2e4d86bd1")],
        None,
        "OT Trace: not zero (W3C)",
    ),
    (
        &[
            ("ot-tracer-traceid", "64fe8b2a57d3eff7"),
            ("ot-tracer-spanid", "e457b5a2e4d86bd1"),
            ("ot-tracer-sampled", "maybe"),
        ],
        None,
        "OT Trace: true or false",
    ),
];
