//! What there is to ask for: label names, label values, series, and the metrics with their types.

use model::{Nanos, TimeRange};

use super::error::PromqlError;
use super::labels::Labels;
use super::limits::{Limits, Meter};
use super::plan::parse_selector;
use super::source::Source;
use super::value::Millis;

/// A list, and what went wrong while it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<T> {
    pub items: Vec<T>,
    pub warnings: Vec<String>,
}

/// What is known of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// `counter`, `gauge`, `histogram` or `summary`; of a metric that came from Prometheus also one of its other types, or `unknown`.
    pub kind: &'static str,
    pub help: String,
    /// As sent.
    pub unit: String,
}

/// The label sets of the series that one of `selectors` (all, when there are none) accepts and that have samples in
/// `range`, sorted.
pub fn series<S: AsRef<str>>(
    source: &Source,
    selectors: &[S],
    range: TimeRange,
    limits: &Limits,
) -> Result<Listing<Labels>, PromqlError> {
    let meter = Meter::new(limits);
    let (start, end) = (millis(range.start), millis(range.end.saturating_sub(1)));
    let mut sets = Vec::new();
    if selectors.is_empty() {
        sets = source.label_sets(&[], start, end, &meter)?;
    }
    for selector in selectors {
        sets.extend(source.label_sets(&parse_selector(selector.as_ref())?, start, end, &meter)?);
    }
    sets.sort();
    sets.dedup();
    Ok(Listing { items: sets, warnings: meter.into_notes().into_texts("").0 })
}

/// The names of the labels of those series, sorted.
pub fn label_names<S: AsRef<str>>(
    source: &Source,
    selectors: &[S],
    range: TimeRange,
    limits: &Limits,
) -> Result<Listing<String>, PromqlError> {
    let sets = series(source, selectors, range, limits)?;
    Ok(distinct(sets, |labels, out| out.extend(labels.iter().map(|(name, _)| name.to_owned()))))
}

/// The values that the label `name` has in those series, sorted.
pub fn label_values<S: AsRef<str>>(
    source: &Source,
    name: &str,
    selectors: &[S],
    range: TimeRange,
    limits: &Limits,
) -> Result<Listing<String>, PromqlError> {
    let sets = series(source, selectors, range, limits)?;
    Ok(distinct(sets, |labels, out| {
        let value = labels.get(name);
        if !value.is_empty() {
            out.insert(value.to_owned());
        }
    }))
}

fn distinct(sets: Listing<Labels>, mut add: impl FnMut(&Labels, &mut hashbrown::HashSet<String>)) -> Listing<String> {
    let mut seen = hashbrown::HashSet::new();
    sets.items.iter().for_each(|labels| add(labels, &mut seen));
    let mut items: Vec<String> = seen.into_iter().collect();
    items.sort();
    Listing { items, warnings: sets.warnings }
}

/// The metrics of a store by their Prometheus names, sorted; of `metric` only, if it is given.
pub fn metadata(source: &Source, metric: Option<&str>) -> Listing<(String, Vec<Metadata>)> {
    let families = source.families().into_iter();
    let mut metrics: Vec<(String, Vec<Metadata>)> =
        families.filter(|(name, _)| metric.is_none_or(|metric| metric == name)).collect();
    metrics.sort_by(|a, b| a.0.cmp(&b.0));
    Listing { items: metrics, warnings: source.unread() }
}

fn millis(time: Nanos) -> Millis {
    time.div_euclid(model::time::MILLISECOND)
}
