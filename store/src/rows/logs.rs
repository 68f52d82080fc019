//! Appends log records to columns.

use std::sync::Arc;

use arrow::array::{
    BinaryBuilder, FixedSizeBinaryBuilder, RecordBatch, StringBuilder, TimestampNanosecondBuilder, UInt8Builder,
    UInt32Builder,
};
use arrow::datatypes::{BinaryType, Utf8Type};
use model::LogRecord;

use super::attributes::Attributes;
use super::dictionary::Dictionary;
use crate::schema::Table;

/// Columns of log records under construction.
pub struct LogRows {
    time: TimestampNanosecondBuilder,
    observed_time: TimestampNanosecondBuilder,
    service: Dictionary<Utf8Type>,
    severity_number: UInt8Builder,
    severity_text: Dictionary<Utf8Type>,
    body: StringBuilder,
    body_value: BinaryBuilder,
    event_name: Dictionary<Utf8Type>,
    trace_id: FixedSizeBinaryBuilder,
    span_id: FixedSizeBinaryBuilder,
    flags: UInt32Builder,
    attributes: Attributes,
    dropped_attributes: UInt32Builder,
    resource: Dictionary<BinaryType>,
    scope: Dictionary<BinaryType>,
    n_rows: usize,
}

impl Default for LogRows {
    fn default() -> Self {
        LogRows::with_capacity(0, 0, 0)
    }
}

impl LogRows {
    /// With room for so many records, and for bodies and attributes of so many bytes.
    pub(super) fn with_capacity(n: usize, body_bytes: usize, attribute_bytes: usize) -> Self {
        LogRows {
            time: TimestampNanosecondBuilder::with_capacity(n).with_timezone("UTC"),
            observed_time: TimestampNanosecondBuilder::with_capacity(n).with_timezone("UTC"),
            service: Dictionary::with_capacity(n),
            severity_number: UInt8Builder::with_capacity(n),
            severity_text: Dictionary::with_capacity(n),
            body: StringBuilder::with_capacity(n, body_bytes),
            body_value: BinaryBuilder::with_capacity(n, 0),
            event_name: Dictionary::with_capacity(n),
            trace_id: FixedSizeBinaryBuilder::with_capacity(n, 16),
            span_id: FixedSizeBinaryBuilder::with_capacity(n, 8),
            flags: UInt32Builder::with_capacity(n),
            attributes: Attributes::with_capacity(n, attribute_bytes),
            dropped_attributes: UInt32Builder::with_capacity(n),
            resource: Dictionary::with_capacity(n),
            scope: Dictionary::with_capacity(n),
            n_rows: 0,
        }
    }

    /// The bytes of all bodies and of all attributes.
    pub(super) fn text_bytes(&self) -> (usize, usize) {
        (self.body.values_slice().len(), self.attributes.n_bytes())
    }

    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    pub fn len(&self) -> usize {
        self.n_rows
    }

    pub fn push(&mut self, log: &LogRecord<'_>) {
        const WIDTH: &str = "ids have the width of their column";
        self.n_rows += 1;
        self.time.append_value(log.time);
        self.observed_time.append_value(log.observed_time);
        self.service.push(log.service);
        self.severity_number.append_value(log.severity_number);
        self.severity_text.push(log.severity_text);
        self.body.append_value(log.body);
        self.body_value.append_value(log.body_value);
        self.event_name.push(log.event_name);
        match log.trace_id {
            Some(id) => self.trace_id.append_value(id.0).expect(WIDTH),
            None => self.trace_id.append_null(),
        }
        match log.span_id {
            Some(id) => self.span_id.append_value(id.0).expect(WIDTH),
            None => self.span_id.append_null(),
        }
        self.flags.append_value(log.flags);
        self.attributes.push(log.attrs);
        self.dropped_attributes.append_value(log.dropped_attributes);
        self.resource.push(log.resource.as_bytes());
        self.scope.push(log.scope.as_bytes());
    }

    pub(crate) fn finish(mut self) -> RecordBatch {
        super::batch(
            Table::Logs.schema(),
            vec![
                Arc::new(self.time.finish()),
                Arc::new(self.observed_time.finish()),
                Arc::new(self.service.finish()),
                Arc::new(self.severity_number.finish()),
                Arc::new(self.severity_text.finish()),
                Arc::new(self.body.finish()),
                Arc::new(self.body_value.finish()),
                Arc::new(self.event_name.finish()),
                Arc::new(self.trace_id.finish()),
                Arc::new(self.span_id.finish()),
                Arc::new(self.flags.finish()),
                Arc::new(self.attributes.finish()),
                Arc::new(self.dropped_attributes.finish()),
                Arc::new(self.resource.finish()),
                Arc::new(self.scope.finish()),
            ],
        )
    }
}
