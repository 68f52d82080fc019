//! A script that has the store do all it does with files, and what must be there after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::tests::{SECOND, push_rows, rows, seconds};
use crate::{Decode, OpenError, Recovery, Request, Retention, Store, StoreConfig, Table};

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Open,
    /// Requests of three spans, logs and points each, from second `.0` to second `.1`.
    Append(u64, u64),
    Flush,
    Compact,
    /// A round of retention, at this second.
    Maintain(i64),
    /// Ends the store with what is in memory written to segments.
    Close,
    /// Ends the store as it is.
    Drop,
}
use Step::{Append, Close, Compact, Drop, Flush, Maintain, Open};

/// Items in a request.
const ITEMS: u64 = 3;
/// Rows before this second are outside the retention at [`LATE`], and in windows of their own.
const EXPIRED: u64 = 1000;
const LATE: i64 = 20_100;

/// The log's files are small and bodies are padded, so that it goes through some of them.
const LOG_FILE: u64 = 20 << 10;
const BODY: usize = 6 << 10;

pub(super) const SCRIPT: &[Step] = &[
    Open,
    Append(0, 12),
    Flush,
    Append(12, 21),
    Append(20_000, 20_009),
    Flush,
    Compact,
    Append(20_009, 20_018),
    Flush,
    Maintain(LATE),
    Compact,
    Append(20_018, 20_024),
    Drop,
    Open,
    Append(20_024, 20_030),
    Close,
    Open,
    Append(20_030, 20_033),
];

/// A request and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) first: u64,
    pub(super) acked: bool,
}

/// A store under test, and what it was told and has said.
pub(super) struct Player {
    config: StoreConfig,
    store: Option<Arc<Store>>,
    pub(super) sent: Vec<Sent>,
    /// What was refused, one sentence each.
    pub(super) refused: Vec<String>,
}

pub(super) fn config(dir: &Path) -> StoreConfig {
    StoreConfig {
        retention: Retention::of_age(Some(3600 * SECOND)),
        flush_age: Duration::from_secs(3600),
        log_file_bytes: LOG_FILE,
        ..StoreConfig::new(dir)
    }
}

/// As [`config`], with a flush in the background behind each request.
pub(super) fn busy(dir: &Path) -> StoreConfig {
    StoreConfig { flush_bytes: 1, ..config(dir) }
}

pub(super) fn decode() -> Decode {
    Box::new(|mut decoded, _, body, _| {
        let first = body.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).ok_or("short body")?;
        push_rows(&mut decoded, first, ITEMS);
        Ok(decoded)
    })
}

/// The request of the items from second `first` on.
pub(super) fn request(first: u64) -> Request {
    let mut body = vec![first as u8; BODY];
    body[..8].copy_from_slice(&first.to_le_bytes());
    Request { kind: 1, received_at: LATE * SECOND, body: Bytes::from(body), dedup: true, rows: rows(first, ITEMS) }
}

impl Player {
    pub(super) fn new(config: StoreConfig) -> Self {
        Player { config, store: None, sent: Vec::new(), refused: Vec::new() }
    }

    /// Plays the script. A step that is refused is tried again `retries` times. `told` hears of each request that was
    /// acknowledged, by its first second, and of [`EXPIRED`] before rows may be dropped.
    pub(super) fn play(&mut self, retries: usize, mut told: impl FnMut(&str)) {
        for step in SCRIPT {
            match *step {
                Append(first, end) => {
                    for first in (first..end).step_by(ITEMS as usize) {
                        self.sent.push(Sent { first, acked: false });
                        if self.try_often(retries, |player| player.append(first)) {
                            told(&format!("acked {first}"));
                        }
                    }
                }
                Maintain(_) => {
                    told("expired");
                    self.try_often(retries, |player| player.step(*step));
                }
                _ => drop(self.try_often(retries, |player| player.step(*step))),
            }
        }
    }

    fn try_often(&mut self, retries: usize, mut what: impl FnMut(&mut Self) -> Result<(), String>) -> bool {
        for _ in 0..=retries {
            match what(self) {
                Ok(()) => return true,
                Err(error) => self.refused.push(error),
            }
        }
        false
    }

    fn append(&mut self, first: u64) -> Result<(), String> {
        self.open()?.append_blocking(request(first)).map_err(|error| format!("append {first}: {error}"))?;
        self.sent.iter_mut().filter(|sent| sent.first == first).for_each(|sent| sent.acked = true);
        Ok(())
    }

    /// The open store; opens it when it could not be opened before.
    fn open(&mut self) -> Result<Arc<Store>, String> {
        if let Some(store) = &self.store {
            return Ok(Arc::clone(store));
        }
        let opened = Store::open(self.config.clone(), decode());
        assert!(!matches!(opened, Err(OpenError::Locked { .. })), "the store that was dropped has not ended");
        let (store, recovery) = opened.map_err(|error| format!("open: {error}"))?;
        assert_eq!(recovery.damage, Vec::<String>::new());
        Ok(Arc::clone(self.store.insert(store)))
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Open => self.open().map(drop),
            Append(..) => unreachable!("a step of many"),
            Flush => self.open()?.flush().map_err(|error| format!("flush: {error}")),
            Compact => self.open()?.compact_all().map_err(|error| format!("compact: {error}")),
            Maintain(second) => {
                self.open()?.maintain(second * SECOND);
                Ok(())
            }
            Close => {
                self.store.take().iter().for_each(|store| store.close());
                Ok(())
            }
            Drop => {
                self.store = None;
                Ok(())
            }
        }
    }

    /// With the disk in order again, everything that was refused is accepted at once, and what was acknowledged is there:
    /// in the store as it is, and after a restart.
    pub(super) fn settle(mut self) {
        let open = self.sent.iter().filter(|sent| !sent.acked).map(|sent| sent.first).collect::<Vec<_>>();
        for first in open {
            self.append(first).unwrap_or_else(|error| panic!("the disk is in order, but {error}"));
        }
        let store = self.open().unwrap();
        check(&store, &self.sent, true);
        store.flush().unwrap();
        store.maintain(LATE * SECOND);
        store.compact_all().unwrap();
        check(&store, &self.sent, true);
        assert_eq!(seconds(&store, Table::Logs).first(), Some(&20_000), "what is outside the retention is gone");
        drop(store);
        self.store = None;
        let (store, recovery) = reopen(&self.config.dir);
        assert_eq!(recovery.damage, Vec::<String>::new());
        check(&store, &self.sent, true);
        assert_eq!(strays(&self.config.dir), Vec::<String>::new());
    }
}

pub(super) fn reopen(dir: &Path) -> (Arc<Store>, Recovery) {
    Store::open(config(dir), decode()).unwrap()
}

/// Each request that was acknowledged is there, whole and once; one that was not is there whole and once, or not at all; and nothing
/// else is. Rows outside the retention may be gone once a round of it has begun.
pub(super) fn check(store: &Store, sent: &[Sent], expired: bool) {
    for table in [Table::Spans, Table::Logs, Table::Points] {
        let mut there = seconds(store, table);
        for sent in sent {
            let counts = (sent.first..sent.first + ITEMS).map(|second| {
                let before = there.len();
                there.retain(|it| *it != second as i64);
                before - there.len()
            });
            let counts: Vec<usize> = counts.collect();
            let may_be_gone = !sent.acked || (expired && sent.first < EXPIRED);
            let right = counts == [1; ITEMS as usize] || (may_be_gone && counts == [0; ITEMS as usize]);
            assert!(right, "{sent:?} is in {table:?} {counts:?} times");
        }
        assert_eq!(there, Vec::<i64>::new(), "nobody sent these {table:?}");
    }
}

/// The files of a data directory that neither the manifest names nor a store keeps beside it.
pub(super) fn strays(dir: &Path) -> Vec<String> {
    let manifest = String::from_utf8_lossy(&fs::read(dir.join("manifest")).unwrap()).into_owned();
    let mut found = Vec::new();
    walk(dir, &mut found);
    let names = found.iter().map(|path| path.strip_prefix(dir).unwrap().to_string_lossy().into_owned());
    let known = |name: &String| {
        let files = ["manifest", "manifest-copy", "lock", "dedup", "clock", "acknowledged", "reserve"];
        let kept = files.contains(&name.as_str()) || name.starts_with("wal/");
        kept || manifest.contains(&format!("\"{name}\""))
    };
    names.filter(|name| !known(name)).collect()
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}
