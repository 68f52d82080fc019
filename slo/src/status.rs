//! What is known about every SLO at one moment: the plain data behind the SLO and alert pages and `/api/v1/slos`,
//! `/api/v1/alerts`. The evaluator publishes a whole new [`Status`] after each round; readers never see half of one.

mod firing;

use std::sync::Arc;

use model::{Nanos, TimeRange};

use crate::alert::{SloAlerts, Transition};
use crate::burn::{Budget, Condition, TierReading};
use crate::groups::Group;
use crate::routing::Routing;
use crate::rules::status::RulesStatus;
use crate::silences::Silences;
use crate::spec::{Indicator, Severity, Slo, SpecError};

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
    pub slos: Vec<Arc<SloStatus>>,
    /// Mistakes in files whose last good version, if any, is still in use; empty when all is well.
    pub file_errors: Vec<SpecError>,
    /// Why the last round could not store or evaluate at all, or what was damaged at the start; `None` when all is well.
    pub problem: Option<String>,
    /// Whether the last round could evaluate and store.
    pub works: bool,
    /// Changes of alerts, newest first; the last few hundred.
    pub history: Vec<Transition>,
    /// The most changes that `history` can have.
    pub most_changes: usize,
    pub silences: Silences,
    /// By which alerts inhibit others and receivers are told; `None` without a file of routes.
    pub routing: Option<Arc<Routing>>,
    pub delivery: DeliveryStatus,
    pub rules: RulesStatus,
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
    pub burn: Arc<[BurnPoint]>,
    pub coverage: Coverage,
    /// Of an SLO with groups, each that is counted on its own and the rest, in order; what is above is of all events.
    pub groups: Vec<GroupStatus>,
    /// Groups that are counted with the rest, as far as they are remembered.
    pub n_waiting_groups: usize,
    /// Why it could not be counted; its alerts stay as they are.
    pub problem: Option<String>,
    /// Why there is no data, where there is none.
    pub silence: Option<Silence>,
}

/// One group of an SLO.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupStatus {
    pub group: Group,
    pub health: Health,
    pub budget: Budget,
    /// The tiers of the SLO in its order.
    pub tiers: Vec<TierReading>,
}

/// Why an SLO has no event in its longest alert window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nothing of the kind that it counts is stored.
    NothingStored,
    /// What is stored has been counted, and nothing of it is an event.
    NothingMatches,
    /// What is stored is still being counted.
    NotCounted,
    /// The last event was in the bucket that ended then.
    Since(Nanos),
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
    /// The word of an SLO or of a group from the most urgent that fires of it and what its tiers read.
    ///
    /// The events of the SLO window decide alone whether there is data if there are no tiers.
    pub fn of(firing: Option<Severity>, tiers: &[TierReading], budget: &Budget) -> Self {
        let longest = tiers.iter().map(|reading| reading.long.count.total).max();
        match firing {
            Some(Severity::Page) => Health::Burning,
            Some(Severity::Ticket) => Health::Degraded,
            None if longest.unwrap_or(budget.events.count.total) == 0 => Health::NoData,
            None if budget.remaining.is_some_and(|left| left <= 0.0) => Health::BudgetSpent,
            None => Health::Ok,
        }
    }

    /// The word of an SLO whose groups have these, the worst of them; there is no data without a group.
    pub fn worst(groups: impl IntoIterator<Item = Health>) -> Self {
        groups.into_iter().max_by_key(|health| health.urgency()).unwrap_or(Health::NoData)
    }

    /// Higher is worse.
    pub fn urgency(self) -> u8 {
        match self {
            Health::NoData => 0,
            Health::Ok => 1,
            Health::BudgetSpent => 2,
            Health::Degraded => 3,
            Health::Burning => 4,
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

impl Silence {
    /// Why, as a sentence without its end. When the last event was is for the reader to add.
    pub fn words(self, slo: &Slo) -> String {
        let (plural, matches) = match slo.indicator {
            Indicator::Spans(_) => {
                ("spans", format!("no stored span of the service {:?} is one that it counts", slo.service))
            }
            Indicator::Logs(_) => {
                ("log records", format!("no stored log record of the service {:?} is one that it counts", slo.service))
            }
            Indicator::Ratio(_) | Indicator::Slices(_) => {
                ("metrics", "its expressions give no value over what is stored".to_owned())
            }
        };
        match self {
            Silence::NothingStored => format!("no {plural} are stored"),
            Silence::NothingMatches => matches,
            Silence::NotCounted => "what is stored is still being counted".to_owned(),
            Silence::Since(_) => "no event came in its longest alert window".to_owned(),
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
    pub receivers: Vec<ReceiverStatus>,
    /// `None` where nobody is to be called.
    pub heartbeat: Option<HeartbeatStatus>,
    /// Notifications that wait to be delivered, or for their next attempt.
    pub pending: usize,
    /// Notifications that were given up; they stay in the data directory.
    pub dead: usize,
    /// The last attempts, newest first.
    pub attempts: Vec<Attempt>,
}

/// The call by which somebody knows that alerts are evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatStatus {
    pub interval: Nanos,
    /// When it was last taken.
    pub taken_at: Option<Nanos>,
    /// Why the last one was not taken, or not sent.
    pub problem: Option<String>,
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverStatus {
    pub name: String,
    /// What it understands, as in the configuration: `webhook`, `slack`, …
    pub kind: &'static str,
    /// Notifications that wait for it.
    pub pending: usize,
}

/// One attempt to deliver one notification to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub time: Nanos,
    pub receiver: String,
    /// The SLO, or the key of the group of alerts that routes made.
    pub slo: String,
    /// `firing` or `resolved`.
    pub status: String,
    pub idempotency_key: String,
    /// Counts from 1.
    pub number: u32,
    pub took: Nanos,
    pub outcome: AttemptOutcome,
    /// Whether it told a receiver that forgets of what it was told before; of several that arrived the last is kept.
    pub is_resend: bool,
    /// The number of its [`Exchange`]; later ones have higher ones.
    pub exchange: u64,
}

/// What went over the wire in one attempt, as far as it can be shown: without secrets, and cut where it is long. Empty where nothing
/// was sent, or answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Where it went, and the headers, a line each.
    pub request_head: String,
    pub request_body: String,
    pub answer_head: String,
    pub answer_body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver took it; the HTTP status.
    Delivered(u16),
    /// It failed and is tried again at `next`.
    Retried { error: String, code: Option<u16>, next: Nanos },
    /// Nothing was sent: it told of nothing but alerts that are silenced by now.
    Silenced,
    /// It failed and was given up.
    GivenUp { error: String, code: Option<u16> },
}

impl SloStatus {
    /// What is known of a group; of [`Group::All`] what is known of all events.
    pub fn of_group(&self, group: &Group) -> Option<(&Budget, &[TierReading])> {
        if *group == Group::All {
            return Some((&self.budget, &self.tiers));
        }
        let found = self.groups.iter().find(|it| it.group == *group)?;
        Some((&found.budget, &found.tiers))
    }

    /// The groups, those first that fire or burn fastest in the short window of the most urgent tier.
    pub fn by_burn(&self) -> Vec<&GroupStatus> {
        let mut groups: Vec<&GroupStatus> = self.groups.iter().collect();
        let burn = |group: &GroupStatus| {
            let short = group.tiers.first().map_or(group.budget.events.count, |tier| tier.short.count);
            (short.error_ratio().unwrap_or_default(), group.budget.events.count.error_ratio().unwrap_or_default())
        };
        groups.sort_by(|a, b| {
            let urgency = b.health.urgency().cmp(&a.health.urgency());
            let burns = burn(b).partial_cmp(&burn(a)).unwrap_or(std::cmp::Ordering::Equal);
            urgency.then(burns).then_with(|| a.group.cmp(&b.group))
        });
        groups
    }

    /// Tiers whose condition is critical but for too few bad events; the page must show them.
    pub fn suppressed(&self) -> impl Iterator<Item = &TierReading> {
        self.tiers
            .iter()
            .chain(self.groups.iter().flat_map(|group| &group.tiers))
            .filter(|reading| matches!(reading.condition, Condition::Suppressed { .. }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::alert::{Firing, Phase, TierAlert};
    use crate::buckets::{Count, WindowCount};
    use crate::burn::Exhaustion;

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
            assert_eq!(
                Health::of(alerts(firing).firing_severity(), &readings, budget).name(),
                *expected,
                "{firing:?} {totals:?}"
            );
        }
    }
}
