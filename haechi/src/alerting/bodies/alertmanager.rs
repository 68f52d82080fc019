//! Alerts for `POST /api/v2/alerts` of an Alertmanager, as Prometheus sends them.
//! Sources: prometheus/alertmanager `api/v2/openapi.yaml`; prometheus/prometheus `rules/alerting.go` (`sendAlerts`, `needsSending`).

use model::Nanos;
use model::time::MINUTE;
use serde_json::{Value, json};
use slo::webhook::rfc3339;

use super::Stored;

/// A firing alert is told again after this time, since an Alertmanager takes for resolved what it does not hear of: the
/// `--rules.alert.resend-delay` of Prometheus.
pub(in crate::alerting) const RESEND: Nanos = MINUTE;

/// When a firing alert ends if it is not told again: three times may fail. Prometheus has four times the larger of its delay and
/// its interval; rounds here are not further apart than the delay.
const VALID: Nanos = 4 * RESEND;

pub(in crate::alerting) const PATH: &str = "/api/v2/alerts";

pub(in crate::alerting) fn body(stored: &Stored, now: Nanos) -> Value {
    let alert = |alert: &super::StoredAlert| {
        let ends_at = if alert.is_firing() { rfc3339(now.saturating_add(VALID)) } else { alert.ends_at.clone() };
        json!({
            "labels": alert.labels,
            "annotations": alert.annotations,
            "startsAt": alert.starts_at,
            "endsAt": ends_at,
            "generatorURL": alert.generator_url,
        })
    };
    stored.alerts.iter().map(alert).collect()
}
