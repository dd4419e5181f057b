//! What the mesh consists of: the strict form of a topology file, and the changes a scenario makes to it.

mod nearest;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

pub use nearest::nearest;

/// A whole mesh.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The Kubernetes namespace every workload claims to live in.
    pub namespace: String,
    /// The host that clients ask the gateway for.
    pub domain: String,
    /// The entry.
    pub gateway: Gateway,
    /// The services by name.
    pub services: BTreeMap<String, Service>,
}

/// The entry gateway: an Envoy without an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Its workload name.
    pub name: String,
    /// The service every request goes to.
    pub to: String,
    /// Worker threads of its Envoy.
    #[serde(default = "two_workers")]
    pub envoy_concurrency: u32,
}

/// One service: an application process behind an Envoy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What it speaks.
    pub protocol: Protocol,
    /// Which headers of the request in hand it copies to the calls it makes.
    pub forwards: Forwards,
    /// How long it works on a request, give or take a fifth.
    #[serde(default)]
    pub work_ms: u64,
    /// Share of requests it fails, 0 to 1.
    #[serde(default)]
    pub fail_rate: f64,
    /// Share of requests it is slow on, 0 to 1.
    #[serde(default)]
    pub slow_rate: f64,
    /// How much longer a slow request takes.
    #[serde(default)]
    pub slow_ms: u64,
    /// Worker threads of its Envoy.
    #[serde(default = "two_workers")]
    pub envoy_concurrency: u32,
    /// What it answers.
    pub endpoints: Vec<Endpoint>,
    /// A call it makes again and again, whatever requests come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Background>,
}

/// A call that no request causes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Background {
    /// What is called.
    pub call: Call,
    /// The pause between two calls.
    pub every_ms: u64,
}

/// One path of a service and the calls it makes there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The path; `/package.Service/Method` for gRPC.
    pub path: String,
    /// What becomes of the answer when a call fails.
    #[serde(default)]
    pub when_a_call_fails: CallFailure,
    /// One after another; the calls inside a step run at the same time.
    #[serde(default)]
    pub steps: Vec<Vec<Call>>,
}

/// One call to another service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The service called.
    pub to: String,
    /// The path asked for.
    pub path: String,
    /// The HTTP method; gRPC calls are always POST.
    #[serde(default)]
    pub method: Method,
}

/// The protocol between a service, its callers and their proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// gRPC over HTTP/2 without TLS.
    Grpc,
}

/// Which request headers a service copies to its own calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forwards {
    /// Everything a tracing guide asks an application to copy.
    TraceHeaders,
    /// `x-request-id` alone.
    RequestId,
    /// Nothing.
    Nothing,
}

/// What an endpoint answers after a call of its own failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallFailure {
    /// 502 (gRPC: INTERNAL), without making the remaining calls.
    #[serde(rename = "answer-502")]
    Answer502,
    /// 503 (gRPC: UNAVAILABLE), without making the remaining calls.
    #[serde(rename = "answer-503")]
    Answer503,
    /// Nothing: the remaining calls are made and the answer is a success.
    #[default]
    GoOn,
}

/// The HTTP method of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    #[default]
    Get,
    /// POST
    Post,
}

fn two_workers() -> u32 {
    2
}

impl Topology {
    /// Reads and checks a topology file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("topology {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("topology {}", path.display()))
    }

    /// Parses and checks the text of a topology file.
    pub fn parse(text: &str) -> Result<Self> {
        let topology: Self = match serde_saphyr::from_str(text) {
            Ok(topology) => topology,
            Err(error) => {
                let message = error.to_string();
                match nearest::suggestion(&message) {
                    Some(suggestion) => bail!("{message}\ndid you mean `{suggestion}`?"),
                    None => bail!("{message}"),
                }
            }
        };
        topology.check()?;
        Ok(topology)
    }

    /// One service by name; an error that names the nearest when there is none.
    pub fn service(&self, name: &str) -> Result<&Service> {
        self.services.get(name).with_context(|| {
            let known = self.services.keys().map(String::as_str);
            format!("no service `{name}`; the nearest is `{}`", nearest(name, known).unwrap_or("none"))
        })
    }

    /// The services that one service calls, sorted.
    pub fn callees(&self, service: &Service) -> Vec<String> {
        let calls = service.endpoints.iter().flat_map(|endpoint| endpoint.steps.iter().flatten());
        let calls = calls.chain(service.background.iter().map(|background| &background.call));
        let names: std::collections::BTreeSet<String> = calls.map(|call| call.to.clone()).collect();
        names.into_iter().collect()
    }

    /// The same mesh where no service fails.
    #[must_use]
    pub fn without_failures(mut self) -> Self {
        self.services.values_mut().for_each(|service| service.fail_rate = 0.0);
        self
    }

    /// The same mesh where no service is slow.
    #[must_use]
    pub fn without_slowness(mut self) -> Self {
        self.services.values_mut().for_each(|service| service.slow_rate = 0.0);
        self
    }

    /// The same mesh where one service forwards something else.
    pub fn with_forwarding(mut self, name: &str, forwards: Forwards) -> Result<Self> {
        self.service(name)?;
        if let Some(service) = self.services.get_mut(name) {
            service.forwards = forwards;
        }
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        self.service(&self.gateway.to).context("gateway.to")?;
        for (name, service) in &self.services {
            for (key, rate) in [("fail_rate", service.fail_rate), ("slow_rate", service.slow_rate)] {
                ensure!(
                    (0.0..=1.0).contains(&rate),
                    "services.{name}.{key} is {rate}; it must be from 0 to 1"
                );
            }
            if let Some(background) = &service.background {
                self.check_call(&background.call).with_context(|| format!("services.{name}.background"))?;
                ensure!(background.every_ms > 0, "services.{name}.background.every_ms is 0; it must be more");
            }
            for endpoint in &service.endpoints {
                let place = format!("services.{name}, endpoint {}", endpoint.path);
                ensure!(endpoint.path.starts_with('/'), "{place}: a path starts with `/`");
                for call in endpoint.steps.iter().flatten() {
                    self.check_call(call).with_context(|| place.clone())?;
                }
            }
        }
        Ok(())
    }

    fn check_call(&self, call: &Call) -> Result<()> {
        let target = self.service(&call.to)?;
        let paths = || target.endpoints.iter().map(|endpoint| endpoint.path.as_str());
        ensure!(
            paths().any(|path| path == call.path),
            "{} has no endpoint `{}`; the nearest is `{}`",
            call.to,
            call.path,
            nearest(&call.path, paths()).unwrap_or("none")
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests;
