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
        let series = self.load_instant(selector, grid)?;
        self.meter.charge(series.len().saturating_mul(grid.len))?;
        let mut rows = Vec::with_capacity(series.len());
        for one in series {
            self.meter.check()?;
            let mut cells = Cells::empty(grid.len);
            self.for_each_latest(&one, selector, grid, |step, latest| match latest {
                Latest::Float(index) => cells.set_float(step, one.floats[index]),
                Latest::Histogram(index) => cells.set_histogram(step, Arc::clone(&one.histograms[index])),
            });
            rows.extend(row_if_any(one.labels.clone(), cells));
        }
        Ok(rows)
    }

    /// The times, in seconds, of the samples that [`Self::instant_rows`] would give.
    pub(super) fn sample_times(&self, selector: &Selector, grid: Grid) -> Result<Vec<Row>, PromqlError> {
        let series = self.load_instant(selector, grid)?;
        self.meter.charge(series.len().saturating_mul(grid.len))?;
        let mut rows = Vec::with_capacity(series.len());
        for one in series {
            let mut cells = Cells::empty(grid.len);
            self.for_each_latest(&one, selector, grid, |step, latest| {
                let time = match latest {
                    Latest::Float(index) => one.times[index],
                    Latest::Histogram(index) => one.histogram_times[index],
                };
                cells.set_float(step, time as f64 / 1e3);
            });
            rows.extend(row_if_any(one.labels.without_name(), cells));
        }
        Ok(rows)
    }

    fn load_instant(&self, selector: &Selector, grid: Grid) -> Result<Vec<SeriesData>, PromqlError> {
        let first = self.reference(selector.when, grid.start);
        let last = self.reference(selector.when, grid.end());
        self.source.select(&selector.matchers, first.saturating_sub(self.meter.limits.lookback), last, self.meter)
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
