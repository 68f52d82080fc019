//! Sends requests at their time, or as fast as they are answered, and keeps count.
//!
//! Each connection is one task: it takes the next request, makes its bytes ahead, waits until it is due, and sends it until
//! it is done. In an open loop latency counts from the time a request was *due*, also when every connection was still
//! busy with an earlier one, so that a stalled receiver is not measured by the few requests it lets through.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use collector::Signal;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::file::Reader;
use super::generate::{Generator, Scratch, dice};
use super::ledger::BySignal;
use super::payload::{Coding, Payload};
use super::workload::Workload;
use super::{Error, cpu};

mod client;
mod reply;
mod tally;

use client::Connection;
pub(super) use client::{Protocol, Target};
use reply::Outcome;
pub(super) use tally::Counts;
use tally::Tally;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// At their times, this many times as fast.
    Open { speed: f64 },
    /// The next as soon as one is answered.
    Closed,
}

pub(super) struct Sending {
    pub(super) target: Target,
    pub(super) coding: Coding,
    /// For each signal, or for the file.
    pub(super) connections: usize,
    pub(super) pace: Pace,
    /// No request is sent for the first time after this.
    pub(super) limit: Duration,
    /// How long a request is tried again before it is given up.
    pub(super) retry_for: Duration,
}

/// Where requests come from.
pub(super) enum Source {
    Generated(Box<Generated>),
    File(Box<Mutex<Reader>>),
}

/// The requests of a workload, one after another.
pub(super) struct Generated {
    generator: Generator,
    workload: Workload,
    /// The next of each signal.
    next: [AtomicU64; 3],
}

impl Generated {
    pub(super) fn new(workload: &Workload) -> Self {
        Generated { generator: Generator::new(workload), workload: workload.clone(), next: Default::default() }
    }

    /// The next request of `signal`; `None` when there are no more.
    fn next(&self, signal: Signal, coding: Coding, scratch: &mut Scratch) -> Result<Option<Payload>, Error> {
        let number = self.next[place(signal)].fetch_add(1, Ordering::Relaxed);
        if number >= self.workload.requests(signal) {
            return Ok(None);
        }
        let body = self.generator.request(signal, number, scratch);
        let bytes = coding.encode(body.bytes).map_err(|error| Error::usage(error.to_string()))?;
        let due = self.workload.due(signal, number);
        Ok(Some(Payload { signal, number, due, items: body.items, coding, body: bytes }))
    }
}

/// A run in progress.
pub(super) struct Run {
    sending: Sending,
    target: Arc<Target>,
    source: Source,
    started: Instant,
    tallies: [Mutex<Tally>; 3],
    /// Processor time of making requests.
    making: AtomicU64,
    error: Mutex<Option<Error>>,
}

/// The first pause between attempts when the receiver does not say how long; doubled from attempt to attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

fn place(signal: Signal) -> usize {
    usize::from(signal.kind()) - 1
}

impl Run {
    pub(super) fn new(sending: Sending, source: Source) -> Arc<Self> {
        let target = Arc::new(sending.target.clone());
        Arc::new(Run {
            sending,
            target,
            source,
            started: Instant::now(),
            tallies: Default::default(),
            making: AtomicU64::new(0),
            error: Mutex::new(None),
        })
    }

    /// The tasks that send, one for each connection. They end when there is nothing left to send, or after `stop` is set.
    pub(super) fn start(self: &Arc<Self>, stop: &watch::Receiver<bool>) -> JoinSet<()> {
        let lanes: Vec<Option<Signal>> = match &self.source {
            Source::Generated(it) => {
                Signal::ALL.into_iter().filter(|signal| it.workload.requests(*signal) > 0).map(Some).collect()
            }
            Source::File(_) => vec![None],
        };
        let mut tasks = JoinSet::new();
        for lane in lanes {
            for _ in 0..self.sending.connections {
                tasks.spawn(Arc::clone(self).work(lane, stop.clone()));
            }
        }
        tasks
    }

    fn tally(&self, signal: Signal) -> MutexGuard<'_, Tally> {
        self.tallies[place(signal)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since the last call.
    pub(super) fn take_recent(&self, signal: Signal) -> Counts {
        self.tally(signal).take_recent()
    }

    pub(super) fn total(&self, signal: Signal) -> Counts {
        self.tally(signal).total()
    }

    /// Acknowledged requests, and those that may or may not have been stored.
    pub(super) fn fates(&self) -> (BySignal, BySignal) {
        let (mut acked, mut unsure) = (BySignal::default(), BySignal::default());
        for signal in Signal::ALL {
            let tally = self.tally(signal);
            *acked.of_mut(signal) = tally.acked.clone();
            *unsure.of_mut(signal) = tally.unsure.clone();
        }
        (acked, unsure)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long a request is tried again.
    pub(super) fn retry_for(&self) -> Duration {
        self.sending.retry_for
    }

    /// Processor time that making requests took so far.
    pub(super) fn making(&self) -> Duration {
        Duration::from_nanos(self.making.load(Ordering::Relaxed))
    }

    /// What ended the run early.
    pub(super) fn take_error(&self) -> Option<Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn work(self: Arc<Self>, lane: Option<Signal>, mut stop: watch::Receiver<bool>) {
        let mut connection = Connection::new(Arc::clone(&self.target));
        let mut scratch = Scratch::default();
        while !*stop.borrow() {
            let started = cpu::thread();
            let payload = match self.next(lane, &mut scratch) {
                Ok(Some(payload)) => payload,
                Ok(None) => return,
                Err(error) => {
                    *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return;
                }
            };
            let making = (cpu::thread() - started).as_nanos() as u64;
            self.making.fetch_add(making, Ordering::Relaxed);
            let due = match self.sending.pace {
                Pace::Closed => Instant::now(),
                Pace::Open { speed } => self.started + Duration::from_nanos((payload.due.max(0) as f64 / speed) as u64),
            };
            if due - self.started > self.sending.limit {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            self.deliver(&mut connection, &payload, due, &mut stop).await;
        }
    }

    /// The next request; `None` when there are no more.
    fn next(&self, lane: Option<Signal>, scratch: &mut Scratch) -> Result<Option<Payload>, Error> {
        match (&self.source, lane) {
            (Source::Generated(it), Some(signal)) => it.next(signal, self.sending.coding, scratch),
            (Source::File(reader), _) => reader.lock().unwrap_or_else(PoisonError::into_inner).next(),
            (Source::Generated(_), None) => Ok(None),
        }
    }

    /// Sends a request until it is accepted, refused or given up.
    async fn deliver(
        &self,
        connection: &mut Connection,
        payload: &Payload,
        due: Instant,
        stop: &mut watch::Receiver<bool>,
    ) {
        let first = Instant::now();
        {
            let mut tally = self.tally(payload.signal);
            tally.recent.behind = tally.recent.behind.max(first - due);
            // Until the answer says otherwise.
            tally.unsure.insert(payload.number);
        }
        let mut pause = FIRST_PAUSE;
        for attempt in 0u64.. {
            let outcome = connection.send(payload).await;
            let Some(asked) = self.settle(payload, due, attempt, outcome) else { return };
            // Apart from each other, so that connections that were refused together do not come back together.
            let spread = dice::mix(payload.number.wrapping_add(attempt << 32)) % 1000;
            let wait = asked.unwrap_or(pause).mul_f64(1.0 + spread as f64 / 5000.0);
            pause = (pause * 2).min(LONGEST_PAUSE);
            if first.elapsed() + wait > self.sending.retry_for {
                let recent = &mut self.tally(payload.signal).recent;
                recent.lost += 1;
                if let Some(asked) = asked {
                    recent.impatient += 1;
                    recent.longest_pause = recent.longest_pause.max(asked);
                }
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Counts an attempt. When another is worth it, gives the pause that the receiver asks for, if it does.
    fn settle(&self, payload: &Payload, due: Instant, attempt: u64, outcome: Outcome) -> Option<Option<Duration>> {
        let mut tally = self.tally(payload.signal);
        tally.recent.bytes += payload.body.len() as u64;
        tally.recent.retries += u64::from(attempt > 0);
        match outcome {
            Outcome::Accepted { rejected, why } => {
                tally.recent.latencies.record(due.elapsed());
                tally.recent.requests += 1;
                tally.recent.items += payload.items.saturating_sub(rejected);
                tally.recent.rejected += rejected;
                if rejected > 0 {
                    tally.recent.why_rejected = why;
                }
                tally.unsure.remove(payload.number);
                tally.acked.insert(payload.number);
                None
            }
            Outcome::Refused { kind } => {
                tally.recent.failed(kind);
                tally.recent.lost += 1;
                tally.unsure.remove(payload.number);
                None
            }
            Outcome::Later { kind, pause } => {
                tally.recent.failed(kind);
                Some(pause)
            }
        }
    }
}
