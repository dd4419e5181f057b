//! Computes from lifecycles where time went, what changed and who is to blame. Pure: no clock, no files, no log.

pub mod call;
pub mod compare;
pub mod critical_path;
pub mod explain;
pub mod flame;
pub mod hops;
pub mod ledger;
pub mod propagation;
pub mod significance;
pub mod suspects;

#[cfg(test)]
mod fixture;
