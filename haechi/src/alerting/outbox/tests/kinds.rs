//! One notification from the outbox to a receiver of each kind, as it comes over the wire.

use serde_json::{Value, json};

use super::*;
use crate::alerting::bodies::sample;
use crate::alerting::{Kind, Template};

fn sampled(is_firing: bool) -> NewEntry {
    NewEntry { body: sample("team", "http://box", is_firing, 0), ..entry("x", "key-1") }
}

/// Path, headers and body of what a receiver of `kind` gets.
async fn get(kind: Kind, is_firing: bool) -> (Headers, Bytes, Vec<&'static str>) {
    let (stub, url) = stub(&[(202, None)]).await;
    let receiver = Receiver { kind, ..Receiver::new("team", &url) };
    let bench = Bench::with(receiver, vec![sampled(is_firing)]);
    let attempts = bench.attempts(1).await;
    let got = stub.got.lock().unwrap().first().cloned().unwrap_or_default();
    (got.0, got.1, outcomes(&attempts))
}

#[tokio::test]
async fn each_kind_gets_its_body() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let template = |name: &str, content_type: &str, text: &str| {
        Kind::Webhook(Some(Template { file: path(name, text), content_type: content_type.to_owned() }))
    };
    let key = Held::File(path("key", "R0UT1NG\n"));
    let json_of = |body: &Bytes| serde_json::from_slice::<Value>(body).unwrap();
    let table: Vec<(Kind, &str, Value)> = vec![
        (Kind::Webhook(None), "/version", json!("4")),
        (Kind::Slack, "/attachments/0/title", json!("[FIRING:1] TestNotification haechi (info)")),
        (Kind::Discord, "/embeds/0/title", json!("[FIRING:1] TestNotification haechi (info)")),
        (Kind::PagerDuty { routing_key: key }, "/routing_key", json!("R0UT1NG")),
        (Kind::Alertmanager, "/0/endsAt", json!("1970-01-01T00:04:00Z")),
        (template("t", Template::JSON, "{\"text\": {{ status }}}"), "/text", json!("firing")),
    ];
    for (kind, pointer, expected) in table {
        let name = kind.name();
        let (headers, body, outcomes) = get(kind, true).await;
        assert_eq!(outcomes, ["delivered"], "{name}");
        assert_eq!(json_of(&body).pointer(pointer), Some(&expected), "{name}: {body:?}");
        assert!(headers["content-type"] == "application/json" && headers["idempotency-key"] == "key-1", "{name}");
    }
    let (headers, body, _) = get(template("p", "text/plain", "{{ status }}"), false).await;
    assert!(headers["content-type"] == "text/plain" && body == "resolved", "{headers:?} {body:?}");
}

#[tokio::test]
async fn a_template_that_is_broken_later_is_tried_again() {
    let (stub, url) = stub(&[(200, None)]).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t");
    std::fs::write(&file, "{{ status").unwrap();
    let kind = Kind::Webhook(Some(Template { file: file.clone(), content_type: Template::JSON.to_owned() }));
    let bench = Bench::with(Receiver { kind, ..Receiver::new("team", &url) }, vec![sampled(true)]);
    let attempts = bench.attempts(1).await;
    let AttemptOutcome::Retried { error, .. } = &attempts[0].outcome else { panic!("{attempts:?}") };
    assert!(error.starts_with(&format!("{}: line 1: syntax error", file.display())), "{error}");
    assert!(stub.got.lock().unwrap().is_empty());
    std::fs::write(&file, "{{ status }}").unwrap();
    let mut attempts = bench.attempts(2).await;
    while !outcomes(&attempts).contains(&"delivered") {
        attempts = bench.attempts(attempts.len() + 1).await;
    }
    assert_eq!(stub.got.lock().unwrap()[0].1, "\"firing\"");
}

#[test]
fn an_alertmanager_is_asked_at_its_path() {
    let table = [
        ("http://am:9093", "http://am:9093/api/v2/alerts"),
        ("http://am:9093/", "http://am:9093/api/v2/alerts"),
        ("http://proxy/am/", "http://proxy/am/api/v2/alerts"),
        ("http://am:9093/api/v2/alerts", "http://am:9093/api/v2/alerts"),
    ];
    for (url, expected) in table {
        let receiver = Receiver { kind: Kind::Alertmanager, ..Receiver::new("a", url) };
        assert_eq!(receiver.target().unwrap().as_str(), expected);
        assert_eq!(longest_pause(&receiver), MINUTE);
    }
}
