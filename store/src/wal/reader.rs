//! Reads the records of a log file back, past damage.

use std::io;
use std::path::{Path, PathBuf};

use super::header::{self, Header};
use super::record::{Record, decode};
use super::search::Search;
use crate::error::ReadError;

/// Bytes of a log file that are no records although records follow them, or not the header that should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
    /// What they are not.
    missed: &'static str,
}

impl Damage {
    fn new(path: &Path, offset: usize, bytes: usize) -> Self {
        Damage { path: path.into(), offset, bytes, missed: "record" }
    }

    /// Where in the file, and what.
    pub(crate) fn message(&self) -> String {
        format!("{} bytes at {} are no {} of the log", self.bytes, self.offset, self.missed)
    }
}

impl From<Damage> for ReadError {
    fn from(damage: Damage) -> Self {
        ReadError::new(&damage.path, damage.message())
    }
}

/// Feeds each record of the file at `path` with a number before `end` to `each`, in order. Returns the damaged parts; what
/// follows the last record is its unused end. `sequence` is the number in the file's name, `previous` that of the last
/// record before this file.
pub(crate) fn read_file(
    path: &Path,
    sequence: u64,
    previous: u64,
    end: u64,
    each: impl FnMut(Record<'_>),
) -> io::Result<Vec<Damage>> {
    Ok(read_bytes(path, &std::fs::read(path)?, sequence, previous, end, each))
}

/// As [`read_file`], of a file that has been read: `bytes`.
pub(crate) fn read_bytes<'a>(
    path: &Path,
    bytes: &'a [u8],
    sequence: u64,
    previous: u64,
    end: u64,
    mut each: impl FnMut(Record<'a>),
) -> Vec<Damage> {
    let mut damage = Vec::new();
    let Some(header) = Header::decode(bytes) else {
        // A file gets its name when its header is durable.
        damage.push(Damage { missed: "header", ..Damage::new(path, 0, bytes.len()) });
        return damage;
    };
    if header.sequence != sequence {
        return damage;
    }
    if let Some(offset) = header.damaged_at {
        damage.push(Damage { missed: "header", ..Damage::new(path, offset, header::LENGTH) });
    }
    let salt = header.salt;
    let mut offset = header.records_at;
    // Records before `previous` are those of requests that segments have: still, one of them ends damage.
    let mut last_lsn = header.first_lsn.map_or(previous, |first_lsn| first_lsn.saturating_sub(1));
    let search = Search::new(bytes, salt);
    while offset < bytes.len() {
        if let Some((record, length)) = decode(&bytes[offset..], salt) {
            let lsn = record.head.lsn;
            if lsn >= end {
                break;
            }
            each(record);
            last_lsn = last_lsn.max(lsn);
            offset += length;
        } else if let Some(next) = search.next_record(offset + 1, last_lsn) {
            damage.push(Damage::new(path, offset, next - offset));
            offset = next;
        } else {
            break;
        }
    }
    damage
}
