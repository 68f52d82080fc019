//! The page for an address that is none.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use crate::app::{App, page};
use crate::format::clip;
use crate::icon::Icon;
use crate::shell::Shell;

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFoundPage {
    shell: Shell,
    path: String,
}

/// Any other address.
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    answer(&app, &uri, &headers)
}

pub(super) fn answer(app: &App, uri: &Uri, headers: &HeaderMap) -> Response {
    let shell = Shell::new(app, uri, headers).without_range();
    page(StatusCode::NOT_FOUND, &NotFoundPage { path: clip(shell.url.path(), 200), shell })
}
