//! Appends spans to columns.

use std::sync::Arc;

use arrow::array::{
    BinaryBuilder, FixedSizeBinaryBuilder, Int64Builder, RecordBatch, TimestampNanosecondBuilder, UInt8Builder,
    UInt32Builder,
};
use arrow::datatypes::{BinaryType, Utf8Type};
use model::Span;

use super::attributes::Attributes;
use super::dictionary::Dictionary;
use crate::schema::Table;

/// Columns of spans under construction.
pub struct SpanRows {
    start_time: TimestampNanosecondBuilder,
    duration: Int64Builder,
    trace_id: FixedSizeBinaryBuilder,
    span_id: FixedSizeBinaryBuilder,
    parent_span_id: FixedSizeBinaryBuilder,
    service: Dictionary<Utf8Type>,
    name: Dictionary<Utf8Type>,
    kind: UInt8Builder,
    status: UInt8Builder,
    status_message: Dictionary<Utf8Type>,
    attributes: Attributes,
    events: BinaryBuilder,
    links: BinaryBuilder,
    trace_state: Dictionary<Utf8Type>,
    flags: UInt32Builder,
    dropped_attributes: UInt32Builder,
    dropped_events: UInt32Builder,
    dropped_links: UInt32Builder,
    resource: Dictionary<BinaryType>,
    scope: Dictionary<BinaryType>,
    n_rows: usize,
}

impl Default for SpanRows {
    fn default() -> Self {
        SpanRows::with_capacity(0, 0)
    }
}

impl SpanRows {
    /// With room for so many spans, and for attributes of so many bytes.
    pub(super) fn with_capacity(n: usize, attribute_bytes: usize) -> Self {
        SpanRows {
            start_time: TimestampNanosecondBuilder::with_capacity(n).with_timezone("UTC"),
            duration: Int64Builder::with_capacity(n),
            trace_id: FixedSizeBinaryBuilder::with_capacity(n, 16),
            span_id: FixedSizeBinaryBuilder::with_capacity(n, 8),
            parent_span_id: FixedSizeBinaryBuilder::with_capacity(n, 8),
            service: Dictionary::with_capacity(n),
            name: Dictionary::with_capacity(n),
            kind: UInt8Builder::with_capacity(n),
            status: UInt8Builder::with_capacity(n),
            status_message: Dictionary::with_capacity(n),
            attributes: Attributes::with_capacity(n, attribute_bytes),
            events: BinaryBuilder::with_capacity(n, 0),
            links: BinaryBuilder::with_capacity(n, 0),
            trace_state: Dictionary::with_capacity(n),
            flags: UInt32Builder::with_capacity(n),
            dropped_attributes: UInt32Builder::with_capacity(n),
            dropped_events: UInt32Builder::with_capacity(n),
            dropped_links: UInt32Builder::with_capacity(n),
            resource: Dictionary::with_capacity(n),
            scope: Dictionary::with_capacity(n),
            n_rows: 0,
        }
    }

    /// The bytes of all attributes.
    pub(super) fn attribute_bytes(&self) -> usize {
        self.attributes.n_bytes()
    }

    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    pub fn len(&self) -> usize {
        self.n_rows
    }

    pub fn push(&mut self, span: &Span<'_>) {
        const WIDTH: &str = "ids have the width of their column";
        self.n_rows += 1;
        self.start_time.append_value(span.start);
        self.duration.append_value(span.duration);
        self.trace_id.append_value(span.trace_id.0).expect(WIDTH);
        self.span_id.append_value(span.span_id.0).expect(WIDTH);
        match span.parent_span_id {
            Some(id) => self.parent_span_id.append_value(id.0).expect(WIDTH),
            None => self.parent_span_id.append_null(),
        }
        self.service.push(span.service);
        self.name.push(span.name);
        self.kind.append_value(span.kind as u8);
        self.status.append_value(span.status as u8);
        self.status_message.push(span.status_message);
        self.attributes.push(span.attrs);
        self.events.append_value(span.events.as_bytes());
        self.links.append_value(span.links.as_bytes());
        self.trace_state.push(span.trace_state);
        self.flags.append_value(span.flags);
        self.dropped_attributes.append_value(span.dropped_attributes);
        self.dropped_events.append_value(span.dropped_events);
        self.dropped_links.append_value(span.dropped_links);
        self.resource.push(span.resource.as_bytes());
        self.scope.push(span.scope.as_bytes());
    }

    pub(crate) fn finish(mut self) -> RecordBatch {
        super::batch(
            Table::Spans.schema(),
            vec![
                Arc::new(self.start_time.finish()),
                Arc::new(self.duration.finish()),
                Arc::new(self.trace_id.finish()),
                Arc::new(self.span_id.finish()),
                Arc::new(self.parent_span_id.finish()),
                Arc::new(self.service.finish()),
                Arc::new(self.name.finish()),
                Arc::new(self.kind.finish()),
                Arc::new(self.status.finish()),
                Arc::new(self.status_message.finish()),
                Arc::new(self.attributes.finish()),
                Arc::new(self.events.finish()),
                Arc::new(self.links.finish()),
                Arc::new(self.trace_state.finish()),
                Arc::new(self.flags.finish()),
                Arc::new(self.dropped_attributes.finish()),
                Arc::new(self.dropped_events.finish()),
                Arc::new(self.dropped_links.finish()),
                Arc::new(self.resource.finish()),
                Arc::new(self.scope.finish()),
            ],
        )
    }
}
