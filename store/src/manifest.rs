//! The manifest: which segments count, and up to where the write-ahead log is in them.
//!
//! A log of records, each `length u32 | crc32 u32 | JSON`, little-endian, appended and synced one publication at a time,
//! so a publication happens whole or not at all. Opening folds the records; a long log is replaced by its fold.
//! Specified in `docs/formats/manifest.md`.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{self, Tail};

/// The format of a data directory that this version writes. Format 1 had neither levels nor layouts; it is read, and the
/// first publication makes it format 2.
pub(crate) const FORMAT: u32 = 2;

/// A fold is written instead of a log longer than this.
const MAX_RECORDS: usize = 1000;

/// A segment as the manifest names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentEntry {
    pub(crate) id: u64,
    pub(crate) table: String,
    /// 0 of what a flush wrote, 1 of what a compaction wrote.
    #[serde(default)]
    pub(crate) level: u8,
    /// How the rows lie in the Parquet file; see [`crate::layout::Layout::parse`].
    #[serde(default = "rows_layout")]
    pub(crate) layout: String,
    /// Of a compacted segment the greatest [`SegmentEntry::stored`] of those it was made of; else 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) newest: u64,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) rows: u64,
    pub(crate) files: Vec<FileEntry>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn rows_layout() -> String {
    crate::layout::Layout::Rows.name().to_owned()
}

impl SegmentEntry {
    /// Bytes of all its files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The file whose path ends in `suffix`, such as `.parquet`.
    pub(crate) fn file(&self, suffix: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.path.ends_with(suffix))
    }

    /// Of two segments of a table whose rows overlap, the rows of the one with the greater number were stored later.
    pub(crate) fn stored(&self) -> u64 {
        if self.newest == 0 { self.id } else { self.newest }
    }
}

/// A file of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// Relative to the data directory.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) crc32: u32,
    /// The checksum of its end, which holds checksums of the rest; see [`crate::segment`]. Format 1 had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tail: Option<Tail>,
}

/// One publication.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Given by the first record, and by the first of a version that writes a newer format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) add: Vec<SegmentEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) remove: Vec<u64>,
    /// Log records up to and including this number are in segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) low_water: Option<u64>,
    /// The id of the next segment; given by a fold, since the newest segments may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_segment: Option<u64>,
}

/// What all records together say.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// Of the directory as the file has it.
    format: u32,
    pub(crate) segments: BTreeMap<u64, SegmentEntry>,
    pub(crate) low_water: u64,
    pub(crate) next_segment: u64,
}

impl State {
    fn apply(&mut self, record: &Record) {
        for entry in &record.add {
            self.next_segment = self.next_segment.max(entry.id + 1);
            self.segments.insert(entry.id, entry.clone());
        }
        for id in &record.remove {
            self.segments.remove(id);
        }
        self.format = self.format.max(record.format.unwrap_or(0));
        self.low_water = self.low_water.max(record.low_water.unwrap_or(0));
        self.next_segment = self.next_segment.max(record.next_segment.unwrap_or(0));
    }
}

pub(crate) enum ManifestError {
    Io(io::Error),
    NewerFormat(u32),
}

impl From<io::Error> for ManifestError {
    fn from(error: io::Error) -> Self {
        ManifestError::Io(error)
    }
}

/// The fold of the manifest in `dir`, and whether all of it could be read. Changes nothing.
pub(crate) fn read(dir: &Path) -> Result<(State, bool), ManifestError> {
    let mut state = State { next_segment: 1, ..State::default() };
    let (records, ending) = decode(&std::fs::read(dir.join("manifest"))?);
    if let Some(format) = records.iter().filter_map(|record| record.format).find(|format| *format > FORMAT) {
        return Err(ManifestError::NewerFormat(format));
    }
    records.iter().for_each(|record| state.apply(record));
    Ok((state, matches!(ending, Ending::Clean)))
}

/// The manifest of an open data directory.
pub(crate) struct Manifest {
    path: PathBuf,
    file: File,
    state: State,
    /// A record may be there in part, or a repair may have failed: the file is written anew before it is used again.
    broken: bool,
}

/// How the records of a manifest file end.
enum Ending {
    Clean,
    /// A last record that a crash cut short; nobody was told that it is there.
    Torn,
    /// Bytes that are not a record, with records or more after them.
    Damaged,
}

impl Manifest {
    /// Opens or creates the manifest in `dir`. The second value says whether all of it could be read. If not, a copy is kept,
    /// and files that no record names may be segments that were lost, not left-overs.
    pub(crate) fn open(dir: &Path) -> Result<(Self, bool), ManifestError> {
        let path = dir.join("manifest");
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut state = State { next_segment: 1, ..State::default() };
        let (records, ending) = decode(&bytes);
        if let Some(format) = records.iter().filter_map(|record| record.format).find(|format| *format > FORMAT) {
            return Err(ManifestError::NewerFormat(format));
        }
        records.iter().for_each(|record| state.apply(record));
        // A flipped bit in a length looks as a torn record does, and a lost file as a new directory.
        let whole = matches!(ending, Ending::Clean) && !records.is_empty();
        if !bytes.is_empty() && !whole {
            files::replace(&free_name(dir), &bytes)?;
        }
        if records.len() > MAX_RECORDS || !whole {
            files::replace(&path, &encode(&fold(&state)))?;
            state.format = FORMAT;
        }
        let file = OpenOptions::new().append(true).open(&path)?;
        Ok((Manifest { path, file, state, broken: false }, whole))
    }

    /// Ids up to `highest` are taken by files, whatever the records say.
    pub(crate) fn skip_ids(&mut self, highest: u64) {
        self.state.next_segment = self.state.next_segment.max(highest + 1);
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Reserves the id of a segment about to be written.
    pub(crate) fn next_segment_id(&mut self) -> u64 {
        let id = self.state.next_segment;
        self.state.next_segment += 1;
        id
    }

    /// Makes `record` durable. Until this returns `Ok`, nothing of it counts.
    ///
    /// After an error the file may hold the record in part, or whole but refused, and a failed sync says nothing of the next.
    /// So nothing more goes to that file: a new one with what is known to count takes its place, now or before the next record.
    pub(crate) fn publish(&mut self, record: &Record) -> io::Result<()> {
        if self.broken {
            self.rewrite()?;
        }
        let mut record = record.clone();
        if self.state.format < FORMAT {
            record.format = Some(FORMAT); // older versions look at every record for it
        }
        let result = files::append(&self.file, &self.path, &encode(&record));
        if let Err(error) = result {
            self.broken = true;
            if let Err(error) = self.rewrite() {
                tracing::error!(%error, "the manifest cannot be written; nothing is published until it can");
            }
            return Err(error);
        }
        self.state.apply(&record);
        Ok(())
    }

    /// Whether what [`Manifest::state`] says, and nothing else, is in the file.
    pub(crate) fn is_sound(&self) -> bool {
        !self.broken
    }

    fn rewrite(&mut self) -> io::Result<()> {
        files::replace(&self.path, &encode(&fold(&self.state)))?;
        self.state.format = FORMAT;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.broken = false;
        Ok(())
    }
}

/// A name for a copy of a damaged manifest that no earlier copy has.
fn free_name(dir: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let path = dir.join(format!("manifest.damaged-{number}"));
        if !path.exists() {
            return path;
        }
        number += 1;
    }
}

fn fold(state: &State) -> Record {
    Record {
        format: Some(FORMAT),
        add: state.segments.values().cloned().collect(),
        remove: Vec::new(),
        low_water: Some(state.low_water),
        next_segment: Some(state.next_segment),
    }
}

fn encode(record: &Record) -> Vec<u8> {
    let json = serde_json::to_vec(record).expect("a record has string keys and finite numbers only");
    let mut bytes = Vec::with_capacity(json.len() + 8);
    bytes.extend_from_slice(&(json.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&json).to_le_bytes());
    bytes.extend_from_slice(&json);
    bytes
}

fn decode(mut bytes: &[u8]) -> (Vec<Record>, Ending) {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return (records, Ending::Torn) };
        let Some((crc, rest)) = rest.split_first_chunk::<4>() else { return (records, Ending::Torn) };
        let Some((json, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else {
            return (records, Ending::Torn);
        };
        let record = (crc32fast::hash(json) == u32::from_le_bytes(*crc)).then(|| serde_json::from_slice(json).ok());
        match record.flatten() {
            Some(record) => records.push(record),
            None if rest.is_empty() => return (records, Ending::Torn),
            None => return (records, Ending::Damaged),
        }
        bytes = rest;
    }
    (records, Ending::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64) -> SegmentEntry {
        SegmentEntry {
            id,
            table: "spans".into(),
            level: 0,
            layout: rows_layout(),
            newest: 0,
            min_time: 0,
            max_time: 1,
            rows: 1,
            files: Vec::new(),
        }
    }

    fn open(dir: &Path) -> (Manifest, bool) {
        Manifest::open(dir).unwrap_or_else(|_| panic!("the manifest opens"))
    }

    #[test]
    fn folds_what_was_published() {
        let dir = tempfile::tempdir().unwrap();
        let (mut manifest, _) = open(dir.path());
        let first = manifest.next_segment_id();
        manifest.publish(&Record { add: vec![entry(first)], low_water: Some(7), ..Record::default() }).unwrap();
        manifest.publish(&Record { add: vec![entry(5)], remove: vec![first], ..Record::default() }).unwrap();
        let (manifest, whole) = open(dir.path());
        assert!(whole);
        assert_eq!(manifest.state().segments.keys().copied().collect::<Vec<_>>(), [5]);
        assert_eq!((manifest.state().low_water, manifest.state().next_segment), (7, 6));
    }

    #[test]
    fn a_torn_last_record_counts_as_never_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let (mut manifest, _) = open(dir.path());
        manifest.publish(&Record { low_water: Some(1), ..Record::default() }).unwrap();
        let whole_bytes = std::fs::metadata(&path).unwrap().len() as usize;
        manifest.publish(&Record { low_water: Some(2), ..Record::default() }).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for cut in whole_bytes..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let (manifest, whole) = open(dir.path());
            assert_eq!(whole, cut == whole_bytes);
            assert_eq!(manifest.state().low_water, 1, "cut at {cut}");
        }
    }

    #[test]
    fn damage_in_the_middle_is_reported_and_a_copy_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let (mut manifest, _) = open(dir.path());
        manifest.publish(&Record { low_water: Some(1), ..Record::default() }).unwrap();
        manifest.publish(&Record { low_water: Some(2), ..Record::default() }).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[12] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(!open(dir.path()).1);
        assert_eq!(std::fs::read(dir.path().join("manifest.damaged-1")).unwrap(), bytes);
    }

    #[test]
    fn the_first_publication_into_a_directory_of_format_1_makes_it_format_2() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let entry = r#"{"format":1,"add":[{"id":3,"table":"logs","min_time":0,"max_time":1,"rows":1,"files":[]}]}"#;
        let record = serde_json::from_str(entry).unwrap();
        std::fs::write(&path, encode(&record)).unwrap();
        let (mut manifest, whole) = open(dir.path());
        assert!(whole);
        let old = &manifest.state().segments[&3];
        assert_eq!((old.level, old.layout.as_str()), (0, "rows"));
        assert_eq!(std::fs::read(&path).unwrap(), encode(&record), "opening alone changes nothing");
        (0..2).for_each(|_| manifest.publish(&Record::default()).unwrap());
        let (records, _) = decode(&std::fs::read(&path).unwrap());
        assert_eq!(records.iter().map(|record| record.format).collect::<Vec<_>>(), [Some(1), Some(2), None]);
    }

    #[test]
    fn refuses_a_newer_format_and_leaves_it_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let newer = encode(&Record { format: Some(FORMAT + 1), ..Record::default() });
        std::fs::write(&path, &newer).unwrap();
        assert!(matches!(Manifest::open(dir.path()), Err(ManifestError::NewerFormat(3))));
        assert_eq!(std::fs::read(&path).unwrap(), newer);
    }
}
