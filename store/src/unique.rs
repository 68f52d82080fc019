//! Points and exemplars that were stored again: which rows are the same, and which of them counts.
//!
//! A retry in other bytes, of another encoding or batch, repeats them. There is one rule at every stage: of the points of a
//! series at one time the one that was stored last counts, of exemplars that are equal in all they say one does. Scans and
//! compaction ask here; [`crate::samples`] keeps the same rule while it joins what it reads.

use arrow::array::RecordBatch;
use model::Nanos;
use model::metric::canonical;
use xxhash_rust::xxh3::xxh3_64;

use crate::chunk::{ExemplarChunk, Ids, Times};
use crate::schema::Table;

/// What rows that are the same have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) series: u128,
    pub(crate) time: Nanos,
    /// Of an exemplar a hash of what else it says, of a point 0.
    pub(crate) content: u64,
}

/// The columns that keys are made of; none of a table whose rows are never the same.
pub(crate) fn key_columns(table: Table) -> &'static [&'static str] {
    match table {
        Table::Points => &["series", "time"],
        Table::Exemplars => &["series", "time", "value", "trace_id", "span_id", "attributes"],
        Table::Spans | Table::Logs | Table::Series => &[],
    }
}

/// The keys of a batch, which has the [`key_columns`] of its table.
pub(crate) struct Keys {
    series: Ids<16>,
    times: Times,
    exemplars: Option<ExemplarChunk>,
}

impl Keys {
    pub(crate) fn of(table: Table, rows: &RecordBatch) -> Self {
        Keys {
            series: Ids::of(rows, "series"),
            times: Times::of(rows, table.time_column()),
            exemplars: (table == Table::Exemplars).then(|| ExemplarChunk::from(rows.clone())),
        }
    }

    pub(crate) fn get(&self, row: usize) -> Key {
        Key {
            series: self.series.get(row).map_or(0, u128::from_be_bytes),
            time: self.times.get(row),
            content: self.exemplars.as_ref().map_or(0, |exemplars| content_of(exemplars, row)),
        }
    }
}

/// Attributes count by what they say, not by their order: a sender of JSON may write them in another one.
fn content_of(exemplars: &ExemplarChunk, row: usize) -> u64 {
    let exemplar = exemplars.row(row);
    let mut content = Vec::new();
    canonical(exemplar.attrs, &mut content);
    content.extend_from_slice(&exemplar.value.to_bits().to_le_bytes());
    content.extend_from_slice(&exemplar.trace_id.map_or([0; 16], |id| id.0));
    content.extend_from_slice(&exemplar.span_id.map_or([0; 8], |id| id.0));
    xxh3_64(&content)
}
