//! Functions of histograms, native and classic alike.

use hashbrown::HashMap;

use super::super::annotations::Note;
use super::super::histogram::Histogram;
use super::super::histogram::quantile::{Classic, native_fraction, native_quantile, variance};
use super::super::labels::{LE, Labels};
use super::super::matrix::{Cells, Row};

/// A number that describes a native histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Moment {
    Avg,
    Count,
    Stddev,
    Stdvar,
    Sum,
}

impl Moment {
    fn of(self, histogram: &Histogram) -> f64 {
        match self {
            Moment::Avg => histogram.sum / histogram.count,
            Moment::Count => histogram.count,
            Moment::Stddev => variance(histogram).sqrt(),
            Moment::Stdvar => variance(histogram),
            Moment::Sum => histogram.sum,
        }
    }
}

/// The moment of each native histogram; floats have none.
pub(in super::super) fn moment(rows: Vec<Row>, moment: Moment) -> Vec<Row> {
    let of_row = |row: Row| {
        let mut cells = Cells::empty(row.cells.len());
        for step in 0..row.cells.len() {
            if let Some(histogram) = row.cells.histogram(step) {
                cells.set_float(step, moment.of(histogram));
            }
        }
        cells.has_any().then(|| Row { labels: row.labels.without_name(), cells })
    };
    rows.into_iter().filter_map(of_row).collect()
}

/// What is asked of a histogram, with the parameters of each step.
pub(in super::super) enum Question<'a> {
    Quantile(&'a [f64]),
    Fraction { lower: &'a [f64], upper: &'a [f64] },
}

impl Question<'_> {
    fn of_native(&self, step: usize, histogram: &Histogram) -> f64 {
        match self {
            Question::Quantile(quantile) => native_quantile(quantile[step], histogram),
            Question::Fraction { lower, upper } => native_fraction(lower[step], upper[step], histogram),
        }
    }

    fn of_classic(&self, step: usize, buckets: &mut Classic) -> (f64, bool) {
        match self {
            Question::Quantile(quantile) => buckets.quantile(quantile[step]),
            Question::Fraction { lower, upper } => buckets.fraction(lower[step], upper[step]),
        }
    }
}

/// Rows that make up one histogram: a native one, or the buckets of a classic one.
#[derive(Default)]
struct Group<'a> {
    native: Option<&'a Cells>,
    buckets: Vec<(f64, &'a Cells)>,
}

/// Answers `question` for every histogram in the vector; the answers have no name, so some may share their labels.
/// Rows of floats that differ in `le` only are one classic histogram.
pub(in super::super) fn ask(rows: &[Row], len: usize, question: &Question<'_>, note: &dyn Fn(Note)) -> Vec<Row> {
    let mut order: Vec<Labels> = Vec::new();
    let mut groups: HashMap<Labels, Group<'_>> = HashMap::new();
    for row in rows {
        let le = row.labels.get(LE);
        let has_floats = (0..len).any(|step| row.cells.float(step).is_some());
        let bound = if has_floats { bucket_bound(le) } else { None };
        if bound.is_none() && !row.cells.has_histograms() {
            note(Note::BadBucketLabel { le: le.into(), metric: row.labels.name().into() });
            continue;
        }
        // A native histogram keeps a label that happens to be called `le`.
        let labels = row.labels.filter(|name| bound.is_none() || name != LE);
        let group = groups.entry(labels.clone()).or_insert_with(|| {
            order.push(labels);
            Group::default()
        });
        if row.cells.has_histograms() {
            group.native = Some(&row.cells);
        }
        if let Some(bound) = bound {
            group.buckets.push((bound, &row.cells));
        }
    }
    let answer = |labels: Labels| {
        let cells = groups.get(&labels)?.answer(len, labels.name(), question, note);
        cells.has_any().then(|| Row { labels: labels.without_name(), cells })
    };
    order.into_iter().filter_map(answer).collect()
}

impl Group<'_> {
    fn answer(&self, len: usize, metric: &str, question: &Question<'_>, note: &dyn Fn(Note)) -> Cells {
        let mut cells = Cells::empty(len);
        for step in 0..len {
            let native = self.native.and_then(|native| native.histogram(step));
            let mut classic = Classic::default();
            let mut has_classic = false;
            for (bound, counts) in &self.buckets {
                if let Some(count) = counts.float(step) {
                    classic.push(*bound, count);
                    has_classic = true;
                }
            }
            match (native, has_classic) {
                (Some(_), true) => note(Note::MixedClassicNative { metric: metric.into() }),
                (Some(histogram), false) => cells.set_float(step, question.of_native(step, histogram)),
                (None, true) => {
                    let (value, was_fixed) = question.of_classic(step, &mut classic);
                    if was_fixed {
                        note(Note::NotMonotonic { metric: metric.into() });
                    }
                    cells.set_float(step, value);
                }
                (None, false) => {}
            }
        }
        cells
    }
}

/// The upper bound that an `le` label stands for.
fn bucket_bound(le: &str) -> Option<f64> {
    match le {
        "+Inf" | "+inf" | "Inf" | "inf" => Some(f64::INFINITY),
        "-Inf" | "-inf" => Some(f64::NEG_INFINITY),
        other => other.parse().ok().filter(|bound: &f64| !bound.is_nan()),
    }
}
