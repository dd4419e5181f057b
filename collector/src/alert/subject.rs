//! What an alert is about: a service, the calls between two services, one route of them, or an entry.

use std::fmt;
use std::sync::Arc;

/// The thing that behaves unusually.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// All requests that a service answered.
    Service(Arc<str>),
    /// All calls from one service to another.
    Edge(Arc<str>, Arc<str>),
    /// The calls from one service to another by one route.
    Route(Arc<str>, Arc<str>, Arc<str>),
    /// Whole traces that begin at a service with an operation.
    Entry(Arc<str>, Arc<str>),
}

impl Subject {
    /// The service that is suspected as far as the subject alone can tell: the one that answers.
    pub fn service(&self) -> &Arc<str> {
        match self {
            Self::Service(service) | Self::Entry(service, _) => service,
            Self::Edge(_, server) | Self::Route(_, server, _) => server,
        }
    }

    /// Who calls, where the subject is a call.
    pub fn client(&self) -> Option<&Arc<str>> {
        match self {
            Self::Edge(client, _) | Self::Route(client, _, _) => Some(client),
            Self::Service(_) | Self::Entry(..) => None,
        }
    }

    /// The route or operation, where the subject is one.
    pub fn route(&self) -> Option<&Arc<str>> {
        match self {
            Self::Route(_, _, route) | Self::Entry(_, route) => Some(route),
            Self::Service(_) | Self::Edge(..) => None,
        }
    }

    /// `service`, `edge`, `route` or `entry`.
    pub fn scope(&self) -> &'static str {
        match self {
            Self::Service(_) => "service",
            Self::Edge(..) => "edge",
            Self::Route(..) => "route",
            Self::Entry(..) => "entry",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |name: &Arc<str>| if name.is_empty() { "outside".to_owned() } else { name.to_string() };
        match self {
            Self::Service(service) => write!(formatter, "{}", known(service)),
            Self::Edge(client, server) => write!(formatter, "{} -> {}", known(client), known(server)),
            Self::Route(client, server, route) => {
                write!(formatter, "{} -> {} {route}", known(client), known(server))
            }
            Self::Entry(service, route) => write!(formatter, "{} {route}", known(service)),
        }
    }
}
