//! Burn rates and error budgets: what counted events mean against an objective.
//! Formulas: SRE workbook, chapter 5 "Alerting on SLOs".

use model::Nanos;

use crate::buckets::{Buckets, Count, WindowCount};
use crate::ratio::Objective;
use crate::spec::{Slo, Tier};

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
    /// Both would, but by so few bad events that chance may be all of it (low-traffic guard).
    Suppressed { bad: u64, needed: u64 },
    /// The long window still does, the short one no more.
    Recovering,
    /// The short window does, the long one not yet.
    Increasing,
    /// Neither does.
    Acceptable,
    /// One of the windows has no event: nothing is known, which is not the same as good.
    NoTraffic,
    /// The long window is still being counted from stored data.
    NotCounted,
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
        (true, true) if long.bad() < slo.alerting.min_bad_events => {
            Condition::Suppressed { bad: long.bad(), needed: slo.alerting.min_bad_events }
        }
        (true, true) => Condition::Critical,
        (true, false) => Condition::Recovering,
        (false, true) => Condition::Increasing,
        (false, false) => Condition::Acceptable,
    }
}

/// The windows of every tier of `slo` at `now`, in the order of its tiers.
///
/// `complete` says that stored data older than the buckets have been counted too. Until then a tier whose long window
/// reaches beyond what is counted is [`Condition::NotCounted`]: half of a window could fire what the whole would not.
pub fn read(slo: &Slo, buckets: &Buckets, now: Nanos, complete: bool) -> Vec<TierReading> {
    let reading = |tier: &Tier| {
        let (long, short) = (buckets.window(now, tier.long), buckets.window(now, tier.short));
        let reaches = buckets.window_buckets(now, tier.long).start >= buckets.covered().start;
        let condition = match complete || reaches {
            true => judge(slo, tier, long.count, short.count),
            false => Condition::NotCounted,
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
    /// Not within a window length: by then all that burned it has left the window.
    NotAtThisRate,
    /// There is no traffic to tell from.
    Unknown,
}

/// The error budget of an SLO over its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// What happened in the window, and how much of the window has been counted.
    pub events: WindowCount,
    /// Bad events that the objective allows among that many events; not whole.
    pub allowed: f64,
    /// The share that is left: 1 untouched, 0 spent, below 0 overspent. `None` without events.
    pub remaining: Option<f64>,
    pub exhaustion: Exhaustion,
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
/// the events it had, and the coverage says how young it is. Time to exhaustion = remaining × window / burn rate.
pub fn budget(slo: &Slo, buckets: &Buckets, now: Nanos) -> Budget {
    let events = buckets.window(now, slo.window);
    let allowed = slo.objective.error_budget() * events.count.total as f64;
    let remaining = (events.count.total > 0).then(|| 1.0 - events.count.bad() as f64 / allowed);
    let recent = buckets.window(now, recent_window(slo)).count;
    let exhaustion = exhaustion(remaining, burn_rate(recent, slo.objective), slo.window);
    Budget { events, allowed, remaining, exhaustion }
}

/// The window that says what "the current rate" is: the long one of the fastest tier, an hour for a 30-day window.
pub fn recent_window(slo: &Slo) -> Nanos {
    slo.alerting.tiers.iter().map(|tier| tier.long).min().unwrap_or(slo.window / 720)
}

fn exhaustion(remaining: Option<f64>, burn: Option<f64>, window: Nanos) -> Exhaustion {
    match (remaining, burn) {
        (Some(remaining), _) if remaining <= 0.0 => Exhaustion::Exhausted,
        (Some(remaining), Some(burn)) => {
            let left = remaining * window as f64 / burn;
            if left < window as f64 { Exhaustion::In(left as Nanos) } else { Exhaustion::NotAtThisRate }
        }
        _ => Exhaustion::Unknown,
    }
}

#[cfg(test)]
mod tests;
