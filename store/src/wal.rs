//! The write-ahead log: request bodies as received, each in a checksummed record, in files that are filled in order.
//!
//! A file is written over zeros or over an older file's records, since a write that grows a file costs a sync twice
//! the flushes. Each use of a file has its own salt in every checksum, so records of an earlier use are never taken
//! for new ones. Specified in `docs/formats/wal.md`.

pub(crate) mod acknowledged;
mod header;
mod reader;
mod record;
mod search;
mod writer;

pub(crate) use header::{Header, newer_version};
pub(crate) use reader::{Damage, read_bytes, read_file};
pub(crate) use record::{RECORD_OVERHEAD, Record, RecordHead, encode};
pub(crate) use writer::{SET_ASIDE, WalWriter, bring_back, list, list_set_aside, most_records, set_aside};
