//! Samples and results, as the evaluator hands them out.

use std::mem::take;
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

    /// Takes in the samples of `other`, of the same series. Where both have one at a time, one of `other` stays; a histogram
    /// in place of a number. What the samples count is known from who knows it.
    pub(super) fn merge(&mut self, other: SeriesData) {
        if self.kind == SampleKind::Unknown || self.last_time() < other.last_time() && other.kind != SampleKind::Unknown
        {
            self.kind = other.kind;
        }
        (self.times, self.floats) =
            merge_in_order((take(&mut self.times), take(&mut self.floats)), (other.times, other.floats));
        let histograms = (take(&mut self.histogram_times), take(&mut self.histograms));
        (self.histogram_times, self.histograms) = merge_in_order(histograms, (other.histogram_times, other.histograms));
        if !self.histogram_times.is_empty() {
            let is_number = |time: &Millis| self.histogram_times.binary_search(time).is_err();
            let mut keep = self.times.iter().map(is_number);
            self.floats.retain(|_| keep.next().unwrap_or_default());
            let histogram_times = &self.histogram_times;
            self.times.retain(|time| histogram_times.binary_search(time).is_err());
        }
    }

    pub(super) fn first_time(&self) -> Option<Millis> {
        self.times.first().into_iter().chain(self.histogram_times.first()).min().copied()
    }

    pub(super) fn last_time(&self) -> Option<Millis> {
        self.times.last().into_iter().chain(self.histogram_times.last()).max().copied()
    }

    /// Takes the marks of staleness out: ranges do not see them.
    pub(super) fn drop_stale(&mut self) {
        // Without a branch, since there is hardly ever one.
        if self.floats.iter().fold(false, |any, value| any | is_stale(*value)) {
            let mut keep = self.floats.iter().map(|value| !is_stale(*value));
            self.times.retain(|_| keep.next().unwrap_or_default());
            self.floats.retain(|value| !is_stale(*value));
        }
    }
}

/// Two runs of samples, each in order of time, as one; of two samples at one time, that of `b`.
fn merge_in_order<T>(a: (Vec<Millis>, Vec<T>), b: (Vec<Millis>, Vec<T>)) -> (Vec<Millis>, Vec<T>) {
    let (mut a, mut b) = (a.0.into_iter().zip(a.1).peekable(), b.0.into_iter().zip(b.1).peekable());
    let next = || match (a.peek(), b.peek()) {
        (Some((before, _)), Some((time, _))) if before < time => a.next(),
        (Some((before, _)), Some((time, _))) => {
            if before == time {
                a.next();
            }
            b.next()
        }
        (Some(_), None) => a.next(),
        (None, _) => b.next(),
    };
    std::iter::from_fn(next).unzip()
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
