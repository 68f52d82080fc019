//! `/go?q=…`: where the search box of every page leads: to the trace with that id, else to the logs.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use model::TraceId;

use crate::page_url::PageUrl;

/// Fewest hex digits that are taken for a trace id: leading zeros may be missing, words like `dead` are words.
const FEWEST_DIGITS: usize = 16;

/// `GET /go`
pub(crate) async fn get(uri: Uri) -> Response {
    let url = PageUrl::of(&uri);
    to(&trace(&url).unwrap_or_else(|| url.at_path("/logs")))
}

/// The page of the trace whose id is all that was searched for.
pub(super) fn trace(url: &PageUrl) -> Option<PageUrl> {
    let text = url.get("q").trim();
    let id = TraceId::parse(text).filter(|_| text.len() >= FEWEST_DIGITS)?;
    Some(url.without("q").at_path(format!("/traces/{id}")))
}

/// Leads to `url`.
pub(super) fn to(url: &PageUrl) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, url.to_string())]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_opens_the_trace_and_anything_else_searches_logs() {
        let table = [
            ("5b8efff798038103d269b633813fc60c", "/traces/5b8efff798038103d269b633813fc60c?from=now-1h"),
            ("00000000000000001", "/traces/00000000000000000000000000000001?from=now-1h"),
            (" 5b8efff798038103d269b633813fc60c ", "/traces/5b8efff798038103d269b633813fc60c?from=now-1h"),
            ("deadbeef", "/logs?from=now-1h&q=deadbeef"),
            ("a b", "/logs?from=now-1h&q=a%20b"),
            ("\r\nx: y", "/logs?from=now-1h&q=%0D%0Ax:%20y"),
        ];
        for (text, expected) in table {
            let url = PageUrl::new("/go").with("from", "now-1h").with("q", text);
            let target = trace(&url).unwrap_or_else(|| url.at_path("/logs"));
            assert_eq!(target.to_string(), expected, "{text}");
        }
    }
}
