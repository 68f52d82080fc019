//! The JSON structures of Jaeger's query API.

use serde::Serialize;
use std::collections::BTreeMap;

/// What every answer is wrapped in. For one trace, `data` has one element or the answer is a 404 with an error:
/// Grafana reads element 0 without looking.
#[derive(Clone, Debug, Serialize)]
pub struct Response<T> {
    pub data: T,
    pub total: usize,
    pub limit: usize,
    pub offset: usize,
    pub errors: Option<Vec<Error>>,
}

impl<T> Response<Vec<T>> {
    pub fn of(data: Vec<T>) -> Self {
        Response { total: data.len(), data, limit: 0, offset: 0, errors: None }
    }
}

impl Response<Option<()>> {
    /// An answer with an error and `"data": null`. `code` is the HTTP status.
    pub fn error(code: u16, message: impl Into<String>) -> Self {
        let errors = Some(vec![Error { code, msg: message.into(), trace_id: None }]);
        Response { data: None, total: 0, limit: 0, offset: 0, errors }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Error {
    pub code: u16,
    pub msg: String,
    #[serde(rename = "traceID", skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    #[serde(rename = "traceID")]
    pub trace_id: String,
    pub spans: Vec<Span>,
    /// By the `processID` of spans.
    pub processes: BTreeMap<String, Process>,
    pub warnings: Option<Vec<String>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    #[serde(rename = "traceID")]
    pub trace_id: String,
    #[serde(rename = "spanID")]
    pub span_id: String,
    pub flags: u32,
    pub operation_name: String,
    pub references: Vec<Reference>,
    /// Microseconds since the epoch.
    pub start_time: i64,
    /// Microseconds.
    pub duration: i64,
    pub tags: Vec<Tag>,
    pub logs: Vec<Log>,
    #[serde(rename = "processID")]
    pub process_id: String,
    pub warnings: Option<Vec<String>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    pub ref_type: RefType,
    #[serde(rename = "traceID")]
    pub trace_id: String,
    #[serde(rename = "spanID")]
    pub span_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefType {
    ChildOf,
    FollowsFrom,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tag {
    pub key: String,
    #[serde(flatten)]
    pub value: TagValue,
}

/// A value and its type. What JSON or Jaeger cannot say as it is comes as a string.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum TagValue {
    String(String),
    Bool(bool),
    Int64(i64),
    Float64(f64),
}

#[derive(Clone, Debug, Serialize)]
pub struct Log {
    /// Microseconds since the epoch.
    pub timestamp: i64,
    pub fields: Vec<Tag>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    pub service_name: String,
    pub tags: Vec<Tag>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    pub name: String,
    pub span_kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    pub parent: String,
    pub child: String,
    pub call_count: u64,
}
