//! The one error of all APIs, in the shape that Prometheus' clients know.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use query::{Place, QueryError};
use serde::Serialize;

/// A request that has no answer: status, class and words. As JSON:
/// `{"status":"error","errorType":"bad_data","error":"…","position":{…}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    /// A class of Prometheus' HTTP API: `bad_data`, `execution`, `timeout`, `canceled`, `unavailable`, `internal`,
    /// `not_found`.
    pub(super) kind: &'static str,
    pub(super) message: String,
    pub(super) position: Option<Position>,
}

/// Where in a query's text the mistake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Position {
    /// Bytes from the start of the text; line and column are from 1, in characters.
    Byte { byte: usize, line: usize, column: usize },
    #[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "only SQL has no bytes"))]
    Line { line: u64, column: u64 },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    status: &'static str,
    error_type: &'static str,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        ApiError { status, kind, message: message.into(), position: None }
    }

    /// A parameter is wrong; says which and what is allowed.
    pub(super) fn bad_parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        ApiError::new(StatusCode::BAD_REQUEST, "bad_data", format!("parameter {name}: {reason}"))
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let (status, kind) = match &error {
            QueryError::BadQuery { .. } | QueryError::BadParameter(_) => (StatusCode::BAD_REQUEST, "bad_data"),
            QueryError::Limit(_) => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
            QueryError::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            QueryError::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "canceled"),
            QueryError::Overloaded => (StatusCode::TOO_MANY_REQUESTS, "unavailable"),
            QueryError::Read(_) | QueryError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let position = match &error {
            QueryError::BadQuery { position, place: Some(Place { line, column }), .. } => {
                Some(Position::Byte { byte: *position, line: *line, column: *column })
            }
            _ => None,
        };
        ApiError { status, kind, message: error.to_string(), position }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body { status: "error", error_type: self.kind, error: &self.message, position: self.position };
        (self.status, Json(body)).into_response()
    }
}
