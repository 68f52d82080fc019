//! The ladder of the Connect page, and its snippets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use model::TraceId;
use tower::ServiceExt;
use ui::{Attempt, AttemptOutcome, AttemptStep, StoredAttempt, StoredExample};

use crate::fixture::shop::Shop;
use crate::fixture::{Fixture, receiving};
use crate::ingest::ingest;
use crate::{NOW, clock, get};

const TRACE: TraceId = TraceId([9; 16]);

/// The ladder over a store with one long trace.
async fn ladder(attempts: Vec<Attempt>, query: &str) -> String {
    let mut fixture = Fixture::empty(clock);
    fixture.append(0, Shop::batch_job(TraceId([9; 16]), NOW, 30));
    fixture.state.attempts = Arc::new(move || attempts.clone());
    let answer = get(&ui::router(fixture.state.clone()), &format!("/connect/ladder{query}")).await;
    answer.text().to_owned()
}

/// The states of the five steps.
fn states(html: &str) -> Vec<&str> {
    html.split("data-state=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

fn failed_at(step: AttemptStep) -> Attempt {
    let outcome =
        AttemptOutcome::Stopped { step, message: "why".to_owned(), fix: "how".to_owned(), status: String::new() };
    Attempt { outcome, ..receiving::stopped(NOW) }
}

#[tokio::test]
async fn the_ladder_stops_where_the_sender_did() {
    let table = [
        (vec![], ["waiting"; 5]),
        (
            vec![Attempt { outcome: AttemptOutcome::Silent, ..receiving::stopped(NOW) }],
            ["done", "waiting", "waiting", "waiting", "waiting"],
        ),
        (vec![failed_at(AttemptStep::Connection)], ["failed", "waiting", "waiting", "waiting", "waiting"]),
        (vec![failed_at(AttemptStep::Request)], ["done", "failed", "waiting", "waiting", "waiting"]),
        (vec![failed_at(AttemptStep::Accepting)], ["done", "done", "failed", "waiting", "waiting"]),
        (vec![failed_at(AttemptStep::Storing)], ["done", "done", "done", "failed", "waiting"]),
        (vec![receiving::stored(NOW, "shop", TRACE)], ["done", "done", "done", "done", "look"]),
        (vec![receiving::stored(NOW, "unknown_service:python", TRACE)], ["done", "done", "look", "done", "look"]),
    ];
    let nothing = StoredAttempt { message: "warning: the key".to_owned(), ..StoredAttempt::default() };
    let nothing = Attempt { outcome: AttemptOutcome::Stored(nothing), ..receiving::stopped(NOW) };
    let html = ladder(vec![nothing], "").await;
    assert_eq!(states(&html), ["done", "done", "failed", "waiting", "waiting"]);
    assert!(html.contains("warning: the key"));
    for (i, (attempts, expected)) in table.into_iter().enumerate() {
        assert_eq!(states(&ladder(attempts, "").await), expected, "{i}");
    }
}

#[tokio::test]
async fn what_was_stored_is_found_by_a_query_and_linked() {
    let html = ladder(vec![receiving::stored(NOW, "shop", TRACE)], "").await;
    assert!(html.contains(&format!("href=\"/traces/{TRACE}\"")), "{html}");
    assert!(html.contains("python opentelemetry 1.38.0") && html.contains("No log records of this service yet"));
    let lost = ladder(vec![receiving::stored(NOW, "shop", TraceId([7; 16]))], "").await;
    assert_eq!(states(&lost)[3], "waiting", "a trace that no query finds is not called visible");
    let log = StoredExample::Log { time: NOW, trace_id: Some(TRACE) };
    let metric = StoredExample::Metric("a \"b\"".to_owned());
    for (example, href) in
        [(log, "/logs?service=shop&amp;from=2026"), (metric, "/metrics?q=%7B%22a%20%5C%22b%5C%22%22%7D")]
    {
        let stored = StoredAttempt {
            service: "shop".to_owned(),
            accepted: 1,
            example: Some(example),
            ..StoredAttempt::default()
        };
        let html =
            ladder(vec![Attempt { outcome: AttemptOutcome::Stored(stored), ..receiving::stopped(NOW) }], "").await;
        assert!(html.contains(href) || html.contains(&href.replace("&amp;", "&")), "{href}: {html}");
    }
}

#[tokio::test]
async fn each_kind_of_mistake_is_listed_and_so_is_a_success_of_which_nothing_was_stored() {
    let stopped = |n: usize, status: &str, message: &str| {
        let (step, fix) = (AttemptStep::Request, String::new());
        let outcome = AttemptOutcome::Stopped { step, message: message.to_owned(), fix, status: status.to_owned() };
        Attempt { outcome, user_agent: format!("client {n}"), ..receiving::stopped(NOW) }
    };
    let left_out = |accepted| StoredAttempt {
        service: "till".to_owned(),
        accepted,
        rejected: 5,
        message: format!("5 spans rejected: {accepted}"),
        ..StoredAttempt::default()
    };
    let success = |accepted| Attempt {
        outcome: AttemptOutcome::Stored(left_out(accepted)),
        ..receiving::stored(NOW, "till", TRACE)
    };
    let mut attempts: Vec<Attempt> = (0..200).map(|n| stopped(n, "HTTP 404", "no such path")).collect();
    attempts.extend([stopped(300, "HTTP 415", "no such type"), success(0), success(1)]);
    let html = ladder(attempts, "").await;
    let list = html.split("Rejected attempts").nth(1).unwrap();
    assert!(list.contains("no such type (HTTP 415)") && list.contains("182 more are not listed"), "{list}");
    assert!(
        list.contains("5 spans rejected: 0 (answered with success)") && list.contains("till · 127.0.0.1"),
        "{list}"
    );
    assert!(!list.contains("5 spans rejected: 1"), "{list}");
    assert_eq!(list.matches("no such path").count(), 18);
    assert!(list.contains("client 17") && !list.contains("client 18"), "those that are news first");
}

#[tokio::test]
async fn the_ladder_stays_with_a_service_that_the_address_names() {
    let attempts = || vec![receiving::stopped(NOW), receiving::stored(NOW, "shop", TRACE)];
    assert_eq!(states(&ladder(attempts(), "").await)[1], "failed");
    let html = ladder(attempts(), "?service=shop").await;
    assert_eq!(states(&html)[3], "done");
    assert!(html.contains("Rejected attempts") && html.contains("it is /v1/traces"));
    assert!(ladder(attempts(), "?service=other").await.contains("Nothing of other has been stored"));
}

#[tokio::test]
async fn news_of_the_ladder_are_told_within_a_second_and_the_stream_ends_with_the_box() {
    let mut fixture = Fixture::empty(clock);
    let (version, stop) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(0)));
    let seen = Arc::clone(&version);
    fixture.state.attempts = Arc::new(move || match seen.load(Ordering::Relaxed) {
        1 => Vec::new(),
        _ => vec![receiving::stopped(NOW)],
    });
    let seen = Arc::clone(&version);
    fixture.state.attempts_version = Arc::new(move || seen.load(Ordering::Relaxed));
    let seen = Arc::clone(&stop);
    fixture.state.stopping = Arc::new(move || seen.load(Ordering::Relaxed) == 1);
    let router = ui::router(fixture.state.clone());
    let request = Request::get("/connect/events").header(header::ACCEPT_ENCODING, "gzip").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert!(!response.headers().contains_key(header::CONTENT_ENCODING), "a compressed stream would wait for its block");
    let mut body = response.into_body();
    let mut next = async || {
        let frame = tokio::time::timeout(Duration::from_secs(1), body.frame()).await.unwrap();
        frame.map(|frame| String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
    };
    let first = next().await.unwrap();
    assert!(first.starts_with("event: ladder\ndata: ") && first.ends_with("\n\n") && first.contains("No client"));
    version.store(2, Ordering::Relaxed);
    assert!(next().await.unwrap().contains("it is /v1/traces"));
    stop.store(1, Ordering::Relaxed);
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn every_language_has_a_snippet_with_the_addresses_of_this_server() {
    let fixture = Fixture::empty(clock);
    let router = ui::router(fixture.state.clone());
    for lang in
        ["curl", "python", "node", "go", "java", "dotnet", "php", "ruby", "rust", "browser", "collector", "operator"]
    {
        let answer = get(&router, &format!("/connect?lang={lang}")).await;
        let text = answer.text();
        assert!(text.contains(&format!("lang={lang}\" aria-current=\"page\"")), "{lang}");
        let snippet = text.split("aria-label=\"Languages\"").nth(1).unwrap().split("ladder-head").next().unwrap();
        assert!(snippet.contains("127.0.0.1:431"), "{lang}");
        assert_eq!(snippet.contains("smoke-test"), lang != "curl", "{lang}");
    }
}

#[tokio::test]
async fn a_sender_without_a_service_is_told_what_its_protocol_calls_it() {
    let mut report = receiving::receiving(NOW, &["unknown_service", "unknown_service:python"]);
    report.senders[0].protocol = "remote-write/2.0";
    let text = ingest(report, "").await;
    assert_eq!((text.matches(">no label job<").count(), text.matches(">no service.name<").count()), (1, 1));
    let attempt = |protocol| Attempt { protocol, ..receiving::stored(NOW, "unknown_service", TRACE) };
    for (protocol, fix) in [("remote-write/1.0", "job_name"), ("grpc", "OTEL_SERVICE_NAME")] {
        let html = ladder(vec![attempt(Some(protocol))], "").await;
        assert!(html.contains("did not name its service") && html.contains(fix), "{html}");
    }
}
