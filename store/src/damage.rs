//! What could not be read since a store was opened, counted by the kind of file and kept in words: for the page, the metric
//! and the log that tell of it.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::ReadError;

/// Places kept in words. Damage can be everywhere at once.
const MAX_PLACES: usize = 200;
/// Places known by their hash, so that they count once.
const MAX_KNOWN: usize = 64 << 10;
/// Bytes of the words on one place that are kept.
const MAX_WORDS: usize = 1000;

/// The kind of file that is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DamageKind {
    Manifest,
    /// The write-ahead log, and up to where it was acknowledged.
    Log,
    /// The hashes of bodies; costs no rows, but a request that comes again may be stored twice.
    Dedup,
    /// Files that have rows.
    Segment,
    /// Costs time, not rows.
    TextIndex,
    /// Of trace ids; costs time, not rows.
    BloomFilter,
    /// What the spans of a segment add up to; costs time, not numbers.
    Summary,
    /// What restores the rows; costs nothing until they are damaged too.
    Parity,
    /// The file of the time that was last believed.
    Clock,
    /// Of segments, and read all the same, by what is kept to restore it.
    Restored,
}

impl DamageKind {
    pub const ALL: [Self; 10] = [
        Self::Manifest,
        Self::Log,
        Self::Dedup,
        Self::Segment,
        Self::TextIndex,
        Self::BloomFilter,
        Self::Summary,
        Self::Parity,
        Self::Clock,
        Self::Restored,
    ];

    /// The name in metrics and on screen.
    pub fn name(self) -> &'static str {
        match self {
            DamageKind::Manifest => "manifest",
            DamageKind::Log => "log",
            DamageKind::Dedup => "dedup",
            DamageKind::Segment => "segment",
            DamageKind::TextIndex => "text_index",
            DamageKind::BloomFilter => "bloom_filter",
            DamageKind::Summary => "summary",
            DamageKind::Parity => "parity",
            DamageKind::Clock => "clock",
            DamageKind::Restored => "restored",
        }
    }

    /// Of a file of a segment, by what its name ends in.
    pub(crate) fn of_segment_file(path: &Path) -> Self {
        match path.extension().and_then(|it| it.to_str()) {
            Some("text") => DamageKind::TextIndex,
            Some("bloom") => DamageKind::BloomFilter,
            Some("summary") => DamageKind::Summary,
            Some("repair" | "footer") => DamageKind::Parity,
            _ => DamageKind::Segment,
        }
    }
}

/// A place that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedPlace {
    pub kind: DamageKind,
    pub path: PathBuf,
    /// Where in the file, in bytes; `None` when it is all of it, or a part without an offset.
    pub offset: Option<u64>,
    /// Where in the file, and what is wrong.
    pub message: String,
    /// How long ago it was found first.
    pub age: Duration,
}

impl fmt::Display for DamagedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.message)
    }
}

/// What could not be read since the store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DamageStats {
    /// Places by kind, in the order of [`DamageKind::ALL`].
    pub counts: [u64; DamageKind::ALL.len()],
    /// The last ones, newest first.
    pub places: Vec<DamagedPlace>,
}

/// What every part of a store adds to. A place, which is a file and an offset in it, counts once for each kind: among the last
/// [`MAX_KNOWN`] ones.
#[derive(Default)]
pub(crate) struct DamageLog {
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    counts: [u64; DamageKind::ALL.len()],
    places: VecDeque<(DamageKind, ReadError, Instant)>,
    /// Hashes of places, and their order.
    known: HashSet<u128>,
    order: VecDeque<u128>,
}

impl Found {
    /// Whether the place is a new one; it is known from then on.
    fn is_new(&mut self, kind: DamageKind, error: &ReadError) -> bool {
        let place = format!("{}:{:?}:{}", kind as usize, Place::of(&error.message), error.path.display());
        let hash = xxhash_rust::xxh3::xxh3_128(place.as_bytes());
        if !self.known.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > MAX_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// What the operating system says of a file that is not there.
const MISSING: &str = "No such file or directory";

/// Where in a file. Errors of the store come out through readers of Parquet and of the text index, which keep their words and
/// nothing else of them; so the place is taken from these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Offset(u64),
    /// A row group, or a request of the log.
    Part(u64),
    File,
}

impl Place {
    pub(crate) fn of(message: &str) -> Self {
        let first = |words: &[&str]| words.iter().find_map(|words| number_after(message, words));
        // What is beyond the end of a file is one loss, wherever reads of it begin.
        let offset = first(&["are beyond the file's ", " bytes at ", "record at "]).map(Place::Offset);
        let part = || first(&["row group ", "request ", "requests "]).map(Place::Part);
        // A file without bytes, which one that is gone is read as.
        if offset == Some(Place::Offset(0)) && message.contains("are beyond the file's 0") {
            return Place::File;
        }
        offset.or_else(|| part().filter(|_| !message.contains(MISSING))).unwrap_or(Place::File)
    }
}

/// The number that follows `words` in `text` first.
fn number_after(text: &str, words: &str) -> Option<u64> {
    let (_, after) = text.split_once(words)?;
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    after[..digits].parse().ok()
}

impl DamageLog {
    /// Notes a place that could not be read; tells the log the first time.
    pub(crate) fn note(&self, kind: DamageKind, error: &ReadError) {
        let mut found = self.lock();
        if !found.is_new(kind, error) {
            return;
        }
        found.counts[kind as usize] += 1;
        let mut error = error.clone();
        error.message.truncate(error.message.floor_char_boundary(MAX_WORDS));
        tracing::warn!(kind = kind.name(), "damaged and left where it is: {error}");
        found.places.push_back((kind, error, Instant::now()));
        if found.places.len() > MAX_PLACES {
            found.places.pop_front();
        }
    }

    /// The number of places that could not be read, and of those that were restored.
    pub(crate) fn count(&self) -> (u64, u64) {
        let counts = self.lock().counts;
        let restored = counts[DamageKind::Restored as usize];
        (counts.iter().sum::<u64>() - restored, restored)
    }

    pub(crate) fn stats(&self) -> DamageStats {
        let found = self.lock();
        let place = |(kind, error, at): &(DamageKind, ReadError, Instant)| DamagedPlace {
            kind: *kind,
            path: error.path.clone(),
            offset: match Place::of(&error.message) {
                Place::Offset(offset) => Some(offset),
                Place::Part(_) | Place::File => None,
            },
            message: error.message.clone(),
            age: at.elapsed(),
        };
        DamageStats { counts: found.counts, places: found.places.iter().rev().map(place).collect() }
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(path: &str, message: impl ToString) -> ReadError {
        ReadError::new(path, message)
    }

    #[test]
    fn a_place_counts_once_and_the_list_is_bounded() {
        let log = DamageLog::default();
        log.note(DamageKind::Restored, &error("a", "5 bytes at 9 are wrong"));
        for message in
            ["row group 1: 5 bytes at 9 are wrong", "row group 1: body: 7 bytes at 9: they cannot be restored"]
        {
            log.note(DamageKind::Segment, &error("a", message));
        }
        log.note(DamageKind::Segment, &error("a", "row group 1: 5 bytes at 90 are wrong"));
        log.note(DamageKind::Log, &error("a", "ä".repeat(2 * MAX_WORDS)));
        let (stats, kinds) = (log.stats(), |kind: DamageKind| log.stats().counts[kind as usize]);
        assert_eq!([DamageKind::Restored, DamageKind::Segment, DamageKind::Log].map(kinds), [1, 2, 1]);
        assert_eq!(log.count(), (3, 1));
        assert_eq!(stats.places.iter().map(|it| it.offset).collect::<Vec<_>>(), [None, Some(90), Some(9), Some(9)]);
        assert_eq!(stats.places[0].message.len(), MAX_WORDS);
        // Also of places that have left the list.
        for _ in 0..2 {
            (0..2 * MAX_PLACES).for_each(|at| log.note(DamageKind::TextIndex, &error("b", format!("5 bytes at {at}"))));
        }
        let stats = log.stats();
        assert_eq!((kinds(DamageKind::TextIndex), stats.places.len()), (2 * MAX_PLACES as u64, MAX_PLACES));
        assert_eq!(stats.places[0].to_string(), format!("b: 5 bytes at {}", 2 * MAX_PLACES - 1));
        let found = log.lock();
        assert_eq!(found.known.len(), found.order.len());
    }

    #[test]
    fn a_place_is_what_the_words_say() {
        let table = [
            ("16384 bytes at 32768 are beyond the file's 40000", Place::Offset(40_000)),
            ("row group 3: 16384 bytes at 32768 have checksum 1, recorded is 2", Place::Offset(32_768)),
            ("row group 3: chunk 5: record at 77: the checksum is wrong", Place::Offset(77)),
            ("row group 3: the file is damaged: its reader failed", Place::Part(3)),
            ("16384 bytes at 5 are wrong; they cannot be restored: No such file or directory", Place::Offset(5)),
            ("request 17: the decoder failed", Place::Part(17)),
            ("row group 3: No such file or directory (os error 2)", Place::File),
            ("row group 3: 16384 bytes at 5 are beyond the file's 0; these bytes are restored", Place::File),
            ("5 bytes at the end, record at ", Place::File),
        ];
        for (message, expected) in table {
            assert_eq!(Place::of(message), expected, "{message}");
        }
    }

    #[test]
    fn kinds_are_counted_in_their_order() {
        for (index, kind) in DamageKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
}
