//! `/alerts/rules`: Prometheus' rules, group by group, with how their last evaluation went; and what the Alerts page shows of them.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use slo::Status;
use slo::duration;
use slo::rules::alerts::ChangeTo;
use slo::rules::status::{GroupStatus, RuleChange, RuleStatus, RulesStatus};
use slo::rules::{ALERT_NAME, Labels, Rule};

use crate::app::{App, page};
use crate::format::{self, Stamp, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::pages::silence;
use crate::shell::Shell;

mod backtest;

use backtest::BacktestView;

/// Rows of a list of alerts or changes.
const MAX_ROWS: usize = 200;
/// Rules that are shown of all groups.
const MAX_RULES: usize = 2_000;

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    shell: Shell,
    rules: RuleAlerts,
    notices: Vec<(&'static str, String)>,
    patterns: String,
    n_rules: usize,
    n_failing: usize,
    n_hidden: usize,
    groups: Vec<Group>,
    backtest: Option<BacktestView>,
    changes: Vec<Change>,
}

/// The alerts of rules that are pending or firing.
pub(super) struct RuleAlerts {
    pub(super) rows: Vec<AlertRow>,
    pub(super) n_firing: usize,
    pub(super) n_pending: usize,
    pub(super) n_groups: usize,
}

pub(super) struct AlertRow {
    pub(super) phase: &'static str,
    pub(super) phase_class: &'static str,
    pub(super) name: String,
    pub(super) labels: String,
    pub(super) summary: String,
    /// The expression on the page of metrics.
    pub(super) href: PageUrl,
    pub(super) severity: String,
    pub(super) since: Stamp,
    pub(super) age: String,
    pub(super) value: String,
    /// Why nobody is told of it: who silenced it, and the comment.
    pub(super) silenced: Option<String>,
    /// The same: the alert that inhibits it.
    pub(super) inhibited: Option<String>,
    /// To silence it.
    pub(super) silence: PageUrl,
}

struct Group {
    name: String,
    file: String,
    interval: String,
    evaluated: String,
    took: String,
    missed: u64,
    rows: Vec<RuleRow>,
}

struct RuleRow {
    state: &'static str,
    class: &'static str,
    name: String,
    expression: String,
    href: PageUrl,
    labels: String,
    hold: String,
    series: String,
    evaluated: String,
    took: String,
    error: String,
    warning: String,
}

struct Change {
    at: Stamp,
    to: &'static str,
    class: &'static str,
    name: String,
    labels: String,
    group: String,
}

impl RuleAlerts {
    pub(super) fn of(status: &Status, shell: &Shell) -> Self {
        let mut rows = Vec::new();
        let inhibited = status.inhibited();
        for group in &status.rules.groups {
            for (rule, known) in group.group.rules.iter().zip(&group.rules) {
                for (labels, alert) in known.alerts() {
                    let since = alert.firing_since().unwrap_or(alert.active_at);
                    let is_firing = alert.firing_since().is_some();
                    let mut names = ["summary", "description", "message"].into_iter();
                    let summary = names.find_map(|name| alert.annotations.get(name));
                    let silence = status.silences.of(labels, shell.now).next();
                    rows.push(AlertRow {
                        silenced: silence.map(silence::why),
                        inhibited: inhibited.get(labels).map(|by| inhibited_by(by)),
                        silence: silence::link(shell, labels),
                        phase: alert.phase.name(),
                        phase_class: if is_firing { "error" } else { "warn" },
                        name: clip(&rule.name, 120),
                        labels: words(labels),
                        summary: summary.map_or(String::new(), |text| clip(text, 300)),
                        href: expression_link(shell, rule),
                        severity: labels.get("severity").map_or(String::new(), |it| clip(it, 40)),
                        since: Stamp::clock(since),
                        age: shell.ago(since),
                        value: format::number(alert.value),
                    });
                }
            }
        }
        rows.sort_by_key(|row| (row.phase != "firing", row.since.0));
        let n_firing = rows.iter().filter(|row| row.phase == "firing").count();
        let n_pending = rows.len() - n_firing;
        rows.truncate(MAX_ROWS);
        RuleAlerts { rows, n_firing, n_pending, n_groups: status.rules.groups.len() }
    }
}

/// `GET /alerts/rules`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let status = (app.state.slo_status)();
    let known = &status.rules;
    let all = || known.groups.iter().flat_map(|group| &group.rules);
    let (n_rules, n_failing) = (all().count(), all().filter(|rule| rule.error.is_some()).count());
    let mut left = MAX_RULES;
    let groups = known.groups.iter().map(|group| of_group(&shell, group, &mut left)).collect();
    let backtest = backtest::view(&app, &shell, known).await;
    page(
        StatusCode::OK,
        &RulesPage {
            rules: RuleAlerts::of(&status, &shell),
            notices: notices(known),
            patterns: clip(&known.patterns.join(", "), 300),
            n_rules,
            n_failing,
            n_hidden: n_rules.saturating_sub(MAX_RULES),
            groups,
            backtest,
            changes: known.history.iter().take(MAX_ROWS).map(|change| of_change(change)).collect(),
            shell,
        },
    )
}

pub(super) fn notices(status: &RulesStatus) -> Vec<(&'static str, String)> {
    let problem = status.problem.iter().map(|text| ("Not stored", clip(text, 1_000)));
    let files = status.file_errors.iter().take(20);
    problem.chain(files.map(|error| ("File", format!("{error}. The last good version stays in use.")))).collect()
}

fn of_group(shell: &Shell, it: &GroupStatus, left: &mut usize) -> Group {
    let shown = it.rules.len().min(*left);
    *left -= shown;
    let rows = it.group.rules.iter().zip(&it.rules).take(shown).map(|(rule, known)| of_rule(shell, rule, known));
    Group {
        name: clip(&it.group.name, 120),
        file: clip(&it.group.file, 200),
        interval: duration::format(it.group.interval),
        evaluated: evaluated(shell, it.evaluated_at),
        took: format::duration(it.took),
        missed: it.missed,
        rows: rows.collect(),
    }
}

fn of_rule(shell: &Shell, rule: &Rule, known: &RuleStatus) -> RuleRow {
    let (state, class) = match (&known.error, rule.alerting(), known.state()) {
        (Some(_), ..) => ("fails", "error"),
        (None, ..) if known.evaluated_at == 0 => ("waits", ""),
        (None, None, _) => ("records", "ok"),
        (None, Some(_), "firing") => ("firing", "error"),
        (None, Some(_), "pending") => ("pending", "warn"),
        (None, Some(_), other) => (if other == "inactive" { "inactive" } else { "" }, "ok"),
    };
    let hold = rule.alerting().filter(|alerting| alerting.hold > 0);
    RuleRow {
        state,
        class,
        name: clip(&rule.name, 200),
        expression: clip(rule.expression.trim(), 600),
        href: expression_link(shell, rule),
        labels: words(&rule.written_labels()),
        hold: hold.map_or(String::new(), |alerting| duration::format(alerting.hold)),
        series: if known.evaluated_at == 0 { String::new() } else { format::count(known.n_series as u64) },
        evaluated: evaluated(shell, known.evaluated_at),
        took: if known.evaluated_at == 0 { String::new() } else { format::duration(known.took) },
        error: known.error.as_ref().map_or(String::new(), |text| clip(text, 600)),
        warning: known.warning.as_ref().map_or(String::new(), |text| clip(text, 600)),
    }
}

fn of_change(change: &RuleChange) -> Change {
    Change {
        at: Stamp::full(change.at),
        to: change.to.name(),
        class: match change.to {
            ChangeTo::Firing => "error",
            ChangeTo::Pending => "warn",
            ChangeTo::Resolved => "ok",
            ChangeTo::Inactive => "",
        },
        name: change.labels.get(ALERT_NAME).map_or(String::new(), |name| clip(name, 120)),
        labels: words(&change.labels),
        group: clip(&change.group, 120),
    }
}

fn evaluated(shell: &Shell, time: model::Nanos) -> String {
    if time == 0 { "not yet".to_owned() } else { shell.ago(time) }
}

fn expression_link(shell: &Shell, rule: &Rule) -> PageUrl {
    shell.link("/metrics").with("q", rule.expression.clone())
}

/// Labels but for the name of the alert, as `a="b" c="d"`.
fn words(labels: &Labels) -> String {
    let others = labels.iter().filter(|(name, _)| *name != ALERT_NAME);
    clip(&others.map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(" "), 300)
}

/// Which alert keeps another from being told.
pub(super) fn inhibited_by(by: &Labels) -> String {
    let name = by.get(ALERT_NAME).map_or("", String::as_str);
    clip(&format!("while {name} fires: {}", words(by)), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_words_without_the_name_of_the_alert() {
        let labels = [(ALERT_NAME, "Down"), ("job", "a"), ("path", "/\"x\"")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(words(&labels), "job=\"a\" path=\"/\\\"x\\\"\"");
    }
}
