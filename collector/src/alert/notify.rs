//! Tells receivers: one thread for each, so that one that hangs delays no other and never the detection.
//!
//! There is no queue that could overflow: the book knows what each receiver was told, and a thread asks it for the next
//! message. What a receiver could not be told it is told later, in order.

mod body;
mod send;
mod smtp;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::book::{Message, Status, Telling};
use super::engine::Shared;
use super::rules::Receiver;

const LOOK_EVERY: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why a receiver was not told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotifyError(pub(super) String);

/// Tells one receiver until its rules are replaced or the process stops.
pub(super) fn tell_forever(shared: &Arc<Shared>, receiver: &Receiver, generation: u64) {
    let mut pause = Duration::from_secs(1);
    while shared.sleep(LOOK_EVERY, generation) {
        let telling = receiver.kind.telling();
        let next = {
            let book = shared.book();
            let now_unix_s = now_unix_s();
            book.next_message(&receiver.name, telling, now_unix_s).map(|message| {
                (telling == Telling::Groups && book.is_known(&receiver.name, &message, now_unix_s), message)
            })
        };
        let Some((is_known, message)) = next else { continue };
        let told = if is_known { Ok(()) } else { send::send(receiver, &message, &shared.external_url()) };
        match told {
            Ok(()) => {
                shared.book().told(&receiver.name, &message, now_unix_s());
                shared.save();
                if !is_known {
                    shared.count_delivery(&receiver.name, None);
                }
                pause = Duration::from_secs(1);
            }
            Err(error) => {
                tracing::warn!(receiver = %receiver.name, %error, "receiver could not be told and is tried again");
                shared.count_delivery(&receiver.name, Some(error.to_string()));
                if !shared.sleep(pause, generation) {
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Tells one receiver of an alert that says it is a test, and waits for its answer.
pub fn send_test(receiver: &Receiver, external_url: &str) -> Result<(), NotifyError> {
    let message = Message::example(now_unix_s());
    send::send(receiver, &message, external_url)?;
    send::send(receiver, &Message { status: Status::Resolved, ..message }, external_url)
}

pub(super) fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
