//! The groups of an SLO, those that burn fastest first.

use slo::alert::Phase;
use slo::groups::Group;
use slo::spec::Severity;
use slo::status::{GroupStatus, SloStatus};

use crate::format;
use crate::parts::Meter;
use crate::slo_view::{budget_left, burn, health, meter};

/// Groups listed.
const MAX_GROUPS: usize = 50;

pub(super) struct Groups {
    /// The keys, in words.
    pub(super) by: String,
    /// Those of the most urgent tier; `None` without alerts.
    pub(super) windows: Option<(String, String)>,
    pub(super) rows: Vec<GroupRow>,
    /// What is not in the list, in words; empty if nothing is left out.
    pub(super) left_out: String,
}

pub(super) struct GroupRow {
    pub(super) name: String,
    pub(super) is_rest: bool,
    pub(super) word: &'static str,
    pub(super) class: &'static str,
    /// The alerts that fire or wait, in words.
    pub(super) alerts: String,
    pub(super) meter: Meter,
    pub(super) budget_left: String,
    pub(super) attained: String,
    pub(super) bad: String,
    /// Burn rates of the windows of the most urgent tier, and its condition.
    pub(super) long_burn: String,
    pub(super) short_burn: String,
    pub(super) condition: &'static str,
}

/// The groups of `status`; `None` for an SLO without.
pub(super) fn groups(status: &SloStatus) -> Option<Groups> {
    let by = status.slo.by.as_ref()?;
    let mut left_out = Vec::new();
    if status.groups.len() > MAX_GROUPS {
        left_out.push(format!("{} more groups are in the API.", status.groups.len() - MAX_GROUPS));
    }
    if status.n_waiting_groups > 0 {
        let n = format::count(status.n_waiting_groups as u64);
        left_out.push(format!(
            "{n} other values were seen beyond the limit of {} groups; they are counted together, as all other groups.",
            by.max
        ));
    }
    let rows = status.by_burn().into_iter().take(MAX_GROUPS).map(|group| row(status, group)).collect();
    let first = status.slo.alerting.tiers.first();
    let windows = first.map(|tier| (slo::duration::format(tier.long), slo::duration::format(tier.short)));
    Some(Groups { by: by.keys.join(" and "), windows, rows, left_out: left_out.join(" ") })
}

fn row(status: &SloStatus, group: &GroupStatus) -> GroupRow {
    let slo = &status.slo;
    let (word, class) = health(group.health);
    let alerts = [Severity::Page, Severity::Ticket].map(|severity| {
        let of_group = status.alerts.tiers.iter().filter(|it| it.group == group.group && it.severity == severity);
        let (mut n_firing, mut n_pending) = (0, 0);
        for alert in of_group {
            match alert.phase {
                Phase::Firing(_) => n_firing += 1,
                Phase::Pending { .. } => n_pending += 1,
                Phase::Inactive => {}
            }
        }
        let words = |n: usize, one: &str, many: &str| match n {
            0 => None,
            1 => Some(format!("{severity} {one}")),
            n => Some(format!("{n} {severity}s {many}")),
        };
        [words(n_firing, "fires", "fire"), words(n_pending, "is pending", "are pending")]
    });
    let alerts: Vec<String> = alerts.into_iter().flatten().flatten().collect();
    let first = group.tiers.first();
    let events = group.budget.events.count;
    let rate = |count| burn(count, slo.objective);
    GroupRow {
        name: format::clip(&group.group.words(slo.by.as_ref()).unwrap_or_default(), 160),
        is_rest: group.group == Group::Rest,
        word,
        class,
        alerts: alerts.join(", "),
        meter: meter(&group.budget),
        budget_left: budget_left(&group.budget),
        attained: group.budget.attained_percent().map_or("–".to_owned(), |percent| format::percent(percent / 100.0)),
        bad: format!("{} of {}", format::count(events.bad()), format::count(events.total)),
        long_burn: first.map_or("–".to_owned(), |tier| rate(tier.long.count)),
        short_burn: first.map_or("–".to_owned(), |tier| rate(tier.short.count)),
        condition: first.map_or("", |tier| tier.condition.name()),
    }
}
