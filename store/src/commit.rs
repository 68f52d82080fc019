//! The committer: one thread that makes requests durable and visible, in the order of their log sequence numbers.
//!
//! While one group of requests is synced the next one queues, so syncs are shared without a timer. Since this thread
//! alone writes the log and pushes rows, a freeze between two groups divides log and memory at the same number.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

use bytes::Bytes;
use hashbrown::HashSet;
use model::Nanos;
use tokio::sync::oneshot;

use crate::dedup::Dedup;
use crate::disk::DiskState;
use crate::error::AppendError;
use crate::memtable::PreparedRequest;
use crate::rows::Earlier;
use crate::view::Shared;
use crate::wal::acknowledged::Acknowledged;
use crate::wal::{RECORD_OVERHEAD, Record, RecordHead, WalWriter, encode};

/// A group ends at this size, so that one sync does not grow without bound.
const MAX_GROUP_BYTES: usize = 4 << 20;

/// What the committer is asked to do.
pub(crate) enum Command {
    Append(Append),
    /// Moves the rows in memory aside for a flush. Answers when it is done.
    Freeze(SyncSender<()>),
    /// Segments hold the log up to this number.
    Retire(u64),
}

/// A request that has been decoded.
pub(crate) struct Append {
    pub(crate) kind: u8,
    pub(crate) received_at: Nanos,
    pub(crate) hash: u128,
    pub(crate) body: Bytes,
    /// [`crate::rows::Decisions`] as the log keeps them.
    pub(crate) decisions: Vec<u8>,
    pub(crate) prepared: PreparedRequest,
    pub(crate) reply: oneshot::Sender<Result<Acked, AppendError>>,
}

impl Append {
    /// What will be known of it once it is stored.
    fn earlier(&self) -> Earlier {
        Earlier::new(self.received_at, &self.decisions)
    }
}

/// A request is durable and visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    /// Where it was stored before, and not again: how it was judged then.
    pub earlier: Option<Earlier>,
}

impl Acked {
    /// It was stored before, and not again.
    pub fn is_duplicate(&self) -> bool {
        self.earlier.is_some()
    }
}

pub(crate) struct Committer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) wal: WalWriter,
    pub(crate) acknowledged: Acknowledged,
    pub(crate) dedup: Dedup,
    pub(crate) next_lsn: u64,
}

impl Committer {
    /// Serves `commands` until every sender is gone.
    ///
    /// A panic costs what was being done, not the thread: a box that goes on without its committer would answer queries and
    /// refuse every request until somebody notices, and one that stops would stop again at the same request's retry.
    pub(crate) fn run(mut self, commands: Receiver<Command>) {
        let mut group = Vec::new();
        while let Ok(command) = commands.recv() {
            let mut rest = self.take(command, &mut group);
            let mut bytes = group.iter().map(|append: &Append| append.body.len()).sum::<usize>();
            while rest.is_none() && bytes < MAX_GROUP_BYTES {
                let Ok(command) = commands.try_recv() else { break };
                rest = self.take(command, &mut group);
                bytes += group.last().map_or(0, |append| append.body.len());
            }
            self.guarded(|it| it.commit(std::mem::take(&mut group)));
            if let Some(command) = rest {
                self.guarded(|it| it.control(command));
            }
            self.shared.log_bytes.store(self.wal.bytes(), Ordering::Relaxed);
        }
    }

    /// Does `work`. If it panics, whoever waits for an answer learns of it by its sender being dropped, and nothing that the
    /// current log file holds beyond the last acknowledged record counts.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            tracing::error!("the committer failed in an unforeseen way; its requests are refused");
            let next_lsn = self.next_lsn;
            if catch_unwind(AssertUnwindSafe(|| self.wal.give_up(next_lsn))).is_err() {
                tracing::error!("another log file could not be begun; the next request tries again");
            }
        }
    }

    /// Adds an append to the group; gives any other command back, to be served after the group.
    fn take(&self, command: Command, group: &mut Vec<Append>) -> Option<Command> {
        match command {
            Command::Append(append) => {
                self.shared.queued.fetch_sub(1, Ordering::Relaxed);
                group.push(append);
                None
            }
            other => Some(other),
        }
    }

    fn control(&mut self, command: Command) {
        match command {
            Command::Append(append) => self.commit(vec![append]),
            Command::Freeze(done) => {
                self.shared.freeze(|| self.dedup.to_saved());
                _ = done.send(()); // the flush may have given up waiting
            }
            Command::Retire(low_water) => {
                let keep_spare = self.shared.disk.stats().state == DiskState::Enough;
                self.wal.retire(low_water, keep_spare);
            }
        }
    }

    fn commit(&mut self, group: Vec<Append>) {
        let mut new: Vec<Append> = Vec::with_capacity(group.len());
        let mut duplicates = Vec::new();
        let mut in_group = HashSet::new();
        for append in group {
            let repeated = append.hash != 0 && !in_group.insert(append.hash);
            if repeated || self.dedup.earlier(append.hash, append.received_at).is_some() {
                duplicates.push(append);
            } else {
                new.push(append);
            }
        }
        if let Err(error) = self.log(&new) {
            tracing::error!(%error, requests = new.len(), "write-ahead log failed, requests are refused");
            let error = AppendError::Disk(error.to_string());
            // A duplicate of a request in this very group shares its fate; refusing an older one costs a retry.
            new.into_iter().chain(duplicates).for_each(|append| reply(append, Err(error.clone())));
            return;
        }
        let prepared = new.iter_mut().map(|append| std::mem::take(&mut append.prepared)).collect();
        self.shared.push(prepared, self.next_lsn - 1);
        for append in &new {
            self.dedup.insert(append.hash, append.earlier());
        }
        new.into_iter().for_each(|append| reply(append, Ok(Acked { earlier: None })));
        for append in duplicates {
            // Not known where the clock has jumped between two of this group.
            let earlier = self.dedup.earlier(append.hash, append.received_at).unwrap_or_else(|| append.earlier());
            reply(append, Ok(Acked { earlier: Some(earlier) }));
        }
    }

    /// Writes `group` to the log and syncs it.
    fn log(&mut self, group: &[Append]) -> std::io::Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        let bytes = group.iter().map(|it| it.body.len() + it.decisions.len() + RECORD_OVERHEAD).sum();
        let first_lsn = self.next_lsn;
        let next_lsn = first_lsn + group.len() as u64;
        let start = Instant::now();
        self.wal.append((first_lsn, next_lsn - 1), bytes, |records, salt| {
            for (lsn, append) in (first_lsn..).zip(group) {
                let Append { kind, received_at, hash, body, decisions, .. } = append;
                let head = RecordHead { lsn, received_at: *received_at, kind: *kind, hash: *hash };
                encode(records, salt, &Record { head, body, decisions });
            }
        })?;
        self.acknowledged.set(next_lsn - 1);
        let end = Instant::now();
        self.shared.sync_times.note(end.duration_since(start), end);
        self.next_lsn = next_lsn;
        Ok(())
    }
}

fn reply(append: Append, result: Result<Acked, AppendError>) {
    drop(append.reply.send(result)); // the client may be gone; its rows stay
}
