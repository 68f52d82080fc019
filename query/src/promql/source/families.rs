//! The metrics of a store, by their Prometheus names: what [`super::super::metadata`] lists.

use std::sync::Arc;

use hashbrown::HashMap;
use model::MetricKind;
use model::prometheus::MetricType;
use store::{Snapshot, StoredSeries};

use super::super::metadata::Metadata;
use super::spelling::{Part, Speller, Spelling};

/// What is known of each metric. Of one that came from Prometheus, its type is what it came with; where series and metadata come
/// apart, they are brought together by their names.
pub(super) fn families(snapshot: &Snapshot) -> HashMap<String, Vec<Metadata>> {
    let mut families: HashMap<String, Vec<Metadata>> = HashMap::new();
    let mut untyped: Vec<Arc<str>> = Vec::new();
    let mut speller = Speller::default();
    let index = snapshot.series();
    for name in index.names() {
        let mut is_untyped = false;
        for stored in index.by_name(&name) {
            let family = match stored.scope().prometheus() {
                None => {
                    let family = speller.metric_name(&stored.as_series(), Part::Value, Spelling::Prometheus);
                    if family.is_empty() { name.to_string() } else { family }
                }
                Some(mark)
                    if mark.metric_type == MetricType::Unknown && is_number(stored.kind) && !mark.is_metadata =>
                {
                    is_untyped = true;
                    continue;
                }
                Some(mark) => mark.metric_type.family(&name).to_owned(),
            };
            let known = families.entry(family).or_default();
            let about = about(&stored);
            if !known.contains(&about) {
                known.push(about);
            }
        }
        if is_untyped {
            untyped.push(name);
        }
    }
    for name in untyped {
        let types = [MetricType::Histogram, MetricType::GaugeHistogram, MetricType::Summary];
        let is_part = |metric_type: &MetricType| {
            let family = families.get(metric_type.family(&name));
            family.is_some_and(|about| about.iter().any(|about| about.kind == metric_type.name()))
        };
        if !families.contains_key(&*name) && !types.iter().any(is_part) {
            let about = Metadata { kind: MetricType::Unknown.name(), help: String::new(), unit: String::new() };
            families.insert(name.to_string(), vec![about]);
        }
    }
    families
}

fn about(stored: &StoredSeries) -> Metadata {
    let kind = match stored.scope().prometheus() {
        Some(mark) if mark.metric_type != MetricType::Unknown || is_number(stored.kind) => mark.metric_type.name(),
        _ => kind_name(stored.kind, stored.monotonic),
    };
    Metadata { kind, help: stored.description.to_string(), unit: stored.unit.to_string() }
}

fn is_number(kind: MetricKind) -> bool {
    matches!(kind, MetricKind::Gauge | MetricKind::Sum)
}

fn kind_name(kind: MetricKind, monotonic: bool) -> &'static str {
    match kind {
        MetricKind::Sum if monotonic => "counter",
        MetricKind::Gauge | MetricKind::Sum => "gauge",
        MetricKind::Histogram | MetricKind::ExponentialHistogram => "histogram",
        MetricKind::Summary => "summary",
    }
}
