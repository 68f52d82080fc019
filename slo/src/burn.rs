//! Burn rates and error budgets: what counted events mean against an objective.
//! Formulas: SRE workbook, chapter 5 "Alerting on SLOs".

use std::ops::Range;

use model::Nanos;

use crate::buckets::{Buckets, Count, WindowCount};
use crate::ratio::Objective;
use crate::spec::{Slo, Tier, Window};
use crate::windows::{Windows, window_buckets};

/// How fast `count` burns the budget: the error ratio over the ratio that the objective allows, so 1 spends exactly the
/// budget over the window of the SLO. `None` without events.
pub fn burn_rate(count: Count, objective: Objective) -> Option<f64> {
    Some(count.error_ratio()? / objective.error_budget())
}

/// The two windows of one tier at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TierReading {
    pub long: WindowCount,
    pub short: WindowCount,
    pub condition: Condition,
}

/// How the two windows of a tier stand to its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Both windows burn faster than the threshold: the tier should fire.
    Critical,
    /// Both would, but by so few events that chance may be all of it (low-traffic guard).
    Suppressed { guard: Guard, counted: u64, needed: u64 },
    /// The long window still does, the short one no more.
    Recovering,
    /// The short window does, the long one not yet.
    Increasing,
    /// Neither does.
    Acceptable,
    /// One of the windows has no event: nothing is known, which is not the same as good.
    NoTraffic,
    /// All of the short window is excluded: what happens now does not count.
    Excluded,
    /// The long window is still being counted from stored data.
    NotCounted,
}

/// Which number of events the low-traffic guard misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    Events,
    BadEvents,
}

impl Guard {
    /// The words for pages.
    pub fn name(self) -> &'static str {
        match self {
            Guard::Events => "events",
            Guard::BadEvents => "bad events",
        }
    }
}

impl Condition {
    /// The word for pages and APIs.
    pub fn name(self) -> &'static str {
        match self {
            Condition::Critical => "critical",
            Condition::Suppressed { .. } => "suppressed",
            Condition::Recovering => "recovering",
            Condition::Increasing => "increasing",
            Condition::Acceptable => "acceptable",
            Condition::NoTraffic => "no traffic",
            Condition::Excluded => "excluded",
            Condition::NotCounted => "not counted yet",
        }
    }
}

/// The condition of a tier whose windows hold `long` and `short`.
pub fn judge(slo: &Slo, tier: &Tier, long: Count, short: Count) -> Condition {
    if long.total == 0 || short.total == 0 {
        return Condition::NoTraffic;
    }
    let exceeds = |count: Count| tier.burn_rate.is_exceeded(count.bad(), count.total, slo.objective);
    match (exceeds(long), exceeds(short)) {
        (true, true) => suppressed(slo, long).unwrap_or(Condition::Critical),
        (true, false) => Condition::Recovering,
        (false, true) => Condition::Increasing,
        (false, false) => Condition::Acceptable,
    }
}

/// What the low-traffic guard says to a long window that holds `long`. An error ratio has no events to guard.
fn suppressed(slo: &Slo, long: Count) -> Option<Condition> {
    let guards = [
        (Guard::Events, long.total, slo.alerting.min_events),
        (Guard::BadEvents, long.bad(), slo.alerting.min_bad_events),
    ];
    let missed = guards.into_iter().find(|(_, counted, needed)| counted < needed);
    let (guard, counted, needed) = missed.filter(|_| slo.indicator.counts_events())?;
    Some(Condition::Suppressed { guard, counted, needed })
}

/// The windows of every tier of `slo` at `now`, in the order of its tiers.
///
/// `complete` says that stored data older than the buckets have been counted too. Until then a tier whose long window
/// reaches beyond what is counted is [`Condition::NotCounted`]: half of a window could fire what the whole would not.
pub fn read(slo: &Slo, buckets: &Buckets, now: Nanos, complete: bool) -> Vec<TierReading> {
    read_windows(&Windows::at(slo, buckets, now), now, complete)
}

/// [`read`] for many moments: `windows` must reach back by the longest alert window.
pub fn read_windows(windows: &Windows<'_>, now: Nanos, complete: bool) -> Vec<TierReading> {
    let (slo, buckets) = (windows.slo(), windows.buckets());
    let reading = |tier: &Tier| {
        let (long, short) = (windows.last(now, tier.long), windows.last(now, tier.short));
        let reaches = buckets.window_buckets(now, tier.long).start >= buckets.covered().start;
        let condition = match () {
            () if !complete && !reaches => Condition::NotCounted,
            () if short.excluded >= 1.0 => Condition::Excluded,
            () => judge(slo, tier, long.count, short.count),
        };
        TierReading { long, short, condition }
    };
    slo.alerting.tiers.iter().map(reading).collect()
}

/// When the error budget is gone if it goes on as in the last long window of the fastest tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhaustion {
    /// It is gone already.
    Exhausted,
    /// So many nanoseconds from now.
    In(Nanos),
    /// Not within a window length, when all that burned it has left the window, or not before the calendar window ends.
    NotAtThisRate,
    /// There is no traffic to tell from.
    Unknown,
}

/// The error budget of an SLO over its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// What happened in the window, and how much of the window has been counted.
    pub events: WindowCount,
    /// Bad events that the objective allows in the whole window; not whole.
    pub allowed: f64,
    /// The share that is left: 1 untouched, 0 spent, below 0 overspent. `None` without events.
    pub remaining: Option<f64>,
    pub exhaustion: Exhaustion,
    /// When the calendar window ends and the budget is whole again; `None` for a rolling window.
    pub renewed_at: Option<Nanos>,
}

impl Budget {
    /// The share of good events in percent, or `None` without events.
    pub fn attained_percent(&self) -> Option<f64> {
        Some((1.0 - self.events.count.error_ratio()?) * 100.0)
    }

    /// Bad events that may still happen; negative if there were too many.
    pub fn bad_events_left(&self) -> f64 {
        self.allowed - self.events.count.bad() as f64
    }
}

/// The budget of `slo` at `now`.
///
/// It is a budget of events: allowed = (1 − objective) × events in the window, so that a young SLO is measured against
/// the events it had, and the coverage says how young it is. The rest of a calendar window is expected to bring as many
/// events in its time as what was counted of it. Time to exhaustion = remaining × window / burn rate.
pub fn budget(slo: &Slo, buckets: &Buckets, now: Nanos) -> Budget {
    budget_windows(&Windows::at(slo, buckets, now), now)
}

/// [`budget`] with exclusions that are worked out: `windows` must hold the whole window of the SLO.
pub fn budget_windows(windows: &Windows<'_>, now: Nanos) -> Budget {
    let slo = windows.slo();
    let range = slo.window.range(now);
    let events = windows.of_slo(now);
    let allowed = slo.objective.error_budget() * events.count.total as f64 * to_the_end(windows, now);
    let remaining = (events.count.total > 0).then(|| 1.0 - events.count.bad() as f64 / allowed);
    let burn = burn_rate(windows.last(now, recent_window(slo)).count, slo.objective);
    let (renewed_at, limit) = match &slo.window {
        Window::Rolling(length) => (None, *length),
        Window::Calendar(_) => (Some(range.end), range.end.saturating_sub(now)),
    };
    let exhaustion = exhaustion(remaining, burn, range.length(), limit);
    Budget { events, allowed, remaining, exhaustion, renewed_at }
}

/// How many times the events counted so far the whole window is expected to have; 1 for a rolling one, which is whole.
fn to_the_end(windows: &Windows<'_>, now: Nanos) -> f64 {
    let (slo, buckets) = (windows.slo(), windows.buckets());
    let Window::Calendar(calendar) = &slo.window else { return 1.0 };
    let past = window_buckets(buckets, &slo.window, now);
    let ahead = past.end..buckets.bucket_of(calendar.range(now).end - 1) + 1;
    let covered = buckets.covered();
    let counted = past.start.max(covered.start)..past.end.min(covered.end);
    let length = |part: &Range<i64>| (part.end - part.start - windows.excluded_buckets(part)).max(0) as f64;
    match length(&counted) {
        0.0 => 1.0,
        counted => 1.0 + length(&ahead) / counted,
    }
}

/// The window that says what "the current rate" is: the long one of the fastest tier, an hour for a 30-day window.
pub fn recent_window(slo: &Slo) -> Nanos {
    slo.alerting.tiers.iter().map(|tier| tier.long).min().unwrap_or(slo.window.nominal() / 720)
}

/// `limit` is the time after which the answer no longer matters.
fn exhaustion(remaining: Option<f64>, burn: Option<f64>, window: Nanos, limit: Nanos) -> Exhaustion {
    match (remaining, burn) {
        (Some(remaining), _) if remaining <= 0.0 => Exhaustion::Exhausted,
        (Some(remaining), Some(burn)) => {
            let left = remaining * window as f64 / burn;
            if left < limit as f64 { Exhaustion::In(left as Nanos) } else { Exhaustion::NotAtThisRate }
        }
        _ => Exhaustion::Unknown,
    }
}

#[cfg(test)]
mod tests;
