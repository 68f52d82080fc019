//! `haechi load --into DIR`: the requests go straight into a data directory, without network and server, and the processor
//! time of each step is told apart. One signal after another, so that each has figures of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use collector::Signal;
use collector::otlp::{self, Context};
use model::Nanos;
use store::{AppendError, Request, Store, StoreConfig, Table};

use super::amount::Short;
use super::generate::{Generator, Scratch};
use super::ledger::{Ledger, Ranges};
use super::workload::Workload;
use super::{AnyError, Error, cpu};
use crate::clock;
use crate::logging::say;

mod figures;

use figures::{Figures, Size};

/// Threads that make, decode and append requests.
const WORKERS: usize = 3;

/// When rows wait in memory for the disk, a worker comes again after this.
const PAUSE: Duration = Duration::from_millis(50);

/// Loads `workload` into the directory, flushes and compacts it, and says what that took.
pub(super) fn run(dir: &Path, workload: &Workload, ledger: Option<&Path>, json: bool) -> Result<(), AnyError> {
    if workload.requests.contains(&u64::MAX) {
        return Err(Error::usage("--into: with --max give totals, such as --spans 1M, or use --span").into());
    }
    let (store, recovery) = Store::open(StoreConfig::new(dir), Box::new(collector::decode_for_replay))?;
    for damage in &recovery.damage {
        say(format_args!("damaged and left where it is: {damage}"));
    }
    let generator = Generator::new(workload);
    let mut noted = Ledger::new(workload);
    for signal in Signal::ALL {
        if workload.requests(signal) == 0 {
            continue;
        }
        let loading = Loading::new(signal, workload.requests(signal), &generator, &store);
        let figures = loading.run(json)?;
        figures.say(json);
        *noted.acked.of_mut(signal) = loading.acked();
    }
    store.close();
    if let Some(path) = ledger {
        noted.save(path)?;
    }
    Ok(())
}

/// One signal on its way into the store.
struct Loading<'a> {
    signal: Signal,
    requests: u64,
    generator: &'a Generator,
    store: &'a Arc<Store>,
    next: AtomicU64,
    items: AtomicU64,
    bytes: AtomicU64,
    acked: Mutex<Ranges>,
    /// Processor nanoseconds of making, of decoding, of making columns and handing them over, and of what had to be repeated.
    steps: [AtomicU64; 4],
    error: Mutex<Option<String>>,
}

const MAKE: usize = 0;
const DECODE: usize = 1;
const APPEND: usize = 2;
const AGAIN: usize = 3;

impl<'a> Loading<'a> {
    fn new(signal: Signal, requests: u64, generator: &'a Generator, store: &'a Arc<Store>) -> Self {
        Loading {
            signal,
            requests,
            generator,
            store,
            next: AtomicU64::new(0),
            items: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            acked: Mutex::default(),
            steps: Default::default(),
            error: Mutex::default(),
        }
    }

    fn acked(&self) -> Ranges {
        self.acked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn run(&self, json: bool) -> Result<Figures, AnyError> {
        let started = Instant::now();
        let (threads, process, before) = (cpu::threads(), cpu::process(), self.sizes());
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(|| self.work())).collect();
            let mut told = Instant::now();
            while !workers.iter().all(|worker| worker.is_finished()) {
                std::thread::sleep(Duration::from_millis(20));
                if !json && told.elapsed() >= Duration::from_secs(5) {
                    told = Instant::now();
                    self.say_progress(started.elapsed());
                }
            }
        });
        if let Some(error) = self.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error.into());
        }
        let flushing = cpu::thread();
        self.store.flush()?;
        let compacting = cpu::thread();
        self.store.compact_all()?;
        let compacted = cpu::thread();

        let now = cpu::threads();
        let of = |name: &str| {
            let time = |all: &std::collections::BTreeMap<String, Duration>| all.get(name).copied().unwrap_or_default();
            time(&now).saturating_sub(time(&threads))
        };
        let step = |step: usize| Duration::from_nanos(self.steps[step].load(Ordering::Relaxed));
        Ok(Figures {
            signal: self.signal,
            items: self.items.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            elapsed: started.elapsed(),
            make: step(MAKE),
            decode: step(DECODE),
            columns: step(APPEND),
            again: step(AGAIN),
            log: of("haechi-commit"),
            flush: of("haechi-flush") + (compacting - flushing),
            compact: of("haechi-compact") + (compacted - compacting),
            process: cpu::process() - process,
            sizes: self.sizes().iter().zip(&before).map(|(after, before)| after.since(before)).collect(),
            peak_memory: cpu::peak_memory(),
        })
    }

    /// The tables of this signal.
    fn sizes(&self) -> Vec<Size> {
        let tables: &[Table] = match self.signal {
            Signal::Traces => &[Table::Spans],
            Signal::Logs => &[Table::Logs],
            Signal::Metrics => &[Table::Points, Table::Series, Table::Exemplars],
        };
        let stats = self.store.stats();
        let of_table = |it: &store::TableStats| Size::new(it.table, it.rows, it.bytes, it.segments);
        stats.tables.iter().filter(|it| tables.contains(&it.table)).map(of_table).collect()
    }

    fn say_progress(&self, elapsed: Duration) {
        let (items, done) = (self.items.load(Ordering::Relaxed), self.next.load(Ordering::Relaxed));
        let rate = Short(items as f64 / elapsed.as_secs_f64().max(1e-9));
        let percent = 100 * done.min(self.requests) / self.requests.max(1);
        say(format_args!("{}: {percent} %, {} at {rate}/s", self.signal.name(), Short(items as f64)));
    }

    /// Loads requests until there are no more or something fails.
    fn work(&self) {
        let mut scratch = Scratch::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.requests || self.error.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                return;
            }
            let body = self.timed(MAKE, || self.generator.request(self.signal, number, &mut scratch));
            match self.append(&body.bytes) {
                Ok(()) => {
                    self.items.fetch_add(body.items, Ordering::Relaxed);
                    self.bytes.fetch_add(body.bytes.len() as u64, Ordering::Relaxed);
                    self.acked.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
                }
                Err(error) => {
                    *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return;
                }
            }
        }
    }

    fn timed<T>(&self, step: usize, work: impl FnOnce() -> T) -> T {
        let before = cpu::thread();
        let result = work();
        self.add(step, cpu::thread() - before);
        result
    }

    fn add(&self, step: usize, time: Duration) {
        self.steps[step].fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Decodes a request as the receiver does and appends it, as often as it takes.
    fn append(&self, body: &Bytes) -> Result<(), String> {
        loop {
            let started = cpu::thread();
            let received_at = clock::now();
            let context = Context { received_at, oldest_accepted: Nanos::MIN };
            let decoded = otlp::decode_into(self.store.rows(Nanos::MIN), self.signal, body, context)
                .map_err(|it| it.to_string())?;
            let decoded_at = cpu::thread();
            if decoded.rejected() > 0 {
                return Err(format!("{} rejected: {}", self.signal.name(), decoded.report.message(self.signal)));
            }
            let request = Request {
                kind: self.signal.kind(),
                received_at,
                body: body.clone(),
                dedup: decoded.has_time,
                rows: decoded.rows,
            };
            match self.store.append_blocking(request) {
                Ok(_) => {
                    let done = cpu::thread();
                    self.add(DECODE, decoded_at - started);
                    self.add(APPEND, done - decoded_at);
                    return Ok(());
                }
                // The rows are gone with the request: what this round took is not part of what the work takes.
                Err(AppendError::Busy(_)) => self.add(AGAIN, cpu::thread() - started),
                Err(error) => return Err(error.to_string()),
            }
            std::thread::sleep(PAUSE);
        }
    }
}
