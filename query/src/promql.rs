//! PromQL over the metrics of a store.
//!
//! A query is parsed and planned ([`plan`]), its selectors read the stored series once each ([`source`]), and every
//! expression is evaluated at all steps at a time ([`eval`]). Inside, time is milliseconds, as in Prometheus. The
//! language, and where this differs from Prometheus: `docs/query/promql.md`.

mod annotations;
mod error;
mod eval;
mod exemplars;
mod functions;
mod histogram;
pub mod json;
mod kahan;
mod labels;
mod lex;
mod limits;
mod matcher;
mod matrix;
mod metadata;
mod number;
mod outline;
mod plan;
mod source;
mod value;
mod window;

use model::Nanos;
use model::time::MILLISECOND;

use eval::{Evaluated, Evaluator};
use limits::Meter;
use matrix::{Cell, Grid, Row};
use plan::{Node, Type};

pub use error::PromqlError;
pub use exemplars::{FoundExemplar, MAX_EXEMPLARS, SeriesExemplars, exemplars};
pub use histogram::{Bucket, Buckets, CUSTOM, Histogram, ResetHint};
pub use labels::{LE, Labels, NAME};
pub use limits::{Limits, MAX_NESTING, MAX_OPERATORS, MAX_POINTS, MAX_TEXT};
pub use metadata::{Listing, Metadata, label_names, label_values, metadata, series};
pub use outline::{LabelMatchers, Outline, outline};
pub use source::{Source, prometheus_name};
pub use value::{MatrixSeries, Millis, QueryResult, QueryValue, SampleKind, SeriesData, Value, VectorSample};

/// The value of `query` at `time`.
pub fn instant(source: &Source, query: &str, time: Nanos, limits: &Limits) -> Result<QueryResult, PromqlError> {
    let node = plan::plan(query)?;
    let meter = Meter::new(limits);
    let grid = Grid::instant(time.div_euclid(MILLISECOND));
    let evaluator = Evaluator::new(source, &meter, grid);
    let value = if node.type_of() == Type::Range {
        QueryValue::Matrix(range_vector(&evaluator, &node, grid)?)
    } else {
        match evaluator.eval(&node, grid)? {
            Evaluated::Scalar(values) => QueryValue::Scalar(grid.start, values.first().copied().unwrap_or(f64::NAN)),
            Evaluated::Text(bytes) => QueryValue::String(grid.start, String::from_utf8_lossy(&bytes).into_owned()),
            Evaluated::Vector(rows) => {
                QueryValue::Vector(rows.into_iter().filter_map(|row| sample(row, grid)).collect())
            }
        }
    };
    Ok(finish(value, meter, query))
}

/// The value of `query` at `start` and every `step` after it up to `end`. Steps are whole milliseconds.
pub fn range(
    source: &Source,
    query: &str,
    start: Nanos,
    end: Nanos,
    step: Nanos,
    limits: &Limits,
) -> Result<QueryResult, PromqlError> {
    let grid = range_grid(start, end, step)?;
    let node = plan::plan(query)?;
    if !matches!(node.type_of(), Type::Scalar | Type::Vector) {
        let message = format!(
            "invalid expression type {:?} for range query, must be Scalar or instant Vector",
            node.type_of().name()
        );
        return Err(PromqlError::bad(message));
    }
    let meter = Meter::new(limits);
    let rows = match Evaluator::new(source, &meter, grid).eval(&node, grid)? {
        Evaluated::Scalar(values) => functions::scalars::vector(values),
        Evaluated::Vector(rows) => rows,
        Evaluated::Text(_) => Vec::new(),
    };
    let mut matrix: Vec<MatrixSeries> = rows.into_iter().map(|row| to_matrix(row, grid)).collect();
    matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(finish(QueryValue::Matrix(matrix), meter, query))
}

fn range_grid(start: Nanos, end: Nanos, step: Nanos) -> Result<Grid, PromqlError> {
    if end < start {
        return Err(PromqlError::bad("end timestamp must not be before start time"));
    }
    let step = step.div_euclid(MILLISECOND);
    if step <= 0 {
        return Err(PromqlError::bad("step must be at least one millisecond"));
    }
    let (start, end) = (start.div_euclid(MILLISECOND), end.div_euclid(MILLISECOND));
    let len = (end - start) / step + 1;
    if len > MAX_POINTS {
        return Err(PromqlError::bad(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    Ok(Grid { start, step, len: usize::try_from(len).unwrap_or_default() })
}

fn finish(value: QueryValue, meter: Meter<'_>, query: &str) -> QueryResult {
    let (warnings, infos) = meter.into_notes().into_texts(query);
    QueryResult { value, warnings, infos }
}

fn sample(row: Row, grid: Grid) -> Option<VectorSample> {
    let value = match row.cells.get(0)? {
        Cell::Float(float) => Value::Float(float),
        Cell::Histogram(histogram) => Value::Histogram(std::sync::Arc::clone(histogram)),
    };
    Some(VectorSample { labels: row.labels, time: grid.start, value })
}

fn to_matrix(row: Row, grid: Grid) -> MatrixSeries {
    let mut series = MatrixSeries { labels: row.labels, ..Default::default() };
    for (step, time) in grid.times().enumerate() {
        match row.cells.get(step) {
            Some(Cell::Float(float)) => series.floats.push((time, float)),
            Some(Cell::Histogram(histogram)) => series.histograms.push((time, std::sync::Arc::clone(histogram))),
            None => {}
        }
    }
    series
}

/// The samples of a range vector by themselves, as an instant query may ask for them.
fn range_vector(evaluator: &Evaluator<'_>, node: &Node, grid: Grid) -> Result<Vec<MatrixSeries>, PromqlError> {
    let series = evaluator.range_series(node, grid)?;
    Ok(series
        .into_iter()
        .map(|one| MatrixSeries {
            labels: one.labels,
            floats: one.times.into_iter().zip(one.floats).collect(),
            histograms: one.histogram_times.into_iter().zip(one.histograms).collect(),
        })
        .collect())
}
