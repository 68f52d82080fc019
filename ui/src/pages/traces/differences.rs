//! `/traces/differences`: what is different about the spans that are chosen of a search, the box of its heatmap or those that
//! failed. The search page puts the part of it below the heatmap; by itself it is a page, and with `Accept: application/json`
//! the numbers.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use model::time::MICROSECOND;
use query::differences::{Differences, DifferentValue, FieldName, Share, TooFew, of_spans};
use query::fields::FieldPlace;
use query::lang;
use query::traces::Language;
use serde_json::{Value, json};

use crate::app::{App, Problem, page};
use crate::format::{self, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::plain;
use crate::shell::Shell;

use super::selected::Selected;
use super::wanted::Wanted;

/// Longer values are cut on the page.
const MAX_VALUE: usize = 80;

#[derive(Template)]
#[template(path = "differences.html")]
struct DifferencesPage {
    shell: Shell,
    /// The search that they are of.
    search: PageUrl,
    part: Part,
}

/// What a page puts into itself.
#[derive(Template)]
#[template(path = "parts/differences.html")]
struct PartOfPage {
    part: Part,
}

struct Part {
    title: String,
    /// What the spans of the selection are called.
    selected: &'static str,
    /// What was compared with what, and how many fields.
    basis: String,
    /// Why there is nothing to see.
    nothing: Option<String>,
    rows: Vec<Row>,
    warnings: Vec<String>,
    problem: Option<Problem>,
}

struct Row {
    field: String,
    place: &'static str,
    value: String,
    selected: Bar,
    rest: Bar,
    /// The difference in words, for whoever does not see the bars.
    words: String,
    /// The search narrowed to spans with the value, and to those without; `None` where the query cannot be narrowed.
    only: Option<PageUrl>,
    without: Option<PageUrl>,
    values: Vec<(String, Bar, Bar)>,
    /// Other fields that say the same, each with the search narrowed to it.
    same: Vec<(String, Option<PageUrl>)>,
}

/// A share as a bar of 100 units.
struct Bar {
    percent: String,
    width: String,
    n: String,
}

/// `GET /traces/differences`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers);
    let search = shell.url.at_path("/traces").without("part");
    let is_part = !shell.url.get("part").is_empty();
    let wants_json =
        headers.get(header::ACCEPT).is_some_and(|it| it.to_str().is_ok_and(|it| it.contains("application/json")));
    let selected = Selected::read(&shell.url);
    let found = match Wanted::read(&shell).map(|wanted| (selected.comparison(&wanted), wanted)) {
        Err(text) => Err(Problem { title: "Filter not understood", text, pointer: None }),
        Ok((None, _)) => Err(Problem {
            title: "Nothing chosen",
            text: "a box of the heatmap is expected (box=FROM,TO,MIN,MAX), diff=errors, or diff=QUERY".to_owned(),
            pointer: None,
        }),
        Ok((Some(comparison), wanted)) => {
            let run = app.state.engine.run(move |snapshot, budget| of_spans(snapshot, budget, &comparison));
            run.await.map_err(|error| Problem::of(&error, &wanted.search.query)).map(|found| (found, wanted))
        }
    };
    let status = if found.is_ok() || is_part { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    if wants_json {
        let body = match &found {
            Ok((found, _)) => json!({"status": "success", "data": in_json(found)}),
            Err(problem) => json!({"status": "error", "error": format!("{}: {}", problem.title, problem.text)}),
        };
        return (status, axum::Json(body)).into_response();
    }
    let part = match found {
        Ok((found, wanted)) => Part::new(&found, &search, &wanted, &selected),
        Err(problem) => Part::failed(problem),
    };
    if is_part {
        page(StatusCode::OK, &PartOfPage { part })
    } else {
        page(status, &DifferencesPage { shell, search, part })
    }
}

impl Part {
    fn failed(problem: Problem) -> Self {
        Part {
            title: "What is different".to_owned(),
            selected: "",
            basis: String::new(),
            nothing: None,
            rows: Vec::new(),
            warnings: Vec::new(),
            problem: Some(problem),
        }
    }

    fn new(found: &Differences, search: &PageUrl, wanted: &Wanted, selected: &Selected) -> Self {
        let count = |n: usize| format::count(n as u64);
        let least = if found.truncated { "at least " } else { "" };
        let what = selected.word();
        let title = format!("What is different about the {least}{} {what} spans", format::count(found.n_selected));
        let read = |n: usize, of: u64| match n as u64 == of {
            true => count(n),
            false => format!("{} of {}", count(n), format::count(of)),
        };
        let mut basis = format!(
            "{} {what} spans of {} traces beside {} others of {} traces.",
            read(found.selected.n_spans, found.n_selected),
            count(found.selected.n_traces),
            read(found.rest.n_spans, found.n_rest),
            count(found.rest.n_traces),
        );
        if found.selected.n_same_operation < found.selected.n_spans && found.too_few.is_none() {
            basis.push_str(&format!(
                " Beside service and name, spans are compared with those of the same operation, which {} of the {what} have.",
                count(found.selected.n_same_operation)
            ));
        }
        let nothing = match found.too_few {
            Some(side) => Some(format!(
                "{} are of fewer than {} traces: chance alone could explain what they have in common.",
                if side == TooFew::Selected { format!("The {what} spans") } else { "The other spans".to_owned() },
                query::differences::LEAST_TRACES
            )),
            None if found.differences.is_empty() => {
                Some(format!("Nothing: of {} fields none differs by more than chance explains.", count(found.n_tested)))
            }
            None => None,
        };
        Part {
            title,
            selected: selected.head(),
            basis,
            nothing,
            rows: found.differences.iter().map(|it| Row::new(it, search, wanted, what)).collect(),
            warnings: found.warnings.clone(),
            problem: None,
        }
    }
}

impl Row {
    fn new(difference: &query::differences::Difference, search: &PageUrl, wanted: &Wanted, what: &str) -> Self {
        let field = &difference.field;
        let value = in_words(field, &difference.value);
        let (selected, rest) = (Bar::new(difference.selected), Bar::new(difference.rest));
        let words = format!(
            "{} of the {what} spans have it and {} of the others. The difference is {} points at least.",
            selected.percent,
            rest.percent,
            format::percent(difference.at_least).trim_end_matches(" %")
        );
        let narrowed = |condition: &str| {
            let query = Some(&wanted.search).filter(|it| it.language == Language::Search)?;
            Some(search.with("q", lang::narrowed(&query.query, condition)?))
        };
        let own = condition(field, &difference.value);
        let only = own.as_ref().and_then(|it| narrowed(it));
        let without = own.as_ref().and_then(|it| match it.strip_prefix("NOT ") {
            Some(opposite) => narrowed(opposite),
            None if it.contains(" AND ") => narrowed(&format!("NOT ({it})")),
            None => narrowed(&format!("NOT {it}")),
        });
        let values = difference
            .values
            .iter()
            .map(|(value, selected, rest)| (in_words(field, value), Bar::new(*selected), Bar::new(*rest)));
        let same = difference.same.iter().map(|(field, value)| {
            let only = condition(field, value).as_ref().and_then(|it| narrowed(it));
            (format!("{} {}", clip(&field.name, MAX_VALUE), in_words(field, value)), only)
        });
        Row {
            field: clip(&field.name, MAX_VALUE),
            place: place(field.place),
            value,
            selected,
            rest,
            words,
            only,
            without,
            values: values.collect(),
            same: same.collect(),
        }
    }
}

impl Bar {
    fn new(share: Share) -> Self {
        Bar {
            percent: format::percent(share.share),
            width: format!("{:.2}", share.share.clamp(0.0, 1.0) * 100.0),
            n: format!("{} of {} read", format::count(share.n_with as u64), format::count(share.n as u64)),
        }
    }
}

fn place(place: FieldPlace) -> &'static str {
    match place {
        FieldPlace::Intrinsic => "span",
        FieldPlace::Own => "attribute",
        FieldPlace::Resource => "resource",
        FieldPlace::Scope => "scope",
        FieldPlace::Event => "event",
        FieldPlace::Link => "link",
    }
}

fn is_duration(field: &FieldName) -> bool {
    field.place == FieldPlace::Intrinsic && field.name == "duration"
}

/// The value with its sign of comparison.
fn in_words(field: &FieldName, value: &DifferentValue) -> String {
    let number = |number: f64| match is_duration(field) {
        true => format::duration(number as i64),
        false => format::number(number),
    };
    match value {
        DifferentValue::Is(text, _) if text.is_empty() => "= (empty)".to_owned(),
        DifferentValue::Is(text, _) => format!("= {}", plain(&clip(text, MAX_VALUE))),
        DifferentValue::Absent => "is not set".to_owned(),
        DifferentValue::Between(Some(from), Some(to)) => format!("from {} to {}", number(*from), number(*to)),
        DifferentValue::Between(Some(from), None) => format!("≥ {}", number(*from)),
        DifferentValue::Between(None, Some(to)) => format!("≤ {}", number(*to)),
        DifferentValue::Between(None, None) => "has any value".to_owned(),
    }
}

/// The condition that spans with the value satisfy, in the search language; `None` where it has no name for the field.
fn condition(field: &FieldName, value: &DifferentValue) -> Option<String> {
    let name = match field.place {
        FieldPlace::Intrinsic => field.name.clone(),
        // In quotes it is an attribute of any place.
        _ if !lang::is_word(&field.name) => {
            Some(lang::word(&field.name)).filter(|_| field.place != FieldPlace::Event)?
        }
        FieldPlace::Own => format!("span.{}", field.name),
        FieldPlace::Resource => format!("resource.{}", field.name),
        FieldPlace::Scope => format!("scope.{}", field.name),
        FieldPlace::Event => format!("event.{}", field.name),
        FieldPlace::Link => format!("link.{}", field.name),
    };
    let number = |number: f64| match is_duration(field) {
        true => format!("{}us", (number / MICROSECOND as f64 * 1_000.0).round() / 1_000.0),
        false => number.to_string(),
    };
    Some(match value {
        DifferentValue::Is(text, "string") if text.is_empty() => format!("{name}=\"\""),
        DifferentValue::Is(text, "string") => format!("{name}={}", lang::word(text)),
        DifferentValue::Is(text, "int" | "double" | "bool") => format!("{name}={text}"),
        DifferentValue::Is(..) => return None,
        DifferentValue::Absent => format!("NOT {name}:*"),
        DifferentValue::Between(from, to) => {
            let from = from.map(|it| format!("{name}>={}", number(it)));
            let to = to.map(|it| format!("{name}<={}", number(it)));
            match (from, to) {
                (Some(from), Some(to)) => format!("{from} AND {to}"),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => format!("{name}:*"),
            }
        }
    })
}

fn in_json(found: &Differences) -> Value {
    let value = |value: &DifferentValue| match value {
        DifferentValue::Is(text, type_name) => json!({"value": text, "type": type_name}),
        DifferentValue::Absent => json!({"absent": true}),
        DifferentValue::Between(from, to) => json!({"from": from, "to": to}),
    };
    let share = |it: Share| json!({"share": it.share, "spans": it.n_with, "of": it.n});
    let rows = found.differences.iter().map(|it| {
        let name = |field: &FieldName| json!({"place": place(field.place), "name": field.name});
        json!({
            "field": name(&it.field),
            "is": value(&it.value),
            "selected": share(it.selected),
            "rest": share(it.rest),
            "differenceAtLeast": it.at_least,
            "falseDiscoveryRate": it.error_rate,
            "same": it.same.iter().map(|(field, same)| json!({"field": name(field), "is": value(same)})).collect::<Vec<_>>(),
        })
    });
    json!({
        "selected": {"spans": found.n_selected, "read": found.selected.n_spans, "traces": found.selected.n_traces},
        "rest": {"spans": found.n_rest, "read": found.rest.n_spans, "traces": found.rest.n_traces},
        "differences": rows.collect::<Vec<_>>(),
        "fieldsTested": found.n_tested,
        "truncated": found.truncated,
        "warnings": found.warnings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_says_is_a_condition_of_the_search_language() {
        let is = |text: &str, type_name| DifferentValue::Is(text.to_owned(), type_name);
        let cases = [
            (FieldPlace::Intrinsic, "service", is("payment", "string"), Some("service=payment")),
            (FieldPlace::Intrinsic, "name", is("POST /orders", "string"), Some("name=\"POST /orders\"")),
            (FieldPlace::Own, "name", is("x", "string"), Some("span.name=x")),
            (
                FieldPlace::Own,
                "http.response.status_code",
                is("500", "int"),
                Some("span.http.response.status_code=500"),
            ),
            (FieldPlace::Resource, "service.version", is("2.0.0", "string"), Some("resource.service.version=2.0.0")),
            (FieldPlace::Event, "exception.type", is("a b", "string"), Some("event.exception.type=\"a b\"")),
            (FieldPlace::Event, "odd key", is("a", "string"), None),
            (FieldPlace::Own, "odd key", is("a", "string"), Some("\"odd key\"=a")),
            (FieldPlace::Own, "list", is("[1]", "array"), None),
            (FieldPlace::Own, "cache", DifferentValue::Absent, Some("NOT span.cache:*")),
            (FieldPlace::Own, "size", DifferentValue::Between(Some(4.5), None), Some("span.size>=4.5")),
            (
                FieldPlace::Own,
                "size",
                DifferentValue::Between(Some(-4.0), Some(9.0)),
                Some("span.size>=-4 AND span.size<=9"),
            ),
            (FieldPlace::Intrinsic, "duration", DifferentValue::Between(None, Some(1_500.0)), Some("duration<=1.5us")),
        ];
        for (place, name, value, expected) in cases {
            let found = condition(&FieldName { place, name: name.to_owned() }, &value);
            assert_eq!(found.as_deref(), expected, "{name}");
            if let Some(condition) = found {
                assert!(lang::parse(&condition).is_ok(), "{condition}");
                assert!(lang::narrowed("a=1 OR b=2", &condition).is_some(), "{condition}");
            }
        }
    }
}
