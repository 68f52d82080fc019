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
        match self {
            IdFilter::Traces(wanted) => by_id(batch, "trace_id", |id| wanted.binary_search(&TraceId(id)).is_ok()),
            IdFilter::Series(wanted) => {
                by_id(batch, "series", |id| wanted.contains(&SeriesId(u128::from_be_bytes(id))))
            }
            IdFilter::Filter(filter) => filter.mask(batch),
        }
    }
}

/// Of each row, whether its id in `column` is wanted. Rows of one id mostly lie together: it is looked up once.
fn by_id(batch: &RecordBatch, column: &str, wanted: impl Fn([u8; 16]) -> bool) -> BooleanArray {
    let ids = Ids::<16>::of(batch, column);
    let mut last: Option<([u8; 16], bool)> = None;
    let mut of_row = |row| {
        let id = ids.get(row)?;
        let known = last.filter(|(last, _)| *last == id).map(|(_, is_wanted)| is_wanted);
        let is_wanted = known.unwrap_or_else(|| wanted(id));
        last = Some((id, is_wanted));
        Some(is_wanted)
    };
    (0..batch.num_rows()).map(|row| Some(of_row(row).unwrap_or(false))).collect()
}
