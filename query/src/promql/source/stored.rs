//! Selects series of a store's snapshot.

use std::sync::Arc;

use hashbrown::HashSet;
use model::{SeriesId, TimeRange};
use store::{Snapshot, StoredSeries};

use super::super::error::PromqlError;
use super::super::labels::{Labels, NAME};
use super::super::limits::Meter;
use super::super::matcher::{Matcher, Test};
use super::super::value::{Millis, SeriesData};
use super::conditions;
use super::names::first_word;
use super::points::{self, Wanted, time_range};
use super::samples;
use super::spans;
use super::spelling::{Part, Speller, accepts_split, split_value};
use super::target_info;
use super::{Selection, Visited};

/// What `visit` makes of the series that all `matchers` accept and that `is_hidden` does not hide, with their labels, sorted by them.
pub(super) fn each<R: Send>(
    snapshot: &Snapshot,
    Selection { matchers, after, until, meter }: Selection<'_>,
    is_hidden: &dyn Fn(&Labels) -> bool,
    visit: &(impl Fn(&mut dyn Iterator<Item = SeriesData>) -> Visited<R> + Sync),
) -> Result<Vec<(Labels, R)>, PromqlError> {
    let mut wanted = wanted(snapshot, matchers, after, until, meter)?;
    wanted.retain(|it| !is_hidden(&it.labels));
    let range = time_range(after, until);
    let (sole, others) = sole_numbers(wanted);
    let labels: Vec<Labels> = sole.iter().map(|it| it.labels.clone()).collect();
    let made = samples::each(snapshot, sole, range, meter, visit)?;
    let mut made: Vec<(Labels, R)> = made.into_iter().map(|(place, it)| (labels[place].clone(), it)).collect();

    let mut series = together(snapshot, others, range, matchers, meter)?;
    series.extend(target_info::select(snapshot, matchers, after, until, meter)?);
    series.extend(spans::select(snapshot, matchers, after, until, meter)?);
    series.retain(|it| !is_hidden(&it.labels));
    if !series.is_empty() {
        let labels: Vec<Labels> = series.iter().map(|it| it.labels.clone()).collect();
        let visited = visit(&mut series.into_iter())?;
        made.extend(labels.into_iter().zip(visited).filter_map(|(labels, it)| Some((labels, it?))));
        made.sort_by(|a, b| a.0.cmp(&b.0));
    }
    Ok(made)
}

/// Series of numbers, sorted by labels, each of which is the only one with its labels; and the others.
fn sole_numbers(mut wanted: Vec<Wanted>) -> (Vec<Wanted>, Vec<Wanted>) {
    wanted.sort_by(|a, b| a.labels.cmp(&b.labels));
    // Series that are no numbers may be split by a label that comes with their points.
    let names: HashSet<String> =
        wanted.iter().filter(|it| !it.is_number()).map(|it| it.labels.name().to_owned()).collect();
    let is_shared: Vec<bool> = wanted
        .chunk_by(|a, b| a.labels == b.labels)
        .flat_map(|group| {
            let is_shared = group.len() > 1 || names.contains(group[0].labels.name());
            std::iter::repeat_n(is_shared, group.len())
        })
        .collect();
    let mut is_shared = is_shared.into_iter();
    wanted.into_iter().partition(|it| is_shared.next() == Some(false) && it.is_number())
}

/// The samples of series that may have the same labels.
fn together(
    snapshot: &Snapshot,
    wanted: Vec<Wanted>,
    range: TimeRange,
    matchers: &[Matcher],
    meter: &Meter<'_>,
) -> Result<Vec<SeriesData>, PromqlError> {
    let as_written: HashSet<SeriesId> = wanted.iter().filter(|it| it.as_written()).map(|it| it.id).collect();
    let (numbers, others): (Vec<_>, Vec<_>) = wanted.into_iter().partition(Wanted::is_number);
    let ids: Vec<SeriesId> = numbers.iter().map(|it| it.id).collect();
    let read = |series: &mut dyn Iterator<Item = SeriesData>| Ok(series.map(Some).collect());
    let numbers = samples::each(snapshot, numbers, range, meter, &read)?;
    let mut series: Vec<_> = numbers.into_iter().map(|(place, it)| (ids[place], it)).collect();
    if !others.is_empty() {
        series.extend(points::read(snapshot, others, range, matchers, meter)?);
    }
    Ok(tell_apart(series, &as_written))
}

pub(super) fn label_sets(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    start: Millis,
    end: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<Labels>, PromqlError> {
    let after = start.saturating_sub(1);
    let wanted = wanted(snapshot, matchers, after, end, meter)?;
    let split = wanted.iter().filter(|it| it.part.split_label().is_some()).map(|it| (it.id, it.metric));
    let layouts = points::layouts(snapshot, split.collect(), time_range(after, end), meter)?;
    let mut sets = Vec::with_capacity(wanted.len());
    for it in wanted {
        let Some(label) = it.part.split_label() else {
            sets.push(it.labels);
            continue;
        };
        for key in layouts.get(&it.id).into_iter().flatten() {
            let value = split_value(*key);
            if accepts_split(matchers, it.part, &value) {
                sets.push(it.labels.with(label, &value));
            }
        }
    }
    sets.extend(target_info::label_sets(snapshot, matchers, after, end, meter)?);
    sets.extend(spans::label_sets(snapshot, matchers, after, end, meter)?);
    Ok(sets)
}

/// The virtual series that the matchers accept, of stored series that may have points in `(after, until]`.
fn wanted(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    after: Millis,
    until: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<Wanted>, PromqlError> {
    wanted_in(snapshot, matchers, time_range(after, until), meter)
}

/// Of stored series that may have points in `range`.
pub(super) fn wanted_in(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    range: TimeRange,
    meter: &Meter<'_>,
) -> Result<Vec<Wanted>, PromqlError> {
    let index = snapshot.series();
    snapshot.unread_series(range).iter().for_each(|error| super::report(error, meter));
    let mut speller = Speller::default();
    let mut wanted = Vec::new();
    let candidates = conditions::with(index, matchers, meter, |conditions| {
        index.select(|name| may_be_named(name, matchers), conditions)
    })?;
    for stored in candidates.iter().filter(|stored| stored.overlaps(range)) {
        push_wanted(stored, &mut speller, matchers, &mut wanted);
        meter.check_series(wanted.len())?;
    }
    Ok(wanted)
}

fn push_wanted(stored: &Arc<StoredSeries>, speller: &mut Speller, matchers: &[Matcher], wanted: &mut Vec<Wanted>) {
    let series = stored.as_series();
    for part in Part::of_series(&series) {
        if let Some(labels) = speller.accepted(&series, *part, matchers) {
            wanted.push(Wanted {
                id: stored.id,
                part: *part,
                labels,
                metric: stored.kind,
                temporality: stored.temporality,
                monotonic: stored.monotonic,
                metric_type: series.scope.prometheus().map(|mark| mark.metric_type),
            });
        }
    }
}

/// Whether series of the metric `name`, as sent, may have the name asked for in one of its spellings. Cheap: it is
/// asked of every metric there is.
fn may_be_named(name: &str, matchers: &[Matcher]) -> bool {
    matchers.iter().filter(|matcher| matcher.name == NAME).all(|matcher| match &matcher.test {
        Test::Equal(asked) => {
            let word = first_word(name);
            asked.starts_with(name) || !word.is_empty() && asked.trim_start_matches('_').starts_with(word)
        }
        _ => true,
    })
}

/// Gives series their own labels where several stored ones have come to the same.
///
/// A process that was restarted comes back as another resource; its series go on where the old ones ended, and are
/// joined. Series that run at the same time are different ones, whose resources differ in attributes that are no
/// labels: a label `otel_series` tells them apart, so that sums are right and nothing is lost.
///
/// To Prometheus a series is its labels. So those in `as_written` are one where they have the same, whatever kinds of samples
/// and metadata they came with.
fn tell_apart(mut series: Vec<(SeriesId, SeriesData)>, as_written: &HashSet<SeriesId>) -> Vec<SeriesData> {
    let is_written = |it: &(SeriesId, SeriesData)| as_written.contains(&it.0);
    series.sort_by(|a, b| {
        let order = a.1.labels.cmp(&b.1.labels).then_with(|| is_written(a).cmp(&is_written(b)));
        order.then_with(|| a.1.first_time().cmp(&b.1.first_time()))
    });
    series.dedup_by(|next, before| {
        let same = is_written(next) && is_written(before) && next.1.labels == before.1.labels;
        if same {
            before.1.merge(std::mem::take(&mut next.1));
        }
        same
    });
    series.sort_by(|a, b| a.1.labels.cmp(&b.1.labels).then(a.1.first_time().cmp(&b.1.first_time())));
    let mut result: Vec<SeriesData> = Vec::with_capacity(series.len());
    for group in series.chunk_by_mut(|a, b| a.1.labels == b.1.labels) {
        let follow = group.is_sorted_by(|a, b| a.1.kind == b.1.kind && a.1.last_time() < b.1.first_time());
        if let [(_, only)] = group {
            result.push(std::mem::take(only));
        } else if follow {
            let mut joined = SeriesData::default();
            for (_, part) in group {
                let part = std::mem::take(part);
                joined.labels = part.labels;
                joined.kind = part.kind;
                joined.times.extend(part.times);
                joined.floats.extend(part.floats);
                joined.histogram_times.extend(part.histogram_times);
                joined.histograms.extend(part.histograms);
            }
            result.push(joined);
        } else {
            for (id, data) in group {
                let mut data = std::mem::take(data);
                data.labels = data.labels.with("otel_series", &format!("{:08x}", id.0 as u32));
                result.push(data);
            }
        }
    }
    result
}
