//! Names of the columns, and the attributes that have a column of their own.

pub(super) const TRACE_ID: &str = "trace_id";
pub(super) const SPAN_ID: &str = "span_id";
pub(super) const PARENT_SPAN_ID: &str = "parent_span_id";
pub(super) const TRACE_STATE: &str = "trace_state";
pub(super) const FLAGS: &str = "flags";
pub(super) const NAME: &str = "name";
pub(super) const KIND: &str = "kind";
pub(super) const START: &str = "start_unix_ns";
pub(super) const DURATION: &str = "duration_ns";
/// By how much a bad clock put the end before the start; the duration is then zero.
pub(super) const END_BEFORE_START: &str = "end_before_start_ns";
pub(super) const STATUS: &str = "status";
pub(super) const STATUS_MESSAGE: &str = "status_message";
pub(super) const SERVICE: &str = "service";
/// Attributes of the resource, see `blob`.
pub(super) const RESOURCE: &str = "resource";
/// The order of the attributes, and those without a column, see `blob`.
pub(super) const ATTRIBUTES: &str = "attributes";
pub(super) const EVENTS: &str = "events";
pub(super) const LINKS: &str = "links";

/// The type of an attribute's column; a value of another type is kept in `attributes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnType {
    /// Few different values: dictionary encoded.
    Word,
    /// Nearly every value is different: a dictionary would only cost.
    Text,
    Integer,
}

/// An attribute that has a column of its own.
#[derive(Debug)]
pub(super) struct AttributeColumn {
    /// The attribute's name.
    pub(super) key: &'static str,
    /// The column's name: a dot would need quotes in SQL.
    pub(super) column: &'static str,
    pub(super) column_type: ColumnType,
}

const fn column(key: &'static str, column: &'static str, column_type: ColumnType) -> AttributeColumn {
    AttributeColumn { key, column, column_type }
}

/// The place of the column of an attribute.
pub(super) fn place_of(key: &str) -> Option<usize> {
    ATTRIBUTE_COLUMNS.iter().position(|column| column.key == key)
}

/// What the mesh's proxies send. The order is part of the format (`attributes` refers to the places): only append.
pub(super) const ATTRIBUTE_COLUMNS: [AttributeColumn; 18] = {
    use ColumnType::{Integer, Text, Word};
    use throughline_model::attribute as names;
    [
        column(names::HTTP_REQUEST_METHOD, "http_request_method", Word),
        column(names::HTTP_RESPONSE_STATUS_CODE, "http_response_status_code", Integer),
        column(names::URL_PATH, "url_path", Text),
        column(names::URL_SCHEME, "url_scheme", Word),
        column(names::SERVER_ADDRESS, "server_address", Word),
        column(names::SERVER_PORT, "server_port", Integer),
        column(names::RPC_SYSTEM_NAME, "rpc_system_name", Word),
        column(names::RPC_METHOD, "rpc_method", Word),
        column(names::RPC_RESPONSE_STATUS_CODE, "rpc_response_status_code", Word),
        column(names::ERROR_TYPE, "error_type", Word),
        column(names::ENVOY_UPSTREAM_CLUSTER, "envoy_upstream_cluster", Word),
        column(names::ENVOY_RESPONSE_FLAGS, "envoy_response_flags", Word),
        column(names::ENVOY_RESPONSE_CODE_DETAILS, "envoy_response_code_details", Word),
        column(names::ENVOY_REQUEST_ID, "envoy_request_id", Text),
        column(names::LINK_KIND, "link_kind", Word),
        column(names::DEPTH, "depth", Integer),
        column(names::PATH, "path", Word),
        column(names::ROLE, "role", Word),
    ]
};
