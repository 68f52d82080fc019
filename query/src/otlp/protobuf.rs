//! The protobuf encoding.

use model::resource::SCHEMA_URL_FIELD;
use model::wire::{Raw, Reader, put_bytes_field, put_fixed32_field, put_fixed64_field, put_varint_field};
use model::{Span, StatusCode};

use super::grouped::{OfResource, OfScope, grouped};
use crate::traces::Trace;

/// `trace` as a message `TracesData`, which has the fields of an `ExportTraceServiceRequest` and of Tempo's `Trace`.
pub fn traces_data(trace: &Trace) -> Vec<u8> {
    let mut out = Vec::new();
    for of_resource in grouped(trace) {
        put_bytes_field(&mut out, 1, &resource_spans(&of_resource));
    }
    out
}

fn resource_spans(of: &OfResource<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes_field(&mut out, 1, &without_schema_url(of.resource.as_bytes()));
    of.scopes.iter().for_each(|of_scope| put_bytes_field(&mut out, 2, &scope_spans(of_scope)));
    put_text(&mut out, 3, of.resource.schema_url());
    out
}

fn scope_spans(of: &OfScope<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes_field(&mut out, 1, &without_schema_url(of.scope.as_bytes()));
    of.spans.iter().for_each(|it| put_bytes_field(&mut out, 2, &span(it)));
    put_text(&mut out, 3, of.scope.schema_url());
    out
}

fn span(span: &Span<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes_field(&mut out, 1, &span.trace_id.0);
    put_bytes_field(&mut out, 2, &span.span_id.0);
    put_text(&mut out, 3, span.trace_state);
    if let Some(parent) = span.parent_span_id {
        put_bytes_field(&mut out, 4, &parent.0);
    }
    put_text(&mut out, 5, span.name);
    put_varint_field(&mut out, 6, span.kind as u64);
    put_fixed64_field(&mut out, 7, span.start as u64);
    put_fixed64_field(&mut out, 8, span.end() as u64);
    span.attrs.copy_to_field(&mut out, 9);
    put_count(&mut out, 10, span.dropped_attributes);
    span.events.messages().for_each(|event| put_bytes_field(&mut out, 11, event));
    put_count(&mut out, 12, span.dropped_events);
    span.links.messages().for_each(|link| put_bytes_field(&mut out, 13, link));
    put_count(&mut out, 14, span.dropped_links);
    if span.status != StatusCode::Unset || !span.status_message.is_empty() {
        let mut status = Vec::new();
        put_text(&mut status, 2, span.status_message);
        put_count(&mut status, 3, span.status as u32);
        put_bytes_field(&mut out, 15, &status);
    }
    if span.flags != 0 {
        put_fixed32_field(&mut out, 16, span.flags);
    }
    out
}

/// What is empty is left out, as protobuf does.
fn put_text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        put_bytes_field(out, field, text.as_bytes());
    }
}

fn put_count(out: &mut Vec<u8>, field: u32, count: u32) {
    if count != 0 {
        put_varint_field(out, field, count.into());
    }
}

/// A resource or a scope without the field that is only kept with it here.
fn without_schema_url(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    let mut reader = Reader::new(message);
    while let Ok(Some((number, raw))) = reader.next_field() {
        match raw {
            _ if number == SCHEMA_URL_FIELD => {}
            Raw::Varint(value) => put_varint_field(&mut out, number, value),
            Raw::Fixed64(bits) => put_fixed64_field(&mut out, number, bits),
            Raw::Fixed32(bits) => put_fixed32_field(&mut out, number, bits),
            Raw::Bytes(bytes) => put_bytes_field(&mut out, number, bytes),
        }
    }
    out
}
