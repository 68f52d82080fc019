//! What is known about every SLO at one moment: the plain data behind the SLO and alert pages and `/api/v1/slos`,
//! `/api/v1/alerts`. The evaluator publishes a whole new [`Status`] after each round; readers never see half of one.

use std::sync::Arc;

use model::{Nanos, TimeRange};

use crate::alert::{SloAlerts, Transition};
use crate::burn::{Budget, Condition, TierReading};
use crate::spec::{Severity, Slo, SpecError};

/// The state of all SLOs after one evaluation.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// When the last evaluation ended; 0 before the first.
    pub evaluated_at: Nanos,
    /// Time between evaluations; a status older than a few of them is stale.
    pub interval: Nanos,
    /// How long the last evaluation took.
    pub took: Nanos,
    /// Evaluations of the time the box was down, made up after the last start.
    pub caught_up: u64,
    /// In the order of their names.
    pub slos: Vec<SloStatus>,
    /// Mistakes in files whose last good version, if any, is still in use; empty when all is well.
    pub file_errors: Vec<SpecError>,
    /// Why the last round could not count, store or evaluate; `None` when it could.
    pub problem: Option<String>,
    /// Changes of alerts, newest first; the last few hundred.
    pub history: Vec<Transition>,
    pub delivery: DeliveryStatus,
}

/// One SLO.
#[derive(Debug, Clone)]
pub struct SloStatus {
    pub slo: Arc<Slo>,
    pub health: Health,
    pub budget: Budget,
    /// The tiers of the SLO in its order.
    pub tiers: Vec<TierReading>,
    pub alerts: SloAlerts,
    /// Burn over the window of the SLO, oldest first; for charts.
    pub burn: Vec<BurnPoint>,
    pub coverage: Coverage,
}

/// The word for an SLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing fires, there is traffic, and some of the budget is left.
    Ok,
    /// Nothing fires, but the budget of the window is spent: no alert fires on what burned before.
    BudgetSpent,
    /// A ticket alert fires.
    Degraded,
    /// A page alert fires.
    Burning,
    /// Nothing fires, but no event was counted in the longest alert window, so nothing is known.
    NoData,
}

impl Health {
    /// The word of an SLO from what fires and what its tiers read.
    ///
    /// The events of the SLO window decide alone whether there is data if there are no tiers.
    pub fn of(alerts: &SloAlerts, tiers: &[TierReading], budget: &Budget) -> Self {
        let longest = tiers.iter().map(|reading| reading.long.count.total).max();
        match alerts.firing_severity() {
            Some(Severity::Page) => Health::Burning,
            Some(Severity::Ticket) => Health::Degraded,
            None if longest.unwrap_or(budget.events.count.total) == 0 => Health::NoData,
            None if budget.remaining.is_some_and(|left| left <= 0.0) => Health::BudgetSpent,
            None => Health::Ok,
        }
    }

    /// The word for pages and APIs.
    pub fn name(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::BudgetSpent => "budget spent",
            Health::Degraded => "degraded",
            Health::Burning => "burning",
            Health::NoData => "no data",
        }
    }
}

/// One point of the chart of an SLO.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BurnPoint {
    /// End of the stretch that the point stands for.
    pub time: Nanos,
    /// Events of the stretch, and the bad ones among them.
    pub total: u64,
    pub bad: u64,
    /// Burn rate of the stretch; `None` without traffic.
    pub burn_rate: Option<f64>,
    /// Budget that was left at its end, over the events counted from the start of the chart; below 0 when overspent.
    pub budget_remaining: Option<f64>,
}

/// How much of the window of an SLO its counts cover.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    /// What has been counted.
    pub counted: TimeRange,
    /// Share of the window that has been counted, 0 to 1.
    pub share: f64,
    /// Share of the stored data of the window that has been counted, 0 to 1, while that goes on; `None` when it is done.
    pub backfill: Option<f64>,
}

/// The state of the delivery of notifications.
#[derive(Debug, Clone, Default)]
pub struct DeliveryStatus {
    /// Names of the receivers.
    pub receivers: Vec<String>,
    /// Notifications that wait to be delivered, or for their next attempt.
    pub pending: usize,
    /// Notifications that were given up; they stay in the data directory.
    pub dead: usize,
    /// The last attempts, newest first.
    pub attempts: Vec<Attempt>,
}

/// One attempt to deliver one notification to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub time: Nanos,
    pub receiver: String,
    pub slo: String,
    /// `firing` or `resolved`.
    pub status: String,
    pub idempotency_key: String,
    /// Counts from 1.
    pub number: u32,
    pub took: Nanos,
    pub outcome: AttemptOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver took it; the HTTP status.
    Delivered(u16),
    /// It failed and is tried again at `next`.
    Retried { error: String, code: Option<u16>, next: Nanos },
    /// It failed and was given up.
    GivenUp { error: String, code: Option<u16> },
}

impl SloStatus {
    /// Tiers whose condition is critical but for too few bad events; the page must show them.
    pub fn suppressed(&self) -> impl Iterator<Item = &TierReading> {
        self.tiers.iter().filter(|reading| matches!(reading.condition, Condition::Suppressed { .. }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::alert::{Firing, Phase, TierAlert};
    use crate::buckets::{Count, WindowCount};
    use crate::burn::Exhaustion;
    use crate::groups::Group;

    fn alerts(firing: &[Severity]) -> SloAlerts {
        let tier = |severity: Severity| {
            let phase = Phase::Firing(Firing { since: 0, clear_since: None, labels: BTreeMap::new() });
            let phase = if firing.contains(&severity) { phase } else { Phase::Pending { since: 0 } };
            TierAlert { id: severity.name().to_owned(), group: Group::All, severity, phase, resolved_at: None }
        };
        SloAlerts {
            slo: "a".to_owned(),
            alert_name: "A".to_owned(),
            tiers: vec![tier(Severity::Ticket), tier(Severity::Page)],
            sequence: 0,
            notified: Vec::new(),
            notified_at: 0,
            evaluated_at: 0,
        }
    }

    fn reading(total: u64) -> TierReading {
        let long = WindowCount { count: Count { good: total, total }, coverage: 1.0, excluded: 0.0 };
        TierReading { long, short: long, condition: Condition::Acceptable }
    }

    fn budget(total: u64, remaining: Option<f64>) -> Budget {
        let events = WindowCount { count: Count { good: total, total }, coverage: 1.0, excluded: 0.0 };
        Budget { events, allowed: 0.0, remaining, exhaustion: Exhaustion::Unknown, renewed_at: None }
    }

    #[test]
    fn the_word_follows_the_most_urgent_alert_and_no_traffic_is_not_ok() {
        use Severity::{Page, Ticket};
        let table: &[(&[Severity], &[u64], Budget, &str)] = &[
            (&[], &[5, 9], budget(9, Some(0.5)), "ok"),
            (&[], &[0, 9], budget(9, Some(0.5)), "ok"),
            (&[], &[0, 0], budget(9, Some(0.5)), "no data"),
            (&[Ticket], &[5, 9], budget(9, Some(0.5)), "degraded"),
            (&[Page], &[5, 9], budget(9, Some(0.5)), "burning"),
            (&[Ticket, Page], &[5, 9], budget(9, Some(0.5)), "burning"),
            // Nothing fires any more, and the budget is gone.
            (&[], &[5, 9], budget(9, Some(0.0)), "budget spent"),
            (&[], &[5, 9], budget(9, Some(-1.5)), "budget spent"),
            (&[], &[0, 0], budget(9, Some(-1.5)), "no data"),
            (&[Ticket], &[5, 9], budget(9, Some(-1.5)), "degraded"),
            // What fires stays, whatever traffic there is.
            (&[Page], &[0, 0], budget(0, Some(0.5)), "burning"),
            // Without tiers the window of the SLO decides.
            (&[], &[], budget(9, Some(0.5)), "ok"),
            (&[], &[], budget(0, Some(0.5)), "no data"),
        ];
        for (firing, totals, budget, expected) in table {
            let readings: Vec<TierReading> = totals.iter().map(|total| reading(*total)).collect();
            assert_eq!(Health::of(&alerts(firing), &readings, budget).name(), *expected, "{firing:?} {totals:?}");
        }
    }
}
