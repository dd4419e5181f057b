//! One row of the table: a fresh collector, one kind of load.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use harness::generator::{Generator, Shape};
use harness::process::own_cpu_s;
use harness::run_directory::RunDirectory;

use crate::sender::{self, Load, Protocol};
use crate::server::Server;

/// A kind of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) goal: &'static str,
    pub(crate) protocol: Protocol,
    connections: usize,
    shape: Shape,
}

/// The kinds, in the order of the table.
pub(crate) const KINDS: [Kind; 4] = [
    Kind {
        name: "grpc",
        title: "gRPC, 4 connections, 23 traces a batch",
        goal: "200,000",
        protocol: Protocol::Grpc,
        connections: 4,
        shape: Shape::Together(23),
    },
    Kind {
        name: "http",
        title: "HTTP, 4 connections, 23 traces a batch",
        goal: "180,000",
        protocol: Protocol::Http,
        connections: 4,
        shape: Shape::Together(23),
    },
    Kind {
        name: "sidecars-grpc",
        title: "gRPC, 500 sidecars, 8 traces a batch",
        goal: "100,000",
        protocol: Protocol::Grpc,
        connections: 500,
        shape: Shape::BySender(8),
    },
    Kind {
        name: "sidecars-http",
        title: "HTTP, 500 sidecars, 8 traces a batch",
        goal: "100,000",
        protocol: Protocol::Http,
        connections: 500,
        shape: Shape::BySender(8),
    },
];

impl Kind {
    /// So many spans of it, for a port.
    pub(crate) fn load(self, spans: u64, seed: u64, port: u16) -> Result<Load> {
        let generator = Arc::new(Generator::new(self.shape, seed)?);
        Ok(Load { generator, protocol: self.protocol, port, connections: self.connections, spans })
    }
}

/// What one load took.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) goal: &'static str,
    /// Bytes of all files of the collector once it was at rest.
    pub(crate) disk_bytes: u64,
    pub(crate) spans: f64,
    pub(crate) bytes_per_span: f64,
    pub(crate) acknowledged_cpu_s: f64,
    pub(crate) settled_cpu_s: f64,
    pub(crate) wall_s: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) batches_per_sync: f64,
    pub(crate) generator_cpu_s: f64,
    /// Messages that the collector asked to send again later.
    pub(crate) put_off: u64,
}

/// Loads a fresh collector; gives it back for what else is to be measured on its data.
pub(crate) fn run(kind: Kind, spans: u64, seed: u64, run: &RunDirectory) -> Result<(Figures, Server)> {
    let mut server = Server::start(run)?;
    let port = match kind.protocol {
        Protocol::Grpc => server.ports.otlp_grpc,
        Protocol::Http => server.ports.otlp_http,
    };
    let load = kind.load(spans, seed, port)?;
    let (begin_cpu_s, begin_own_s, begin) = (server.cpu_s()?, own_cpu_s()?, Instant::now());
    let sent = sender::send(&load)?;
    let wall_s = begin.elapsed().as_secs_f64();
    let generator_cpu_s = own_cpu_s()? - begin_own_s;
    let acknowledged_cpu_s = server.cpu_s()? - begin_cpu_s;
    let settled_cpu_s = server.settle()? - begin_cpu_s;
    let received = server.metric("throughline_spans_received_total")?;
    ensure!(received as u64 == sent.spans, "{} spans were acknowledged and {received} received", sent.spans);
    let figures = Figures {
        name: kind.title,
        goal: kind.goal,
        spans: sent.spans as f64,
        bytes_per_span: sent.bytes as f64 / sent.spans as f64,
        acknowledged_cpu_s,
        settled_cpu_s,
        wall_s,
        peak_bytes: server.peak_bytes()?,
        batches_per_sync: sent.messages as f64 / server.metric("throughline_log_syncs_total")?.max(1.0),
        generator_cpu_s,
        disk_bytes: server.disk_bytes()?,
        put_off: sent.put_off,
    };
    Ok((figures, server))
}
