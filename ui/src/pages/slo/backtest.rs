//! The backtest of an SLO: when its alerts would have fired over what is counted, with its objective or another one.

use model::time::{DAY, HOUR, MINUTE};
use model::{Nanos, TimeRange};
use slo::backtest::{Backtest, Firing};
use slo::duration;
use slo::groups::Group;
use slo::ratio::Objective;
use slo::spec::{Severity, Slo};

use crate::app::{App, Problem};
use crate::format::{self, Stamp, clip};
use crate::shell::Shell;
use crate::state::SloBacktest;

/// How far a backtest goes back.
pub(crate) const SHORTEST: Nanos = HOUR;
pub(crate) const LONGEST: Nanos = 366 * DAY;
/// Whole buckets are evaluated, of a minute at most.
const SLACK: Nanos = 2 * MINUTE;
/// Alerts listed, the last ones.
pub(crate) const MAX_ROWS: usize = 200;

/// The form and what came of it.
pub(super) struct BacktestView {
    /// How far back; empty until somebody asks.
    pub(super) last: String,
    /// In percent, without its sign.
    pub(super) objective: String,
    pub(super) problem: Option<Problem>,
    pub(super) result: Option<ResultView>,
}

pub(super) struct ResultView {
    /// How often it would have alerted, and what it would have cost.
    pub(super) sentence: String,
    /// What the reader must know of it, such as that it is not all: a sentence, and the time that it ends with.
    pub(super) notes: Vec<Note>,
    pub(super) has_groups: bool,
    pub(super) rows: Vec<Row>,
}

pub(crate) type Note = (String, Option<Stamp>);

pub(super) struct Row {
    pub(super) severity: &'static str,
    pub(super) severity_class: &'static str,
    pub(super) windows: String,
    pub(super) group: String,
    pub(super) since: Stamp,
    /// `None` if it still fires.
    pub(super) until: Option<Stamp>,
    pub(super) lasted: String,
    pub(super) events: String,
    pub(super) budget: String,
    pub(super) peak: String,
    at: Nanos,
}

/// What the address asks for.
pub(super) async fn view(app: &App, shell: &Shell, slo: &Slo) -> BacktestView {
    let last = clip(shell.url.get("backtest"), 40);
    let objective = match shell.url.get("objective") {
        "" => slo.objective.percent().to_string(),
        text => clip(text.trim_end_matches('%').trim_end(), 40),
    };
    let mut view = BacktestView { last, objective, problem: None, result: None };
    if view.last.is_empty() {
        return view;
    }
    let asked = length(&view.last).and_then(|length| Ok((length, percent(&view.objective)?)));
    match asked {
        Err(error) => view.problem = Some(Problem::parameter(error)),
        Ok((length, objective)) => {
            let range = TimeRange::new(shell.now.saturating_sub(length), shell.now);
            match (app.state.backtests.slo)(slo.name.clone(), objective, range).await {
                Ok(found) => view.result = Some(shown(slo, found, range)),
                Err(error) => view.problem = Some(Problem::of(&error, "")),
            }
        }
    }
    view
}

/// How far back somebody wants it.
pub(crate) fn length(text: &str) -> Result<Nanos, String> {
    let length = duration::parse(text).filter(|length| (SHORTEST..=LONGEST).contains(length));
    length.ok_or_else(|| format!("backtest: {text:?} is not a duration from 1h to 366d, such as 7d"))
}

fn percent(text: &str) -> Result<Objective, String> {
    let objective = text.parse().ok().and_then(Objective::from_percent);
    objective.ok_or_else(|| format!("objective: {text:?} is not a percentage above 0 and below 100, such as 99.9"))
}

fn shown(slo: &Slo, found: SloBacktest, range: TimeRange) -> ResultView {
    let SloBacktest { groups, n_groups } = found;
    let count = |severity| groups.iter().map(|(_, result)| result.count(severity)).sum::<usize>();
    let (pages, tickets) = (count(Severity::Page), count(Severity::Ticket));
    let sentence = format!("{} and {}.", many(pages, "page"), many(tickets, "ticket"));
    let mut rows: Vec<Row> =
        groups.iter().flat_map(|(group, result)| result.firings.iter().map(|firing| row(slo, group, firing))).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    let mut notes = notes(&groups, n_groups, range);
    if rows.len() > MAX_ROWS {
        notes.push((format!("The last {MAX_ROWS} of {} alerts are listed", format::count(rows.len() as u64)), None));
        rows.truncate(MAX_ROWS);
    }
    ResultView { sentence, notes, has_groups: slo.by.is_some(), rows }
}

/// What is not in the result, and why; and how it stood with the budget.
fn notes(groups: &[(Group, Backtest)], n_groups: usize, range: TimeRange) -> Vec<Note> {
    let Some((_, first)) = groups.first().filter(|(_, first)| !first.range.is_empty()) else {
        return vec![("Nothing of that time is counted".to_owned(), None)];
    };
    let mut notes = Vec::new();
    if let Some((lowest, at)) = first.lowest.filter(|_| groups.len() == 1) {
        let left = match lowest < 0.0 {
            true => format!("{} overspent", format::percent(-lowest)),
            false => format!("{} left", format::percent(lowest)),
        };
        notes.push((format!("The budget was lowest, {left}, at"), Some(Stamp::full(at))));
    }
    if first.range.start > range.start.saturating_add(SLACK) {
        notes.push(("Counted is the time since".to_owned(), Some(Stamp::full(first.range.start))));
    }
    if let Some((_, stopped)) = groups.iter().find(|(_, result)| result.range.end.saturating_add(SLACK) < range.end) {
        notes.push(("It took too long and was stopped at".to_owned(), Some(Stamp::full(stopped.range.end))));
    }
    if groups.len() < n_groups {
        let n = groups.len();
        let text = format!("It took too long: {n} of {n_groups} groups are in it, those with most bad events");
        notes.push((text, None));
    }
    let sum = |time: fn(&Backtest) -> Nanos| groups.iter().map(|(_, result)| time(result)).sum::<Nanos>();
    let (held_back, unknown) = (sum(|result| result.held_back), sum(|result| result.unknown));
    if held_back > 0 {
        let time = duration::format(held_back);
        notes.push((format!("The low-traffic guard held alerts back for {time}, summed over the tiers"), None));
    }
    if unknown > 0 {
        let time = duration::format(unknown);
        let why = "for want of events or of counts, or since the time is excluded";
        notes.push((format!("For {time}, summed over the tiers, nothing is known, {why}"), None));
    }
    notes
}

fn row(slo: &Slo, group: &Group, firing: &Firing) -> Row {
    let windows = firing.tier.split_once('/').map_or(String::new(), |(_, windows)| windows.replace('/', " and "));
    Row {
        severity: firing.severity.name(),
        severity_class: if firing.severity == Severity::Page { "error" } else { "warn" },
        windows,
        group: clip(&group.words(slo.by.as_ref()).unwrap_or_default(), 160),
        since: Stamp::full(firing.since),
        until: firing.until.map(Stamp::full),
        lasted: duration::format(firing.lasted),
        events: format!("{} of {}", format::count(firing.events.bad()), format::count(firing.events.total)),
        budget: format::percent(firing.budget_spent),
        peak: format!("{}×", format::number(firing.peak)),
        at: firing.since,
    }
}

fn many(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{} {what}s", format::count(n as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_held_to_its_bounds() {
        for (text, is_good) in
            [("7d", true), ("1h", true), ("366d", true), ("59m", false), ("367d", false), ("x", false)]
        {
            assert_eq!(length(text).is_ok(), is_good, "{text}");
        }
        for (text, is_good) in
            [("99.9", true), ("100", false), ("0", false), ("-1", false), ("NaN", false), ("x", false)]
        {
            assert_eq!(percent(text).is_ok(), is_good, "{text}");
        }
    }
}
