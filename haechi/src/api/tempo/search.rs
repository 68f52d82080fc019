//! `/api/search`: traces that a TraceQL query finds, or the tags and durations of older clients.

use axum::Json;
use axum::extract::State;
use model::time::MILLISECOND;
use model::{Nanos, Value};
use query::lang::FieldValue;
use query::otlp::AnyValue;
use query::traces::{FoundSet, FoundSpan, Language, MatchedSpan, TraceHits, TraceSearch, TraceSummary, search as find};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Map, json};

use super::PlainError;
use super::tags::range;
use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::api::params::Params;

/// Tempo's own default of `limit`.
const DEFAULT_TRACES: usize = 20;
/// … and of `spss`, spans for each set of spans.
const DEFAULT_SPANS: usize = 3;
/// What Tempo says where the root of a trace is missing; Grafana shows it.
const NO_ROOT: &str = "<root span not yet received>";

pub(super) async fn search(
    State(state): State<ApiState>,
    params: Params,
) -> Result<Json<serde_json::Value>, PlainError> {
    let search = search_of(&params, (state.clock)())?;
    let hits = state.engine.run(move |snapshot, budget| find(snapshot, budget, &search)).await?;
    Ok(Json(answer(&hits)))
}

fn search_of(params: &Params, now: Nanos) -> Result<TraceSearch, ApiError> {
    let duration = |name: &str| match params.get(name) {
        None => Ok(None),
        Some(text) => query::lang::parse_duration(text)
            .map(Some)
            .ok_or_else(|| ApiError::bad_parameter(name, "a duration such as 500ms or 1.2s is expected")),
    };
    Ok(TraceSearch {
        query: params.get("q").unwrap_or_default().to_owned(),
        language: if params.get("q").is_some() { Language::TraceQl } else { Language::Search },
        min_duration: duration("minDuration")?,
        max_duration: duration("maxDuration")?,
        attributes: params.get("tags").map_or(Ok(Vec::new()), tags)?,
        limit: params.count("limit", DEFAULT_TRACES)?.max(1),
        spans_per_set: params.count("spss", DEFAULT_SPANS)?.max(1),
        ..TraceSearch::new(range(params, now)?)
    })
}

/// `key=value key="value with spaces"`, as logfmt has it.
fn tags(text: &str) -> Result<Vec<(String, String)>, ApiError> {
    let expected = || ApiError::bad_parameter("tags", "key=value pairs with spaces between them are expected");
    let mut tags = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or_else(expected)?;
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(expected());
        }
        let (value, after) = match after.strip_prefix('"') {
            None => {
                after.split_once(char::is_whitespace).map_or((after.to_owned(), ""), |(it, rest)| (it.to_owned(), rest))
            }
            Some(quoted) => unquoted(quoted).ok_or_else(expected)?,
        };
        tags.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(tags)
}

/// The text up to the quote that ends it, and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// `SearchResponse`; numbers of 64 bits are strings, as in all JSON of protobuf.
fn answer(hits: &TraceHits) -> serde_json::Value {
    let traces: Vec<serde_json::Value> = hits.traces.iter().map(trace).collect();
    // Tempo's way to say that an answer is not whole. A search that found what it was to find is whole, though the range has more.
    let is_whole = hits.warnings.is_empty();
    let mut answer = json!({
        "traces": traces,
        "metrics": {
            "inspectedTraces": hits.n_traces, "inspectedSpans": hits.n_scanned.to_string(),
            "completedJobs": usize::from(is_whole), "totalJobs": 1,
        },
    });
    if !is_whole {
        answer["status"] = "PARTIAL".into();
        answer["message"] = hits.warnings.join("; ").into();
    }
    answer
}

fn trace(trace: &TraceSummary) -> serde_json::Value {
    let (service, name) = match trace.root_missing {
        true => (NO_ROOT, ""),
        false => (trace.root_service.as_str(), trace.root_name.as_str()),
    };
    let sets: Vec<serde_json::Value> = match trace.sets.as_slice() {
        [] => vec![span_set(&[], trace.matched.iter().map(|it| span(it, &[])).collect(), trace.n_matched)],
        sets => sets.iter().map(of_set).collect(),
    };
    let stats: Map<String, serde_json::Value> = trace
        .services
        .iter()
        .map(|it| (it.service.clone(), json!({"spanCount": it.n_spans, "errorCount": it.n_errors})))
        .collect();
    json!({
        "traceID": trace.trace_id.to_string(),
        "rootServiceName": service,
        "rootTraceName": name,
        "startTimeUnixNano": trace.start.to_string(),
        "durationMs": trace.duration / MILLISECOND,
        // The first set once more, as clients before version 2.2 read it.
        "spanSet": sets[0],
        "spanSets": sets,
        "serviceStats": stats,
    })
}

fn of_set(set: &FoundSet) -> serde_json::Value {
    let spans = set.spans.iter().map(|FoundSpan { span: it, values }| span(it, values)).collect();
    span_set(&set.labels, spans, set.n_spans)
}

fn span_set(
    labels: &[(String, FieldValue<'static>)],
    spans: Vec<serde_json::Value>,
    n_matched: usize,
) -> serde_json::Value {
    let mut set = json!({"spans": spans, "matched": n_matched});
    if !labels.is_empty() {
        set["attributes"] = key_values(labels);
    }
    set
}

fn span(span: &MatchedSpan, values: &[(String, FieldValue<'static>)]) -> serde_json::Value {
    let mut attributes = key_values(values);
    if let Some(list) = attributes.as_array_mut().filter(|_| !values.iter().any(|(key, _)| key == "service.name")) {
        list.push(json!({"key": "service.name", "value": {"stringValue": span.service}}));
    }
    json!({
        "spanID": span.span_id.to_string(),
        "name": span.name,
        "startTimeUnixNano": span.start.to_string(),
        "durationNanos": span.duration.to_string(),
        "attributes": attributes,
    })
}

pub(super) fn key_values(values: &[(String, FieldValue<'static>)]) -> serde_json::Value {
    let entries = values.iter().map(|(key, value)| json!({"key": key, "value": Any(value)}));
    serde_json::Value::Array(entries.collect())
}

/// A value of TraceQL as an `AnyValue`.
struct Any<'a>(&'a FieldValue<'static>);

impl Serialize for Any<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = match self.0 {
            FieldValue::Nil => Value::Empty,
            FieldValue::Int(int) => Value::Int(*int),
            FieldValue::Float(float) => Value::Double(*float),
            FieldValue::Text(text) => Value::Str(text),
            FieldValue::Bool(bit) => Value::Bool(*bit),
            FieldValue::Duration(_) | FieldValue::Status(_) | FieldValue::Kind(_) => {
                return AnyValue(Value::Str(&self.0.to_string())).serialize(serializer);
            }
            FieldValue::List(values) => {
                let values: Vec<Any<'_>> = values.iter().map(Any).collect();
                let mut list = serializer.serialize_struct("AnyValue", 1)?;
                list.serialize_field("arrayValue", &json!({"values": values}))?;
                return list.end();
            }
        };
        AnyValue(value).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_logfmt() {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let cases: [(&str, &[(&str, &str)]); 5] = [
            ("", &[]),
            ("a=b", &[("a", "b")]),
            (" a=b  c=\"d e\" ", &[("a", "b"), ("c", "d e")]),
            ("a=\"say \\\"x\\\"\" b=", &[("a", "say \"x\""), ("b", "")]),
            ("a=b=c", &[("a", "b=c")]),
        ];
        for (text, expected) in cases {
            assert_eq!(tags(text).unwrap(), expected.iter().map(pair).collect::<Vec<_>>(), "{text}");
        }
        for text in ["a", "=b", "a b=c", "a=\"b"] {
            assert!(tags(text).is_err(), "{text}");
        }
    }
}
