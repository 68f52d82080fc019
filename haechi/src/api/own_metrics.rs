//! `/-/metrics`: what the box counts of itself, in the text format of Prometheus. `/metrics` gives the same to whoever does
//! not ask for a page.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::ApiState;
use crate::own;

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/-/metrics", get(answer))
}

async fn answer(State(state): State<ApiState>) -> impl IntoResponse + use<> {
    let readings = own::readings(&state.engine.store().stats(), &state.collector.stats());
    ([(CONTENT_TYPE, own::text::CONTENT_TYPE)], own::text::render(&readings))
}

/// Answers scrapers at `/metrics`, where they look by default and where people find the page of that name: a browser
/// says that it takes HTML, a scraper does not.
pub(crate) async fn scrape(state: State<ApiState>, request: Request, next: Next) -> Response {
    if request.uri().path() != "/metrics" {
        return next.run(request).await;
    }
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = match accept.contains("text/html") {
        true => next.run(request).await,
        false => answer(state).await.into_response(),
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    response
}
