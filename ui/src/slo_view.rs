//! An SLO in words and classes, for the pages that show one.

use model::Nanos;
use slo::burn::Exhaustion;
use slo::spec::Window;
use slo::status::{Health, SloStatus};

use crate::format::{self, Stamp};
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
        let budget_left = match status.budget.remaining {
            Some(left) if left >= 0.0 => format!("{} left", format::percent(left)),
            Some(left) if left > -1.0 => format!("{} overspent", format::percent(-left)),
            Some(left) => format!("spent {} times over", format::number(1.0 - left)),
            None => "no events".to_owned(),
        };
        let meter_class = match status.budget.remaining {
            None => "none",
            Some(left) if left <= 0.0 => "error",
            Some(left) if left < 0.25 => "warn",
            Some(_) => "ok",
        };
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
            meter: Meter::new(
                status.budget.remaining.unwrap_or(0.0),
                meter_class,
                format!("Error budget: {budget_left}"),
            ),
            events_left: events_left(status),
            budget_left,
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

/// The word for the health of an SLO and the class of its badge.
fn health(health: Health) -> (&'static str, &'static str) {
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
    pub(crate) fn of(status: &slo::Status, now: Nanos) -> Self {
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
        for error in status.file_errors.iter().take(20) {
            items.push(("SLO file", format!("{error}. The last good version stays in use."), true));
        }
        let is_evaluated = status.evaluated_at != 0;
        let evaluated = match is_evaluated {
            true => format!("evaluated {}", format::ago(status.evaluated_at, now)),
            false => "not evaluated yet".to_owned(),
        };
        Notices { items, evaluated, is_evaluated }
    }
}
