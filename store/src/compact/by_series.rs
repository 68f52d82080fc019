//! Merges segments of points, exemplars or series, each sorted by series and time: a row group of each is in memory.
//!
//! What is before the last row of every input that has more to read is complete, and is written: the rows of a series end
//! up together, in one row group unless they are very many.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampNanosecondArray};
use arrow::error::ArrowError;
use hashbrown::HashMap;
use model::Nanos;

use super::held::Held;
use super::output::{MergeError, Output};
use crate::chunk::Times;
use crate::order::{RowKey, gather};
use crate::schema::Table;
use crate::segment::Segment;
use crate::unique::{Key, Keys, key_columns};

/// A row group in memory takes no more than this; histograms may be large.
const BYTES: usize = 32 << 20;
/// A series with more rows than this many row groups take is divided.
const MAX_GROUPS_OF_ONE_SERIES: usize = 4;

/// An input, read in the order of its rows.
struct Cursor<'a> {
    segment: &'a Segment,
    age: u32,
    unread: VecDeque<usize>,
    /// Of rows in memory that are not ready, in order.
    rows: VecDeque<RowKey>,
}

impl Cursor<'_> {
    /// Where the unread rows begin; `None` when there are none.
    fn bound(&self) -> Option<(u128, Nanos)> {
        if self.unread.is_empty() { None } else { self.rows.back().map(|row| (row.id, row.time)) }
    }

    /// Reads row groups until one has rows.
    fn read(&mut self, held: &mut Held) -> Result<(), MergeError> {
        while let Some(index) = self.unread.pop_front() {
            let batch = self.segment.read(index, &None, None, Vec::new());
            let Some(batch) = batch.map_err(|error| MergeError::Input(self.segment.id(), error))? else { continue };
            let mut rows = held.add(batch, self.age)?;
            rows.sort_by_key(|row| (row.id, row.time)); // sorted already, unless a sender of old wrote it otherwise
            let any = !rows.is_empty();
            self.rows.extend(rows);
            if any {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Writes the rows of `inputs`, which are in the order of storing, to `output`: about `group_rows` to a row group.
pub(super) fn merge(
    table: Table,
    inputs: &[Arc<Segment>],
    group_rows: usize,
    output: &mut Output<'_>,
) -> Result<(), MergeError> {
    let mut held = Held::new(table);
    let mut cursors = Vec::with_capacity(inputs.len());
    for (age, segment) in inputs.iter().enumerate() {
        let groups = segment.row_groups().map_err(|error| MergeError::Input(segment.id(), error))?;
        let unread = (0..groups.len()).collect();
        let mut cursor = Cursor { segment, age: age as u32, unread, rows: VecDeque::new() };
        cursor.read(&mut held)?;
        cursors.push(cursor);
    }
    let mut ready: Vec<RowKey> = Vec::new();
    loop {
        let bound = cursors.iter().filter_map(Cursor::bound).min();
        let first = ready.len();
        let before = |row: &RowKey| bound.is_none_or(|bound| (row.id, row.time) < bound);
        take(&mut cursors, &mut ready, before);
        if ready.len() == first && bound.is_some() {
            // A whole row group of one moment.
            take(&mut cursors, &mut ready, |row| bound.is_none_or(|bound| (row.id, row.time) <= bound));
        }
        // The last moment from before may go on.
        let moment = ready[..first].last().map(|last| (last.id, last.time));
        let first = moment.map_or(0, |last| ready[..first].partition_point(|row| (row.id, row.time) < last));
        ready[first..].sort_by_key(|row| (row.id, row.time, held.age(row)));
        drop_repeated(table, &mut held, &mut ready, first, output);
        let wanted = held.rows_within(BYTES, group_rows);
        write_ready(table, &mut held, &mut ready, bound.is_none(), wanted, output)?;
        let Some(bound) = bound else { return Ok(()) };
        for cursor in cursors.iter_mut().filter(|cursor| !cursor.unread.is_empty()) {
            if cursor.rows.back().is_none_or(|row| (row.id, row.time) <= bound) {
                cursor.read(&mut held)?;
            }
        }
    }
}

/// Moves the rows at the front of each cursor that are `wanted`.
fn take(cursors: &mut [Cursor<'_>], ready: &mut Vec<RowKey>, wanted: impl Fn(&RowKey) -> bool) {
    for cursor in cursors {
        let count = cursor.rows.partition_point(&wanted);
        ready.extend(cursor.rows.drain(..count));
    }
}

/// Writes row groups of about `wanted` of the rows in `ready`. The last series stays, since it may go on, unless `all` is there.
fn write_ready(
    table: Table,
    held: &mut Held,
    ready: &mut Vec<RowKey>,
    all: bool,
    wanted: usize,
    output: &mut Output<'_>,
) -> Result<(), MergeError> {
    let mut written = 0;
    loop {
        let rows = &ready[written..];
        let last_series = rows.last().map_or(0, |last| rows.partition_point(|row| row.id < last.id));
        let end = if all { rows.len() } else { last_series };
        let next_series = |row: usize| row + rows[row..end].partition_point(|it| it.id == rows[row].id);
        let count = match end.checked_sub(wanted) {
            _ if rows.is_empty() => break,
            // So little would be left that it goes along.
            Some(left) if all && left < wanted / 4 => end,
            Some(_) => match next_series(wanted - 1) {
                whole if whole <= wanted * MAX_GROUPS_OF_ONE_SERIES => whole,
                _ => wanted,
            },
            None if all => end,
            // But for the last moment, which may go on as well.
            None if rows.len() - last_series >= wanted * MAX_GROUPS_OF_ONE_SERIES => {
                let moment = rows.last().map(|last| (last.id, last.time));
                match rows.partition_point(|row| Some((row.id, row.time)) < moment) {
                    0 => rows.len(),
                    before => before,
                }
            }
            None => break,
        };
        let slice = &rows[..count];
        write_group(table, held, slice, output)?;
        held.let_go(slice);
        written += count;
    }
    ready.drain(..written);
    Ok(())
}

fn write_group(table: Table, held: &Held, rows: &[RowKey], output: &mut Output<'_>) -> Result<(), MergeError> {
    let batch = match table {
        Table::Series => one_of_each_series(held, rows)?,
        _ => gather(held.batches(), rows)?,
    };
    output.duplicates += (rows.len() - batch.num_rows()) as u64;
    output.write(&batch)
}

/// Takes out of `ready`, from row `first` on, where rows are sorted by series, time and storing, points and exemplars that
/// were stored again later.
fn drop_repeated(table: Table, held: &mut Held, ready: &mut Vec<RowKey>, first: usize, output: &mut Output<'_>) {
    let no_moment_repeats = ready[first..].is_sorted_by(|a, b| (a.id, a.time) < (b.id, b.time));
    if no_moment_repeats || key_columns(table).is_empty() {
        return;
    }
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for moment in ready[first..].chunk_by(|a, b| (a.id, a.time) == (b.id, b.time)) {
        match moment {
            [one] => kept.push(*one),
            [earlier @ .., last] if table == Table::Points => {
                let other = earlier.iter().filter(|row| !is_same_point(held.batches(), row, last));
                output.conflicts += other.count() as u64;
                dropped.extend_from_slice(earlier);
                kept.push(*last);
            }
            rows => {
                let key = |row: &RowKey| Keys::of(table, &held.batches()[row.batch as usize]).get(row.row as usize);
                let keys: Vec<Key> = rows.iter().map(key).collect();
                let last: HashMap<Key, usize> = keys.iter().copied().zip(0..).collect();
                for (at, (row, key)) in rows.iter().zip(&keys).enumerate() {
                    if last[key] == at { kept.push(*row) } else { dropped.push(*row) }
                }
            }
        }
    }
    output.duplicates += dropped.len() as u64;
    held.let_go(&dropped);
    ready.truncate(first);
    ready.append(&mut kept);
}

/// Whether two rows have the same value, bit by bit.
fn is_same_point(batches: &[RecordBatch], a: &RowKey, b: &RowKey) -> bool {
    ["double_value", "int_value", "distribution"].into_iter().all(|name| {
        let value = |key: &RowKey| {
            let column = batches[key.batch as usize].column_by_name(name);
            column.map(|column| column.slice(key.row as usize, 1))
        };
        value(a) == value(b)
    })
}

/// The row of each series that was stored last, with the first and the last time of all its rows.
fn one_of_each_series(held: &Held, rows: &[RowKey]) -> Result<RecordBatch, ArrowError> {
    let last_times: Vec<Times> = held.batches().iter().map(|batch| Times::of(batch, "last_time")).collect();
    let (mut unique, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for series in rows.chunk_by(|a, b| a.id == b.id) {
        unique.extend(series.iter().max_by_key(|row| held.age(row)));
        first.extend(series.iter().map(|row| row.time).min());
        last.extend(series.iter().map(|row| last_times[row.batch as usize].get(row.row as usize)).max());
    }
    let batch = gather(held.batches(), &unique)?;
    let schema = batch.schema();
    let mut columns = batch.columns().to_vec();
    for (name, times) in [("time", first), ("last_time", last)] {
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"));
        columns[schema.index_of(name)?] = times;
    }
    RecordBatch::try_new(schema, columns)
}
