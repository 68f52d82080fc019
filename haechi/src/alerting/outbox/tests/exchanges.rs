//! What is kept of requests and answers, and trials of receivers.

use futures::{StreamExt as _, stream};

use super::*;
use crate::alerting::Kind;
use crate::alerting::bodies::sample;
use crate::alerting::outbox::trial::Trials;

/// A receiver that says what it was sent, as an error below `/bad`; and below `/slow` nothing after its first word.
async fn echo() -> String {
    let answer = |uri: axum::http::Uri, body: Bytes| async move {
        let status = if uri.path().starts_with("/bad") { Status::BAD_REQUEST } else { Status::OK };
        if uri.path() == "/slow" {
            let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"wait")) });
            return axum::body::Body::from_stream(first.chain(stream::pending())).into_response();
        }
        (status, [("set-cookie", "c00kie=s3cret")], format!("{uri} {}", String::from_utf8_lossy(&body))).into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> Held {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    Held::File(path)
}

/// What was kept of the first attempt to deliver to `receiver`, and its outcome.
async fn first(receiver: Receiver) -> (slo::status::Exchange, AttemptOutcome) {
    let stored = NewEntry { body: sample("team", "http://box", true, 0), ..entry("x", "key-1") };
    let bench = Bench::with(receiver, vec![stored]);
    let attempt = bench.attempts(1).await.remove(0);
    (bench.state.exchange(attempt.exchange).unwrap(), attempt.outcome)
}

#[tokio::test]
async fn an_exchange_has_request_and_answer() {
    let base = echo().await;
    let (exchange, _) = first(Receiver::new("team", &format!("{base}/hook?token=T0KEN99"))).await;
    let head = &exchange.request_head;
    assert!(head.starts_with(&format!("POST {base}/hook?…\ncontent-type: application/json\n")), "{head}");
    assert!(head.contains("\nidempotency-key: key-1\n"), "{head}");
    assert!(exchange.request_body.starts_with("{\"receiver\":\"team\""), "{exchange:?}");
    assert!(exchange.answer_head.starts_with("200 OK\n") && exchange.answer_body.contains("TestNotif"), "{exchange:?}");
    assert!(exchange.answer_head.contains("set-cookie: •••\n"), "{exchange:?}");
}

#[tokio::test]
async fn no_secret_is_kept_or_told() {
    let dir = tempfile::tempdir().unwrap();
    let base = echo().await;
    let key = file(&dir, "key", "R0UT1NGK3Y\n");
    let secret = file(&dir, "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let address = |path: &str| file(&dir, "url", &format!("{base}{path}"));
    let pagerduty = |path: &str| Receiver {
        kind: Kind::PagerDuty { routing_key: key.clone() },
        ..Receiver::new("team", &format!("{base}{path}"))
    };
    let table = [
        pagerduty("/good"),
        pagerduty("/bad"),
        Receiver { url: address("/bad/T0KEN99"), secret: Some(secret.clone()), ..Receiver::new("team", "") },
        Receiver { kind: Kind::Slack, ..Receiver::new("team", &format!("{base}/services/T0KEN99")) },
    ];
    for receiver in table {
        let (exchange, outcome) = first(receiver).await;
        let request = format!("{} {}", exchange.request_head, exchange.request_body);
        let all = format!("{request} {exchange:?} {outcome:?}");
        for secret in ["R0UT1NGK3Y", "MfKQ9", "c00kie", "v1,"] {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
        // Of an address that stands in the configuration the answer may tell; the request does not.
        assert!(!request.contains("T0KEN99"), "{request}");
        assert!(request.starts_with("POST ") && exchange.answer_head.starts_with(['2', '4']), "{all}");
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_taken_for_what_it_is() {
    let base = echo().await;
    let (exchange, outcome) = first(Receiver::new("team", &format!("{base}/slow"))).await;
    assert_eq!(outcome, AttemptOutcome::Delivered(200));
    assert!(exchange.answer_head.starts_with("200 OK"), "{exchange:?}");
}

fn trials(receiver: Receiver) -> (tempfile::TempDir, Arc<State>, Trials) {
    let dir = tempfile::tempdir().unwrap();
    let state = Arc::new(State::open(dir.path()).unwrap().0);
    let (url, clients) = ("http://box".to_owned(), Clients::new().unwrap());
    let trials = Trials::new(vec![receiver], url, Arc::clone(&state), clients, Arc::new(|| 7 * SECOND));
    (dir, state, trials)
}

#[tokio::test]
async fn a_trial_is_a_real_delivery_and_leaves_nothing_open() {
    let (stub, url) = stub(&[(202, None)]).await;
    let dir = tempfile::tempdir().unwrap();
    let kind = Kind::PagerDuty { routing_key: file(&dir, "key", "R0UT1NG") };
    let (_dir, state, trials) = trials(Receiver { kind, ..Receiver::new("team", &url) });
    let numbers = trials.clone().run("team".to_owned()).await.unwrap();
    let got = stub.got.lock().unwrap().clone();
    let event = |index: usize| serde_json::from_slice::<serde_json::Value>(&got[index].1).unwrap();
    assert_eq!((&event(0)["event_action"], &event(0)["payload"]["severity"]), (&"trigger".into(), &"info".into()));
    assert_eq!((&event(1)["event_action"], &event(1)["dedup_key"]), (&"resolve".into(), &event(0)["dedup_key"]));
    assert_eq!(got.len(), 2);
    // Both are in the log, and nothing waits.
    let delivery = state.delivery(&[]);
    assert_eq!((outcomes(&delivery.attempts), delivery.pending), (vec!["delivered"; 2], 0));
    let logged: Vec<u64> = delivery.attempts.iter().rev().map(|attempt| attempt.exchange).collect();
    assert_eq!(logged, numbers);
    let exchange = trials.exchange(numbers[0]).await.unwrap();
    assert!(exchange.request_body.contains("\"routing_key\":\"•••\""), "{exchange:?}");
}

#[tokio::test]
async fn a_trial_that_fails_is_not_tried_again() {
    let (stub, url) = stub(&[(503, None)]).await;
    let (_dir, state, trials) = trials(Receiver::new("team", &url));
    let numbers = trials.clone().run("team".to_owned()).await.unwrap();
    assert_eq!((numbers.len(), stub.got.lock().unwrap().len()), (1, 1));
    let attempts = state.delivery(&[]).attempts;
    let AttemptOutcome::GivenUp { error, code: Some(503) } = &attempts[0].outcome else { panic!("{attempts:?}") };
    assert!(error.ends_with("no thanks; a test is not tried again"), "{error}");
    assert_eq!(trials.run("nobody".to_owned()).await.unwrap_err(), "there is no receiver \"nobody\"");
}
