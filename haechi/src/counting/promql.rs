//! SLOs whose events are what PromQL says: numbers for each bucket of time, asked of the box's own engine.
//!
//! An expression over `$window` is evaluated at the end of each bucket over its width. Samples may come further apart than
//! that, which shows as a bucket without a value: then the minute around it, or the five minutes, are asked for as one and
//! spread evenly over their buckets. So a counter that is sent every minute is counted too, some minutes late. Those
//! stretches begin at whole minutes of the clock, so that a count that is made again comes to the same.

use std::collections::BTreeMap;
use std::time::Duration;

use model::time::MINUTE;
use model::{Nanos, TimeRange};
use query::promql::{Labels, Limits, MAX_POINTS, MatrixSeries, QueryValue, Source, range};
use slo::groups::Group;
use slo::spec::{GroupBy, Indicator, RatioSli, SliceSli};
use slo::{Count, Slo, Tally, duration, values};
use store::Snapshot;

use super::plan::BadQuery;
use crate::within::within;

/// The longest stretch that is counted as one where samples are far apart.
pub(crate) const LONGEST: Nanos = 5 * MINUTE;
const THREAD: &str = "slo-promql";
/// One expression may take so long.
const TIME: Duration = Duration::from_secs(10);
/// What one expression may hold in memory at once; a tenth of what a person may ask for.
const MAX_SAMPLES: u64 = 5_000_000;
/// Groups told apart in one evaluation.
const MAX_GROUPS: usize = 10_000;

/// Values by group, one for each time that was asked for.
type Table = BTreeMap<Group, Vec<Vec<f64>>>;
/// Makes events of the good or the bad ones and all.
type CountOf = fn(Option<f64>, Option<f64>) -> Count;

/// The events of `slo` in the buckets of `range`, and of some around it; none later than `now`. `known` are the groups
/// that have been counted, of which an absent value may be bad.
pub(super) fn count(
    snapshot: &Snapshot,
    slo: &Slo,
    counted: TimeRange,
    now: Nanos,
    known: &[Group],
) -> Result<Tally, String> {
    let (snapshot, width) = (snapshot.clone(), slo.bucket_width());
    let counted = within(THREAD, TIME, move |budget| {
        let limits = Limits { max_samples: MAX_SAMPLES, budget, ..Limits::default() };
        let engine = Engine { source: Source::store(snapshot), limits, by: slo.by.as_ref() };
        match &slo.indicator {
            Indicator::Ratio(ratio) => engine.ratio(ratio, counted, width, now),
            Indicator::Slices(slices) => engine.slices(slices, counted, width, now, known),
            Indicator::Spans(_) | Indicator::Logs(_) => Ok(Tally::default()),
        }
    });
    counted?
}

/// Whether the expressions of `slo` can be evaluated at all.
pub(super) fn check(slo: &Slo) -> Result<(), BadQuery> {
    let expressions: Vec<(&'static str, &String)> = match &slo.indicator {
        Indicator::Ratio(RatioSli::GoodOfTotal { good, total }) => {
            vec![("indicator.promql.good", good), ("indicator.promql.total", total)]
        }
        Indicator::Ratio(RatioSli::BadOfTotal { bad, total }) => {
            vec![("indicator.promql.bad", bad), ("indicator.promql.total", total)]
        }
        Indicator::Ratio(RatioSli::ErrorRatio(ratio)) => vec![("indicator.promql.error_ratio", ratio)],
        Indicator::Slices(slices) => vec![("indicator.slices.query", &slices.query)],
        Indicator::Spans(_) | Indicator::Logs(_) => Vec::new(),
    };
    for (key, text) in expressions {
        let checked = within(THREAD, TIME, |budget| {
            let limits = Limits { budget, ..Limits::default() };
            let text = text.replace("$window", "1m");
            range(&Source::memory(Vec::new()), &text, 0, 0, MINUTE, &limits).err().map(|error| error.to_string())
        });
        if let Ok(Some(message)) = checked {
            return Err(BadQuery { key, error: query::QueryError::BadParameter(message) });
        }
    }
    Ok(())
}

struct Engine<'s> {
    source: Source,
    limits: Limits,
    by: Option<&'s GroupBy>,
}

/// Times at equal steps: the ends of stretches of `step`, the first of which begins at `start`.
#[derive(Clone, Copy)]
struct Grid {
    start: Nanos,
    step: Nanos,
    len: usize,
}

impl Grid {
    /// The stretches that lie within `start..end`, at whole steps of the clock.
    fn new(start: Nanos, end: Nanos, step: Nanos) -> Self {
        let start = start.div_euclid(step) * step;
        Grid { start, step, len: usize::try_from((end - start).div_euclid(step)).unwrap_or_default() }
    }
}

impl Engine<'_> {
    fn ratio(&self, ratio: &RatioSli, counted: TimeRange, width: Nanos, now: Nanos) -> Result<Tally, String> {
        let ended = now.div_euclid(width) * width;
        let up = |time: Nanos| time.saturating_add(LONGEST - 1).div_euclid(LONGEST) * LONGEST;
        let (start, end) = (counted.start.div_euclid(LONGEST) * LONGEST, up(counted.end).min(ended));
        let grid = Grid::new(start, end, width);
        let mut found = self.counts(ratio, grid)?;
        for step in [MINUTE, LONGEST] {
            if step <= width || (!found.is_empty() && found.values().flatten().all(Option::is_some)) {
                continue;
            }
            let coarse = Grid::new(start, end, step);
            let buckets = usize::try_from(step / width).unwrap_or(1);
            for (group, counts) in self.counts(ratio, coarse)? {
                let fine = found.entry(group).or_insert_with(|| vec![None; grid.len]);
                for (block, count) in fine.chunks_exact_mut(buckets).zip(counts) {
                    if let (Some(count), true) = (count, block.iter().any(Option::is_none)) {
                        spread(count, block, matches!(ratio, RatioSli::ErrorRatio(_)));
                    }
                }
            }
        }
        let first = grid.start.div_euclid(width);
        Ok(tally(found, |at| first + at as i64))
    }

    /// What is counted of each stretch of `grid`; `None` where there is no value.
    fn counts(&self, ratio: &RatioSli, grid: Grid) -> Result<BTreeMap<Group, Vec<Option<Count>>>, String> {
        let evaluate = |text: &str| self.evaluate(&text.replace("$window", &duration::format(grid.step)), grid);
        let (total, part, count): (Table, Table, CountOf) = match ratio {
            RatioSli::GoodOfTotal { good, total } => (evaluate(total)?, evaluate(good)?, values::of_good),
            RatioSli::BadOfTotal { bad, total } => (evaluate(total)?, evaluate(bad)?, values::of_bad),
            RatioSli::ErrorRatio(ratio) => {
                let of_ratio = |values: &Vec<f64>| match values.as_slice() {
                    [] => Ok(None),
                    [ratio] => Ok((!ratio.is_nan()).then(|| values::of_error_ratio(Some(*ratio)))),
                    several => Err(format!(
                        "the error ratio has {} series where one is expected{}: add them up",
                        several.len(),
                        if self.by.is_some() { " for each group" } else { "" }
                    )),
                };
                let table = evaluate(ratio)?.into_iter();
                return table
                    .map(|(group, values)| Ok((group, values.iter().map(of_ratio).collect::<Result<_, _>>()?)))
                    .collect();
            }
        };
        // Several series of a group are parts of one number.
        let sum = |values: Option<&Vec<f64>>| values.filter(|it| !it.is_empty()).map(|it| it.iter().sum::<f64>());
        let of_group = |(group, total): (Group, Vec<Vec<f64>>)| {
            let part = part.get(&group);
            let counts = total.iter().enumerate().map(|(at, total)| {
                let total = sum(Some(total)).filter(|total| !total.is_nan())?;
                Some(count(sum(part.map(|part| &part[at])), Some(total)))
            });
            (group, counts.collect())
        };
        Ok(total.into_iter().map(of_group).collect())
    }

    fn slices(
        &self,
        slices: &SliceSli,
        counted: TimeRange,
        width: Nanos,
        now: Nanos,
        known: &[Group],
    ) -> Result<Tally, String> {
        let text = slices.query.replace("$window", &duration::format(slices.slice));
        // A slice is in the bucket that ends with it.
        let start = counted.start.div_euclid(slices.slice) * slices.slice;
        let grid = Grid::new(start, counted.end.min(now), slices.slice);
        let mut table = self.evaluate(&text, grid)?;
        // What has no series at all may be bad: of groups, those that once had one.
        let all = self.by.is_none().then_some(&Group::All);
        for group in known.iter().filter(|group| matches!(group, Group::Values(_))).chain(all) {
            table.entry(group.clone()).or_default();
        }
        let found = table.into_iter().map(|(group, values)| {
            let of_slice = |at: usize| Some(values::of_slice(slices, values.get(at).map_or(&[], Vec::as_slice)));
            (group, (0..grid.len).map(of_slice).collect())
        });
        let end_of = |at: usize| grid.start + (at as i64 + 1) * grid.step;
        Ok(tally(found.collect(), |at| (end_of(at) - 1).div_euclid(width)))
    }

    /// The values of `text` at the end of each stretch of `grid`, of all series of each group.
    fn evaluate(&self, text: &str, grid: Grid) -> Result<Table, String> {
        let mut table = Table::new();
        let most = usize::try_from(MAX_POINTS).unwrap_or(usize::MAX);
        for first in (0..grid.len).step_by(most) {
            let len = most.min(grid.len - first);
            let time = |at: usize| grid.start + (at as i64 + 1) * grid.step;
            let answer = range(&self.source, text, time(first), time(first + len - 1), grid.step, &self.limits);
            let QueryValue::Matrix(series) = answer.map_err(|error| error.to_string())?.value else {
                return Err("the expression gives no vector".to_owned());
            };
            for MatrixSeries { labels, floats, .. } in series {
                let mut group = self.group(&labels);
                if table.len() >= MAX_GROUPS && !table.contains_key(&group) {
                    group = Group::Rest;
                }
                let values = table.entry(group).or_insert_with(|| vec![Vec::new(); grid.len]);
                for (millis, value) in floats {
                    let at = (millis * model::time::MILLISECOND - grid.start) / grid.step - 1;
                    if let Some(values) = usize::try_from(at).ok().and_then(|at| values.get_mut(at)) {
                        values.push(value);
                    }
                }
            }
        }
        Ok(table)
    }

    /// The group of a series: by labels as they are named in the file, or else as Prometheus writes such names.
    fn group(&self, labels: &Labels) -> Group {
        let Some(by) = self.by else { return Group::All };
        let value = |(key, label): (&String, String)| {
            let value = labels.get(key);
            if value.is_empty() { labels.get(&label).to_owned() } else { value.to_owned() }
        };
        let values: Vec<String> = by.keys.iter().zip(by.labels()).map(value).collect();
        Group::of(values.iter().map(String::as_str))
    }
}

/// Spreads what was counted of a whole stretch evenly over its buckets. A ratio holds in each of them.
fn spread(count: Count, block: &mut [Option<Count>], is_ratio: bool) {
    let buckets = block.len() as u64;
    let share = |whole: u64, at: u64| whole * (at + 1) / buckets - whole * at / buckets;
    for (at, bucket) in (0..).zip(block) {
        let (good, bad) = (share(count.good, at), share(count.bad(), at));
        *bucket = Some(if is_ratio { count } else { Count { good, total: good + bad } });
    }
}

fn tally(found: BTreeMap<Group, Vec<Option<Count>>>, bucket: impl Fn(usize) -> i64) -> Tally {
    let mut tally = Tally::default();
    for (group, counts) in found {
        let place = tally.groups.len() as u32;
        tally.groups.push(group);
        let counted = counts.into_iter().enumerate().filter_map(|(at, count)| Some((at, count?)));
        let counted = counted.filter(|(_, count)| count.total > 0);
        tally.cells.extend(counted.map(|(at, count)| (place, bucket(at), count)));
    }
    tally
}

#[cfg(test)]
mod tests;
