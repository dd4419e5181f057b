//! Warns people: what is unusual, since when, and why it is no noise.

pub mod error_rate;
