//! The parts of an Alertmanager v4 webhook that people read, and how they are shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// Longest value shown, in characters.
const MAX_VALUE: usize = 300;
/// Most alerts of one webhook shown.
const MAX_ALERTS: usize = 20;

/// A webhook as Alertmanager sends it, version 4.
#[derive(Debug, Deserialize)]
pub(super) struct Webhook {
    pub(super) status: String,
    pub(super) alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    starts_at: String,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

impl fmt::Display for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for alert in self.alerts.iter().take(MAX_ALERTS) {
            write!(formatter, "{alert}")?;
        }
        match self.alerts.len().saturating_sub(MAX_ALERTS) {
            0 => Ok(()),
            more => writeln!(formatter, "  … and {more} more alerts"),
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.labels.get("alertname").map_or("(no alertname)", String::as_str);
        writeln!(formatter, "{:<8} {}", Shown(&self.status.to_uppercase()), Shown(name))?;
        for key in ["summary", "description"] {
            if let Some(text) = self.annotations.get(key) {
                writeln!(formatter, "         {}", Shown(text))?;
            }
        }
        let labels = self.labels.iter().filter(|(name, _)| *name != "alertname");
        let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value}")).collect();
        if !labels.is_empty() {
            writeln!(formatter, "         {}", Shown(&labels.join(" ")))?;
        }
        writeln!(formatter, "         since {}", Shown(&self.starts_at))?;
        if !self.generator_url.is_empty() {
            writeln!(formatter, "         {}", Shown(&self.generator_url))?;
        }
        Ok(())
    }
}

/// A text from outside on one line of a terminal: cut, and without the control characters that could move the cursor.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text: String = self
            .0
            .chars()
            .take(MAX_VALUE)
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        if self.0.chars().nth(MAX_VALUE).is_some() {
            text.push('…');
        }
        formatter.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_status_name_summary_labels_and_link() {
        let body = r#"{
            "version": "4", "groupKey": "{}", "status": "firing", "receiver": "demo",
            "alerts": [{
                "status": "firing",
                "labels": {"alertname": "BookingAvailability", "service": "gateway", "severity": "page"},
                "annotations": {"summary": "burning 72 times too fast"},
                "startsAt": "2026-11-22T10:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://127.0.0.1:4319/slos/booking"
            }]
        }"#;
        let webhook: Webhook = serde_json::from_str(body).unwrap();
        let expected = "FIRING   BookingAvailability\n         burning 72 times too fast\n         service=gateway severity=page\n         \
            since 2026-11-22T10:00:00Z\n         http://127.0.0.1:4319/slos/booking\n";
        assert_eq!(webhook.to_string(), expected);
    }

    #[test]
    fn hostile_text_stays_on_its_line_and_is_cut() {
        let long = "x".repeat(MAX_VALUE + 1);
        let body = serde_json::json!({
            "status": "firing",
            "alerts": [{"status": "firing", "labels": {"alertname": "a\u{1b}[2J\nb"}, "annotations": {"summary": long}}],
        });
        let shown = serde_json::from_value::<Webhook>(body).unwrap().to_string();
        assert!(shown.starts_with("FIRING   a [2J b\n"), "{shown}");
        assert!(shown.contains(&format!("{}…\n", "x".repeat(MAX_VALUE))));
    }

    #[test]
    fn many_alerts_are_counted_instead_of_shown() {
        let alerts = vec![serde_json::json!({"status": "resolved"}); MAX_ALERTS + 5];
        let body = serde_json::json!({"status": "resolved", "alerts": alerts});
        let shown = serde_json::from_value::<Webhook>(body).unwrap().to_string();
        assert_eq!(shown.matches("RESOLVED").count(), MAX_ALERTS);
        assert!(shown.ends_with("… and 5 more alerts\n"));
    }

    #[test]
    fn a_body_without_alerts_is_refused() {
        assert!(serde_json::from_str::<Webhook>(r#"{"status": "firing"}"#).is_err());
    }
}
