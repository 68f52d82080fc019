//! `/logs`: the search for log records, newest first.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::{Nanos, TimeRange, TraceId};
use query::logs::{LogHistogram, LogHits, LogSearch, SeverityClass, histogram, search};

use crate::app::{App, Problem, page};
use crate::format::{self, Stamp, clip};
use crate::icon::Icon;
use crate::log_view::{LogView, severity_class};
use crate::page_url::PageUrl;
use crate::parts::{Bar, Choice, Histogram};
use crate::range::{self, Rounding};
use crate::shell::Shell;

/// Records on one page.
const PAGE: usize = 100;
const BARS: usize = 72;
/// What the severity filter offers: `severity` in the address, words, smallest number.
const SEVERITIES: [(&str, &str, u8); 5] = [
    ("", "Any severity", 0),
    ("debug", "Debug and up", 5),
    ("info", "Info and up", 9),
    ("warn", "Warn and up", 13),
    ("error", "Error and up", 17),
];

#[derive(Template)]
#[template(path = "logs.html")]
struct LogsPage {
    shell: Shell,
    known_services: Vec<String>,
    q: String,
    service: String,
    severities: Vec<Choice>,
    trace_id: String,
    logs: Vec<LogView>,
    total: String,
    histogram: Option<Histogram>,
    older: Option<PageUrl>,
    /// Records newer than this are on a page before.
    before: Option<Stamp>,
    newest: PageUrl,
    chips: Vec<(String, PageUrl)>,
    problem: Option<Problem>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

/// `GET /logs`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers);
    let before = range::parse(shell.url.get("before"), shell.now, Rounding::Up).ok();
    let before = before.filter(|before| shell.range.times.contains(*before));
    let (found, problem) = match read(&shell) {
        Ok(whole) => {
            let text = whole.query.clone();
            let run = app.state.engine.run(move |snapshot, budget| {
                let end = before.unwrap_or(whole.range.end);
                let page = LogSearch { range: TimeRange::new(whole.range.start, end), ..whole.clone() };
                // One more than is shown says whether there are older ones.
                let hits = search(snapshot, budget, &LogSearch { limit: PAGE + 1, ..page })?;
                Ok((hits, histogram(snapshot, budget, &whole, BARS, true)?))
            });
            match run.await {
                Ok((hits, histogram)) => (Some((hits, histogram)), None),
                Err(error) => (None, Some(Problem::of(&error, &text))),
            }
        }
        Err(error) => (None, Some(Problem::parameter(error))),
    };
    let is_searched = found.is_some();
    let (hits, counts) = found.unwrap_or_default();
    let (n_shown, next_end) = cut(&hits);
    let older = next_end.map(|end| shell.url.with("before", format::rfc3339(end)));
    let context = shell.link("");
    let logs = hits.records.iter().take(n_shown).map(|row| LogView::new(&app, row, &context)).collect();
    let mut warnings = hits.warnings;
    for warning in &counts.warnings {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    let at_least = if counts.truncated { "at least " } else { "" };
    let noun = if counts.n_total == 1 { "record" } else { "records" };
    page(
        StatusCode::OK,
        &LogsPage {
            known_services: app.known_services(),
            q: shell.url.get("q").to_owned(),
            service: shell.url.get("service").to_owned(),
            severities: SEVERITIES
                .map(|(value, words, _)| Choice {
                    value: value.to_owned(),
                    words: words.to_owned(),
                    is_chosen: value == shell.url.get("severity"),
                })
                .into(),
            trace_id: shell.url.get("trace").to_owned(),
            total: format!("{at_least}{} {noun}", format::count(counts.n_total)),
            histogram: is_searched.then(|| bars(&shell, &counts)),
            logs,
            older,
            before: before.map(Stamp::clock),
            newest: shell.url.without("before"),
            chips: chips(&shell),
            problem,
            warnings,
            notes: hits.notes,
            shell,
        },
    )
}

fn read(shell: &Shell) -> Result<LogSearch, String> {
    let url = &shell.url;
    let trace_id = match url.get("trace") {
        "" => None,
        text => Some(TraceId::parse(text).ok_or("a trace id has up to 32 hex digits")?),
    };
    let severity = SEVERITIES.iter().find(|(word, ..)| *word == url.get("severity")).map_or(0, |it| it.2);
    Ok(LogSearch {
        query: url.get("q").to_owned(),
        service: Some(url.get("service")).filter(|name| !name.is_empty()).map(str::to_owned),
        min_severity: (severity > 0).then_some(severity),
        trace_id,
        ..LogSearch::new(shell.range.times)
    })
}

/// How many of the records go on this page, and the end of the range of the next page, which starts below a time.
///
/// Records that share their time with the first one left out go there with it, so that none is missed; only when they
/// fill a whole page are the rest of them skipped.
fn cut(hits: &LogHits) -> (usize, Option<Nanos>) {
    let Some(next) = hits.records.get(PAGE) else { return (hits.records.len(), None) };
    match hits.records.partition_point(|record| record.time > next.time) {
        0 => (PAGE, Some(next.time)),
        n_newer => (n_newer, Some(next.time.saturating_add(1))),
    }
}

fn bars(shell: &Shell, counts: &LogHistogram) -> Histogram {
    let bars = counts.buckets.iter().map(|bucket| {
        let end = bucket.start.saturating_add(counts.width);
        let parts = SeverityClass::ALL.map(|class| (severity_class(class), class.name(), bucket.count(class)));
        Bar { start: bucket.start, end, href: shell.at(bucket.start, end), parts: parts.to_vec() }
    });
    Histogram::new(bars.collect(), shell.range.times, "records")
}

fn chips(shell: &Shell) -> Vec<(String, PageUrl)> {
    let words = [("q", ""), ("service", "service "), ("severity", "severity "), ("trace", "trace ")];
    let set = words.into_iter().filter(|(key, _)| !shell.url.get(key).is_empty());
    set.map(|(key, word)| {
        (clip(&format!("{word}{}", shell.url.get(key)), 60), shell.url.without(key).without("before"))
    })
    .collect()
}
