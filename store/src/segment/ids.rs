//! What a scan keeps: the rows of certain traces or series, and those that satisfy a filter.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use hashbrown::HashSet;
use model::{SeriesId, TraceId};

use crate::chunk::Ids;
use crate::filter::Filter;

/// Rows to keep.
#[derive(Clone)]
pub(crate) enum IdFilter {
    /// In ascending order.
    Traces(Arc<[TraceId]>),
    Series(Arc<HashSet<SeriesId>>),
    Filter(Arc<Filter>),
}

impl IdFilter {
    /// The columns that it looks at.
    pub(crate) fn columns(&self) -> Vec<&'static str> {
        match self {
            IdFilter::Traces(_) => vec!["trace_id"],
            IdFilter::Series(_) => vec!["series"],
            IdFilter::Filter(filter) => filter.columns(),
        }
    }

    /// Of each row of `batch`, whether it is one to keep.
    pub(crate) fn mask(&self, batch: &RecordBatch) -> BooleanArray {
        let by_id = |column: &str, wanted: &dyn Fn([u8; 16]) -> bool| {
            let ids = Ids::<16>::of(batch, column);
            (0..batch.num_rows()).map(|row| Some(ids.get(row).is_some_and(wanted))).collect()
        };
        match self {
            IdFilter::Traces(wanted) => by_id("trace_id", &|id| wanted.binary_search(&TraceId(id)).is_ok()),
            IdFilter::Series(wanted) => by_id("series", &|id| wanted.contains(&SeriesId(u128::from_be_bytes(id)))),
            IdFilter::Filter(filter) => filter.mask(batch),
        }
    }
}
