//! Metrics that are made of spans when they are asked for, under the names that span metrics and service graphs have
//! elsewhere: nothing of the kind is stored.
//!
//! A series is a counter that begins with 0 where the query's range begins, or with the first minute in which it counts
//! something, and has a sample each half minute. Within a minute it rises evenly, rounded down; within the minute of the newest
//! span up to that one. So what it rises by over whole minutes is exact, and there are no resets.
//!
//! A metric of one of these families that was sent is not made.

use hashbrown::HashMap;
use model::time::{MILLISECOND, MINUTE};
use model::{StatusCode, TimeRange};
use store::summary::{CallCounts, Operation, ServiceName};
use store::{Snapshot, Table};

use crate::services::{Covered, Ends, as_served, calls};

use super::super::error::PromqlError;
use super::super::labels::{LE, Labels, NAME};
use super::super::limits::Meter;
use super::super::matcher::Matcher;
use super::super::metadata::Metadata;
use super::super::value::{Millis, SeriesData};
use super::points::time_range;
use super::spelling::{Part, accepts_split};
use super::stored::wanted_in;

mod counted;
mod exemplars;
mod families;

use counted::Counted;
pub(super) use exemplars::exemplars;
use families::{FAMILIES, Family, What};

/// A family and a part of it that is asked for.
#[derive(Clone, Copy)]
struct Asked {
    family: &'static Family,
    part: Part,
}

impl Asked {
    fn name(self) -> String {
        format!("{}{}", self.family.name, self.part.suffix())
    }
}

/// The parts that matchers on the name accept, but for those of families that were sent.
fn asked(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    range: TimeRange,
    meter: &Meter<'_>,
) -> Result<Vec<Asked>, PromqlError> {
    let mut asked = Vec::new();
    if snapshot.extent(Table::Spans).is_none() {
        return Ok(asked);
    }
    for family in &FAMILIES {
        let parts = family.what.parts().iter().map(|part| Asked { family, part: *part });
        let accepted = parts.filter(|it| {
            let name = it.name();
            matchers.iter().all(|matcher| matcher.name != NAME || matcher.accepts(&name))
        });
        let accepted: Vec<Asked> = accepted.collect();
        if !accepted.is_empty() && !is_sent(snapshot, family, range, meter)? {
            asked.extend(accepted);
        }
    }
    Ok(asked)
}

fn is_sent(snapshot: &Snapshot, family: &Family, range: TimeRange, meter: &Meter<'_>) -> Result<bool, PromqlError> {
    for part in family.what.parts() {
        let name = format!("{}{}", family.name, part.suffix());
        if !wanted_in(snapshot, &[Matcher::equal(NAME, name)], range, meter)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The series that all `matchers` accept, with their samples in `(after, until]`.
pub(super) fn select(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    after: Millis,
    until: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<SeriesData>, PromqlError> {
    let mut series = Vec::new();
    for asked in asked(snapshot, matchers, time_range(after, until), meter)? {
        let minutes = Minutes::of(snapshot, after, until);
        for (labels, counted) in gather(snapshot, asked, matchers, &minutes, meter)? {
            series.extend(counted.into_series(asked, labels, matchers, &minutes, meter)?);
        }
    }
    Ok(series)
}

/// The label sets of those series.
pub(super) fn label_sets(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    after: Millis,
    until: Millis,
    meter: &Meter<'_>,
) -> Result<Vec<Labels>, PromqlError> {
    let minutes = Minutes::of(snapshot, after, until);
    let is_of_labels = |matcher: &&Matcher| matcher.name != NAME && matcher.name != LE;
    let of_labels: Vec<Matcher> = matchers.iter().filter(is_of_labels).cloned().collect();
    let mut sets = Vec::new();
    let mut known: [Option<Vec<Labels>>; 3] = Default::default();
    for asked in asked(snapshot, matchers, time_range(after, until), meter)? {
        let known = &mut known[asked.family.what.subject()];
        let labels = match known {
            Some(labels) => &*labels,
            None => {
                let one = Asked { part: Part::Count, ..asked };
                let found = gather(snapshot, one, &of_labels, &minutes, meter)?;
                &*known.insert(found.into_iter().map(|(labels, _)| labels).collect())
            }
        };
        for labels in labels {
            let labels = labels.with(NAME, &asked.name());
            let values = match asked.part.split_label() {
                None => vec![String::new()],
                Some(_) => counted::bounds(asked.family.what),
            };
            let accepted = values.iter().filter(|value| accepts_split(matchers, Part::Buckets, value));
            sets.extend(accepted.map(|value| labels.with(LE, value)));
        }
        meter.check_series(sets.len())?;
    }
    Ok(sets)
}

/// What there is to know of the families that are made.
pub(super) fn families(snapshot: &Snapshot, families: &mut HashMap<String, Vec<Metadata>>) {
    if snapshot.extent(Table::Spans).is_none() {
        return;
    }
    for family in &FAMILIES {
        let is_histogram = family.what.is_histogram();
        families.entry(family.name.to_owned()).or_insert_with(|| {
            let kind = if is_histogram { "histogram" } else { "counter" };
            let unit = if is_histogram { "s" } else { "" };
            vec![Metadata { kind, help: family.help.to_owned(), unit: unit.to_owned() }]
        });
    }
}

/// The minutes that have samples in a range.
struct Minutes {
    first: i64,
    end: i64,
    after: Millis,
    until: Millis,
    /// When the newest span started.
    newest: Millis,
}

const MINUTE_MILLIS: Millis = MINUTE / MILLISECOND;

impl Minutes {
    fn of(snapshot: &Snapshot, after: Millis, until: Millis) -> Self {
        let first = after.div_euclid(MINUTE_MILLIS);
        let end = until.saturating_sub(1).div_euclid(MINUTE_MILLIS).saturating_add(1);
        let newest = snapshot.extent(Table::Spans).map_or(Millis::MIN, |(_, newest)| newest / MILLISECOND);
        Minutes { first, end: end.max(first), after, until, newest }
    }

    fn has(&self, time: Millis) -> bool {
        self.after < time && time <= self.until
    }

    /// How much of a minute that begins at `start` there was when its spans had come, in milliseconds: half of it at least.
    fn elapsed(&self, start: Millis) -> u64 {
        let elapsed = self.newest.saturating_sub(start);
        let is_over = !(0..MINUTE_MILLIS).contains(&elapsed);
        (if is_over { MINUTE_MILLIS } else { elapsed.max(MINUTE_MILLIS / 2) }) as u64
    }
}

/// What is counted of each series that the matchers accept, but for those on the part's own label.
fn gather(
    snapshot: &Snapshot,
    asked: Asked,
    matchers: &[Matcher],
    minutes: &Minutes,
    meter: &Meter<'_>,
) -> Result<Vec<(Labels, Counted)>, PromqlError> {
    let covered = Covered::of_minutes(minutes.first, minutes.end);
    let mut series = Series { asked, matchers, index: HashMap::new(), list: Vec::new() };
    if minutes.first == minutes.end {
        return Ok(series.list);
    }
    match asked.family.what {
        What::Spans | What::Latency => series.of_spans(snapshot, &covered, meter)?,
        _ => series.of_calls(snapshot, &covered, meter)?,
    }
    meter.check_series(series.list.len())?;
    Ok(series.list)
}

struct Series<'a> {
    asked: Asked,
    matchers: &'a [Matcher],
    index: HashMap<Labels, usize>,
    list: Vec<(Labels, Counted)>,
}

impl Series<'_> {
    fn of_spans(&mut self, snapshot: &Snapshot, covered: &Covered, meter: &Meter<'_>) -> Result<(), PromqlError> {
        let mut unreadable = |error: &_| super::report(error, meter);
        let in_time = covered.read(snapshot, &meter.limits.budget, false, &mut unreadable, |summary| {
            let place =
                |it: &Operation| self.place(|name| operation_labels(name, it, &summary.services[it.service as usize]));
            let places: Vec<Option<usize>> = summary.operations.iter().map(place).collect();
            let wanted = |operation: u32| places[operation as usize].is_some();
            let (mut added, asked) = (0, self.asked);
            let read = summary.spans(&covered.wanted(&wanted, &|_| false), |cell| {
                let Some(place) = places[cell.operation as usize] else { return };
                added += self.list[place].1.add_durations(cell.slot, asked, cell.durations);
            });
            meter.charge(added)?;
            meter.check_series(self.list.len())?;
            Ok::<_, PromqlError>(read)
        })?;
        if !in_time {
            meter.check()?;
        }
        Ok(())
    }

    fn of_calls(&mut self, snapshot: &Snapshot, covered: &Covered, meter: &Meter<'_>) -> Result<(), PromqlError> {
        let mut unreadable = |error: &_| super::report(error, meter);
        let mut places: Vec<Option<usize>> = Vec::new();
        let (matchers, asked) = (self.matchers, self.asked);
        let wanted = |ends: &Ends| accepted(matchers, asked, |name| call_labels(name, ends)).is_some();
        let visit = |ends: &Ends, number: u32, slot, counts: &CallCounts| {
            let number = number as usize;
            if number >= places.len() {
                places.resize(number + 1, None);
            }
            if places[number].is_none() {
                places[number] = self.place(|name| call_labels(name, ends));
            }
            let Some(place) = places[number] else { return Ok(()) };
            let counted = &mut self.list[place].1;
            let added = match asked.family.what {
                What::Calls => counted.add(slot, counts.n_calls),
                What::Failed => counted.add(slot, counts.n_failed),
                What::Served => counted.add_durations(slot, asked, as_served(counts)),
                // Of calls of which the calling side is not known, nothing is known.
                _ if counts.client.buckets.is_empty() => 0,
                _ => counted.add_durations(slot, asked, &counts.client),
            };
            meter.charge(added)
        };
        let (_, missing) = calls(snapshot, &meter.limits.budget, covered, &mut unreadable, &wanted, visit)?;
        if missing.older {
            meter.check()?;
        }
        self.list.retain(|(_, counted)| !counted.is_empty());
        Ok(())
    }

    /// The place of the series with these labels, if the matchers accept them.
    fn place(&mut self, labels: impl FnOnce(&str) -> Labels) -> Option<usize> {
        let labels = accepted(self.matchers, self.asked, labels)?;
        let n = self.list.len();
        let place = *self.index.entry(labels.clone()).or_insert(n);
        if place == n {
            self.list.push((labels, Counted::new(self.asked)));
        }
        Some(place)
    }
}

/// The labels, if the matchers accept them, but for those on the part's own label.
fn accepted(matchers: &[Matcher], asked: Asked, labels: impl FnOnce(&str) -> Labels) -> Option<Labels> {
    let (labels, split) = (labels(&asked.name()), asked.part.split_label());
    let others = matchers.iter().filter(|matcher| Some(matcher.name.as_str()) != split);
    others.into_iter().all(|matcher| matcher.accepts(labels.get(&matcher.name))).then_some(labels)
}

fn operation_labels(name: &str, operation: &Operation, service: &ServiceName) -> Labels {
    let status = match operation.status {
        StatusCode::Unset => "STATUS_CODE_UNSET",
        StatusCode::Ok => "STATUS_CODE_OK",
        StatusCode::Error => "STATUS_CODE_ERROR",
    };
    let job = match service.namespace.as_str() {
        "" => service.name.clone(),
        namespace => format!("{namespace}/{}", service.name),
    };
    let kind = format!("SPAN_KIND_{}", operation.kind.name().to_ascii_uppercase());
    let pairs: [(&str, &str); 6] = [
        (NAME, name),
        ("service", &service.name),
        ("span_name", &operation.name),
        ("span_kind", &kind),
        ("status_code", status),
        ("job", &job),
    ];
    Labels::new(pairs)
}

fn call_labels(name: &str, ends: &Ends) -> Labels {
    let pairs: [(&str, &str); 6] = [
        (NAME, name),
        ("client", &ends.client.name),
        ("server", &ends.server.name),
        ("connection_type", ends.connection.name()),
        ("client_service_namespace", &ends.client.namespace),
        ("server_service_namespace", &ends.server.namespace),
    ];
    Labels::new(pairs)
}
