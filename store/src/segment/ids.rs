//! Keeps the rows of certain traces or series.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use hashbrown::HashSet;
use model::{SeriesId, TraceId};

use crate::chunk::Ids;

/// The ids to keep, of 16 bytes.
#[derive(Clone)]
pub(crate) enum IdFilter {
    /// In ascending order.
    Traces(Arc<[TraceId]>),
    Series(Arc<HashSet<SeriesId>>),
}

impl IdFilter {
    pub(crate) fn column(&self) -> &'static str {
        match self {
            IdFilter::Traces(_) => "trace_id",
            IdFilter::Series(_) => "series",
        }
    }

    /// Of each row of `batch`, whether its id is one of them.
    pub(crate) fn mask(&self, batch: &RecordBatch) -> BooleanArray {
        let ids = Ids::<16>::of(batch, self.column());
        let keep = |row: usize| {
            ids.get(row).is_some_and(|id| match self {
                IdFilter::Traces(wanted) => wanted.binary_search(&TraceId(id)).is_ok(),
                IdFilter::Series(wanted) => wanted.contains(&SeriesId(u128::from_be_bytes(id))),
            })
        };
        (0..batch.num_rows()).map(|row| Some(keep(row))).collect()
    }
}
