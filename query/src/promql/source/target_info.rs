//! `target_info`: one series of ones for each resource, whose labels are the resource's attributes.
//!
//! Nothing of the kind is stored. A resource is there while its series have points: it has a sample at the first and at the
//! last point of each minute. So an instant that looks back a minute or more sees it exactly if it sees a point, and the
//! samples are the same ones wherever the points lie.

use std::sync::Arc;

use hashbrown::HashMap;
use model::time::{MILLISECOND, MINUTE};
use model::{Nanos, Resource, SeriesId, TimeRange};
use store::{Moments, Snapshot, StoredSeries};

use super::super::error::PromqlError;
use super::super::labels::{Labels, NAME};
use super::super::limits::Meter;
use super::super::matcher::Matcher;
use super::super::value::{Millis, SampleKind, SeriesData};
use super::points::time_range;
use super::spelling::{Speller, Spelling, if_accepted, target_labels};

const TARGET_INFO: &str = "target_info";

/// The attributes that `job` and `instance` are made of.
const IDENTIFYING: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];

pub(super) fn select(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    after: Millis,
    until: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<SeriesData>, PromqlError> {
    let found = resources(snapshot, matchers, after, until, meter)?;
    let mut groups: HashMap<SeriesId, usize> = HashMap::new();
    for (group, (_, series)) in found.iter().enumerate() {
        groups.extend(series.iter().map(|id| (*id, group)));
    }
    let minutes = minutes(snapshot, &groups, time_range(after, until), meter)?;
    let mut times: Vec<Vec<Millis>> = vec![Vec::new(); found.len()];
    for ((group, _), (first, last)) in minutes {
        times[group].extend([first, last].map(|time| time.div_euclid(MILLISECOND)));
    }
    let mut series = Vec::new();
    for ((labels, _), mut times) in found.into_iter().zip(times) {
        times.retain(|time| after < *time && *time <= until);
        times.sort_unstable();
        times.dedup();
        if !times.is_empty() {
            let floats = vec![1.0; times.len()];
            series.push(SeriesData { labels, kind: SampleKind::Gauge, times, floats, ..Default::default() });
        }
    }
    Ok(series)
}

/// By group and minute, the first and the last point.
type Minutes = HashMap<(usize, i64), (Nanos, Nanos)>;

/// The first and the last point of each group in each of its minutes that are in `range`, as a whole or in part.
fn minutes(
    snapshot: &Snapshot,
    groups: &HashMap<SeriesId, usize>,
    range: TimeRange,
    meter: &Meter<'_>,
) -> Result<Minutes, PromqlError> {
    let mut minutes = Minutes::new();
    if groups.is_empty() {
        return Ok(minutes);
    }
    let whole = |time: Nanos| time.div_euclid(MINUTE).saturating_mul(MINUTE);
    let range = TimeRange::new(whole(range.start), whole(range.end.saturating_add(MINUTE - 1)));
    snapshot.moments(groups, range, |moments| {
        let (group, times) = match moments {
            Moments::Of(group, times) => (group, times),
            Moments::Unreadable(error) => {
                super::report(&error, meter);
                return Ok(());
            }
        };
        let before = minutes.len();
        for of_minute in times.chunk_by(|a, b| a.div_euclid(MINUTE) == b.div_euclid(MINUTE)) {
            let (first, last) = of_minute
                .iter()
                .fold((of_minute[0], of_minute[0]), |(first, last), time| (first.min(*time), last.max(*time)));
            if range.contains(first) {
                let known = minutes.entry((group, first.div_euclid(MINUTE))).or_insert((first, last));
                *known = (known.0.min(first), known.1.max(last));
            }
        }
        meter.charge(2 * (minutes.len() - before))
    })?;
    Ok(minutes)
}

pub(super) fn label_sets(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    after: Millis,
    until: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<Labels>, PromqlError> {
    Ok(resources(snapshot, matchers, after, until, meter)?.into_iter().map(|(labels, _)| labels).collect())
}

/// The labels of the resources that the matchers accept, each with the series that may have points in `(after, until]`.
fn resources(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    after: Millis,
    until: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<(Labels, Vec<SeriesId>)>, PromqlError> {
    let asked = matchers.iter().all(|matcher| matcher.name != NAME || matcher.accepts(TARGET_INFO));
    if !asked {
        return Ok(Vec::new());
    }
    let range = time_range(after, until);
    let mut speller = Speller::default();
    let mut of_resource: HashMap<Vec<u8>, Option<Labels>> = HashMap::new();
    let mut found: HashMap<Labels, Vec<SeriesId>> = HashMap::new();
    // What came from Prometheus has the `target_info` that came with it, if any.
    let of_otlp = |stored: &&Arc<StoredSeries>| stored.overlaps(range) && stored.scope().prometheus().is_none();
    for stored in snapshot.series().all().iter().filter(of_otlp) {
        let resource = stored.resource();
        let labels = of_resource
            .entry_ref(resource.as_bytes())
            .or_insert_with(|| if_accepted(labels_of(resource, &mut speller), matchers));
        let Some(labels) = labels else { continue };
        found.entry(labels.clone()).or_default().push(stored.id);
    }
    meter.check_series(found.len())?;
    Ok(found.into_iter().collect())
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
