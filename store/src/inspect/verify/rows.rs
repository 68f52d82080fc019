//! The rows of a segment: that they can be read, and are what the footer and the manifest say.

use std::path::Path;

use arrow::array::{Array, RecordBatch};
use model::TraceId;

use super::{Report, SeriesIds};
use crate::chunk::{Ids, SeriesChunk, Times};
use crate::order;
use crate::schema::Table;
use crate::segment::{RowGroup, Segment};

/// Reads all rows of `segment`, which are `expected` if that is known.
pub(super) fn check(segment: &Segment, expected: Option<u64>, series: &mut SeriesIds, report: &mut Report) {
    let path = segment.path();
    let groups = match segment.row_groups() {
        Ok(groups) => groups,
        Err(error) => return report.wrong(error.path, error.message),
    };
    let (mut rows, mut all_read) = (0, true);
    for (index, group) in groups.iter().enumerate() {
        match segment.read(index, &None, None, Vec::new()) {
            Ok(batch) => {
                let Some(batch) = batch else { continue };
                rows += batch.num_rows() as u64;
                let mut wrong = |message: String| report.wrong(path.clone(), format!("row group {index}: {message}"));
                check_group(segment, (index, group), &batch, &mut wrong);
                note_series(segment.table(), &batch, &path, series, &mut wrong);
                if let Err(error) = segment.check(index) {
                    report.wrong(error.path, error.message);
                }
            }
            Err(error) => {
                all_read = false;
                let (first, last) = (group.min_time, group.max_time);
                report.wrong(
                    error.path,
                    format!(
                        "{}; its rows, from {first} to {last} in nanoseconds since the epoch, are in no answer",
                        error.message
                    ),
                );
            }
        }
    }
    report.rows += rows;
    if let Some(expected) = expected.filter(|expected| all_read && rows != *expected) {
        report.wrong(path, format!("has {rows} rows, the manifest says {expected}"));
    }
}

/// Checks what look-ups rely on: order, and bounds that hold every row.
fn check_group(
    segment: &Segment,
    (index, group): (usize, &RowGroup),
    batch: &RecordBatch,
    wrong: &mut impl FnMut(String),
) {
    let table = segment.table();
    let (first, last) = (Times::of(batch, table.time_column()), Times::of(batch, table.last_time_column()));
    let bounds = [("row group's", (group.min_time, group.max_time)), ("segment's", segment.times())];
    for (whose, (min, max)) in bounds {
        if let Some(row) = (0..batch.num_rows()).find(|row| first.get(*row) < min || last.get(*row) > max) {
            let (first, last) = (first.get(row), last.get(row));
            wrong(format!("row {row} has times {first} to {last}, the {whose} are {min} to {max}"));
        }
    }
    match order::keys(table, 0, batch) {
        Ok(keys) if keys.is_sorted_by_key(|key| (key.id, key.time)) => {}
        Ok(_) => wrong("rows are not in order".to_owned()),
        Err(error) => wrong(error.to_string()),
    }
    let nulls = |name: &str| batch.column_by_name(name).is_some_and(|column| column.null_count() > 0);
    for field in table.schema().fields().iter().filter(|field| !field.is_nullable() && nulls(field.name())) {
        wrong(format!("column {} has rows without a value", field.name()));
    }
    if table.has_trace_id() {
        let ids = Ids::<16>::of(batch, "trace_id");
        let wrongly = |may_hold: &dyn Fn(&[TraceId]) -> bool| {
            (0..batch.num_rows()).filter_map(|row| ids.get(row).map(TraceId)).find(|id| !may_hold(&[*id]))
        };
        if let Some(id) = wrongly(&|ids| group.may_hold_trace(ids)) {
            wrong(format!("trace {id} is outside the bounds in the footer"));
        }
        if let Some(id) = wrongly(&|ids| segment.group_may_hold_trace(index, ids)) {
            wrong(format!("trace {id} is not in the bloom filter"));
        }
    }
}

fn note_series(table: Table, batch: &RecordBatch, path: &Path, series: &mut SeriesIds, wrong: &mut impl FnMut(String)) {
    match table {
        Table::Points | Table::Exemplars => {
            let ids = Ids::<16>::of(batch, "series");
            for id in (0..batch.num_rows()).filter_map(|row| ids.get(row)) {
                series.mentioned.entry(id).or_insert_with(|| path.to_owned());
            }
        }
        Table::Series => {
            let chunk = SeriesChunk::from(batch.clone());
            for row in 0..chunk.len() {
                let id = chunk.id(row);
                series.described.insert(id.0.to_be_bytes());
                match chunk.row(row) {
                    Some(it) if it.id() == id || it.id_of_format_1() == id => {}
                    Some(it) => {
                        let (id, is) = (id.0, it.id().0);
                        wrong(format!("row {row} describes series {is:032x} and says it is {id:032x}"));
                    }
                    None => wrong(format!("row {row} has a kind of metric that is not known")),
                }
            }
        }
        Table::Spans | Table::Logs => {}
    }
}
