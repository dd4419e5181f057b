//! What a workload was observed to do with the calls it makes: forward context, call in the background, or neither.

/// How long one observation against `sole` holds.
const MEMORY_NS: u64 = 3_600_000_000_000;
/// Most destinations that are watched; a call to any other one is never linked by `sole`.
const MAX_DESTINATIONS: usize = 64;
/// Written first, so that a module of another version never reads what it does not know.
const FORMAT: u8 = 3;
const HEAD_BYTES: usize = 1 + 4 * 8;
const DESTINATION_BYTES: usize = 6 * 8;
/// The application adds one value by itself, such as its own credential, without looking up others.
const MAX_FOREIGN_VALUES: u64 = 1;

/// Who was in flight when a call without context was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// At least one request that may have caused it.
    Requests,
    /// Nobody: it was made in the background.
    Nobody,
    /// That cannot be said.
    Unknown,
    /// That cannot be said, because it was not written down: it may have been made in the background.
    Unread,
}

/// When `sole` may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probation {
    /// Calls to the destination that must have been seen with requests in flight.
    pub calls: u64,
    /// Time without any request in flight that must have passed without a call to the destination.
    pub idle_ns: u64,
}

/// The observations of one workload, by all workers of its proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    forwarded_unix_ns: u64,
    /// When it last forwarded the request id and no context.
    named_unix_ns: u64,
    orphaned_unix_ns: u64,
    idle_ns: u64,
    destinations: Vec<Destination>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Destination {
    name: u64,
    calls: u64,
    idle_before_ns: u64,
    background_unix_ns: u64,
    /// Different values on its calls that no request in flight had carried, and when the last one was seen.
    foreign_values: u64,
    foreign_unix_ns: u64,
}

impl Habits {
    /// A call carried the context of its cause.
    pub fn saw_forwarding(&mut self, now_unix_ns: u64) {
        self.forwarded_unix_ns = now_unix_ns;
    }

    /// A call carried the request id of its cause, and no context.
    pub fn saw_request_id(&mut self, now_unix_ns: u64) {
        self.forwarded_unix_ns = now_unix_ns;
        self.named_unix_ns = now_unix_ns;
    }

    /// A call to this destination carried neither.
    pub fn saw_call(&mut self, name: u64, company: Company, now_unix_ns: u64) {
        self.orphaned_unix_ns = now_unix_ns;
        let idle_ns = self.idle_ns;
        let Some(destination) = self.watched(name) else { return };
        match company {
            Company::Requests => destination.calls = destination.calls.saturating_add(1),
            Company::Nobody => {
                // Once the memory of it has faded, the destination has to prove itself anew.
                destination.background_unix_ns = now_unix_ns;
                destination.calls = 0;
                destination.idle_before_ns = idle_ns;
            }
            // What was idle before proves nothing any more.
            Company::Unread => destination.idle_before_ns = idle_ns,
            Company::Unknown => {}
        }
    }

    /// A call to this destination carried values, and no request in flight had any of them: the application got them
    /// from elsewhere, and what looks like an echo of a request may be another such value.
    pub fn saw_foreign_values(&mut self, name: u64, now_unix_ns: u64) {
        let Some(destination) = self.watched(name) else { return };
        if !is_remembered(destination.foreign_unix_ns, now_unix_ns) {
            destination.foreign_values = 0;
        }
        destination.foreign_values = destination.foreign_values.saturating_add(1);
        destination.foreign_unix_ns = now_unix_ns;
    }

    /// Whether a value on a call to this destination may be taken for an echo.
    pub fn allow_token(&self, name: u64, now_unix_ns: u64) -> bool {
        let known = self.destinations.iter().find(|known| known.name == name);
        known.is_none_or(|known| {
            known.foreign_values <= MAX_FOREIGN_VALUES || !is_remembered(known.foreign_unix_ns, now_unix_ns)
        })
    }

    /// No request was in flight for this long.
    pub fn saw_idle(&mut self, time_ns: u64) {
        self.idle_ns = self.idle_ns.saturating_add(time_ns);
    }

    /// Whether the workload makes calls whose causes have to be looked up.
    pub fn need_books(&self, now_unix_ns: u64) -> bool {
        self.makes_orphans(now_unix_ns) || is_remembered(self.named_unix_ns, now_unix_ns)
    }

    /// Whether the workload makes calls with neither context nor request id.
    pub fn makes_orphans(&self, now_unix_ns: u64) -> bool {
        is_remembered(self.orphaned_unix_ns, now_unix_ns)
    }

    /// Whether a call to this destination may be linked to the only request in flight.
    pub fn allow_sole(&self, name: u64, probation: Probation, now_unix_ns: u64) -> bool {
        if is_remembered(self.forwarded_unix_ns, now_unix_ns) {
            return false;
        }
        let Some(known) = self.destinations.iter().find(|known| known.name == name) else { return false };
        !is_remembered(known.background_unix_ns, now_unix_ns)
            && known.calls >= probation.calls
            && self.idle_ns.saturating_sub(known.idle_before_ns) >= probation.idle_ns
    }

    /// Takes in what other workers observed. Observations against `sole` always win.
    pub fn merge(&mut self, other: &Self) {
        self.forwarded_unix_ns = self.forwarded_unix_ns.max(other.forwarded_unix_ns);
        self.named_unix_ns = self.named_unix_ns.max(other.named_unix_ns);
        self.orphaned_unix_ns = self.orphaned_unix_ns.max(other.orphaned_unix_ns);
        self.idle_ns = self.idle_ns.max(other.idle_ns);
        for theirs in &other.destinations {
            let idle_ns = theirs.idle_before_ns;
            let Some(ours) = self.watched(theirs.name) else { continue };
            if ours.calls == 0 && ours.background_unix_ns == 0 {
                ours.idle_before_ns = idle_ns;
            }
            // Each worker counts its own, so that one value known to all does not count for many.
            let foreign_values = ours.foreign_values.max(theirs.foreign_values);
            let foreign_unix_ns = ours.foreign_unix_ns.max(theirs.foreign_unix_ns);
            if theirs.background_unix_ns > ours.background_unix_ns {
                *ours = *theirs;
            } else if theirs.background_unix_ns == ours.background_unix_ns {
                ours.calls = ours.calls.max(theirs.calls);
                ours.idle_before_ns = ours.idle_before_ns.max(idle_ns);
            }
            (ours.foreign_values, ours.foreign_unix_ns) = (foreign_values, foreign_unix_ns);
        }
    }

    /// The observations as bytes for the other workers.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.destinations.len() * DESTINATION_BYTES);
        bytes.push(FORMAT);
        let head = [self.forwarded_unix_ns, self.named_unix_ns, self.orphaned_unix_ns, self.idle_ns];
        let numbers = self.destinations.iter().copied().flat_map(Destination::to_numbers);
        head.into_iter().chain(numbers).for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        bytes
    }

    /// Reads what [`Habits::encode`] wrote; anything else is nothing.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&FORMAT, rest) = bytes.split_first()? else { return None };
        let mut numbers = rest.chunks_exact(8).map(|chunk| chunk.try_into().map(u64::from_le_bytes).ok());
        let mut next = || numbers.next().flatten();
        let mut habits = Self {
            forwarded_unix_ns: next()?,
            named_unix_ns: next()?,
            orphaned_unix_ns: next()?,
            idle_ns: next()?,
            destinations: Vec::new(),
        };
        while let Some(destination) = Destination::from_numbers(&mut next) {
            if habits.destinations.len() < MAX_DESTINATIONS {
                habits.destinations.push(destination);
            }
        }
        Some(habits)
    }

    /// The destination, watched from now on; `None` when too many are watched already.
    fn watched(&mut self, name: u64) -> Option<&mut Destination> {
        let place = match self.destinations.iter().position(|known| known.name == name) {
            Some(place) => place,
            None if self.destinations.len() < MAX_DESTINATIONS => {
                let idle_before_ns = self.idle_ns;
                self.destinations.push(Destination { name, idle_before_ns, ..Destination::default() });
                self.destinations.len() - 1
            }
            None => return None,
        };
        self.destinations.get_mut(place)
    }
}

impl Destination {
    fn to_numbers(self) -> [u64; 6] {
        let Self { name, calls, idle_before_ns, background_unix_ns, foreign_values, foreign_unix_ns } = self;
        [name, calls, idle_before_ns, background_unix_ns, foreign_values, foreign_unix_ns]
    }

    fn from_numbers(next: &mut impl FnMut() -> Option<u64>) -> Option<Self> {
        Some(Self {
            name: next()?,
            calls: next()?,
            idle_before_ns: next()?,
            background_unix_ns: next()?,
            foreign_values: next()?,
            foreign_unix_ns: next()?,
        })
    }
}

fn is_remembered(seen_unix_ns: u64, now_unix_ns: u64) -> bool {
    seen_unix_ns != 0 && now_unix_ns.saturating_sub(seen_unix_ns) < MEMORY_NS
}
