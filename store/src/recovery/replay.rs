//! Brings the requests of the log back into memory, many at a time.
//!
//! Requests are decoded into common columns, which saves making small ones and merging them. One that cannot be decoded costs
//! itself: those before it are decoded once more, without it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use super::Recovery;
use crate::damage::DamageKind;
use crate::dedup::Dedup;
use crate::error::ReadError;
use crate::flush::Frozen;
use crate::memtable::PreparedRequest;
use crate::rows::{Decisions, Earlier, NotedSeries, Rows, Sizes};
use crate::store::Decode;
use crate::view::Shared;
use crate::wal::Record;

/// Requests share columns until their bodies have so many bytes: so do the rows in memory, about, that are left unmerged.
const BATCH_BYTES: usize = 4 << 20;

/// Requests of one log file that are to be brought back together.
pub(super) struct Batch<'a> {
    path: &'a Path,
    requests: Vec<Record<'a>>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Batch { path, requests: Vec::new(), bytes: 0 }
    }
}

/// What bringing requests back needs to know of those before.
pub(super) struct Replay<'a> {
    shared: &'a Shared,
    decode: &'a Decode,
    low_water: u64,
    /// Hashes in the log itself decide what is a retry, not those loaded: the file of hashes may be newer than the manifest,
    /// and would hide acknowledged requests whose segments were never published.
    seen: Dedup,
    flush_failed: bool,
    /// Series that need no look at the index.
    noted: NotedSeries,
    /// The sizes of the rows decoded last, and the bytes of their bodies.
    last: (Sizes, usize),
}

impl<'a> Replay<'a> {
    /// Brings back what has a number above `low_water`.
    pub(super) fn new(shared: &'a Shared, decode: &'a Decode, low_water: u64) -> Self {
        Replay {
            shared,
            decode,
            low_water,
            seen: Dedup::default(),
            flush_failed: false,
            noted: NotedSeries::default(),
            last: (Sizes::default(), 0),
        }
    }

    /// Adds a request to `batch`, and brings all in it back when it is full.
    pub(super) fn add<'b>(
        &mut self,
        batch: &mut Batch<'b>,
        record: Record<'b>,
        dedup: &mut Dedup,
        recovery: &mut Recovery,
    ) {
        let head = record.head;
        // A request that was refused may be here and, retried, a second time.
        if head.lsn <= self.low_water || self.seen.earlier(head.hash, head.received_at).is_some() {
            return;
        }
        self.seen.insert(head.hash, Earlier::new(head.received_at, record.decisions));
        batch.requests.push(record);
        batch.bytes += record.body.len();
        if batch.bytes >= BATCH_BYTES {
            self.bring_back(batch, dedup, recovery);
        }
    }

    /// Brings the requests of `batch` back and empties it. Flushes when memory is full.
    pub(super) fn bring_back(&mut self, batch: &mut Batch<'_>, dedup: &mut Dedup, recovery: &mut Recovery) {
        let mut rest = batch.requests.as_slice();
        let mut end = rest.len();
        while !rest.is_empty() {
            match self.decode(&rest[..end]) {
                Ok((rows, n)) => {
                    self.push(rows, &rest[..n], dedup, recovery);
                    self.flush_if_full(dedup);
                    rest = &rest[n..];
                    end = rest.len();
                }
                // Those before it are decoded without it: nothing of what it left in the columns counts.
                Err((failed, _)) if failed > 0 => end = failed,
                Err((_, error)) => {
                    let message = format!("request {}: {error}", rest[0].head.lsn);
                    recovery.note(DamageKind::Log, ReadError::new(batch.path, message));
                    rest = &rest[1..];
                    end = rest.len();
                }
            }
        }
        batch.requests.clear();
        batch.bytes = 0;
    }

    /// The rows of the first of `requests`, and of how many: of all, unless they are more than a flush. Or which of them cannot be
    /// decoded, and why.
    fn decode(&mut self, requests: &[Record<'_>]) -> Result<(Rows, usize), (usize, String)> {
        let (sizes, of_bytes) = self.last;
        let bytes = requests.iter().map(|record| record.body.len()).sum();
        // A guess, which bodies of another kind make wrong.
        let expected = sizes.scaled(bytes, of_bytes);
        let expected = if expected.bytes() <= 2 * BATCH_BYTES { expected } else { Sizes::default() };
        let mut rows = Rows::of_size(&self.shared.series, expected);
        // Lost with the rows when a request fails. Then the index is asked again.
        rows.metrics.replay(std::mem::take(&mut self.noted));
        for (index, record) in requests.iter().enumerate() {
            rows = rows_of(record, rows, self.decode).map_err(|error| (index, error))?;
            // A few bytes of a body can become a row of a hundred.
            if rows.sizes().bytes() >= self.shared.flush_bytes {
                return Ok((rows, index + 1));
            }
        }
        self.last = (rows.sizes(), bytes);
        Ok((rows, requests.len()))
    }

    /// Makes `rows` visible, which are those of `requests`.
    fn push(&mut self, mut rows: Rows, requests: &[Record<'_>], dedup: &mut Dedup, recovery: &mut Recovery) {
        self.noted = rows.metrics.take_noted();
        let prepared = PreparedRequest::new(rows);
        recovery.replayed_requests += requests.len() as u64;
        recovery.replayed_rows += prepared.rows.iter().map(|it| it.n_rows()).sum::<u64>();
        let last_lsn = requests.iter().map(|record| record.head.lsn).max().unwrap_or_default();
        self.shared.push_replayed(prepared, last_lsn);
        for Record { head, decisions, .. } in requests {
            dedup.insert(head.hash, Earlier::new(head.received_at, decisions));
        }
    }

    fn flush_if_full(&mut self, dedup: &Dedup) {
        let shared = self.shared;
        if self.flush_failed || !shared.memory_is_full() {
            return;
        }
        shared.freeze(|| dedup.to_saved());
        let error = shared.frozen().and_then(|frozen: Arc<Frozen>| shared.write_frozen(&frozen).err());
        if let Some(error) = error {
            // No damage; the flusher tries again while the box serves.
            tracing::error!(%error, "cannot write a segment; rows stay in memory and in the log");
            self.flush_failed = true;
        }
    }
}

/// `rows` with those of a request of the log, or why it has none.
pub(crate) fn rows_of(record: &Record<'_>, mut rows: Rows, decode: &Decode) -> Result<Rows, String> {
    let Record { head, body, decisions } = record;
    let decisions = Decisions::decode(decisions).ok_or("what was decided of it cannot be read")?;
    rows.decide(decisions);
    let decoded = catch_unwind(AssertUnwindSafe(|| decode(rows, head.kind, body, head.received_at)));
    decoded.unwrap_or_else(|_| Err("the decoder failed".to_owned()))
}
