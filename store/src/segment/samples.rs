//! The samples of a segment of metric points: times and doubles, series by series, or times alone, whatever the layout.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, UInt32Array};
use arrow::datatypes::TimestampNanosecondType;
use hashbrown::HashSet;
use model::metric::{NO_RECORDED_VALUE, STALE};
use model::{Nanos, SeriesId, TimeRange};

use super::{IdFilter, Open, RowGroup, Segment, guarded};
use crate::error::ReadError;
use crate::layout::Layout;
use crate::layout::chunks::{self, Damaged, MOMENT_COLUMNS, SampleDecoder};

/// The columns that samples are made of.
pub(crate) const COLUMNS: [&str; 5] = ["series", "time", "flags", "double_value", "int_value"];

/// Which samples to read.
pub(crate) struct Wanted {
    /// In ascending order.
    pub(crate) series: Vec<SeriesId>,
    pub(crate) set: Arc<HashSet<SeriesId>>,
    pub(crate) range: TimeRange,
}

/// A part of a segment that is read at once.
pub(crate) enum Part {
    /// Units of chunks that are in one row group of the file.
    Units(Vec<usize>),
    RowGroup(usize),
}

/// Reads parts of segments, with the memory that this needs.
#[derive(Default)]
pub(crate) struct SampleReader {
    decoder: SampleDecoder,
}

impl Segment {
    /// The parts that may hold samples that are wanted.
    pub(crate) fn sample_parts(&self, wanted: &Wanted) -> Result<Vec<Part>, ReadError> {
        let (min_time, max_time) = self.times();
        if !wanted.range.overlaps(min_time, max_time) {
            return Ok(Vec::new());
        }
        let groups = self.row_groups()?;
        let may_hold = |group: &RowGroup| {
            wanted.range.overlaps(group.min_time, group.max_time) && group.may_hold_one_of(&wanted.series)
        };
        let held: Vec<usize> = (0..groups.len()).filter(|index| may_hold(&groups[*index])).collect();
        Ok(match self.layout {
            Layout::Chunks => {
                let units = held.chunk_by(|a, b| groups[*a].part.0 == groups[*b].part.0);
                units.map(|units| Part::Units(units.to_vec())).collect()
            }
            Layout::Rows | Layout::Wide => held.into_iter().map(Part::RowGroup).collect(),
        })
    }

    /// Feeds the samples of `part` that are wanted, those of a series in the order in which they were stored. Gives what
    /// is damaged besides.
    pub(crate) fn samples(
        &self,
        part: &Part,
        wanted: &Wanted,
        reader: &mut SampleReader,
        mut push: impl FnMut(SeriesId, &[Nanos], &[f64]),
    ) -> Result<Vec<ReadError>, ReadError> {
        let ids = vec![IdFilter::Series(Arc::clone(&wanted.set))];
        match part {
            Part::RowGroup(index) => {
                let rows = self.read(*index, &Some(COLUMNS.to_vec()), None, ids)?;
                if let Some(rows) = &rows {
                    let (mut last, mut last_is_wanted) = (None, false);
                    let is_wanted = |id: SeriesId| {
                        if last != Some(id) {
                            (last, last_is_wanted) = (Some(id), wanted.set.contains(&id));
                        }
                        last_is_wanted
                    };
                    samples_of_rows(rows, wanted.range, is_wanted, |id, time, value| push(id, &[time], &[value]));
                }
                Ok(Vec::new())
            }
            Part::Units(units) => {
                let open = self.open()?;
                self.of_units(&open, units, || {
                    let chunks = open.chunks_of(units, &chunks::COLUMNS, ids)?;
                    Ok(reader.decoder.read(&chunks, &mut open.times()?, wanted.range, push)?)
                })
            }
        }
    }

    /// The part that row group `index`, as [`Segment::row_groups`] counts them, is.
    pub(crate) fn part(&self, index: usize) -> Part {
        match self.layout {
            Layout::Chunks => Part::Units(vec![index]),
            Layout::Rows | Layout::Wide => Part::RowGroup(index),
        }
    }

    /// Feeds times at which series that `ids` take have points in `part`, some of them outside of `range`. Of chunks, only those
    /// that `is_wanted` by series and by the place of their times, which is one and the same for the same times. Gives what is
    /// damaged besides.
    pub(crate) fn moments(
        &self,
        part: &Part,
        range: TimeRange,
        ids: Vec<IdFilter>,
        is_wanted: impl FnMut(SeriesId, u64) -> bool,
        mut push: impl FnMut(SeriesId, &[Nanos]),
    ) -> Result<Vec<ReadError>, ReadError> {
        match part {
            Part::RowGroup(index) => {
                let rows = self.read(*index, &Some(vec!["series", "time"]), None, ids)?;
                rows.iter().for_each(|rows| moments_of_rows(rows, &mut push));
                Ok(Vec::new())
            }
            Part::Units(units) => {
                let open = self.open()?;
                self.of_units(&open, units, || {
                    let chunks = open.chunks_of(units, &MOMENT_COLUMNS, ids)?;
                    Ok(chunks::moments(&chunks, &mut open.times()?, range, is_wanted, push)?)
                })
            }
        }
    }

    /// What is damaged, as errors of `units`, all or some of them.
    fn of_units(
        &self,
        open: &Open,
        units: &[usize],
        read: impl FnOnce() -> Result<Vec<Damaged>, Box<dyn std::error::Error>>,
    ) -> Result<Vec<ReadError>, ReadError> {
        let error = |error: &dyn std::fmt::Display| {
            let group = units.first().map_or(0, |index| open.groups[*index].part.0);
            self.unreadable(ReadError::new(&open.path, format!("row group {group}: {error}")))
        };
        let damage = guarded(read).map_err(|it| error(&it))?;
        Ok(damage.iter().map(|it| error(it)).collect())
    }
}

/// Feeds the times of runs of rows of one series; `rows` have the columns `series` and `time` of points.
pub(crate) fn moments_of_rows(rows: &RecordBatch, push: &mut impl FnMut(SeriesId, &[Nanos])) {
    let times = rows.column_by_name("time").and_then(|it| it.as_primitive_opt::<TimestampNanosecondType>());
    let (Some(series), Some(times)) = (series_of_rows(rows), times) else { return };
    let mut times = times.values().as_ref();
    for run in series.chunk_by(|a, b| a == b) {
        let (of_run, rest) = times.split_at(run.len());
        push(SeriesId(u128::from_be_bytes(run[0])), of_run);
        times = rest;
    }
}

/// Feeds the samples in `range` of the rows of series that are wanted, in their order; `rows` have the schema of points.
fn samples_of_rows(
    rows: &RecordBatch,
    range: TimeRange,
    mut is_wanted: impl FnMut(SeriesId) -> bool,
    mut push: impl FnMut(SeriesId, Nanos, f64),
) {
    let Some(columns) = PointColumns::of(rows) else { return };
    for (row, id) in columns.series.iter().enumerate() {
        let id = SeriesId(u128::from_be_bytes(*id));
        if is_wanted(id)
            && let Some((time, value)) = columns.sample(row, range)
        {
            push(id, time, value);
        }
    }
}

/// The columns of points that samples are made of.
pub(crate) struct PointColumns<'a> {
    pub(crate) series: &'a [[u8; 16]],
    times: &'a [Nanos],
    flags: Option<&'a [u32]>,
    doubles: Option<&'a Float64Array>,
    integers: Option<&'a Int64Array>,
    distributions: Option<&'a ArrayRef>,
    /// The values, where every row is a double and none is flagged.
    plain: Option<&'a [f64]>,
}

impl<'a> PointColumns<'a> {
    /// Those of `rows`, which have the schema of points.
    pub(crate) fn of(rows: &'a RecordBatch) -> Option<Self> {
        let column = |name: &str| rows.column_by_name(name);
        let flags: Option<&UInt32Array> = column("flags").and_then(|it| it.as_primitive_opt());
        let flags = flags.map(|it| it.values().as_ref());
        let doubles: Option<&Float64Array> = column("double_value").and_then(|it| it.as_primitive_opt());
        let is_flagged = flags.is_some_and(|it| it.iter().fold(0, |all, flags| all | flags) & NO_RECORDED_VALUE != 0);
        Some(PointColumns {
            series: series_of_rows(rows)?,
            times: column("time")?.as_primitive_opt::<TimestampNanosecondType>()?.values(),
            flags,
            doubles,
            integers: column("int_value").and_then(|it| it.as_primitive_opt()),
            distributions: column("distribution"),
            plain: doubles.filter(|it| it.null_count() == 0 && !is_flagged).map(|it| it.values().as_ref()),
        })
    }

    /// The sample that a row is. A point without a value is [`STALE`]; a distribution is no sample, nor is what is outside of `range`.
    #[inline]
    pub(crate) fn sample(&self, row: usize, range: TimeRange) -> Option<(Nanos, f64)> {
        let time = self.times[row];
        if !range.contains(time) {
            return None;
        }
        if let Some(values) = self.plain {
            return Some((time, values[row]));
        }
        let double = self.doubles.filter(|it| it.is_valid(row)).map(|it| it.value(row));
        let number = double.or_else(|| self.integers.filter(|it| it.is_valid(row)).map(|it| it.value(row) as f64));
        if number.is_none() && self.distributions.is_some_and(|it| it.is_valid(row)) {
            return None;
        }
        let is_flagged = self.flags.is_some_and(|it| it[row] & NO_RECORDED_VALUE != 0);
        Some((time, number.filter(|_| !is_flagged).unwrap_or(STALE)))
    }
}

/// The series of each of `rows`, which have the schema of points.
pub(crate) fn series_of_rows(rows: &RecordBatch) -> Option<&[[u8; 16]]> {
    let series = rows.column_by_name("series").and_then(|it| it.as_fixed_size_binary_opt());
    series.filter(|ids| ids.value_length() == 16).map(|ids| ids.value_data().as_chunks::<16>().0)
}
