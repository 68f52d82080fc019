//! The JSON encoding: ids in hex, 64 bits as strings, enums as numbers.

use model::span::{Event, Link};
use model::{Nanos, Scope, Span, StatusCode};
use serde::Serialize;
use serde::ser::Serializer;

use super::attributes::KeyValues;
use super::grouped::{OfResource, OfScope, grouped};
use crate::traces::Trace;

/// Traces as a message `TracesData`: `{"resourceSpans": […]}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TracesData<'a> {
    resource_spans: Vec<ResourceSpans<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: ResourceObject<'a>,
    scope_spans: Vec<ScopeSpans<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    schema_url: &'a str,
}

#[derive(Serialize)]
struct ResourceObject<'a> {
    attributes: KeyValues<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeSpans<'a> {
    scope: ScopeObject<'a>,
    spans: Vec<SpanObject<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    schema_url: &'a str,
}

#[derive(Serialize)]
struct ScopeObject<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    #[serde(skip_serializing_if = "KeyValues::is_empty")]
    attributes: KeyValues<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanObject<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    trace_state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    flags: u32,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: Time,
    end_time_unix_nano: Time,
    #[serde(skip_serializing_if = "KeyValues::is_empty")]
    attributes: KeyValues<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventObject<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_events_count: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<LinkObject<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_links_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusObject<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventObject<'a> {
    time_unix_nano: Time,
    name: &'a str,
    #[serde(skip_serializing_if = "KeyValues::is_empty")]
    attributes: KeyValues<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkObject<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    trace_state: &'a str,
    #[serde(skip_serializing_if = "KeyValues::is_empty")]
    attributes: KeyValues<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
    #[serde(skip_serializing_if = "is_zero")]
    flags: u32,
}

#[derive(Serialize)]
struct StatusObject<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    code: u32,
}

/// Nanoseconds since the epoch; negative ones are those of OTLP's unsigned field.
struct Time(Nanos);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&(self.0 as u64))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl KeyValues<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> TracesData<'a> {
    pub fn of(traces: impl IntoIterator<Item = &'a Trace>) -> Self {
        TracesData { resource_spans: traces.into_iter().flat_map(grouped).map(ResourceSpans::of).collect() }
    }
}

impl<'a> ResourceSpans<'a> {
    fn of(of: OfResource<'a>) -> Self {
        ResourceSpans {
            resource: ResourceObject { attributes: KeyValues(of.resource.attrs()) },
            scope_spans: of.scopes.into_iter().map(ScopeSpans::of).collect(),
            schema_url: of.resource.schema_url(),
        }
    }
}

impl<'a> ScopeSpans<'a> {
    fn of(of: OfScope<'a>) -> Self {
        let scope: Scope<'a> = of.scope;
        ScopeSpans {
            scope: ScopeObject { name: scope.name(), version: scope.version(), attributes: KeyValues(scope.attrs()) },
            spans: of.spans.iter().map(SpanObject::of).collect(),
            schema_url: scope.schema_url(),
        }
    }
}

impl<'a> SpanObject<'a> {
    fn of(span: &Span<'a>) -> Self {
        SpanObject {
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            trace_state: span.trace_state,
            parent_span_id: span.parent_span_id.map(|id| id.to_string()),
            flags: span.flags,
            name: span.name,
            kind: span.kind as u8,
            start_time_unix_nano: Time(span.start),
            end_time_unix_nano: Time(span.end()),
            attributes: KeyValues(span.attrs),
            dropped_attributes_count: span.dropped_attributes,
            events: span.events.iter().map(EventObject::of).collect(),
            dropped_events_count: span.dropped_events,
            links: span.links.iter().map(LinkObject::of).collect(),
            dropped_links_count: span.dropped_links,
            status: StatusObject::of(span),
        }
    }
}

impl<'a> StatusObject<'a> {
    /// `None` when nothing is said.
    fn of(span: &Span<'a>) -> Option<Self> {
        let Span { status, status_message: message, .. } = *span;
        (status != StatusCode::Unset || !message.is_empty()).then_some(StatusObject { message, code: status as u32 })
    }
}

impl<'a> EventObject<'a> {
    fn of(event: Event<'a>) -> Self {
        EventObject {
            time_unix_nano: Time(event.time),
            name: event.name,
            attributes: KeyValues(event.attrs),
            dropped_attributes_count: event.dropped_attributes,
        }
    }
}

impl<'a> LinkObject<'a> {
    /// An id that was none is empty.
    fn of(link: Link<'a>) -> Self {
        LinkObject {
            trace_id: link.trace_id.map(|id| id.to_string()).unwrap_or_default(),
            span_id: link.span_id.map(|id| id.to_string()).unwrap_or_default(),
            trace_state: link.trace_state,
            attributes: KeyValues(link.attrs),
            dropped_attributes_count: link.dropped_attributes,
            flags: link.flags,
        }
    }
}
