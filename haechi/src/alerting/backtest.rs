//! When SLOs would have alerted over stored data, and what it would have cost: events counted from a data directory, and
//! `slo::backtest` over the counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Nanos, TimeRange};
use slo::backtest::{Backtest, run};
use slo::groups::Group;
use slo::{Buckets, Count, Counts, Slo, Tally};
use store::Snapshot;

use crate::counting;

/// The backtest of an SLO, or of each of its groups, those with most bad events first.
pub(crate) fn backtest(
    snapshot: &Snapshot,
    slo: &Arc<Slo>,
    range: TimeRange,
    now: Nanos,
) -> Result<Vec<(Group, Backtest)>, String> {
    let width = slo.bucket_width();
    let longest = slo.alerting.tiers.iter().map(|tier| tier.long).max().unwrap_or_default();
    // What the windows at the start of the range reach back to.
    let before = longest.max(slo.window.longest());
    let down = |time: Nanos| time.div_euclid(width) * width;
    let end = range.end.min(now);
    let counted = TimeRange::new(down(range.start.saturating_sub(before)), down(end.saturating_add(width - 1)));
    let (tally, is_all) = counting::count_stored(snapshot, slo, counted, now)?;
    let mut groups: Vec<(Group, BTreeMap<i64, Count>)> = by_group(&tally);
    if groups.is_empty() {
        groups.push((Group::All, BTreeMap::new()));
    }
    let most = slo.by.as_ref().map_or(1, |by| by.max);
    groups.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.values().map(|count| count.bad()).sum::<u64>()));
    groups.truncate(most);
    let (first, last) = (counted.start.div_euclid(width), counted.end.div_euclid(width));
    let of = |(group, counts): (Group, BTreeMap<i64, Count>)| {
        let counts: Vec<Count> = (first..last).map(|at| counts.get(&at).copied().unwrap_or_default()).collect();
        let mut buckets = Buckets::new(width, counts.len().max(1));
        buckets.replace(first, &counts);
        (group, run(slo, &buckets, range, is_all, || true))
    };
    Ok(groups.into_iter().map(of).collect())
}

/// The same over what a box has counted, as long as `goes_on`; also how many groups there are, of which the last ones may be left
/// out. `is_all` says that nothing happened before the counts.
pub(crate) fn over_counts(
    slo: &Slo,
    counts: &Counts,
    is_all: bool,
    range: TimeRange,
    goes_on: impl Fn() -> bool,
) -> (Vec<(Group, Backtest)>, usize) {
    let mut rings: Vec<(&Group, &Buckets)> = match slo.by {
        Some(_) => counts.groups().collect(),
        None => vec![(&Group::All, counts.all())],
    };
    let bad = |ring: &Buckets| ring.sum(ring.bucket_of(range.start)..ring.bucket_of(range.end) + 1).bad();
    rings.sort_by_cached_key(|(_, ring)| std::cmp::Reverse(bad(ring)));
    let (mut results, n_groups) = (Vec::new(), rings.len());
    for (group, ring) in rings {
        if !results.is_empty() && !goes_on() {
            break;
        }
        results.push((group.clone(), run(slo, ring, range, is_all, &goes_on)));
    }
    (results, n_groups)
}

fn by_group(tally: &Tally) -> Vec<(Group, BTreeMap<i64, Count>)> {
    let mut groups: Vec<(Group, BTreeMap<i64, Count>)> =
        tally.groups.iter().map(|group| (group.clone(), BTreeMap::new())).collect();
    for (place, bucket, count) in &tally.cells {
        let cell = groups[*place as usize].1.entry(*bucket).or_default();
        *cell = Count { good: cell.good + count.good, total: cell.total + count.total };
    }
    groups
}
