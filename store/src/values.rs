//! Counting the values of an attribute without putting rows together: where it has a column of its own, by that.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use hashbrown::HashMap;
use model::{Attrs, TimeRange, Value};

use crate::chunk::Times;
use crate::error::ReadError;
use crate::layout::Layout;
use crate::schema::Table;
use crate::segment::Segment;
use crate::snapshot::Snapshot;

/// Rows that are counted by columns, and those that are looked at one by one: of more, a part is counted for all.
const MAX_BY_COLUMN: u64 = 16 << 20;
const MAX_ONE_BY_ONE: u64 = 64 << 10;
/// Values told apart.
const MAX_VALUES: usize = 10_000;

/// Which values to count.
pub struct ValueCount<'a> {
    pub range: TimeRange,
    /// Of the rows' own attributes.
    pub key: &'a str,
    /// Of the string form; others are left out.
    pub wanted: &'a dyn Fn(&str) -> bool,
}

/// A count in progress.
pub struct ValueCounter<'a> {
    table: Table,
    count: ValueCount<'a>,
    units: VecDeque<Unit>,
    /// Of rows that are counted by columns, of those in segments without, and of those in memory.
    parts: [Part; 3],
}

/// Rows of one kind.
#[derive(Default)]
struct Part {
    /// Rows there are, and rows counted.
    n_rows: u64,
    n_counted: u64,
    values: HashMap<(String, &'static str), u64>,
}

enum Unit {
    Group { segment: Arc<Segment>, index: usize, inside: bool },
    Memory { batch: RecordBatch, every: usize },
}

const COLUMNS: usize = 0;
const ROWS: usize = 1;
const MEMORY: usize = 2;

/// A value with how many rows have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedValue {
    /// Its string form.
    pub text: String,
    /// As [`Value::type_name`] says it.
    pub type_name: &'static str,
    pub n_rows: u64,
}

impl Snapshot {
    /// A count of spans or log records by the value of an attribute, for the caller to take on step by step. An error names a
    /// segment that could not be opened; the others are counted all the same.
    pub fn count_values<'a>(&self, table: Table, count: ValueCount<'a>) -> (ValueCounter<'a>, Vec<ReadError>) {
        let range = count.range;
        let mut groups: [Vec<(Unit, u64)>; 2] = Default::default();
        let mut errors = Vec::new();
        let segments = self.segments.iter().filter(|segment| segment.table() == table);
        for segment in segments.filter(|segment| range.overlaps(segment.times().0, segment.times().1)) {
            let part = if segment.layout() == Layout::Wide { COLUMNS } else { ROWS };
            match segment.row_groups() {
                Ok(of_segment) => {
                    for (index, group) in of_segment.iter().enumerate() {
                        if range.overlaps(group.min_time, group.max_time) {
                            let inside = range.contains(group.min_time) && range.contains(group.max_time);
                            let unit = Unit::Group { segment: Arc::clone(segment), index, inside };
                            groups[part].push((unit, group.n_rows()));
                        }
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        let mut parts: [Part; 3] = Default::default();
        let mut units = VecDeque::new();
        for (part, groups) in groups.into_iter().enumerate() {
            let n_rows: u64 = groups.iter().map(|(_, n_rows)| n_rows).sum();
            parts[part].n_rows = n_rows;
            let most = if part == COLUMNS { MAX_BY_COLUMN } else { MAX_ONE_BY_ONE };
            // From all of the range: every so many.
            let every = usize::try_from(n_rows.div_ceil(most)).unwrap_or(usize::MAX).max(1);
            units.extend(groups.into_iter().step_by(every).map(|(unit, _)| unit));
        }
        let memory = self.memory[table as usize].iter().filter(|it| range.overlaps(it.min_time, it.max_time));
        let batches: Vec<RecordBatch> = memory.map(|it| it.batch.clone()).collect();
        let n_rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        parts[MEMORY].n_rows = n_rows as u64;
        let every = n_rows.div_ceil(MAX_ONE_BY_ONE as usize).max(1);
        units.extend(batches.into_iter().map(|batch| Unit::Memory { batch, every }));
        (ValueCounter { table, count, units, parts }, errors)
    }
}

impl ValueCounter<'_> {
    /// Counts some more: a row group, or a chunk in memory. `None` when there is nothing left. What cannot be read comes out as
    /// an error, and the count can go on.
    pub fn step(&mut self) -> Option<Result<(), ReadError>> {
        let ValueCounter { table, count, parts, .. } = self;
        let column = table.time_column();
        match self.units.pop_front()? {
            Unit::Memory { batch, every } => {
                parts[MEMORY].add_rows(&batch, column, count, every);
                Some(Ok(()))
            }
            Unit::Group { segment, index, .. } if segment.layout() != Layout::Wide => {
                let batch = segment.read(index, &Some(vec!["attributes", column]), None, Vec::new());
                Some(batch.map(|batch| {
                    if let Some(batch) = batch {
                        parts[ROWS].add_rows(&batch, column, count, 1);
                    }
                }))
            }
            Unit::Group { segment, index, inside } => {
                let within = (!inside).then_some((column, count.range));
                let part = &mut parts[COLUMNS];
                let values = &mut part.values;
                let n_rows = segment.count_values(index, count.key, within, &mut |value, n| {
                    add(values, count.wanted, &value, n);
                });
                Some(n_rows.map(|n_rows| {
                    part.n_counted += n_rows;
                    // Rows outside the range are none of it.
                    part.n_rows -= segment.n_rows_of(index).unwrap_or(n_rows).saturating_sub(n_rows).min(part.n_rows);
                }))
            }
        }
    }

    /// The values, most rows first, and whether the numbers are exact: otherwise those of the rows that were counted stand
    /// for all.
    pub fn finish(self) -> (Vec<CountedValue>, bool) {
        let exact = self.units.is_empty() && self.parts.iter().all(|part| part.n_counted == part.n_rows);
        let mut all: HashMap<(String, &'static str), u64> = HashMap::new();
        for part in self.parts {
            let scale = part.n_rows as f64 / part.n_counted.max(1) as f64;
            for (value, n) in part.values {
                *all.entry(value).or_default() += (n as f64 * scale).round() as u64;
            }
        }
        let counted = |((text, type_name), n_rows)| CountedValue { text, type_name, n_rows };
        let mut values: Vec<CountedValue> = all.into_iter().map(counted).collect();
        values.sort_by(|a, b| b.n_rows.cmp(&a.n_rows).then_with(|| a.text.cmp(&b.text)));
        (values, exact)
    }
}

impl Part {
    /// Counts one of `every` rows that are in the range.
    fn add_rows(&mut self, batch: &RecordBatch, time_column: &str, count: &ValueCount<'_>, every: usize) {
        let times = Times::of(batch, time_column);
        let Some(sets) = batch.column_by_name("attributes").and_then(|it| it.as_binary_opt::<i32>()) else { return };
        let (mut n_seen, mut n_inside) = (0u64, 0u64);
        for row in (0..batch.num_rows()).step_by(every) {
            n_seen += 1;
            if !count.range.contains(times.get(row)) {
                continue;
            }
            n_inside += 1;
            if let Some(value) = Attrs::new(sets.value(row)).get(count.key) {
                add(&mut self.values, count.wanted, &value, 1);
            }
        }
        self.n_counted += n_inside;
        let n_rows = batch.num_rows() as u64;
        // As many of all rows are outside as of those that were seen.
        let outside = ((n_seen - n_inside) as f64 * n_rows as f64 / n_seen.max(1) as f64).round() as u64;
        self.n_rows -= outside.min(self.n_rows);
    }
}

fn add(
    values: &mut HashMap<(String, &'static str), u64>,
    wanted: &dyn Fn(&str) -> bool,
    value: &Value<'_>,
    n_rows: u64,
) {
    let (text, type_name) = (value.to_string(), value.type_name());
    if wanted(&text) && (values.len() < MAX_VALUES || values.contains_key(&(text.clone(), type_name))) {
        *values.entry((text, type_name)).or_default() += n_rows;
    }
}
