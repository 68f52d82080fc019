//! The receiver's state, and the path of a body from its last byte to the store's answer. Both protocols share it.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use model::Nanos;
use store::{Earlier, Reception, Request, Rows, Store};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::coding::{Coding, decompress};
use crate::disguise::Disguise;
use crate::fairness::{Peer, Shares};
use crate::json::{self, JsonError};
use crate::limits::{Admission, Limits};
use crate::otlp::{self, Context, Decoded, Malformed};
use crate::refusal::Refusal;
use crate::remote_write;
use crate::reply::Reply;
use crate::serve::Connections;
use crate::signal::{BodyKind, Signal};
use crate::stats::{Attempt, ConnectionStats, Counts, IngestStats, Ledger, Protocol, Sender, Success};

/// Receives OTLP and Prometheus Remote-Write into a store. One for all listeners.
pub struct Collector {
    store: Arc<Store>,
    limits: Limits,
    clock: Box<dyn Fn() -> Nanos + Send + Sync>,
    /// Memory of requests in progress.
    shares: Arc<Shares>,
    decoders: Arc<Semaphore>,
    connections: Arc<Connections>,
    ledger: Mutex<Ledger>,
}

/// A request before its body has been looked at.
pub(crate) struct Envelope<'a> {
    pub(crate) signal: Signal,
    pub(crate) protocol: Protocol,
    pub(crate) coding: Coding,
    pub(crate) sender: &'a Sender,
}

/// A body that can be stored.
struct Prepared {
    /// In protobuf, decompressed.
    body: Bytes,
    /// Of what was odd about it in JSON.
    warnings: otlp::Report,
    decoded: Decoded,
    admission: Admission,
}

/// Bodies up to this are decoded where they were read: at more than 200 MB/s that is a quarter of a millisecond.
const INLINE_SIZE: usize = 64 << 10;

/// What a small body may be decompressed to on the thread that does the input and output; a bomb is found out to be one there.
const INLINE_DECOMPRESSED: usize = 4 * INLINE_SIZE;

/// What compression usually makes of telemetry; only to judge which bodies are small.
const USUAL_RATIO: usize = 10;

/// What a row takes whose item says nothing, roughly. Three times the body are counted on for the rows of any.
const BYTES_OF_ROW: usize = 120;

/// What the rows of one request add to the pressure on the store at most, as a part of what it may hold: a request that is
/// larger than the store's memory is stored when there is room for some of it.
const MOST_OF_ONE: f64 = 0.2;

impl Collector {
    /// `clock` gives the time in nanoseconds since the epoch; it is read once for each request.
    pub fn new(store: Arc<Store>, limits: Limits, clock: impl Fn() -> Nanos + Send + Sync + 'static) -> Arc<Self> {
        let ledger = Mutex::new(Ledger::new(clock()));
        Arc::new(Collector {
            store,
            shares: Arc::new(Shares::new(limits.max_in_progress)),
            decoders: Arc::new(Semaphore::new(limits.decoders)),
            connections: Connections::new(limits.max_connections),
            limits,
            clock: Box::new(clock),
            ledger,
        })
    }

    /// What has been received since the start.
    pub fn stats(&self) -> IngestStats {
        let Limits { max_connections, max_in_progress, .. } = self.limits;
        let now = (self.clock)();
        let stats = self.ledger().stats(now);
        IngestStats {
            connections: ConnectionStats {
                open: self.connections.len(),
                most: max_connections,
                displaced: self.connections.displaced(),
                ..stats.connections
            },
            requests_in_progress: self.shares.requests(),
            bytes_in_progress: self.shares.held(),
            max_bytes_in_progress: max_in_progress,
            ..stats
        }
    }

    /// The last attempts to send of the clients of the last hour, those that are news first.
    pub fn attempts(&self) -> Vec<Attempt> {
        let now = (self.clock)();
        self.ledger().attempts(now)
    }

    /// A number that changes with each attempt.
    pub fn attempts_version(&self) -> u64 {
        self.ledger().attempts_version()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// What a request of `peer` takes its memory from; refused while the store has little room and this sender has had more
    /// of it than others.
    pub(crate) fn admission(&self, peer: Peer) -> Result<Admission, Refusal> {
        // What is in progress becomes rows of about its size.
        self.check_is_not_greedy(peer, self.store.pressure_with(self.shares.held()), (self.clock)())?;
        Ok(Admission::new(Arc::clone(&self.shares), peer))
    }

    fn check_is_not_greedy(&self, peer: Peer, pressure: f64, now: Nanos) -> Result<(), Refusal> {
        if self.shares.is_greedy(peer, pressure, now) { Err(Refusal::Greedy) } else { Ok(()) }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a refused request.
    pub(crate) fn note_refusal(&self, sender: &Sender, refusal: &Refusal) {
        tracing::debug!(%refusal, user_agent = sender.user_agent, "request refused");
        self.ledger().refused((self.clock)(), sender, refusal);
    }

    /// Notes that a connection was accepted.
    pub(crate) fn note_connection(&self, peer: SocketAddr) {
        self.ledger().connected((self.clock)(), peer);
    }

    /// Notes that `peer` has sent something, and what was wrong with it, or that it has gone without.
    pub(crate) fn note_first_bytes(&self, peer: SocketAddr, mistake: Option<(&str, &str)>) {
        let mut ledger = self.ledger();
        ledger.spoke(peer);
        if let Some((what, fix)) = mistake {
            tracing::debug!(%peer, what, "connection is of no use");
            ledger.no_http((self.clock)(), peer, what, fix);
        }
    }

    /// Stores a body that has arrived. When this returns, what was accepted is durable and visible.
    pub(crate) async fn ingest(
        self: &Arc<Self>,
        envelope: &Envelope<'_>,
        body: Bytes,
        admission: Admission,
    ) -> Result<Reply, Refusal> {
        let Envelope { signal, protocol, coding, sender: Sender { user_agent, arrival, .. } } = *envelope;
        let Reception { received_at, oldest_accepted } = self.store.reception(signal.table(), (self.clock)());
        let (store, max_body) = (Arc::clone(&self.store), self.limits.max_body);
        let work =
            Unprepared { store, signal, protocol, coding, body, max_body, received_at, oldest_accepted, admission };
        let Prepared { body, warnings, mut decoded, mut admission } = *self.prepare(work).await?;
        let (n_bytes, kind) = (body.len(), protocol.body_kind(signal));
        let mut duplicate = false;
        if !decoded.rows.is_empty() {
            // Bodies that came at the same time were admitted before any of them took memory.
            let bytes = decoded.rows.n_bytes() * 3 / 2; // columns are longer than what is in them
            let pressure = self.store.pressure_with(admission.stores(bytes));
            let own = self.store.pressure_with(bytes) - self.store.pressure_with(0);
            self.check_is_not_greedy(admission.peer(), pressure + own.min(MOST_OF_ONE), received_at)?;
            let (rows, dedup) = (std::mem::take(&mut decoded.rows), decoded.has_time);
            let request = Request { kind: kind.number(), received_at, body: body.clone(), dedup, rows };
            if let Some(earlier) = Box::pin(self.store.append(request)).await?.earlier {
                duplicate = true;
                // The sender is told what became of the body, not what would become of it now.
                decoded = *self.judge_again(protocol, kind, body, warnings, earlier).await?;
            }
        }
        let counts = Counts::of(&mut decoded);
        let (rejected, written, report) = (counts.rejected, decoded.written, decoded.report);
        let reply = Reply { rejected, message: report.message(signal), written };
        if !duplicate {
            self.shares.stored(admission.peer(), n_bytes, received_at);
        }
        drop(admission);
        let (message, findings) = (&reply.message, report.findings());
        let success = Success { signal, protocol, user_agent, arrival, counts, n_bytes, duplicate, findings, message };
        self.ledger().accepted(received_at, &success);
        Ok(reply)
    }

    /// Stores metrics of the box itself: an `ExportMetricsServiceRequest` in protobuf, or a Remote-Write request, neither of them
    /// compressed. It is not counted among what has been received: a box that hears only itself has heard nothing. An error
    /// says why nothing was stored, or what was left out.
    pub async fn store_own(&self, kind: BodyKind, body: Bytes) -> Result<(), String> {
        let signal = Signal::Metrics;
        let Reception { received_at, oldest_accepted } = self.store.reception(signal.table(), (self.clock)());
        let decoded = decode_into(self.store.rows(oldest_accepted), kind, &body, received_at)
            .map_err(|error| error.to_string())?;
        let (rejected, message) = (decoded.rejected(), decoded.report.message(signal));
        if !decoded.rows.is_empty() {
            let request = Request { kind: kind.number(), received_at, body, dedup: false, rows: decoded.rows };
            Box::pin(self.store.append(request)).await.map_err(|error| error.to_string())?;
        }
        if rejected > 0 { Err(message) } else { Ok(()) }
    }

    /// Decompresses, transcodes and decodes: in place when the body is small, else on a thread for such work.
    async fn prepare(&self, mut work: Unprepared) -> Result<Box<Prepared>, Refusal> {
        let expected_size = match work.coding {
            Coding::Identity => work.body.len(),
            _ => work.body.len().saturating_mul(USUAL_RATIO),
        };
        // Of Remote-Write 2.0 a small body may have rows that are much larger.
        let mut is_small = expected_size <= INLINE_SIZE && work.protocol != Protocol::RemoteWrite2;
        if is_small && work.coding != Coding::Identity && work.max_body > INLINE_DECOMPRESSED {
            match work.decompress(INLINE_DECOMPRESSED) {
                Ok(body) => (work.body, work.coding) = (body, Coding::Identity),
                Err(Refusal::TooLarge { .. }) => is_small = false,
                Err(refusal) => return Err(refusal),
            }
        }
        self.decode(is_small, move || work.prepare().map(Box::new)).await
    }

    /// Decodes `body` once more as it was judged `earlier`.
    async fn judge_again(
        &self,
        protocol: Protocol,
        kind: BodyKind,
        body: Bytes,
        warnings: otlp::Report,
        earlier: Earlier,
    ) -> Result<Box<Decoded>, Refusal> {
        let is_small = body.len() <= INLINE_SIZE && protocol != Protocol::RemoteWrite2;
        let judge = move || decode_and_tell(earlier.rows(), protocol, kind, &body, earlier.received_at, warnings);
        self.decode(is_small, move || judge().map(Box::new).map_err(Refusal::Malformed)).await
    }

    /// Does `work`, which decodes a body.
    async fn decode<T: Send + 'static>(
        &self,
        is_small: bool,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        // A decoder that panics takes its own request with it and nothing else.
        let work = move || catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Refusal::Internal));
        if is_small {
            return work();
        }
        let permit = Arc::clone(&self.decoders).acquire_owned().await.map_err(|_| Refusal::Overloaded)?;
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        work.await.unwrap_or_else(|error| Err(not_done(&error)))
    }
}

/// Why a body was not decoded. A task that never began says nothing of the body: the runtime is about to end.
fn not_done(error: &JoinError) -> Refusal {
    if error.is_cancelled() { Refusal::Overloaded } else { Refusal::Internal }
}

/// A body as it arrived, and all that it is held to.
struct Unprepared {
    store: Arc<Store>,
    signal: Signal,
    protocol: Protocol,
    coding: Coding,
    body: Bytes,
    max_body: usize,
    received_at: Nanos,
    oldest_accepted: Nanos,
    admission: Admission,
}

impl Unprepared {
    /// The body as it was before it was compressed, of at most `limit` bytes.
    fn decompress(&mut self, limit: usize) -> Result<Bytes, Refusal> {
        let undo = || decompress(self.body.clone(), self.coding, limit, &mut self.admission);
        catch_unwind(AssertUnwindSafe(undo)).unwrap_or(Err(Refusal::Internal))
    }

    fn prepare(self) -> Result<Prepared, Refusal> {
        let Unprepared { store, signal, protocol, coding, body, max_body, received_at, oldest_accepted, mut admission } =
            self;
        let mut body = decompress(body, coding, max_body, &mut admission)?;
        let mut warnings = otlp::Report::default();
        if protocol == Protocol::HttpJson {
            let transcoded = json::transcode(signal, &body, max_body).map_err(|error| match error {
                JsonError::Malformed(error) => unreadable(protocol, &body, error),
                JsonError::TooLarge => Refusal::TooLarge { limit: max_body },
            })?;
            body = transcoded.body.into();
            warnings = transcoded.report;
        }
        let kind = protocol.body_kind(signal);
        let rows = store.rows(oldest_accepted);
        let decoded = decode_and_tell(rows, protocol, kind, &body, received_at, warnings.clone());
        let decoded = decoded.map_err(|error| match protocol {
            Protocol::HttpJson => error.spelt(json::in_camel_case).into(),
            _ => unreadable(protocol, &body, error),
        })?;
        if let BodyKind::RemoteWrite(version) = kind
            && decoded.n_items == 0
        {
            version.check_is_not_the_other(&body)?;
        }
        // No more than a request of the greatest size has, with what it was compressed from: that fits once others have ended.
        let n_row_bytes = usize::try_from(decoded.n_items).unwrap_or(usize::MAX).saturating_mul(BYTES_OF_ROW);
        let more = decoded.n_text_bytes.saturating_add(n_row_bytes.saturating_sub(3 * body.len()));
        admission.cover_more(more, max_body + max_body / 2)?;
        Ok(Prepared { body, warnings, decoded, admission })
    }
}

/// Decodes `body`, with its report as the sender is told it: after `warnings`, in the terms of its protocol.
fn decode_and_tell(
    rows: Rows,
    protocol: Protocol,
    kind: BodyKind,
    body: &[u8],
    received_at: Nanos,
    warnings: otlp::Report,
) -> Result<Decoded, Malformed> {
    let age = received_at.saturating_sub(rows.oldest_accepted());
    let mut decoded = decode_into(rows, kind, body, received_at)?;
    decoded.report.explain(otlp::TOO_OLD, || format!(", {}; send it sooner, or raise retention", otlp::age_words(age)));
    if protocol == Protocol::HttpJson {
        decoded.report.spell(json::in_camel_case);
    }
    decoded.report.prepend(warnings);
    Ok(decoded)
}

/// Why a body was refused that came over `protocol`: what it is instead, if that is to be seen, or what is wrong with it.
fn unreadable(protocol: Protocol, body: &[u8], error: Malformed) -> Refusal {
    Disguise::of(protocol, body).map_or(Refusal::Malformed(error), Refusal::Disguised)
}

/// Gives the rows of a body from the write-ahead log again: the store's `Decode`. What is too old, and which series there is
/// room for, `rows` know from the log.
pub fn decode_for_replay(rows: Rows, kind: u8, body: &[u8], received_at: Nanos) -> Result<Rows, String> {
    let kind = BodyKind::from_number(kind).ok_or_else(|| format!("body kind {kind} is unknown to this version"))?;
    decode_into(rows, kind, body, received_at).map(|decoded| decoded.rows).map_err(|error| error.to_string())
}

fn decode_into(rows: Rows, kind: BodyKind, body: &[u8], received_at: Nanos) -> Result<Decoded, Malformed> {
    let context = Context { received_at, oldest_accepted: rows.oldest_accepted() };
    match kind {
        BodyKind::Otlp(signal) => otlp::decode_into(rows, signal, body, context),
        BodyKind::RemoteWrite(version) => remote_write::decode_into(rows, version, body, context),
    }
}

#[cfg(test)]
mod tests;
