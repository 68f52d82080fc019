//! `/connect`: how to send telemetry here, and what has arrived.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use model::Nanos;

use crate::app::{App, page};
use crate::format;
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Damage, Name, ServiceTag, Tab, Unnamed};
use crate::shell::Shell;
use crate::state::{Endpoints, IngestStats, StorageStats};

mod events;
mod ladder;

use ladder::Ladder;

/// Rows of the list of senders.
const MAX_SENDERS: usize = 50;
/// Damaged places listed.
const MAX_DAMAGED: usize = 30;
/// Makes the ids and the time of a span anew whenever a shell runs it, with what POSIX and macOS have.
const NEW_SPAN: &str = "trace=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n') span=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \\n') now=$(date +%s)";

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
    user_agent: Option<Name>,
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
            curl: curl(&endpoints.otlp_http, &endpoints.ui),
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
            href: PageUrl::default().to_service(&sender.service),
            user_agent: (!sender.user_agent.is_empty()).then(|| Name::new(&sender.user_agent, 80)),
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
            damage: Damage::new(&stats.storage.damage, MAX_DAMAGED, now),
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

/// A command of one line that sends a span which ends now, for any shell of Unix.
fn smoke(otlp_http: &str) -> String {
    format!(
        r#"{NEW_SPAN}; curl -sS {otlp_http}/v1/traces -H 'content-type: application/json' -d '{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"smoke-test"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"'$trace'","spanId":"'$span'","name":"smoke test","kind":1,"startTimeUnixNano":"'$now'000000000","endTimeUnixNano":"'$now'000000001"}}]}}]}}]}}'"#
    )
}

/// Commands that send a span which ends now and print the address of its trace, for any shell of Unix.
fn curl(otlp_http: &str, ui: &str) -> String {
    format!(
        r#"{NEW_SPAN}
curl -i {otlp_http}/v1/traces -H 'content-type: application/json' -d '{{
  "resourceSpans": [{{
    "resource": {{"attributes": [{{"key": "service.name", "value": {{"stringValue": "hello"}}}}]}},
    "scopeSpans": [{{"spans": [{{
      "traceId": "'$trace'", "spanId": "'$span'", "name": "GET /hello", "kind": 2,
      "startTimeUnixNano": "'$((now - 1))'760000000", "endTimeUnixNano": "'$now'000000000"
    }}]}}]
  }}]
}}'; echo; echo "{ui}/traces/$trace""#
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

    /// The bodies that `snippet` sends when a shell runs it twice, and what it prints of its own in the first run.
    fn run_twice(snippet: &str) -> ([serde_json::Value; 2], String) {
        // A function in place of the program: its last argument is the body.
        let stand_in = r#"curl() { while [ $# -gt 1 ]; do shift; done; printf '%s' "$1" > body; }"#;
        let dir = tempfile::tempdir().unwrap();
        let mut said = String::new();
        let bodies = [0, 1].map(|_| {
            let script = format!("{stand_in}\n{snippet}\n");
            let output =
                std::process::Command::new("sh").args(["-c", &script]).current_dir(dir.path()).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
            said = String::from_utf8(output.stdout).unwrap();
            serde_json::from_slice(&std::fs::read(dir.path().join("body")).unwrap()).unwrap()
        });
        (bodies, said)
    }

    #[test]
    fn the_snippets_send_another_span_each_time_a_shell_runs_them() {
        let box_of = ("http://127.0.0.1:4318", "http://127.0.0.1:4319");
        for snippet in [curl(box_of.0, box_of.1), smoke(box_of.0)] {
            let (bodies, said) = run_twice(&snippet);
            let spans = bodies.map(|body| body["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone());
            for span in &spans {
                let (start, end) = (&span["startTimeUnixNano"], &span["endTimeUnixNano"]);
                let [start, end] = [start, end].map(|time| time.as_str().unwrap().parse::<i64>().unwrap());
                assert!(start < end && start > 1_700_000_000_000_000_000, "{snippet}");
                assert!(model::TraceId::parse(span["traceId"].as_str().unwrap()).is_some(), "{snippet}");
                assert!(model::SpanId::parse(span["spanId"].as_str().unwrap()).is_some(), "{snippet}");
            }
            assert_ne!(spans[0]["traceId"], spans[1]["traceId"], "{snippet}");
            assert_ne!(spans[0]["spanId"], spans[1]["spanId"], "{snippet}");
            if said.is_empty() {
                continue;
            }
            let trace = spans[1]["traceId"].as_str().unwrap();
            assert_eq!(said.trim(), format!("http://127.0.0.1:4319/traces/{trace}"));
        }
    }
}
