//! A segment: immutable rows of one table in one window of time. A Parquet file, a bloom filter of trace ids where rows
//! have one, and a full-text index of log bodies.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use hashbrown::HashSet;
use model::{Nanos, SeriesId, TraceId};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
    RowFilter, RowSelection, RowSelector,
};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::error::ReadError;
use crate::files::PositionedFile;
use crate::manifest::SegmentEntry;
use crate::schema::Table;
use crate::text::{self, Candidates};

mod bloom;
mod ids;
mod recent;
mod writer;

pub(crate) use bloom::TraceBloom;
pub(crate) use ids::IdFilter;
pub(crate) use recent::Recent;
pub(crate) use writer::{remove_files, write};

/// A segment that is open for reading. Its files go when it was removed and nobody reads it any more.
pub(crate) struct Segment {
    table: Table,
    dir: PathBuf,
    entry: SegmentEntry,
    bloom: Option<TraceBloom>,
    recent: Arc<Recent>,
    footer: Mutex<Weak<Open>>,
    text: Mutex<Weak<text::Index>>,
    removed: OnceLock<()>,
}

/// A segment's footer. The file itself is opened for each read: there are more segments than a process may have files.
struct Open {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    groups: Vec<RowGroup>,
}

/// What a row group can hold, from the statistics in the footer.
#[derive(Clone)]
pub(crate) struct RowGroup {
    pub(crate) min_time: Nanos,
    pub(crate) max_time: Nanos,
    n_rows: usize,
    first_row: u64,
    traces: Option<([u8; 16], [u8; 16])>,
    series: Option<(u128, u128)>,
}

impl RowGroup {
    pub(crate) fn may_hold_trace(&self, id: TraceId) -> bool {
        // Without bounds every trace id of the group is null, or the table has none.
        self.traces.is_some_and(|(min, max)| (min..=max).contains(&id.0))
    }

    pub(crate) fn may_hold_series(&self, set: &HashSet<SeriesId>) -> bool {
        self.series.is_none_or(|(min, max)| set.iter().any(|id| (min..=max).contains(&id.0)))
    }
}

impl Segment {
    /// The segment of `entry` in the data directory `dir`. Reads the bloom filter; the rest is opened when it is needed.
    pub(crate) fn new(
        dir: &Path,
        table: Table,
        entry: SegmentEntry,
        recent: &Arc<Recent>,
    ) -> (Self, Option<ReadError>) {
        let path = entry.files.iter().find(|file| file.path.ends_with(".bloom")).map(|file| dir.join(&file.path));
        let (bloom, error) = match path.map(|path| TraceBloom::load(&path)).transpose() {
            Ok(bloom) => (bloom, None),
            Err(error) => (None, Some(error)), // without the filter, look-ups read the segment: slower, still right
        };
        let segment = Segment {
            table,
            dir: dir.to_owned(),
            entry,
            bloom,
            recent: Arc::clone(recent),
            footer: Mutex::default(),
            text: Mutex::default(),
            removed: OnceLock::new(),
        };
        (segment, error)
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

    pub(crate) fn may_hold_trace(&self, id: TraceId) -> bool {
        self.bloom.as_ref().is_none_or(|bloom| bloom.may_hold(id))
    }

    /// The files are deleted when the last reader is done.
    pub(crate) fn remove(&self) {
        self.removed.get_or_init(|| ());
    }

    fn path(&self, suffix: &str) -> Option<PathBuf> {
        self.entry.files.iter().find(|file| file.path.ends_with(suffix)).map(|file| self.dir.join(&file.path))
    }

    fn open(&self) -> Result<Arc<Open>, ReadError> {
        let mut footer = self.footer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = footer.upgrade() {
            return Ok(open);
        }
        let path = self.path(".parquet").unwrap_or_else(|| self.dir.join(format!("segment {}", self.entry.id)));
        let open = guarded(|| Open::new(&path, self.table)).map_err(|error| ReadError::new(path, error))?;
        let open = Arc::new(open);
        self.recent.footers.keep(&open);
        *footer = Arc::downgrade(&open);
        Ok(open)
    }

    /// What each row group can hold, in the order of the file.
    pub(crate) fn row_groups(&self) -> Result<Vec<RowGroup>, ReadError> {
        Ok(self.open()?.groups.clone())
    }

    /// The rows whose body may hold all `words`.
    pub(crate) fn rows_with_all(&self, words: &[String]) -> Candidates {
        let found = self.open_text().and_then(|index| match index {
            Some(index) => index.rows_with_all(words).map_err(Into::into),
            None => Ok(Candidates::All),
        });
        found.unwrap_or_else(|error| {
            // The column still has the words: a damaged index costs time, not rows.
            tracing::warn!(segment = self.entry.id, %error, "full-text index is unreadable, scanning instead");
            Candidates::All
        })
    }

    fn open_text(&self) -> Result<Option<Arc<text::Index>>, Box<dyn std::error::Error>> {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = text.upgrade() {
            return Ok(Some(index));
        }
        let Some(path) = self.path(".text") else { return Ok(None) };
        let file = std::fs::File::open(&path)?;
        let length = file.metadata()?.len();
        let index = Arc::new(text::Index::open(Arc::new(text::BundleFile::new(path, file, length)))?);
        self.recent.texts.keep(&index);
        *text = Arc::downgrade(&index);
        Ok(Some(index))
    }

    /// The rows of a row group, of `candidates` only and with ids that all `ids` take, with the given columns (`None` for all).
    /// `None` when no row can be left.
    pub(crate) fn read(
        &self,
        index: usize,
        columns: &Option<Vec<&'static str>>,
        candidates: &Candidates,
        ids: Vec<IdFilter>,
    ) -> Result<Option<RecordBatch>, ReadError> {
        let open = self.open()?;
        let group = &open.groups[index];
        let selection = match candidates {
            Candidates::All => None,
            Candidates::Rows(rows) => match select(rows, group) {
                Some(selection) => Some(selection),
                None => return Ok(None),
            },
        };
        let batch = open
            .read(index, columns, selection, ids)
            .map_err(|error| ReadError::new(&open.path, format!("row group {index}: {error}")))?;
        Ok(Some(batch))
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.removed.get().is_none() {
            return;
        }
        for file in &self.entry.files {
            let path = self.dir.join(&file.path);
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot delete a file of a removed segment");
            }
        }
    }
}

/// What `read` gives. The Parquet and Arrow readers panic on some damaged files; that is an error of the file here.
fn guarded<T>(read: impl FnOnce() -> Result<T, Box<dyn std::error::Error>>) -> Result<T, Box<dyn std::error::Error>> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("the file is damaged: its reader failed".into()))
}

/// The runs of `rows` (row numbers of the segment, ascending) that lie in `group`.
fn select(rows: &[u32], group: &RowGroup) -> Option<RowSelection> {
    let first = group.first_row;
    let end = first + group.n_rows as u64;
    let from = rows.partition_point(|row| u64::from(*row) < first);
    let to = rows.partition_point(|row| u64::from(*row) < end);
    let rows = &rows[from..to];
    if rows.is_empty() {
        return None;
    }
    let mut selectors: Vec<RowSelector> = Vec::new();
    let mut next = first;
    for &row in rows {
        let row = u64::from(row);
        if row > next {
            selectors.push(RowSelector::skip((row - next) as usize));
        }
        match selectors.last_mut() {
            Some(last) if !last.skip => last.row_count += 1,
            _ => selectors.push(RowSelector::select(1)),
        }
        next = row + 1;
    }
    if end > next {
        selectors.push(RowSelector::skip((end - next) as usize));
    }
    Some(selectors.into())
}

impl Open {
    fn new(path: &Path, table: Table) -> Result<Self, Box<dyn std::error::Error>> {
        let file = PositionedFile::open(path)?;
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        let mut groups = Vec::new();
        let mut first_row = 0;
        for group in metadata.metadata().row_groups() {
            let n_rows = usize::try_from(group.num_rows())?;
            let (min_time, max_time) = times(group, table.time_column()).ok_or("no time statistics")?;
            let max_time = times(group, "last_time").map_or(max_time, |(_, last)| last);
            let series =
                id_bounds(group, "series").map(|(min, max)| (u128::from_be_bytes(min), u128::from_be_bytes(max)));
            let traces = id_bounds(group, "trace_id");
            groups.push(RowGroup { min_time, max_time, n_rows, first_row, traces, series });
            first_row += n_rows as u64;
        }
        Ok(Open { path: path.to_owned(), metadata, groups })
    }

    fn read(
        &self,
        index: usize,
        columns: &Option<Vec<&'static str>>,
        selection: Option<RowSelection>,
        ids: Vec<IdFilter>,
    ) -> Result<RecordBatch, Box<dyn std::error::Error>> {
        let file = PositionedFile::open(&self.path)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let schema = self.metadata.parquet_schema();
        let projection = match columns {
            None => ProjectionMask::all(),
            Some(columns) => ProjectionMask::columns(schema, columns.iter().copied()),
        };
        let n_rows = self.groups[index].n_rows;
        let mut builder =
            builder.with_row_groups(vec![index]).with_projection(projection).with_batch_size(n_rows.max(1));
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        // The id columns first, then of the others only the pages with rows that they leave.
        let predicates = ids.into_iter().map(|ids| -> Box<dyn ArrowPredicate> {
            let column = ProjectionMask::columns(schema, [ids.column()]);
            Box::new(ArrowPredicateFn::new(column, move |batch| Ok(ids.mask(&batch))))
        });
        builder = builder.with_row_filter(RowFilter::new(predicates.collect()));
        let reader = builder.build()?;
        let schema = arrow::array::RecordBatchReader::schema(&reader);
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&schema, &batches)?)
    }
}

fn statistics<'a>(group: &'a RowGroupMetaData, column: &str) -> Option<&'a Statistics> {
    group.columns().iter().find(|it| it.column_path().parts() == [column])?.statistics()
}

fn times(group: &RowGroupMetaData, column: &str) -> Option<(Nanos, Nanos)> {
    match statistics(group, column)? {
        Statistics::Int64(times) => Some((*times.min_opt()?, *times.max_opt()?)),
        _ => None,
    }
}

/// The least and the greatest id of a column; `None` when all are null or there is no such column.
fn id_bounds(group: &RowGroupMetaData, column: &str) -> Option<([u8; 16], [u8; 16])> {
    let statistics = statistics(group, column)?;
    Some((statistics.min_bytes_opt()?.try_into().ok()?, statistics.max_bytes_opt()?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_the_runs_of_rows_within_the_group() {
        let group = RowGroup { min_time: 0, max_time: 0, n_rows: 10, first_row: 100, traces: None, series: None };
        assert_eq!(select(&[1, 99, 110], &group), None);
        let expected: RowSelection =
            vec![RowSelector::skip(1), RowSelector::select(2), RowSelector::skip(6), RowSelector::select(1)].into();
        assert_eq!(select(&[5, 101, 102, 109, 110], &group), Some(expected));
    }
}
