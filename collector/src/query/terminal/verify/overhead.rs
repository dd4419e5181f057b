//! What recording costs a request at this entry: pairs of requests, one recorded and one not, in turns.

use std::time::Duration;

use super::super::client::ClientError;
use super::super::paint::duration;
use super::probe::{Mark, Probe, Recording};

/// Sends the pairs and says what they took.
pub(super) fn measure(probe: &Probe, pairs: u32) -> Result<String, ClientError> {
    let (mut recorded, mut unrecorded) = (Vec::new(), Vec::new());
    for _ in 0..pairs {
        recorded.push(probe.send(&Mark::new(), Recording::On)?.1);
        unrecorded.push(probe.send(&Mark::new(), Recording::Off)?.1);
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
