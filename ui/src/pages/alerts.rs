//! `/alerts`: what fires, what changed, and every attempt to tell somebody.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use slo::Status;
use slo::alert::{Phase, TransitionTo, labels};
use slo::groups::Group;
use slo::spec::Severity;
use slo::status::{Attempt, AttemptOutcome, DeliveryStatus, HeartbeatStatus, ReceiverStatus, SloStatus};

use super::rules::{self, RuleAlerts};
use crate::app::{App, page};
use crate::format::{self, Stamp, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::pages::silence::{self, SilenceRow};
use crate::parts::ServiceTag;
use crate::shell::Shell;
use crate::slo_view::{Notices, burn};

/// Rows of the two histories.
const MAX_ROWS: usize = 100;

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    shell: Shell,
    notices: Notices,
    alerts: Vec<Row>,
    rules: RuleAlerts,
    n_firing: usize,
    n_pending: usize,
    n_inactive: usize,
    silences: Vec<SilenceRow>,
    n_active_silences: usize,
    changes: Vec<Change>,
    receivers: Vec<ReceiverRow>,
    /// What is known of the heartbeat, in words, and whether it is well; `None` without one.
    heartbeat: Option<(String, bool)>,
    n_waiting: usize,
    n_dead: usize,
    attempts: Vec<AttemptRow>,
}

/// An alert that is not inactive.
struct Row {
    slo: String,
    /// Empty for an SLO without groups.
    group: String,
    href: PageUrl,
    service: ServiceTag,
    severity: &'static str,
    severity_class: &'static str,
    phase: &'static str,
    phase_class: &'static str,
    since: Stamp,
    age: String,
    windows: String,
    burn: String,
    threshold: String,
    condition: &'static str,
    /// Why nobody is told of it: the comment of a silence.
    silenced: Option<String>,
    /// The same: the alert that inhibits it.
    inhibited: Option<String>,
    /// To silence it.
    silence: PageUrl,
}

/// A change of an alert.
pub(super) struct Change {
    pub(super) at: Stamp,
    pub(super) to: &'static str,
    pub(super) class: &'static str,
    pub(super) slo: String,
    /// Empty for an SLO without groups.
    pub(super) group: String,
    pub(super) href: PageUrl,
    pub(super) severity: &'static str,
    pub(super) windows: String,
}

/// Somebody who is told.
struct ReceiverRow {
    name: String,
    kind: &'static str,
    pending: usize,
    /// The last attempt.
    last: Option<AttemptRow>,
}

/// An attempt to tell somebody.
pub(super) struct AttemptRow {
    pub(super) time: Stamp,
    /// What went over the wire.
    pub(super) exchange: PageUrl,
    pub(super) receiver: String,
    /// The SLO, or the labels of the group of alerts.
    pub(super) subject: String,
    /// The key of the group.
    pub(super) group: String,
    /// Of the SLO, if it is one.
    pub(super) href: Option<PageUrl>,
    pub(super) status: String,
    pub(super) status_class: &'static str,
    pub(super) number: u32,
    pub(super) took: String,
    pub(super) outcome: String,
    pub(super) outcome_class: &'static str,
    pub(super) key: String,
}

/// `GET /alerts`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let status = (app.state.slo_status)();
    let (mut alerts, mut n_inactive) = (Vec::new(), 0);
    let inhibited = status.inhibited();
    for slo in &status.slos {
        for alert in &slo.alerts.tiers {
            let (phase, phase_class, since) = match &alert.phase {
                Phase::Firing(phase) => ("firing", "error", phase.since),
                Phase::Pending { since } => ("pending", "warn", *since),
                Phase::Inactive => {
                    n_inactive += 1;
                    continue;
                }
            };
            let (_, readings) = slo.of_group(&alert.group).unwrap_or((&slo.budget, &slo.tiers));
            let mut tiers = slo.slo.alerting.tiers.iter().zip(readings);
            let (tier, reading) = tiers.find(|(tier, _)| tier.id() == alert.id).unzip();
            let labels = match &alert.phase {
                Phase::Firing(firing) => firing.labels.clone(),
                _ => tier.map(|tier| labels(&slo.slo, &slo.alerts.alert_name, tier, &alert.group)).unwrap_or_default(),
            };
            let silence = status.silences.of(&labels, shell.now).next();
            alerts.push(Row {
                silenced: silence.map(silence::why),
                inhibited: inhibited.get(&labels).map(|by| rules::inhibited_by(by)),
                silence: silence::link(&shell, &labels),
                slo: slo.slo.name.clone(),
                group: group_words(slo, &alert.group),
                href: shell.link(format!("/slos/{}", slo.slo.name)),
                service: app.service(&slo.slo.service),
                severity: alert.severity.name(),
                severity_class: if alert.severity == Severity::Page { "error" } else { "warn" },
                phase,
                phase_class,
                since: Stamp::clock(since),
                age: shell.ago(since),
                windows: windows(&alert.id),
                burn: reading.map_or(String::new(), |reading| burn(reading.long.count, slo.slo.objective)),
                threshold: tier.map_or(String::new(), |tier| format!("{}×", tier.burn_rate)),
                condition: reading.map_or("", |reading| reading.condition.name()),
            });
        }
    }
    alerts.sort_by_key(|row| (row.phase != "firing", row.severity != "page", row.since.0));
    let n_firing = alerts.iter().filter(|row| row.phase == "firing").count();
    let of = |receiver: &ReceiverStatus| ReceiverRow {
        name: receiver.name.clone(),
        kind: receiver.kind,
        pending: receiver.pending,
        last: status
            .delivery
            .attempts
            .iter()
            .find(|attempt| attempt.receiver == receiver.name)
            .map(|attempt| attempt_row(&shell, &status.delivery, attempt)),
    };
    let receivers = status.delivery.receivers.iter().map(of).collect();
    let attempts =
        status.delivery.attempts.iter().take(MAX_ROWS).map(|attempt| attempt_row(&shell, &status.delivery, attempt));
    let attempts = attempts.collect();
    let firing: Vec<_> = status.firing().map(|(_, labels, _)| labels).collect();
    let silences = silence::rows(&shell, &status, &firing);
    let mut notices = Notices::of(&status, shell.now, None);
    notices.items.extend(rules::notices(&status.rules).into_iter().map(|(title, text)| (title, text, true)));
    page(
        StatusCode::OK,
        &AlertsPage {
            notices,
            rules: RuleAlerts::of(&status, &shell),
            n_firing,
            n_pending: alerts.len() - n_firing,
            n_inactive,
            alerts,
            n_active_silences: silences.iter().filter(|silence| silence.state == "active").count(),
            silences,
            changes: changes(&status, &shell, None).into_iter().take(MAX_ROWS).collect(),
            receivers,
            heartbeat: status.delivery.heartbeat.as_ref().map(|heartbeat| heartbeat_words(heartbeat, &shell)),
            n_waiting: status.delivery.pending,
            n_dead: status.delivery.dead,
            attempts,
            shell,
        },
    )
}

/// An attempt as a row of a list.
pub(super) fn attempt_row(shell: &Shell, delivery: &DeliveryStatus, attempt: &Attempt) -> AttemptRow {
    let is_mail = |receiver: &ReceiverStatus| receiver.name == attempt.receiver && receiver.kind == "email";
    let protocol = if delivery.receivers.iter().any(is_mail) { "SMTP" } else { "HTTP" };
    // A group of alerts has braces, which a name of an SLO cannot have.
    let is_slo = |subject: &str| !subject.contains('{');
    let (outcome, outcome_class) = match &attempt.outcome {
        AttemptOutcome::Delivered(code) => (format!("delivered, {protocol} {code}"), "ok"),
        AttemptOutcome::Retried { error, code, next } => {
            let then = match *next > shell.now {
                true => format!("next try {}", format::ago(*next, shell.now)),
                false => "tried again".to_owned(),
            };
            (format!("{}; {then}", failure(error, protocol, *code)), "warn")
        }
        AttemptOutcome::Silenced => ("not sent: all of it is silenced".to_owned(), "accent"),
        AttemptOutcome::GivenUp { error, code } => (format!("{}; given up", failure(error, protocol, *code)), "error"),
    };
    AttemptRow {
        exchange: shell.link(format!("/alerts/deliveries/{}", attempt.exchange)),
        time: Stamp::full(attempt.time),
        receiver: clip(&attempt.receiver, 80),
        subject: clip(group_labels(&attempt.slo), 200),
        group: clip(&attempt.slo, 500),
        href: is_slo(&attempt.slo).then(|| shell.link(format!("/slos/{}", attempt.slo))),
        status: attempt.status.clone(),
        status_class: if attempt.status == "firing" { "error" } else { "ok" },
        number: attempt.number,
        took: format::duration(attempt.took),
        outcome,
        outcome_class,
        key: clip(&attempt.idempotency_key, 100),
    }
}

fn heartbeat_words(heartbeat: &HeartbeatStatus, shell: &Shell) -> (String, bool) {
    let taken = heartbeat.taken_at.map_or("never taken".to_owned(), |at| format!("taken {}", shell.ago(at)));
    match &heartbeat.problem {
        None => (format!("heartbeat every {}, {taken}", slo::duration::format(heartbeat.interval)), true),
        Some(problem) => (format!("heartbeat {taken}: {}", clip(problem, 300)), false),
    }
}

fn failure(error: &str, protocol: &str, code: Option<u16>) -> String {
    let error = clip(error, 300);
    code.map_or(error.clone(), |code| format!("{protocol} {code}: {error}"))
}

/// The labels of the key of a group, `route:{labels}`, or else the whole text.
fn group_labels(key: &str) -> &str {
    match key.rsplit_once("}:{").and_then(|(_, labels)| labels.strip_suffix('}')) {
        Some("") => "all alerts",
        Some(labels) => labels,
        None => key,
    }
}

/// The changes of all alerts, or of those of one SLO, newest first.
pub(super) fn changes(status: &Status, shell: &Shell, of: Option<&str>) -> Vec<Change> {
    let wanted = status.history.iter().filter(|change| of.is_none_or(|name| change.slo == name));
    let rows = wanted.map(|change| Change {
        at: Stamp::full(change.at),
        to: change.to.name(),
        class: match change.to {
            TransitionTo::Firing => "error",
            TransitionTo::Pending => "warn",
            TransitionTo::Resolved => "ok",
            TransitionTo::Inactive => "",
        },
        slo: change.slo.clone(),
        group: status
            .slos
            .iter()
            .find(|slo| slo.slo.name == change.slo)
            .map_or(String::new(), |slo| group_words(slo, &change.group)),
        href: shell.link(format!("/slos/{}", change.slo)),
        severity: change.severity.name(),
        windows: windows(&change.tier),
    });
    rows.collect()
}

/// The group of an alert in words; empty for all events.
fn group_words(slo: &SloStatus, group: &Group) -> String {
    clip(&group.words(slo.slo.by.as_ref()).unwrap_or_default(), 160)
}

/// `page/1h/5m`, the id of a tier, in words.
fn windows(tier: &str) -> String {
    match tier.split('/').collect::<Vec<_>>()[..] {
        [_, long, short] => format!("{long} and {short}"),
        _ => clip(tier, 40),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_shown_by_its_labels() {
        let table = [
            ("booking-latency", "booking-latency"),
            ("{}:{}", "all alerts"),
            ("{}:{slo=\"a\"}", "slo=\"a\""),
            ("{}/{severity=\"page\"}:{alertname=\"X\", slo=\"a\"}", "alertname=\"X\", slo=\"a\""),
        ];
        for (key, expected) in table {
            assert_eq!(group_labels(key), expected, "{key}");
        }
    }
}
