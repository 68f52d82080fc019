//! Our traces and services as Jaeger's.

use std::collections::{BTreeMap, BTreeSet};

use model::time::MICROSECOND;
use model::{Attrs, Span as ModelSpan, StatusCode, TimeRange, TraceId, Value};
use store::Snapshot;

use crate::services::{self, NodeKind};
use crate::traces::{self, TraceSearch};
use crate::{Budget, QueryError};

use super::wire::{Dependency, Log, Operation, Process, RefType, Reference, Span, Tag, TagValue, Trace};

/// How many spans one answer holds; a span takes about a kilobyte of JSON.
const MAX_SPANS: usize = 200_000;

/// The names of all services with spans in `range`, for `/api/services`.
pub fn service_names(snapshot: &Snapshot, budget: &Budget, range: TimeRange) -> Result<Vec<String>, QueryError> {
    let list = services::services(snapshot, budget, range, 1)?;
    let names: BTreeSet<String> = list.services.into_iter().map(|it| it.service).collect();
    Ok(names.into_iter().collect())
}

/// The operations of a service, for `/api/operations?service=…&spanKind=…`. `kind` empty for all; of an unknown kind there
/// are none.
pub fn operations(
    snapshot: &Snapshot,
    budget: &Budget,
    service: &str,
    kind: &str,
    range: TimeRange,
) -> Result<Vec<Operation>, QueryError> {
    let wanted = model::SpanKind::parse(kind);
    if wanted.is_none() && !kind.is_empty() {
        return Ok(Vec::new());
    }
    let search = services::OperationSearch { service: service.to_owned(), kind: wanted, range, n_buckets: 1 };
    let list = services::operations(snapshot, budget, &search)?;
    let mut operations: Vec<Operation> = list
        .operations
        .into_iter()
        .map(|it| Operation { name: it.name, span_kind: it.kind.name().to_owned() })
        .collect();
    operations.sort_by(|a, b| (&a.name, &a.span_kind).cmp(&(&b.name, &b.span_kind)));
    Ok(operations)
}

/// The names of a service's operations, for `/api/services/{service}/operations`.
pub fn operation_names(
    snapshot: &Snapshot,
    budget: &Budget,
    service: &str,
    range: TimeRange,
) -> Result<Vec<String>, QueryError> {
    let mut names: Vec<String> =
        operations(snapshot, budget, service, "", range)?.into_iter().map(|operation| operation.name).collect();
    names.dedup();
    Ok(names)
}

/// Who calls whom, for `/api/dependencies`.
pub fn dependencies(snapshot: &Snapshot, budget: &Budget, range: TimeRange) -> Result<Vec<Dependency>, QueryError> {
    let mut calls: BTreeMap<(String, String), u64> = BTreeMap::new();
    // With queues, since they are what connects those who write to those who read.
    let is_shown = |kind| matches!(kind, NodeKind::Service | NodeKind::Queue);
    for edge in services::edges(snapshot, budget, range, None)?.edges {
        if is_shown(edge.client.kind) && is_shown(edge.server.kind) {
            *calls.entry((edge.client.name, edge.server.name)).or_default() += edge.n_calls;
        }
    }
    let dependency = |((parent, child), call_count)| Dependency { parent, child, call_count };
    Ok(calls.into_iter().map(dependency).collect())
}

/// The traces of a search, whole, for `/api/traces`. When `ids` are given, as `traceID=…` does, exactly those.
///
/// Ends after 200,000 spans; the last trace then carries a warning, there is no other place for one.
pub fn traces(
    snapshot: &Snapshot,
    budget: &Budget,
    search: &TraceSearch,
    ids: &[TraceId],
) -> Result<Vec<Trace>, QueryError> {
    let found = found_traces(snapshot, budget, search, ids)?;
    Ok(found.iter().map(trace).collect())
}

/// As [`traces`], and as they are stored.
pub fn found_traces(
    snapshot: &Snapshot,
    budget: &Budget,
    search: &TraceSearch,
    ids: &[TraceId],
) -> Result<Vec<traces::Trace>, QueryError> {
    let found: Vec<TraceId> = match ids {
        [] => traces::search(snapshot, budget, search)?.traces.into_iter().map(|it| it.trace_id).collect(),
        ids => ids.to_vec(),
    };
    let mut whole: Vec<traces::Trace> = Vec::new();
    let mut n_spans = 0;
    for (index, &id) in found.iter().enumerate() {
        if let Some(trace) = traces::trace(snapshot, budget, id)? {
            n_spans += trace.spans.len();
            whole.push(trace);
        }
        if n_spans >= MAX_SPANS && index + 1 < found.len() {
            let left_out = found.len() - index - 1;
            let warning = format!("{left_out} more traces are left out: those before have {n_spans} spans");
            if let Some(last) = whole.last_mut() {
                last.warnings.push(warning);
            }
            break;
        }
    }
    Ok(whole)
}

/// A trace, for `/api/traces/{id}`.
pub fn trace(found: &traces::Trace) -> Trace {
    let mut processes = Processes::default();
    let spans = (0..found.spans.len()).map(|index| span(found, index, &mut processes)).collect();
    let warnings = (!found.warnings.is_empty()).then(|| found.warnings.clone());
    Trace { trace_id: found.trace_id.to_string(), spans, processes: processes.into_map(), warnings }
}

fn span(trace: &traces::Trace, index: usize, processes: &mut Processes) -> Span {
    let place = &trace.spans[index];
    let span = trace.span(index);
    let mut warnings = Vec::new();
    if place.missing_parent {
        warnings.push("the parent of this span has not arrived".to_owned());
    }
    if place.shared_id {
        warnings.push("another span of the trace has the same id".to_owned());
    }
    if place.cycle {
        warnings.push("the parents of this span form a circle".to_owned());
    }
    Span {
        trace_id: span.trace_id.to_string(),
        span_id: span.span_id.to_string(),
        // What is stored was sampled, whatever the flags of the sender's context say.
        flags: (span.flags & 0xff) | 1,
        operation_name: span.name.to_owned(),
        references: references(&span),
        start_time: span.start.div_euclid(MICROSECOND),
        duration: span.duration / MICROSECOND,
        tags: span_tags(&span),
        logs: logs(&span),
        process_id: processes.id(&span),
        warnings: (!warnings.is_empty()).then_some(warnings),
    }
}

fn references(span: &ModelSpan<'_>) -> Vec<Reference> {
    let parent = span.parent_span_id.map(|id| Reference {
        ref_type: RefType::ChildOf,
        trace_id: span.trace_id.to_string(),
        span_id: id.to_string(),
    });
    let links = span.links.iter().filter_map(|link| {
        let (trace_id, span_id) = (link.trace_id?.to_string(), link.span_id?.to_string());
        Some(Reference { ref_type: RefType::FollowsFrom, trace_id, span_id })
    });
    parent.into_iter().chain(links).collect()
}

/// The attributes, and what else OpenTelemetry's mapping to Jaeger makes a tag of.
/// Source: opentelemetry-specification, compatibility "OpenTelemetry to Jaeger Transformation".
fn span_tags(span: &ModelSpan<'_>) -> Vec<Tag> {
    let mut tags = tags(span.attrs);
    tags.push(text("span.kind", span.kind.name()));
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => tags.push(text("otel.status_code", "OK")),
        StatusCode::Error => {
            tags.push(text("otel.status_code", "ERROR"));
            tags.push(Tag { key: "error".to_owned(), value: TagValue::Bool(true) });
        }
    }
    let named = [
        ("otel.status_description", span.status_message),
        ("otel.scope.name", span.scope.name()),
        ("otel.scope.version", span.scope.version()),
        ("w3c.tracestate", span.trace_state),
    ];
    tags.extend(named.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| text(key, value)));
    tags
}

fn logs(span: &ModelSpan<'_>) -> Vec<Log> {
    let log = |event: model::span::Event<'_>| {
        let mut fields = tags(event.attrs);
        if !event.name.is_empty() && event.attrs.get("event").is_none() {
            fields.insert(0, text("event", event.name));
        }
        Log { timestamp: event.time.div_euclid(MICROSECOND), fields }
    };
    span.events.iter().map(log).collect()
}

fn tags(attrs: Attrs<'_>) -> Vec<Tag> {
    attrs.iter().map(|(key, value)| Tag { key: key.to_owned(), value: tag_value(&value) }).collect()
}

fn tag_value(value: &Value<'_>) -> TagValue {
    match *value {
        Value::Bool(bit) => TagValue::Bool(bit),
        Value::Int(int) => TagValue::Int64(int),
        Value::Double(double) if double.is_finite() => TagValue::Float64(double),
        other => TagValue::String(other.to_string()),
    }
}

fn text(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: TagValue::String(value.to_owned()) }
}

/// The distinct resources of a trace.
#[derive(Default)]
struct Processes {
    by_resource: hashbrown::HashMap<Vec<u8>, String>,
    processes: BTreeMap<String, Process>,
}

impl Processes {
    fn id(&mut self, span: &ModelSpan<'_>) -> String {
        if let Some(id) = self.by_resource.get(span.resource.as_bytes()) {
            return id.clone();
        }
        let id = format!("p{}", self.processes.len() + 1);
        let mut tags = tags(span.resource.attrs());
        tags.retain(|tag| tag.key != "service.name");
        self.processes.insert(id.clone(), Process { service_name: span.service.to_owned(), tags });
        self.by_resource.insert(span.resource.as_bytes().to_vec(), id.clone());
        id
    }

    fn into_map(self) -> BTreeMap<String, Process> {
        self.processes
    }
}
