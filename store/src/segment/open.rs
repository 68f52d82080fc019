//! The rows of an open segment. Whatever the layout of the file, they come out in the schema of the table.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use hashbrown::HashSet;
use model::{Nanos, SeriesId, TimeRange, TraceId, Value};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
    RowFilter, RowSelection,
};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::IdFilter;
use super::repair::{Repair, tail_copy};
use crate::damage::{DamageKind, DamageLog};
use crate::error::ReadError;
use crate::files::{BlockSums, CHECKSUMS_KEY, CheckedFile, Parity, check_whole};
use crate::layout::Layout;
use crate::layout::wide;
use crate::manifest::SegmentEntry;
use crate::schema::Table;

mod chunks;

use chunks::TimesFile;

type Error = Box<dyn std::error::Error>;

/// A segment's footer. The file itself is opened for each read: there are more segments than a process may have files.
pub(super) struct Open {
    pub(super) path: PathBuf,
    bytes: u64,
    sums: Option<Arc<BlockSums>>,
    parity: Option<Parity>,
    table: Table,
    layout: Layout,
    metadata: ArrowReaderMetadata,
    pub(super) groups: Vec<RowGroup>,
    /// The file of times of the layout `chunks`.
    times: Option<TimesFile>,
}

/// What a row group can hold, from the statistics in the footer.
#[derive(Clone)]
pub(crate) struct RowGroup {
    pub(crate) min_time: Nanos,
    pub(crate) max_time: Nanos,
    /// Rows in the file; what they stand for may be more.
    pub(super) n_rows: usize,
    pub(super) first_row: u64,
    /// The row group of the file that it is, or is a part of, and the rows of that before it.
    pub(super) part: (usize, usize),
    pub(super) traces: Option<([u8; 16], [u8; 16])>,
    pub(crate) series: Option<(u128, u128)>,
}

impl RowGroup {
    pub(crate) fn n_rows(&self) -> u64 {
        self.n_rows as u64
    }

    /// Whether an id of `wanted`, which are in ascending order, may be in it.
    pub(crate) fn may_hold_trace(&self, wanted: &[TraceId]) -> bool {
        // Without bounds every trace id of the group is null, or the table has none.
        self.traces.is_some_and(|(min, max)| {
            let first = wanted.partition_point(|id| id.0 < min);
            wanted.get(first).is_some_and(|id| id.0 <= max)
        })
    }

    /// Whether an id of `wanted`, which are in ascending order, may be in it.
    pub(crate) fn may_hold_one_of(&self, wanted: &[SeriesId]) -> bool {
        self.series.is_none_or(|(min, max)| {
            let first = wanted.partition_point(|id| id.0 < min);
            wanted.get(first).is_some_and(|id| id.0 <= max)
        })
    }

    pub(crate) fn may_hold_series(&self, set: &HashSet<SeriesId>) -> bool {
        self.series.is_none_or(|(min, max)| set.iter().any(|id| (min..=max).contains(&id.0)))
    }
}

impl Open {
    /// Opens the Parquet file of a segment. Its footer is checked now, its rows when they are read; of a file of format 1,
    /// which has no checksums within, all is checked now. What is damaged and has a copy is noted in `damage`.
    pub(super) fn new(
        dir: &Path,
        segment: &SegmentEntry,
        table: Table,
        layout: Layout,
        damage: &Arc<DamageLog>,
    ) -> Result<Self, Error> {
        let entry = segment.file(".parquet").ok_or("the manifest names no such file")?;
        let path = &dir.join(&entry.path);
        let mut of_footer = None;
        let file = match entry.tail {
            Some(tail) => CheckedFile::open_tail(path, entry.bytes, tail).or_else(|error| {
                let Some(Ok(copy)) = tail_copy(dir, segment) else { return Err(error) };
                of_footer = Some(error);
                CheckedFile::open_copy(entry.bytes, copy)
            })?,
            None => {
                check_whole(path, entry.bytes, entry.crc32)?;
                CheckedFile::open(path, entry.bytes, None, None)?
            }
        };
        // Where there are pages with bounds, they are few columns'.
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        let sums = match entry.tail {
            Some(tail) => Some(Arc::new(sums(&metadata, entry.bytes - tail.bytes)?)),
            None => None,
        };
        let times = layout.time_columns(table);
        let (groups, times) = match layout {
            Layout::Rows | Layout::Wide => (row_groups(&metadata, times)?, None),
            Layout::Chunks => {
                let file = TimesFile::of(dir, segment, damage)?;
                (file.units(&metadata, times, damage)?, Some(file))
            }
        };
        let parity = Repair::of(dir, segment).map(|repair| repair.rows(damage));
        let path = path.to_owned();
        let open = Open { path, bytes: entry.bytes, sums, parity, table, layout, metadata, groups, times };
        if let Some(error) = of_footer {
            open.file()?; // without a file there are no rows to the footer
            let message = format!("the footer is damaged: {error}; its copy is read");
            damage.note(DamageKind::Restored, &ReadError::new(&open.path, message));
        }
        Ok(open)
    }

    /// Reads what the file at `path`, which is one of rows or of times, has from the byte `start` on: an error if that can
    /// neither be read nor restored.
    pub(super) fn prove(&self, path: &Path, start: u64) -> Result<(), Error> {
        match &self.times {
            Some(times) if times.is_at(path) => times.prove(start),
            _ => Ok(self.file()?.prove(start, self.sums.as_ref().map_or(self.bytes, |sums| sums.covered()))?),
        }
    }

    /// The memory that the footer takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        let sums = self.sums.as_ref().map_or(0, |sums| sums.memory());
        self.metadata.metadata().memory_size() + sums + self.groups.len() * size_of::<RowGroup>()
    }

    /// The rows of row group `index` that `selection` and `ids` leave, with `columns` of the table (`None` for all).
    pub(super) fn read(
        &self,
        index: usize,
        columns: &Option<Vec<&'static str>>,
        selection: Option<RowSelection>,
        ids: Vec<IdFilter>,
    ) -> Result<RecordBatch, Error> {
        match self.layout {
            Layout::Rows => self.read_file(index, columns, selection, ids),
            Layout::Wide => wide::read(&self.group(index)?, self.table, columns.as_deref(), selection, &ids),
            Layout::Chunks => {
                let (rows, damage) = self.read_chunks(index, columns, ids)?;
                damage.into_iter().next().map_or(Ok(rows), |damage| Err(damage.into()))
            }
        }
    }

    pub(super) fn count_values(
        &self,
        index: usize,
        key: &str,
        within: Option<(&str, TimeRange)>,
        each: &mut dyn FnMut(Value<'_>, u64),
    ) -> Result<u64, Error> {
        wide::count_values(&self.group(index)?, key, within, each)
    }

    /// Fails when what a layout says of its rows to those who read few of them is not so.
    pub(super) fn check(&self, index: usize) -> Result<(), Error> {
        match self.layout {
            Layout::Wide => wide::check_shapes(&self.group(index)?),
            Layout::Rows | Layout::Chunks => Ok(()),
        }
    }

    fn file(&self) -> std::io::Result<CheckedFile> {
        match (self.sums.clone(), self.parity.clone()) {
            (Some(sums), Some(parity)) => CheckedFile::open_or_gone(&self.path, self.bytes, sums, parity),
            (sums, parity) => CheckedFile::open(&self.path, self.bytes, sums, parity),
        }
    }

    fn group(&self, index: usize) -> Result<wide::Group<'_>, Error> {
        let file = self.file()?;
        Ok(wide::Group { file, metadata: &self.metadata, index, n_rows: self.groups[index].n_rows })
    }

    /// The bytes of each column of the file, in the order of the file.
    pub(super) fn column_bytes(&self) -> Vec<(String, u64)> {
        let groups = self.metadata.metadata().row_groups();
        let columns = self.metadata.parquet_schema().columns().iter().enumerate();
        let bytes = |column: usize| groups.iter().map(|group| group.column(column).compressed_size() as u64).sum();
        columns.map(|(index, column)| (column.path().string(), bytes(index))).collect()
    }

    /// The keys of attributes that have columns.
    pub(super) fn attribute_keys(&self) -> impl Iterator<Item = &str> {
        self.metadata.parquet_schema().columns().iter().filter_map(|column| wide::attribute_of(column.name()))
    }

    /// As [`Open::read`], with the rows and `columns` as they are in the file, of the row group that `index` is of.
    fn read_file(
        &self,
        index: usize,
        columns: &Option<Vec<&'static str>>,
        selection: Option<RowSelection>,
        ids: Vec<IdFilter>,
    ) -> Result<RecordBatch, Error> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file()?, self.metadata.clone());
        let schema = self.metadata.parquet_schema();
        let projection = match columns {
            None => ProjectionMask::all(),
            Some(columns) => ProjectionMask::columns(schema, columns.iter().copied()),
        };
        let group = self.groups[index].part.0;
        let n_rows = usize::try_from(self.metadata.metadata().row_group(group).num_rows())?;
        let mut builder =
            builder.with_row_groups(vec![group]).with_projection(projection).with_batch_size(n_rows.max(1));
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        // The id columns first, then of the others only the pages with rows that they leave.
        let predicates = ids.into_iter().map(|ids| -> Box<dyn ArrowPredicate> {
            let column = ProjectionMask::columns(schema, ids.columns());
            Box::new(ArrowPredicateFn::new(column, move |batch| Ok(ids.mask(&batch))))
        });
        builder = builder.with_row_filter(RowFilter::new(predicates.collect()));
        let reader = builder.build()?;
        let schema = arrow::array::RecordBatchReader::schema(&reader);
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&schema, &batches)?)
    }
}

/// The checksums of the first `covered` bytes of a file, out of its footer.
fn sums(metadata: &ArrowReaderMetadata, covered: u64) -> Result<BlockSums, Error> {
    let pairs = metadata.metadata().file_metadata().key_value_metadata().ok_or("the footer has no checksums")?;
    let text = pairs.iter().find(|pair| pair.key == CHECKSUMS_KEY).and_then(|pair| pair.value.as_deref());
    let sums = BlockSums::decode(text.ok_or("the footer has no checksums")?);
    Ok(sums.filter(|sums| sums.covered() == covered).ok_or("the footer's checksums are not those of the file")?)
}

/// The row groups of a file as they are.
fn row_groups(metadata: &ArrowReaderMetadata, (first, last): (&str, &str)) -> Result<Vec<RowGroup>, Error> {
    let mut groups = Vec::new();
    let mut first_row = 0;
    for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
        let n_rows = usize::try_from(group.num_rows())?;
        let (min_time, _) = times(group, first).ok_or("no time statistics")?;
        let (_, max_time) = times(group, last).ok_or("no time statistics")?;
        let series = id_bounds(group, "series").map(|(min, max)| (u128::from_be_bytes(min), u128::from_be_bytes(max)));
        let traces = id_bounds(group, "trace_id");
        groups.push(RowGroup { min_time, max_time, n_rows, first_row, part: (index, 0), traces, series });
        first_row += n_rows as u64;
    }
    Ok(groups)
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
