//! What the alerts of an SLO would have done over counts that are there: the same windows, the same state machine, with
//! made-up clocks. Nothing is sent.

use std::collections::BTreeMap;

use model::{Nanos, TimeRange};

use crate::alert::{SloAlerts, TransitionTo, step};
use crate::buckets::{Buckets, Count};
use crate::burn::{Budget, Condition, budget_windows, burn_rate, read_windows};
use crate::spec::{Severity, Slo, Tier};
use crate::windows::Windows;

/// Buckets between two questions whether to go on: some hundred microseconds.
const ASKS_EVERY: i64 = 256;

/// The outcome of [`run`].
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// The evaluated time: what was asked for, as far as it is counted, in whole buckets.
    pub range: TimeRange,
    /// In the order in which they began; of those that began together the most urgent first.
    pub firings: Vec<Firing>,
    /// How long alerts that would have fired were held back by the low-traffic guard, summed over the tiers.
    pub held_back: Nanos,
    /// How long nothing was known of a tier, for want of traffic or of counts, or because the time is excluded; summed
    /// over the tiers.
    pub unknown: Nanos,
    /// The least that was left of the budget, and when; `None` without events.
    pub lowest: Option<(f64, Nanos)>,
    /// The budget at the end; `None` if nothing is counted.
    pub budget: Option<Budget>,
}

/// One alert from its beginning to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// [`Tier::id`].
    pub tier: String,
    pub severity: Severity,
    pub since: Nanos,
    /// `None` if it still fires at the end of the backtest.
    pub until: Option<Nanos>,
    /// How long it fired within the backtest.
    pub lasted: Nanos,
    /// Events from the beginning of its long window at `since` to its end: what it was about.
    pub events: Count,
    /// The bad ones among them as a share of the budget at its end; 1 is all of it, and more can be spent.
    pub budget_spent: f64,
    /// The highest burn rate of its short window while it fired.
    pub peak: f64,
}

impl Backtest {
    /// How often an alert of that severity would have fired.
    pub fn count(&self, severity: Severity) -> usize {
        self.firings.iter().filter(|firing| firing.severity == severity).count()
    }
}

/// Evaluates `slo` at the end of each bucket of `range` that is counted.
///
/// `complete` says that nothing happened before the counts: otherwise a tier waits until they reach over its long window,
/// as in a box that still counts stored data. `buckets` should hold a window of the SLO and the longest alert window more
/// than `range`, or its beginning is measured against what is there. Each bucket takes the time of a few sums; when `goes_on`
/// says no, which it is asked now and then, the evaluated time ends there.
pub fn run(slo: &Slo, buckets: &Buckets, range: TimeRange, complete: bool, goes_on: impl Fn() -> bool) -> Backtest {
    let covered = buckets.covered();
    let first = buckets.bucket_of(range.start).max(covered.start);
    let end = buckets.bucket_of(range.end.saturating_sub(1)).saturating_add(1).min(covered.end);
    let evaluated = buckets.time_of(&(first..end.max(first)));
    let mut run = Run {
        slo,
        ids: slo.alerting.tiers.iter().map(Tier::id).collect(),
        open: BTreeMap::new(),
        result: Backtest {
            range: evaluated,
            firings: Vec::new(),
            held_back: 0,
            unknown: 0,
            lowest: None,
            budget: None,
        },
    };
    let longest = slo.alerting.tiers.iter().map(|tier| tier.long).max().unwrap_or_default();
    let before = longest.max(slo.window.longest()).saturating_add(buckets.width());
    let after = slo.window.range(evaluated.end).end.max(evaluated.end).saturating_add(buckets.width());
    let windows = Windows::new(slo, buckets, TimeRange::new(evaluated.start.saturating_sub(before), after));
    let (mut alerts, mut reached) = (SloAlerts::new(slo), evaluated.end);
    for bucket in first..end {
        if (bucket - first) % ASKS_EVERY == 0 && !goes_on() {
            reached = buckets.time_of(&(bucket..bucket + 1)).start;
            break;
        }
        // The last nanosecond of the bucket, so that it is the newest of every window and whole.
        let now = buckets.time_of(&(bucket..bucket + 1)).end - 1;
        alerts = run.evaluate(&windows, &alerts, now, complete);
    }
    run.finish(&windows, reached)
}

/// A backtest while it runs.
struct Run<'s> {
    slo: &'s Slo,
    /// Of its tiers, in their order.
    ids: Vec<String>,
    /// Alerts that fire: where in the result, by tier.
    open: BTreeMap<String, usize>,
    result: Backtest,
}

impl Run<'_> {
    fn evaluate(&mut self, windows: &Windows<'_>, alerts: &SloAlerts, now: Nanos, complete: bool) -> SloAlerts {
        let (readings, width) = (read_windows(windows, now, complete), windows.buckets().width());
        for (id, reading) in self.ids.iter().zip(&readings) {
            match reading.condition {
                Condition::Suppressed { .. } => self.result.held_back += width,
                Condition::NoTraffic | Condition::NotCounted | Condition::Excluded => self.result.unknown += width,
                _ => {}
            }
            if let Some(index) = self.open.get(id) {
                let rate = burn_rate(reading.short.count, self.slo.objective).unwrap_or_default();
                let peak = &mut self.result.firings[*index].peak;
                *peak = peak.max(rate);
            }
        }
        let conditions: Vec<Condition> = readings.iter().map(|reading| reading.condition).collect();
        let after = step(alerts, self.slo, &conditions, now);
        for change in after.transitions {
            match change.to {
                TransitionTo::Firing => {
                    let place = self.ids.iter().position(|id| *id == change.tier);
                    let short = place.map(|place| readings[place].short.count).unwrap_or_default();
                    self.open.insert(change.tier.clone(), self.result.firings.len());
                    self.result.firings.push(Firing {
                        tier: change.tier,
                        severity: change.severity,
                        since: now + 1,
                        until: None,
                        lasted: 0,
                        events: Count::default(),
                        budget_spent: 0.0,
                        peak: burn_rate(short, self.slo.objective).unwrap_or_default(),
                    });
                }
                TransitionTo::Resolved => {
                    if let Some(index) = self.open.remove(&change.tier) {
                        self.result.firings[index].until = Some(now + 1);
                        self.close(windows, index, now + 1);
                    }
                }
                TransitionTo::Pending | TransitionTo::Inactive => {}
            }
        }
        let budget = budget_windows(windows, now);
        if let Some(left) = budget.remaining
            && self.result.lowest.is_none_or(|(lowest, _)| left < lowest)
        {
            self.result.lowest = Some((left, now + 1));
        }
        self.result.budget = Some(budget);
        after.state
    }

    /// Adds up what the alert was about, which ended at `end`.
    fn close(&mut self, windows: &Windows<'_>, index: usize, end: Nanos) {
        let firing = &mut self.result.firings[index];
        let place = self.ids.iter().position(|id| *id == firing.tier);
        let long = place.map_or(0, |place| self.slo.alerting.tiers[place].long);
        let buckets = windows.buckets();
        let from = buckets.window_buckets(firing.since - 1, long).start;
        firing.events = windows.count(from..buckets.bucket_of(end - 1) + 1).count;
        firing.lasted = end - firing.since;
        let allowed = budget_windows(windows, end - 1).allowed;
        firing.budget_spent = if allowed > 0.0 { firing.events.bad() as f64 / allowed } else { 0.0 };
    }

    fn finish(mut self, windows: &Windows<'_>, end: Nanos) -> Backtest {
        for index in std::mem::take(&mut self.open).into_values() {
            self.close(windows, index, end);
        }
        self.result.range.end = end;
        self.result
    }
}

#[cfg(test)]
mod tests;
