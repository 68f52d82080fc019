//! From the one form in which notifications are stored, Alertmanager's body of version 4, to what each kind of receiver takes.
//! Pure functions: made anew for each attempt, so that what is stored, its order and its idempotency key are the same for all.

pub(super) mod alertmanager;
pub(super) mod discord;
pub(super) mod email;
mod lines;
pub(super) mod pagerduty;
pub(super) mod slack;
pub(super) mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::Nanos;
use serde::{Deserialize, Serialize};
use slo::alert::{Alert, Reason};
use slo::groups::Group;
use slo::webhook::Told;

/// The stored form, as far as others are made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stored {
    pub(super) receiver: String,
    /// `firing` while any of the alerts fires.
    pub(super) status: String,
    pub(super) alerts: Vec<StoredAlert>,
    pub(super) group_labels: Labels,
    pub(super) common_labels: Labels,
    pub(super) common_annotations: Labels,
    #[serde(rename = "externalURL")]
    pub(super) external_url: String,
    pub(super) version: String,
    pub(super) group_key: String,
    pub(super) truncated_alerts: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredAlert {
    pub(super) status: String,
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
    pub(super) starts_at: String,
    pub(super) ends_at: String,
    #[serde(rename = "generatorURL")]
    pub(super) generator_url: String,
    pub(super) fingerprint: String,
}

pub(super) type Labels = BTreeMap<String, String>;

impl Stored {
    /// The error is of a body that this program did not write.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("its body is no notification: {error}"))
    }

    pub(super) fn is_firing(&self) -> bool {
        self.status == "firing"
    }

    /// Those that fire, then those that are resolved.
    fn sorted(&self) -> Vec<&StoredAlert> {
        let mut alerts: Vec<&StoredAlert> = self.alerts.iter().collect();
        alerts.sort_by_key(|alert| !alert.is_firing());
        alerts
    }

    /// The most urgent severity of the alerts that fire, or of all if none does.
    fn severity(&self) -> Urgency {
        let of = |alert: &&StoredAlert| Urgency::of(&alert.labels);
        let firing = self.alerts.iter().filter(|alert| alert.is_firing()).map(|alert| of(&alert)).min();
        firing.or_else(|| self.alerts.iter().map(|alert| of(&alert)).min()).unwrap_or(Urgency::Error)
    }

    /// Where all of it is explained: the page that the alerts share, or else the page of alerts.
    fn link(&self) -> String {
        let mut links = self.alerts.iter().map(|alert| &alert.generator_url);
        match links.next() {
            Some(first) if links.all(|link| link == first) => first.clone(),
            _ => format!("{}/alerts", self.external_url),
        }
    }
}

impl StoredAlert {
    pub(super) fn is_firing(&self) -> bool {
        self.status == "firing"
    }

    fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The ids of its example traces. Annotations can be written by hand: what is no id is left out.
    fn traces(&self) -> impl Iterator<Item = &str> {
        let ids = self.annotation("trace_ids").unwrap_or_default().split(',').map(str::trim);
        ids.filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }
}

/// The severities of PagerDuty, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Critical,
    Error,
    Warning,
    Info,
}

impl Urgency {
    /// By the label `severity`: ours, and the words that are usual in rules of Prometheus. Others are an error.
    fn of(labels: &Labels) -> Self {
        match labels.get("severity").map(|text| text.to_ascii_lowercase()).as_deref() {
            Some("page" | "critical" | "fatal" | "emergency") => Self::Critical,
            Some("ticket" | "warning" | "warn") => Self::Warning,
            Some("info" | "informational" | "notice" | "none") => Self::Info,
            _ => Self::Error,
        }
    }
}

/// A notification as `receiver` would get one, of an alert that is none: to look at a receiver, or at a template.
pub(super) fn sample(receiver: &str, external_url: &str, is_firing: bool, now: Nanos) -> Vec<u8> {
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let labels =
        Labels::from([("alertname", "TestNotification"), ("service", "haechi"), ("severity", "info")].map(pair));
    let alert = Alert {
        tier: String::new(),
        group: Group::All,
        labels: labels.clone(),
        starts_at: now,
        ends_at: (!is_firing).then_some(now),
        rule: None,
    };
    let told = Told {
        receiver,
        route: "{}",
        group_labels: Labels::from([pair(("alertname", "TestNotification"))]),
        reason: if is_firing { Reason::First } else { Reason::AllResolved },
        alerts: &[alert],
        annotations: &[Labels::from(
            [
                ("summary", "A test of this receiver: nothing is wrong"),
                ("description", "Somebody asked Haechi to send a notification here, to see that it arrives."),
            ]
            .map(pair),
        )],
        external_url,
    };
    let mut payload = told.payload();
    for alert in &mut payload.alerts {
        alert.generator_url = format!("{external_url}/alerts");
    }
    serde_json::to_vec(&payload).expect("the payload has no map with keys other than text")
}
