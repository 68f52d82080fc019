//! `/metrics`: every metric there is, and a PromQL query drawn over the range.

mod views;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::time::{MILLISECOND, SECOND};
use model::{Nanos, TimeRange};
use query::promql::{self, Labels, Limits, MatrixSeries, Metadata, PromqlError, QueryResult, QueryValue, Source};
use query::{Budget, QueryError};

use crate::app::{App, Problem, page};
use crate::format::{self, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Chart, Line, Tab, seconds, written_out};
use crate::shell::Shell;

use views::View;

/// Steps of a chart, at most.
const STEPS: i64 = 240;
/// Lines drawn; of the rest the page says how many they are.
const MAX_LINES: usize = 60;
/// Metrics in the list.
const MAX_METRICS: usize = 3_000;
/// Labels offered for grouping.
const MAX_LABELS: usize = 24;
const MAX_LABEL_TEXT: usize = 300;

#[derive(Template)]
#[template(path = "metrics.html")]
struct MetricsPage {
    shell: Shell,
    metrics: Vec<Item>,
    n_more_metrics: usize,
    metric: String,
    about: Option<Metadata>,
    views: Vec<Tab>,
    groups: Vec<Group>,
    query: String,
    chart: Option<Chart>,
    rows: Vec<Row>,
    n_more_lines: usize,
    step: String,
    notes: Vec<String>,
    warnings: Vec<String>,
    problem: Option<Problem>,
}

/// A metric of the list.
struct Item {
    name: String,
    href: PageUrl,
    kind: &'static str,
    unit: String,
    help: String,
    is_current: bool,
}

/// A label to group by.
struct Group {
    name: String,
    href: PageUrl,
    is_chosen: bool,
}

/// A line of the chart in numbers.
struct Row {
    slot: usize,
    label: String,
    last: String,
    min: String,
    max: String,
    mean: String,
}

/// What is asked of the engine for one page.
struct Asked {
    metric: String,
    view: String,
    by: Vec<String>,
    query: String,
    range: TimeRange,
    step: Nanos,
}

/// What comes back.
struct Found {
    /// The metric that is shown; empty when a query is.
    metric: String,
    metrics: Vec<(String, Vec<Metadata>)>,
    labels: Vec<String>,
    view: Option<View>,
    query: String,
    result: Option<Result<QueryResult, PromqlError>>,
}

/// `GET /metrics`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers);
    let range = shell.range.times;
    let step = step(range);
    let asked = Asked {
        metric: shell.url.get("metric").to_owned(),
        view: shell.url.get("view").to_owned(),
        by: shell.url.all("by").filter(|label| !label.is_empty()).take(8).map(str::to_owned).collect(),
        query: shell.url.get("q").to_owned(),
        range,
        step,
    };
    let by = asked.by.clone();
    let run = app.state.engine.run(move |snapshot, budget| ask(&Source::store(snapshot.clone()), budget, &asked));
    let (found, mut problem) = match run.await {
        Ok(found) => (found, None),
        Err(error) => (Found::none(), Some(Problem::of(&error, ""))),
    };
    let metric = found.metric.clone();
    let about = found.metrics.iter().find(|(name, _)| *name == metric).and_then(|(_, about)| about.first().cloned());
    let unit = match (&found.view, &about) {
        (Some(view), Some(about)) => view.unit(&about.unit),
        _ => String::new(),
    };
    let (mut chart, mut rows, mut n_more_lines) = (None, Vec::new(), 0);
    let (mut notes, mut warnings) = (Vec::new(), Vec::new());
    match found.result {
        None => {}
        Some(Err(error)) => {
            problem =
                Some(Problem { title: "Query not understood", text: clip(&error.to_string(), 2_000), pointer: None });
        }
        Some(Ok(result)) => {
            (notes, warnings) = (result.infos, result.warnings);
            let mut series = matrix(result.value);
            let has_histograms = series.iter().any(|one| !one.histograms.is_empty());
            if has_histograms {
                notes.push("some results are histograms, which are not drawn: wrap them in histogram_quantile or histogram_avg".to_owned());
            }
            series.retain(|one| !one.floats.is_empty());
            n_more_lines = series.len().saturating_sub(MAX_LINES);
            // The largest lines stay when not all are drawn.
            series.sort_by(|a, b| last(b).total_cmp(&last(a)));
            series.truncate(MAX_LINES);
            rows = series.iter().enumerate().map(|(i, one)| row(i, one, &unit, &found.query)).collect();
            if !series.is_empty() {
                chart = Some(draw(&series, &rows, range, step, unit));
            }
        }
    }
    let base = shell.url.without("q").without("view").without("by");
    let metrics = found.metrics.iter().take(MAX_METRICS).map(|(name, about)| {
        let about = about.first();
        Item {
            href: base.with("metric", name),
            kind: about.map_or("", |about| about.kind),
            unit: about.map_or(String::new(), |about| clip(&about.unit, 20)),
            help: about.map_or(String::new(), |about| clip(&about.help, 200)),
            is_current: *name == metric,
            name: written_out(&clip(name, 200)),
        }
    });
    let metrics: Vec<Item> = metrics.collect();
    let views = about.as_ref().map_or(&[][..], |about| views::of_kind(about.kind));
    let views = views.iter().map(|view| Tab {
        words: view.words(),
        href: shell.url.without("q").with("view", view.name()),
        is_current: found.view == Some(*view),
        n: None,
    });
    let groups = found.labels.into_iter().take(MAX_LABELS).map(|name| {
        let is_chosen = by.contains(&name);
        Group { href: grouped(&shell.url, &by, &name, is_chosen), name, is_chosen }
    });
    let (views, groups) = (views.collect(), groups.collect());
    page(
        StatusCode::OK,
        &MetricsPage {
            n_more_metrics: found.metrics.len().saturating_sub(metrics.len()),
            metrics,
            metric,
            about,
            views,
            groups,
            query: found.query,
            chart,
            rows,
            n_more_lines,
            step: format::duration(step),
            notes,
            warnings,
            problem,
            shell,
        },
    )
}

impl Found {
    fn none() -> Self {
        Found {
            metric: String::new(),
            metrics: Vec::new(),
            labels: Vec::new(),
            view: None,
            query: String::new(),
            result: None,
        }
    }
}

/// What the page shows before a metric is chosen: how long requests take, else the first metric.
fn first_metric(metrics: &[(String, Vec<Metadata>)]) -> String {
    let usual = ["http_server_request_duration_seconds", "rpc_server_call_duration_seconds"];
    let known = usual.into_iter().find(|wanted| metrics.iter().any(|(name, _)| name == wanted));
    known.map(str::to_owned).or_else(|| metrics.first().map(|(name, _)| name.clone())).unwrap_or_default()
}

fn ask(source: &Source, budget: &Budget, asked: &Asked) -> Result<Found, QueryError> {
    let limits = Limits { budget: budget.clone(), ..Limits::default() };
    let mut found = Found { metrics: promql::metadata(source, None).items, ..Found::none() };
    found.metric = match asked {
        Asked { metric, query, .. } if !metric.is_empty() || !query.is_empty() => metric.clone(),
        _ => first_metric(&found.metrics),
    };
    let metric = found.metric.clone();
    let about = found.metrics.iter().find(|(name, _)| *name == metric).and_then(|(_, about)| about.first());
    if let Some(about) = about {
        let view = View::choose(about.kind, &asked.view);
        let series = view.series(&metric);
        let names = promql::label_names(source, &[series], asked.range, &limits);
        found.labels = names.map_or(Vec::new(), |names| names.items);
        found.labels.retain(|name| name != promql::NAME && name != promql::LE);
        let window = rate_window(asked.step);
        found.query = view.query(&metric, &asked.by, &slo::duration::format(window));
        found.view = Some(view);
    }
    if !asked.query.is_empty() && asked.query != found.query {
        // What the reader wrote has a unit that nobody knows.
        found.view = None;
        found.query.clone_from(&asked.query);
    }
    if !found.query.is_empty() {
        let (start, end) = (asked.range.start, asked.range.end);
        let start = start.div_euclid(asked.step).saturating_mul(asked.step);
        found.result = Some(promql::range(source, &found.query, start, end, asked.step, &limits));
    }
    Ok(found)
}

/// The step of a chart over `range`: whole seconds, at most [`STEPS`] of them.
fn step(range: TimeRange) -> Nanos {
    let exact = range.length() / STEPS;
    (exact / SECOND + Nanos::from(exact % SECOND > 0)).max(1).saturating_mul(SECOND)
}

/// The window of a rate: at least two points of an SDK that exports once a minute, its default.
fn rate_window(step: Nanos) -> Nanos {
    step.saturating_mul(4).max(180 * SECOND)
}

/// The page with `label` added to what it groups by, or taken away.
fn grouped(url: &PageUrl, by: &[String], label: &str, is_chosen: bool) -> PageUrl {
    let mut page = url.without("q").without("by");
    for other in by.iter().filter(|other| *other != label) {
        page = page.and("by", other);
    }
    if is_chosen { page } else { page.and("by", label) }
}

fn matrix(value: QueryValue) -> Vec<MatrixSeries> {
    match value {
        QueryValue::Matrix(series) => series,
        QueryValue::Vector(_) | QueryValue::Scalar(..) | QueryValue::String(..) => Vec::new(),
    }
}

fn last(series: &MatrixSeries) -> f64 {
    series.floats.last().map_or(f64::NEG_INFINITY, |(_, value)| if value.is_nan() { f64::NEG_INFINITY } else { *value })
}

fn row(i: usize, series: &MatrixSeries, unit: &str, query: &str) -> Row {
    let values = || series.floats.iter().map(|(_, value)| *value).filter(|value| !value.is_nan());
    let n = values().count();
    let show = |value: f64| format::with_unit(value, unit);
    let optional = |value: Option<f64>| value.map_or("–".to_owned(), show);
    Row {
        slot: i % crate::palette::SLOTS,
        label: label(&series.labels, query),
        last: optional(series.floats.last().map(|(_, value)| *value).filter(|value| !value.is_nan())),
        min: optional(values().reduce(f64::min)),
        max: optional(values().reduce(f64::max)),
        mean: optional((n > 0).then(|| values().sum::<f64>() / n as f64)),
    }
}

/// The labels of a line; the query when there are none.
fn label(labels: &Labels, query: &str) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .filter(|(name, _)| *name != promql::NAME)
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    let text = match (labels.name(), pairs.is_empty()) {
        ("", true) => query.to_owned(),
        (name, true) => name.to_owned(),
        (_, false) => pairs.join(" "),
    };
    clip(&text, MAX_LABEL_TEXT)
}

fn draw(series: &[MatrixSeries], rows: &[Row], range: TimeRange, step: Nanos, unit: String) -> Chart {
    let step = step / MILLISECOND;
    let first = range.start.div_euclid(step * MILLISECOND) * step;
    let n = ((range.end / MILLISECOND - first) / step + 1).max(1) as usize;
    let lines = series.iter().zip(rows).map(|(one, row)| {
        let mut values = vec![None; n];
        for (time, value) in &one.floats {
            let place = usize::try_from((time - first) / step).ok().and_then(|at| values.get_mut(at));
            if let Some(place) = place {
                *place = Some(*value).filter(|value| value.is_finite());
            }
        }
        Line { label: row.label.clone(), slot: row.slot, values, filled: series.len() == 1 }
    });
    Chart {
        unit,
        lines: lines.collect(),
        times: (0..n as i64).map(|i| seconds((first + i * step) * MILLISECOND)).collect(),
        zoom: true,
        ..Chart::over(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::time::{DAY, HOUR, MINUTE};

    #[test]
    fn a_step_is_whole_seconds_and_there_are_few_of_them() {
        for (length, expected) in [(MINUTE, 1), (30 * MINUTE, 8), (HOUR, 15), (7 * DAY, 2520), (0, 1)] {
            assert_eq!(step(TimeRange::new(0, length)), expected * SECOND);
        }
        assert_eq!(rate_window(SECOND), 3 * MINUTE);
        assert_eq!(rate_window(HOUR), 4 * HOUR);
    }

    #[test]
    fn a_line_is_labelled_by_its_labels_or_the_query() {
        let labels = Labels::new([("__name__", "up"), ("job", "a\"b")]);
        assert_eq!(label(&labels, "up"), "job=\"a\"b\"");
        assert_eq!(label(&Labels::new([("__name__", "up")]), "q"), "up");
        assert_eq!(label(&Labels::new::<&str, &str>([]), "sum(up)"), "sum(up)");
    }

    #[test]
    fn grouping_toggles_one_label() {
        let url = PageUrl::new("/metrics").with("metric", "m").and("by", "a").and("by", "b").with("q", "x");
        let by = ["a".to_owned(), "b".to_owned()];
        assert_eq!(grouped(&url, &by, "b", true).to_string(), "/metrics?metric=m&by=a");
        assert_eq!(grouped(&url, &by, "c", false).to_string(), "/metrics?metric=m&by=a&by=b&by=c");
    }
}
