//! `/traces/{id}/find?q=`: the rows of the waterfall whose spans match, in the search language of traces. Plain words also
//! find services, and spans by the beginning of their id.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use model::TraceId;
use query::QueryError;
use query::traces::{Trace, matching, trace};
use serde::Serialize;

use crate::app::App;
use crate::page_url::PageUrl;
use crate::waterfall::Waterfall;

/// Digits of an id that are enough to look for it.
const ID_DIGITS: usize = 6;

#[derive(Serialize)]
struct Answer {
    rows: Vec<usize>,
    /// All rows of the trace: a reader with another number has an older one.
    n_rows: usize,
}

/// Why a query was not understood.
#[derive(Serialize)]
struct Mistake {
    problem: String,
}

/// `GET /traces/{id}/find`
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>, uri: Uri) -> Response {
    let Some(id) = TraceId::parse(&id) else { return (StatusCode::NOT_FOUND, "no such trace\n").into_response() };
    let text = PageUrl::of(&uri).get("q").to_owned();
    let found = app.state.engine.run(move |snapshot, budget| {
        let Some(trace) = trace(snapshot, budget, id)? else { return Ok(None) };
        let mut matches = matching(snapshot, budget, &trace, &text)?;
        if is_plain(&text) {
            add_plain(&trace, &text.to_lowercase(), &mut matches);
        }
        let waterfall = Waterfall::new(&trace);
        Ok(Some(Answer { rows: waterfall.rows_of(&matches), n_rows: waterfall.rows.len() }))
    });
    match found.await {
        Ok(Some(answer)) => Json(answer).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "no such trace\n").into_response(),
        // Not a failed request: whoever types a query asks with its beginnings.
        Err(error @ QueryError::BadQuery { .. }) => Json(Mistake { problem: error.to_string() }).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

/// Whether `text` has none of the signs of the search language.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(['=', '<', '>', '~', ':', '(', ')', '"', '*', '!'])
}

/// Marks the spans whose service has `text`, which is in lower case, and those whose id begins with it.
fn add_plain(trace: &Trace, text: &str, matches: &mut [bool]) {
    let services: Vec<bool> = trace.services.iter().map(|it| it.service.to_lowercase().contains(text)).collect();
    let is_id = text.len() >= ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (span, matches) in trace.spans.iter().zip(matches) {
        *matches |= services[span.service] || is_id && span.span_id.to_string().starts_with(text);
    }
}
