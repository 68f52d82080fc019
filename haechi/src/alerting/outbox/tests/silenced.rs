//! Silences that begin while a notification waits.

use serde_json::json;
use slo::routing::Matcher;
use slo::silences::Draft;

use super::*;

/// An SLO, and whether its alert is `firing` or `resolved`.
type Alerts<'a> = &'a [(&'a str, &'a str)];

fn body(alerts: Alerts<'_>) -> Vec<u8> {
    let alert = |(slo, status): &(&str, &str)| {
        json!({"status": status, "labels": {"alertname": "A", "slo": slo}, "annotations": {}, "startsAt": "", "endsAt": "",
            "generatorURL": "", "fingerprint": ""})
    };
    let alerts: Vec<_> = alerts.iter().map(alert).collect();
    let stored = json!({"receiver": "team", "status": "firing", "alerts": alerts, "groupLabels": {}, "commonLabels": {},
        "commonAnnotations": {}, "externalURL": "", "version": "4", "groupKey": "", "truncatedAlerts": 0});
    serde_json::to_vec(&stored).unwrap()
}

#[tokio::test]
async fn what_is_silenced_while_it_waits_is_not_sent() {
    let table: [(Alerts<'_>, &[&str]); 4] = [
        (&[("a", "firing")], &["retried", "silenced"]),
        (&[("a", "firing"), ("b", "firing")], &["retried", "delivered"]),
        (&[("a", "firing"), ("a", "resolved")], &["retried", "delivered"]),
        (&[("b", "firing")], &["retried", "delivered"]),
    ];
    for (alerts, expected) in table {
        let (stub, url) = stub(&[(503, None), (200, None)]).await;
        let bench = Bench::new(&url, vec![NewEntry { body: body(alerts), ..entry("a", "key") }]);
        bench.attempts(1).await;
        let draft = Draft {
            id: None,
            matchers: Matcher::parse_all("slo=a").unwrap(),
            starts_at: 0,
            ends_at: HOUR,
            created_by: "me".to_owned(),
            comment: "known".to_owned(),
        };
        bench.state.silence(draft, 0).unwrap();
        let attempts = bench.attempts(2).await;
        assert_eq!(outcomes(&attempts), expected, "{alerts:?}");
        let sent = expected.iter().filter(|outcome| **outcome != "silenced").count();
        assert_eq!(stub.got.lock().unwrap().len(), sent, "{alerts:?}");
        assert_eq!((bench.state.heads("team").len(), bench.state.delivery(&[]).dead), (0, 0), "{alerts:?}");
    }
}
