//! Refusals over HTTP: a status and `{"error": {"code": …, "message": …}}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::json;

/// A refusal or failure as a client sees it.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// A word that programs can tell refusals apart by.
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Returns the answer to a request that the service cannot serve because of a fault of its own.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(name: "request.failed", { exception.message = %error }, "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the service failed")
    }
}

impl From<crate::database::DatabaseError> for Problem {
    fn from(error: crate::database::DatabaseError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        (self.status, Json(body)).into_response()
    }
}

/// Returns a request's body read as JSON, or why it is refused with 400.
pub(crate) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_body", format!("the body is not what is expected: {error}"))
    })
}
