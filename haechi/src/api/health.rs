//! `/-/healthy` and `/-/ready`, for whoever starts the box and watches it.

use axum::Router;
use axum::routing::get;

use super::ApiState;

pub(super) fn routes() -> Router<ApiState> {
    // The routes exist once the store is open and every listener is bound, so that to answer is to be ready.
    Router::new().route("/-/healthy", get(|| async { "healthy\n" })).route("/-/ready", get(|| async { "ready\n" }))
}
