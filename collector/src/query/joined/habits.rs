//! What the workload that made a call without context was seen to do before it: forward context, or call in the background.

use throughline_model::attribute;
use throughline_model::link::LinkKind;
use throughline_model::span::{Span, SpanKind, Value};

use super::{Gathering, is};
use crate::assemble::{CALLS_OF_A_HABIT, destination_of};
use crate::query::find::narrow;
use crate::store::{Condition, Field, Scope, SpanFilter, StoreError, Test};

/// As long as the proxies remember what speaks against a link.
const MEMORY_NS: u64 = 3_600_000_000_000;
/// Workloads and destinations that are looked at for one answer.
const MAX_HABITS: usize = 16;

impl Gathering<'_> {
    /// Looks up what is known of the workload that made this call, once for each that it calls. What cannot be looked up any
    /// more speaks against joining.
    pub(super) fn learn_habits(&mut self, call: &Span) -> Result<(), StoreError> {
        let pair = (call.service_name().to_owned(), destination_of(call).to_owned());
        if self.known_habits.contains(&pair) {
            return Ok(());
        }
        let is_at_bound = self.known_habits.len() >= MAX_HABITS || !self.budget.allows_more();
        self.known_habits.insert(pair.clone());
        let (service, destination) = pair;
        if is_at_bound {
            self.is_cut = true;
            self.habits.saw_background_calls(&service, &destination);
            return Ok(());
        }
        let forwards = [LinkKind::Propagated, LinkKind::RequestId].map(link_is).to_vec();
        if !self.find(call, vec![Condition::AnyOf(forwards)], 1)?.is_empty() {
            self.habits.saw_forwarding(&service);
            return Ok(());
        }
        let to_it = Field::Attribute(Scope::Span, attribute::SERVER_ADDRESS.to_owned());
        let candidates = Field::Attribute(Scope::Span, attribute::LINK_CANDIDATES.to_owned());
        let alone = vec![
            link_is(LinkKind::None),
            narrow::is(to_it, &destination),
            Condition::Field(candidates, Test::Absent),
        ];
        if self.find(call, alone, CALLS_OF_A_HABIT)?.len() >= CALLS_OF_A_HABIT {
            self.habits.saw_background_calls(&service, &destination);
        }
        Ok(())
    }

    /// Traces with such a call of the same workload.
    fn find(
        &self,
        call: &Span,
        mut conditions: Vec<Condition>,
        limit: usize,
    ) -> Result<Vec<throughline_model::id::TraceId>, StoreError> {
        conditions.push(narrow::is(Field::Kind, SpanKind::Client.as_str()));
        let filter = SpanFilter {
            service: Some(call.service_name().to_owned()),
            since_unix_ns: Some(call.start_unix_ns.saturating_sub(MEMORY_NS)),
            until_unix_ns: Some(call.end_unix_ns),
            conditions,
            ..SpanFilter::default()
        };
        Ok(self.store.search_within(&filter, limit, &self.budget)?.items)
    }
}

fn link_is(kind: LinkKind) -> Condition {
    let field = Field::Attribute(Scope::Span, attribute::LINK_KIND.to_owned());
    is(field, Value::Text(kind.as_str().to_owned()))
}
