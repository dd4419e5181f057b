//! What the manifests say to programs is said to the programs: the real collector, and the real filter in the real Envoy.

mod alerting;
mod collector;
mod filter;
mod grafana;
mod metrics;

pub(crate) use alerting::incomplete_traces_alert;
pub(crate) use collector::{MODULE_IN_IMAGE, collector_starts};
pub(crate) use filter::filter_takes_configuration;
pub(crate) use grafana::data_sources_answer;
pub(crate) use metrics::metrics_exist;
