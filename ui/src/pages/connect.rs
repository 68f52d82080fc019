//! `/connect`: how to send telemetry here, and what has arrived.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use model::Nanos;
use model::time::{MILLISECOND, SECOND};

use crate::app::{App, page};
use crate::format::{self, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{ServiceTag, Tab, Unnamed};
use crate::shell::Shell;
use crate::state::{Endpoints, IngestStats, StorageStats};

mod damage;
mod events;
mod ladder;

use damage::Damage;
use ladder::Ladder;

/// Rows of the list of senders.
const MAX_SENDERS: usize = 50;
/// The trace that the `curl` line makes, so that the page can link to it.
const TRACE_ID: &str = "5b8efff798038103d269b633813fc60c";
const SPAN_ID: &str = "eee19b7ec3c1b174";

/// What there is a snippet for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Curl,
    Python,
    Node,
    Go,
    Java,
    Rust,
    Collector,
    Prometheus,
    DotNet,
    Php,
    Ruby,
    Browser,
    Operator,
}

/// With its name in the address and on the tab.
const LANGUAGES: [(Language, &str, &str); 13] = [
    (Language::Curl, "curl", "curl"),
    (Language::Python, "python", "Python"),
    (Language::Node, "node", "Node.js"),
    (Language::Go, "go", "Go"),
    (Language::Java, "java", "Java"),
    (Language::DotNet, "dotnet", ".NET"),
    (Language::Php, "php", "PHP"),
    (Language::Ruby, "ruby", "Ruby"),
    (Language::Rust, "rust", "Rust"),
    (Language::Browser, "browser", "Browser"),
    (Language::Collector, "collector", "Collector"),
    (Language::Prometheus, "prometheus", "Prometheus"),
    (Language::Operator, "operator", "Kubernetes operator"),
];

#[derive(Template)]
#[template(path = "connect.html")]
struct ConnectPage {
    shell: Shell,
    endpoints: Endpoints,
    /// Host and port of the gRPC endpoint, for settings that want no scheme.
    grpc_authority: String,
    lang: Language,
    tabs: Vec<Tab>,
    curl: String,
    trace_id: &'static str,
    /// A command of one line that sends one span.
    smoke: String,
    ladder: Ladder,
    ladder_events: PageUrl,
    ladder_ask: PageUrl,
    received: Received,
}

/// What has arrived. Also served alone, for the page to refresh it.
#[derive(Template)]
#[template(path = "parts/received.html")]
struct Received {
    since: String,
    is_empty: bool,
    signals: Vec<SignalRow>,
    senders: Vec<SenderRow>,
    n_more_senders: usize,
    notices: Vec<String>,
    storage: Vec<(&'static str, String)>,
    damage: Damage,
}

impl askama::filters::HtmlSafe for Received {}

struct SignalRow {
    signal: &'static str,
    accepted: String,
    requests: String,
    bytes: String,
    rejected: String,
    refused: String,
    is_troubled: bool,
    last: String,
}

struct SenderRow {
    service: ServiceTag,
    unnamed: Option<Unnamed>,
    href: PageUrl,
    user_agent: String,
    protocol: &'static str,
    spans: String,
    points: String,
    logs: String,
    last: String,
}

/// `GET /connect`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let here = &app.state.endpoints;
    let endpoints = Endpoints {
        otlp_grpc: reachable(&here.otlp_grpc, host),
        otlp_http: reachable(&here.otlp_http, host),
        ui: reachable(&here.ui, host),
    };
    let lang =
        LANGUAGES.iter().find(|(_, name, _)| *name == shell.url.get("lang")).map_or(Language::Curl, |found| found.0);
    let tab = |(language, name, words): (Language, &str, &'static str)| Tab {
        words,
        href: shell.url.at_path("/connect").with("lang", name),
        is_current: language == lang,
        n: None,
    };
    let service = shell.url.get("service");
    page(
        StatusCode::OK,
        &ConnectPage {
            grpc_authority: endpoints.otlp_grpc.split("://").last().unwrap_or_default().to_owned(),
            lang,
            tabs: LANGUAGES.map(tab).into(),
            curl: curl(&endpoints.otlp_http, shell.now),
            trace_id: TRACE_ID,
            smoke: smoke(&endpoints.otlp_http),
            ladder: Ladder::new(&app, service).await,
            ladder_events: PageUrl::new("/connect/events").with("service", service),
            ladder_ask: PageUrl::new("/connect/ladder").with("service", service),
            received: Received::new(&app, shell.now),
            endpoints,
            shell,
        },
    )
}

/// `GET /connect/ladder`
pub(crate) async fn ladder(State(app): State<App>, uri: Uri) -> Response {
    page(StatusCode::OK, &Ladder::new(&app, PageUrl::of(&uri).get("service")).await)
}

/// `GET /connect/events`
pub(crate) async fn events(State(app): State<App>, uri: Uri) -> Response {
    events::answer(app, PageUrl::of(&uri).get("service").to_owned())
}

/// `GET /connect/received`
pub(crate) async fn received(State(app): State<App>) -> Response {
    let now = (app.state.clock)();
    page(StatusCode::OK, &Received::new(&app, now))
}

impl Received {
    fn new(app: &App, now: Nanos) -> Self {
        let stats: IngestStats = (app.state.ingest)();
        let signals = stats.signals.iter().map(|signal| SignalRow {
            signal: signal.signal,
            accepted: format::count(signal.n_accepted),
            requests: format::count(signal.n_requests),
            bytes: format::bytes(signal.n_bytes),
            rejected: format::count(signal.n_rejected),
            refused: format::count(signal.n_refused),
            is_troubled: signal.n_rejected + signal.n_refused > 0,
            last: signal.last_received.map_or("never".to_owned(), |time| format::ago(time, now)),
        });
        let senders = stats.senders.iter().take(MAX_SENDERS).map(|sender| SenderRow {
            service: app.service(&sender.service),
            unnamed: Unnamed::of(&sender.service, sender.protocol),
            href: PageUrl::new(format!("/services/{}", sender.service)),
            user_agent: clip(&sender.user_agent, 80),
            protocol: sender.protocol,
            spans: format::count(sender.n_spans),
            points: format::count(sender.n_points),
            logs: format::count(sender.n_logs),
            last: format::ago(sender.last_seen, now),
        });
        Received {
            since: format::ago(stats.since, now),
            is_empty: stats.signals.iter().all(|signal| signal.n_requests + signal.n_refused == 0),
            signals: signals.collect(),
            senders: senders.collect(),
            n_more_senders: stats.senders.len().saturating_sub(MAX_SENDERS),
            storage: storage(&stats.storage),
            damage: Damage::new(&stats.storage, now),
            notices: stats.storage.notices,
        }
    }
}

/// The facts of the store with their names.
fn storage(it: &StorageStats) -> Vec<(&'static str, String)> {
    let disk = match it.disk_total {
        0 => "unknown".to_owned(),
        total => format!("{} of {}", format::bytes(it.disk_free), format::bytes(total)),
    };
    vec![
        ("Free on disk", disk),
        ("Segments", format!("{} in {}", format::bytes(it.segment_bytes), format::count(it.n_segments as u64))),
        ("Write-ahead log", format::bytes(it.log_bytes)),
        ("Rows in memory", format::bytes(it.memory_bytes)),
        ("Series", format::count(it.n_series)),
    ]
}

/// `endpoint` with the name by which the reader came here, when it listens on every address and so names none.
fn reachable(endpoint: &str, host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    match ["//0.0.0.0:", "//[::]:"].into_iter().find(|every| endpoint.contains(every)) {
        Some(every) if is_name => endpoint.replacen(every, &format!("//{name}:"), 1),
        _ => endpoint.to_owned(),
    }
}

/// A command of one line that sends a span of its own trace which ends now, for any shell of Unix.
fn smoke(otlp_http: &str) -> String {
    format!(
        r#"t=$(date +%s); curl -sS {otlp_http}/v1/traces -H 'content-type: application/json' -d '{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"smoke-test"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"'$(printf %032x $t)'","spanId":"00f067aa0ba902b7","name":"smoke test","kind":1,"startTimeUnixNano":"'$t'000000000","endTimeUnixNano":"'$t'000000001"}}]}}]}}]}}'"#
    )
}

/// A command that sends one span which ends at `now`.
fn curl(otlp_http: &str, now: Nanos) -> String {
    let end = now / SECOND * SECOND;
    let start = end - 240 * MILLISECOND;
    format!(
        r#"curl -i {otlp_http}/v1/traces -H 'content-type: application/json' -d '{{
  "resourceSpans": [{{
    "resource": {{"attributes": [{{"key": "service.name", "value": {{"stringValue": "hello"}}}}]}},
    "scopeSpans": [{{"spans": [{{
      "traceId": "{TRACE_ID}", "spanId": "{SPAN_ID}", "name": "GET /hello", "kind": 2,
      "startTimeUnixNano": "{start}", "endTimeUnixNano": "{end}"
    }}]}}]
  }}]
}}'"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_on_every_address_is_shown_by_the_name_the_reader_used() {
        let table = [
            ("http://0.0.0.0:4318", "box.example:4319", "http://box.example:4318"),
            ("http://[::]:4317", "[fe80::1]:4319", "http://[fe80::1]:4317"),
            ("http://0.0.0.0:4318", "box", "http://box:4318"),
            ("http://127.0.0.1:4318", "box.example:4319", "http://127.0.0.1:4318"),
            ("http://0.0.0.0:4318", "'; rm -rf /", "http://0.0.0.0:4318"),
            ("http://0.0.0.0:4318", "", "http://0.0.0.0:4318"),
        ];
        for (endpoint, host, expected) in table {
            assert_eq!(reachable(endpoint, host), expected);
        }
    }

    #[test]
    fn the_curl_line_carries_valid_otlp_json() {
        let line = curl("http://127.0.0.1:4318", 1_795_363_445_123_456_789);
        let body = line.split_once("-d '").unwrap().1.strip_suffix('\'').unwrap();
        assert!(!body.contains('\''));
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["endTimeUnixNano"], "1795363445000000000");
        assert!(model::TraceId::parse(span["traceId"].as_str().unwrap()).is_some());
        assert!(model::SpanId::parse(span["spanId"].as_str().unwrap()).is_some());
    }
}
