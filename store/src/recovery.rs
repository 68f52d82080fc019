//! Opens a data directory: reads the manifest, opens its segments, replays the log, and clears what a crash left behind.
//!
//! Damage never stops the start. What could not be read is named in the [`Recovery`] and left where it is.

use std::collections::HashSet as StdHashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::TimeRange;

use crate::damage::{DamageKind, Place};
use crate::dedup::Dedup;
use crate::error::ReadError;
use crate::files;
use crate::layout::Layout;
use crate::manifest::{self, Manifest};
use crate::schema::Table;
use crate::segment::{Length, Recent, Segment};
use crate::series::SeriesIndex;
use crate::snapshot::Scan;
use crate::store::Decode;
use crate::view::Shared;
use crate::wal::{self, Header};

mod replay;

pub(crate) use replay::rows_of;
use replay::{Batch, Replay};

/// What opening a data directory found.
#[derive(Debug, Default)]
pub struct Recovery {
    pub segments: usize,
    /// Requests read back from the log.
    pub replayed_requests: u64,
    pub replayed_rows: u64,
    /// Files deleted that no record of the manifest names: a crash cut their flush short, and the log has their rows.
    pub orphans: usize,
    /// What could not be read, one sentence each. It is left on disk.
    pub damage: Vec<String>,
    /// The kind of file and the place of each sentence.
    pub(crate) places: Vec<(DamageKind, ReadError)>,
    known: StdHashSet<(DamageKind, PathBuf, Place)>,
}

impl Recovery {
    /// The sentences on what may have had rows of any table: the log, and segments of which nothing is known.
    pub fn damage_to_all(&self) -> impl Iterator<Item = &str> {
        let is_of_all = |kind: DamageKind, error: &ReadError| match kind {
            DamageKind::Manifest | DamageKind::Log => true,
            DamageKind::Segment => error.path.ends_with("manifest"),
            _ => false,
        };
        let pairs = self.places.iter().zip(&self.damage);
        pairs.filter(move |((kind, error), _)| is_of_all(*kind, error)).map(|(_, words)| words.as_str())
    }

    /// Adds a place that could not be read, once.
    pub(crate) fn note(&mut self, kind: DamageKind, error: ReadError) {
        if !self.known.insert((kind, error.path.clone(), Place::of(&error.message))) {
            return;
        }
        self.damage.push(error.to_string());
        self.places.push((kind, error));
    }
}

/// Opens the segments that the manifest names.
pub(crate) fn open_segments(
    dir: &Path,
    state: &manifest::State,
    recent: &Arc<Recent>,
    recovery: &mut Recovery,
) -> Vec<Arc<Segment>> {
    let mut segments = Vec::new();
    for entry in state.segments.values() {
        let mut unknown = |message: String| {
            let message = format!("segment {} of {} {message}", entry.id, entry.table);
            recovery.note(DamageKind::Segment, ReadError::new(dir.join("manifest"), message));
        };
        let Some(table) = Table::parse(&entry.table) else {
            unknown("is of an unknown table".to_owned());
            continue;
        };
        let Some(layout) = Layout::parse(&entry.layout) else {
            unknown(format!("has the unknown layout \"{}\"", entry.layout));
            continue;
        };
        let (segment, error) = Segment::new(dir, table, layout, entry.clone(), recent);
        if let Some(error) = error {
            recovery.note(DamageKind::BloomFilter, error);
        }
        for file in &entry.files {
            let path = dir.join(&file.path);
            let Some(message) = files::wrong_length(&path, file.bytes) else { continue };
            match segment.length_of(file) {
                // What is restored is noted by who does it.
                Length::Restored => {}
                Length::More => segment.damage().note(DamageKind::Restored, &ReadError::new(path, message)),
                Length::Less => recovery.note(DamageKind::of_segment_file(&path), ReadError::new(path, message)),
            }
        }
        segments.push(Arc::new(segment));
    }
    recovery.segments = segments.len();
    segments
}

/// Fills the series index from the series segments.
pub(crate) fn load_series(snapshot: &crate::Snapshot, index: &SeriesIndex, recovery: &mut Recovery) {
    for chunk in crate::Chunks::<crate::SeriesChunk>::new(snapshot, Table::Series, Scan::new(TimeRange::ALL)) {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                let of_series = snapshot.segments.iter().find(|it| it.path() == error.path);
                let (first, last) = of_series.map_or((TimeRange::ALL.start, TimeRange::ALL.end), |it| it.times());
                let message = format!("series that had points then are not known: {}", error.message);
                let error = ReadError::new(&error.path, message);
                index.note_unread(TimeRange::new(first, last), error.clone());
                recovery.note(DamageKind::Segment, error);
                continue;
            }
        };
        for row in 0..chunk.len() {
            if let Some(series) = chunk.row(row) {
                let (first, last) = chunk.times(row);
                index.insert(chunk.id(row), &series, first, last);
            }
        }
    }
}

/// Files under `segments/` that the manifest does not name. Of a whole manifest they are left-overs of a flush that a crash
/// cut short, and the log has their rows: they are deleted, once no file of the manifest on disk names them. Otherwise they may
/// be segments whose record was lost: they are moved to `segments/lost`, and said so. Returns the highest id among all files.
pub(crate) fn clear_orphans(dir: &Path, manifest: &Manifest, whole: bool, recovery: &mut Recovery) -> u64 {
    let known: StdHashSet<PathBuf> =
        manifest.state().segments.values().flat_map(|entry| &entry.files).map(|file| dir.join(&file.path)).collect();
    let lost = dir.join("segments").join("lost");
    let (mut highest, mut n_lost) = (0, 0);
    for table in Table::ALL {
        let Ok(entries) = std::fs::read_dir(dir.join("segments").join(table.name())) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let id = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            highest = highest.max(id.unwrap_or(0));
            if known.contains(&path) || (whole && !manifest.is_sound()) {
                continue;
            }
            let done = if whole {
                std::fs::remove_file(&path)
            } else {
                let name = format!("{}-{}", table.name(), path.file_name().unwrap_or_default().to_string_lossy());
                std::fs::create_dir_all(&lost).and_then(|()| files::rename(&path, &lost.join(name)))
            };
            match done {
                Ok(()) if whole => recovery.orphans += 1,
                Ok(()) => n_lost += 1,
                // A reader of the store before this one was the last of a segment that was compacted or dropped.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => recovery.note(DamageKind::Segment, ReadError::new(path, error)),
            }
        }
    }
    for replaced in ["manifest", "manifest-copy", "dedup", "clock", "acknowledged"] {
        recovery.orphans += usize::from(std::fs::remove_file(files::beside(&dir.join(replaced))).is_ok());
    }
    if n_lost > 0 {
        let message = format!("has {n_lost} segment files that the manifest does not name");
        recovery.note(DamageKind::Manifest, ReadError::new(lost, message));
    }
    highest
}

/// What the log gave back.
pub(crate) struct Replayed {
    pub(crate) dedup: Dedup,
    pub(crate) next_lsn: u64,
    /// The number that the directory says was acknowledged last, or in one of an earlier version that segments have; `None`
    /// when what it says is damaged.
    pub(crate) acknowledged: Option<u64>,
    pub(crate) next_sequence: u64,
    /// The log's files, each with the last number in it.
    pub(crate) files: Vec<(PathBuf, u64)>,
}

/// Brings the requests of the log that no segment holds back into memory. Flushes while it goes when they are many, so
/// that memory stays bounded by the flush size and not by the log. `whole` says that the manifest is.
pub(crate) fn replay(
    shared: &Shared,
    decode: &Decode,
    whole: bool,
    recovery: &mut Recovery,
) -> Result<Replayed, ReadError> {
    let wal_dir = shared.dir.join("wal");
    let low_water = shared.lock_manifest().state().low_water;
    let files = wal::bring_back(&wal_dir, low_water).and_then(|()| wal::list(&wal_dir));
    let set_aside = wal::list_set_aside(&wal_dir);
    let (files, set_aside) =
        files.and_then(|files| Ok((files, set_aside?))).map_err(|error| ReadError::new(&wal_dir, error))?;
    for path in set_aside {
        recovery.note(DamageKind::Log, ReadError::new(path, wal::SET_ASIDE));
    }
    let mut replayed = Replayed {
        // Without it a retry of what the log no longer has may be stored twice, at worst.
        dedup: Dedup::load(&shared.dir.join("dedup"), low_water).unwrap_or_else(|error| {
            recovery.note(DamageKind::Dedup, error);
            Dedup::default()
        }),
        next_lsn: low_water + 1,
        acknowledged: Some(low_water),
        next_sequence: files.last().map_or(1, |(sequence, _)| sequence + 1),
        files: Vec::new(),
    };
    let mut replay = Replay::new(shared, decode, low_water);
    let first_lsns = first_lsns(&files);
    let mut bytes = Vec::new();
    for (index, (sequence, path)) in files.into_iter().enumerate() {
        let n_damage = recovery.damage.len();
        let missing = replayed.next_lsn..first_lsns[index].unwrap_or(0);
        if whole && !missing.is_empty() {
            let (first, last) = (missing.start, missing.end - 1);
            let message = format!("requests {first} to {last} should be in the log before this file and are not");
            recovery.note(DamageKind::Log, ReadError::new(&path, message));
        }
        let mut last_lsn = 0;
        let previous = replayed.next_lsn - 1;
        let end = first_lsns[index + 1..].iter().flatten().min().copied().unwrap_or(u64::MAX);
        match read_into(&path, &mut bytes) {
            Ok(()) => {
                let mut batch = Batch::new(&path);
                let damage = wal::read_bytes(&path, &bytes, sequence, previous, end, |record| {
                    last_lsn = last_lsn.max(record.head.lsn);
                    replayed.next_lsn = replayed.next_lsn.max(record.head.lsn + 1);
                    replay.add(&mut batch, record, &mut replayed.dedup, recovery);
                });
                replay.bring_back(&mut batch, &mut replayed.dedup, recovery);
                damage.into_iter().for_each(|damage| recovery.note(DamageKind::Log, damage.into()));
            }
            Err(error) => {
                // Numbers that it may hold are not given out again: the file may be read another time.
                replayed.next_lsn = match end {
                    u64::MAX => replayed.next_lsn.saturating_add(wal::most_records(&path)),
                    end => replayed.next_lsn.max(end),
                };
                recovery.note(DamageKind::Log, ReadError::new(&path, unread(&path, &error)));
            }
        }
        // A file with something unread stays where it is; the writer retires the others once segments hold them.
        if recovery.damage.len() == n_damage {
            replayed.files.push((path, last_lsn));
        }
    }
    shared.end_replay();
    match wal::acknowledged::read(&shared.dir) {
        Ok(Some(last)) => {
            let next = replayed.next_lsn;
            if whole && last >= next {
                let message = format!("requests {next} to {last} were acknowledged and are not in the log");
                recovery.note(DamageKind::Log, ReadError::new(&wal_dir, message));
            }
            replayed.acknowledged = Some(last);
            replayed.next_lsn = next.max(last.saturating_add(1));
        }
        Ok(None) => {}
        Err(error) => {
            recovery.note(DamageKind::Log, error);
            replayed.acknowledged = None;
        }
    }
    Ok(replayed)
}

/// Reads the file at `path` into `bytes`: one file after the other into the same memory, unless one was large.
fn read_into(path: &Path, bytes: &mut Vec<u8>) -> io::Result<()> {
    const USUAL: usize = 64 << 20;
    bytes.clear();
    bytes.shrink_to(USUAL);
    File::open(path)?.read_to_end(bytes)?;
    Ok(())
}

/// Sets a log file aside that cannot be read, and says so.
fn unread(path: &Path, error: &io::Error) -> String {
    match wal::set_aside(path) {
        Ok(aside) => format!("{error}; it is set aside as {}", aside.display()),
        Err(aside) => format!("{error}; it cannot be set aside: {aside}"),
    }
}

/// The number that the first record of each file has by its header; `None` for a file without a header of its own.
fn first_lsns(files: &[(u64, PathBuf)]) -> Vec<Option<u64>> {
    let headers = files.iter().map(|(sequence, path)| Header::read(path).filter(|it| it.sequence == *sequence));
    headers.map(|header| header?.first_lsn).collect()
}
