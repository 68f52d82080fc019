//! `/api/v1/sql`: read-only SQL, answered as JSON or as an Arrow stream.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use sql::{SqlError, SqlOptions, SqlResult};

use super::ApiState;
use super::error::{ApiError, Position};

/// The media type of Arrow's IPC streaming format.
const ARROW: &str = "application/vnd.apache.arrow.stream";

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/api/v1/sql", post(run))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The most rows to return.
    limit: Option<usize>,
    #[serde(default)]
    rows: Shape,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    #[default]
    Objects,
    Arrays,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    query: String,
}

async fn run(
    State(state): State<ApiState>,
    options: Result<Query<Options>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let Query(options) = options.map_err(|error| bad(error.body_text()))?;
    let text = text_of(&headers, &body)?;
    let shape = options.rows;
    let options = SqlOptions { now: (state.clock)(), max_rows: options.limit, deadline: None };
    let result = state.sql.query(state.engine.store().snapshot(), text, options).await?;
    if header_text(&headers, header::ACCEPT).contains(ARROW) {
        let truncated = if result.truncated { "true" } else { "false" };
        let headers = [(header::CONTENT_TYPE.as_str(), ARROW), ("haechi-truncated", truncated)];
        return Ok((headers, result.arrow_stream()?).into_response());
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], json(&result, shape)?).into_response())
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "bad_data", message)
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The statement in a request's body: `{"query": "…"}` when its type is JSON, the body itself otherwise.
fn text_of(headers: &HeaderMap, body: &[u8]) -> Result<String, ApiError> {
    if header_text(headers, header::CONTENT_TYPE).starts_with("application/json") {
        let body: Body = serde_json::from_slice(body)
            .map_err(|error| bad(format!("body: an object with the key query is expected: {error}")))?;
        return Ok(body.query);
    }
    String::from_utf8(body.to_vec()).map_err(|_| bad("body: text in UTF-8 is expected"))
}

/// The rows are written by `sql`, straight from its columns, and set into the rest of the answer as text.
fn json(result: &SqlResult, shape: Shape) -> Result<String, ApiError> {
    let rows = match shape {
        Shape::Objects => result.objects_json()?,
        Shape::Arrays => result.rows_json()?,
    };
    let columns: Vec<_> = result
        .columns
        .iter()
        .map(|column| serde_json::json!({ "name": column.name, "type": column.type_name }))
        .collect();
    let (columns, warnings) = (serde_json::Value::from(columns), serde_json::json!(result.warnings));
    let (truncated, elapsed) = (result.truncated, result.elapsed.as_secs_f64() * 1e3);
    Ok(format!(
        "{{\"columns\":{columns},\"rows\":{rows},\"truncated\":{truncated},\"elapsed_ms\":{elapsed:.3},\"warnings\":{warnings}}}"
    ))
}

impl From<SqlError> for ApiError {
    fn from(error: SqlError) -> Self {
        let (status, kind) = match &error {
            SqlError::BadQuery { .. } => (StatusCode::BAD_REQUEST, "bad_data"),
            SqlError::Execution(_) | SqlError::Memory { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
            SqlError::Timeout(_) => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            SqlError::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "unavailable"),
            SqlError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let position = match &error {
            SqlError::BadQuery { position: Some(it), .. } => Some(Position::Line { line: it.line, column: it.column }),
            _ => None,
        };
        ApiError { status, kind, message: error.to_string(), position }
    }
}
