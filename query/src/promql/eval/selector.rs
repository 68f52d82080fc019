//! Instant selectors: of each series the latest sample at each step, unless it is too old or the series has ended.

use std::sync::Arc;

use super::super::error::PromqlError;
use super::super::matrix::{Cells, Grid, Row};
use super::super::plan::Selector;
use super::super::value::{Millis, SeriesData, is_stale};
use super::{Evaluator, row_if_any};

/// Where a sample of a series is.
enum Latest {
    Float(usize),
    Histogram(usize),
}

impl Evaluator<'_> {
    pub(super) fn instant_rows(&self, selector: &Selector, grid: Grid) -> Result<Vec<Row>, PromqlError> {
        self.latest_rows(selector, grid, |series, step, latest, cells| match latest {
            Latest::Float(index) => cells.set_float(step, series.floats[index]),
            Latest::Histogram(index) => cells.set_histogram(step, Arc::clone(&series.histograms[index])),
        })
    }

    /// The times, in seconds, of the samples that [`Self::instant_rows`] would give.
    pub(super) fn sample_times(&self, selector: &Selector, grid: Grid) -> Result<Vec<Row>, PromqlError> {
        let mut rows = self.latest_rows(selector, grid, |series, step, latest, cells| {
            let time = match latest {
                Latest::Float(index) => series.times[index],
                Latest::Histogram(index) => series.histogram_times[index],
            };
            cells.set_float(step, time as f64 / 1e3);
        })?;
        rows.iter_mut().for_each(|row| row.labels = row.labels.without_name());
        Ok(rows)
    }

    /// The rows that `fill` makes of the latest sample of each series at each step.
    fn latest_rows(
        &self,
        selector: &Selector,
        grid: Grid,
        fill: impl Fn(&SeriesData, usize, Latest, &mut Cells) + Sync,
    ) -> Result<Vec<Row>, PromqlError> {
        let selection = self.selection(selector, self.meter.limits.lookback, grid);
        let rows = self.source.each(selection, |series| {
            let rows = series.map(|one| {
                self.meter.charge(grid.len)?;
                let mut cells = Cells::empty(grid.len);
                self.for_each_latest(&one, selector, grid, |step, latest| fill(&one, step, latest, &mut cells));
                self.meter.release(one.n_samples());
                Ok(row_if_any(one.labels, cells))
            });
            rows.collect()
        })?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    fn for_each_latest(
        &self,
        series: &SeriesData,
        selector: &Selector,
        grid: Grid,
        mut found: impl FnMut(usize, Latest),
    ) {
        let lookback = self.meter.limits.lookback;
        let (mut floats, mut histograms) = (0, 0);
        let advance = |next: &mut usize, times: &[Millis], time: Millis| {
            while times.get(*next).is_some_and(|at| *at <= time) {
                *next += 1;
            }
            next.checked_sub(1).map(|index| (times[index], index))
        };
        for (step, time) in grid.times().enumerate() {
            let time = self.reference(selector.when, time);
            let float = advance(&mut floats, &series.times, time);
            let histogram = advance(&mut histograms, &series.histogram_times, time);
            let (at, latest) = match (float, histogram) {
                (Some((at, index)), None) => (at, Latest::Float(index)),
                (Some((at, index)), Some((other, _))) if at >= other => (at, Latest::Float(index)),
                (_, Some((at, index))) => (at, Latest::Histogram(index)),
                (None, None) => continue,
            };
            let ended = matches!(latest, Latest::Float(index) if is_stale(series.floats[index]));
            if !ended && at > time.saturating_sub(lookback) {
                found(step, latest);
            }
        }
    }
}
