//! Where in the mesh a proxy handles a request, found with as few questions to the proxy as can be: each costs as much
//! as all headers together.

use throughline_model::mesh::ProxyKind;

use crate::host::Host;
use crate::settings::{Key, Kind, Reader};

/// What the names of clusters begin with that lead to the workload, and from it to others.
const INBOUND_CLUSTER: &[u8] = b"inbound|";
const OUTBOUND_CLUSTER: &[u8] = b"outbound|";

/// `role`.
const ROLE: Key = Key::new(
    "role",
    Kind::Choice(&["auto", "inbound", "outbound"]),
    "\"auto\"",
    "the side of its workload on which a sidecar runs this plugin, where it is one only: spares a question to Envoy for \
     each request; a word that Envoy contradicts is reported and not followed",
);

/// The keys of this room.
pub const KEYS: &[Key] = &[ROLE];

/// Where in the mesh this proxy handles this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Between outside and inside, or between workloads: it both serves the request and sends it on.
    Gateway,
    /// In front of its workload.
    Inbound,
    /// Behind its workload.
    Outbound,
}

impl Role {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    /// What the operator says that all requests of a plugin are; `None` where each has to be asked about.
    pub fn read_stated(reader: &mut Reader) -> Option<Self> {
        match reader.choice(&ROLE) {
            "inbound" => Some(Self::Inbound),
            "outbound" => Some(Self::Outbound),
            _ => None,
        }
    }
}

/// What was found out about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its role.
    pub role: Role,
    /// The cluster that a call goes to, where it was asked for; else empty.
    pub cluster: String,
    /// The proxy says otherwise than the operator, who is not believed from now on.
    pub is_contradicted: bool,
}

impl Place {
    fn of(role: Role) -> Self {
        Self { role, cluster: String::new(), is_contradicted: false }
    }
}

/// Finds the role of each request of one plugin.
#[derive(Debug)]
pub struct Roles {
    kind: ProxyKind,
    /// What the operator says that all requests are.
    stated: Option<Role>,
    /// The next request is looked at whatever the operator says.
    is_unchecked: bool,
    /// Names of clusters did not tell the last time, or could not matter.
    asks_listener_first: bool,
}

impl Roles {
    /// For a proxy of this kind. `stated` is only of interest at a workload's side.
    pub fn new(kind: ProxyKind, stated: Option<Role>) -> Self {
        Self { kind, stated, is_unchecked: true, asks_listener_first: false }
    }

    /// Has the next request looked at, lest a wrong word of the operator's be followed for long.
    pub fn check_next(&mut self) {
        self.is_unchecked = true;
    }

    /// The role of a request whose headers have come.
    pub fn find(&mut self, host: &mut impl Host) -> Place {
        if matches!(self.kind, ProxyKind::Gateway | ProxyKind::Waypoint) {
            return Place::of(Role::Gateway);
        }
        let Some(stated) = self.stated else {
            return self.ask(host).unwrap_or_else(|| Place::of(self.usual()));
        };
        if !std::mem::take(&mut self.is_unchecked) {
            return Place::of(stated);
        }
        match self.ask(host) {
            Some(place) if place.role != stated => {
                self.stated = None;
                Place { is_contradicted: true, ..place }
            }
            Some(place) => place,
            None => Place::of(stated),
        }
    }

    /// Asks the proxy; `None` where it does not know. A sidecar's clusters say the direction in their names, as istiod
    /// gives them, and the name is all that a call needs. Where the last one did not, the listener is asked first.
    fn ask(&mut self, host: &mut impl Host) -> Option<Place> {
        if self.asks_listener_first {
            self.ask_listener(host).or_else(|| self.ask_cluster(host))
        } else {
            self.ask_cluster(host).or_else(|| self.ask_listener(host))
        }
    }

    fn ask_cluster(&mut self, host: &mut impl Host) -> Option<Place> {
        let cluster = host.property("xds\0cluster_name").unwrap_or_default();
        let is_call = cluster.starts_with(OUTBOUND_CLUSTER);
        let is_known = is_call || cluster.starts_with(INBOUND_CLUSTER);
        self.asks_listener_first = !is_known;
        if is_call {
            let cluster = String::from_utf8(cluster).unwrap_or_default();
            return Some(Place { cluster, ..Place::of(Role::Outbound) });
        }
        is_known.then(|| Place::of(Role::Inbound))
    }

    fn ask_listener(&mut self, host: &mut impl Host) -> Option<Place> {
        let direction = host.property("xds\0listener_direction").and_then(|bytes| bytes.first().copied());
        let role = match direction {
            Some(1) => Role::Inbound,
            Some(2) => Role::Outbound,
            _ => return None,
        };
        // The cluster of a call has to be asked for anyhow.
        self.asks_listener_first = role == Role::Inbound;
        Some(Place::of(role))
    }

    /// The role where nobody knows.
    fn usual(&self) -> Role {
        if self.kind == ProxyKind::Sidecar { Role::Inbound } else { Role::Gateway }
    }
}

#[cfg(test)]
mod tests;
