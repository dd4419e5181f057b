//! What recording costs a request at this entry: pairs of requests, one recorded and one not, in turns.

use std::time::Duration;

use super::super::client::ClientError;
use super::super::paint::duration;
use super::probe::{Probe, Recording};
use super::recorder::Recorder;

/// Sends the pairs and says what they took. With a recorder each recorded request gets its root.
pub(super) fn measure(probe: &Probe, pairs: u32, recorder: Option<&Recorder>) -> Result<String, ClientError> {
    let (mut recorded, mut unrecorded) = (Vec::new(), Vec::new());
    for _ in 0..pairs {
        let sent = probe.send(Recording::On)?;
        unrecorded.push(probe.send(Recording::Off)?.took);
        recorder.map_or(Ok(()), |recorder| recorder.send(&sent))?;
        recorded.push(sent.took);
    }
    let (with, without) = (median(recorded), median(unrecorded));
    Ok(format!(
        "overhead: {pairs} recorded requests took {} in the median, {pairs} unrecorded ones {}: {}{} for recording all \
         hops (both pass the filter)",
        duration(with),
        duration(without),
        if with >= without { "+" } else { "-" },
        duration(with.abs_diff(without)),
    ))
}

/// In nanoseconds; 0 of none.
pub(super) fn median(mut times: Vec<Duration>) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
