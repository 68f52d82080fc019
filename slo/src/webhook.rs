//! The Alertmanager webhook payload, version "4", field for field: receivers made for Alertmanager take ours as theirs.
//! Sources: prometheus/alertmanager 0.34, `notify/webhook/webhook.go` and `template/template.go`.

mod annotations;

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::Nanos;
use serde::Serialize;

use crate::alert::{Alert, Notification, Reason};
use crate::template::query_escape;

pub use annotations::{Evidence, annotations};

/// Go's zero time, which Alertmanager sends as `endsAt` of an alert that still fires.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// Characters that Go's `regexp.QuoteMeta` escapes; Alertmanager passes the receiver's name through it.
const META: &str = r"\.+*?()|[]{}^$";

/// The body of one webhook call; fields in the order in which Alertmanager writes them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    pub receiver: String,
    pub status: &'static str,
    pub alerts: Vec<PayloadAlert>,
    pub group_labels: BTreeMap<String, String>,
    pub common_labels: BTreeMap<String, String>,
    pub common_annotations: BTreeMap<String, String>,
    #[serde(rename = "externalURL")]
    pub external_url: String,
    pub route_labels: BTreeMap<String, String>,
    #[serde(rename = "notification_reason")]
    pub notification_reason: &'static str,
    pub version: &'static str,
    pub group_key: String,
    pub truncated_alerts: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PayloadAlert {
    pub status: &'static str,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub starts_at: String,
    pub ends_at: String,
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    pub fingerprint: String,
}

/// What a payload tells, and whom.
#[derive(Debug, Clone)]
pub struct Told<'t> {
    pub receiver: &'t str,
    /// [`Route::key`](crate::routing::Route::key), the first part of the key of the group.
    pub route: &'t str,
    pub group_labels: BTreeMap<String, String>,
    pub reason: Reason,
    pub alerts: &'t [Alert],
    /// Of the alerts, in their order.
    pub annotations: &'t [BTreeMap<String, String>],
    /// Where people reach this box, without a slash at its end; alerts link to the page of their SLO there, or to the
    /// expression of their rule.
    pub external_url: &'t str,
}

impl Told<'_> {
    /// The body of the call.
    pub fn payload(self) -> Payload {
        let Told { receiver, route, group_labels, reason, alerts, annotations, external_url } = self;
        let none = BTreeMap::new();
        let slo = |alert: &Alert| alert.labels.get("slo").cloned().unwrap_or_default();
        let with_annotations = alerts.iter().enumerate();
        let alerts: Vec<PayloadAlert> = with_annotations
            .map(|(index, alert)| PayloadAlert {
                status: status(alert.ends_at.is_none()),
                labels: alert.labels.clone(),
                annotations: annotations.get(index).unwrap_or(&none).clone(),
                starts_at: rfc3339(alert.starts_at),
                ends_at: alert.ends_at.map_or(ZERO_TIME.to_owned(), rfc3339),
                generator_url: match &alert.rule {
                    Some(rule) => format!("{external_url}/metrics?q={}", query_escape(&rule.expression)),
                    None => format!("{external_url}/slos/{}", slo(alert)),
                },
                fingerprint: Alert::fingerprint(alert),
            })
            .collect();
        Payload {
            receiver: quote(receiver),
            status: status(alerts.iter().any(|alert| alert.status == status(true))),
            common_labels: common(alerts.iter().map(|alert| &alert.labels)),
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            external_url: external_url.to_owned(),
            route_labels: BTreeMap::new(),
            notification_reason: reason.name(),
            version: "4",
            group_key: group_key(route, &group_labels),
            group_labels,
            truncated_alerts: 0,
            alerts,
        }
    }
}

/// The payload that tells `receiver` of `notification`, the group of one SLO.
pub fn payload(
    notification: &Notification,
    annotations: &[BTreeMap<String, String>],
    receiver: &str,
    external_url: &str,
) -> Payload {
    let told = Told {
        receiver,
        route: "{}",
        group_labels: notification.group_labels(),
        reason: notification.reason,
        alerts: &notification.alerts,
        annotations,
        external_url,
    };
    told.payload()
}

fn status(firing: bool) -> &'static str {
    if firing { "firing" } else { "resolved" }
}

/// The key of the route and the group labels as Alertmanager writes them: `{}:{alertname="…", slo="…"}`.
pub fn group_key(route: &str, labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", go_quote(value))).collect();
    format!("{route}:{{{}}}", labels.join(", "))
}

/// The text as Go's `%q` writes it, for what occurs in labels: quotes, backslashes and control characters escaped.
pub(crate) fn go_quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if u32::from(control) < 0x20 || control == '\x7f' => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn quote(receiver: &str) -> String {
    receiver
        .chars()
        .flat_map(|character| META.contains(character).then_some('\\').into_iter().chain([character]))
        .collect()
}

/// The pairs that all of the maps have.
fn common<'m>(mut maps: impl Iterator<Item = &'m BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut common = maps.next().cloned().unwrap_or_default();
    for map in maps {
        common.retain(|name, value| map.get(name) == Some(value));
    }
    common
}

/// The time as Go's `RFC3339Nano` writes it: UTC, the fraction without zeros at its end.
pub fn rfc3339(time: Nanos) -> String {
    // Every i64 of nanoseconds lies between the years 1677 and 2262, within what jiff takes.
    Timestamp::from_nanosecond(time.into()).map_or_else(|_| ZERO_TIME.to_owned(), |timestamp| timestamp.to_string())
}

#[cfg(test)]
mod tests;
