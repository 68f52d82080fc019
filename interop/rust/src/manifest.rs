//! Everything that the SDK hands to its exporters, in the form of a manifest: see docs/interop.md.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::logs::AnyValue;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Map, Value as Json, json};

use crate::metrics;

#[derive(Debug)]
pub struct Manifest {
    resource: Json,
    lists: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    spans: Vec<Json>,
    logs: Vec<Json>,
    points: Vec<Json>,
    complaints: Vec<String>,
}

impl Manifest {
    pub fn new(resource: Resource) -> Self {
        let pairs = resource.iter().map(|(key, it)| (key.to_string(), value(it)));
        Manifest { resource: Json::Object(pairs.collect()), lists: Mutex::default() }
    }

    fn lists(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.lists.lock().expect("no thread panics while it holds the lists")
    }

    pub fn complain(&self, what: String) {
        self.lists().complaints.push(what);
    }

    pub fn note_spans(&self, batch: &[SpanData]) {
        self.lists().spans.extend(batch.iter().map(|it| span(it, &self.resource)));
    }

    pub fn note_log(&self, record: &SdkLogRecord, scope: &InstrumentationScope) {
        self.lists().logs.push(log(record, scope, &self.resource));
    }

    pub fn note_metrics(&self, batch: &ResourceMetrics) {
        self.lists().points.extend(metrics::points(batch, &self.resource));
    }

    pub fn to_json(&self, variant: &str) -> Json {
        let Lists { spans, logs, points, complaints } = &*self.lists();
        json!({
            "variant": variant, "sdk": sdk(), "spans": spans, "logs": logs, "points": points, "exemplars": [], "complaints": complaints,
        })
    }
}

/// The SDK with its version, as it is in the lock file.
fn sdk() -> String {
    let name = "opentelemetry_sdk";
    let after = include_str!("../Cargo.lock").split(&format!("name = \"{name}\"\nversion = \"")).nth(1);
    let version = after.and_then(|rest| rest.split('"').next()).unwrap_or("of no known version");
    format!("{name} {version}")
}

fn span(it: &SpanData, resource: &Json) -> Json {
    let context = &it.span_context;
    let (status, message) = match &it.status {
        Status::Unset => ("unset", ""),
        Status::Ok => ("ok", ""),
        Status::Error { description } => ("error", description.as_ref()),
    };
    let kind = match it.span_kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    };
    let remote = if it.parent_span_is_remote { 0x200 } else { 0 };
    let events = it.events.iter().map(|event| {
        json!({ "time": nanos(event.timestamp), "name": event.name, "attributes": attributes(&event.attributes) })
    });
    let links = it.links.iter().map(|link| {
        json!({
            "trace_id": link.span_context.trace_id().to_string(),
            "span_id": link.span_context.span_id().to_string(),
            "trace_state": link.span_context.trace_state().header(),
            "attributes": attributes(&link.attributes),
        })
    });
    json!({
        "trace_id": context.trace_id().to_string(),
        "span_id": context.span_id().to_string(),
        "parent_span_id": (it.parent_span_id != SpanId::INVALID).then(|| it.parent_span_id.to_string()),
        "trace_state": context.trace_state().header(),
        "flags": u32::from(context.trace_flags().to_u8()) | 0x100 | remote,
        "name": it.name,
        "kind": kind,
        "start": nanos(it.start_time),
        "end": nanos(it.end_time),
        "status": status,
        "status_message": message,
        "attributes": attributes(&it.attributes),
        "events": events.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "dropped_attributes": it.dropped_attributes_count,
        "dropped_events": it.events.dropped_count,
        "dropped_links": it.links.dropped_count,
        "resource": resource,
        "scope": scope(&it.instrumentation_scope),
    })
}

fn log(it: &SdkLogRecord, of: &InstrumentationScope, resource: &Json) -> Json {
    let context = it.trace_context();
    let observed = it.observed_timestamp().expect("the SDK gives each record the time");
    let attributes = it.attributes_iter().map(|(key, it)| (key.to_string(), any(it)));
    json!({
        // The receiver gives a record without a time the one at which it was observed.
        "time": nanos(it.timestamp().unwrap_or(observed)),
        "observed_time": nanos(observed),
        "severity_number": it.severity_number().map_or(0, |severity| severity as i32),
        "severity_text": it.severity_text().unwrap_or_default(),
        "body": it.body().map_or_else(|| json!({ "empty": true }), any),
        "event_name": it.event_name().unwrap_or_default(),
        "trace_id": context.map(|it| it.trace_id.to_string()),
        "span_id": context.map(|it| it.span_id.to_string()),
        "flags": context.and_then(|it| it.trace_flags).map_or(0, |flags| flags.to_u8()),
        "attributes": attributes.collect::<Map<_, _>>(),
        "dropped_attributes": 0,
        "resource": resource,
        "scope": scope(of),
    })
}

pub fn scope(it: &InstrumentationScope) -> Json {
    let pairs = it.attributes().map(|pair| (pair.key.to_string(), value(&pair.value)));
    json!({ "name": it.name(), "version": it.version().unwrap_or_default(), "attributes": pairs.collect::<Map<_, _>>() })
}

/// Nanoseconds since the epoch as decimal digits.
pub fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).map(|it| it.as_nanos()).unwrap_or_default().to_string()
}

/// Attributes as `{key: {type: value}}`.
fn attributes(pairs: &[KeyValue]) -> Json {
    pairs.iter().map(|pair| (pair.key.to_string(), value(&pair.value))).collect()
}

/// A value with its type.
pub fn value(it: &Value) -> Json {
    match it {
        Value::Bool(it) => json!({ "bool": it }),
        Value::I64(it) => json!({ "int": it.to_string() }),
        Value::F64(it) => double(*it),
        Value::String(it) => json!({ "string": it.as_str() }),
        Value::Array(Array::Bool(items)) => array(items.iter().map(|it| json!({ "bool": it }))),
        Value::Array(Array::I64(items)) => array(items.iter().map(|it| json!({ "int": it.to_string() }))),
        Value::Array(Array::F64(items)) => array(items.iter().map(|it| double(*it))),
        Value::Array(Array::String(items)) => array(items.iter().map(|it| json!({ "string": it.as_str() }))),
        other => unreachable!("no value of the API is a {other:?}"),
    }
}

fn any(it: &AnyValue) -> Json {
    match it {
        AnyValue::Int(it) => json!({ "int": it.to_string() }),
        AnyValue::Double(it) => double(*it),
        AnyValue::String(it) => json!({ "string": it.as_str() }),
        AnyValue::Boolean(it) => json!({ "bool": it }),
        AnyValue::Bytes(it) => json!({ "bytes": base64(it) }),
        AnyValue::ListAny(items) => array(items.iter().map(any)),
        AnyValue::Map(map) => {
            json!({ "map": map.iter().map(|(key, it)| (key.to_string(), any(it))).collect::<Map<_, _>>() })
        }
        other => unreachable!("no value of the API is a {other:?}"),
    }
}

fn array(items: impl Iterator<Item = Json>) -> Json {
    json!({ "array": items.collect::<Vec<_>>() })
}

/// JSON lacks some doubles, and readers of it take the sign of a zero.
pub fn double(it: f64) -> Json {
    if it.is_nan() {
        json!({ "double": "NaN" })
    } else if it.is_infinite() {
        json!({ "double": if it > 0.0 { "Infinity" } else { "-Infinity" } })
    } else if it == 0.0 && it.is_sign_negative() {
        json!({ "double": "-0" })
    } else {
        json!({ "double": it })
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = char::from(ALPHABET[(group >> (18 - 6 * place)) as usize & 63]);
            text.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    text
}
