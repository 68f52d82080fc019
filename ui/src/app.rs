//! What the handlers share, and how they answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use query::QueryError;
use tokio::task::JoinError;

use crate::palette::Palette;
use crate::parts::{Name, ServiceTag};
use crate::state::{IngestReport, UiState};

/// Longest service name shown.
const MAX_NAME: usize = 120;
/// Names offered in a form.
const MAX_OFFERED: usize = 200;

/// The state of all handlers.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) state: UiState,
    palette: Arc<Palette>,
    /// Pages that watch the ladder.
    pub(crate) n_streams: Arc<AtomicUsize>,
}

impl App {
    pub(crate) fn new(state: UiState) -> Self {
        App { state, palette: Arc::default(), n_streams: Arc::default() }
    }

    /// The colour slot of `service`.
    pub(crate) fn slot(&self, service: &str) -> usize {
        self.palette.slot(service)
    }

    /// The names of services to offer in a form, of those seen on pages and by the receiver.
    pub(crate) fn known_services(&self) -> Vec<String> {
        let mut names = self.palette.services();
        names.extend((self.state.ingest)().senders.into_iter().map(|sender| sender.service));
        names.retain(|name| name.len() <= MAX_NAME);
        names.sort();
        names.dedup();
        names.truncate(MAX_OFFERED);
        names
    }

    /// What the Ingest page tells. It takes time by the number of metrics and labels, so no thread that serves connections
    /// makes it.
    pub(crate) async fn report(&self) -> Result<IngestReport, JoinError> {
        let report = Arc::clone(&self.state.report);
        tokio::task::spawn_blocking(move || report()).await
    }

    /// `service` with its colour.
    pub(crate) fn service(&self, service: &str) -> ServiceTag {
        ServiceTag { slot: self.slot(service), name: Name::new(service, MAX_NAME) }
    }
}

/// A page as an answer. A template that fails is a defect; the reader gets a plain sentence.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be rendered; the log of the box says why\n")
                .into_response()
        }
    }
}

/// The answer where what a page is about could not be counted: the box is about to end, or has a defect.
pub(crate) fn no_report(error: &JoinError) -> Response {
    tracing::error!(%error, "the report on what is received was not made");
    (StatusCode::SERVICE_UNAVAILABLE, "what is received could not be counted; the log of the box says why\n")
        .into_response()
}

/// Why a part of a page is missing, for `parts/problem.html`.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) title: &'static str,
    pub(crate) text: String,
    /// The query text with the place of the mistake, for mistakes in one.
    pub(crate) pointer: Option<String>,
}

impl Problem {
    /// The problem with `query`, the text that was asked.
    pub(crate) fn of(error: &QueryError, query: &str) -> Self {
        let title = match error {
            QueryError::BadQuery { .. } | QueryError::BadParameter(_) => "Query not understood",
            QueryError::Limit(_) => "Query too large",
            QueryError::Timeout => "Time limit",
            QueryError::Cancelled | QueryError::Overloaded => "Busy",
            QueryError::Read(_) => "Data not readable",
            QueryError::Internal(_) => "Query failed",
        };
        let pointer = match error {
            QueryError::BadQuery { position, .. } => Some(query::pointer(query, *position)),
            _ => None,
        };
        Problem { title, text: error.to_string(), pointer }
    }

    pub(crate) fn parameter(error: impl fmt::Display) -> Self {
        Problem { title: "Not understood", text: error.to_string(), pointer: None }
    }
}
