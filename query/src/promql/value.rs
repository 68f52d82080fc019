//! Samples and results, as the evaluator hands them out.

use std::sync::Arc;

use super::histogram::Histogram;
use super::labels::Labels;

/// Milliseconds since the epoch: the resolution of PromQL.
pub type Millis = i64;

/// The value of a sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// The not-a-number that marks the end of a series; Prometheus' own bit pattern. Arithmetic never makes it, since it
/// is a signalling one.
pub(super) const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

#[inline]
pub(super) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// What a series' samples count, as far as its source knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SampleKind {
    /// A series that came without a type, as Prometheus' own do.
    #[default]
    Unknown,
    Gauge,
    /// Counts since a start.
    Counter,
    /// Counts since the sample before: OTLP's delta temporality.
    Delta,
}

/// A series with its samples, in order of time. Floats and histograms are apart; no time is in both.
#[derive(Clone, Debug, Default)]
pub struct SeriesData {
    pub labels: Labels,
    pub kind: SampleKind,
    pub times: Vec<Millis>,
    pub floats: Vec<f64>,
    pub histogram_times: Vec<Millis>,
    pub histograms: Vec<Arc<Histogram>>,
}

impl SeriesData {
    pub(super) fn n_samples(&self) -> usize {
        self.times.len() + self.histogram_times.len()
    }

    /// Takes the marks of staleness out: ranges do not see them.
    pub(super) fn drop_stale(&mut self) {
        if self.floats.iter().any(|value| is_stale(*value)) {
            let mut keep = self.floats.iter().map(|value| !is_stale(*value));
            self.times.retain(|_| keep.next().unwrap_or_default());
            self.floats.retain(|value| !is_stale(*value));
        }
    }
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryResult {
    pub value: QueryValue,
    /// The answer may be wrong or incomplete, and why.
    pub warnings: Vec<String>,
    /// The query may not mean what it says.
    pub infos: Vec<String>,
}

/// The value of a query, by its type.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryValue {
    Scalar(Millis, f64),
    String(Millis, String),
    Vector(Vec<VectorSample>),
    Matrix(Vec<MatrixSeries>),
}

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSample {
    pub labels: Labels,
    pub time: Millis,
    pub value: Value,
}

/// One series of a matrix: its floats and its histograms, each in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatrixSeries {
    pub labels: Labels,
    pub floats: Vec<(Millis, f64)>,
    pub histograms: Vec<(Millis, Arc<Histogram>)>,
}
