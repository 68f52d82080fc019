//! Delivery to receivers that behave badly, on real sockets.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap as Headers, StatusCode as Status};
use axum::response::{IntoResponse, Response};
use reqwest::header::RETRY_AFTER;
use tokio::net::TcpListener;

use super::*;
use crate::alerting::Held;
use crate::alerting::state::{Commit, NewEntry, Weight};

mod bad_company;
mod exchanges;
mod kinds;
mod silenced;

/// A status and a `Retry-After`.
pub(super) type Reply = (u16, Option<&'static str>);

/// A receiver that answers with what it is told, the last of it for ever, and keeps what it got.
#[derive(Clone)]
pub(super) struct Stub {
    answers: Arc<Mutex<Vec<Reply>>>,
    pub(super) got: Arc<Mutex<Vec<(Headers, Bytes)>>>,
}

async fn answer(Shared(stub): Shared<Stub>, headers: Headers, body: Bytes) -> Response {
    stub.got.lock().unwrap().push((headers, body));
    let (code, retry_after) = {
        let mut answers = stub.answers.lock().unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers[0] }
    };
    let mut response = (Status::from_u16(code).unwrap(), "no\nthanks").into_response();
    if let Some(value) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, value.parse().unwrap());
    }
    response
}

pub(super) async fn stub(answers: &[Reply]) -> (Stub, String) {
    let stub = Stub { answers: Arc::new(Mutex::new(answers.to_vec())), got: Arc::default() };
    let router = Router::new().fallback(answer).with_state(stub.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (stub, url)
}

fn entry(slo: &str, key: &str) -> NewEntry {
    NewEntry {
        receiver: "team".to_owned(),
        slo: slo.to_owned(),
        status: "firing".to_owned(),
        idempotency_key: key.to_owned(),
        body: format!("{{\"key\":\"{key}\"}}").into_bytes(),
        weight: Weight::News,
    }
}

/// A state with `entries`, a clock that only tests move, and the task that delivers to `url`.
struct Bench {
    _dir: tempfile::TempDir,
    state: Arc<State>,
    now: Arc<AtomicI64>,
    task: tokio::task::JoinHandle<()>,
}

impl Bench {
    fn new(url: &str, entries: Vec<NewEntry>) -> Self {
        Bench::with(Receiver::new("team", url), entries)
    }

    fn with(receiver: Receiver, entries: Vec<NewEntry>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = Arc::new(State::open(dir.path()).unwrap().0);
        state.commit(Commit { entries, ..Commit::default() }, 0).unwrap();
        let now = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&now);
        let clock: Clock = Arc::new(move || clock.load(Ordering::Relaxed));
        let task = tokio::spawn(deliver(receiver, Arc::clone(&state), Clients::new().unwrap(), clock));
        Self { _dir: dir, state, now, task }
    }

    /// Waits until so many attempts were made, moving the clock to the next one each time.
    async fn attempts(&self, count: usize) -> Vec<Attempt> {
        for _ in 0..2000 {
            let attempts = self.state.delivery(&[]).attempts;
            if attempts.len() >= count {
                return attempts.into_iter().rev().collect();
            }
            if let Some(next) = self.state.heads("team").first().map(|entry| entry.next) {
                self.now.fetch_max(next, Ordering::Relaxed);
                // Wakes the deliverer, which would otherwise sleep as long as the clock said.
                self.state.commit(Commit::default(), next).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{count} attempts were expected, got {:?}", self.state.delivery(&[]).attempts);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn outcomes(attempts: &[Attempt]) -> Vec<&'static str> {
    let word = |attempt: &Attempt| match &attempt.outcome {
        AttemptOutcome::Delivered(_) => "delivered",
        AttemptOutcome::Retried { .. } => "retried",
        AttemptOutcome::Silenced => "silenced",
        AttemptOutcome::GivenUp { .. } => "given up",
    };
    attempts.iter().map(word).collect()
}

#[tokio::test]
async fn sends_body_and_headers() {
    let (stub, url) = stub(&[(200, None)]).await;
    let bench = Bench::new(&url, vec![entry("x", "key-1")]);
    let attempts = bench.attempts(1).await;
    assert_eq!(outcomes(&attempts), ["delivered"]);
    assert_eq!((attempts[0].number, attempts[0].receiver.as_str(), attempts[0].slo.as_str()), (1, "team", "x"));
    let got = stub.got.lock().unwrap();
    let header = |name: &str| got[0].0[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("idempotency-key"), "key-1");
    assert!(header("user-agent").starts_with("Alertmanager/0.34.0 (compatible; Haechi/"));
    assert_eq!(got[0].1, "{\"key\":\"key-1\"}");
    assert_eq!(bench.state.delivery(&[]).pending, 0);
}

#[tokio::test]
async fn each_status_is_final_or_tried_again() {
    let table = [
        (200, "delivered"),
        (202, "delivered"),
        (204, "delivered"),
        (301, "given up"),
        (307, "given up"),
        (400, "given up"),
        (401, "given up"),
        (404, "given up"),
        (410, "given up"),
        (408, "retried"),
        (429, "retried"),
        (500, "retried"),
        (502, "retried"),
        (503, "retried"),
        (504, "retried"),
    ];
    for (code, expected) in table {
        let (_stub, url) = stub(&[(code, None)]).await;
        let bench = Bench::new(&url, vec![entry("x", "k")]);
        let attempts = bench.attempts(1).await;
        assert_eq!(outcomes(&attempts[..1]), [expected], "{code}");
        if let AttemptOutcome::GivenUp { error, code: shown } = &attempts[0].outcome {
            assert_eq!(*shown, Some(code));
            assert!(
                error.starts_with(&format!("the receiver answered {code}"))
                    && (error.ends_with(": no thanks") || (300..400).contains(&code)),
                "{error}"
            );
            assert_eq!(bench.state.delivery(&[]).dead, 1);
        }
    }
}

#[tokio::test]
async fn failures_are_tried_again_with_the_same_key_until_they_succeed() {
    let (stub, url) = stub(&[(500, None), (503, None), (429, Some("120")), (200, None)]).await;
    let bench = Bench::new(&url, vec![entry("x", "k")]);
    let attempts = bench.attempts(4).await;
    assert_eq!(outcomes(&attempts), ["retried", "retried", "retried", "delivered"]);
    let pauses: Vec<Nanos> = attempts.windows(2).map(|pair| pair[1].time - pair[0].time).collect();
    assert!((SECOND / 2..=SECOND).contains(&pauses[0]), "{pauses:?}");
    assert!((SECOND..=2 * SECOND).contains(&pauses[1]), "{pauses:?}");
    assert_eq!(pauses[2], 120 * SECOND);
    let got = stub.got.lock().unwrap();
    assert!(got.iter().all(|(headers, body)| headers["idempotency-key"] == "k" && body == "{\"key\":\"k\"}"));
}

#[tokio::test]
async fn after_a_day_of_failures_it_is_given_up() {
    let (_stub, url) = stub(&[(500, None)]).await;
    let bench = Bench::new(&url, vec![entry("x", "k")]);
    bench.attempts(1).await;
    bench.now.store(24 * HOUR, Ordering::Relaxed);
    let attempts = bench.attempts(2).await;
    assert_eq!(outcomes(&attempts), ["retried", "given up"]);
    let AttemptOutcome::GivenUp { error, .. } = &attempts[1].outcome else { unreachable!() };
    assert!(error.ends_with("given up after 24h"), "{error}");
}

#[tokio::test]
async fn order_is_kept_within_an_slo_and_others_go_ahead() {
    let (stub, url) = stub(&[(500, None), (200, None)]).await;
    let bench = Bench::new(&url, vec![entry("x", "x1"), entry("x", "x2"), entry("y", "y1")]);
    bench.attempts(4).await;
    let got = stub.got.lock().unwrap();
    let keys: Vec<&str> = got.iter().map(|(headers, _)| headers["idempotency-key"].to_str().unwrap()).collect();
    assert_eq!(keys[0], "x1");
    let place = |key: &str| keys.iter().rposition(|other| *other == key).unwrap();
    assert!(place("x1") < place("x2"), "{keys:?}");
    assert_eq!(keys.len(), 4);
}

#[tokio::test]
async fn a_receiver_that_cannot_be_reached_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let bench = Bench::new(&url, vec![entry("x", "k")]);
    let attempts = bench.attempts(2).await;
    assert_eq!(outcomes(&attempts[..2]), ["retried", "retried"]);
    let AttemptOutcome::Retried { error, code, .. } = &attempts[0].outcome else { unreachable!() };
    assert!(error.starts_with("cannot connect: ") && code.is_none(), "{error}");
}

#[tokio::test]
async fn a_receiver_that_hangs_up_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream)
        }
    });
    let bench = Bench::new(&url, vec![entry("x", "k")]);
    assert_eq!(outcomes(&bench.attempts(2).await[..2]), ["retried", "retried"]);
}

#[tokio::test]
async fn a_secret_that_is_gone_is_tried_again_and_a_new_one_is_used() {
    let (stub, url) = stub(&[(200, None)]).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    let receiver = Receiver { secret: Some(Held::File(path.clone())), ..Receiver::new("team", &url) };
    let bench = Bench::with(receiver, vec![entry("x", "k")]);
    let attempts = bench.attempts(1).await;
    let AttemptOutcome::Retried { error, .. } = &attempts[0].outcome else { unreachable!() };
    assert!(error.starts_with(&format!("cannot read {}: ", path.display())), "{error}");
    assert!(stub.got.lock().unwrap().is_empty(), "nothing is sent without its signature");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    std::fs::write(&path, secret).unwrap();
    let done = |attempts: &[Attempt]| outcomes(attempts).contains(&"delivered");
    let mut attempts = bench.attempts(2).await;
    while !done(&attempts) {
        attempts = bench.attempts(attempts.len() + 1).await;
    }
    let got = stub.got.lock().unwrap();
    let (headers, body) = &got[0];
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!((header("webhook-id"), header("idempotency-key")), ("k", "k"));
    let timestamp: i64 = header("webhook-timestamp").parse().unwrap();
    assert_eq!(timestamp, attempts.last().unwrap().time / SECOND);
    assert_eq!(header("webhook-signature"), signature::Keys::parse(secret).unwrap().sign("k", timestamp, body));
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_no_other() {
    // It takes connections and never answers.
    let hangs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = format!("http://{}", hangs.local_addr().unwrap());
    let (_stub, url) = stub(&[(200, None)]).await;
    let quick = NewEntry { receiver: "quick".to_owned(), ..entry("x", "k") };
    let receiver = Receiver { timeout: Duration::from_secs(1), ..Receiver::new("team", &slow) };
    let bench = Bench::with(receiver, vec![entry("x", "k"), quick]);
    let (state, clock) = (Arc::clone(&bench.state), Arc::clone(&bench.now));
    let clock: Clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let other = tokio::spawn(deliver(Receiver::new("quick", &url), state, Clients::new().unwrap(), clock));
    let attempts = bench.attempts(2).await;
    other.abort();
    let of = |name: &str| attempts.iter().find(|attempt| attempt.receiver == name).unwrap();
    assert!(matches!(of("quick").outcome, AttemptOutcome::Delivered(200)), "{attempts:?}");
    let AttemptOutcome::Retried { error, code: None, .. } = &of("team").outcome else { panic!("{attempts:?}") };
    assert!(error.starts_with("no answer within 1 s"), "{error}");
}

fn pending(key: &str, attempts: u32) -> Pending {
    Pending {
        id: 1,
        receiver: "r".to_owned(),
        slo: "x".to_owned(),
        status: "firing".to_owned(),
        idempotency_key: key.to_owned(),
        created: 0,
        attempts,
        next: 0,
        is_resend: false,
    }
}

#[test]
fn pauses_double_up_to_five_minutes_and_are_spread() {
    for attempts in 0..100 {
        let full = (SECOND << attempts.min(20)).min(5 * MINUTE);
        let pauses: Vec<Nanos> =
            (0..50).map(|key| pause(&pending(&key.to_string(), attempts), None, LONGEST_PAUSE)).collect();
        assert!(pauses.iter().all(|pause| (full / 2..=full).contains(pause)), "{attempts}");
        let distinct: std::collections::BTreeSet<_> = pauses.iter().collect();
        assert!(distinct.len() > 45, "{attempts}");
    }
}

#[test]
fn a_pause_that_is_asked_for_is_kept_within_an_hour() {
    assert_eq!(pause(&pending("k", 0), Some(120 * SECOND), LONGEST_PAUSE), 120 * SECOND);
    assert_eq!(pause(&pending("k", 0), Some(100 * HOUR), LONGEST_PAUSE), HOUR);
}

#[test]
fn a_clock_that_was_set_back_does_not_hold_up_a_notification() {
    let entry = Pending { next: 100 * HOUR, ..pending("k", 1) };
    assert!(is_due(&entry, 100 * HOUR) && is_due(&entry, 0));
    assert!(!is_due(&entry, 100 * HOUR - 1));
}
