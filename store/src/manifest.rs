//! The manifest: which segments count, and up to where the write-ahead log is in them.
//!
//! Two files that say the same, of records `length u32 | crc32 u32 | JSON`, little-endian, one for each segment. A publication
//! replaces both by new ones, so it happens whole or not at all, and a byte that is wrong is damage, never a write cut short.
//! Damage of one file costs nothing, damage of both the records that it hits in both. Specified in `docs/formats/manifest.md`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{self, Tail};

mod copies;
mod file;
#[cfg(test)]
mod tests;

use copies::Found;
pub(crate) use copies::{Damage, Loaded};

/// The format of a data directory that this version writes. Format 1 had neither levels nor layouts, format 2 no second file,
/// which a version that knows only that would let grow old, format 3 no decisions in the log; they are read, and the first
/// publication makes them this one.
pub(crate) const FORMAT: u32 = 4;

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

/// One publication as its caller gives it, and a record of a file. Older versions appended each publication to the file; a
/// file of this version is the fold of all of them, in records of one segment each.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// In every record of a file of this version; in older ones in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<u32>,
    /// The number of the publication that wrote the file, in every record of it: the greater one is the newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) publication: Option<u64>,
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
    /// How many segments the file names. In format 2 in its last record only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) segments: Option<usize>,
}

/// What all records together say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// Whether `dir` has a file of the manifest.
pub(crate) fn is_in(dir: &Path) -> bool {
    copies::NAMES.iter().any(|name| dir.join(name).exists())
}

/// What the manifest in `dir` says. Changes nothing.
pub(crate) fn read(dir: &Path) -> Result<Loaded, ManifestError> {
    let loaded = copies::load(dir)?;
    if loaded.copies.iter().all(|copy| matches!(copy.found, Found::Missing)) {
        return Err(io::Error::from(io::ErrorKind::NotFound).into());
    }
    Ok(loaded)
}

/// What is wrong with the files in `dir`, none of which [`read`] can read.
pub(crate) fn unreadable(dir: &Path) -> Vec<Damage> {
    let damage = copies::NAMES.map(|name| {
        let path = dir.join(name);
        let message = match std::fs::read(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => error.to_string(),
            _ => "is missing".to_owned(),
        };
        Damage { path, message }
    });
    damage.into()
}

/// The manifest of an open data directory.
pub(crate) struct Manifest {
    paths: [PathBuf; 2],
    state: State,
    /// The greatest number of a publication that any file may have.
    publication: u64,
    /// Whether the files say what `state` does. After an error they may say what was to be published instead.
    sound: bool,
}

impl Manifest {
    /// Opens or creates the manifest in `dir`. A damaged file is kept under another name, and the files are made to say the
    /// same again, now or with the next publication.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Loaded), ManifestError> {
        let loaded = copies::load(dir)?;
        let paths = copies::NAMES.map(|name| dir.join(name));
        let mut manifest = Manifest { paths, state: loaded.state.clone(), publication: loaded.newest, sound: true };
        let current = |copy: &&copies::Copy| copy.whole && copy.publication == loaded.newest;
        let [first, second] = &loaded.copies;
        // Format 1 or 2. Opening alone does not change it.
        let is_older = first.whole && loaded.newest == 0 && matches!(second.found, Found::Missing);
        if is_older || loaded.copies.iter().all(|copy| current(&copy)) {
            return Ok((manifest, loaded));
        }
        for copy in &loaded.copies {
            copy.keep()?;
        }
        match loaded.copies.iter().find(current) {
            // The good file is left alone.
            Some(_) if loaded.newest > 0 => {
                let others = loaded.copies.iter().filter(|copy| !current(copy)).map(|copy| copy.path.as_path());
                manifest.write(&others.collect::<Vec<_>>());
            }
            _ => manifest.rewrite(),
        }
        Ok((manifest, loaded))
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

    /// Makes `record` durable. Until this returns `Ok`, nothing of it counts, and nothing that it removes may be deleted; after an
    /// error the files are put back as they were, now or with the next publication. Takes two writes, two syncs of files and
    /// one of the folder.
    pub(crate) fn publish(&mut self, record: &Record) -> io::Result<()> {
        let mut state = self.state.clone();
        state.apply(record);
        self.publication = self.publication.saturating_add(1);
        let paths = self.paths.each_ref().map(PathBuf::as_path);
        if let Err(error) = files::replace_all(&paths, &file::encode(&state, self.publication)) {
            self.rewrite();
            return Err(error);
        }
        self.state = state;
        self.sound = true;
        Ok(())
    }

    /// Whether what [`Manifest::state`] says, and nothing else, is in both files. If not, files of what could not be published,
    /// and those that an older state may name, must stay: the next start may find it published.
    pub(crate) fn is_sound(&self) -> bool {
        self.sound
    }

    /// Puts the state into both files, as newer than what is there.
    fn rewrite(&mut self) {
        self.publication = self.publication.saturating_add(1);
        let paths = self.paths.clone();
        self.write(&paths.each_ref().map(PathBuf::as_path));
    }

    fn write(&mut self, paths: &[&Path]) {
        let written = files::replace_all(paths, &file::encode(&self.state, self.publication));
        self.sound = written.is_ok();
        if let Err(error) = written {
            tracing::error!(path = %self.paths[0].display(), %error, "the manifest cannot be written");
        }
    }
}
