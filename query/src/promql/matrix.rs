//! Instant vectors at every step of a query at once: rows of series, columns of steps.
//!
//! A cell is a float, a histogram or nothing. Most rows hold floats only, so floats lie in one flat array, where
//! [`STALE`] means nothing, and histograms beside them only where there are some.

use std::sync::Arc;

use hashbrown::HashMap;

use super::error::PromqlError;
use super::histogram::Histogram;
use super::labels::Labels;
use super::value::{Millis, STALE, Value, is_stale};

/// The times that an expression is evaluated at: `len` of them from `start`, `step` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) start: Millis,
    pub(super) step: Millis,
    pub(super) len: usize,
}

impl Grid {
    pub(super) fn instant(time: Millis) -> Self {
        Grid { start: time, step: 0, len: 1 }
    }

    #[inline]
    pub(super) fn time(&self, step: usize) -> Millis {
        self.start + self.step * step as Millis
    }

    pub(super) fn end(&self) -> Millis {
        self.time(self.len.saturating_sub(1))
    }

    pub(super) fn times(&self) -> impl Iterator<Item = Millis> + use<> {
        let grid = *self;
        (0..grid.len).map(move |step| grid.time(step))
    }
}

/// A cell that holds something.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    Float(f64),
    Histogram(&'a Arc<Histogram>),
}

/// The cells of one row.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    floats: Vec<f64>,
    /// Empty, or as long as `floats`.
    histograms: Vec<Option<Arc<Histogram>>>,
}

impl Cells {
    pub(super) fn empty(len: usize) -> Self {
        Cells { floats: vec![STALE; len], histograms: Vec::new() }
    }

    /// A row of floats, [`STALE`] where there is nothing.
    pub(super) fn of_floats(floats: Vec<f64>) -> Self {
        Cells { floats, histograms: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.floats.len()
    }

    #[inline]
    pub(super) fn get(&self, step: usize) -> Option<Cell<'_>> {
        let float = self.floats[step];
        if !is_stale(float) {
            return Some(Cell::Float(float));
        }
        self.histogram(step).map(Cell::Histogram)
    }

    #[inline]
    pub(super) fn float(&self, step: usize) -> Option<f64> {
        let float = self.floats[step];
        (!is_stale(float)).then_some(float)
    }

    #[inline]
    pub(super) fn histogram(&self, step: usize) -> Option<&Arc<Histogram>> {
        self.histograms.get(step)?.as_ref()
    }

    /// The floats, [`STALE`] where there is none.
    pub(super) fn floats(&self) -> &[f64] {
        &self.floats
    }

    #[inline]
    pub(super) fn is_present(&self, step: usize) -> bool {
        !is_stale(self.floats[step]) || self.histogram(step).is_some()
    }

    pub(super) fn has_any(&self) -> bool {
        self.floats.iter().any(|float| !is_stale(*float)) || self.has_histograms()
    }

    pub(super) fn has_histograms(&self) -> bool {
        self.histograms.iter().any(Option::is_some)
    }

    #[inline]
    pub(super) fn set_float(&mut self, step: usize, value: f64) {
        self.floats[step] = value;
        if let Some(histogram) = self.histograms.get_mut(step) {
            *histogram = None;
        }
    }

    pub(super) fn set_histogram(&mut self, step: usize, value: Arc<Histogram>) {
        if self.histograms.is_empty() {
            self.histograms.resize(self.floats.len(), None);
        }
        self.floats[step] = STALE;
        self.histograms[step] = Some(value);
    }

    pub(super) fn set(&mut self, step: usize, value: Value) {
        match value {
            Value::Float(float) => self.set_float(step, float),
            Value::Histogram(histogram) => self.set_histogram(step, histogram),
        }
    }

    pub(super) fn clear(&mut self, step: usize) {
        self.floats[step] = STALE;
        if let Some(histogram) = self.histograms.get_mut(step) {
            *histogram = None;
        }
    }

    /// Copies the cell of another row.
    pub(super) fn copy(&mut self, step: usize, from: &Cells) {
        match from.get(step) {
            Some(Cell::Float(float)) => self.set_float(step, float),
            Some(Cell::Histogram(histogram)) => self.set_histogram(step, Arc::clone(histogram)),
            None => self.clear(step),
        }
    }

    /// Applies `change` to the floats; histograms go.
    pub(super) fn map_floats(&mut self, change: impl Fn(usize, f64) -> f64) {
        self.histograms = Vec::new();
        for (step, float) in self.floats.iter_mut().enumerate() {
            if !is_stale(*float) {
                *float = change(step, *float);
            }
        }
    }

    /// The only cell of a row of one, `len` times.
    pub(super) fn repeat(self, len: usize) -> Self {
        let histograms = match self.histograms.first() {
            Some(Some(histogram)) => vec![Some(Arc::clone(histogram)); len],
            _ => Vec::new(),
        };
        Cells { floats: vec![self.floats.first().copied().unwrap_or(STALE); len], histograms }
    }
}

/// One series at every step.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) labels: Labels,
    pub(super) cells: Cells,
}

/// The text of Prometheus' error for two samples with the same labels at the same time.
pub(super) const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// Joins rows that have come to have the same labels. At no step may two of them hold a value.
pub(super) fn merge_same(rows: Vec<Row>) -> Result<Vec<Row>, PromqlError> {
    let mut seen: HashMap<Labels, usize> = HashMap::with_capacity(rows.len());
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match seen.get(&row.labels) {
            None => {
                seen.insert(row.labels.clone(), merged.len());
                merged.push(row);
            }
            Some(index) => {
                let target = &mut merged[*index].cells;
                for step in 0..row.cells.len() {
                    if row.cells.is_present(step) {
                        if target.is_present(step) {
                            return Err(PromqlError::execution(SAME_LABELS));
                        }
                        target.copy(step, &row.cells);
                    }
                }
            }
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, floats: &[f64]) -> Row {
        Row { labels: Labels::new([("a", name)]), cells: Cells::of_floats(floats.to_vec()) }
    }

    #[test]
    fn rows_with_the_same_labels_join_unless_they_overlap() {
        let joined = merge_same(vec![row("x", &[1.0, STALE]), row("y", &[5.0, 5.0]), row("x", &[STALE, 2.0])]).unwrap();
        assert_eq!(joined.len(), 2);
        assert_eq!([joined[0].cells.float(0), joined[0].cells.float(1)], [Some(1.0), Some(2.0)]);
        let error = merge_same(vec![row("x", &[1.0]), row("x", &[2.0])]).unwrap_err();
        assert_eq!(error.to_string(), SAME_LABELS);
    }

    #[test]
    fn a_histogram_replaces_a_float_and_the_other_way_round() {
        let mut cells = Cells::of_floats(vec![1.0, 2.0]);
        cells.set_histogram(0, Arc::new(Histogram::default()));
        assert!(cells.float(0).is_none() && cells.histogram(0).is_some());
        cells.clear(0);
        assert!(!cells.is_present(0) && cells.is_present(1));
    }
}
