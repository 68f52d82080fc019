//! `/traces`: the search for traces, as traces, as single spans or as groups of traces of one structure.

mod chosen;
mod differences;
mod found;
mod selected;
mod wanted;
mod without;

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use query::traces::{self, TraceOrder, heatmap};

use crate::app::{App, Problem, page};
use crate::format;
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Choice, Heatmap, Tab};
use crate::shell::Shell;

use super::go;

use chosen::Chosen;
pub(crate) use differences::get as differences;
use found::Found;
use selected::Selected;
use wanted::{LIMITS, Mode, TRACEQL, Wanted};
use without::Chip;

/// How long the list waits for the heatmap, and for what a search without one of its filters would find. A search for several
/// spans reads traces whole.
const PATIENCE: Duration = Duration::from_secs(2);
/// Columns of the heatmap.
const N_TIMES: usize = 120;
const LANGUAGES: [(&str, &str); 2] = [("", "Search"), (TRACEQL, "TraceQL")];

#[derive(Template)]
#[template(path = "traces.html")]
struct TracesPage {
    shell: Shell,
    known_services: Vec<String>,
    q: String,
    service: String,
    operation: String,
    min: String,
    max: String,
    errors_only: bool,
    languages: Vec<Choice>,
    orders: Vec<Choice>,
    limits: Vec<Choice>,
    tabs: Vec<Tab>,
    found: Found,
    /// How many spans match, and when and how long they are.
    n_spans: String,
    heatmap: Option<Heatmap>,
    chosen: Option<Chosen>,
    /// The page without the group whose traces are shown.
    without_group: Option<PageUrl>,
    /// Where the differences are, and what they are of.
    differences: Option<(PageUrl, &'static str)>,
    /// The page with what is different about failed spans.
    compare_failed: Option<PageUrl>,
    /// The page without that.
    without_failed: Option<PageUrl>,
    /// Filters that are set, each with the page without it.
    chips: Vec<Chip>,
    problem: Option<Problem>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

/// `GET /traces`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers);
    if let Some(trace) = go::trace(&shell.url) {
        return go::to(&trace);
    }
    let (wanted, mut problem) = match Wanted::read(&shell) {
        Ok(wanted) => (Some(wanted), None),
        Err(error) => (None, Some(Problem { title: "Filter not understood", text: error, pointer: None })),
    };
    let mode = Mode::of(&shell.url);
    let mut map = traces::Heatmap::default();
    let (mut found, mut warnings, mut notes) = (Found::nothing(mode), Vec::new(), Vec::new());
    if let Some(wanted) = &wanted {
        let counted = wanted.search.clone();
        let counting = app.state.engine.run(move |snapshot, budget| heatmap(snapshot, budget, &counted, N_TIMES));
        let counting = tokio::time::timeout(PATIENCE, counting);
        // Also where something is found: what is not there is unequal to everything.
        let unknown = without::unknown(&app, wanted);
        let (hits, counts, unknown) = tokio::join!(found::search_as(&app, wanted), counting, unknown);
        match hits {
            // The list is worth more than the drawing.
            Ok(hits) => {
                match counts {
                    Ok(Ok(counts)) => map = counts,
                    Ok(Err(error)) => problem = Some(Problem::of(&error, &wanted.search.query)),
                    Err(_) => notes.push(format!(
                        "all matching spans by time and duration would take more than {} s to count; a shorter range is drawn",
                        PATIENCE.as_secs()
                    )),
                }
                (found, warnings) = (Found::new(&app, &shell, wanted, &hits, &map), hits.warnings().to_vec());
                notes.extend_from_slice(hits.notes());
                notes.extend(unknown);
            }
            Err(error) => problem = Some(Problem::of(&error, &wanted.search.query)),
        }
    }
    for warning in map.warnings.iter().filter(|warning| !warnings.contains(warning)).cloned().collect::<Vec<_>>() {
        warnings.push(warning);
    }
    let chosen = wanted.as_ref().and_then(|wanted| wanted.chosen.clone());
    let chips = match &wanted {
        Some(wanted) if found.is_empty() && problem.is_none() => without::chips(&app, &shell, wanted).await,
        _ => Vec::new(),
    };
    let url = &shell.url;
    let selected = Selected::read(url);
    let is_any = selected != Selected::Box || chosen.is_some();
    let differences = (is_any && problem.is_none() && map.n_spans > 0)
        .then(|| (url.at_path("/traces/differences"), selected.title()));
    let can_compare = differences.is_none() && 0 < map.n_errors && map.n_errors < map.n_spans;
    page(
        StatusCode::OK,
        &TracesPage {
            known_services: app.known_services(),
            q: url.get("q").to_owned(),
            service: url.get("service").to_owned(),
            operation: url.get("operation").to_owned(),
            min: url.get("min").to_owned(),
            max: url.get("max").to_owned(),
            errors_only: !url.get("errors").is_empty(),
            languages: choices(LANGUAGES, url.get("lang")),
            orders: choices(
                mode.orders().iter().map(|(order, words)| (order.name(), *words)),
                wanted.as_ref().map_or(TraceOrder::Newest, |wanted| wanted.search.order).name(),
            ),
            limits: choices(
                LIMITS.map(|limit| (limit.to_string(), limit.to_string())),
                &wanted.as_ref().map_or(LIMITS[0], |wanted| wanted.search.limit).to_string(),
            ),
            tabs: mode.tabs(url),
            found,
            n_spans: spans_in_words(&map),
            heatmap: Heatmap::new(&map, url, chosen.as_ref().map(|it| it.selection)),
            compare_failed: can_compare.then(|| url.with("diff", "errors")),
            without_failed: (selected != Selected::Box && differences.is_some()).then(|| url.without("diff")),
            differences,
            without_group: (!url.get("group").is_empty()).then(|| url.without("group")),
            chosen,
            chips,
            problem,
            warnings,
            notes,
            shell,
        },
    )
}

fn choices(all: impl IntoIterator<Item = (impl ToString, impl ToString)>, chosen: &str) -> Vec<Choice> {
    let choice = |(value, words): (_, _)| {
        let value = ToString::to_string(&value);
        Choice { is_chosen: value == chosen, words: ToString::to_string(&words), value }
    };
    all.into_iter().map(choice).collect()
}

fn spans_in_words(map: &traces::Heatmap) -> String {
    let at_least = if map.truncated { "At least " } else { "" };
    let noun = if map.n_spans == 1 { "matching span" } else { "matching spans" };
    let failed = if map.n_errors > 0 { format!(", {} failed", format::count(map.n_errors)) } else { String::new() };
    format!("{at_least}{} {noun}{failed}", format::count(map.n_spans))
}
