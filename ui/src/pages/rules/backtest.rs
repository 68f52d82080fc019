//! The backtest of a group of rules: when its alerts would have fired over stored metrics.

use std::sync::Arc;

use model::{Nanos, TimeRange};
use slo::duration;
use slo::rules::status::RulesStatus;
use slo::rules::{ALERT_NAME, RuleGroup};

use super::words;
use crate::app::{App, Problem};
use crate::format::{self, Stamp, clip};
use crate::pages::slo::backtest::{MAX_ROWS, Note, length};
use crate::shell::Shell;
use crate::state::{RuleFiring, RulesBacktest};

/// What the form offers for how far back.
const USUAL: &str = "1d";

/// The form and what came of it.
pub(super) struct BacktestView {
    /// The groups that have alerts, and which of them is chosen.
    pub(super) groups: Vec<(String, bool)>,
    pub(super) last: String,
    pub(super) problem: Option<Problem>,
    pub(super) result: Option<ResultView>,
}

pub(super) struct ResultView {
    pub(super) sentence: String,
    /// What the reader must know of it, such as that it is not all.
    pub(super) notes: Vec<Note>,
    pub(super) failed: Vec<String>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) labels: String,
    pub(super) since: Stamp,
    /// `None` if it still fires.
    pub(super) until: Option<Stamp>,
    pub(super) lasted: String,
}

/// What the address asks for; `None` without a group that has alerts.
pub(super) async fn view(app: &App, shell: &Shell, status: &RulesStatus) -> Option<BacktestView> {
    let alerting = status
        .groups
        .iter()
        .map(|it| &it.group)
        .filter(|group| group.rules.iter().any(|rule| rule.alerting().is_some()));
    let groups: Vec<&Arc<RuleGroup>> = alerting.collect();
    let wanted = shell.url.get("backtest");
    let chosen = groups.iter().find(|group| key(group) == wanted).copied();
    let last = clip(Some(shell.url.get("last")).filter(|text| !text.is_empty()).unwrap_or(USUAL), 40);
    let offered = groups.iter().map(|group| (key(group), key(group) == wanted)).collect();
    let mut view = BacktestView { groups: offered, last, problem: None, result: None };
    if !wanted.is_empty() {
        match (chosen, length(&view.last)) {
            (None, _) => {
                view.problem =
                    Some(Problem::parameter(format!("there is no group {:?} with alerts", clip(wanted, 200))))
            }
            (_, Err(error)) => view.problem = Some(Problem::parameter(error)),
            (Some(group), Ok(length)) => {
                let range = TimeRange::new(shell.now.saturating_sub(length), shell.now);
                match (app.state.backtests.rules)(Arc::clone(group), range).await {
                    Ok(found) => view.result = Some(shown(found, range)),
                    Err(error) => view.problem = Some(Problem::of(&error, "")),
                }
            }
        }
    }
    (!groups.is_empty()).then_some(view)
}

fn key(group: &RuleGroup) -> String {
    format!("{} of {}", group.name, group.file)
}

fn shown(found: RulesBacktest, range: TimeRange) -> ResultView {
    let RulesBacktest { fired, evaluations, failed, reached } = found;
    let n = format::count(fired.len() as u64);
    let alerts = if fired.len() == 1 { "alert" } else { "alerts" };
    let evaluations = format::count(evaluations as u64);
    let sentence = format!("{n} {alerts} in {evaluations} evaluations.");
    let mut notes = Vec::new();
    if reached < range.end {
        notes.push(("It took too long and was stopped at".to_owned(), Some(Stamp::full(reached))));
    }
    if fired.len() > MAX_ROWS {
        notes.push((format!("The last {MAX_ROWS} are listed"), None));
    }
    let failed = failed.into_iter().map(|(rule, (times, error))| {
        format!("{} failed {} times: {}", clip(&rule, 120), format::count(times as u64), clip(&error, 300))
    });
    let rows = fired.iter().rev().take(MAX_ROWS).map(|firing| row(firing, reached)).collect();
    ResultView { sentence, notes, failed: failed.collect(), rows }
}

fn row(firing: &RuleFiring, end: Nanos) -> Row {
    Row {
        name: clip(firing.labels.get(ALERT_NAME).map_or("", String::as_str), 120),
        labels: words(&firing.labels),
        since: Stamp::full(firing.since),
        until: firing.until.map(Stamp::full),
        lasted: duration::format(firing.until.unwrap_or(end).saturating_sub(firing.since)),
    }
}
