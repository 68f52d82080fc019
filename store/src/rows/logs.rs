//! Appends log records to columns.

use std::sync::Arc;

use arrow::array::{
    BinaryBuilder, BinaryDictionaryBuilder, FixedSizeBinaryBuilder, RecordBatch, StringBuilder,
    StringDictionaryBuilder, TimestampNanosecondBuilder, UInt8Builder, UInt32Builder,
};
use arrow::datatypes::Int32Type;
use model::LogRecord;

use crate::schema::Table;

/// Columns of log records under construction.
pub struct LogRows {
    time: TimestampNanosecondBuilder,
    observed_time: TimestampNanosecondBuilder,
    service: StringDictionaryBuilder<Int32Type>,
    severity_number: UInt8Builder,
    severity_text: StringDictionaryBuilder<Int32Type>,
    body: StringBuilder,
    body_value: BinaryBuilder,
    event_name: StringDictionaryBuilder<Int32Type>,
    trace_id: FixedSizeBinaryBuilder,
    span_id: FixedSizeBinaryBuilder,
    flags: UInt32Builder,
    attributes: BinaryBuilder,
    attribute_scratch: Vec<u8>,
    dropped_attributes: UInt32Builder,
    resource: BinaryDictionaryBuilder<Int32Type>,
    scope: BinaryDictionaryBuilder<Int32Type>,
    n_rows: usize,
}

impl Default for LogRows {
    fn default() -> Self {
        LogRows {
            time: TimestampNanosecondBuilder::with_capacity(0).with_timezone("UTC"),
            observed_time: TimestampNanosecondBuilder::with_capacity(0).with_timezone("UTC"),
            service: StringDictionaryBuilder::new(),
            severity_number: UInt8Builder::with_capacity(0),
            severity_text: StringDictionaryBuilder::new(),
            body: StringBuilder::with_capacity(0, 0),
            body_value: BinaryBuilder::with_capacity(0, 0),
            event_name: StringDictionaryBuilder::new(),
            trace_id: FixedSizeBinaryBuilder::with_capacity(0, 16),
            span_id: FixedSizeBinaryBuilder::with_capacity(0, 8),
            flags: UInt32Builder::with_capacity(0),
            attributes: BinaryBuilder::with_capacity(0, 0),
            attribute_scratch: Vec::new(),
            dropped_attributes: UInt32Builder::with_capacity(0),
            resource: BinaryDictionaryBuilder::new(),
            scope: BinaryDictionaryBuilder::new(),
            n_rows: 0,
        }
    }
}

impl LogRows {
    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    pub fn len(&self) -> usize {
        self.n_rows
    }

    pub fn push(&mut self, log: &LogRecord<'_>) {
        const WIDTH: &str = "ids have the width of their column";
        const ROOM: &str = "a request has fewer than 2^31 distinct values";
        self.n_rows += 1;
        self.time.append_value(log.time);
        self.observed_time.append_value(log.observed_time);
        self.service.append(log.service).expect(ROOM);
        self.severity_number.append_value(log.severity_number);
        self.severity_text.append(log.severity_text).expect(ROOM);
        self.body.append_value(log.body);
        self.body_value.append_value(log.body_value);
        self.event_name.append(log.event_name).expect(ROOM);
        match log.trace_id {
            Some(id) => self.trace_id.append_value(id.0).expect(WIDTH),
            None => self.trace_id.append_null(),
        }
        match log.span_id {
            Some(id) => self.span_id.append_value(id.0).expect(WIDTH),
            None => self.span_id.append_null(),
        }
        self.flags.append_value(log.flags);
        self.attribute_scratch.clear();
        log.attrs.copy_to(&mut self.attribute_scratch);
        self.attributes.append_value(&self.attribute_scratch);
        self.dropped_attributes.append_value(log.dropped_attributes);
        self.resource.append(log.resource.as_bytes()).expect(ROOM);
        self.scope.append(log.scope.as_bytes()).expect(ROOM);
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
