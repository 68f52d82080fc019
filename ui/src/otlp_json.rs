//! A trace as OTLP/JSON: what an exporter would write to a file, and any OTLP receiver takes.
//! Source: the protobuf JSON mapping of the OTLP specification: ids in hex, 64-bit numbers as texts, enums as numbers.

use std::collections::HashMap;

use model::{Attrs, SpanKind, Value};
use query::traces::Trace;
use serde_json::{Map, Value as Json, json};

/// The spans of one scope, as indices, in the order of the tree.
type Scope = Vec<usize>;

/// The spans of `trace` in `resourceSpans`, by resource and scope.
pub(crate) fn otlp_json(trace: &Trace) -> Vec<u8> {
    let resource_spans = resources(trace).into_iter().map(|scopes| {
        let resource = trace.span(scopes[0][0]).resource;
        let scope_spans = scopes.into_iter().map(|spans| {
            let scope = trace.span(spans[0]).scope;
            json!({
                "scope": { "name": scope.name(), "version": scope.version(), "attributes": attributes(scope.attrs()) },
                "schemaUrl": scope.schema_url(),
                "spans": spans.into_iter().map(|index| span(trace, index)).collect::<Vec<_>>(),
            })
        });
        json!({
            "resource": { "attributes": attributes(resource.attrs()) },
            "schemaUrl": resource.schema_url(),
            "scopeSpans": scope_spans.collect::<Vec<_>>(),
        })
    });
    let request = json!({ "resourceSpans": resource_spans.collect::<Vec<_>>() });
    serde_json::to_vec(&request).expect("JSON values can be written")
}

/// The scopes of each resource, none of them empty, in order of their first span.
fn resources(trace: &Trace) -> Vec<Vec<Scope>> {
    let mut resources: Vec<Vec<Scope>> = Vec::new();
    let mut known_resources: HashMap<&[u8], usize> = HashMap::new();
    let mut known_scopes: HashMap<(usize, &[u8]), usize> = HashMap::new();
    for index in 0..trace.spans.len() {
        let span = trace.span(index);
        let resource = *known_resources.entry(span.resource.as_bytes()).or_insert(resources.len());
        if resource == resources.len() {
            resources.push(Vec::new());
        }
        let scopes = &mut resources[resource];
        let scope = *known_scopes.entry((resource, span.scope.as_bytes())).or_insert(scopes.len());
        if scope == scopes.len() {
            scopes.push(Scope::new());
        }
        scopes[scope].push(index);
    }
    resources
}

fn span(trace: &Trace, index: usize) -> Json {
    let span = trace.span(index);
    let kind = match span.kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    };
    let events = span.events.iter().map(|event| {
        json!({ "timeUnixNano": event.time.to_string(), "name": event.name, "attributes": attributes(event.attrs),
                "droppedAttributesCount": event.dropped_attributes })
    });
    let links = span.links.iter().map(|link| {
        json!({ "traceId": link.trace_id.map(|id| id.to_string()).unwrap_or_default(),
                "spanId": link.span_id.map(|id| id.to_string()).unwrap_or_default(),
                "traceState": link.trace_state, "attributes": attributes(link.attrs),
                "droppedAttributesCount": link.dropped_attributes, "flags": link.flags })
    });
    json!({
        "traceId": span.trace_id.to_string(),
        "spanId": span.span_id.to_string(),
        "parentSpanId": span.parent_span_id.map(|id| id.to_string()).unwrap_or_default(),
        "traceState": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": kind,
        "startTimeUnixNano": span.start.to_string(),
        "endTimeUnixNano": span.end().to_string(),
        "attributes": attributes(span.attrs),
        "droppedAttributesCount": span.dropped_attributes,
        "events": events.collect::<Vec<_>>(),
        "droppedEventsCount": span.dropped_events,
        "links": links.collect::<Vec<_>>(),
        "droppedLinksCount": span.dropped_links,
        "status": { "code": span.status as u8, "message": span.status_message },
    })
}

fn attributes(attrs: Attrs<'_>) -> Json {
    attrs.iter().map(|(key, value)| json!({ "key": key, "value": any(value) })).collect::<Vec<_>>().into()
}

/// An `AnyValue`. The receiver refuses values that nest deeper than `model::attrs::MAX_VALUE_DEPTH`.
fn any(value: Value<'_>) -> Json {
    let (key, value): (&str, Json) = match value {
        Value::Empty => return Json::Object(Map::new()),
        Value::Str(text) => ("stringValue", text.into()),
        Value::Bool(bool) => ("boolValue", bool.into()),
        Value::Int(int) => ("intValue", int.to_string().into()),
        Value::Double(double) if double.is_finite() => ("doubleValue", double.into()),
        Value::Double(double) if double.is_nan() => ("doubleValue", "NaN".into()),
        Value::Double(double) => ("doubleValue", if double > 0.0 { "Infinity" } else { "-Infinity" }.into()),
        // Its text is base64, as the mapping wants it.
        Value::Bytes(_) => ("bytesValue", value.to_string().into()),
        Value::Array(values) => ("arrayValue", json!({ "values": values.iter().map(any).collect::<Vec<_>>() })),
        Value::Map(attrs) => ("kvlistValue", json!({ "values": attributes(attrs) })),
    };
    Json::Object(Map::from_iter([(key.to_owned(), value)]))
}
