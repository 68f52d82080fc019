//! `/complete`: what the word under the cursor of a search box may become: fields, or values of a field, with how many rows
//! of the range have them. For the script of the page; the box works without.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use query::fields::{self, Field, FieldPlace, FieldValue, Sampled, Signal, ValueSearch};
use query::lang::word;
use serde::Serialize;

use crate::app::App;
use crate::page_url::PageUrl;
use crate::range::PageRange;

/// Suggestions at once: what fits below a box.
const MAX_ITEMS: usize = 12;

#[derive(Serialize)]
struct Answer {
    items: Vec<Item>,
    /// Whether numbers are of all rows of the range; otherwise they are estimates.
    complete: bool,
}

#[derive(Serialize)]
struct Item {
    text: String,
    /// What is put into the box; values come with quotes where they need them.
    insert: String,
    /// A word on what it is.
    note: &'static str,
    n_rows: u64,
}

/// `GET /complete?signal=spans|logs&prefix=…`: fields; with `field=…` its values.
pub(crate) async fn get(State(app): State<App>, uri: Uri) -> Response {
    let url = PageUrl::of(&uri);
    let range = PageRange::of(&url, (app.state.clock)()).times;
    let signal = if url.get("signal") == "logs" { Signal::Logs } else { Signal::Spans };
    let (field, prefix) = (url.get("field").to_owned(), url.get("prefix").to_owned());
    let found = app.state.engine.run(move |snapshot, budget| {
        Ok(match field.is_empty() {
            true => of_fields(fields::names(snapshot, budget, signal, range)?, &prefix),
            false => {
                let search = ValueSearch { signal, range, name: &field, prefix: &prefix, limit: MAX_ITEMS, of: "" };
                of_values(fields::values(snapshot, budget, &search)?)
            }
        })
    });
    match found.await {
        Ok(answer) => Json(answer).into_response(),
        // Nobody asked for suggestions by hand; without them the box is as it was.
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

/// Those with `prefix` first, then those that have it in the middle.
fn of_fields(names: Sampled<Field>, prefix: &str) -> Answer {
    let prefix = prefix.to_lowercase();
    let complete = names.complete;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for field in names.items {
        let name = field.name.to_lowercase();
        match name.find(&prefix) {
            Some(0) => first.push(field),
            Some(_) => second.push(field),
            None => {}
        }
    }
    let items = first.into_iter().chain(second).take(MAX_ITEMS).map(|Field { name, place, n_rows }| Item {
        insert: word(&name),
        text: name,
        note: match place {
            FieldPlace::Intrinsic => "",
            FieldPlace::Own => "attribute",
            FieldPlace::Resource => "resource",
            FieldPlace::Scope => "scope",
            FieldPlace::Event => "event",
            FieldPlace::Link => "link",
        },
        n_rows,
    });
    Answer { items: items.collect(), complete }
}

fn of_values(values: Sampled<FieldValue>) -> Answer {
    let item = |FieldValue { value, type_name, n_rows }| Item {
        insert: match type_name {
            "int" | "double" | "bool" => value.clone(),
            _ => word(&value),
        },
        text: value,
        note: if type_name == "string" { "" } else { type_name },
        n_rows,
    };
    Answer { items: values.items.into_iter().map(item).collect(), complete: values.complete }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled<T>(items: Vec<T>) -> Sampled<T> {
        Sampled { items, n_sampled: 1, complete: true, warnings: Vec::new() }
    }

    #[test]
    fn what_is_inserted_is_one_value_of_the_language() {
        let cases = [
            ("booking", "booking"),
            ("GET /v1/bookings", "\"GET /v1/bookings\""),
            ("/v1/bookings", "/v1/bookings"),
            ("AND", "\"AND\""),
            ("say \"x\"\\", "\"say \\\"x\\\"\\\\\""),
            ("-1", "\"-1\""),
            ("a*", "\"a*\""),
            ("", "\"\""),
        ];
        for (value, expected) in cases {
            let value = FieldValue { value: value.to_owned(), type_name: "string", n_rows: 1 };
            let answer = of_values(sampled(vec![value]));
            assert_eq!(answer.items[0].insert, expected);
            // It reads back as the value.
            let query = format!("k={expected}");
            assert!(query::lang::parse(&query).is_ok(), "{query}");
        }
    }

    #[test]
    fn fields_that_start_so_come_first() {
        let field = |name: &str| Field { name: name.to_owned(), place: FieldPlace::Own, n_rows: 1 };
        let items = ["http.route", "route", "other", "my key"].map(field).to_vec();
        let answer = of_fields(sampled(items), "Route");
        let texts: Vec<&str> = answer.items.iter().map(|item| item.text.as_str()).collect();
        assert_eq!(texts, ["route", "http.route"]);
        let answer = of_fields(sampled(vec![field("my key")]), "");
        assert_eq!(answer.items[0].insert, "\"my key\"");
    }
}
