//! The series that a flush has to describe: those of its points, unless a segment describes them for that window already.
//!
//! What is written of a series are its identity and the bounds of the windows that have points of it, not the times of its
//! points: so one row for each window is true for every flush that follows in it, and a hundred thousand series that report
//! every second are written once in two hours.

use std::sync::Arc;

use arrow::array::RecordBatch;
use hashbrown::HashMap;
use model::{Nanos, SeriesId};

use super::WINDOW;
use crate::chunk::PointChunk;
use crate::memtable::Memtable;
use crate::rows::SeriesRows;
use crate::schema::Table;
use crate::series::StoredSeries;
use crate::view::Shared;

/// Series to be described, with the first and the last window that has points of them.
pub(super) struct Undescribed(Vec<(Arc<StoredSeries>, i64, i64)>);

impl Shared {
    /// Of the series of the points and exemplars in `rows`, those that no segment describes for their windows.
    pub(super) fn undescribed(&self, rows: &Memtable) -> Undescribed {
        let mut windows: HashMap<SeriesId, (i64, i64)> = HashMap::new();
        let chunks = rows.chunks[Table::Points as usize].iter().chain(&rows.chunks[Table::Exemplars as usize]);
        for chunk in chunks {
            let points = PointChunk::from(chunk.batch.clone());
            for row in 0..points.len() {
                let window = points.time(row).div_euclid(WINDOW);
                let (first, last) = windows.entry(points.series(row)).or_insert((window, window));
                *first = window.min(*first);
                *last = window.max(*last);
            }
        }
        let known = windows.into_iter().filter_map(|(id, (first, last))| Some((self.series.get(id)?, first, last)));
        Undescribed(known.filter(|(series, first, last)| first != last || !series.is_described_for(*last)).collect())
    }
}

impl Undescribed {
    /// Their rows; `None` without any.
    pub(super) fn batch(&self) -> Option<RecordBatch> {
        let mut rows = SeriesRows::default();
        let mut times: HashMap<SeriesId, (Nanos, Nanos)> = HashMap::with_capacity(self.0.len());
        for (series, first, last) in &self.0 {
            rows.push(series.id, &series.as_series());
            times.insert(series.id, (first.saturating_mul(WINDOW), (last + 1).saturating_mul(WINDOW) - 1));
        }
        (!self.0.is_empty()).then(|| rows.finish(|id| times.get(&id).copied().unwrap_or_default()))
    }

    /// The segments of their rows are published.
    pub(super) fn are_described(&self) {
        self.0.iter().for_each(|(series, _, last)| series.set_described_for(*last));
    }
}
