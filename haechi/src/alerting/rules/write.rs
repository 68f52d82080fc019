//! What rules write: the samples of all rules of a group together, unless one reads what another before it wrote.

use std::collections::BTreeSet;

use model::Nanos;
use model::metric::STALE;
use model::time::MILLISECOND;
use model::wire::{put_bytes_field, put_fixed64_field, put_varint_field};
use query::promql::Labels;

use super::Series;

/// Samples are stored when there are so many.
const MAX_SAMPLES: usize = 5_000;

/// Samples of one time that are still to be stored.
pub(super) struct Writer<'s> {
    series: &'s dyn Series,
    millis: i64,
    samples: Vec<(Labels, f64)>,
    /// The metrics that the samples are of.
    names: BTreeSet<String>,
    /// The rules that the samples are of.
    rules: BTreeSet<usize>,
    /// Rules whose samples were not stored, or not all of them, and why.
    pub(super) failed: Vec<(usize, String)>,
}

impl<'s> Writer<'s> {
    pub(super) fn new(series: &'s dyn Series, time: Nanos) -> Self {
        Self {
            series,
            millis: time.div_euclid(MILLISECOND),
            samples: Vec::new(),
            names: BTreeSet::new(),
            rules: BTreeSet::new(),
            failed: Vec::new(),
        }
    }

    /// Adds a sample of the rule at that place.
    pub(super) fn push(&mut self, rule: usize, labels: &Labels, value: f64) {
        if !self.names.contains(labels.name()) {
            self.names.insert(labels.name().to_owned());
        }
        self.samples.push((labels.clone(), value));
        self.rules.insert(rule);
        if self.samples.len() >= MAX_SAMPLES {
            self.flush();
        }
    }

    /// Ends a series that was written before.
    pub(super) fn end(&mut self, rule: usize, labels: &Labels) {
        self.push(rule, labels, STALE);
    }

    /// Stores what an expression that reads `names` must see; of `None`, everything.
    pub(super) fn flush_for(&mut self, names: Option<&BTreeSet<String>>) {
        if names.is_none_or(|names| !names.is_disjoint(&self.names)) {
            self.flush();
        }
    }

    pub(super) fn flush(&mut self) {
        let (samples, rules) = (std::mem::take(&mut self.samples), std::mem::take(&mut self.rules));
        self.names.clear();
        if samples.is_empty() {
            return;
        }
        if let Err(error) = self.series.write(self.millis, &samples) {
            self.failed.extend(rules.into_iter().map(|rule| (rule, format!("what it gives was not stored: {error}"))));
        }
    }
}

/// Samples of one time as a Remote-Write 1.0 request (`prometheus.WriteRequest`).
pub(super) fn request(millis: i64, samples: &[(Labels, f64)]) -> Vec<u8> {
    let (mut request, mut series, mut part) = (Vec::new(), Vec::new(), Vec::new());
    for (labels, value) in samples {
        series.clear();
        for (name, value) in labels.iter() {
            part.clear();
            put_bytes_field(&mut part, 1, name.as_bytes());
            put_bytes_field(&mut part, 2, value.as_bytes());
            put_bytes_field(&mut series, 1, &part);
        }
        part.clear();
        put_fixed64_field(&mut part, 1, value.to_bits());
        put_varint_field(&mut part, 2, millis as u64);
        put_bytes_field(&mut series, 2, &part);
        put_bytes_field(&mut request, 1, &series);
    }
    request
}
