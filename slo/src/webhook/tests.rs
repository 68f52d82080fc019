//! The payload against whole bodies, written by hand from Alertmanager's source.

use model::TraceId;
use model::time::{HOUR, MINUTE, SECOND};
use serde_json::{Value, json};

use super::*;
use crate::Slo;
use crate::alert::{SloAlerts, retire, step};
use crate::buckets::{Buckets, Count};
use crate::burn::{self, Condition};
use crate::groups::Group;
use crate::spec::parse;

const FILE: &str = "
name: booking-availability
service: booking
operation: POST /v1/bookings
indicator: availability
objective: 99.5
window: 24h
owner: team-booking
labels: {env: demo}
annotations: {runbook_url: 'https://example.org/booking'}
";

/// 2026-09-01T10:00:00.123Z
const NOW: Nanos = 1_788_256_800_123_000_000;

fn slo() -> Slo {
    parse("f.yaml", FILE).unwrap().remove(0)
}

/// An hour of ten events per bucket, half of those of the last minute bad; 6,000 events, 50 bad.
fn buckets(slo: &Slo) -> Buckets {
    let mut buckets = Buckets::new(slo.bucket_width(), slo.bucket_count() as usize);
    let mut counts = vec![Count { good: 10, total: 10 }; 600];
    counts[590..].fill(Count { good: 5, total: 10 });
    buckets.replace(buckets.bucket_of(NOW) - 599, &counts);
    buckets
}

fn body(notification: &Notification, slo: &Slo) -> Value {
    let buckets = buckets(slo);
    let readings = burn::read(slo, &buckets, NOW, true);
    let traces = [TraceId([0xab; 16]), TraceId([0x01; 16])];
    let annotations: Vec<_> = slo
        .alerting
        .tiers
        .iter()
        .zip(&readings)
        .map(|(tier, reading)| {
            let budget = burn::budget(slo, &buckets, NOW);
            annotations(&Evidence { slo, tier, group: &Group::All, reading: *reading, budget, traces: &traces })
        })
        .collect();
    serde_json::to_value(payload(notification, &annotations[..1], "team.booking-1", "http://127.0.0.1:4319")).unwrap()
}

#[test]
fn a_firing_alert_is_written_field_for_field() {
    let slo = slo();
    let conditions = [Condition::Critical, Condition::Acceptable, Condition::Acceptable, Condition::Acceptable];
    let fired = step(&SloAlerts::new(&slo), &slo, &conditions, NOW);
    let labels = json!({
        "alertname": "ErrorBudgetBurn", "slo": "booking-availability", "service": "booking", "operation": "POST /v1/bookings",
        "severity": "page", "long_window": "2m", "short_window": "30s", "owner": "team-booking", "env": "demo",
    });
    // 2 m: 50 of 200 are bad, 0.25 / 0.005 = 50; 30 s: 25 of 50, 100. Of 6,000 events 30 may be bad; 50 were: −66.67 % left.
    let annotations = json!({
        "summary": "booking-availability burns its error budget at 50 times the sustainable rate",
        "description": "Objective: 99.5% of server spans `POST /v1/bookings` of booking have no error, over 1d. Bad in the last 2m: 50 of 200 (25%); in the last 30s: 25 of 50 (50%). The alert fires above a burn rate of 14.4 in both.",
        "burn_rate_long": "50", "burn_rate_short": "100", "burn_rate_threshold": "14.4",
        "bad_events": "50", "total_events": "200",
        "error_budget_remaining": "-66.67%", "time_to_exhaustion": "exhausted",
        "trace_ids": "abababababababababababababababab,01010101010101010101010101010101",
        "runbook_url": "https://example.org/booking",
    });
    let expected = json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"ErrorBudgetBurn\", slo=\"booking-availability\"}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "team\\.booking-1",
        "groupLabels": {"alertname": "ErrorBudgetBurn", "slo": "booking-availability"},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "routeLabels": {},
        "externalURL": "http://127.0.0.1:4319",
        "notification_reason": "first notification",
        "alerts": [{
            "status": "firing",
            "labels": labels,
            "annotations": annotations,
            "startsAt": "2026-09-01T10:00:00.123Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://127.0.0.1:4319/slos/booking-availability",
            "fingerprint": FINGERPRINT,
        }],
    });
    assert_eq!(body(&fired.notification.unwrap(), &slo), expected);
}

/// What Alertmanager 0.25 sends as the fingerprint of an alert with the labels above; it gave the same receiver,
/// group key and times too.
const FINGERPRINT: &str = "18e1d4089b676ec2";

#[test]
fn a_resolved_group_says_when_each_alert_ended_and_what_they_share() {
    let slo = slo();
    let fired = step(&SloAlerts::new(&slo), &slo, &[Condition::Critical; 4], NOW);
    let resolved = retire(&fired.state, NOW + 90 * SECOND).notification.unwrap();
    let body = body(&resolved, &slo);
    assert_eq!(body["status"], "resolved");
    assert_eq!(body["notification_reason"], "all alerts resolved");
    let alerts = body["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 4);
    for alert in alerts {
        assert_eq!((&alert["status"], &alert["endsAt"]), (&json!("resolved"), &json!("2026-09-01T10:01:30.123Z")));
    }
    // Severity and windows differ between the tiers, and only one of the alerts was given annotations.
    assert_eq!(body["commonLabels"].as_object().unwrap().len(), 6);
    assert!(body["commonLabels"].get("severity").is_none());
    assert_eq!(body["commonAnnotations"], json!({}));
}

#[test]
fn the_receiver_is_quoted_as_go_quotes_patterns() {
    let table =
        [("team-a", "team-a"), ("a.b", "a\\.b"), (r"\.+*?()|[]{}^$", r"\\\.\+\*\?\(\)\|\[\]\{\}\^\$"), ("팀", "팀")];
    for (name, expected) in table {
        assert_eq!(quote(name), expected);
    }
}

#[test]
fn the_group_key_quotes_label_values() {
    let labels = BTreeMap::from([("a".to_owned(), "x\"y\\z\n\u{1}é".to_owned())]);
    assert_eq!(group_key("{}", &labels), r#"{}:{a="x\"y\\z\n\x01é"}"#);
}

#[test]
fn times_are_written_as_go_writes_them() {
    let table = [
        (0, "1970-01-01T00:00:00Z"),
        (NOW, "2026-09-01T10:00:00.123Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (HOUR + MINUTE + 500_000_000, "1970-01-01T01:01:00.5Z"),
        (Nanos::MAX, "2262-04-11T23:47:16.854775807Z"),
        (Nanos::MIN, "1677-09-21T00:12:43.145224192Z"),
    ];
    for (time, expected) in table {
        assert_eq!(rfc3339(time), expected);
    }
}
