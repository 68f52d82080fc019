//! Reads the records of a log file back, past damage.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::header::{self, Header};
use super::record::{HEAD, PREFIX, Record, decode};

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

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.message())
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
        // A file whose header never reached the disk holds no acknowledged record. One with a damaged header might.
        if bytes.iter().any(|byte| *byte != 0) {
            damage.push(Damage::new(path, 0, bytes.len()));
        }
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
    let mut last_lsn = previous;
    let mut budget = SEARCH_BYTES;
    while offset < bytes.len() {
        if let Some((record, length)) = decode(&bytes[offset..], salt) {
            let lsn = record.head.lsn;
            if lsn >= end {
                break;
            }
            each(record);
            last_lsn = last_lsn.max(lsn);
            offset += length;
        } else if let Some(next) = next_record(bytes, offset + 1, salt, last_lsn, &mut budget) {
            damage.push(Damage::new(path, offset, next - offset));
            offset = next;
        } else {
            if budget == 0 {
                damage.push(Damage::new(path, offset, bytes.len() - offset));
            }
            break;
        }
    }
    damage
}

/// Bytes whose checksums one file's searches may take. Bytes of an older use can be made to look like heads of records at
/// every offset, and each costs a checksum over all that it claims to hold.
const SEARCH_BYTES: usize = 256 << 20;

/// The offset of the next record from `from` on. Its number must be close after the last one's: bodies are chosen by senders
/// and may hold bytes that look like a record.
fn next_record(bytes: &[u8], from: usize, salt: u64, last_lsn: u64, budget: &mut usize) -> Option<usize> {
    const CLOSE: u64 = 1 << 20;
    for offset in from..bytes.len().saturating_sub(PREFIX + HEAD) {
        let lsn = bytes[offset + PREFIX..].first_chunk::<8>().map_or(0, |lsn| u64::from_le_bytes(*lsn));
        if lsn <= last_lsn || lsn - last_lsn > CLOSE {
            continue;
        }
        let length = bytes[offset..].first_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length) as usize);
        if length > bytes.len() - offset - PREFIX {
            continue;
        }
        if decode(&bytes[offset..], salt).is_some() {
            return Some(offset);
        }
        *budget = budget.saturating_sub(length);
        if *budget == 0 {
            return None;
        }
    }
    None
}
