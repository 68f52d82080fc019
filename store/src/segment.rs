//! A segment: immutable rows of one table in one window of time. A Parquet file, bloom filters of trace ids where
//! rows have one, and a full-text index of log bodies.

use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::buffer::{BooleanBuffer, Buffer};
use model::{Nanos, TimeRange, TraceId, Value};
use parquet::arrow::arrow_reader::RowSelection;

use crate::chunk::Times;
use crate::damage::{DamageKind, DamageLog};
use crate::error::ReadError;
use crate::files;
use crate::layout::{Layout, chunks};
use crate::manifest::{FileEntry, SegmentEntry};
use crate::schema::Table;
use crate::summary::SpanSummary;
use crate::text::{self, Matches};
use crate::view::Shared;

mod bloom;
mod counting;
mod ids;
mod open;
mod recent;
mod repair;
mod samples;
mod summary;
#[cfg(test)]
mod tests;
mod writer;

use bloom::TraceBlooms;
pub(crate) use ids::IdFilter;
use open::Open;
pub(crate) use open::RowGroup;
pub(crate) use recent::Recent;
pub(crate) use samples::{PointColumns, SampleReader, Wanted, moments_of_rows};
pub(crate) use writer::{SegmentWriter, remove_files, sync_names};

/// A segment that is open for reading. Its files go when it was removed and nobody reads it any more.
pub(crate) struct Segment {
    table: Table,
    layout: Layout,
    dir: PathBuf,
    entry: SegmentEntry,
    blooms: Option<TraceBlooms>,
    recent: Arc<Recent>,
    footer: Mutex<Weak<Open>>,
    text: Mutex<Weak<text::Index>>,
    summary: Mutex<Weak<SpanSummary>>,
    /// Row groups that a read has failed for.
    failed: Mutex<BTreeSet<usize>>,
    removed: OnceLock<()>,
}

/// Of a file that is not as long as it was.
pub(crate) enum Length {
    /// All that was written is there.
    More,
    Less,
    /// What is missing was restored.
    Restored,
}

impl Segment {
    /// The segment of `entry` in the data directory `dir`. Reads the bloom filters; the rest is opened when it is needed.
    pub(crate) fn new(
        dir: &Path,
        table: Table,
        layout: Layout,
        entry: SegmentEntry,
        recent: &Arc<Recent>,
    ) -> (Self, Option<ReadError>) {
        let blooms = entry.file(".bloom").map(|file| TraceBlooms::load(dir, file)).transpose();
        let (blooms, error) = match blooms {
            Ok(blooms) => (blooms, None),
            Err(error) => (None, Some(error)), // without the filters, look-ups read the segment: slower, still right
        };
        let segment = Segment {
            table,
            layout,
            dir: dir.to_owned(),
            entry,
            blooms,
            recent: Arc::clone(recent),
            footer: Mutex::default(),
            text: Mutex::default(),
            summary: Mutex::default(),
            failed: Mutex::default(),
            removed: OnceLock::new(),
        };
        (segment, error)
    }

    /// The segment of `entry`, which this process has just written.
    pub(crate) fn written(shared: &Shared, entry: &SegmentEntry) -> Option<Arc<Self>> {
        let (table, layout) = (Table::parse(&entry.table)?, Layout::parse(&entry.layout)?);
        let (segment, error) = Segment::new(&shared.dir, table, layout, entry.clone(), &shared.recent);
        if let Some(error) = error {
            tracing::warn!(%error, "a segment was written but cannot be read back");
        }
        Some(Arc::new(segment))
    }

    pub(crate) fn table(&self) -> Table {
        self.table
    }

    pub(crate) fn id(&self) -> u64 {
        self.entry.id
    }

    pub(crate) fn entry(&self) -> &SegmentEntry {
        &self.entry
    }

    /// The times of the first and the last row.
    pub(crate) fn times(&self) -> (Nanos, Nanos) {
        (self.entry.min_time, self.entry.max_time)
    }

    pub(crate) fn n_rows(&self) -> u64 {
        self.entry.rows
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// Of row group `index`.
    pub(crate) fn n_rows_of(&self, index: usize) -> Result<u64, ReadError> {
        Ok(self.open()?.groups[index].n_rows())
    }

    /// Of the traces `wanted`, those that the segment may hold.
    pub(crate) fn traces_among(&self, wanted: &[TraceId]) -> Vec<TraceId> {
        let may_hold = |id: &TraceId| self.blooms.as_ref().is_none_or(|blooms| blooms.may_hold(*id));
        wanted.iter().copied().filter(may_hold).collect()
    }

    /// Of the traces `wanted`, those that row group `index` may hold.
    pub(crate) fn group_traces_among(&self, index: usize, wanted: &[TraceId]) -> Arc<[TraceId]> {
        let may_hold = |id: &TraceId| self.blooms.as_ref().is_none_or(|blooms| blooms.group_may_hold(index, *id));
        wanted.iter().copied().filter(may_hold).collect()
    }

    /// Whether row group `index` may hold one of the traces `wanted`.
    pub(crate) fn group_may_hold_trace(&self, index: usize, wanted: &[TraceId]) -> bool {
        self.blooms.as_ref().is_none_or(|blooms| wanted.iter().any(|id| blooms.group_may_hold(index, *id)))
    }

    /// The files are deleted when the last reader is done.
    pub(crate) fn remove(&self) {
        self.removed.get_or_init(|| ());
    }

    /// Of the Parquet file.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(self.entry.file(".parquet").map_or("segments", |file| &file.path))
    }

    fn open(&self) -> Result<Arc<Open>, ReadError> {
        let mut footer = self.footer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = footer.upgrade() {
            return Ok(open);
        }
        let open = guarded(|| Open::new(&self.dir, &self.entry, self.table, self.layout, &self.recent.damage))
            .map_err(|error| self.unreadable(ReadError::new(self.path(), error)))?;
        let open = Arc::new(open);
        self.recent.footers.keep(&open, open.memory());
        *footer = Arc::downgrade(&open);
        Ok(open)
    }

    /// What it means that `file` is not as long as it was. What one of rows or times has no more is restored, and noted as
    /// such, as far as that goes.
    pub(crate) fn length_of(&self, file: &FileEntry) -> Length {
        let path = self.dir.join(&file.path);
        let found = std::fs::metadata(&path).map_or(0, |found| found.len());
        if found > file.bytes {
            return Length::More;
        }
        let read = || guarded(|| self.open()?.prove(&path, found));
        match DamageKind::of_segment_file(&path) == DamageKind::Segment && read().is_ok() {
            true => Length::Restored,
            false => Length::Less,
        }
    }

    /// What could not be read, or only with what is kept to restore it; of all segments that were opened with the same caches.
    pub(crate) fn damage(&self) -> &DamageLog {
        &self.recent.damage
    }

    /// Takes note of what could not be read.
    fn unreadable(&self, error: ReadError) -> ReadError {
        // What chunks say of their times names the file that these are in.
        let times = self.entry.file(chunks::TIMES).map(|file| self.dir.join(&file.path));
        let error = match times.filter(|path| error.message.contains(&format!("{}: ", path.display()))) {
            Some(path) => ReadError::new(path, error.message),
            None => error,
        };
        self.recent.damage.note(DamageKind::Segment, &error);
        error
    }

    /// As [`Segment::unreadable`], of row group `index`.
    fn unreadable_group(&self, open: &Open, index: usize, error: &str) -> ReadError {
        self.failed().insert(index);
        self.unreadable(ReadError::new(&open.path, format!("row group {index}: {error}")))
    }

    /// Takes note of a full-text index that cannot be read. The column still has the words: that costs time, not rows.
    pub(crate) fn unreadable_text(&self, error: &dyn std::fmt::Display) {
        let path = self.dir.join(self.entry.file(".text").map_or("segments", |file| &file.path));
        self.recent.damage.note(DamageKind::TextIndex, &ReadError::new(path, error));
    }

    /// What each row group can hold, in the order of the file.
    pub(crate) fn row_groups(&self) -> Result<Vec<RowGroup>, ReadError> {
        Ok(self.open()?.groups.clone())
    }

    /// The rows of row group `index`, as the text index counts them.
    pub(crate) fn rows_of(&self, index: usize) -> Result<Range<u32>, ReadError> {
        let open = self.open()?;
        let group = &open.groups[index];
        let rows = (u32::try_from(group.first_row), u32::try_from(group.first_row + group.n_rows as u64));
        match rows {
            (Ok(start), Ok(end)) => Ok(start..end),
            _ => Err(ReadError::new(&open.path, "has more than 2^32 rows")),
        }
    }

    /// The times of all rows of row group `index`.
    pub(crate) fn times_of(&self, index: usize) -> Result<Vec<Nanos>, ReadError> {
        let column = self.table.time_column();
        let batch = self.read(index, &Some(vec![column]), None, Vec::new())?;
        let times = batch.as_ref().map(|batch| (batch.num_rows(), Times::of(batch, column)));
        Ok(times.map_or_else(Vec::new, |(n_rows, times)| (0..n_rows).map(|row| times.get(row)).collect()))
    }

    /// The bodies of `rows` of row group `index`.
    pub(crate) fn bodies(&self, index: usize, rows: &Matches) -> Result<StringArray, ReadError> {
        let batch = self.read(index, &Some(vec!["body"]), Some(rows), Vec::new())?;
        let bodies = batch.as_ref().and_then(|batch| batch.column_by_name("body")?.as_string_opt::<i32>().cloned());
        let missing = || ReadError::new(self.path(), format!("row group {index}: a body is missing"));
        bodies.filter(|bodies| bodies.len() == rows.len()).ok_or_else(missing)
    }

    /// Looks up the rows whose body holds all `words`; `None` when there is no index that can tell.
    pub(crate) fn search(&self, words: &[String]) -> Option<text::Search> {
        let search = self.open_text().and_then(|index| match index {
            Some(index) => Ok(Some(index.search(words)?)),
            None => Ok(None),
        });
        search.unwrap_or_else(|error| {
            self.unreadable_text(&error);
            None
        })
    }

    /// The bytes that each column takes in the file, all row groups together.
    pub(crate) fn column_bytes(&self) -> Result<Vec<(String, u64)>, ReadError> {
        Ok(self.open()?.column_bytes())
    }

    /// The keys of attributes that have columns: those that at least one in a hundred rows have.
    pub(crate) fn attribute_keys(&self) -> Result<Vec<String>, ReadError> {
        Ok(self.open()?.attribute_keys().map(str::to_owned).collect())
    }

    /// Reads all of the full-text index, if there is one, and checks it.
    pub(crate) fn check_text(&self) -> Result<(), String> {
        let index = self.open_text().map_err(|error| error.to_string())?;
        index.map_or(Ok(()), |index| index.verify().map_err(|error| error.to_string()))
    }

    fn open_text(&self) -> Result<Option<Arc<text::Index>>, Box<dyn std::error::Error>> {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = text.upgrade() {
            return Ok(Some(index));
        }
        let Some(entry) = self.entry.file(".text") else { return Ok(None) };
        let path = self.dir.join(&entry.path);
        let file = std::fs::File::open(&path)?;
        match entry.tail {
            Some(tail) => drop(tail.read(&file, entry.bytes)?),
            None => files::check_whole(&path, entry.bytes, entry.crc32)?,
        }
        let index = Arc::new(text::Index::open(Arc::new(text::BundleFile::new(path, file, entry.bytes)))?);
        self.recent.texts.keep(&index, index.memory());
        *text = Arc::downgrade(&index);
        Ok(Some(index))
    }

    /// The rows of row group `index`, of `rows` only, which are rows of that group, and with ids that all `ids` take, with the
    /// given columns (`None` for all). `None` when no row can be left.
    pub(crate) fn read(
        &self,
        index: usize,
        columns: &Option<Vec<&'static str>>,
        rows: Option<&Matches>,
        ids: Vec<IdFilter>,
    ) -> Result<Option<RecordBatch>, ReadError> {
        let open = self.open()?;
        if rows.is_some_and(Matches::is_empty) {
            return Ok(None);
        }
        if ids.is_empty() && columns.as_ref().is_some_and(Vec::is_empty) {
            self.check_countable(index)?;
        }
        let selection = rows.filter(|rows| rows.len() < rows.range().len()).map(select);
        let batch = guarded(|| open.read(index, columns, selection, ids))
            .map_err(|error| self.unreadable_group(&open, index, &error.to_string()))?;
        Ok(Some(batch))
    }

    /// As [`crate::layout::wide::count_values`], of row group `index` of a segment of that layout.
    pub(crate) fn count_values(
        &self,
        index: usize,
        key: &str,
        within: Option<(&str, TimeRange)>,
        each: &mut dyn FnMut(Value<'_>, u64),
    ) -> Result<u64, ReadError> {
        let open = self.open()?;
        guarded(|| open.count_values(index, key, within, each))
            .map_err(|error| self.unreadable_group(&open, index, &error.to_string()))
    }

    /// Fails when row group `index` has values that a reader of few rows would not find.
    pub(crate) fn check(&self, index: usize) -> Result<(), ReadError> {
        let open = self.open()?;
        guarded(|| open.check(index)).map_err(|error| ReadError::new(&open.path, format!("row group {index}: {error}")))
    }

    /// What [`Segment::read`] gives of a row group that is damaged in part, and the damage; `None` when that cannot be told
    /// apart.
    pub(crate) fn read_undamaged(
        &self,
        index: usize,
        columns: &Option<Vec<&'static str>>,
        ids: Vec<IdFilter>,
    ) -> Option<(RecordBatch, Vec<ReadError>)> {
        if self.layout != Layout::Chunks {
            return None;
        }
        let open = self.open().ok()?;
        let (rows, damage) = guarded(|| open.read_chunks(index, columns, ids)).ok()?;
        let error = |damage| self.unreadable(ReadError::new(&open.path, format!("row group {index}: {damage}")));
        Some((rows, damage.into_iter().map(error).collect()))
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.removed.get().is_none() {
            return;
        }
        for file in &self.entry.files {
            let path = self.dir.join(&file.path);
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "cannot delete a file of a removed segment");
            }
        }
    }
}

/// What `read` gives. The Parquet and Arrow readers panic on some damaged files; that is an error of the file here.
fn guarded<T>(read: impl FnOnce() -> Result<T, Box<dyn std::error::Error>>) -> Result<T, Box<dyn std::error::Error>> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("the file is damaged: its reader failed".into()))
}

/// `rows` as the Parquet reader takes them.
fn select(rows: &Matches) -> RowSelection {
    let bits: Vec<u8> = rows.bits().iter().flat_map(|word| word.to_le_bytes()).collect();
    RowSelection::from_boolean_buffer(BooleanBuffer::new(Buffer::from_vec(bits), 0, rows.range().len()))
}
