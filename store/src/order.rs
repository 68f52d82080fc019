//! Rows of several batches, brought into the order of their table without joining the batches first.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use arrow::error::ArrowError;
use model::Nanos;

use crate::schema::Table;

mod by_series;
mod gather;

pub(crate) use by_series::{PointsOfWindow, by_series};
pub(crate) use gather::{Gather, gather};

/// Where a row is and what it is sorted by. Rows that are otherwise equal stay in the order of their batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RowKey {
    /// The id in the first sort column of the table; 0 in tables sorted by time alone.
    pub(crate) id: u128,
    pub(crate) time: Nanos,
    pub(crate) batch: u32,
    pub(crate) row: u32,
}

/// The keys of all rows of `batch`, which has the schema of `table` and is the one numbered `number`.
pub(crate) fn keys(table: Table, number: u32, batch: &RecordBatch) -> Result<Vec<RowKey>, ArrowError> {
    let mut keys = Vec::with_capacity(batch.num_rows());
    append_keys(table, number, batch, &mut keys)?;
    Ok(keys)
}

/// Appends what [`keys`] gives to `keys`.
pub(crate) fn append_keys(
    table: Table,
    number: u32,
    batch: &RecordBatch,
    keys: &mut Vec<RowKey>,
) -> Result<(), ArrowError> {
    let missing = |name: &str| ArrowError::SchemaError(format!("no column \"{name}\" of the right type"));
    let name = table.time_column();
    let times = batch.column_by_name(name).and_then(|it| it.as_primitive_opt::<TimestampNanosecondType>());
    let times = times.ok_or_else(|| missing(name))?.values();
    let key = |(row, time): (usize, &Nanos)| RowKey { id: 0, time: *time, batch: number, row: row as u32 };
    let n_before = keys.len();
    keys.extend(times.iter().enumerate().map(key));
    let name = table.sort_columns()[0];
    if name != table.time_column() {
        let ids = batch.column_by_name(name).and_then(|it| it.as_fixed_size_binary_opt());
        let ids = ids.filter(|ids| ids.value_length() == 16).ok_or_else(|| missing(name))?;
        let ids = ids.value_data().as_chunks::<16>().0;
        keys[n_before..].iter_mut().zip(ids).for_each(|(key, id)| key.id = u128::from_be_bytes(*id));
    }
    Ok(())
}
