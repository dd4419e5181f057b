//! The rules of the house that a machine can check, held against every file of the repository.

mod builds;
mod documents;
mod hygiene;
mod imports;
mod manifests;
mod map;
mod messages;
mod parts;
mod purity;
mod rust_source;
mod shape;
mod tree;
