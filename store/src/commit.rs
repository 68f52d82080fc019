//! The committer: one thread that makes requests durable and visible, in the order of their log sequence numbers.
//!
//! While one group of requests is synced the next one queues, so syncs are shared without a timer. Since this thread
//! alone writes the log and pushes rows, a freeze between two groups divides log and memory at the same number.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use bytes::Bytes;
use hashbrown::HashSet;
use model::Nanos;
use tokio::sync::oneshot;

use crate::dedup::Dedup;
use crate::error::AppendError;
use crate::memtable::Prepared;
use crate::view::Shared;
use crate::wal::{RecordHead, WalWriter, encode};

/// A group ends at this size, so that one sync does not grow without bound.
const MAX_GROUP_BYTES: usize = 4 << 20;

/// What the committer is asked to do.
pub(crate) enum Command {
    Append(Append),
    /// Moves the rows in memory aside for a flush. Answers when it is done.
    Freeze(SyncSender<()>),
    /// Segments hold the log up to this number.
    Retire(u64),
    /// Answers the bytes of log that are not retired.
    LogBytes(SyncSender<u64>),
}

/// A request that has been decoded.
pub(crate) struct Append {
    pub(crate) kind: u8,
    pub(crate) received_at: Nanos,
    pub(crate) hash: u128,
    pub(crate) body: Bytes,
    pub(crate) rows: Vec<Prepared>,
    pub(crate) reply: oneshot::Sender<Result<crate::Acked, AppendError>>,
}

pub(crate) struct Committer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) wal: WalWriter,
    pub(crate) dedup: Dedup,
    pub(crate) next_lsn: u64,
}

impl Committer {
    /// Serves `commands` until every sender is gone.
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
            self.commit(&mut group);
            if let Some(command) = rest {
                self.control(command);
            }
        }
    }

    /// Adds an append to the group; gives any other command back, to be served after the group.
    fn take(&self, command: Command, group: &mut Vec<Append>) -> Option<Command> {
        match command {
            Command::Append(append) => {
                group.push(append);
                None
            }
            other => Some(other),
        }
    }

    fn control(&mut self, command: Command) {
        match command {
            Command::Append(append) => self.commit(&mut vec![append]),
            Command::Freeze(done) => {
                self.shared.freeze(self.dedup.clone());
                _ = done.send(()); // the flush may have given up waiting
            }
            Command::Retire(low_water) => self.wal.retire(low_water),
            Command::LogBytes(reply) => drop(reply.send(self.wal.bytes())),
        }
    }

    fn commit(&mut self, group: &mut Vec<Append>) {
        if group.is_empty() {
            return;
        }
        let mut new: Vec<Append> = Vec::with_capacity(group.len());
        let mut duplicates = Vec::new();
        let mut in_group = HashSet::new();
        for append in group.drain(..) {
            let repeated = append.hash != 0 && !in_group.insert(append.hash);
            if repeated || self.dedup.contains(append.hash) { duplicates.push(append) } else { new.push(append) }
        }
        match self.log(&new) {
            Ok(()) => {
                self.shared.push(&mut new, self.next_lsn - 1);
                for append in &new {
                    self.dedup.insert(append.hash, append.received_at);
                }
                new.into_iter().for_each(|append| reply(append, Ok(crate::Acked { duplicate: false })));
                duplicates.into_iter().for_each(|append| reply(append, Ok(crate::Acked { duplicate: true })));
            }
            Err(error) => {
                tracing::error!(%error, requests = new.len(), "write-ahead log failed, requests are refused");
                let error = AppendError::Disk(error.to_string());
                // A duplicate of a request in this very group shares its fate; refusing an older one costs a retry.
                new.into_iter().chain(duplicates).for_each(|append| reply(append, Err(error.clone())));
            }
        }
    }

    /// Writes `group` to the log and syncs it.
    fn log(&mut self, group: &[Append]) -> std::io::Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        let bytes = group.iter().map(|append| append.body.len() + 64).sum();
        let salt = self.wal.prepare(bytes)?;
        let mut records = Vec::with_capacity(bytes);
        for append in group {
            let Append { kind, received_at, hash, body, .. } = append;
            let head = RecordHead { lsn: self.next_lsn, received_at: *received_at, kind: *kind, hash: *hash };
            encode(&mut records, salt, &head, body);
            self.next_lsn += 1;
        }
        self.wal.append(&records, self.next_lsn - 1)
    }
}

fn reply(append: Append, result: Result<crate::Acked, AppendError>) {
    drop(append.reply.send(result)); // the client may be gone; its rows stay
}
