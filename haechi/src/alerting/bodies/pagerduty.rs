//! Events for PagerDuty. Source: developer.pagerduty.com, "Events API v2" ("Send an event to PagerDuty", "PD-CEF"): a summary
//! of 1,024 characters, a `dedup_key` of 255, an event of 512 KB.

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::lines::{clip, title};
use super::{Stored, StoredAlert, Urgency};

/// Where events go unless the configuration says otherwise; accounts in the EU have another address.
pub(in crate::alerting) const URL: &str = "https://events.pagerduty.com/v2/enqueue";

const MAX_SUMMARY: usize = 1024;
/// Alerts of one event, and bytes of a text of them: far below what an event may have.
const MAX_ALERTS: usize = 50;
const MAX_TEXT: usize = 1000;

/// One incident for each group of alerts: triggered while any of them fires, resolved when none does.
pub(in crate::alerting) fn body(stored: &Stored, routing_key: &str) -> Value {
    let dedup_key = dedup_key(&stored.group_key);
    if !stored.is_firing() {
        return json!({"routing_key": routing_key, "event_action": "resolve", "dedup_key": dedup_key});
    }
    let label = |name: &str| stored.common_labels.get(name).filter(|value| !value.is_empty());
    let mut payload = json!({
        "summary": summary(stored),
        "source": clip(label("service").unwrap_or(&stored.external_url), MAX_TEXT),
        "severity": severity(stored.severity()),
        "timestamp": stored.alerts.iter().filter(|alert| alert.is_firing()).map(|alert| &alert.starts_at).min(),
        "custom_details": details(stored),
    });
    for (field, name) in [("component", "operation"), ("group", "slo"), ("class", "alertname")] {
        if let Some(value) = label(name) {
            payload[field] = clip(value, MAX_TEXT).into();
        }
    }
    json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "client": "Haechi",
        "client_url": stored.link(),
        "payload": payload,
        "links": links(stored),
    })
}

/// The SHA-256 of the group's key in hex, as Alertmanager has it: who moves from it keeps his incidents.
fn dedup_key(group_key: &str) -> String {
    digest(&SHA256, group_key.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn severity(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Critical => "critical",
        Urgency::Error => "error",
        Urgency::Warning => "warning",
        Urgency::Info => "info",
    }
}

/// The title, and what the first alert says of itself.
fn summary(stored: &Stored) -> String {
    let first = stored.sorted().first().and_then(|alert| alert.annotation("summary"));
    let title = title(stored);
    clip(&first.map_or(title.clone(), |summary| format!("{title}: {summary}")), MAX_SUMMARY)
}

fn details(stored: &Stored) -> Value {
    let of = |alert: &&StoredAlert| {
        let texts = alert.annotations.iter().chain(alert.labels.iter());
        let clipped = texts.map(|(name, text)| (clip(name, MAX_TEXT), Value::from(clip(text, MAX_TEXT))));
        Value::Object(clipped.collect())
    };
    let alerts = stored.sorted();
    let firing = alerts.iter().filter(|alert| alert.is_firing()).count();
    json!({
        "num_firing": firing,
        "num_resolved": alerts.len() - firing,
        "alerts": alerts.iter().take(MAX_ALERTS).map(of).collect::<Vec<_>>(),
    })
}

fn links(stored: &Stored) -> Vec<Value> {
    let first = stored.sorted().into_iter().next();
    let trace =
        |id: &str| json!({"href": format!("{}/traces/{id}", stored.external_url), "text": format!("Trace {id}")});
    let mut links = vec![json!({"href": stored.link(), "text": "Details"})];
    links.extend(first.into_iter().flat_map(|alert| alert.traces().map(trace).collect::<Vec<_>>()));
    links
}
