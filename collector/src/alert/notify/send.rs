//! Sends one message by HTTP or SMTP, within a bounded time.

use std::time::Duration;

use ureq::Agent;

use super::body::{self, Body};
use super::{NotifyError, smtp};
use crate::alert::book::Message;
use crate::alert::rules::{Receiver, ReceiverKind};

const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REASON_BYTES: u64 = 1024;

pub(super) fn send(receiver: &Receiver, message: &Message, external_url: &str) -> Result<(), NotifyError> {
    if let ReceiverKind::Smtp { from, to } = &receiver.kind {
        let mail = body::mail(message, external_url);
        return smtp::send(&receiver.url, from, to, &mail, TIMEOUT).map_err(|error| {
            NotifyError(format!("the relay {} did not take the mail: {error}", receiver.url))
        });
    }
    let Body { url, text, signature } = body::of(receiver, message, external_url);
    post(&url, &text, signature.as_deref())
}

fn post(url: &str, text: &str, signature: Option<&str>) -> Result<(), NotifyError> {
    let agent: Agent =
        Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT)).build().into();
    let mut request = agent.post(url).header("content-type", "application/json");
    if let Some(signature) = signature {
        request = request.header("x-throughline-signature", signature);
    }
    let mut answer = request
        .send(text)
        .map_err(|error| NotifyError(format!("{} was not reached: {error}", shorten(url))))?;
    if answer.status().is_success() {
        return Ok(());
    }
    let reason = answer.body_mut().with_config().limit(MAX_REASON_BYTES).read_to_string().unwrap_or_default();
    Err(NotifyError(format!("{} answered {}: {}", shorten(url), answer.status(), reason.trim())))
}

/// Paths of incoming webhooks are secrets and do not go to the log.
fn shorten(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{}", host.rsplit('@').next().unwrap_or_default())
}
