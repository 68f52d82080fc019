//! The series that a flush has to describe: those of its points, unless a segment describes them for that window already.
//!
//! What is written of a series are its identity and the bounds of the windows that have points of it, not the times of its
//! points: so one row for each window is true for every flush that follows in it, and a hundred thousand series that report
//! every second are written once in two hours.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use hashbrown::HashMap;
use model::{Nanos, SeriesId};

use super::{WINDOW, window_bounds};
use crate::rows::SeriesRows;
use crate::series::{SeriesIndex, StoredSeries};

/// Series to be described, with the first and the last window that has points of them.
#[derive(Default)]
pub(super) struct Undescribed {
    /// Of each segment of points or exemplars, by id.
    mentioned: Vec<(SeriesId, i64, i64)>,
    series: Vec<(Arc<StoredSeries>, i64, i64)>,
}

impl Undescribed {
    /// Adds the series of `rows`: points or exemplars, sorted by series and time.
    pub(super) fn mention(&mut self, rows: &RecordBatch) {
        let ids = rows.column_by_name("series").and_then(|ids| ids.as_fixed_size_binary_opt());
        let times = rows.column_by_name("time").and_then(|it| it.as_primitive_opt::<TimestampNanosecondType>());
        let (Some(ids), Some(times)) = (ids, times) else { return };
        let mut start = 0;
        for of_series in ids.value_data().as_chunks::<16>().0.chunk_by(|a, b| a == b) {
            let last = start + of_series.len() - 1;
            let window = |row: usize| times.value(row).div_euclid(WINDOW);
            self.mentioned.push((SeriesId(u128::from_be_bytes(of_series[0])), window(start), window(last)));
            start = last + 1;
        }
    }

    /// The rows of those that were mentioned and that no segment describes for their windows; `None` without any.
    pub(super) fn batch(&mut self, index: &SeriesIndex) -> Option<RecordBatch> {
        let mut mentioned = std::mem::take(&mut self.mentioned);
        mentioned.sort(); // runs of what is sorted, most often one
        mentioned.dedup_by(|next, before| {
            let same = next.0 == before.0;
            if same {
                before.2 = before.2.max(next.2);
            }
            same
        });
        self.series = index.undescribed(&mentioned);
        let mut rows = SeriesRows::default();
        let mut times: HashMap<SeriesId, (Nanos, Nanos)> = HashMap::with_capacity(self.series.len());
        for (series, first, last) in &self.series {
            rows.push(series.id, &series.as_series());
            times.insert(series.id, (window_bounds(*first).0, window_bounds(*last).1));
        }
        (!self.series.is_empty()).then(|| rows.finish(|id| times.get(&id).copied().unwrap_or_default()))
    }

    /// The segments of their rows are published.
    pub(super) fn are_described(&self) {
        self.series.iter().for_each(|(series, _, last)| series.set_described_for(*last));
    }
}
