//! A real mesh on one machine: started from a topology, fed with requests, asked what it saw, and stopped again.

pub mod artefacts;
pub mod collector;
pub mod comparison;
pub mod described;
pub mod echo_server;
pub mod envoy;
pub mod fault;
pub mod faulty_collector;
pub mod generator;
pub mod grpc;
pub mod http;
pub mod load;
pub mod mesh;
pub mod ports;
pub mod process;
pub mod run_directory;
pub mod runner;
pub mod s3;
pub mod single_proxy;
pub mod streams;
pub mod topology;
pub mod truth;
pub mod wait;
pub mod wasm_module;
pub mod xds;
