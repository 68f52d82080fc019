//! `/ingest`: what comes in, what is not taken and why, and how much room there is. Served from memory alone, so that it answers
//! while the box refuses.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::Nanos;
use model::time::MINUTE;

use crate::app::{App, no_report, page};
use crate::format::{self, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Spark, Tab};
use crate::shell::Shell;
use crate::state::{IngestReport, ReasonReport, SignalReport};

mod room;
mod senders;

use room::Room;
use senders::Senders;

/// Reasons listed.
const MAX_REASONS: usize = 50;
/// A signal that came before, but not for this long, has stopped. SDKs send metrics every minute.
const STOPPED_AFTER: Nanos = 5 * MINUTE;

#[derive(Template)]
#[template(path = "ingest.html")]
struct IngestPage {
    shell: Shell,
    tabs: Vec<Tab>,
    service: String,
    others: Vec<(String, String)>,
    refresh: PageUrl,
    now: Now,
}

/// All that changes. Also served alone, for the page to refresh it.
#[derive(Template)]
#[template(path = "parts/ingest.html")]
struct Now {
    state: Condition,
    refusing: String,
    since: String,
    otlp_http: String,
    signals: Vec<SignalRow>,
    reasons: Vec<ReasonRow>,
    n_more_reasons: usize,
    /// Reasons that the signal or service chosen leaves out.
    n_hidden_reasons: usize,
    /// This page without such a choice.
    all: PageUrl,
    displaced_reasons: String,
    senders: Senders,
    room: Room,
}

impl askama::filters::HtmlSafe for Now {}

/// How receiving goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// Not a request, nor anything like one.
    Nothing,
    /// Something came, and all of it was refused.
    AllRefused,
    /// Requests were answered, and not one item of them was stored.
    NothingStored,
    /// Something was received before, and for minutes all that came was refused.
    RefusedForMinutes,
    /// Nothing for minutes.
    Stopped,
    Receiving,
}

struct SignalRow {
    signal: &'static str,
    href: PageUrl,
    items: String,
    line: Spark,
    bytes: String,
    bytes_line: Spark,
    accepted: String,
    total_bytes: String,
    rejected: String,
    is_rejecting: bool,
    refused: String,
    is_refusing: bool,
    duplicates: String,
    last: String,
}

struct ReasonRow {
    last: String,
    first: String,
    word: &'static str,
    class: &'static str,
    signal: &'static str,
    often: String,
    message: String,
    fix: String,
    who: String,
}

/// `GET /ingest`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let report = match app.report().await {
        Ok(report) => report,
        Err(error) => return no_report(&error),
    };
    let signal = chosen_signal(&shell.url);
    let tab = |words, name: &str| Tab {
        words,
        href: shell.url.at_path("/ingest").with("signal", name),
        is_current: signal.unwrap_or_default() == name,
        n: None,
    };
    page(
        StatusCode::OK,
        &IngestPage {
            tabs: vec![tab("All signals", ""), tab("Traces", "traces"), tab("Metrics", "metrics"), tab("Logs", "logs")],
            service: shell.url.get("service").to_owned(),
            others: shell.url.others(&["service"]).cloned().collect(),
            refresh: shell.url.at_path("/ingest/now"),
            now: Now::new(&app, &shell.url, report),
            shell,
        },
    )
}

/// `GET /ingest/now`
pub(crate) async fn now(State(app): State<App>, uri: Uri) -> Response {
    let report = match app.report().await {
        Ok(report) => report,
        Err(error) => return no_report(&error),
    };
    page(StatusCode::OK, &Now::new(&app, &PageUrl::of(&uri), report))
}

const SIGNALS: [&str; 3] = ["traces", "metrics", "logs"];

fn chosen_signal(url: &PageUrl) -> Option<&'static str> {
    SIGNALS.into_iter().find(|signal| *signal == url.get("signal"))
}

impl Now {
    fn new(app: &App, url: &PageUrl, report: IngestReport) -> Self {
        let (signal, service) = (chosen_signal(url), url.get("service"));
        let now = report.now;
        let page = url.at_path("/ingest");
        let signals = report.signals.iter().filter(|it| signal.is_none_or(|signal| signal == it.signal));
        let reasons: Vec<&ReasonReport> = report
            .reasons
            .iter()
            .filter(|it| signal.is_none() || it.signal.is_none() || it.signal == signal)
            .filter(|it| service.is_empty() || it.service.is_empty() || it.service.contains(service))
            .collect();
        Now {
            state: condition(&report),
            refusing: report.refusing.clone().unwrap_or_default(),
            since: format::ago(report.since, now),
            otlp_http: app.state.endpoints.otlp_http.clone(),
            signals: signals.map(|it| signal_row(it, &page, now)).collect(),
            n_hidden_reasons: report.reasons.len() - reasons.len(),
            all: page.without("signal").without("service"),
            n_more_reasons: reasons.len().saturating_sub(MAX_REASONS),
            reasons: reasons.into_iter().take(MAX_REASONS).map(|it| reason_row(it, now)).collect(),
            displaced_reasons: if report.displaced_reasons > 0 {
                format::count(report.displaced_reasons)
            } else {
                String::new()
            },
            senders: Senders::new(app, &page, signal, &report),
            room: Room::new(app, &report),
        }
    }
}

fn condition(report: &IngestReport) -> Condition {
    let sum = |value: fn(&SignalReport) -> u64| report.signals.iter().map(value).sum::<u64>();
    let is_recent = |at: Nanos| report.now.saturating_sub(at) <= STOPPED_AFTER;
    let received = report.signals.iter().filter_map(|it| it.last_received).any(is_recent);
    // A request to a path that is none belongs to no signal.
    let refused = report.signals.iter().filter_map(|it| it.last_refused).any(is_recent)
        || report.reasons.iter().any(|it| it.fate == "refused" && is_recent(it.last));
    if sum(|it| it.requests) == 0 {
        if sum(|it| it.refused) == 0 && report.reasons.is_empty() { Condition::Nothing } else { Condition::AllRefused }
    } else if sum(|it| it.accepted) == 0 && sum(|it| it.duplicates) == 0 {
        Condition::NothingStored
    } else if received {
        Condition::Receiving
    } else if refused {
        Condition::RefusedForMinutes
    } else {
        Condition::Stopped
    }
}

fn signal_row(it: &SignalReport, page: &PageUrl, now: Nanos) -> SignalRow {
    let line =
        |values: &[u64], class, words: String| Spark::new(values.iter().map(|n| Some(*n as f64)), 1.0, class, words);
    let (items, bytes) =
        (format::rate(it.items_per_second), format!("{}/s", format::bytes(it.bytes_per_second as u64)));
    let hour: u64 = it.items_by_minute.iter().sum();
    let hour_bytes: u64 = it.bytes_by_minute.iter().sum();
    SignalRow {
        signal: it.signal,
        href: page.with("signal", it.signal),
        line: line(&it.items_by_minute, "", format!("{} items in the last hour, now {items}", format::count(hour))),
        bytes_line: line(
            &it.bytes_by_minute,
            "s2",
            format!("{} in the last hour, now {bytes}", format::bytes(hour_bytes)),
        ),
        items,
        bytes,
        accepted: format::count(it.accepted),
        total_bytes: format::bytes(it.bytes),
        rejected: format::count(it.rejected),
        is_rejecting: it.rejected > 0,
        refused: format::count(it.refused),
        is_refusing: it.refused > 0,
        duplicates: format::count(it.duplicates),
        last: it.last_received.map_or("never".to_owned(), |time| format::ago(time, now)),
    }
}

fn reason_row(it: &ReasonReport, now: Nanos) -> ReasonRow {
    let (word, class) = match it.fate {
        "warned" => ("warning", "accent"),
        "rejected" => ("items left out", "warn"),
        "connection" => ("no request", "error"),
        _ => ("refused", "error"),
    };
    let times = if it.times == 1 { "once".to_owned() } else { format!("{}×", format::count(it.times)) };
    let often = match it.items {
        0 => times,
        1 => format!("{times}, 1 item"),
        items => format!("{times}, {} items", format::count(items)),
    };
    let of_grpc = it.grpc_status.map(|status| format!("gRPC {status}"));
    let status = it.http_status.map(|status| format!("HTTP {status}")).or(of_grpc).unwrap_or_default();
    let (service, user_agent) = (clip(&it.service, 80), clip(&it.user_agent, 80));
    let who = [service.as_str(), &user_agent, it.protocol.unwrap_or_default(), &it.peer, &status];
    let who: Vec<&str> = who.into_iter().filter(|word| !word.is_empty()).collect();
    ReasonRow {
        last: format::ago(it.last, now),
        first: if it.times > 1 { format!("first {}", format::ago(it.first, now)) } else { String::new() },
        word,
        class,
        signal: it.signal.unwrap_or_default(),
        often,
        message: clip(&it.message, 600),
        fix: clip(&it.fix, 600),
        who: who.join(" · "),
    }
}
