//! Where series come from: a snapshot of the store, or a set in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use model::TimeRange;
use store::{ReadError, Snapshot};

use super::error::PromqlError;
use super::exemplars::SeriesExemplars;
use super::labels::Labels;
use super::limits::Meter;
use super::matcher::{Matcher, all_accept};
use super::metadata::Metadata;
use super::value::{Millis, SeriesData};

mod conditions;
mod exemplars;
mod families;
pub(super) mod names;
mod points;
mod samples;
mod spans;
mod spelling;
mod stored;
mod target_info;

pub use names::prometheus_name;

/// Series to query.
pub struct Source(Kind);

/// The series that all `matchers` accept, and their samples in `(after, until]`.
#[derive(Clone, Copy)]
pub(super) struct Selection<'a> {
    pub(super) matchers: &'a [Matcher],
    pub(super) after: Millis,
    pub(super) until: Millis,
    pub(super) meter: &'a Meter<'a>,
}

/// What was made of each of some series, in their order.
pub(super) type Visited<R> = Result<Vec<Option<R>>, PromqlError>;

enum Kind {
    Store(Box<Snapshot>),
    /// Series in memory over those of a store, of which the metrics with these names are not looked at.
    Over(Box<Snapshot>, Arc<BTreeMap<Labels, SeriesData>>, Arc<BTreeSet<String>>),
    /// Sorted by labels.
    Memory(Vec<SeriesData>),
}

impl Source {
    /// The metrics of a store.
    pub fn store(snapshot: Snapshot) -> Self {
        Source(Kind::Store(Box::new(snapshot)))
    }

    /// The metrics of a store, but for those that `hidden` names, with `series` besides, each with its samples in order of time.
    pub fn over(snapshot: Snapshot, series: Arc<BTreeMap<Labels, SeriesData>>, hidden: Arc<BTreeSet<String>>) -> Self {
        Source(Kind::Over(Box::new(snapshot), series, hidden))
    }

    /// A set of series, each with its samples in order of time.
    pub fn memory(mut series: Vec<SeriesData>) -> Self {
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Source(Kind::Memory(series))
    }

    /// What `visit` makes of each series of a selection, with their labels, sorted by them. It is called with several series at a
    /// time, by several threads. What it does not hand on it may count out ([`Meter::release`]).
    pub(super) fn each<R: Send>(
        &self,
        selection: Selection<'_>,
        visit: impl Fn(&mut dyn Iterator<Item = SeriesData>) -> Visited<R> + Sync,
    ) -> Result<Vec<(Labels, R)>, PromqlError> {
        let made = match &self.0 {
            Kind::Store(snapshot) => stored::each(snapshot, selection, &|_| false, &visit)?,
            Kind::Over(snapshot, series, hidden) => {
                let mut made = stored::each(snapshot, selection, &|labels| hidden.contains(labels.name()), &visit)?;
                made.extend(of_memory(series.values(), selection, &visit)?);
                made.sort_by(|a, b| a.0.cmp(&b.0));
                made
            }
            Kind::Memory(series) => of_memory(series.iter(), selection, &visit)?,
        };
        selection.meter.check_series(made.len())?;
        Ok(made)
    }

    /// The label sets of the series that all `matchers` accept and that have samples in `[start, end]`, sorted.
    pub(super) fn label_sets(
        &self,
        matchers: &[Matcher],
        start: Millis,
        end: Millis,
        meter: &Meter<'_>,
    ) -> Result<Vec<Labels>, PromqlError> {
        let mut sets = match &self.0 {
            Kind::Store(snapshot) | Kind::Over(snapshot, ..) => {
                stored::label_sets(snapshot, matchers, start, end, meter)?
            }
            Kind::Memory(series) => {
                let lives = |one: &&SeriesData| {
                    one.times.iter().chain(&one.histogram_times).any(|time| (start..=end).contains(time))
                };
                let found = series.iter().filter(|one| all_accept(matchers, &one.labels)).filter(lives);
                found.map(|one| one.labels.clone()).collect()
            }
        };
        sets.sort();
        sets.dedup();
        meter.check_series(sets.len())?;
        Ok(sets)
    }

    /// The exemplars in `range` of the series that all `matchers` accept, `most` at most; newer ones first where there are more.
    pub(super) fn exemplars(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        most: usize,
        meter: &Meter<'_>,
    ) -> Result<Vec<SeriesExemplars>, PromqlError> {
        match &self.0 {
            Kind::Store(snapshot) | Kind::Over(snapshot, ..) => {
                let mut series = exemplars::select(snapshot, matchers, range, most, meter)?;
                let left = most.saturating_sub(series.iter().map(|it| it.exemplars.len()).sum());
                series.extend(spans::exemplars(snapshot, matchers, range, left, meter)?);
                Ok(series)
            }
            Kind::Memory(_) => Ok(Vec::new()),
        }
    }

    /// Why metrics may be missing.
    pub(super) fn unread(&self) -> Vec<String> {
        match &self.0 {
            Kind::Store(snapshot) | Kind::Over(snapshot, ..) => {
                snapshot.unread_series(TimeRange::ALL).iter().map(|error| error.to_string()).collect()
            }
            Kind::Memory(_) => Vec::new(),
        }
    }

    /// The metrics by their Prometheus names, each with every description of it.
    pub(super) fn families(&self) -> HashMap<String, Vec<Metadata>> {
        match &self.0 {
            Kind::Store(snapshot) | Kind::Over(snapshot, ..) => {
                let mut families = families::families(snapshot);
                spans::families(snapshot, &mut families);
                families
            }
            Kind::Memory(_) => HashMap::new(),
        }
    }
}

fn of_memory<'s, R>(
    series: impl Iterator<Item = &'s SeriesData>,
    Selection { matchers, after, until, meter }: Selection<'_>,
    visit: &impl Fn(&mut dyn Iterator<Item = SeriesData>) -> Visited<R>,
) -> Result<Vec<(Labels, R)>, PromqlError> {
    let found: Vec<_> =
        series.filter(|one| all_accept(matchers, &one.labels)).map(|one| cut(one, after, until)).collect();
    meter.charge(found.iter().map(SeriesData::n_samples).sum())?;
    let labels: Vec<Labels> = found.iter().map(|one| one.labels.clone()).collect();
    let visited = visit(&mut found.into_iter())?;
    Ok(labels.into_iter().zip(visited).filter_map(|(labels, it)| Some((labels, it?))).collect())
}

fn cut(series: &SeriesData, after: Millis, until: Millis) -> SeriesData {
    let range = |times: &[Millis]| {
        let from = times.partition_point(|time| *time <= after);
        from..from.max(times.partition_point(|time| *time <= until))
    };
    let (floats, histograms) = (range(&series.times), range(&series.histogram_times));
    SeriesData {
        labels: series.labels.clone(),
        kind: series.kind,
        times: series.times[floats.clone()].to_vec(),
        floats: series.floats[floats].to_vec(),
        histogram_times: series.histogram_times[histograms.clone()].to_vec(),
        histograms: series.histograms[histograms].to_vec(),
    }
}

/// A row group that cannot be read is missing from the answer, which says so.
fn report(error: &ReadError, meter: &Meter<'_>) {
    meter.unreadable(error.to_string());
}
