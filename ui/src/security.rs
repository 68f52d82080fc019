//! The headers that keep hostile telemetry and other sites out of the pages.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Nothing but our own files, no inline script, no inline style, no frames.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Whether a request that changes something is of these pages, and not of a form on another site: browsers say where a form
/// was (Fetch standard, "Origin header"). Programs say nothing, and may.
pub(crate) fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let place = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, place)| place);
    place.is_some() && place == text(header::HOST)
}

/// The answer to a request that is not.
pub(crate) fn refusal() -> Response {
    (StatusCode::FORBIDDEN, "this form is on another site than the pages that it wants to change\n").into_response()
}

/// Sets the headers on every answer of the UI. Pages are never kept by caches: they show what is true now.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites_are_told_from_ours() {
        let table = [
            (None, true),
            (Some("http://box:4319"), true),
            (Some("https://box:4319"), true),
            (Some("http://box:4320"), false),
            (Some("http://evil.example"), false),
            (Some("http://box:4319.evil.example"), false),
            (Some("null"), false),
            (Some(""), false),
        ];
        for (origin, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("box:4319"));
            headers.extend(origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin))));
            assert_eq!(is_own(&headers), expected, "{origin:?}");
        }
    }
}
