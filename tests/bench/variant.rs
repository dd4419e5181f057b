//! What is compared: how an Envoy under test traces, and what it does with a request.

use serde_json::{Value, json};

/// How an Envoy traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variant {
    /// Not at all.
    Plain,
    /// By its own OpenTelemetry tracer with its defaults, every request.
    Native,
    /// The same, one request of a hundred.
    NativeOnePercent,
    /// By the filter with its defaults as an inbound proxy, every request.
    Filter,
    /// The same without a line in the log for each request.
    FilterQuiet,
    /// The same, told by its configuration that it is one.
    FilterRole,
    /// The same as an outbound proxy, which is not told.
    FilterOutbound,
    /// The same as a gateway, which makes two spans of each request.
    FilterGateway,
    /// By the filter, for callers that decided not to record.
    FilterUnsampled,
    /// By the filter, one request of a hundred, and no stubs of the others.
    FilterOnePercent,
}

/// All of them, in the order of the report.
pub(crate) const ALL: [Variant; 10] = [
    Variant::Plain,
    Variant::Native,
    Variant::NativeOnePercent,
    Variant::Filter,
    Variant::FilterQuiet,
    Variant::FilterRole,
    Variant::FilterOutbound,
    Variant::FilterGateway,
    Variant::FilterUnsampled,
    Variant::FilterOnePercent,
];

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Path {
    /// Envoy answers it by itself.
    Direct,
    /// Envoy sends it on to another Envoy.
    Proxied,
}

impl Path {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Direct, Self::Proxied];

    /// The name in reports and configurations.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Proxied => "proxied",
        }
    }
}

impl Variant {
    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "no tracing",
            Self::Native => "native tracer, 100 %",
            Self::NativeOnePercent => "native tracer, 1 %",
            Self::Filter => "filter, inbound, 100 %",
            Self::FilterQuiet => "filter, inbound, 100 %, `path_log: off`",
            Self::FilterRole => "filter, inbound, 100 %, `path_log: off`, `role: inbound`",
            Self::FilterOutbound => "filter, outbound, 100 %, `path_log: off`",
            Self::FilterGateway => "filter, gateway (2 spans), 100 %, `path_log: off`",
            Self::FilterUnsampled => "filter, inbound, caller does not record, no stubs",
            Self::FilterOnePercent => "filter, inbound, 1 %, no stubs",
        }
    }

    /// A name for files and logs.
    pub(crate) fn file_name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Percent of requests that Envoy's own tracer records; `None` where it is off.
    pub(crate) fn native_percent(self) -> Option<u32> {
        match self {
            Self::Native => Some(100),
            Self::NativeOnePercent => Some(1),
            _ => None,
        }
    }

    /// The filter's configuration; `None` where there is no filter.
    pub(crate) fn filter_configuration(self) -> Option<Value> {
        let collector = json!({"cluster": "collector"});
        match self {
            Self::Plain | Self::Native | Self::NativeOnePercent => None,
            Self::Filter => Some(json!({"collector": collector})),
            Self::FilterUnsampled => Some(json!({"collector": collector, "stubs": false})),
            Self::FilterOnePercent => {
                Some(json!({"collector": collector, "stubs": false, "sampling": {"rate": 0.01}}))
            }
            Self::FilterRole => Some(json!({"collector": collector, "path_log": "off", "role": "inbound"})),
            Self::FilterQuiet | Self::FilterOutbound | Self::FilterGateway => {
                Some(json!({"collector": collector, "path_log": "off"}))
            }
        }
    }

    /// What kind of proxy Envoy's node says that it is.
    pub(crate) fn node_kind(self) -> &'static str {
        if self == Self::FilterGateway { "router" } else { "sidecar" }
    }

    /// The traffic direction of its listeners.
    pub(crate) fn direction(self) -> &'static str {
        match self {
            Self::FilterOutbound | Self::FilterGateway => "OUTBOUND",
            _ => "INBOUND",
        }
    }

    /// The cluster that requests are sent on to, named as istiod names it.
    pub(crate) fn cluster(self) -> &'static str {
        match self {
            Self::FilterOutbound | Self::FilterGateway => "outbound|8080||cart.shop.svc.cluster.local",
            _ => "inbound|8080||",
        }
    }

    /// A header that every request has.
    pub(crate) fn request_header(self) -> &'static str {
        match self {
            Self::FilterUnsampled => "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            _ => "",
        }
    }

    /// How many spans each request makes where Envoy sends it on; `None` where chance decides.
    pub(crate) fn spans_per_request(self) -> Option<u64> {
        match self {
            Self::NativeOnePercent | Self::FilterOnePercent => None,
            Self::Plain | Self::FilterUnsampled => Some(0),
            Self::Native | Self::Filter | Self::FilterQuiet | Self::FilterRole | Self::FilterOutbound => {
                Some(1)
            }
            Self::FilterGateway => Some(2),
        }
    }
}
