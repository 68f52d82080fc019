//! Range selectors and subqueries: a function's value of each window of each series.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

use super::super::annotations::Note;
use super::super::error::PromqlError;
use super::super::functions::rate;
use super::super::histogram::ResetHint;
use super::super::labels::Labels;
use super::super::matrix::{Cell, Cells, Grid, Row, merge_same};
use super::super::plan::{Node, NodeKind, Subquery, When};
use super::super::value::{Millis, SampleKind, SeriesData, Value};
use super::super::window::{Window, for_each_window};
use super::{Evaluated, Evaluator, row_if_any};

/// The series of a range vector, and which part of them each step sees.
pub(in super::super) struct RangeInput {
    pub(in super::super) series: Vec<SeriesData>,
    pub(in super::super) range: Millis,
    when: When,
    /// Each series has labels of its own.
    is_stored: bool,
}

/// With as many cells to fill, or more, starting a thread is worth it.
const CELLS_OF_A_THREAD: usize = 1 << 16;

/// The rows that `rows_of` makes of `series`, in their order, by as many threads as there is work for.
fn shared_out(
    series: &[SeriesData],
    steps: usize,
    rows_of: impl Fn(&[SeriesData]) -> Result<Vec<Row>, PromqlError> + Sync,
) -> Result<Vec<Row>, PromqlError> {
    let worthwhile = series.len().saturating_mul(steps) / CELLS_OF_A_THREAD;
    let threads = available_parallelism().map_or(1, NonZero::get).min(worthwhile);
    if threads < 2 {
        return rows_of(series);
    }
    scope(|scope| {
        let parts: Vec<_> = series.chunks(series.len().div_ceil(threads)).collect();
        let others: Vec<_> = parts[1..].iter().map(|part| scope.spawn(|| rows_of(part))).collect();
        let mut rows = rows_of(parts[0])?;
        for other in others {
            rows.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(rows)
    })
}

impl Evaluator<'_> {
    /// The series of a range vector, without marks of staleness.
    pub(in super::super) fn range_input(&self, node: &Node, grid: Grid) -> Result<RangeInput, PromqlError> {
        match &node.kind {
            NodeKind::Range { selector, range } => {
                let after = self.reference(selector.when, grid.start).saturating_sub(*range);
                let until = self.reference(selector.when, grid.end());
                let mut series = self.source.select(&selector.matchers, after, until, self.meter)?;
                series.iter_mut().for_each(SeriesData::drop_stale);
                series.retain(|one| one.n_samples() > 0);
                Ok(RangeInput { series, range: *range, when: selector.when, is_stored: true })
            }
            NodeKind::Subquery(subquery) => {
                let series = self.subquery_series(subquery, grid)?;
                Ok(RangeInput { series, range: subquery.range, when: subquery.when, is_stored: false })
            }
            _ => Err(PromqlError::execution("a range vector is expected")),
        }
    }

    /// Evaluates the inner expression at the multiples of its own step that the windows of `grid` reach.
    fn subquery_series(&self, subquery: &Subquery, grid: Grid) -> Result<Vec<SeriesData>, PromqlError> {
        let step = subquery.step.unwrap_or(self.meter.limits.subquery_step);
        let after = self.reference(subquery.when, grid.start).saturating_sub(subquery.range);
        let until = self.reference(subquery.when, grid.end());
        let start = after.div_euclid(step).saturating_add(1).saturating_mul(step);
        if start > until {
            return Ok(Vec::new());
        }
        let len = usize::try_from((until - start) / step + 1).unwrap_or(usize::MAX);
        if len as u64 > self.meter.limits.max_samples {
            return Err(PromqlError::execution(format!(
                "subquery has {len} steps; {} are allowed",
                self.meter.limits.max_samples
            )));
        }
        let grid = Grid { start, step, len };
        match self.eval(&subquery.inner, grid)? {
            Evaluated::Vector(rows) => Ok(rows.into_iter().map(|row| to_series(row, grid)).collect()),
            Evaluated::Scalar(values) => {
                Ok(vec![to_series(Row { labels: Labels::default(), cells: Cells::of_floats(values) }, grid)])
            }
            Evaluated::Text(_) => Err(PromqlError::execution("a subquery needs an instant vector")),
        }
    }

    /// The value that `kernel` gives for each window of the range vector `node`.
    pub(super) fn over_windows(
        &self,
        node: &Node,
        grid: Grid,
        keep_name: bool,
        kernel: impl Fn(&Window<'_>) -> Option<Value> + Sync,
    ) -> Result<Vec<Row>, PromqlError> {
        self.over_series(node, grid, keep_name, |series, range, when, cells| {
            let ends = grid.times().map(|time| (self.reference(when, time), time));
            for_each_window(series, range, ends, |window| {
                if let Some(value) = kernel(window) {
                    cells.set(window.step, value);
                }
            });
        })
    }

    /// `rate`, `increase` or `delta` of the range vector `node`.
    pub(super) fn changes(&self, node: &Node, grid: Grid, mode: rate::Mode) -> Result<Vec<Row>, PromqlError> {
        let note = |note: Note| self.meter.note(node.position, note);
        self.over_series(node, grid, false, |series, range, when, cells| {
            let ends = grid.times().map(|time| (self.reference(when, time), time));
            if rate::is_plain(series) {
                return rate::changes(series, range, ends.map(|(end, _)| end), mode, cells, &note);
            }
            for_each_window(series, range, ends, |window| {
                if let Some(value) = rate::change(window, mode, &note) {
                    cells.set(window.step, value);
                }
            });
        })
    }

    /// The rows that `fill` makes of each series of the range vector `node`; it is given the range and where that is. Many series
    /// are shared out among threads.
    fn over_series(
        &self,
        node: &Node,
        grid: Grid,
        keep_name: bool,
        fill: impl Fn(&SeriesData, Millis, When, &mut Cells) + Sync,
    ) -> Result<Vec<Row>, PromqlError> {
        let input = self.range_input(node, grid)?;
        self.meter.charge(input.series.len().saturating_mul(grid.len))?;
        let rows_of = |series: &[SeriesData]| -> Result<Vec<Row>, PromqlError> {
            let mut rows = Vec::with_capacity(series.len());
            for one in series {
                self.meter.check()?;
                let mut cells = Cells::empty(grid.len);
                fill(one, input.range, input.when, &mut cells);
                let labels = if keep_name { one.labels.clone() } else { one.labels.without_name() };
                rows.extend(row_if_any(labels, cells));
            }
            Ok(rows)
        };
        let rows = shared_out(&input.series, grid.len, rows_of)?;
        let name = input.series.first().map_or("", |one| one.labels.name());
        let differ_without_name = keep_name || input.series.iter().all(|one| one.labels.name() == name);
        if input.is_stored && differ_without_name { Ok(rows) } else { merge_same(rows) }
    }

    /// As [`Self::over_windows`], of floats.
    pub(super) fn floats_over_windows(
        &self,
        node: &Node,
        grid: Grid,
        kernel: impl Fn(&Window<'_>) -> Option<f64> + Sync,
    ) -> Result<Vec<Row>, PromqlError> {
        self.over_windows(node, grid, false, |window| kernel(window).map(Value::Float))
    }
}

/// The samples of a row. What was known of resets between stored histograms does not hold between those picked here.
fn to_series(row: Row, grid: Grid) -> SeriesData {
    let mut series = SeriesData { labels: row.labels, kind: SampleKind::Unknown, ..Default::default() };
    for (step, time) in grid.times().enumerate() {
        match row.cells.get(step) {
            Some(Cell::Float(float)) => {
                series.times.push(time);
                series.floats.push(float);
            }
            Some(Cell::Histogram(histogram)) => {
                let mut histogram = std::sync::Arc::clone(histogram);
                if matches!(histogram.reset, ResetHint::Reset | ResetHint::NotReset) {
                    std::sync::Arc::make_mut(&mut histogram).reset = ResetHint::Unknown;
                }
                series.histogram_times.push(time);
                series.histograms.push(histogram);
            }
            None => {}
        }
    }
    series
}
