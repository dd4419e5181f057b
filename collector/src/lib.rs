//! The collector: takes spans in, keeps them, joins them to traces and answers questions about them.

#![cfg_attr(
    feature = "fuzz",
    allow(
        warnings,
        reason = "fuzzers are built by a newer compiler, and what it has come to warn of stops none of them"
    )
)]

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
