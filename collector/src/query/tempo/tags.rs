//! Names and values of tags, of which Grafana makes its forms and completions.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::Uri;
use serde_json::{Value as Json, json};
use throughline_model::span::{SpanKind, StatusCode, Value};

use super::search::refuse;
use super::{Pairs, Refusal, answer, first, pairs, seconds};
use crate::query::QueryState;
use crate::query::envoy_tags::{self, Origin};
use crate::query::find::{Budget, Cancel};
use crate::query::held::HeldAnswer;
use crate::query::problem::Problem;
use crate::query::traceql::{Intrinsic, Query};
use crate::store::{Comparison, Condition, Field, Scope, SpanFilter, Store, StoreError, Test, ValuesOf};

/// More names or values than anybody scrolls through.
const MAX_LISTED: usize = 2_000;

/// One question for names or values.
struct Lister<'a> {
    store: &'a dyn Store,
    filter: SpanFilter,
    budget: Budget,
}

pub(super) async fn names(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Refusal> {
    list(state, &uri, |lister, _| {
        let names: BTreeSet<String> =
            lister.keys(Scope::Span)?.into_iter().chain(lister.keys(Scope::Resource)?).collect();
        Ok(json!({"tagNames": names, "metrics": {}}))
    })
    .await
}

pub(super) async fn scoped_names(State(state): State<QueryState>, uri: Uri) -> Result<HeldAnswer, Refusal> {
    list(state, &uri, |lister, pairs| {
        let wanted = first(pairs, "scope").filter(|scope| *scope != "none");
        let mut scopes = Vec::new();
        for (name, scope) in [("resource", Scope::Resource), ("span", Scope::Span)] {
            if wanted.is_none_or(|wanted| wanted == name) {
                scopes.push(json!({"name": name, "tags": lister.keys(scope)?}));
            }
        }
        if wanted.is_none_or(|wanted| wanted == "intrinsic") {
            let mut names: Vec<&str> = Intrinsic::names().collect();
            names.sort_unstable();
            scopes.push(json!({"name": "intrinsic", "tags": names}));
        }
        Ok(json!({"scopes": scopes, "metrics": {}}))
    })
    .await
}

pub(super) async fn values(
    State(state): State<QueryState>,
    Path(tag): Path<String>,
    uri: Uri,
) -> Result<HeldAnswer, Refusal> {
    list(state, &uri, move |lister, _| {
        let values: BTreeSet<String> =
            lister.typed_values(&tag)?.into_iter().map(|(_, value)| value).collect();
        Ok(json!({"tagValues": values, "metrics": {}}))
    })
    .await
}

pub(super) async fn typed_values(
    State(state): State<QueryState>,
    Path(tag): Path<String>,
    uri: Uri,
) -> Result<HeldAnswer, Refusal> {
    list(state, &uri, move |lister, _| {
        let found = lister.typed_values(&tag)?;
        let values: Vec<Json> =
            found.iter().map(|(kind, value)| json!({"type": kind, "value": value})).collect();
        Ok(json!({"tagValues": values, "metrics": {}}))
    })
    .await
}

async fn list<W>(state: QueryState, uri: &Uri, work: W) -> Result<HeldAnswer, Refusal>
where
    W: FnOnce(&Lister<'_>, &Pairs) -> Result<Json, StoreError> + Send + 'static,
{
    let pairs = pairs(uri)?;
    let mut filter = match first(&pairs, "q") {
        Some(text) => Query::parse(text).map_err(refuse)?.filter(),
        None => SpanFilter::default(),
    };
    filter.since_unix_ns = seconds(&pairs, "start")?;
    filter.until_unix_ns = seconds(&pairs, "end")?;
    let mut cancel = Cancel::default();
    let budget = cancel.budget(state.limits());
    let find =
        answer(&state, move |store| work(&Lister { store, filter, budget }, &pairs).map_err(Problem::from));
    find.await
}

impl Lister<'_> {
    fn list(&self, of: &ValuesOf, condition: Option<Condition>) -> Result<Vec<String>, StoreError> {
        let mut filter = self.filter.clone();
        filter.conditions.extend(condition);
        Ok(self.store.values(of, &filter, MAX_LISTED, self.budget.of_store())?.items)
    }

    /// The names of a scope, and in that of spans the tags of Envoy whose source is there.
    fn keys(&self, scope: Scope) -> Result<BTreeSet<String>, StoreError> {
        let mut keys: BTreeSet<String> = self.list(&ValuesOf::Keys(scope), None)?.into_iter().collect();
        if scope == Scope::Span {
            let of_resource = self.list(&ValuesOf::Keys(Scope::Resource), None)?;
            let is_there = |name: &str| match envoy_tags::origin(name) {
                Origin::Span(source) => keys.contains(source),
                Origin::Resource(source) => of_resource.iter().any(|key| key == source),
                Origin::Made | Origin::Nowhere => false,
            };
            let derived: Vec<String> =
                envoy_tags::names().filter(|name| is_there(name)).map(str::to_owned).collect();
            keys.extend(derived);
        }
        Ok(keys)
    }

    /// Values with their types, as Tempo names these.
    fn typed_values(&self, tag: &str) -> Result<Vec<(&'static str, String)>, StoreError> {
        let keywords =
            |names: &[&str]| names.iter().map(|name| ("keyword", (*name).to_owned())).collect::<Vec<_>>();
        let texts = |found: Vec<String>| found.into_iter().map(|text| ("string", text)).collect::<Vec<_>>();
        let is_root = || Condition::Field(Field::IsRoot, Test::Is(Comparison::Equal, Value::Bool(true)));
        Ok(match tag {
            "status" | "span:status" => {
                keywords(&[StatusCode::Ok, StatusCode::Error, StatusCode::Unset].map(StatusCode::as_str))
            }
            "kind" | "span:kind" => {
                keywords(&[0, 1, 2, 3, 4, 5].map(|number| SpanKind::from_number(number).as_str()))
            }
            "name" | "span:name" => texts(self.list(&ValuesOf::Field(Field::Name), None)?),
            "rootName" | "trace:rootName" => {
                texts(self.list(&ValuesOf::Field(Field::Name), Some(is_root()))?)
            }
            "rootServiceName" | "trace:rootService" => {
                texts(self.list(&ValuesOf::Field(Field::Service), Some(is_root()))?)
            }
            "statusMessage" | "span:statusMessage" => {
                texts(self.list(&ValuesOf::Field(Field::StatusMessage), None)?)
            }
            attribute => self.values_of_attribute(attribute)?,
        })
    }

    fn values_of_attribute(&self, tag: &str) -> Result<Vec<(&'static str, String)>, StoreError> {
        let (scopes, key): (&[Scope], &str) = match tag.split_once('.') {
            Some(("span", key)) => (&[Scope::Span], key),
            Some(("resource", key)) => (&[Scope::Resource], key),
            Some(("", key)) => (&[Scope::Span, Scope::Resource], key),
            _ => (&[Scope::Span, Scope::Resource], tag),
        };
        let mut fields: Vec<Field> =
            scopes.iter().map(|scope| Field::Attribute(*scope, key.to_owned())).collect();
        if scopes.contains(&Scope::Span) {
            match envoy_tags::origin(key) {
                Origin::Span(source) => fields.push(Field::Attribute(Scope::Span, source.to_owned())),
                Origin::Resource(source) => fields.push(Field::Attribute(Scope::Resource, source.to_owned())),
                Origin::Made | Origin::Nowhere => {}
            }
        }
        let mut found: BTreeSet<(&'static str, String)> = BTreeSet::new();
        for field in fields {
            // Stores list values as text; what they are is asked for one after the other.
            for (kind, comparison, bound) in [
                ("string", Comparison::GreaterOrEqual, Value::Text(String::new())),
                ("int", Comparison::LessOrEqual, Value::Double(f64::INFINITY)),
                ("bool", Comparison::LessOrEqual, Value::Bool(true)),
            ] {
                let is_kind = Condition::Field(field.clone(), Test::Is(comparison, bound));
                let values = self.list(&ValuesOf::Field(field.clone()), Some(is_kind))?;
                found.extend(values.into_iter().map(|value| (refine(kind, &value), value)));
            }
        }
        Ok(found.into_iter().collect())
    }
}

/// Whole numbers are `int`, others `float`.
fn refine(kind: &'static str, value: &str) -> &'static str {
    if kind == "int" && value.parse::<i64>().is_err() { "float" } else { kind }
}
