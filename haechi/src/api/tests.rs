//! The APIs over a store in a temporary directory, asked as HTTP clients do.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use collector::{Collector, Limits};
use http_body_util::BodyExt;
use model::span::{Events, Links};
use model::{
    Attrs, AttrsBuf, LogRecord, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, Span, SpanId, SpanKind,
    StatusCode as SpanStatus, Temporality, TraceId, Value as Attribute,
};
use query::{Engine, EngineConfig};
use serde_json::{Value, json};
use slo::Status;
use store::{Rows, Store, StoreConfig};
use tower::ServiceExt;

use super::{ApiState, router};

mod alerts_v2;
mod data;
mod grafana;
mod ingest;
mod jaeger;
mod logs;
mod prometheus;
mod rules;
mod silences;
mod slos;
#[cfg(feature = "sql")]
mod sql;
mod tempo;
mod traces;

/// 2026-11-22T13:34:00Z.
const NOW: Nanos = 1_795_354_440_000_000_000;
const SECOND: Nanos = 1_000_000_000;

/// The APIs over [`data::rows`].
struct Api {
    router: Router,
    state: ApiState,
    _dir: tempfile::TempDir,
}

impl Api {
    async fn new() -> Self {
        Api::with_status(Status::default()).await
    }

    async fn with_status(status: Status) -> Self {
        Api::over(status, data::rows()).await
    }

    async fn over(status: Status, rows: Rows) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let decode = Box::new(|rows: Rows, _: u8, _: &[u8], _: Nanos| Ok(rows));
        let (store, _) = Store::open(StoreConfig::new(dir.path()), decode).unwrap();
        let body = bytes::Bytes::new();
        let request = store::Request { kind: 0, received_at: NOW, body, dedup: false, rows };
        store.append(request).await.unwrap();
        let (_, status) = tokio::sync::watch::channel(Arc::new(status));
        let state = ApiState {
            collector: Collector::new(Arc::clone(&store), Limits::default(), || NOW),
            engine: Arc::new(Engine::new(store, EngineConfig::default()).unwrap()),
            report: Arc::new(ui::IngestReport::default),
            status,
            silences: ui::Silencing::none(),
            clock: || NOW,
            #[cfg(feature = "sql")]
            sql: Arc::new(::sql::Engine::new(::sql::SqlConfig::default()).unwrap()),
        };
        Api { router: router(state.clone()), state, _dir: dir }
    }

    /// Lets it change silences.
    fn silence(&mut self, silences: ui::Silencing) {
        self.router = router(ApiState { silences, ..self.state.clone() });
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let kind = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        (status, kind.unwrap_or_default(), body)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, kind, body) = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(kind, "application/json", "{path}: {}", String::from_utf8_lossy(&body));
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn post(&self, path: &str, kind: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::post(path).header("content-type", kind).body(Body::from(body.to_owned())).unwrap();
        let (status, _, body) = self.send(request).await;
        (status, serde_json::from_slice(&body).unwrap())
    }
}

#[tokio::test]
async fn health_is_plain_text() {
    let api = Api::new().await;
    for path in ["/-/healthy", "/-/ready"] {
        let (status, kind, _) = api.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/plain; charset=utf-8"));
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_json() {
    let api = Api::new().await;
    let (status, body) = api.get("/api/v1/nothing").await;
    assert_eq!((status, &body["errorType"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    let (status, body) = api.post("/api/v1/slos", "text/plain", "").await;
    assert_eq!((status, &body["status"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("error")));
}

#[tokio::test]
async fn the_box_tells_its_own_metrics() {
    let api = Api::new().await;
    let (status, kind, body) = api.send(Request::get("/-/metrics").body(Body::empty()).unwrap()).await;
    let text = String::from_utf8(body).unwrap();
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "# TYPE haechi_requests_total counter",
        "haechi_requests_total{signal=\"traces\"} 0",
        "haechi_rows{table=\"series\"} 0",
        "haechi_disk_full 0",
        "haechi_damaged_places_total{kind=\"segment\"} 0",
        "haechi_retention_rows_total{table=\"logs\"} 0",
        "haechi_clock_jump_seconds 0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is missing in\n{text}");
    }
    let free = text.lines().find_map(|line| line.strip_prefix("haechi_disk_free_bytes ")).unwrap();
    assert!(free.parse::<u64>().unwrap() > 0);
    // Each metric has its two comments and at least one sample, and no name comes twice.
    let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.iter().enumerate().all(|(i, name)| !names[..i].contains(name)));
    assert!(names.iter().all(|name| text.lines().any(|line| line.starts_with(name))));
}
