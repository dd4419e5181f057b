//! What one worker of the proxy knows of the requests in flight, and what the workers of a proxy tell each other.
//!
//! A worker's listeners share one virtual machine, and so this state. Workers share only a table of bytes. Each has
//! one key of its own there, which nobody else writes while it lives; it writes down its requests before the
//! workload sees them, so that the cause of a call is always in the table when the call is made. A worker that is
//! alone writes nothing. Whoever begins to serve changes one more key, and everybody looks at that one before a link
//! is decided: so no worker is ever overlooked.

mod books;
mod fellows;
mod own_table;
mod requests;
mod sign;
mod telling;

use throughline_model::context::TraceContext;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::link::LinkKind;

use crate::headers::{Headers, Known};
use crate::host::Host;
use crate::inflight::Table;
use crate::links::{Candidate, Census, Company, Habits, LinksConfig, Recurrence, Stay, Token, tokens_of};

use books::Books;
use fellows::Fellows;
use own_table::OwnTable;
use requests::{Place, Requests};
use sign::Sign;

/// The key by which workers share their observations of the workload.
const HABITS_KEY: &str = "throughline.habits";
/// Timers of several plugins in one worker count as one.
const MIN_TICK_NS: u64 = 200_000_000;
/// Longest time that one turn of the timer vouches for.
const MAX_TICK_NS: u64 = 500_000_000;

/// How a request that came in is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The workload, or the proxy in its place before it was asked, has answered.
    Answered,
    /// The caller or the proxy gave up waiting; the workload may go on.
    Abandoned,
}

/// What was found out about the cause of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// By which evidence.
    pub kind: LinkKind,
    /// The context to continue, unless the kind is `none`.
    pub cause: Option<TraceContext>,
    /// How many requests could have been the cause.
    pub candidates: usize,
    /// Which ones, where the kind is `none`, and they are known and few.
    pub named: Vec<(TraceId, SpanId)>,
}

/// Gives a request back its place in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    place: Place,
    is_written: bool,
}

/// The state of one worker, shared by all plugins that run in it.
#[derive(Debug, Default)]
pub struct Worker {
    requests: Requests,
    sign: Option<Sign>,
    fellows: Fellows,
    habits: Habits,
    recurrence: Recurrence,
    own_table: OwnTable,
    ticked_ns: u64,
    has_joined: bool,
    books: Books,
}

impl Worker {
    /// The proxy runs a sidecar's plugin in this worker: takes a key for it. Called again, it does nothing.
    pub fn join(&mut self, host: &mut impl Host) {
        if self.has_joined {
            return;
        }
        self.has_joined = true;
        self.sign = Sign::take(host);
        if let Some(habits) = Habits::decode(&host.shared_value(HABITS_KEY).bytes) {
            self.habits.merge(&habits);
        }
        self.publish(host);
        fellows::announce_change(host);
        self.look_around(host);
    }

    /// A request came in: from now on it may be the cause of calls. Must be called before the workload sees it. `state`
    /// is the part of its `tracestate` that they are to have.
    pub fn enter(
        &mut self,
        host: &mut impl Host,
        context: &TraceContext,
        state: &str,
        headers: &Headers,
        config: &LinksConfig,
        now_unix_ns: u64,
    ) -> Ticket {
        let stay = Stay::of_request(headers);
        let mut candidate = Candidate::new(context, state, stay, now_unix_ns);
        let is_written = self.books.saw_request(stay);
        // A workload that has never made a call without context does not pay for hashes.
        if config.uses_tokens && self.habits.makes_orphans(now_unix_ns) {
            candidate.tokens = Some(self.own_tokens(headers, config, now_unix_ns));
        }
        let is_first = !self.requests.have_begun();
        let place = self.requests.enter(candidate);
        self.regard_habits(host, now_unix_ns);
        if is_first {
            self.publish(host);
            fellows::announce_change(host);
        } else {
            self.tell_of_change(host);
        }
        Ticket { place, is_written }
    }

    /// The request is over.
    pub fn leave(&mut self, host: &mut impl Host, ticket: Ticket, ending: Ending, now_unix_ns: u64) {
        self.requests.leave(ticket.place, ending, now_unix_ns);
        if !ticket.is_written {
            self.books.saw_unwritten_end();
        }
        self.tell_of_change(host);
    }

    /// The table of request ids: that of all workers, or this worker's own while it is alone.
    pub fn with_table<T>(&mut self, host: &mut impl Host, step: impl FnOnce(&mut dyn Table) -> T) -> T {
        if self.fellows.leave_this_alone() { step(&mut self.own_table) } else { step(host) }
    }

    /// Whether the id of this request is to be written down: a call may come whose cause has to be looked up, or the
    /// request will last and may see such calls yet.
    pub fn keeps_id_of(&self, headers: &Headers) -> bool {
        self.books.are_kept() || Stay::of_request(headers) == Stay::Lasting
    }

    /// Whether every request in flight has its id written down, on whatever worker: else one that is found may not be
    /// the only one.
    pub fn has_all_ids(&self) -> bool {
        self.books.are_whole() && self.fellows.have_all_ids()
    }

    /// A call carried the context of its cause, so the workload forwards what it is given.
    pub fn saw_forwarding(&mut self, now_unix_ns: u64) {
        self.habits.saw_forwarding(now_unix_ns);
    }

    /// A call carried the request id of its cause, and no context.
    pub fn saw_request_id(&mut self, host: &mut impl Host, now_unix_ns: u64) {
        self.habits.saw_request_id(now_unix_ns);
        self.regard_habits(host, now_unix_ns);
    }

    /// Finds the cause of a call that carried neither, and learns from it.
    pub fn find_cause(
        &mut self,
        host: &mut impl Host,
        headers: &Headers,
        config: &LinksConfig,
        now_unix_ns: u64,
    ) -> Found {
        self.requests.forget_abandoned(now_unix_ns);
        self.fellows.ask(host);
        let destination = destination_of(headers, config);
        let tokens = if config.uses_tokens {
            tokens_of(headers, &config.token_headers, config.token_key)
        } else {
            Vec::new()
        };
        let census = census(&self.requests, &self.fellows, self.sign.as_ref(), now_unix_ns);
        let company = census.company(now_unix_ns);
        let has_habit = || self.habits.allow_sole(destination, config.probation, now_unix_ns);
        let by_token = census
            .only_one_with(&tokens, &self.recurrence)
            .filter(|_| self.habits.allow_token(destination, now_unix_ns));
        let by_number = census.only_one(now_unix_ns).filter(|_| config.uses_sole && has_habit());
        let (kind, cause) = match (by_token, by_number) {
            (Some(cause), _) => (LinkKind::Token, Some(cause.to_context())),
            (None, Some(cause)) => (LinkKind::Sole, Some(cause.to_context())),
            (None, None) => (LinkKind::None, None),
        };
        let named = if cause.is_none() { census.named() } else { Vec::new() };
        let found = Found { kind, cause, candidates: census.count(), named };
        let own_tokens: Vec<u64> = tokens.iter().copied().filter(|token| !census.may_carry(*token)).collect();
        // One that it adds to many calls is known after the first.
        let is_new = |token: &u64| !self.recurrence.is_recurring(*token);
        if own_tokens.len() == tokens.len() && own_tokens.iter().any(is_new) {
            self.habits.saw_foreign_values(destination, now_unix_ns);
        }
        self.learn(host, destination, company, &own_tokens, now_unix_ns);
        found
    }

    /// The timer: shows that this worker lives, sees who else does, and shares what was observed.
    pub fn on_tick(&mut self, host: &mut impl Host) {
        let now_ns = host.monotonic_ns();
        let passed_ns = now_ns.saturating_sub(self.ticked_ns);
        if !self.has_joined || passed_ns < MIN_TICK_NS {
            return;
        }
        self.ticked_ns = now_ns;
        let now_unix_ns = host.wall_clock_ns();
        self.requests.forget_abandoned(now_unix_ns);
        self.books.on_turn();
        self.regard_habits(host, now_unix_ns);
        self.keep_sign(host);
        self.look_around(host);
        let census = census(&self.requests, &self.fellows, self.sign.as_ref(), now_unix_ns);
        if census.company(now_unix_ns) == Company::Nobody {
            self.habits.saw_idle(passed_ns.min(MAX_TICK_NS));
        }
        if !self.fellows.is_empty() {
            self.share_habits(host);
            self.regard_habits(host, now_unix_ns);
        }
    }

    fn own_tokens(&mut self, headers: &Headers, config: &LinksConfig, now_unix_ns: u64) -> Vec<Token> {
        let hashes = tokens_of(headers, &config.token_headers, config.token_key);
        if !hashes.is_empty() {
            self.recurrence.saw_request(now_unix_ns);
        }
        let recurrence = &mut self.recurrence;
        hashes.into_iter().map(|hash| Token { hash, standing: recurrence.saw_token(hash) }).collect()
    }

    fn learn(
        &mut self,
        host: &mut impl Host,
        destination: u64,
        company: Company,
        own_tokens: &[u64],
        now_unix_ns: u64,
    ) {
        own_tokens.iter().for_each(|token| self.recurrence.saw_own_token(*token));
        let were_needed = self.habits.need_books(now_unix_ns);
        // With the books closed elsewhere nobody can say that it was made by a request.
        let is_unread = company == Company::Unknown && self.fellows.have_closed_books();
        self.habits.saw_call(destination, if is_unread { Company::Unread } else { company }, now_unix_ns);
        self.regard_habits(host, now_unix_ns);
        // The others must not go on linking what was just seen to be made in the background, and have to tell from now on
        // what they have.
        if (company == Company::Nobody || !were_needed) && !self.fellows.is_empty() {
            self.share_habits(host);
        }
    }
}

/// All requests in flight that may matter to a call made now.
fn census<'a>(
    requests: &'a Requests,
    fellows: &'a Fellows,
    sign: Option<&Sign>,
    now_unix_ns: u64,
) -> Census<'a> {
    let theirs = fellows.candidates().filter(|candidate| !candidate.is_over(now_unix_ns));
    Census {
        candidates: requests.candidates().chain(theirs).collect(),
        others: requests.uncounted().saturating_add(fellows.others()),
        // Without a key the others do not know this worker's requests, and it may have overlooked theirs.
        is_whole: sign.is_some() && fellows.are_all_known(),
    }
}

/// Where a call goes, as the workload names it.
fn destination_of(headers: &Headers, config: &LinksConfig) -> u64 {
    config.token_key.hash(headers.get(Known::Authority).unwrap_or_default())
}

#[cfg(test)]
mod tests;
