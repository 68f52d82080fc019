//! Between scalars and vectors: `scalar`, `vector`, `time` and what a query's own times are.

use super::super::labels::Labels;
use super::super::matrix::{Cells, Grid, Row};
use super::Bound;

/// The float of the vector's only element that is one; not-a-number when there are none or several.
pub(in super::super) fn scalar(rows: &[Row], len: usize) -> Vec<f64> {
    (0..len)
        .map(|step| {
            let mut floats = rows.iter().filter_map(|row| row.cells.float(step));
            match (floats.next(), floats.next()) {
                (Some(only), None) => only,
                _ => f64::NAN,
            }
        })
        .collect()
}

/// A vector of one element without labels.
pub(in super::super) fn vector(values: Vec<f64>) -> Vec<Row> {
    vec![Row { labels: Labels::default(), cells: Cells::of_floats(values) }]
}

/// The time of each step, in seconds.
pub(in super::super) fn time(grid: Grid) -> Vec<f64> {
    grid.times().map(|time| time as f64 / 1e3).collect()
}

/// A time of the whole query, in seconds; `query` is its grid.
pub(in super::super) fn bound(bound: Bound, query: Grid) -> f64 {
    let millis = match bound {
        Bound::Start => query.start,
        Bound::End => query.end(),
        Bound::Step => query.step,
        Bound::Range => query.end() - query.start,
    };
    millis as f64 / 1e3
}
