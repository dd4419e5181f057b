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
     most requests; the first and every 16th are asked about, and a word that Envoy contradicts is reported and no longer \
     followed",
);

/// The keys of this room.
pub const KEYS: &[Key] = &[ROLE];

/// Of so many requests one is asked about whatever the operator says, lest a wrong word be followed for long.
const CHECKED_EVERY: u8 = 16;

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
    /// Requests until one is asked about whatever the operator says.
    until_check: u8,
    /// Names of clusters did not tell the last time, or could not matter.
    asks_listener_first: bool,
}

impl Roles {
    /// For a proxy of this kind. `stated` is only of interest at a workload's side.
    pub fn new(kind: ProxyKind, stated: Option<Role>) -> Self {
        Self { kind, stated, until_check: 0, asks_listener_first: false }
    }

    /// The role of a request whose headers have come.
    pub fn find(&mut self, host: &mut impl Host) -> Place {
        if matches!(self.kind, ProxyKind::Gateway | ProxyKind::Waypoint) {
            return Place::of(Role::Gateway);
        }
        let Some(stated) = self.stated else {
            return self.ask(host).unwrap_or_else(|| Place::of(self.usual()));
        };
        if let Some(left) = self.until_check.checked_sub(1) {
            self.until_check = left;
            return Place::of(stated);
        }
        self.until_check = CHECKED_EVERY - 1;
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
        if self.asks_listener_first && ask_listener(host) == Some(Role::Inbound) {
            return Some(Place::of(Role::Inbound));
        }
        // A call's cluster has to be asked for anyhow.
        let cluster = host.property("xds\0cluster_name").unwrap_or_default();
        let by_name = role_of_cluster(&cluster);
        let role = by_name.or_else(|| ask_listener(host));
        self.asks_listener_first = by_name.is_none() && role == Some(Role::Inbound);
        let is_call = role == Some(Role::Outbound);
        let cluster = if is_call { String::from_utf8(cluster).unwrap_or_default() } else { String::new() };
        Some(Place { cluster, ..Place::of(role?) })
    }

    /// The role where nobody knows.
    fn usual(&self) -> Role {
        if self.kind == ProxyKind::Sidecar { Role::Inbound } else { Role::Gateway }
    }
}

fn role_of_cluster(name: &[u8]) -> Option<Role> {
    if name.starts_with(OUTBOUND_CLUSTER) {
        return Some(Role::Outbound);
    }
    name.starts_with(INBOUND_CLUSTER).then_some(Role::Inbound)
}

fn ask_listener(host: &mut impl Host) -> Option<Role> {
    match host.property("xds\0listener_direction").and_then(|bytes| bytes.first().copied()) {
        Some(1) => Some(Role::Inbound),
        Some(2) => Some(Role::Outbound),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
