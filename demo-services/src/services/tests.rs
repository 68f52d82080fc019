//! All services together, in one process on ports of their own: what a customer sees, and what the traces tell.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use http::StatusCode;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::addresses::Addresses;
use crate::clock;
use crate::fault;
use crate::http_client::plain_client;
use crate::peer::Peer;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A demo whose services are tasks.
struct Demo {
    addresses: Addresses,
    folder: tempfile::TempDir,
    client: reqwest::Client,
    spans: HashMap<ServiceName, InMemorySpanExporter>,
    providers: Vec<Providers>,
    services: JoinSet<Result<(), DemoError>>,
}

impl Demo {
    /// Returns the demo with all services but the load generator and those left out.
    async fn start(left_out: &[ServiceName]) -> Self {
        let mut demo = Self {
            addresses: Addresses::unused(),
            folder: tempfile::tempdir().unwrap(),
            client: plain_client().unwrap(),
            spans: HashMap::new(),
            providers: Vec::new(),
            services: JoinSet::new(),
        };
        for service in ServiceName::ALL {
            if service != ServiceName::Load && !left_out.contains(&service) {
                demo.add(service).await;
            }
        }
        demo
    }

    fn config(&self, service: ServiceName) -> ServiceConfig {
        ServiceConfig {
            listen: self.address(service),
            data_dir: self.folder.path().to_owned(),
            peers: service.peers().iter().map(|&peer| (peer, Peer::from(self.address(peer)))).collect(),
            ..ServiceConfig::new(service)
        }
    }

    async fn add(&mut self, service: ServiceName) {
        let exporter = InMemorySpanExporter::default();
        let providers = Providers::spans_to(service, exporter.clone());
        let telemetry = Telemetry::new(&providers);
        let config = self.config(service);
        let listener = listen(&config).await.unwrap();
        self.services.spawn(async move { serve(&config, listener, &telemetry, std::future::pending()).await });
        self.spans.insert(service, exporter);
        self.providers.push(providers);
    }

    fn address(&self, service: ServiceName) -> SocketAddr {
        self.addresses.get(service)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (StatusCode, Value) {
        let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let response = request.header("traceparent", traceparent).send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(self.client.get(Peer::from(self.address(ServiceName::Gateway)).url(path))).await
    }

    async fn book(&self, show: i64, seat: &str, card: &str) -> (StatusCode, Value) {
        let body = json!({"show_id": show, "seat": seat, "customer_id": "c-001", "card_token": card});
        let url = Peer::from(self.address(ServiceName::Gateway)).url("/v1/bookings");
        self.send(self.client.post(url).json(&body)).await
    }

    async fn any_show(&self) -> i64 {
        self.get("/v1/shows").await.1["shows"][0]["id"].as_i64().unwrap()
    }

    async fn seat_state(&self, show: i64, seat: &str) -> String {
        let (_, plan) = self.get(&format!("/v1/shows/{show}")).await;
        let seats = plan["seats"].as_array().unwrap();
        let found = seats.iter().find(|candidate| candidate["label"] == seat).unwrap();
        found["state"].as_str().unwrap().to_owned()
    }

    async fn events_of(&self, booking: &Value) -> Vec<String> {
        let (_, view) = self.get(&format!("/v1/bookings/{}", booking["id"].as_str().unwrap())).await;
        let history = view["history"].as_array().unwrap().iter();
        history.map(|entry| entry["event"].as_str().unwrap().to_owned()).collect()
    }

    fn spans_of(&self, service: ServiceName) -> Vec<SpanData> {
        self.spans[&service].get_finished_spans().unwrap()
    }

    fn server_spans(&self, service: ServiceName, name: &str) -> Vec<SpanData> {
        let is_asked_for = |span: &SpanData| span.span_kind == SpanKind::Server && span.name == name;
        self.spans_of(service).into_iter().filter(is_asked_for).collect()
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|found| found.value.to_string())
}

#[tokio::test]
async fn a_booking_is_confirmed_and_its_trace_crosses_every_service_it_needs() {
    let demo = Demo::start(&[]).await;
    let show = demo.any_show().await;
    let (status, booking) = demo.book(show, "A1", "tok_hanbit_ok").await;
    assert_eq!(status, StatusCode::CREATED, "{booking}");
    assert_eq!(booking["status"], "confirmed");
    assert!(booking["price"]["minor_units"].as_i64().unwrap() > 0);
    assert_eq!(demo.seat_state(show, "A1").await, "sold");
    assert_eq!(demo.events_of(&booking).await, ["requested", "seat_held", "payment_authorised", "seat_sold"]);

    let of_trace: Vec<(ServiceName, SpanData)> = demo
        .spans
        .keys()
        .flat_map(|&service| demo.spans_of(service).into_iter().map(move |span| (service, span)))
        .filter(|(_, span)| span.span_context.trace_id().to_string() == TRACE)
        .collect();
    let services: BTreeSet<&str> = of_trace.iter().map(|(service, _)| service.as_str()).collect();
    assert_eq!(services.into_iter().collect::<Vec<_>>(), ["booking", "catalogue", "gateway", "payment", "psp"]);
    let ids: BTreeSet<String> = of_trace.iter().map(|(_, span)| span.span_context.span_id().to_string()).collect();
    for (service, span) in &of_trace {
        let parent = span.parent_span_id.to_string();
        assert!(ids.contains(&parent) || parent == "00f067aa0ba902b7", "{service} {} has lost its parent", span.name);
        assert_eq!(span.status, Status::Unset, "{service} {}", span.name);
    }

    let edge = demo.server_spans(ServiceName::Gateway, "POST /v1/bookings").remove(0);
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/bookings"),
        ("url.path", "/v1/bookings"),
        ("http.response.status_code", "201"),
        ("server.address", &demo.address(ServiceName::Gateway).ip().to_string()),
        ("server.port", "4330"),
    ] {
        assert_eq!(attribute(&edge, key).as_deref(), Some(value), "{key}");
    }
    let call = demo.server_spans(ServiceName::Payment, "boxoffice.payment.v1.PaymentService/Authorise").remove(0);
    for (key, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", "boxoffice.payment.v1.PaymentService/Authorise"),
        ("rpc.service", "boxoffice.payment.v1.PaymentService"),
        ("rpc.status_code", "OK"),
    ] {
        assert_eq!(attribute(&call, key).as_deref(), Some(value), "{key}");
    }
    let is_statement = |span: &SpanData| span.name == "UPDATE seats";
    let statement = demo.spans_of(ServiceName::Catalogue).into_iter().find(is_statement).unwrap();
    assert_eq!(statement.span_kind, SpanKind::Client);
    for (key, value) in [("db.system.name", "sqlite"), ("db.operation.name", "UPDATE"), ("db.collection.name", "seats")]
    {
        assert_eq!(attribute(&statement, key).as_deref(), Some(value), "{key}");
    }
    assert!(attribute(&statement, "db.query.text").unwrap().starts_with("UPDATE seats SET"));
}

#[tokio::test]
async fn with_payment_errors_bookings_fail_as_server_errors_and_give_everything_back() {
    let demo = Demo::start(&[]).await;
    let show = demo.any_show().await;
    let control = demo.address(ServiceName::Psp);
    assert!(fault::set(control, "payment-errors", true).await.unwrap().on);
    let mut failed = 0;
    // Half of the bookings fail: that none of forty does comes once in 10^11 runs.
    for number in 1..=8 {
        for row in ["A", "B", "C", "D", "E"] {
            let seat = format!("{row}{number}");
            let (status, answer) = demo.book(show, &seat, "tok_hanbit_ok").await;
            if status == StatusCode::CREATED {
                assert_eq!(demo.seat_state(show, &seat).await, "sold");
                continue;
            }
            failed += 1;
            assert_eq!(status, StatusCode::BAD_GATEWAY, "{answer}");
            assert_eq!(answer["error"]["code"], "payment_unavailable");
            assert_eq!(demo.seat_state(show, &seat).await, "free");
            let events = demo.events_of(&answer["booking"]).await;
            assert_eq!(events, ["requested", "seat_held", "payment_failed", "payment_voided", "seat_released"]);
        }
        if failed > 3 {
            break;
        }
    }
    assert!(failed > 0);

    let edges = demo.server_spans(ServiceName::Gateway, "POST /v1/bookings");
    let burning = edges.iter().filter(|span| matches!(span.status, Status::Error { .. })).count();
    assert_eq!(burning, failed);
    let is_failed_call = |span: &&SpanData| attribute(span, "rpc.status_code").as_deref() == Some("UNAVAILABLE");
    let payment = demo.server_spans(ServiceName::Payment, "boxoffice.payment.v1.PaymentService/Authorise");
    assert_eq!(payment.iter().filter(is_failed_call).count(), failed);
    let is_retry = |span: &SpanData| attribute(span, "http.request.resend_count").as_deref() == Some("1");
    assert!(demo.spans_of(ServiceName::Payment).iter().any(is_retry));

    assert!(!fault::set(control, "payment-errors", false).await.unwrap().on);
    assert_eq!(demo.book(show, "F1", "tok_hanbit_ok").await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn refusals_are_the_customers_matter_and_not_errors() {
    let demo = Demo::start(&[]).await;
    let show = demo.any_show().await;
    assert_eq!(demo.book(show, "A1", "tok_hanbit_ok").await.0, StatusCode::CREATED);
    let table = [
        (show, "A1", "tok_hanbit_ok", 409, "seat_taken"),
        (show, "A2", "tok_hanbit_declined", 402, "card_declined"),
        (show, "A2", "tok_4242", 402, "card_declined"),
        (show, "Z99", "tok_hanbit_ok", 404, "unknown_seat"),
        (0, "A1", "tok_hanbit_ok", 404, "unknown_seat"),
        (show, "A/1", "tok_hanbit_ok", 400, "invalid_booking"),
    ];
    for (show, seat, card, status, code) in table {
        let (found, answer) = demo.book(show, seat, card).await;
        assert_eq!((found.as_u16(), answer["error"]["code"].as_str()), (status, Some(code)), "{answer}");
    }
    assert_eq!(demo.seat_state(show, "A2").await, "free", "a declined card gives the seat back");
    for (path, status) in [("/v1/shows/0", 404), ("/v1/shows/x", 400), ("/v1/bookings/none", 404), ("/v2/shows", 404)] {
        assert_eq!(demo.get(path).await.0.as_u16(), status, "{path}");
    }
    for service in [ServiceName::Gateway, ServiceName::Booking] {
        for span in demo.spans_of(service) {
            assert_eq!(span.status, Status::Unset, "{service} {}", span.name);
        }
    }
}

#[tokio::test]
async fn a_booking_that_cannot_be_undone_now_is_undone_later() {
    let mut demo = Demo::start(&[ServiceName::Payment]).await;
    let show = demo.any_show().await;
    let (status, answer) = demo.book(show, "A1", "tok_hanbit_ok").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY, "{answer}");
    assert_eq!(answer["booking"]["status"], "void_payment", "without the payment service nothing is voided");
    assert_eq!(demo.seat_state(show, "A1").await, "held");

    demo.add(ServiceName::Payment).await;
    let exporter = InMemorySpanExporter::default();
    let providers = Providers::spans_to(ServiceName::Booking, exporter.clone());
    let core = booking::Core::open(&demo.config(ServiceName::Booking), &Telemetry::new(&providers)).unwrap();
    core.upkeep(clock::unix_seconds()).await.unwrap();
    assert_eq!(demo.seat_state(show, "A1").await, "held", "a booking that may be under way is left alone");
    core.upkeep(clock::unix_seconds() + 60).await.unwrap();
    assert_eq!(
        demo.events_of(&answer["booking"]).await,
        ["requested", "seat_held", "payment_failed", "payment_voided", "seat_released"]
    );
    let resumed = exporter.get_finished_spans().unwrap();
    let saga = resumed.iter().find(|span| span.name == "saga place-booking").unwrap();
    assert_eq!(saga.links.iter().next().unwrap().span_context.trace_id().to_string(), TRACE);
}

#[tokio::test]
async fn reads_go_through_the_cache_and_say_so() {
    let demo = Demo::start(&[]).await;
    demo.get("/v1/shows").await;
    demo.get("/v1/shows").await;
    let usage: Vec<_> = demo
        .server_spans(ServiceName::Catalogue, "GET /shows")
        .iter()
        .map(|span| attribute(span, "cache.usage").unwrap())
        .collect();
    assert_eq!(usage, ["miss", "hit"]);
}

#[tokio::test]
async fn a_gateway_without_services_behind_it_answers_502() {
    let demo = Demo::start(&[ServiceName::Catalogue, ServiceName::Booking]).await;
    let (status, answer) = demo.get("/v1/shows").await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::BAD_GATEWAY, &json!("upstream_unreachable")));
    let edge = demo.server_spans(ServiceName::Gateway, "GET /v1/shows").remove(0);
    assert!(matches!(edge.status, Status::Error { .. }));
    assert_eq!(attribute(&edge, "error.type").as_deref(), Some("502"));
}

#[tokio::test]
async fn the_load_generator_browses_looks_and_books() {
    let mut demo = Demo::start(&[]).await;
    let exporter = InMemorySpanExporter::default();
    let providers = Providers::spans_to(ServiceName::Load, exporter.clone());
    let telemetry = Telemetry::new(&providers);
    let config = ServiceConfig { sessions_per_second: 100.0, ..demo.config(ServiceName::Load) };
    let listener = listen(&config).await.unwrap();
    demo.services.spawn(async move { serve(&config, listener, &telemetry, std::future::pending()).await });
    let is_root = |span: &SpanData, name: &str| span.name == name && span.parent_span_id.to_string() == "0".repeat(16);
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let spans = exporter.get_finished_spans().unwrap();
        let ended = |name: &str| spans.iter().filter(|span| is_root(span, name)).count();
        if ["browse shows", "look at a show", "book a seat"].iter().all(|name| ended(name) >= 3) {
            let failed = spans.iter().filter(|span| matches!(span.status, Status::Error { .. })).count();
            assert_eq!(failed, 0, "in good times no session fails");
            return;
        }
    }
    panic!("the load generator did not get going within 20 s");
}

#[tokio::test]
async fn the_receiver_keeps_the_last_webhooks_newest_first() {
    let demo = Demo::start(&[]).await;
    let receiver = Peer::from(demo.address(ServiceName::Receiver));
    for number in 0..60 {
        let body = json!({"version": "4", "status": "firing", "number": number,
            "alerts": [{"status": "firing", "labels": {"alertname": "test"}}]});
        let sent = demo.client.post(receiver.url("/hooks/box")).json(&body).send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(demo.client.post(receiver.url("/")).body("{}").send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let listed: Value = demo.client.get(receiver.url("/")).send().await.unwrap().json().await.unwrap();
    let numbers: Vec<_> =
        listed.as_array().unwrap().iter().map(|entry| entry["body"]["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (10..60).rev().collect::<Vec<_>>());
}
