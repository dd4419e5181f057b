//! The collector: takes spans in, keeps them, joins them to traces and answers questions about them.

pub mod config;
pub mod telemetry;

pub mod ingest;
pub mod module;
pub mod store;

pub mod alert;
pub mod analyse;
pub mod assemble;
pub mod query;

pub mod app;

#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
