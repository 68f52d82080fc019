//! Merges segments of spans or logs: row groups that follow one another in time.
//!
//! Row groups are read in the order of their first time. Once no unread one can hold an older row, the oldest rows in memory
//! are written as a row group. If that would take too much memory, they are written anyway: row groups then overlap in time,
//! which costs a query a look into one more.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;

use super::held::Held;
use super::output::{MergeError, Output};
use crate::chunk::Ids;
use crate::order::{RowKey, gather};
use crate::schema::Table;
use crate::segment::Segment;

/// A row group in memory takes no more than this; rows may be large.
const BYTES: usize = 48 << 20;

#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Rows to a row group.
    pub(super) rows: usize,
    /// Bytes of memory for rows that wait for others.
    pub(super) budget: usize,
}

/// Writes the rows of `inputs`, which are in the order of storing, to `output`.
pub(super) fn merge(
    table: Table,
    inputs: &[Arc<Segment>],
    limits: Limits,
    output: &mut Output<'_>,
) -> Result<(), MergeError> {
    let mut unread = Vec::new();
    for (age, input) in inputs.iter().enumerate() {
        let groups = input.row_groups().map_err(|error| MergeError::Input(input.id(), error))?;
        unread.extend(groups.iter().enumerate().map(|(index, group)| (group.min_time, age, index)));
    }
    unread.sort_unstable();
    let mut unread = VecDeque::from(unread);
    let mut held = Held::new(table);
    let mut rows: Vec<RowKey> = Vec::new();
    loop {
        let ready = match unread.front() {
            Some((min_time, ..)) => rows.partition_point(|row| row.time < *min_time),
            None => rows.len(),
        };
        let wanted = held.rows_within(BYTES.min(limits.budget / 2), limits.rows);
        let is_last = unread.is_empty() && rows.len() < wanted + wanted / 4; // no tiny row group at the end
        if is_last && !rows.is_empty() {
            let count = rows.len();
            write_slice(table, &mut held, &mut rows, count, output)?;
        } else if ready >= wanted {
            let count = whole_moment(&rows[..ready], wanted);
            write_slice(table, &mut held, &mut rows, count, output)?;
        } else if held.bytes() > limits.budget && !rows.is_empty() {
            let count = rows.len().min(wanted);
            write_slice(table, &mut held, &mut rows, count, output)?;
        } else if let Some((_, age, index)) = unread.pop_front() {
            let input = &inputs[age];
            let batch = input.read(index, &None, None, Vec::new());
            let Some(batch) = batch.map_err(|error| MergeError::Input(input.id(), error))? else { continue };
            rows.extend(held.add(batch, age as u32)?);
            rows.sort_by_key(|row| (row.time, held.age(row)));
        } else {
            return Ok(());
        }
    }
}

/// `count` rows of `ready` or a few more, so that rows of one time stay together: a span and its duplicate.
fn whole_moment(ready: &[RowKey], count: usize) -> usize {
    let time = ready[count - 1].time;
    let more = ready[count..].iter().take(count).take_while(|row| row.time == time).count();
    count + more
}

/// Writes the first `count` of `rows` as a row group.
fn write_slice(
    table: Table,
    held: &mut Held,
    rows: &mut Vec<RowKey>,
    count: usize,
    output: &mut Output<'_>,
) -> Result<(), MergeError> {
    let taken: Vec<RowKey> = rows.drain(..count).collect();
    let written = if table == Table::Spans {
        let mut slice = taken.clone();
        slice.sort_unstable_by_key(|row| (row.id, row.time, held.age(row)));
        let unique = without_duplicates(held, slice);
        output.duplicates += (taken.len() - unique.len()) as u64;
        gather(held.batches(), &unique)?
    } else {
        gather(held.batches(), &taken)?
    };
    output.write(&written)?;
    held.let_go(&taken);
    Ok(())
}

/// `slice`, sorted by trace, time and storing, without spans that came again later: the last one stays.
fn without_duplicates(held: &Held, slice: Vec<RowKey>) -> Vec<RowKey> {
    let ids: Vec<Ids<8>> = held.batches().iter().map(|batch| Ids::of(batch, "span_id")).collect();
    let span_id = |row: &RowKey| ids[row.batch as usize].get(row.row as usize);
    let mut unique = Vec::with_capacity(slice.len());
    for moment in slice.chunk_by(|a, b| (a.id, a.time) == (b.id, b.time)) {
        match moment {
            [row] => unique.push(*row),
            rows => {
                let last: HashMap<_, usize> = rows.iter().enumerate().map(|(i, row)| (span_id(row), i)).collect();
                unique
                    .extend(rows.iter().enumerate().filter(|(i, row)| last[&span_id(row)] == *i).map(|(_, row)| *row));
            }
        }
    }
    unique
}
