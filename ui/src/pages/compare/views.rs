//! What the page of a comparison shows.

use model::Nanos;
use query::traces::Side;

use crate::app::App;
use crate::comparison::{self, Change, Path};
use crate::format::{self, Stamp};
use crate::page_url::PageUrl;
use crate::pages::trace::link;
use crate::parts::{DurationBar, Name, ServiceTag};

const MAX_SENTENCES: usize = 12;
/// A sentence says at least this share of the longer trace.
const LEAST_SHARE: f64 = 0.01;
/// Deeper rows are not indented further.
const MAX_INDENT: usize = 30;

pub(super) struct Head {
    /// Of one trace.
    pub(super) href: Option<PageUrl>,
    pub(super) service: Option<ServiceTag>,
    pub(super) name: Name,
    pub(super) start: Option<Stamp>,
    /// How many traces there are, of a group.
    pub(super) n_traces: Option<String>,
    pub(super) duration: String,
    /// Where the middle half of a group is.
    pub(super) middle: String,
    pub(super) n_spans: String,
    pub(super) n_errors: usize,
    /// What the errors are counted in, of a group.
    pub(super) of_errors: &'static str,
}

pub(super) struct Sentence {
    pub(super) difference: String,
    pub(super) is_slower: bool,
    pub(super) service: ServiceTag,
    pub(super) name: Name,
    pub(super) words: String,
}

pub(super) struct Row {
    pub(super) service: ServiceTag,
    pub(super) name: Name,
    pub(super) depth: usize,
    /// In a word, and more of it in a sentence; empty where nothing changed.
    pub(super) change: &'static str,
    pub(super) title: &'static str,
    /// In A and in B.
    pub(super) sides: [Option<Cell>; 2],
    pub(super) difference: String,
    pub(super) is_slower: bool,
}

pub(super) struct Cell {
    pub(super) href: PageUrl,
    /// Whether a step to the next difference goes here.
    pub(super) is_step: bool,
    pub(super) n_spans: usize,
    /// What else there is to say.
    pub(super) notes: Vec<String>,
    pub(super) failed: String,
    pub(super) total: String,
    pub(super) bar: DurationBar,
}

pub(super) fn verdict(a: Nanos, b: Nanos) -> String {
    let difference = format::duration(b.saturating_sub(a).saturating_abs());
    match b.cmp(&a) {
        std::cmp::Ordering::Equal => "Both take the same time.".to_owned(),
        std::cmp::Ordering::Greater => format!("B takes {difference} longer than A."),
        std::cmp::Ordering::Less => format!("B takes {difference} less than A."),
    }
}

pub(super) fn head(app: &App, context: &PageUrl, side: &Side) -> Head {
    let first = &side.traces[0];
    let root = &first.spans[first.root()];
    let (service, name) = (app.service(&first.services[root.service].service), first.names[root.name].as_str());
    let duration = format::duration(side.duration());
    let mut n_spans: Vec<usize> = side.traces.iter().map(|trace| trace.spans.len()).collect();
    n_spans.sort_unstable();
    let n_spans = format::count(n_spans[(n_spans.len() - 1) / 2] as u64);
    match &side.query {
        None => Head {
            href: Some(link(context, first.trace_id)),
            service: Some(service),
            name: Name::new(name, 120),
            start: Some(Stamp::full(first.start)),
            n_traces: None,
            duration,
            middle: String::new(),
            n_spans,
            n_errors: first.n_errors,
            of_errors: "",
        },
        Some(query) => Head {
            href: None,
            service: query.is_empty().then_some(service),
            name: if query.is_empty() { Name::new(name, 120) } else { Name::new(query, 200) },
            start: None,
            n_traces: Some(format::count(side.traces.len() as u64)),
            duration,
            middle: middle((side.quarter(1), side.quarter(3))),
            n_spans,
            n_errors: side.traces.iter().filter(|trace| trace.n_errors > 0).count(),
            of_errors: "of the traces",
        },
    }
}

/// Where the middle half of durations is; empty when they are equal.
fn middle((from, to): (Nanos, Nanos)) -> String {
    if from == to {
        return String::new();
    }
    format!("half of them {} to {}", format::duration(from), format::duration(to))
}

/// The paths that say most of the difference, the largest first.
pub(super) fn sentences(app: &App, paths: &[Path<'_>], sides: &[Side; 2], longer: Nanos) -> Vec<Sentence> {
    let worth_saying = |path: &&Path<'_>| path.difference().saturating_abs() as f64 >= longer as f64 * LEAST_SHARE;
    let mut said: Vec<&Path<'_>> = paths.iter().filter(worth_saying).collect();
    said.sort_by_key(|path| std::cmp::Reverse(path.difference().saturating_abs()));
    let sentence = |path: &&Path<'_>| Sentence {
        difference: signed(path.difference()),
        is_slower: path.difference() > 0,
        service: app.service(path.service),
        name: Name::new(path.name, 120),
        words: in_words(path, sides),
    };
    said.iter().take(MAX_SENTENCES).map(sentence).collect()
}

/// What has changed besides the time.
fn in_words(path: &Path<'_>, sides: &[Side; 2]) -> String {
    let times = |n: usize| if n == 1 { "once".to_owned() } else { format!("{} times", format::count(n as u64)) };
    let mut words = match (path.a, path.b) {
        (Some(a), Some(b)) => {
            let mut words = Vec::new();
            if a.n_spans != b.n_spans {
                words.push(format!("{} instead of {}", times(b.n_spans), times(a.n_spans)));
            }
            if a.n_errors != b.n_errors {
                words.push(format!("{} failed instead of {}", b.n_errors, a.n_errors));
            }
            words
        }
        (None, Some(b)) => vec!["only in B".to_owned(), times(b.n_spans)],
        (Some(a), None) => vec!["only in A".to_owned(), times(a.n_spans)],
        (None, None) => Vec::new(),
    };
    for (letter, side, of) in [("A", path.a, &sides[0]), ("B", path.b, &sides[1])] {
        let Some(side) = side else { continue };
        words.extend(presence(&side, of.traces.len()).map(|share| format!("in {share} of {letter}")));
    }
    words.join(", ")
}

/// In what share of a group a path is; `None` when in all of it.
fn presence(side: &comparison::Side, of_traces: usize) -> Option<String> {
    (side.n_traces < of_traces).then(|| format::percent(side.n_traces as f64 / of_traces as f64))
}

fn signed(difference: Nanos) -> String {
    match difference {
        0 => String::new(),
        slower @ 1.. => format!("+{}", format::duration(slower)),
        faster => format!("−{}", format::duration(faster.saturating_neg())),
    }
}

/// The line of a path; both bars are on the scale of the `longer` of the two.
pub(super) fn row(app: &App, context: &PageUrl, path: &Path<'_>, sides: &[Side; 2], longer: Nanos) -> Row {
    let slot = app.slot(path.service);
    let changed = path.change != Change::Alike;
    let cell = |side: comparison::Side, of: &Side, is_step: bool| {
        let of_longer = |time: Nanos| time as f64 / longer.max(1) as f64;
        let (trace_id, span_id) = side.example;
        let is_group = of.query.is_some();
        let mut notes: Vec<String> =
            presence(&side, of.traces.len()).map(|share| format!("in {share}")).into_iter().collect();
        if is_group && side.middle.0 < side.middle.1 {
            notes.push(format!("{} to {}", format::duration(side.middle.0), format::duration(side.middle.1)));
        }
        Cell {
            href: link(context, trace_id).with("span", span_id),
            is_step,
            n_spans: side.n_spans,
            notes,
            failed: match side.n_failing {
                0 => String::new(),
                n if is_group => format!("{} failed", format::percent(n as f64 / side.n_traces as f64)),
                _ => format!("{} failed", side.n_errors),
            },
            total: format::duration(side.total),
            bar: DurationBar::new(of_longer(side.first), of_longer(side.last - side.first), slot, side.n_failing > 0),
        }
    };
    Row {
        service: app.service(path.service),
        name: Name::new(path.name, 160),
        depth: path.depth.min(MAX_INDENT),
        change: if path.change == Change::Alike { "" } else { path.change.name() },
        title: match (path.change, path.is_between) {
            (Change::Added, true) => "Only in B; what is below it is in both",
            (Change::Removed, true) => "Only in A; what is below it is in both",
            (Change::Added, false) => "Only in B",
            (Change::Removed, false) => "Only in A",
            (Change::Slower, _) => "Takes longer in B",
            (Change::Faster, _) => "Takes less time in B",
            (Change::Alike, _) => "",
        },
        sides: [
            path.a.map(|side| cell(side, &sides[0], changed && path.b.is_none())),
            path.b.map(|side| cell(side, &sides[1], changed)),
        ],
        difference: signed(path.difference()),
        is_slower: path.difference() > 0,
    }
}
