//! The manifest: which segments count, and up to where the write-ahead log is in them.
//!
//! A file of records, each `length u32 | crc32 u32 | JSON`, little-endian, one for each segment. A publication replaces the
//! file by a new one, so it happens whole or not at all, and a byte that is wrong is damage, never a write cut short. Damage
//! costs the records that it hits. Specified in `docs/formats/manifest.md`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{self, Tail};

mod file;

use file::{decode, encode, keep};

/// The format of a data directory that this version writes. Format 1 had neither levels nor layouts; it is read, and the
/// first publication makes it format 2.
pub(crate) const FORMAT: u32 = 2;

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

/// One publication as its caller gives it, and a record of the file. Older versions appended each publication to the file; a
/// file of this version is the fold of all of them, in records of one segment each.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// In every record of a file of this version; in older ones in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) add: Vec<SegmentEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) remove: Vec<u64>,
    /// Log records up to and including this number are in segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) low_water: Option<u64>,
    /// The id of the next segment: the newest may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_segment: Option<u64>,
    /// How many segments the file names; in its last record, so that a file without its end is known as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) segments: Option<usize>,
}

/// What all records together say.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
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
    fold(&std::fs::read(dir.join("manifest"))?)
}

fn fold(bytes: &[u8]) -> Result<(State, bool), ManifestError> {
    let (records, undamaged) = decode(bytes);
    let format = records.iter().filter_map(|record| record.format).max();
    if let Some(format) = format.filter(|format| *format > FORMAT) {
        return Err(ManifestError::NewerFormat(format));
    }
    let mut state = State { next_segment: 1, ..State::default() };
    records.iter().for_each(|record| state.apply(record));
    let counted = records.last().and_then(|last| last.segments);
    let complete = match format {
        Some(1) => true, // a file of format 1 has no count
        _ => counted == Some(state.segments.len()),
    };
    Ok((state, undamaged && complete))
}

/// The manifest of an open data directory.
pub(crate) struct Manifest {
    path: PathBuf,
    state: State,
    /// Whether the file says what `state` does. After an error it may say what was to be published instead.
    sound: bool,
}

impl Manifest {
    /// Opens or creates the manifest in `dir`. The second value says whether all of it could be read. If not, it is kept under
    /// another name, and files that no record names may be segments that were lost, not left-overs.
    pub(crate) fn open(dir: &Path) -> Result<(Self, bool), ManifestError> {
        let path = dir.join("manifest");
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let (state, whole) = fold(&bytes)?;
        let mut manifest = Manifest { path, state, sound: true };
        if !whole {
            if !bytes.is_empty() {
                keep(dir, &manifest.path, &bytes)?;
            }
            manifest.rewrite(); // or the next publication does it
        }
        Ok((manifest, whole))
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

    /// Makes `record` durable. Until this returns `Ok`, nothing of it counts; after an error the file is put back as it was, now
    /// or with the next publication.
    pub(crate) fn publish(&mut self, record: &Record) -> io::Result<()> {
        let mut state = self.state.clone();
        state.apply(record);
        if let Err(error) = files::replace(&self.path, &encode(&state)) {
            self.rewrite();
            return Err(error);
        }
        self.state = state;
        self.sound = true;
        Ok(())
    }

    /// Whether what [`Manifest::state`] says, and nothing else, is in the file. If not, files of what could not be published must
    /// stay: the next start may find it published.
    pub(crate) fn is_sound(&self) -> bool {
        self.sound
    }

    fn rewrite(&mut self) {
        let written = files::replace(&self.path, &encode(&self.state));
        self.sound = written.is_ok();
        if let Err(error) = written {
            tracing::error!(path = %self.path.display(), %error, "the manifest cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::file::encode_record;
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

    /// A file as older versions appended it.
    fn appended(records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::new();
        records.iter().for_each(|record| encode_record(&mut bytes, record));
        bytes
    }

    #[test]
    fn a_torn_last_record_of_an_older_version_counts_as_never_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let record = |low_water| Record { format: Some(1), low_water: Some(low_water), ..Record::default() };
        let whole_bytes = appended(&[record(1)]).len();
        let bytes = appended(&[record(1), record(2)]);
        for cut in whole_bytes..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let (manifest, whole) = open(dir.path());
            assert_eq!(whole, cut == whole_bytes);
            assert_eq!(manifest.state().low_water, 1, "cut at {cut}");
        }
    }

    /// Where the first record of a file ends.
    fn record_end(bytes: &[u8]) -> usize {
        8 + u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize
    }

    #[test]
    fn damage_costs_the_segment_whose_record_it_hits_and_a_copy_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let (mut manifest, _) = open(dir.path());
        let add: Vec<_> = (1..=3).map(entry).collect();
        manifest.publish(&Record { add, low_water: Some(9), ..Record::default() }).unwrap();
        let whole_bytes = std::fs::read(&path).unwrap();
        for place in (0..whole_bytes.len()).step_by(7) {
            let mut bytes = whole_bytes.clone();
            bytes[place] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let (manifest, whole) = open(dir.path());
            assert!(!whole && manifest.state().segments.len() >= 2, "flipped byte {place}");
            assert_eq!((manifest.state().low_water, manifest.state().next_segment), (9, 4));
            assert_eq!(std::fs::read(dir.path().join("manifest.damaged-1")).unwrap(), bytes);
            assert!(open(dir.path()).1, "what is left is a manifest");
            std::fs::remove_file(dir.path().join("manifest.damaged-1")).unwrap();
        }
        for cut in (1..whole_bytes.len()).step_by(7).chain([record_end(&whole_bytes)]) {
            std::fs::write(&path, &whole_bytes[..cut]).unwrap();
            assert!(!open(dir.path()).1, "cut at {cut}");
        }
    }

    #[test]
    fn the_first_publication_into_a_directory_of_format_1_makes_it_format_2() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let entry = r#"{"format":1,"add":[{"id":3,"table":"logs","min_time":0,"max_time":1,"rows":1,"files":[]}]}"#;
        let old = appended(&[serde_json::from_str(entry).unwrap()]);
        std::fs::write(&path, &old).unwrap();
        let (mut manifest, whole) = open(dir.path());
        assert!(whole);
        let entry = &manifest.state().segments[&3];
        assert_eq!((entry.level, entry.layout.as_str()), (0, "rows"));
        assert_eq!(std::fs::read(&path).unwrap(), old, "opening alone changes nothing");
        manifest.publish(&Record::default()).unwrap();
        let (records, _) = decode(&std::fs::read(&path).unwrap());
        assert!(!records.is_empty() && records.iter().all(|record| record.format == Some(2)));
    }

    #[test]
    fn refuses_a_newer_format_and_leaves_it_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let newer = appended(&[Record { format: Some(FORMAT + 1), ..Record::default() }]);
        std::fs::write(&path, &newer).unwrap();
        assert!(matches!(Manifest::open(dir.path()), Err(ManifestError::NewerFormat(3))));
        assert_eq!(std::fs::read(&path).unwrap(), newer);
    }
}
