//! The file of time vectors beside a segment of chunks.
//!
//! All series that a process exports together have the same times, and mostly the same start times: each vector is kept
//! once, and chunks say at which byte of the file theirs is. That a segment's vectors are in one place, whatever its
//! row groups, lets series be sorted by metric, as queries ask for them, and share what their resource has in common.
//!
//! `"HAECHIT1" | record … | `[list of units](super::units), a record being `length u32 | crc32 u32 | vector`,
//! little-endian. A vector is a column of integers, or of start times [`PREVIOUS`] and the first one: each of the others is the time of the point before.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use parquet::file::reader::ChunkReader;

use super::bytes::{Cursor, Damaged, put_signed};
use super::column::{Decoder, put_integers, put_plain_integers};
use super::{Effort, MAX_POINTS};
use crate::files::{BlockSums, CheckedFile, Parity, read_exact};
use crate::manifest::FileEntry;

const MAGIC: [u8; 8] = *b"HAECHIT1";
/// In the place of the form of a column of integers: start times as delta temporality has them.
const PREVIOUS: u8 = 0xf0;
/// The start times of points that have none, which need no vector.
pub(super) const NO_STARTS: u64 = 0;
/// A record is no longer than what the most points take without any compression, and some.
const MAX_RECORD: usize = 16 * MAX_POINTS;
/// Vectors known at once; with more, most are not shared, and the next ones are found anew.
const MAX_KNOWN: usize = 1 << 18;

/// Gives vectors their places.
pub(super) struct TimesWriter {
    effort: Effort,
    /// What the file is to hold from `end - pending.len()` on.
    pending: Vec<u8>,
    end: u64,
    /// By two keyed hashes, so that no sender can choose times that pass for another's.
    known: HashMap<(u64, u64), u64>,
    keys: [RandomState; 2],
    raw: Vec<u8>,
}

impl TimesWriter {
    pub(super) fn new(effort: Effort) -> Self {
        TimesWriter {
            effort,
            pending: MAGIC.to_vec(),
            end: MAGIC.len() as u64,
            known: HashMap::new(),
            keys: [RandomState::new(), RandomState::new()],
            raw: Vec::new(),
        }
    }

    /// The place of the vector of `times`.
    pub(super) fn place_times(&mut self, times: &[i64]) -> u64 {
        let put = self.put_integers();
        self.place(0, times, |out| put(out, times))
    }

    /// The place of the vector of the start times `starts` of points at `times`.
    pub(super) fn place_starts(&mut self, starts: &[i64], times: &[i64]) -> u64 {
        match starts {
            [] => NO_STARTS,
            all if all.iter().all(|start| *start == 0) => NO_STARTS,
            [first, rest @ ..] if !rest.is_empty() && *rest == times[..times.len() - 1] => {
                // All but the first are given by the times.
                self.place(PREVIOUS, &[*first], |out| {
                    out.push(PREVIOUS);
                    put_signed(out, *first);
                })
            }
            _ => {
                let put = self.put_integers();
                self.place(0, starts, |out| put(out, starts))
            }
        }
    }

    fn put_integers(&self) -> fn(&mut Vec<u8>, &[i64]) {
        match self.effort {
            Effort::Little => put_plain_integers,
            Effort::Much => put_integers,
        }
    }

    /// The place of what `put` writes, which is all in `form` and `key`.
    fn place(&mut self, form: u8, key: &[i64], put: impl FnOnce(&mut Vec<u8>)) -> u64 {
        self.raw.clear();
        self.raw.push(form);
        key.iter().for_each(|value| self.raw.extend_from_slice(&value.to_le_bytes()));
        let [first, second] = &self.keys;
        let hash = |keys: &RandomState| {
            let mut hasher = keys.build_hasher();
            hasher.write(&self.raw);
            hasher.finish()
        };
        let key = (hash(first), hash(second));
        if let Some(place) = self.known.get(&key) {
            return *place;
        }
        if self.known.len() == MAX_KNOWN {
            self.known.clear();
        }
        let place = self.end;
        let start = self.pending.len();
        self.pending.extend_from_slice(&[0; 8]);
        put(&mut self.pending);
        let vector = &self.pending[start + 8..];
        let (len, crc) = ((vector.len() as u32).to_le_bytes(), crc32fast::hash(vector).to_le_bytes());
        self.pending[start..start + 4].copy_from_slice(&len);
        self.pending[start + 4..start + 8].copy_from_slice(&crc);
        self.end += (self.pending.len() - start) as u64;
        self.known.insert(key, place);
        place
    }

    /// The bytes to be appended to the file.
    pub(super) fn take_pending(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }
}

/// Where the records of the file of times at `path` end and its units begin, for who has not been told. The first unit is of row
/// group 0, and no record is that short.
pub(crate) fn records_end(path: &Path) -> Result<u64, Damaged> {
    let file = File::open(path).map_err(Damaged::new)?;
    let end = file.metadata().map_err(Damaged::new)?.len();
    let mut at = MAGIC.len() as u64;
    while at < end {
        let head = read_exact(&file, at, 4).map_err(Damaged::new)?;
        match u32::from_le_bytes(Cursor(&head).array()?) {
            0 => break,
            length if length as usize > MAX_RECORD => {
                return Err(Damaged::new(format!("record at {at}: a record of {length} bytes")));
            }
            length => at += 8 + u64::from(length),
        }
    }
    Ok(at)
}

/// The vectors of a segment. Keeps those that were read, for as long as one query needs them.
pub(crate) struct Times {
    path: PathBuf,
    file: CheckedFile,
    /// Where its records end.
    end: u64,
    /// For when a record does not come as it was written: the checksums of the file's blocks, and what restores them.
    parity: Option<(Arc<BlockSums>, Parity)>,
    decoder: Decoder,
    /// By place and length, which a record does not say.
    read: HashMap<(u64, usize), Arc<[i64]>>,
}

/// Vectors kept at once: at most 16 MiB of them.
const MAX_KEPT: usize = 1024;
/// Most vectors are whole in as many bytes as this, and come with one read.
const USUAL_RECORD: usize = 2048;

impl Times {
    /// The vectors in the file at `path`, which is `entry` in the manifest.
    pub(crate) fn open(
        path: &Path,
        entry: &FileEntry,
        parity: Option<(Arc<BlockSums>, Parity)>,
    ) -> Result<Self, Damaged> {
        let end = entry.bytes.saturating_sub(entry.tail.unwrap_or_default().bytes);
        let file = CheckedFile::open(path, end, None, None).or_else(|error| {
            let (sums, parity) = parity.clone().ok_or(error)?;
            CheckedFile::open_or_gone(path, end, sums, parity)
        });
        let file = file.map_err(|error| Damaged(format!("{}: {error}", path.display())))?;
        Ok(Times { path: path.to_owned(), file, end, parity, decoder: Decoder::default(), read: HashMap::new() })
    }

    /// The `n` times at `place`.
    pub(super) fn times(&mut self, place: u64, n: usize) -> Result<Arc<[i64]>, Damaged> {
        if let Some(known) = self.read.get(&(place, n)) {
            return Ok(Arc::clone(known));
        }
        let mut vector = Vec::with_capacity(n);
        let record = self.record(place)?;
        let mut from = Cursor(&record);
        let read = self.decoder.integers(&mut from, n, &mut vector).and_then(|()| from.end());
        read.map_err(|error| self.at(place, &error))?;
        Ok(self.keep(place, vector))
    }

    /// The start times at `place` of points at `times`.
    pub(super) fn starts(&mut self, place: u64, times: &[i64]) -> Result<Arc<[i64]>, Damaged> {
        if place == NO_STARTS {
            return Ok(vec![0; times.len()].into());
        }
        if let Some(known) = self.read.get(&(place, times.len())) {
            return Ok(Arc::clone(known));
        }
        let record = self.record(place)?;
        let Some((&PREVIOUS, first)) = record.split_first() else { return self.times(place, times.len()) };
        let mut from = Cursor(first);
        let first = from.signed().and_then(|first| from.end().map(|()| first));
        let first = first.map_err(|error| self.at(place, &error))?;
        // Not kept: points at other times may have the same first start.
        let before = times.iter().copied().take(times.len().saturating_sub(1));
        Ok([first].into_iter().chain(before).take(times.len()).collect())
    }

    fn keep(&mut self, place: u64, vector: Vec<i64>) -> Arc<[i64]> {
        if self.read.len() >= MAX_KEPT {
            self.read.clear();
        }
        let n = vector.len();
        let vector: Arc<[i64]> = vector.into();
        self.read.insert((place, n), Arc::clone(&vector));
        vector
    }

    fn record(&mut self, place: u64) -> Result<Vec<u8>, Damaged> {
        self.read_record(place).or_else(|error| {
            let Some((sums, parity)) = self.parity.clone() else { return Err(error) };
            let checked = CheckedFile::open(&self.path, self.end, Some(sums), Some(parity)).map_err(Damaged::new)?;
            let plain = std::mem::replace(&mut self.file, checked);
            self.read_record(place).map_err(|_| {
                // What cannot be restored must not take the other records of its block along: each has its own checksum.
                self.file = plain;
                error
            })
        })
    }

    fn read_record(&self, place: u64) -> Result<Vec<u8>, Damaged> {
        let read = || {
            let left = usize::try_from(self.end.saturating_sub(place)).unwrap_or(usize::MAX);
            let bytes = self.file.get_bytes(place, USUAL_RECORD.min(left)).map_err(Damaged::new)?;
            let mut from = Cursor(&bytes);
            let len = u32::from_le_bytes(from.array()?) as usize;
            let crc = u32::from_le_bytes(from.array()?);
            // Zeros, which storage that lost a block gives, are no record: an empty one would have the checksum 0.
            if len == 0 || len > MAX_RECORD {
                return Err(Damaged::new(format!("a record of {len} bytes")));
            }
            let vector = match from.take(len) {
                Ok(vector) => vector.to_vec(),
                Err(_) => self.file.get_bytes(place + 8, len).map_err(Damaged::new)?.to_vec(),
            };
            match crc32fast::hash(&vector) == crc {
                true => Ok(vector),
                false => Err(Damaged::new("the checksum is wrong")),
            }
        };
        read().map_err(|error| self.at(place, &error))
    }

    fn at(&self, place: u64, error: &Damaged) -> Damaged {
        Damaged(format!("{}: record at {place}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests;
