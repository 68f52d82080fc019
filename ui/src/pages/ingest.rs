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
use crate::parts::{Damage, Spark, Tab, written_out};
use crate::shell::Shell;
use crate::state::{IngestChoice, IngestReport, ReasonReport, ServiceSignalReport, SignalReport};

mod room;
mod senders;

use room::Room;
use senders::Senders;

/// Reasons listed.
const MAX_REASONS: usize = 50;
/// Damaged places listed.
const MAX_DAMAGED: usize = 10;
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
    /// Words for the services chosen; empty for all.
    service: String,
    signals: Vec<SignalRow>,
    of_service: Vec<ServiceSignalRow>,
    reasons: Vec<ReasonGroup>,
    n_more_reasons: usize,
    /// Reasons that the signal or service chosen leaves out.
    n_hidden_reasons: usize,
    /// This page without such a choice.
    all: PageUrl,
    displaced_reasons: String,
    senders: Senders,
    damage: Damage,
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

/// What the services chosen have sent of a signal.
struct ServiceSignalRow {
    signal: &'static str,
    href: PageUrl,
    accepted: String,
    bytes: String,
    rejected: String,
    is_rejecting: bool,
}

/// Reasons under a heading, which is empty for those of what was chosen.
struct ReasonGroup {
    heading: &'static str,
    rows: Vec<ReasonRow>,
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
    let signal = chosen(&shell.url).signal;
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

fn chosen(url: &PageUrl) -> IngestChoice {
    IngestChoice { signal: IngestChoice::signal(url.get("signal")), service: url.get("service").to_owned() }
}

impl Now {
    fn new(app: &App, url: &PageUrl, report: IngestReport) -> Self {
        let (choice, page, now) = (chosen(url), url.at_path("/ingest"), report.now);
        // How receiving goes is said of the whole box.
        let state = condition(&report);
        let report = report.narrowed(&choice);
        Now {
            state,
            refusing: report.refusing.clone().unwrap_or_default(),
            since: format::ago(report.since, now),
            otlp_http: app.state.endpoints.otlp_http.clone(),
            service: clip(&choice.service, 80),
            signals: report.signals.iter().map(|it| signal_row(it, &page, now)).collect(),
            of_service: report.of_service.iter().flatten().map(|it| service_signal_row(it, &page)).collect(),
            n_hidden_reasons: report.n_hidden_reasons,
            all: page.without("signal").without("service"),
            n_more_reasons: report.reasons.len().saturating_sub(MAX_REASONS),
            reasons: reason_groups(&report, &choice),
            displaced_reasons: if report.displaced_reasons > 0 {
                format::count(report.displaced_reasons)
            } else {
                String::new()
            },
            senders: Senders::new(app, &page, &choice, &report),
            damage: Damage::new(&report.damage, MAX_DAMAGED, now),
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

fn service_signal_row(it: &ServiceSignalReport, page: &PageUrl) -> ServiceSignalRow {
    ServiceSignalRow {
        signal: it.signal,
        href: page.with("signal", it.signal),
        accepted: format::count(it.accepted),
        bytes: format::bytes(it.bytes),
        rejected: format::count(it.rejected),
        is_rejecting: it.rejected > 0,
    }
}

/// The first reasons; of a service that was chosen its own go before those whose service is not known.
fn reason_groups(report: &IngestReport, choice: &IngestChoice) -> Vec<ReasonGroup> {
    let is_own = |it: &&ReasonReport| choice.service.is_empty() || !it.service.is_empty();
    let (own, others): (Vec<_>, Vec<_>) = report.reasons.iter().partition(is_own);
    let n_others = MAX_REASONS.saturating_sub(own.len());
    let groups =
        [("", own, MAX_REASONS), ("Of any service: it is not known whose requests these were", others, n_others)];
    let group = |(heading, reasons, most): (_, Vec<&ReasonReport>, _)| ReasonGroup {
        heading,
        rows: reasons.into_iter().take(most).map(|it| reason_row(it, report.now)).collect(),
    };
    groups.into_iter().map(group).filter(|group| !group.rows.is_empty()).collect()
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
    let named = |name: &str| if name.is_empty() { String::new() } else { written_out(&clip(name, 80)) };
    let (service, user_agent) = (named(&it.service), named(&it.user_agent));
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
