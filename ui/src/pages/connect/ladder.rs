//! How far a client came that tries to send: five steps, each done, waiting, or failed with what to change.
//!
//! The ladder shows the attempt that is news: a failure, or a client that is heard for the first time or again. With `service`
//! in the address it stays with that service.

use std::collections::{HashMap, HashSet};

use askama::Template;
use model::{Nanos, TraceId};
use query::traces::trace;

use crate::app::App;
use crate::format::{self, clip};
use crate::page_url::PageUrl;
use crate::parts::{Unnamed, written_out};
use crate::state::{Attempt, AttemptOutcome, AttemptStep, StoredAttempt, StoredExample};

/// Rejected attempts listed.
const MAX_REJECTED: usize = 20;
/// Around a log record, in a link to it.
const AROUND: Nanos = 1_000_000_000;

#[derive(Template)]
#[template(path = "parts/ladder.html")]
pub(super) struct Ladder {
    steps: [Rung; 5],
    rejected: Vec<RejectedRow>,
    /// Rejected attempts that are not listed.
    n_more: usize,
}

impl askama::filters::HtmlSafe for Ladder {}

/// One step.
struct Rung {
    title: &'static str,
    state: State,
    /// What is known, a sentence each.
    lines: Vec<String>,
    /// What to change.
    fix: String,
    link: Option<(PageUrl, &'static str)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Done,
    /// Done, and something could be better.
    Warned,
    Failed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Done => "done",
            State::Warned => "look",
            State::Failed => "failed",
        }
    }

    fn class(self) -> &'static str {
        match self {
            State::Waiting => "",
            State::Done => "ok",
            State::Warned => "warn",
            State::Failed => "error",
        }
    }
}

struct RejectedRow {
    when: String,
    request: String,
    message: String,
    fix: String,
    who: String,
}

const TITLES: [&str; 5] =
    ["Connection seen", "Request understood", "Accepted", "Stored and visible", "What would make it better"];

impl Ladder {
    pub(super) async fn new(app: &App, service: &str) -> Self {
        let now = (app.state.clock)();
        let attempts = (app.state.attempts)();
        let is_wanted = |it: &&Attempt| match &it.outcome {
            AttemptOutcome::Stored(stored) => stored.service == service,
            _ => false,
        };
        let shown = if service.is_empty() { attempts.first() } else { attempts.iter().find(is_wanted) };
        let mut steps = TITLES.map(|title| Rung {
            title,
            state: State::Waiting,
            lines: Vec::new(),
            fix: String::new(),
            link: None,
        });
        match shown {
            None => steps[0].lines.push(match service {
                "" => "No client has connected in the last hour.".to_owned(),
                _ => format!("Nothing of {} has been stored in the last hour.", written_out(&clip(service, 80))),
            }),
            Some(attempt) => climb(app, &mut steps, attempt, &attempts, now).await,
        }
        let (rejected, n_more) = rejected(&attempts);
        Ladder { steps, rejected: rejected.into_iter().map(|it| rejected_row(it, now)).collect(), n_more }
    }
}

async fn climb(app: &App, steps: &mut [Rung; 5], attempt: &Attempt, all: &[Attempt], now: Nanos) {
    steps[0].done(vec![connection(attempt, now)]);
    match &attempt.outcome {
        AttemptOutcome::Silent => {
            steps[0].lines.push("It is open, and nothing has been sent on it yet.".to_owned());
        }
        AttemptOutcome::Stopped { step, message, fix, status } => {
            let at = match step {
                AttemptStep::Connection => 0,
                AttemptStep::Request => 1,
                AttemptStep::Accepting => 2,
                AttemptStep::Storing => 3,
            };
            if at > 1 {
                steps[1].done(vec![request(attempt)]);
            }
            if at > 2 {
                steps[2].done(Vec::new());
            }
            let status = in_brackets(status);
            let failed = &mut steps[at];
            failed.state = State::Failed;
            if at == 1 {
                failed.lines.push(request(attempt));
            }
            failed.lines.push(format!("{}{status}", clip(message, 400)));
            failed.fix = clip(fix, 600);
        }
        AttemptOutcome::Stored(stored) => {
            steps[1].done(vec![request(attempt)]);
            accepted(&mut steps[2], attempt, stored);
            if stored.accepted > 0 {
                let n_services = visible(app, &mut steps[3], stored).await;
                better(&mut steps[4], stored, all, n_services);
            }
        }
    }
}

impl Rung {
    fn done(&mut self, lines: Vec<String>) {
        self.state = State::Done;
        self.lines = lines;
    }
}

fn connection(attempt: &Attempt, now: Nanos) -> String {
    let peer = if attempt.peer.is_empty() { "an unknown address" } else { &attempt.peer };
    let client = match attempt.user_agent.is_empty() {
        true => String::new(),
        false => format!(" by {}", clip(&attempt.user_agent, 80)),
    };
    format!("From {peer}{client}, {}.", format::ago(attempt.at, now))
}

fn request(attempt: &Attempt) -> String {
    let protocol = attempt.protocol.map(|protocol| format!(", {protocol}")).unwrap_or_default();
    format!("{}{protocol}.", clip(&attempt.request, 200))
}

fn accepted(rung: &mut Rung, attempt: &Attempt, stored: &StoredAttempt) {
    let what = match (attempt.signal, stored.accepted) {
        (Some("traces"), 1) => "span",
        (Some("traces"), _) => "spans",
        (Some("metrics"), 1) => "data point",
        (Some("metrics"), _) => "data points",
        (_, 1) => "log record",
        _ => "log records",
    };
    if stored.accepted + stored.rejected == 0 {
        rung.state = State::Failed;
        rung.lines.push("Nothing was found in it that could be stored.".to_owned());
        rung.fix = clip(&stored.message, 600);
        return;
    }
    let sdk =
        if stored.sdk.is_empty() { String::new() } else { format!(", SDK {}", written_out(&clip(&stored.sdk, 80))) };
    let again = if stored.duplicate { ", a retry of what was stored before" } else { "" };
    rung.done(vec![format!(
        "{} {what} of {}{sdk}{again}.",
        format::count(stored.accepted),
        written_out(&clip(&stored.service, 80))
    )]);
    if let Some(unnamed) = Unnamed::of(&stored.service, attempt.protocol.unwrap_or_default()) {
        rung.state = State::Warned;
        rung.lines.push("The sender did not name its service.".to_owned());
        rung.fix = unnamed.fix.to_owned();
    }
    if stored.rejected > 0 {
        rung.state = if stored.accepted == 0 { State::Failed } else { State::Warned };
        rung.lines.push(format!("{} were left out.", format::count(stored.rejected)));
    }
    if !stored.message.is_empty() {
        rung.state = if rung.state == State::Done { State::Warned } else { rung.state };
        rung.lines.push(clip(&stored.message, 600));
    }
}

/// Looks whether a query finds what was stored. Gives the number of services in the trace, when it is one.
async fn visible(app: &App, rung: &mut Rung, stored: &StoredAttempt) -> Option<usize> {
    match &stored.example {
        Some(StoredExample::Span(id)) => {
            let found = spans_and_services(app, *id).await;
            match found {
                Some((n_spans, n_services)) => {
                    let spans = if n_spans == 1 { "span" } else { "spans" };
                    let services = if n_services == 1 { "service" } else { "services" };
                    rung.done(vec![format!("A query finds the trace: {n_spans} {spans} of {n_services} {services}.")]);
                    rung.link = Some((PageUrl::new(format!("/traces/{id}")), "Open this trace"));
                    return Some(n_services);
                }
                None => rung.lines.push("No query has found the trace yet.".to_owned()),
            }
        }
        Some(StoredExample::Log { time, trace_id }) => {
            rung.done(vec!["Queries find the log records.".to_owned()]);
            let (from, to) = (format::rfc3339(time - AROUND), format::rfc3339(time + AROUND));
            let url = PageUrl::new("/logs").with("service", &stored.service).with("from", from).with("to", to);
            let url = trace_id.iter().fold(url, |url, id| url.with("trace", id));
            rung.link = Some((url, "Open these log records"));
        }
        Some(StoredExample::Metric(name)) => {
            rung.done(vec![format!("Queries find the metric {}.", written_out(&clip(name, 120)))]);
            rung.link = Some((PageUrl::metric_as_sent(name), "Open this metric"));
        }
        None => rung.done(vec!["What was accepted can be queried.".to_owned()]),
    }
    None
}

async fn spans_and_services(app: &App, id: TraceId) -> Option<(usize, usize)> {
    let found = app.state.engine.run(move |snapshot, budget| trace(snapshot, budget, id)).await;
    let found = found.ok().flatten()?;
    let services: HashSet<&str> = (0..found.spans.len()).map(|index| found.span(index).service).collect();
    Some((found.spans.len(), services.len()))
}

fn better(rung: &mut Rung, stored: &StoredAttempt, all: &[Attempt], n_services: Option<usize>) {
    let same = || {
        all.iter().filter_map(|it| match &it.outcome {
            AttemptOutcome::Stored(other) if other.service == stored.service => Some(other),
            _ => None,
        })
    };
    let mut todo = Vec::new();
    let mut done = Vec::new();
    let mut tell = |is_done: bool, words: &str, otherwise: &str| {
        if is_done { done.push(words.to_owned()) } else { todo.push(otherwise.to_owned()) }
    };
    tell(
        same().any(|it| it.has_version),
        "Its version is known.",
        "Set service.version (OTEL_RESOURCE_ATTRIBUTES=service.version=1.2.3), so that versions can be compared.",
    );
    let logs = || {
        same().filter_map(|it| {
            if let Some(StoredExample::Log { trace_id, .. }) = &it.example { Some(trace_id) } else { None }
        })
    };
    if logs().next().is_none() {
        tell(false, "", "No log records of this service yet: send logs too, and each leads to its trace.");
    } else {
        tell(
            logs().any(Option::is_some),
            "Its log records carry trace ids.",
            "Its log records carry no trace id: log within a span, through the SDK's bridge of the logging library.",
        );
    }
    if let Some(n_services) = n_services {
        tell(
            n_services > 1,
            "Context is propagated: the trace has spans of several services.",
            "The trace has spans of one service. Where it calls another, both must propagate context (the traceparent header).",
        );
    }
    rung.state = if todo.is_empty() { State::Done } else { State::Warned };
    rung.fix = todo.join(" ");
    rung.lines = done;
}

/// ` (HTTP 404)`, or nothing for what had no answer.
fn in_brackets(status: &str) -> String {
    if status.is_empty() { String::new() } else { format!(" ({status})") }
}

/// What kind of mistake an attempt made, roughly: where it stopped and what it was answered with. `None` where something was stored.
fn mistake(attempt: &Attempt) -> Option<(AttemptStep, &str)> {
    match &attempt.outcome {
        AttemptOutcome::Silent => None,
        AttemptOutcome::Stopped { step, status, .. } => Some((*step, status)),
        AttemptOutcome::Stored(stored) => (stored.accepted == 0).then_some((AttemptStep::Accepting, "")),
    }
}

/// The attempts of which nothing was stored, in their order and so many that each kind of mistake has room, and how many more there
/// are.
fn rejected(attempts: &[Attempt]) -> (Vec<&Attempt>, usize) {
    let mut n_of_kinds: HashMap<_, usize> = HashMap::new();
    let mut ranked = Vec::new();
    for (index, attempt) in attempts.iter().enumerate() {
        let Some(kind) = mistake(attempt) else { continue };
        let n = n_of_kinds.entry(kind).or_default();
        ranked.push((*n, index, attempt));
        *n += 1;
    }
    ranked.sort_unstable_by_key(|(n, index, _)| (*n, *index));
    let n_more = ranked.len().saturating_sub(MAX_REJECTED);
    ranked.truncate(MAX_REJECTED);
    ranked.sort_unstable_by_key(|(_, index, _)| *index);
    (ranked.into_iter().map(|(.., attempt)| attempt).collect(), n_more)
}

fn rejected_row(attempt: &Attempt, now: Nanos) -> RejectedRow {
    let (message, fix, status, service) = match &attempt.outcome {
        AttemptOutcome::Silent => ("", "", String::new(), ""),
        AttemptOutcome::Stopped { message, fix, status, .. } => (&**message, &**fix, in_brackets(status), ""),
        // The client took the answer for a success.
        AttemptOutcome::Stored(it) => (&*it.message, "", " (answered with success)".to_owned(), &*it.service),
    };
    let who = [service, &attempt.peer, &attempt.user_agent];
    let who: Vec<String> = who.into_iter().filter(|word| !word.is_empty()).map(|word| clip(word, 80)).collect();
    RejectedRow {
        when: format::ago(attempt.at, now),
        request: clip(&attempt.request, 120),
        message: format!("{}{status}", clip(message, 400)),
        fix: clip(fix, 600),
        who: who.join(" · "),
    }
}
