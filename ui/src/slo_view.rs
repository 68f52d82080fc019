//! An SLO in words and classes, for the pages that show one.

use model::Nanos;
use slo::alert::Phase;
use slo::burn::{Budget, Exhaustion};
use slo::spec::{Tier, Window};
use slo::status::{Health, Silence, SloStatus};

use crate::format::{self, Stamp, clip};
use crate::page_url::PageUrl;
use crate::parts::Meter;
use crate::shell::{Shell, firing_since};

/// An SLO with its budget, as a card or a row.
pub(crate) struct SloCard {
    pub(crate) name: String,
    pub(crate) href: PageUrl,
    pub(crate) sentence: String,
    pub(crate) word: &'static str,
    pub(crate) class: &'static str,
    pub(crate) objective: String,
    pub(crate) attained: String,
    pub(crate) window: String,
    pub(crate) budget_left: String,
    pub(crate) events_left: String,
    pub(crate) meter: Meter,
    pub(crate) exhaustion: String,
    pub(crate) since: Option<Stamp>,
    /// How much of the window has been counted, when it is not all of it.
    pub(crate) coverage: Option<String>,
}

impl SloCard {
    pub(crate) fn new(shell: &Shell, status: &SloStatus) -> Self {
        let slo = &status.slo;
        let (word, class) = health(status.health);
        let coverage = &status.coverage;
        SloCard {
            name: slo.name.clone(),
            href: shell.link(format!("/slos/{}", slo.name)),
            sentence: slo.sentence(),
            word,
            class,
            objective: slo.objective.to_string(),
            attained: status
                .budget
                .attained_percent()
                .map_or("–".to_owned(), |percent| format::percent(percent / 100.0)),
            window: slo.window.to_string(),
            meter: meter(&status.budget),
            events_left: events_left(status),
            budget_left: budget_left(&status.budget),
            exhaustion: exhaustion(status.budget.exhaustion),
            since: firing_since(&status.alerts, None).map(Stamp::clock),
            coverage: (coverage.share < 0.999).then(|| {
                let counted = slo::duration::format(coverage.counted.length() / 1_000_000_000 * 1_000_000_000);
                match &slo.window {
                    Window::Rolling(_) => format!("{counted} of {} counted", slo.window),
                    Window::Calendar(_) => format!("{counted} of it counted"),
                }
            }),
        }
    }
}

/// What is left of a budget, in words.
pub(crate) fn budget_left(budget: &Budget) -> String {
    match budget.remaining {
        Some(left) if left >= 0.0 => format!("{} left", format::percent(left)),
        Some(left) if left > -1.0 => format!("{} overspent", format::percent(-left)),
        Some(left) => format!("spent {} times over", format::number(1.0 - left)),
        None => "no events".to_owned(),
    }
}

/// What is left of a budget, as a bar.
pub(crate) fn meter(budget: &Budget) -> Meter {
    let class = match budget.remaining {
        None => "none",
        Some(left) if left <= 0.0 => "error",
        Some(left) if left < 0.25 => "warn",
        Some(_) => "ok",
    };
    Meter::new(budget.remaining.unwrap_or(0.0), class, format!("Error budget: {}", budget_left(budget)))
}

/// Where the alert of a tier is, its class, and since when; of several groups the one that is furthest on.
pub(crate) fn phase_of(status: &SloStatus, tier: &Tier) -> (&'static str, &'static str, Option<Nanos>) {
    let id = tier.id();
    let of_tier = || status.alerts.tiers.iter().filter(|alert| alert.id == id);
    let firing = of_tier().filter_map(|alert| match &alert.phase {
        Phase::Firing(firing) => Some(firing.since),
        Phase::Inactive | Phase::Pending { .. } => None,
    });
    let pending = of_tier().filter_map(|alert| match &alert.phase {
        Phase::Pending { since } => Some(*since),
        Phase::Inactive | Phase::Firing(_) => None,
    });
    match (firing.min(), pending.min()) {
        (Some(since), _) => ("firing", "error", Some(since)),
        (None, Some(since)) => ("pending", "warn", Some(since)),
        (None, None) => ("inactive", "", None),
    }
}

/// What one SLO has to say about its counts: title and text.
pub(crate) fn about_counts(status: &SloStatus) -> Vec<(&'static str, String)> {
    let mut items = Vec::new();
    if let Some(share) = status.coverage.backfill {
        let text = format!(
            "{} of the stored data of its window has been counted; alerts wait until their windows are.",
            format::percent(share)
        );
        items.push(("Counting stored data", text));
    }
    if let Some(silence) = status.silence {
        let mut words = silence.words(&status.slo);
        if let Silence::Since(last) = silence {
            words.push_str(&format!("; the last was at {}", Stamp::full(last)));
        }
        items.push(("No data", format!("{}.", capitalized(&words))));
    }
    items
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// How many of its groups burn, in words, or that it cannot be counted; empty for an SLO without groups.
pub(crate) fn groups_words(status: &SloStatus) -> String {
    if status.problem.is_some() {
        return "cannot be counted".to_owned();
    }
    if status.slo.by.is_none() {
        return String::new();
    }
    let n_bad = status.groups.iter().filter(|group| group.health.urgency() > Health::BudgetSpent.urgency()).count();
    let noun = if status.groups.len() == 1 { "group" } else { "groups" };
    match n_bad {
        0 => format!("{} {noun}", status.groups.len()),
        n => format!("{n} of {} {noun} with an alert", status.groups.len()),
    }
}

/// The word for the health of an SLO and the class of its badge.
pub(crate) fn health(health: Health) -> (&'static str, &'static str) {
    match health {
        Health::Ok => ("OK", "ok"),
        Health::BudgetSpent => ("Budget spent", "warn"),
        Health::Degraded => ("Degraded", "warn"),
        Health::Burning => ("Burning", "error"),
        Health::NoData => ("No data", ""),
    }
}

fn events_left(status: &SloStatus) -> String {
    if status.budget.remaining.is_none() {
        return String::new();
    }
    let left = status.budget.bad_events_left();
    if left >= 0.0 {
        format!("{} more bad events allowed", format::count(left.floor() as u64))
    } else {
        format!("{} bad events too many", format::count((-left).ceil() as u64))
    }
}

/// When the budget is gone, in words.
pub(crate) fn exhaustion(exhaustion: Exhaustion) -> String {
    match exhaustion {
        Exhaustion::Exhausted => "The budget is spent.".to_owned(),
        Exhaustion::In(left) => format!("At the present rate it is gone in {}.", format::coarse(left)),
        Exhaustion::NotAtThisRate => "At the present rate it lasts.".to_owned(),
        Exhaustion::Unknown => String::new(),
    }
}

/// A burn rate in words: `14.4×`; a dash without events.
pub(crate) fn burn(count: slo::Count, objective: slo::ratio::Objective) -> String {
    slo::burn::burn_rate(count, objective).map_or("–".to_owned(), |rate| format!("{}×", format::number(rate)))
}

/// What the evaluation of SLOs has to say about itself.
pub(crate) struct Notices {
    /// Title, text, and whether it is an error.
    pub(crate) items: Vec<(&'static str, String, bool)>,
    /// When they were last evaluated, in words.
    pub(crate) evaluated: String,
    pub(crate) is_evaluated: bool,
}

impl Notices {
    /// What there is to say about all SLOs, or about none but `only` this one.
    pub(crate) fn of(status: &slo::Status, now: Nanos, only: Option<&str>) -> Self {
        let mut items: Vec<(&'static str, String, bool)> = Vec::new();
        if let Some(problem) = &status.problem {
            items.push(("Not evaluated", problem.clone(), true));
        }
        let late = status.interval.saturating_mul(4);
        if status.evaluated_at != 0 && late > 0 && now.saturating_sub(status.evaluated_at) > late {
            let age = format::coarse(now.saturating_sub(status.evaluated_at));
            items.push((
                "Stale",
                format!("the last evaluation was {age} ago; one is due every {}", format::coarse(status.interval)),
                true,
            ));
        }
        for slo in status.slos.iter().filter(|slo| only.is_none_or(|name| slo.slo.name == name)).take(20) {
            if let Some(problem) = &slo.problem {
                let name = if only.is_some() { String::new() } else { format!("{}: ", slo.slo.name) };
                let text = format!("{name}{}. Its alerts stay as they are until it can be.", clip(problem, 1_000));
                items.push(("Cannot be counted", text, true));
            }
        }
        for error in status.file_errors.iter().take(20) {
            items.push(("File", format!("{error}. The last good version stays in use."), true));
        }
        let is_evaluated = status.evaluated_at != 0;
        let evaluated = match is_evaluated {
            true => format!("evaluated {}", format::ago(status.evaluated_at, now)),
            false => "not evaluated yet".to_owned(),
        };
        Notices { items, evaluated, is_evaluated }
    }
}
