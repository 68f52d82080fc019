//! `/go?q=…`: where the search box of every page leads: to the trace with that id, else to the logs.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use model::TraceId;

use crate::page_url::PageUrl;

/// Fewest hex digits that are taken for a trace id: leading zeros may be missing, words like `dead` are words.
const FEWEST_DIGITS: usize = 16;

/// `GET /go`
pub(crate) async fn get(uri: Uri) -> Response {
    let target = target(&PageUrl::of(&uri)).to_string();
    (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response()
}

fn target(url: &PageUrl) -> PageUrl {
    let text = url.get("q");
    match TraceId::parse(text).filter(|_| text.len() >= FEWEST_DIGITS) {
        Some(id) => url.without("q").at_path(format!("/traces/{id}")),
        None => url.at_path("/logs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_opens_the_trace_and_anything_else_searches_logs() {
        let table = [
            ("5b8efff798038103d269b633813fc60c", "/traces/5b8efff798038103d269b633813fc60c?from=now-1h"),
            ("00000000000000001", "/traces/00000000000000000000000000000001?from=now-1h"),
            ("deadbeef", "/logs?from=now-1h&q=deadbeef"),
            ("a b", "/logs?from=now-1h&q=a%20b"),
            ("\r\nx: y", "/logs?from=now-1h&q=%0D%0Ax:%20y"),
        ];
        for (text, expected) in table {
            let url = PageUrl::new("/go").with("from", "now-1h").with("q", text);
            assert_eq!(target(&url).to_string(), expected, "{text}");
        }
    }
}
