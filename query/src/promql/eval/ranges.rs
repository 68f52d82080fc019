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
use super::super::plan::{Node, NodeKind, Selector, Subquery, When};
use super::super::source::{Selection, Visited};
use super::super::value::{Millis, SampleKind, SeriesData, Value};
use super::super::window::{Window, for_each_window};
use super::{Evaluated, Evaluator, row_if_any};

/// With as many cells to fill, or more, starting a thread is worth it.
const CELLS_OF_A_THREAD: usize = 1 << 16;

/// What `rows_of` makes of `series`, in their order, by as many threads as there is work for.
fn shared_out(
    mut series: Vec<SeriesData>,
    steps: usize,
    rows_of: impl Fn(&mut dyn Iterator<Item = SeriesData>) -> Visited<Row> + Sync,
) -> Visited<Row> {
    let worthwhile = series.len().saturating_mul(steps) / CELLS_OF_A_THREAD;
    let threads = available_parallelism().map_or(1, NonZero::get).min(worthwhile);
    if threads < 2 {
        return rows_of(&mut series.into_iter());
    }
    let of_a_thread = series.len().div_ceil(threads);
    scope(|scope| {
        let mut others = Vec::new();
        while series.len() > of_a_thread {
            let part = series.split_off(series.len() - of_a_thread);
            others.push(scope.spawn(|| rows_of(&mut part.into_iter())));
        }
        let mut rows = rows_of(&mut series.into_iter())?;
        for other in others.into_iter().rev() {
            rows.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(rows)
    })
}

/// The windows of a range vector: the end of each is where `when` puts it for a step of the query.
#[derive(Clone, Copy)]
struct Reach {
    range: Millis,
    when: When,
}

impl Evaluator<'_> {
    /// The series of a range vector, without marks of staleness.
    pub(in super::super) fn range_series(&self, node: &Node, grid: Grid) -> Result<Vec<SeriesData>, PromqlError> {
        match &node.kind {
            NodeKind::Range { selector, range } => {
                let found = self.source.each(self.selection(selector, *range, grid), |series| {
                    let whole = series.map(|mut one| {
                        one.drop_stale();
                        (one.n_samples() > 0).then_some(one)
                    });
                    Ok(whole.collect())
                })?;
                Ok(found.into_iter().map(|(_, series)| series).collect())
            }
            NodeKind::Subquery(subquery) => self.subquery_series(subquery, grid),
            _ => Err(PromqlError::execution("a range vector is expected")),
        }
    }

    /// The series of `selector`, with the samples that windows that reach back by `range` see.
    pub(super) fn selection<'s>(&'s self, selector: &'s Selector, range: Millis, grid: Grid) -> Selection<'s> {
        Selection {
            matchers: &selector.matchers,
            after: self.reference(selector.when, grid.start).saturating_sub(range),
            until: self.reference(selector.when, grid.end()),
            meter: self.meter,
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
        self.over_series(node, grid, keep_name, || {
            |series: &SeriesData, Reach { range, when }: Reach, cells: &mut Cells| {
                let ends = grid.times().map(|time| (self.reference(when, time), time));
                for_each_window(series, range, ends, |window| {
                    if let Some(value) = kernel(window) {
                        cells.set(window.step, value);
                    }
                });
            }
        })
    }

    /// `rate`, `increase` or `delta` of the range vector `node`.
    pub(super) fn changes(&self, node: &Node, grid: Grid, mode: rate::Mode) -> Result<Vec<Row>, PromqlError> {
        let note = |note: Note| self.meter.note(node.position, note);
        self.over_series(node, grid, false, || {
            let mut changes = rate::Changes::new(mode);
            move |series: &SeriesData, Reach { range, when }: Reach, cells: &mut Cells| {
                let ends = grid.times().map(|time| (self.reference(when, time), time));
                if rate::is_plain(series) {
                    return changes.of(series, range, ends.map(|(end, _)| end), cells, &note);
                }
                for_each_window(series, range, ends, |window| {
                    if let Some(value) = rate::change(window, mode, &note) {
                        cells.set(window.step, value);
                    }
                });
            }
        })
    }

    /// The rows that are made of each series of the range vector `node`, without marks of staleness, by what `filler` gives; each thread
    /// asks for its own, since many series are shared out among threads.
    fn over_series<F: FnMut(&SeriesData, Reach, &mut Cells)>(
        &self,
        node: &Node,
        grid: Grid,
        keep_name: bool,
        filler: impl Fn() -> F + Sync,
    ) -> Result<Vec<Row>, PromqlError> {
        let rows_of = |reach: Reach, series: &mut dyn Iterator<Item = SeriesData>, is_read: bool| {
            let mut fill = filler();
            let rows = series.map(|mut one| {
                self.meter.charge(grid.len)?;
                let n_samples = one.n_samples();
                one.drop_stale();
                let mut cells = Cells::empty(grid.len);
                fill(&one, reach, &mut cells);
                if is_read {
                    self.meter.release(n_samples);
                }
                let labels = if keep_name { one.labels } else { one.labels.without_name() };
                Ok(row_if_any(labels, cells))
            });
            rows.collect()
        };
        match &node.kind {
            NodeKind::Range { selector, range } => {
                let reach = Reach { range: *range, when: selector.when };
                let selection = self.selection(selector, *range, grid);
                let rows = self.source.each(selection, |series| rows_of(reach, series, true))?;
                let name = rows.first().map(|(labels, _)| labels.name().to_owned()).unwrap_or_default();
                let differ = keep_name || rows.iter().all(|(labels, _)| labels.name() == name);
                let rows = rows.into_iter().map(|(_, row)| row).collect();
                if differ { Ok(rows) } else { merge_same(rows) }
            }
            NodeKind::Subquery(subquery) => {
                let reach = Reach { range: subquery.range, when: subquery.when };
                let series = self.subquery_series(subquery, grid)?;
                let rows = shared_out(series, grid.len, |series| rows_of(reach, series, false))?;
                merge_same(rows.into_iter().flatten().collect())
            }
            _ => Err(PromqlError::execution("a range vector is expected")),
        }
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
