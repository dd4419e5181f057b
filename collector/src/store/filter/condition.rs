//! Conditions on the fields of one span, and what they mean.

use std::borrow::Cow;
use std::cmp::Ordering;

use throughline_model::span::{Span, Value, find};

use super::Pattern;

/// Something that holds of a span or does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// One field satisfies a test.
    Field(Field, Test),
    /// All of these hold; of an empty list that is true.
    AllOf(Vec<Condition>),
    /// At least one of these holds; of an empty list that is false.
    AnyOf(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
}

/// A part of a span that conditions look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The name, a text.
    Name,
    /// `service.name` of the resource, a text.
    Service,
    /// The kind by its lower-case name, such as `server`.
    Kind,
    /// The status by its lower-case name: `unset`, `ok` or `error`.
    Status,
    /// The sender's words about an error; absent when there are none.
    StatusMessage,
    /// End minus start in nanoseconds, an integer.
    DurationNs,
    /// Whether it has no parent.
    IsRoot,
    /// An attribute. `throughline.link.kind` and `throughline.depth` have columns of their own like most that proxies send.
    Attribute(Scope, String),
}

/// Where an attribute is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Among the attributes of the span.
    Span,
    /// Among those of its resource.
    Resource,
    /// Of the span, and of the resource when the span has none with this name.
    Any,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is there.
    Exists,
    /// It is not there.
    Absent,
    /// It compares with a value so. Numbers compare with numbers, texts with texts, truth values with truth values;
    /// nothing else compares.
    Is(Comparison, Value),
    /// It reads so when written as text, as the tags of Jaeger's API are: `200`, `true`, `GET`.
    Reads(String),
    /// It is a text that the expression matches.
    Matches(Pattern),
    /// It is a text that the expression does not match.
    DoesNotMatch(Pattern),
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// The value of a field, borrowed where possible.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// An integer.
    Int(i64),
    /// A double-precision number.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// Bytes, a list or a map: it exists, and compares with nothing.
    Other,
}

impl Condition {
    /// Whether it holds of a span.
    pub fn matches(&self, span: &Span) -> bool {
        self.holds(&|field| field.of(span))
    }

    /// Whether it holds of something whose fields can be asked for.
    pub(in crate::store) fn holds<'a>(&self, value_of: &dyn Fn(&Field) -> Option<FieldValue<'a>>) -> bool {
        match self {
            Self::Field(field, test) => test.holds(value_of(field).as_ref()),
            Self::AllOf(all) => all.iter().all(|condition| condition.holds(value_of)),
            Self::AnyOf(any) => any.iter().any(|condition| condition.holds(value_of)),
            Self::Not(condition) => !condition.holds(value_of),
        }
    }

    /// Every field it looks at; a field may come more than once.
    pub(in crate::store) fn fields(&self) -> Vec<&Field> {
        match self {
            Self::Field(field, _) => vec![field],
            Self::AllOf(parts) | Self::AnyOf(parts) => parts.iter().flat_map(Self::fields).collect(),
            Self::Not(condition) => condition.fields(),
        }
    }
}

impl Field {
    /// Its value in a span.
    pub fn of<'a>(&self, span: &'a Span) -> Option<FieldValue<'a>> {
        let text = |text: &'a str| Some(FieldValue::Text(Cow::Borrowed(text)));
        match self {
            Self::Name => text(&span.name),
            Self::Service => text(span.service_name()),
            Self::Kind => text(span.kind.as_str()),
            Self::Status => text(span.status.as_str()),
            Self::StatusMessage => text(&span.status_message).filter(|_| !span.status_message.is_empty()),
            Self::DurationNs => Some(FieldValue::duration(span.duration_ns())),
            Self::IsRoot => Some(FieldValue::Bool(span.parent_span_id.is_none())),
            Self::Attribute(scope, key) => {
                let of_span = || find(&span.attributes, key);
                let of_resource = || find(&span.resource.attributes, key);
                let value = match scope {
                    Scope::Span => of_span(),
                    Scope::Resource => of_resource(),
                    Scope::Any => of_span().or_else(of_resource),
                };
                value.map(FieldValue::from)
            }
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&FieldValue<'_>>) -> bool {
        let Some(value) = value else {
            return *self == Self::Absent;
        };
        match self {
            Self::Exists => true,
            Self::Absent => false,
            Self::Is(comparison, wanted) => comparison.holds(value, &FieldValue::from(wanted)),
            Self::Reads(wanted) => value.reads(wanted),
            Self::Matches(pattern) => matches!(value, FieldValue::Text(text) if pattern.is_match(text)),
            Self::DoesNotMatch(pattern) => matches!(value, FieldValue::Text(text) if !pattern.is_match(text)),
        }
    }
}

impl Comparison {
    fn holds(self, value: &FieldValue<'_>, wanted: &FieldValue<'_>) -> bool {
        let Some(order) = value.compare(wanted) else {
            return false;
        };
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl FieldValue<'_> {
    pub(in crate::store) fn duration(duration_ns: u64) -> Self {
        Self::Int(i64::try_from(duration_ns).unwrap_or(i64::MAX))
    }

    fn compare(&self, other: &FieldValue<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(one), FieldValue::Text(other)) => Some(one.cmp(other)),
            (Self::Int(one), FieldValue::Int(other)) => Some(one.cmp(other)),
            (Self::Double(one), FieldValue::Double(other)) => one.partial_cmp(other),
            (Self::Int(one), FieldValue::Double(other)) => (*one as f64).partial_cmp(other),
            (Self::Double(one), FieldValue::Int(other)) => one.partial_cmp(&(*other as f64)),
            (Self::Bool(one), FieldValue::Bool(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }

    fn reads(&self, wanted: &str) -> bool {
        match self {
            Self::Text(text) => text == wanted,
            Self::Int(number) => wanted.parse() == Ok(*number),
            Self::Double(number) => wanted.parse() == Ok(*number),
            Self::Bool(truth) => wanted.parse() == Ok(*truth),
            Self::Other => false,
        }
    }

    /// The value as text, as tag values are listed; `None` for what has no short form.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.to_string()),
            Self::Int(number) => Some(number.to_string()),
            Self::Double(number) => Some(number.to_string()),
            Self::Bool(truth) => Some(truth.to_string()),
            Self::Other => None,
        }
    }
}

impl<'a> From<&'a Value> for FieldValue<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            Value::Int(number) => Self::Int(*number),
            Value::Double(number) => Self::Double(*number),
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Bytes(_) | Value::List(_) | Value::Map(_) => Self::Other,
        }
    }
}

impl From<Value> for FieldValue<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(Cow::Owned(text)),
            Value::Int(number) => Self::Int(number),
            Value::Double(number) => Self::Double(number),
            Value::Bool(truth) => Self::Bool(truth),
            Value::Bytes(_) | Value::List(_) | Value::Map(_) => Self::Other,
        }
    }
}
