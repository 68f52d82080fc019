//! Range selectors and subqueries: a function's value of each window of each series.

use super::super::error::PromqlError;
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
                Ok(RangeInput { series, range: *range, when: selector.when })
            }
            NodeKind::Subquery(subquery) => {
                let series = self.subquery_series(subquery, grid)?;
                Ok(RangeInput { series, range: subquery.range, when: subquery.when })
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
        mut kernel: impl FnMut(&Window<'_>) -> Option<Value>,
    ) -> Result<Vec<Row>, PromqlError> {
        let input = self.range_input(node, grid)?;
        self.meter.charge(input.series.len().saturating_mul(grid.len))?;
        let mut rows = Vec::with_capacity(input.series.len());
        for series in &input.series {
            self.meter.check()?;
            let mut cells = Cells::empty(grid.len);
            let ends = grid.times().map(|time| (self.reference(input.when, time), time));
            for_each_window(series, input.range, ends, |window| {
                if let Some(value) = kernel(window) {
                    cells.set(window.step, value);
                }
            });
            let labels = if keep_name { series.labels.clone() } else { series.labels.without_name() };
            rows.extend(row_if_any(labels, cells));
        }
        merge_same(rows)
    }

    /// As [`Self::over_windows`], of floats.
    pub(super) fn floats_over_windows(
        &self,
        node: &Node,
        grid: Grid,
        mut kernel: impl FnMut(&Window<'_>) -> Option<f64>,
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
