//! Requests at a fixed rate, whatever becomes of those before: each is due at its time, and its latency counts from
//! then, so that a proxy that stands still is charged for all requests that had to wait for it.

mod answer;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::wait;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// So many requests can be on their way at once; a stall that holds more makes the next ones leave late, and these
/// count from when they were due all the same.
const CONNECTIONS: usize = 32;
/// A proxy that answers nothing for so long has failed.
const STALL_DEADLINE: Duration = Duration::from_secs(5);
/// The kernel may end a wait later by so much, which would be 50 us if nothing were said.
const TIMER_SLACK: Option<NonZeroU64> = NonZeroU64::new(1);
const ANSWER_BYTES: usize = 4096;

/// What is sent where, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) port: u16,
    /// A whole request.
    pub(crate) request: &'a [u8],
    pub(crate) count: usize,
    /// Between the times when two requests are due.
    pub(crate) interval: Duration,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Answered {
    /// Of each request, from when it was due until its answer was there.
    pub(crate) latencies: Vec<Duration>,
    /// Of each request, from when it was due until it left.
    pub(crate) late: Vec<Duration>,
    /// From when the first was due until the last was answered.
    pub(crate) took: Duration,
}

/// Sends all of them and waits for all answers; one that is not 200 is an error.
pub(crate) fn send(plan: Plan<'_>) -> Result<Answered> {
    rustix::thread::set_current_timer_slack(TIMER_SLACK)?;
    let streams = (0..CONNECTIONS).map(|_| connect(plan.port)).collect::<Result<Vec<_>>>()?;
    let mut polled: Vec<_> = streams.iter().map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
    let mut connections: Vec<_> = streams.iter().map(Connection::new).collect();
    let mut free: VecDeque<usize> = (0..CONNECTIONS).collect();
    let mut answered = Answered {
        latencies: Vec::with_capacity(plan.count),
        late: Vec::with_capacity(plan.count),
        took: Duration::ZERO,
    };
    let start = Instant::now();
    let mut next_due = start;
    while answered.latencies.len() < plan.count {
        while answered.late.len() < plan.count && Instant::now() >= next_due {
            let Some(index) = free.pop_front() else { break };
            connections[index].send(plan.request, next_due)?;
            answered.late.push(next_due.elapsed());
            next_due += plan.interval;
        }
        let is_sending = answered.late.len() < plan.count && !free.is_empty();
        let pause =
            if is_sending { next_due.saturating_duration_since(Instant::now()) } else { STALL_DEADLINE };
        let ready = match poll(&mut polled, Some(&Timespec::try_from(pause)?)) {
            Err(Errno::INTR) => {
                wait::stop_if_interrupted()?;
                continue;
            }
            outcome => outcome?,
        };
        ensure!(ready > 0 || is_sending, "no answer for {} s", STALL_DEADLINE.as_secs());
        for (index, _) in polled.iter().enumerate().filter(|(_, one)| !one.revents().is_empty()) {
            if let Some(latency) = connections[index].receive()? {
                answered.latencies.push(latency);
                free.push_back(index);
            }
        }
    }
    answered.took = start.elapsed();
    Ok(answered)
}

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).context("connect to the proxy")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request at a time.
#[derive(Debug)]
struct Connection<'a> {
    stream: &'a TcpStream,
    /// When the request on its way was due.
    due: Option<Instant>,
    received: Vec<u8>,
}

impl<'a> Connection<'a> {
    fn new(stream: &'a TcpStream) -> Self {
        Self { stream, due: None, received: Vec::with_capacity(ANSWER_BYTES) }
    }

    fn send(&mut self, request: &[u8], due: Instant) -> Result<()> {
        self.due = Some(due);
        self.stream.write_all(request).context("send a request")
    }

    /// Takes what has come; the latency once the answer is whole.
    fn receive(&mut self) -> Result<Option<Duration>> {
        let mut bytes = [0; ANSWER_BYTES];
        let length = self.stream.read(&mut bytes).context("read an answer")?;
        ensure!(length > 0, "the proxy closed a connection");
        self.received.extend_from_slice(&bytes[..length]);
        if !answer::is_whole(&self.received)? {
            return Ok(None);
        }
        self.received.clear();
        match self.due.take() {
            Some(due) => Ok(Some(due.elapsed())),
            None => bail!("an answer came to no request"),
        }
    }
}

#[cfg(test)]
mod tests;
