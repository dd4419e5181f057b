//! Which tokens recur: what many requests carry, or the application adds by itself, says nothing about one request.

/// Requests that must have been looked at before any token is evidence: among the first ones nothing recurs yet.
const MIN_REQUESTS: u32 = 32;
/// What one request counts. A token that a second one carried lately is no evidence: the application may still be at the
/// first, though that was answered. One request is remembered for one or two half-lives.
const ONE_REQUEST: u8 = 2;
/// What the application itself was seen to add counts as carried this often.
const OWN: u8 = u8::MAX;
/// After this time half of what was counted is forgotten.
const HALF_LIFE_NS: u64 = 60_000_000_000;
/// Places for tokens.
const PLACES: usize = 1024;

/// Counts how many requests carried each token lately, in bounded space.
#[derive(Debug, Default)]
pub struct Recurrence {
    places: Vec<Place>,
    requests: u32,
    halved_unix_ns: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    token: u64,
    count: u8,
}

impl Recurrence {
    /// A request with tokens came in.
    pub fn saw_request(&mut self, now_unix_ns: u64) {
        self.requests = self.requests.saturating_add(1);
        let passed_ns = now_unix_ns.saturating_sub(self.halved_unix_ns);
        if passed_ns >= HALF_LIFE_NS {
            self.halved_unix_ns = now_unix_ns;
            self.places.iter_mut().for_each(|place| place.count /= 2);
        }
    }

    /// The request carried this token; whether that is evidence. A place is held by the token that recurs more, and
    /// what finds no place is no evidence, since nobody counts it.
    pub fn saw_token(&mut self, token: u64) -> Standing {
        let has_seen_enough = self.requests >= MIN_REQUESTS;
        let Some(place) = self.place(token) else { return Standing::Recurring };
        if place.token != token && place.count > 0 {
            place.count -= 1;
            return Standing::Recurring;
        }
        place.token = token;
        place.count = place.count.saturating_add(ONE_REQUEST);
        if has_seen_enough && place.count <= ONE_REQUEST { Standing::Evidence } else { Standing::Recurring }
    }

    /// A call carried this token and no request in flight did: the application adds it by itself.
    pub fn saw_own_token(&mut self, token: u64) {
        if let Some(place) = self.place(token) {
            *place = Place { token, count: OWN };
        }
    }

    /// Whether the token was seen too often, by requests or on calls that no request explains.
    pub fn is_recurring(&self, token: u64) -> bool {
        let index = index_of(token);
        self.places.get(index).is_some_and(|place| place.token == token && place.count > ONE_REQUEST)
    }

    fn place(&mut self, token: u64) -> Option<&mut Place> {
        // Only workloads that echo anything pay for the room.
        if self.places.is_empty() {
            self.places = vec![Place::default(); PLACES];
        }
        self.places.get_mut(index_of(token))
    }
}

fn index_of(token: u64) -> usize {
    (token % PLACES as u64) as usize
}

/// What a token on a request is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is this request's own.
    Evidence,
    /// Others carry it too, or nobody knows.
    Recurring,
}
