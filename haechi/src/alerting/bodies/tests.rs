//! Bodies against whole ones, written by hand from the documentation of those who take them.

use model::time::SECOND;
use serde_json::{Value, json};

use super::*;

mod templates;

/// 2026-09-01T10:00:00Z
const NOW: Nanos = 1_788_256_800 * SECOND;

/// A page that fires for one route, whose name wants to be more than a name, and a ticket that has ended.
fn two() -> Value {
    json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"ErrorBudgetBurn\", slo=\"booking\"}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "team",
        "groupLabels": {"alertname": "ErrorBudgetBurn", "slo": "booking"},
        "commonLabels": {"alertname": "ErrorBudgetBurn", "slo": "booking", "service": "shop"},
        "commonAnnotations": {},
        "routeLabels": {},
        "externalURL": "http://box:4319",
        "notification_reason": "some alerts resolved",
        "alerts": [
            {
                "status": "resolved",
                "labels": {"alertname": "ErrorBudgetBurn", "slo": "booking", "service": "shop", "severity": "ticket"},
                "annotations": {"summary": "booking burned"},
                "startsAt": "2026-09-01T09:00:00Z",
                "endsAt": "2026-09-01T09:59:00Z",
                "generatorURL": "http://box:4319/slos/booking",
                "fingerprint": "0000000000000001",
            },
            {
                "status": "firing",
                "labels": {
                    "alertname": "ErrorBudgetBurn", "slo": "booking", "service": "shop", "severity": "page",
                    "http_route": "<!channel> @here [x](http://evil) *a*",
                },
                "annotations": {
                    "summary": "booking burns & burns",
                    "description": "Bad in the last 1h: 50 of 200 (25%).",
                    "error_budget_remaining": "-66.67%",
                    "time_to_exhaustion": "exhausted",
                    "trace_ids": "abababababababababababababababab,<script>",
                    "runbook_url": "https://example.org/booking",
                },
                "startsAt": "2026-09-01T09:58:00.5Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://box:4319/slos/booking",
                "fingerprint": "0000000000000002",
            },
        ],
    })
}

fn stored(body: &Value) -> Stored {
    Stored::read(&serde_json::to_vec(body).unwrap()).unwrap()
}

/// The same when all is over.
fn resolved() -> Value {
    let mut body = two();
    body["status"] = json!("resolved");
    body["alerts"].as_array_mut().unwrap().truncate(1);
    body["commonLabels"] = body["alerts"][0]["labels"].clone();
    body
}

#[test]
fn what_is_written_for_webhooks_is_read() {
    for is_firing in [true, false] {
        let sample = Stored::read(&sample("team", "http://box:4319", is_firing, NOW)).unwrap();
        assert_eq!((sample.is_firing(), sample.link().as_str()), (is_firing, "http://box:4319/alerts"));
    }
    assert!(Stored::read(b"{}").unwrap_err().starts_with("its body is no notification: missing field"));
}

#[test]
fn slack() {
    let text = "*booking burns &amp; burns*\n\
        Bad in the last 1h: 50 of 200 (25%).\n\
        http_route=&lt;!channel&gt; @\u{200b}here [x](http://evil) *a*, severity=page\n\
        error budget left: -66.67%, exhausted in: exhausted\n\
        <http://box:4319/slos/booking|details> · <https://example.org/booking|runbook> · \
        <http://box:4319/traces/abababababababababababababababab|trace abababab>\n\n\
        *booking burned* resolved at 2026-09-01T09:59:00Z";
    let expected = json!({"attachments": [{
        "color": "#c62828",
        "fallback": "[FIRING:1] ErrorBudgetBurn booking",
        "title": "[FIRING:1] ErrorBudgetBurn booking",
        "title_link": "http://box:4319/slos/booking",
        "text": text,
        "mrkdwn_in": ["text"],
        "footer": "Haechi",
    }]});
    assert_eq!(slack::body(&stored(&two())), expected);
    let expected = json!({"attachments": [{
        "color": "#2e7d32",
        "fallback": "[RESOLVED] ErrorBudgetBurn booking (ticket)",
        "title": "[RESOLVED] ErrorBudgetBurn booking (ticket)",
        "title_link": "http://box:4319/slos/booking",
        "text": "*booking burned* resolved at 2026-09-01T09:59:00Z",
        "mrkdwn_in": ["text"],
        "footer": "Haechi",
    }]});
    assert_eq!(slack::body(&stored(&resolved())), expected);
}

#[test]
fn discord() {
    let description = "**booking burns & burns**\n\
        Bad in the last 1h: 50 of 200 (25%).\n\
        http\\_route=\\<!channel\\> @here \\[x\\](http://evil) \\*a\\*, severity=page\n\
        error budget left: -66.67%, exhausted in: exhausted\n\
        [details](http://box:4319/slos/booking) · [runbook](https://example.org/booking) · \
        [trace abababab](http://box:4319/traces/abababababababababababababababab)\n\n\
        **booking burned** resolved at 2026-09-01T09:59:00Z";
    let expected = json!({
        "embeds": [{
            "title": "[FIRING:1] ErrorBudgetBurn booking",
            "url": "http://box:4319/slos/booking",
            "description": description,
            "color": 12_986_408,
            "footer": {"text": "Haechi"},
        }],
        "allowed_mentions": {"parse": []},
    });
    assert_eq!(discord::body(&stored(&two())), expected);
    assert_eq!(discord::body(&stored(&resolved()))["embeds"][0]["color"], 3_046_706);
}

#[test]
fn pagerduty() {
    // printf '{}:{alertname="ErrorBudgetBurn", slo="booking"}' | sha256sum
    let dedup_key = "0eb0e5912041cd1a62679656503b9855d663708b86279989f0d47f0955d63b47";
    let body = pagerduty::body(&stored(&two()), "R0UT1NG");
    let firing = two()["alerts"][1].clone();
    let flat = |alert: &Value| {
        let pairs = ["annotations", "labels"].into_iter().flat_map(|part| alert[part].as_object().unwrap().clone());
        Value::Object(pairs.collect())
    };
    let expected = json!({
        "routing_key": "R0UT1NG",
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "client": "Haechi",
        "client_url": "http://box:4319/slos/booking",
        "payload": {
            "summary": "[FIRING:1] ErrorBudgetBurn booking: booking burns & burns",
            "source": "shop",
            "severity": "critical",
            "timestamp": "2026-09-01T09:58:00.5Z",
            "group": "booking",
            "class": "ErrorBudgetBurn",
            "custom_details": {
                "num_firing": 1,
                "num_resolved": 1,
                "alerts": [flat(&firing), flat(&two()["alerts"][0])],
            },
        },
        "links": [
            {"href": "http://box:4319/slos/booking", "text": "Details"},
            {"href": "http://box:4319/traces/abababababababababababababababab", "text": "Trace abababababababababababababababab"},
        ],
    });
    assert_eq!(body, expected);
    let expected = json!({"routing_key": "R0UT1NG", "event_action": "resolve", "dedup_key": dedup_key});
    assert_eq!(pagerduty::body(&stored(&resolved()), "R0UT1NG"), expected);
}

#[test]
fn severities_of_pagerduty() {
    let table = [
        ("page", "critical"),
        ("Critical", "critical"),
        ("error", "error"),
        ("ticket", "warning"),
        ("warning", "warning"),
        ("info", "info"),
        ("none", "info"),
        ("P1", "error"),
        ("", "error"),
    ];
    for (label, expected) in table {
        let mut body = two();
        body["alerts"][1]["labels"]["severity"] = json!(label);
        let severity = pagerduty::body(&stored(&body), "k")["payload"]["severity"].clone();
        // The ticket that is over does not count.
        assert_eq!(severity, expected, "{label}");
    }
}

#[test]
fn alertmanager() {
    let alerts = &two()["alerts"];
    let expected = json!([
        {
            "labels": alerts[0]["labels"],
            "annotations": alerts[0]["annotations"],
            "startsAt": "2026-09-01T09:00:00Z",
            "endsAt": "2026-09-01T09:59:00Z",
            "generatorURL": "http://box:4319/slos/booking",
        },
        {
            "labels": alerts[1]["labels"],
            "annotations": alerts[1]["annotations"],
            "startsAt": "2026-09-01T09:58:00.5Z",
            // Four times the minute after which it is told again.
            "endsAt": "2026-09-01T10:04:00Z",
            "generatorURL": "http://box:4319/slos/booking",
        },
    ]);
    assert_eq!(alertmanager::body(&stored(&two()), NOW), expected);
}

#[test]
fn mail() {
    let body = stored(&two());
    assert_eq!(email::subject(&body), "[FIRING:1] ErrorBudgetBurn booking");
    let expected = "booking burns & burns\n\
        Bad in the last 1h: 50 of 200 (25%).\n\
        http_route=<!channel> @here [x](http://evil) *a*, severity=page\n\
        error budget left: -66.67%, exhausted in: exhausted\n\
        details: http://box:4319/slos/booking\n\
        runbook: https://example.org/booking\n\
        trace abababab: http://box:4319/traces/abababababababababababababababab\n\n\
        booking burned resolved at 2026-09-01T09:59:00Z\n\n-- \nHaechi, http://box:4319\n";
    assert_eq!(email::body(&body), expected);
}

/// Limits of Discord, Slack and PagerDuty hold for any number of alerts with any text.
#[test]
fn messages_are_cut_where_they_must_be() {
    let mut body = two();
    let mut alert = body["alerts"][1].clone();
    alert["annotations"]["summary"] = json!("🔥".repeat(20_000));
    alert["annotations"]["description"] = json!("x".repeat(20_000));
    body["alerts"] = vec![alert; 500].into();
    body["commonLabels"]["slo"] = json!("s".repeat(5000));
    let body = stored(&body);
    let units = |value: &Value| value.as_str().unwrap().encode_utf16().count();
    let embed = &discord::body(&body)["embeds"][0];
    assert_eq!((units(&embed["title"]), units(&embed["description"])), (256, 4095));
    let message = &slack::body(&body)["attachments"][0];
    assert!(units(&message["title"]) <= 300 && units(&message["text"]) <= 8000);
    let event = pagerduty::body(&body, "k");
    assert_eq!(units(&event["payload"]["summary"]), 1024);
    assert_eq!(event["payload"]["custom_details"]["num_firing"], 500);
    assert!(event.to_string().len() < 512_000, "{}", event.to_string().len());
    assert!(email::subject(&body).len() < 998 && email::body(&body).len() < 500_000);
}

#[test]
fn the_rest_of_many_alerts_is_a_link() {
    let mut body = two();
    body["alerts"] = vec![body["alerts"][0].clone(); 12].into();
    let text = email::body(&stored(&body));
    assert!(text.contains("and 2 more: http://box:4319/alerts") && text.matches("resolved at").count() == 10, "{text}");
}

#[test]
fn texts_are_cut_between_characters() {
    let table =
        [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("🔥🔥", 4, "🔥🔥"), ("🔥🔥", 3, "🔥…"), ("🔥🔥", 2, "…"), ("", 1, "")];
    for (text, max, expected) in table {
        assert_eq!(lines::clip(text, max), expected, "{text} {max}");
    }
}
