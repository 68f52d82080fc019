//! `target_info`: one series of ones for each resource, whose labels are the resource's attributes.
//!
//! Nothing of the kind is stored. A resource is there from the first to the last point of its series, and sampled once
//! a minute in between.

use std::sync::Arc;

use hashbrown::HashMap;
use model::time::MILLISECOND;
use model::{Nanos, Resource};
use store::{Snapshot, StoredSeries};

use super::super::error::PromqlError;
use super::super::labels::{Labels, NAME};
use super::super::limits::Meter;
use super::super::matcher::Matcher;
use super::super::value::{Millis, SampleKind, SeriesData};
use super::points::time_range;
use super::spelling::{Speller, Spelling, if_accepted, target_labels};

const TARGET_INFO: &str = "target_info";
const INTERVAL: Millis = 60_000;

/// The attributes that `job` and `instance` are made of.
const IDENTIFYING: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];

pub(super) fn select(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    after: Millis,
    until: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<SeriesData>, PromqlError> {
    let mut series = Vec::new();
    for (labels, first, last) in resources(snapshot, matchers, after, until, meter)? {
        let times: Vec<Millis> =
            sample_times(first.div_euclid(MILLISECOND), last.div_euclid(MILLISECOND), after, until);
        meter.charge(times.len())?;
        if !times.is_empty() {
            let floats = vec![1.0; times.len()];
            series.push(SeriesData { labels, kind: SampleKind::Gauge, times, floats, ..Default::default() });
        }
    }
    Ok(series)
}

pub(super) fn label_sets(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    after: Millis,
    until: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<Labels>, PromqlError> {
    Ok(resources(snapshot, matchers, after, until, meter)?.into_iter().map(|(labels, ..)| labels).collect())
}

/// The labels of the resources that the matchers accept, and when they were first and last heard of.
fn resources(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    after: Millis,
    until: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<(Labels, Nanos, Nanos)>, PromqlError> {
    let asked = matchers.iter().all(|matcher| matcher.name != NAME || matcher.accepts(TARGET_INFO));
    if !asked {
        return Ok(Vec::new());
    }
    let range = time_range(after, until);
    let mut speller = Speller::default();
    let mut of_resource: HashMap<Vec<u8>, Option<Labels>> = HashMap::new();
    let mut found: HashMap<Labels, (Nanos, Nanos)> = HashMap::new();
    // What came from Prometheus has the `target_info` that came with it, if any.
    let of_otlp = |stored: &&Arc<StoredSeries>| stored.overlaps(range) && stored.scope().prometheus().is_none();
    for stored in snapshot.series().all().iter().filter(of_otlp) {
        let resource = stored.resource();
        let labels = of_resource
            .entry_ref(resource.as_bytes())
            .or_insert_with(|| if_accepted(labels_of(resource, &mut speller), matchers));
        let Some(labels) = labels else { continue };
        let (first, last) = stored.times();
        let times = found.entry(labels.clone()).or_insert((first, last));
        *times = (times.0.min(first), times.1.max(last));
    }
    meter.check_series(found.len())?;
    Ok(found.into_iter().map(|(labels, (first, last))| (labels, first, last)).collect())
}

fn labels_of(resource: Resource<'_>, speller: &mut Speller) -> Labels {
    let attributes = speller.attributes(resource.attrs(), Spelling::Prometheus, "");
    let identifying = |name: &str| IDENTIFYING.iter().any(|key| key.replace('.', "_") == name);
    let mut pairs: Vec<(String, String)> = attributes
        .into_iter()
        .filter(|(name, _)| !identifying(name))
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let target = target_labels(resource.service_name(), resource.attrs());
    pairs.extend(target.into_iter().map(|(name, value)| (name.to_owned(), value)));
    pairs.push((NAME.to_owned(), TARGET_INFO.to_owned()));
    Labels::new(pairs)
}

/// The first and the last time, and the whole minutes between them, as far as they are in `(after, until]`.
fn sample_times(first: Millis, last: Millis, after: Millis, until: Millis) -> Vec<Millis> {
    let from = first.max(after.saturating_add(1));
    let to = last.min(until);
    let mut times: Vec<Millis> = Vec::new();
    if first == from && first <= to {
        times.push(first);
    }
    let mut minute = from.div_euclid(INTERVAL).saturating_add(1).saturating_mul(INTERVAL);
    if from % INTERVAL == 0 && from != first {
        minute = from;
    }
    while minute < to || minute == to && to != last {
        times.push(minute);
        minute = minute.saturating_add(INTERVAL);
    }
    if last == to && last > first && last >= from {
        times.push(last);
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_the_ends_and_the_minutes_between() {
        let cases = [
            ((30_000, 200_000, 0, 300_000), vec![30_000, 60_000, 120_000, 180_000, 200_000]),
            ((30_000, 200_000, 60_000, 120_000), vec![120_000]),
            ((0, 60_000, -1, 60_000), vec![0, 60_000]),
            ((5, 5, 0, 10), vec![5]),
            ((5, 5, 5, 10), vec![]),
            ((0, 500_000, 119_999, 180_000), vec![120_000, 180_000]),
        ];
        for ((first, last, after, until), expected) in cases {
            assert_eq!(sample_times(first, last, after, until), expected, "{first}..{last} in ({after}, {until}]");
        }
    }
}
