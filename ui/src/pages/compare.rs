//! `/traces/compare?a=…&b=…`: two traces held against each other, or groups of traces, of which the medians are. First in
//! sentences, by what they say of the difference in time, then as one flame graph, then path by path, side by side.

mod views;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use query::traces::{Cause, Side, Wanted, sides};

use crate::app::{App, Problem, page};
use crate::comparison::{Change, Path, Tree, UnionFlame, compare};
use crate::format;
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::shell::Shell;

use views::{Head, Row, Sentence, head, row, sentences, verdict};

/// Lines of the table.
const MAX_PATHS: usize = 1_000;

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
    flame: UnionFlame,
    /// How long the axis of the bars is.
    longer: String,
    /// How many paths were added, and so on, in words.
    counts: Vec<String>,
    /// Whether the table has differences alone, and the page where it is the other way round.
    only_changed: bool,
    toggled: PageUrl,
    rows: Vec<Row>,
    n_more: usize,
    warnings: Vec<String>,
}

/// `GET /traces/compare`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let mut shell = Shell::new(&app, &uri, &headers);
    let (a, b) = ids(&shell.url);
    let wanted = (Wanted::parse(&a), Wanted::parse(&b));
    // Only a query is about a range.
    if ![&wanted.0, &wanted.1].iter().any(|side| matches!(side, Some(Wanted::Matching(_)))) {
        shell = shell.without_range();
    }
    let (found, problem) = match wanted {
        (Some(first), Some(second)) => {
            let (app_there, context, url) = (app.clone(), shell.link(""), shell.url.clone());
            let (range, texts) = (shell.range.times, (a.clone(), b.clone()));
            let found = app.state.engine.run(move |snapshot, budget| {
                let found = sides(snapshot, budget, (&first, &second), range)?;
                Ok(found.map(|sides| Found::new(&app_there, &context, &url, (&texts.0, &texts.1), &sides)))
            });
            match found.await {
                Ok(Ok(found)) => (Some(found), None),
                Ok(Err(Cause::Query(error, text))) => (None, Some(Problem::of(&error, &text))),
                Ok(Err(Cause::Nothing(text))) => {
                    (None, Some(Problem { title: "Nothing to compare", text, pointer: None }))
                }
                Err(error) => (None, Some(Problem::of(&error, ""))),
            }
        }
        (None, None) => (None, None),
        (first, _) => {
            let letter = if first.is_none() { "A" } else { "B" };
            let text = format!("{letter} is missing: a trace id, `typical`, `group`, or a search for traces");
            (None, Some(Problem { title: "Nothing to compare", text, pointer: None }))
        }
    };
    page(StatusCode::OK, &ComparePage { a, b, problem, found, shell })
}

/// What the address names: `a` and `b`, or the first two that were ticked in a list, each as `t`.
fn ids(url: &PageUrl) -> (String, String) {
    let mut ticked = url.all("t").map(str::to_owned);
    let mut given = |key: &str| match url.get(key) {
        "" => ticked.next().unwrap_or_default(),
        id => id.trim().to_owned(),
    };
    (given("a"), given("b"))
}

impl Found {
    fn new(app: &App, context: &PageUrl, url: &PageUrl, texts: (&str, &str), sides: &[Side; 2]) -> Self {
        let [a, b] = sides;
        let (tree_a, tree_b) = (Tree::new(&a.traces), Tree::new(&b.traces));
        let longer = a.duration().max(b.duration()).max(1);
        let paths = compare(&tree_a, &tree_b, longer);
        let only_changed = url.get("only") == "changed";
        let listed = || paths.iter().filter(|path| !only_changed || path.change != Change::Alike);
        let url = url.without("t").with("a", texts.0).with("b", texts.1);
        let warnings = sides.iter().flat_map(|side| side.warnings.iter().cloned()).collect();
        Found {
            heads: [("A", head(app, context, a)), ("B", head(app, context, b))],
            verdict: verdict(a.duration(), b.duration()),
            swapped: url.with("a", texts.1).with("b", texts.0),
            sentences: sentences(app, &paths, sides, longer),
            flame: UnionFlame::new(&paths),
            longer: format::duration(longer),
            counts: counts(&paths),
            only_changed,
            toggled: if only_changed { url.without("only") } else { url.with("only", "changed") },
            rows: listed().take(MAX_PATHS).map(|path| row(app, context, path, sides, longer)).collect(),
            n_more: listed().count().saturating_sub(MAX_PATHS),
            warnings,
        }
    }
}

fn counts(paths: &[Path<'_>]) -> Vec<String> {
    let all = [Change::Slower, Change::Faster, Change::Added, Change::Removed, Change::Alike];
    let counted = all.into_iter().map(|change| (change, paths.iter().filter(|path| path.change == change).count()));
    let words = |(change, n): (Change, usize)| format!("{} {}", format::count(n as u64), change.name());
    counted.filter(|(_, n)| *n > 0).map(words).collect()
}
