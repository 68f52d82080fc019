//! `/traces/compare?a=ID&b=ID`: two traces held against each other; `b=typical` for the one in the middle of those with the same
//! root. First in sentences, by what they say of the difference in time, then path by path.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::{Nanos, TraceId};
use query::traces::{Trace, alike, trace, typical};

use crate::app::{App, Problem, page};
use crate::comparison::{Path, Side, compare};
use crate::format::{self, Stamp};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{DurationBar, Name, ServiceTag};
use crate::shell::Shell;

/// Lines of the table.
const MAX_PATHS: usize = 1_000;
const MAX_SENTENCES: usize = 12;
/// A sentence says at least this share of the longer trace.
const LEAST_SHARE: f64 = 0.01;
/// Deeper rows are not indented further.
const MAX_INDENT: usize = 30;
#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    shell: Shell,
    a: String,
    b: String,
    problem: Option<Problem>,
    found: Option<Found>,
}

struct Found {
    /// Of A and of B.
    heads: [(&'static str, Head); 2],
    /// In words, which takes longer.
    verdict: String,
    swapped: PageUrl,
    sentences: Vec<Sentence>,
    rows: Vec<Row>,
    n_more: usize,
}

struct Head {
    href: PageUrl,
    service: ServiceTag,
    name: Name,
    start: Stamp,
    duration: String,
    n_spans: String,
    n_errors: usize,
}

struct Sentence {
    difference: String,
    is_slower: bool,
    service: ServiceTag,
    name: Name,
    words: String,
}

struct Row {
    service: ServiceTag,
    name: Name,
    depth: usize,
    change: &'static str,
    /// In A and in B.
    sides: [Option<Cell>; 2],
    difference: String,
    is_slower: bool,
}

struct Cell {
    n_spans: usize,
    n_errors: usize,
    total: String,
    bar: DurationBar,
}

/// `GET /traces/compare`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let (a, b) = ids(&shell.url);
    let (found, problem) = match (TraceId::parse(&a), read_second(&b)) {
        (Some(first), Some(second)) => {
            let (app_there, context, url) = (app.clone(), shell.link(""), shell.url.clone());
            let found = app.state.engine.run(move |snapshot, budget| {
                let missing = |id: TraceId| Ok(Err(format!("no span of the trace {id} is stored")));
                let Some(a) = trace(snapshot, budget, first)? else { return missing(first) };
                let second = match second {
                    Second::Trace(id) => Some(id),
                    Second::Typical => typical(&alike(snapshot, budget, &a)?.traces).map(|it| it.trace_id),
                };
                let Some(second) = second else {
                    return Ok(Err("no other trace with the same root starts within six hours of it".to_owned()));
                };
                let Some(b) = trace(snapshot, budget, second)? else { return missing(second) };
                Ok(Ok(Found::new(&app_there, &context, &url, &a, &b)))
            });
            match found.await {
                Ok(Ok(found)) => (Some(found), None),
                Ok(Err(text)) => (None, Some(Problem { title: "Nothing to compare", text, pointer: None })),
                Err(error) => (None, Some(Problem::of(&error, ""))),
            }
        }
        _ if a.is_empty() && b.is_empty() => (None, None),
        _ => {
            let text = "two trace ids of up to 32 hex digits are expected; the second may be `typical`".to_owned();
            (None, Some(Problem { title: "Not a trace id", text, pointer: None }))
        }
    };
    page(StatusCode::OK, &ComparePage { a, b, problem, found, shell })
}

/// The ids of the address: `a` and `b`, or the first two that were ticked in a list, each as `t`.
fn ids(url: &PageUrl) -> (String, String) {
    let mut ticked = url.all("t").map(str::to_owned);
    let mut given = |key: &str| match url.get(key) {
        "" => ticked.next().unwrap_or_default(),
        id => id.trim().to_owned(),
    };
    (given("a"), given("b"))
}

enum Second {
    Trace(TraceId),
    Typical,
}

fn read_second(text: &str) -> Option<Second> {
    match text {
        "typical" => Some(Second::Typical),
        id => TraceId::parse(id).map(Second::Trace),
    }
}

impl Found {
    fn new(app: &App, context: &PageUrl, url: &PageUrl, a: &Trace, b: &Trace) -> Self {
        let paths = compare(a, b);
        let longer = a.duration().max(b.duration()).max(1);
        let widest = paths.iter().flat_map(|path| [path.a, path.b]).flatten().map(|side| side.total).max().unwrap_or(1);
        let row = |path: &Path<'_>| row(app, path, widest.max(1));
        let (first, second) = (a.trace_id.to_string(), b.trace_id.to_string());
        Found {
            heads: [("A", head(app, context, a)), ("B", head(app, context, b))],
            verdict: verdict(a.duration(), b.duration()),
            swapped: url.without("t").with("a", second).with("b", first),
            sentences: sentences(app, &paths, longer),
            rows: paths.iter().take(MAX_PATHS).map(row).collect(),
            n_more: paths.len().saturating_sub(MAX_PATHS),
        }
    }
}

fn verdict(a: Nanos, b: Nanos) -> String {
    let difference = format::duration((b - a).abs());
    match b.cmp(&a) {
        std::cmp::Ordering::Equal => "Both take the same time.".to_owned(),
        std::cmp::Ordering::Greater => format!("B takes {difference} longer than A."),
        std::cmp::Ordering::Less => format!("B takes {difference} less than A."),
    }
}

fn head(app: &App, context: &PageUrl, trace: &Trace) -> Head {
    let root = trace.span(trace.root());
    Head {
        href: super::trace::link(context, trace.trace_id),
        service: app.service(root.service),
        name: Name::new(root.name, 120),
        start: Stamp::full(trace.start),
        duration: format::duration(trace.duration()),
        n_spans: format::count(trace.spans.len() as u64),
        n_errors: trace.n_errors,
    }
}

/// The paths that say most of the difference, the largest first.
fn sentences(app: &App, paths: &[Path<'_>], longer: Nanos) -> Vec<Sentence> {
    let worth_saying = |path: &&Path<'_>| path.difference().abs() as f64 >= longer as f64 * LEAST_SHARE;
    let mut said: Vec<&Path<'_>> = paths.iter().filter(worth_saying).collect();
    said.sort_by_key(|path| std::cmp::Reverse(path.difference().abs()));
    let sentence = |path: &&Path<'_>| Sentence {
        difference: signed(path.difference()),
        is_slower: path.difference() > 0,
        service: app.service(path.service),
        name: Name::new(path.name, 120),
        words: in_words(path),
    };
    said.iter().take(MAX_SENTENCES).map(sentence).collect()
}

/// What has changed besides the time.
fn in_words(path: &Path<'_>) -> String {
    let times = |n: usize| if n == 1 { "once".to_owned() } else { format!("{} times", format::count(n as u64)) };
    match (path.a, path.b) {
        (Some(a), Some(b)) => {
            let mut words = Vec::new();
            if a.n_spans != b.n_spans {
                words.push(format!("{} instead of {}", times(b.n_spans), times(a.n_spans)));
            }
            if a.n_errors != b.n_errors {
                words.push(format!("{} failed instead of {}", b.n_errors, a.n_errors));
            }
            words.join(", ")
        }
        (None, Some(b)) => format!("only in B, {}", times(b.n_spans)),
        (Some(a), None) => format!("only in A, {}", times(a.n_spans)),
        (None, None) => String::new(),
    }
}

fn signed(difference: Nanos) -> String {
    match difference {
        0 => String::new(),
        slower @ 1.. => format!("+{}", format::duration(slower)),
        faster => format!("−{}", format::duration(faster.saturating_neg())),
    }
}

fn row(app: &App, path: &Path<'_>, widest: Nanos) -> Row {
    let slot = app.slot(path.service);
    let cell = |side: Side| Cell {
        n_spans: side.n_spans,
        n_errors: side.n_errors,
        total: format::duration(side.total),
        bar: DurationBar::new(0.0, side.total as f64 / widest as f64, slot, side.n_errors > 0),
    };
    Row {
        service: app.service(path.service),
        name: Name::new(path.name, 160),
        depth: path.depth.min(MAX_INDENT),
        change: match (path.a, path.b) {
            (None, _) => "only in B",
            (_, None) => "only in A",
            _ => "",
        },
        sides: [path.a.map(cell), path.b.map(cell)],
        difference: signed(path.difference()),
        is_slower: path.difference() > 0,
    }
}
