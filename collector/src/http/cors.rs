//! CORS, so that the OpenTelemetry web SDK can export from a page of any origin.
//!
//! Nothing here reads cookies or other credentials of a browser, so any origin may send, and with credentials too: the exporters
//! of the web SDK before 0.213 use `navigator.sendBeacon`, which always has them, and whose requests are lost without a word
//! when an answer does not allow that. A form of another site cannot send: its content types are refused.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// Two hours, the most that Chromium keeps.
const MAX_AGE: &str = "7200";

/// The reply to a preflight request; `None` when it is none.
pub(super) fn preflight(method: &Method, headers: &HeaderMap) -> Option<Response> {
    let origin = headers.get(ORIGIN)?;
    if method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let reply = response.headers_mut();
    allow_origin(reply, origin);
    reply.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    // Named one by one, because `*` does not stand for `authorization`.
    if let Some(asked) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        reply.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        reply.append(VARY, HeaderValue::from_static("access-control-request-headers"));
    }
    reply.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    Some(response)
}

/// The origin of the page that sends, when one does.
pub(super) fn origin(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(ORIGIN).cloned()
}

/// Lets the page read the reply, also a refusal and when to come again.
pub(super) fn allow(reply: &mut HeaderMap, origin: &HeaderValue) {
    allow_origin(reply, origin);
    reply.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
}

/// The origin by its name: `*` does not stand for it where credentials are sent.
fn allow_origin(reply: &mut HeaderMap, origin: &HeaderValue) {
    reply.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    reply.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    reply.insert(VARY, HeaderValue::from_static("origin"));
}
