//! Who is told of alerts, and the template of a webhook's body.

use crate::alert::book::Telling;

/// One receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Its name, unique.
    pub name: String,
    /// How it is told.
    pub kind: ReceiverKind,
    /// Where; for `smtp` the relay as `smtp://host:port`.
    pub url: String,
}

/// How a receiver is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverKind {
    /// Prometheus Alertmanager, API v2.
    Alertmanager,
    /// A POST of JSON, or of a body that a template makes.
    Webhook {
        /// Signs each body: the header `x-throughline-signature` holds `sha256=` and the HMAC in hexadecimal.
        secret: Option<String>,
        /// What the body is made of.
        template: Option<Template>,
    },
    /// An incoming webhook of Slack.
    Slack,
    /// Events API v2 of PagerDuty.
    PagerDuty {
        /// The integration key.
        routing_key: String,
    },
    /// E-mail by a relay without encryption or login, such as one on the same machine.
    Smtp {
        /// Sender.
        from: String,
        /// Recipients.
        to: Vec<String>,
    },
}

impl ReceiverKind {
    /// The word for it in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Alertmanager => "alertmanager",
            Self::Webhook { .. } => "webhook",
            Self::Slack => "slack",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Smtp { .. } => "smtp",
        }
    }

    /// How it wants to be told.
    pub fn telling(&self) -> Telling {
        match self {
            Self::Alertmanager => Telling::SingleAlerts,
            Self::Webhook { .. } | Self::Slack | Self::PagerDuty { .. } | Self::Smtp { .. } => {
                Telling::Groups
            }
        }
    }
}

/// A body with places like `{{suspect}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(usize),
}

/// What may stand between double braces.
pub(in super::super) const PLACES: [&str; 7] =
    ["status", "suspect", "severity", "summary", "count", "url", "alerts"];

impl Template {
    /// Reads a template; the error says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else {
                return Err("`{{` is never closed: write `}}` after the name".to_owned());
            };
            let name = name.trim();
            let Some(place) = PLACES.iter().position(|place| *place == name) else {
                return Err(format!("`{{{{{name}}}}}` is not known: use {}", PLACES.join(", ")));
            };
            pieces.extend([Piece::Text(before.to_owned()), Piece::Place(place)]);
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The body, where `value` gives the text for a name; what it gives is escaped as inside a JSON string.
    pub(in super::super) fn fill(&self, value: impl Fn(&str) -> String) -> String {
        let mut body = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::Place(place) => {
                    let name = PLACES.get(*place).copied().unwrap_or_default();
                    let quoted = serde_json::Value::String(value(name)).to_string();
                    body.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
                }
            }
        }
        body
    }
}
