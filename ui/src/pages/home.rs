//! `/`: every service with its rate, errors and duration, the budgets of the SLOs, and one sentence on how things are.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::time::MINUTE;
use model::{Nanos, TimeRange};
use query::services::{Red, ServiceSummary, services};
use slo::status::{Health, SloStatus};

use crate::app::{App, Problem, page};
use crate::format;
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Name, ServiceTag, Spark};
use crate::shell::Shell;
use crate::slo_view::SloCard;
use crate::span_search;

/// Points of a sparkline.
const BUCKETS: usize = 40;
/// Services shown; the rest is counted.
const MAX_SERVICES: usize = 300;
/// Characters shown of what a resource says of its service.
const MAX_NAME: usize = 60;
/// A service that sent within the range, but not for this long before its end, has fallen silent.
const SILENT_AFTER: Nanos = 2 * MINUTE;
/// Share of failed requests above which a service without an SLO is called failing.
const MANY_ERRORS: f64 = 0.05;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    now_sentence: String,
    rows: Vec<Row>,
    n_more: usize,
    slos: Vec<SloCard>,
    problem: Option<Problem>,
    warnings: Vec<String>,
    /// Nothing has been received since the start.
    is_untouched: bool,
    otlp_http: String,
}

struct Row {
    service: ServiceTag,
    href: PageUrl,
    namespace: Option<Name>,
    word: &'static str,
    class: &'static str,
    /// The traces of its requests, those in which they failed, and those in which they took as long as one in twenty.
    requests: PageUrl,
    failed: PageUrl,
    slow: Option<PageUrl>,
    rate: String,
    errors: String,
    is_failing: bool,
    p95: String,
    rate_line: Spark,
    error_line: Spark,
    p95_line: Spark,
    versions: Option<Name>,
    n_versions: usize,
    n_instances: usize,
    language: Option<Name>,
    last_seen: String,
    by_roots: bool,
}

/// `GET /`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers);
    let range = shell.range.times;
    let found = app.state.engine.run(move |snapshot, budget| services(snapshot, budget, range, BUCKETS)).await;
    let status = (app.state.slo_status)();
    let slos: Vec<SloCard> = status.slos.iter().map(|slo| SloCard::new(&shell, slo)).collect();
    let (list, problem) = match found {
        Ok(list) => (list, None),
        Err(error) => (Default::default(), Some(Problem::of(&error, ""))),
    };
    let now_sentence = now_sentence(&list.services, &status);
    let mut services = list.services;
    let health = |service: &ServiceSummary| word(service, &status, range.end.min(shell.now));
    // Worst first, then the busiest.
    services.sort_by(|a, b| {
        health(b).2.cmp(&health(a).2).then(b.requests.rate.total_cmp(&a.requests.rate)).then(a.service.cmp(&b.service))
    });
    let n_more = services.len().saturating_sub(MAX_SERVICES);
    let rows = services
        .iter()
        .take(MAX_SERVICES)
        .map(|service| {
            let (word, class, _) = health(service);
            row(&app, &shell, service, list.range, (word, class))
        })
        .collect();
    let is_untouched = (app.state.ingest)().signals.iter().all(|signal| signal.n_accepted == 0);
    page(
        StatusCode::OK,
        &HomePage {
            now_sentence,
            rows,
            n_more,
            slos,
            problem,
            warnings: list.warnings,
            is_untouched,
            otlp_http: app.state.endpoints.otlp_http.clone(),
            shell,
        },
    )
}

fn row(
    app: &App,
    shell: &Shell,
    service: &ServiceSummary,
    range: TimeRange,
    (word, class): (&'static str, &'static str),
) -> Row {
    let red = &service.requests;
    let requests = span_search::requests(service, range);
    let lines = Lines::of(red);
    let named = |name: &str| (!name.is_empty()).then(|| Name::new(name, MAX_NAME));
    Row {
        service: app.service(&service.service),
        href: shell.service_link(&service.service),
        namespace: named(&service.namespace),
        word,
        class,
        failed: requests.with("errors", "1"),
        slow: red.p95.map(|p95| requests.with("min", format!("{p95}ns")).with("order", "slowest")),
        requests,
        rate: format::rate(red.rate),
        errors: format::percent(red.error_ratio),
        is_failing: red.n_errors > 0,
        p95: red.p95.map_or("–".to_owned(), format::duration),
        rate_line: lines.rate,
        error_line: lines.errors,
        p95_line: lines.p95,
        versions: named(&service.versions.join(", ")),
        n_versions: service.versions.len(),
        n_instances: service.n_instances,
        language: named(&service.language),
        last_seen: shell.ago(service.last_seen),
        by_roots: service.by_roots,
    }
}

/// The three sparklines of a set of requests.
pub(super) struct Lines {
    pub(super) rate: Spark,
    pub(super) errors: Spark,
    pub(super) p95: Spark,
}

impl Lines {
    pub(super) fn of(red: &Red) -> Self {
        // The last step is still being filled: shown, it would look like a drop.
        let complete = &red.buckets[..red.buckets.len().saturating_sub(1)];
        let rates = complete.iter().map(|bucket| Some(bucket.rate));
        let errors = complete.iter().map(|bucket| match bucket.n_requests {
            0 => Some(0.0),
            n => Some(bucket.n_errors as f64 / n as f64),
        });
        let durations = complete.iter().map(|bucket| bucket.p95.map(|p95| p95 as f64));
        let error_class = if red.n_errors > 0 { "bad" } else { "calm" };
        let p95 = red.p95.map_or("no requests".to_owned(), |p95| format!("p95 {}", format::duration(p95)));
        Lines {
            rate: Spark::new(rates, 0.0, "", format!("{} requests per second", format::number(red.rate))),
            // One percent at least, so that a single error does not fill the height.
            errors: Spark::new(errors, 0.01, error_class, format!("{} failed", format::percent(red.error_ratio))),
            p95: Spark::new(durations, 0.0, "s2", p95),
        }
    }
}

/// The word for a service, its class, and how bad it is.
fn word(service: &ServiceSummary, status: &slo::Status, end: Nanos) -> (&'static str, &'static str, u8) {
    let worst = status.slos.iter().filter(|slo| slo.slo.service == service.service).map(|slo| slo.health);
    let (mut burning, mut degraded) = (false, false);
    for health in worst {
        burning |= health == Health::Burning;
        degraded |= health == Health::Degraded;
    }
    if burning {
        ("Burning", "error", 4)
    } else if degraded {
        ("Degraded", "warn", 3)
    } else if end.saturating_sub(service.last_seen) > SILENT_AFTER {
        ("Silent", "", 1)
    } else if service.requests.error_ratio >= MANY_ERRORS {
        ("Failing", "warn", 2)
    } else {
        ("OK", "ok", 0)
    }
}

/// How things are, in a sentence made by rule.
fn now_sentence(services: &[ServiceSummary], status: &slo::Status) -> String {
    let burning: Vec<&SloStatus> =
        status.slos.iter().map(AsRef::as_ref).filter(|slo: &&SloStatus| slo.health == Health::Burning).collect();
    if let Some(worst) = burning.iter().max_by(|a, b| fastest_burn(a).total_cmp(&fastest_burn(b))) {
        let others = match burning.len() - 1 {
            0 => String::new(),
            n => format!(" {n} more SLO{} burning.", if n == 1 { " is" } else { "s are" }),
        };
        let left = budget_words(worst);
        return format!(
            "{} burns its budget {}× too fast; {left}.{others}",
            worst.slo.name,
            format::number(fastest_burn(worst))
        );
    }
    if services.is_empty() {
        return String::new();
    }
    let rate: f64 = services.iter().map(|service| service.requests.rate).sum();
    let (n_requests, n_errors) = services
        .iter()
        .fold((0, 0), |sum, service| (sum.0 + service.requests.n_requests, sum.1 + service.requests.n_errors));
    let errors = if n_errors == 0 {
        "none failed".to_owned()
    } else {
        format!("{} failed", format::percent(n_errors as f64 / n_requests.max(1) as f64))
    };
    let degraded = status.slos.iter().find(|slo| slo.health == Health::Degraded);
    let also = degraded.map_or(String::new(), |slo| format!(" {} is degraded: {}.", slo.slo.name, budget_words(slo)));
    let budgets = match status.slos.len() {
        0 => String::new(),
        _ if degraded.is_some() => String::new(),
        1 => " The SLO is not burning.".to_owned(),
        n => format!(" None of {n} SLOs is burning."),
    };
    let noun = if services.len() == 1 { "service" } else { "services" };
    format!("{} {noun} handle {} requests per second; {errors}.{also}{budgets}", services.len(), format::number(rate))
}

/// What is left of the budget of `slo`, in words.
fn budget_words(slo: &SloStatus) -> String {
    match slo.budget.remaining {
        Some(left) if left > 0.0 => format!("{} of its budget is left", format::percent(left)),
        Some(_) => "its budget is spent".to_owned(),
        None => "its budget is not known".to_owned(),
    }
}

/// The burn rate of the long window that burns fastest.
fn fastest_burn(slo: &SloStatus) -> f64 {
    let rates = slo.tiers.iter().filter_map(|tier| slo::burn::burn_rate(tier.long.count, slo.slo.objective));
    rates.fold(0.0, f64::max)
}
