//! A batch of spans.

use arrow::array::{RecordBatch, StringArray};
use model::span::{Events, Links};
use model::{Attrs, Nanos, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TraceId};

use super::{Bytes, Ids, Int64s, SharedBytes, Times, UInt8s, UInt32s, Words};

/// Spans as a scan yields them.
pub struct SpanChunk {
    batch: RecordBatch,
    start_time: Times,
    duration: Int64s,
    trace_id: Ids<16>,
    span_id: Ids<8>,
    parent_span_id: Ids<8>,
    service: Words,
    name: Words,
    kind: UInt8s,
    status: UInt8s,
    status_message: Words,
    attributes: Bytes,
    events: Bytes,
    links: Bytes,
    trace_state: Words,
    flags: UInt32s,
    dropped_attributes: UInt32s,
    dropped_events: UInt32s,
    dropped_links: UInt32s,
    resource: SharedBytes,
    scope: SharedBytes,
}

impl From<RecordBatch> for SpanChunk {
    fn from(batch: RecordBatch) -> Self {
        SpanChunk {
            start_time: Times::of(&batch, "start_time"),
            duration: Int64s::of(&batch, "duration"),
            trace_id: Ids::of(&batch, "trace_id"),
            span_id: Ids::of(&batch, "span_id"),
            parent_span_id: Ids::of(&batch, "parent_span_id"),
            service: Words::of(&batch, "service"),
            name: Words::of(&batch, "name"),
            kind: UInt8s::of(&batch, "kind"),
            status: UInt8s::of(&batch, "status"),
            status_message: Words::of(&batch, "status_message"),
            attributes: Bytes::of(&batch, "attributes"),
            events: Bytes::of(&batch, "events"),
            links: Bytes::of(&batch, "links"),
            trace_state: Words::of(&batch, "trace_state"),
            flags: UInt32s::of(&batch, "flags"),
            dropped_attributes: UInt32s::of(&batch, "dropped_attributes"),
            dropped_events: UInt32s::of(&batch, "dropped_events"),
            dropped_links: UInt32s::of(&batch, "dropped_links"),
            resource: SharedBytes::of(&batch, "resource"),
            scope: SharedBytes::of(&batch, "scope"),
            batch,
        }
    }
}

impl SpanChunk {
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows as Arrow columns, named as in [`crate::Table::schema`].
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Panics when `row` is not below [`SpanChunk::len`].
    pub fn row(&self, row: usize) -> Span<'_> {
        Span {
            trace_id: TraceId(self.trace_id.get(row).unwrap_or_default()),
            span_id: SpanId(self.span_id.get(row).unwrap_or_default()),
            parent_span_id: self.parent_span_id.get(row).map(SpanId),
            trace_state: self.trace_state.get(row),
            flags: self.flags.get(row),
            name: self.name.get(row),
            kind: SpanKind::from_number(self.kind.get(row).into()),
            start: self.start_time.get(row),
            duration: self.duration(row),
            status: self.status(row),
            status_message: self.status_message.get(row),
            attrs: self.attrs(row),
            events: Events::new(self.events.get(row)),
            links: Links::new(self.links.get(row)),
            dropped_attributes: self.dropped_attributes.get(row),
            dropped_events: self.dropped_events.get(row),
            dropped_links: self.dropped_links.get(row),
            service: self.service.get(row),
            resource: self.resource(row),
            scope: Scope::new(self.scope.get(row)),
        }
    }

    /// Cheaper than [`SpanChunk::row`], as the others below, for who needs a few columns of many rows.
    pub fn span_id(&self, row: usize) -> SpanId {
        SpanId(self.span_id.get(row).unwrap_or_default())
    }

    pub fn parent_span_id(&self, row: usize) -> Option<SpanId> {
        self.parent_span_id.get(row).map(SpanId)
    }

    pub fn events(&self, row: usize) -> Events<'_> {
        Events::new(self.events.get(row))
    }

    pub fn links(&self, row: usize) -> Links<'_> {
        Links::new(self.links.get(row))
    }

    pub fn start(&self, row: usize) -> Nanos {
        self.start_time.get(row)
    }

    pub fn duration(&self, row: usize) -> Nanos {
        self.duration.get(row).unwrap_or_default()
    }

    pub fn is_error(&self, row: usize) -> bool {
        self.status.get(row) == StatusCode::Error as u8
    }

    pub fn status(&self, row: usize) -> StatusCode {
        StatusCode::from_number(self.status.get(row).into())
    }

    pub fn kind(&self, row: usize) -> SpanKind {
        SpanKind::from_number(self.kind.get(row).into())
    }

    pub fn attrs(&self, row: usize) -> Attrs<'_> {
        Attrs::new(self.attributes.get(row))
    }

    /// The distinct services and each row's index among them; `None` when the scan left the column out. For tests
    /// of a whole chunk by a few comparisons.
    pub fn services(&self) -> Option<(&StringArray, &[i32])> {
        self.service.dictionary()
    }

    /// The index of the row's resource among those of the chunk; `None` when the scan left the column out.
    pub fn resource_key(&self, row: usize) -> Option<usize> {
        self.resource.key(row)
    }

    pub fn resource(&self, row: usize) -> Resource<'_> {
        Resource::new(self.resource.get(row))
    }

    /// As [`SpanChunk::services`], of the span names.
    pub fn names(&self) -> Option<(&StringArray, &[i32])> {
        self.name.dictionary()
    }
}
