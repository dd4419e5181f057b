//! Warns people: what is unusual, since when, and why it is no noise.
//!
//! The detectors ([`error_rate`] and its neighbours) and the book are pure: they are given the time. The engine at the edge feeds them
//! from the store, and the notifiers tell receivers.

pub mod book;
pub mod engine;
pub mod error_rate;
pub mod evidence;
pub mod notify;
pub mod rules;
pub mod subject;

mod burn;
mod inquiry;
mod latency;
mod sample;
mod shape;
mod traffic;
mod watch;

pub use engine::{Alerts, Config, Running};
