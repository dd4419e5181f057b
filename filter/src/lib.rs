//! The Throughline filter: gives every request through an Envoy a trace, and never harms the request.
//!
//! The pure rooms decide; `host` alone talks to Envoy. Inside a request the line is: headers and properties in,
//! [`request`] decides context and link and writes what was measured into the [`batch`], and [`export`] sends it
//! from the timer.

#![cfg_attr(
    feature = "fuzz",
    allow(
        warnings,
        reason = "fuzzers are built by a newer compiler, and what it has come to warn of stops none of them"
    )
)]

pub mod headers;
pub mod settings;

pub mod attributes;
pub mod config;
pub mod engine;
pub mod identity;
pub mod inflight;
pub mod kept;
pub mod links;
pub mod random;
pub mod role;
pub mod worker;

pub mod propagation;
pub mod sampling;

pub mod request;

pub mod batch;
pub mod export;
pub mod stats;

pub mod host;

#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
