//! A batch of log records.

use arrow::array::{RecordBatch, StringArray};
use model::{Attrs, LogRecord, Nanos, Resource, Scope, SpanId, TraceId};

use super::{Bytes, Ids, SharedBytes, Strings, Times, UInt8s, UInt32s, Words};

/// Log records as a scan yields them.
pub struct LogChunk {
    batch: RecordBatch,
    time: Times,
    observed_time: Times,
    service: Words,
    severity_number: UInt8s,
    severity_text: Words,
    body: Strings,
    body_value: Bytes,
    event_name: Words,
    trace_id: Ids<16>,
    span_id: Ids<8>,
    flags: UInt32s,
    attributes: Bytes,
    dropped_attributes: UInt32s,
    resource: SharedBytes,
    scope: SharedBytes,
}

impl From<RecordBatch> for LogChunk {
    fn from(batch: RecordBatch) -> Self {
        LogChunk {
            time: Times::of(&batch, "time"),
            observed_time: Times::of(&batch, "observed_time"),
            service: Words::of(&batch, "service"),
            severity_number: UInt8s::of(&batch, "severity_number"),
            severity_text: Words::of(&batch, "severity_text"),
            body: Strings::of(&batch, "body"),
            body_value: Bytes::of(&batch, "body_value"),
            event_name: Words::of(&batch, "event_name"),
            trace_id: Ids::of(&batch, "trace_id"),
            span_id: Ids::of(&batch, "span_id"),
            flags: UInt32s::of(&batch, "flags"),
            attributes: Bytes::of(&batch, "attributes"),
            dropped_attributes: UInt32s::of(&batch, "dropped_attributes"),
            resource: SharedBytes::of(&batch, "resource"),
            scope: SharedBytes::of(&batch, "scope"),
            batch,
        }
    }
}

impl LogChunk {
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

    /// Panics when `row` is not below [`LogChunk::len`].
    pub fn row(&self, row: usize) -> LogRecord<'_> {
        LogRecord {
            time: self.time.get(row),
            observed_time: self.observed_time.get(row),
            severity_number: self.severity_number.get(row),
            severity_text: self.severity_text.get(row),
            body: self.body.get(row),
            body_value: self.body_value.get(row),
            event_name: self.event_name.get(row),
            trace_id: self.trace_id.get(row).map(TraceId),
            span_id: self.span_id.get(row).map(SpanId),
            flags: self.flags.get(row),
            attrs: self.attrs(row),
            dropped_attributes: self.dropped_attributes.get(row),
            service: self.service.get(row),
            resource: self.resource(row),
            scope: Scope::new(self.scope.get(row)),
        }
    }

    pub fn time(&self, row: usize) -> Nanos {
        self.time.get(row)
    }

    pub fn body(&self, row: usize) -> &str {
        self.body.get(row)
    }

    pub fn severity_number(&self, row: usize) -> u8 {
        self.severity_number.get(row)
    }

    pub fn attrs(&self, row: usize) -> Attrs<'_> {
        Attrs::new(self.attributes.get(row))
    }

    /// The index of the row's resource among those of the chunk; `None` when the scan left the column out.
    pub fn resource_key(&self, row: usize) -> Option<usize> {
        self.resource.key(row)
    }

    pub fn resource(&self, row: usize) -> Resource<'_> {
        Resource::new(self.resource.get(row))
    }

    /// The distinct services and each row's index among them; `None` when the scan left the column out.
    pub fn services(&self) -> Option<(&StringArray, &[i32])> {
        self.service.dictionary()
    }
}
