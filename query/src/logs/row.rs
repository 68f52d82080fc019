//! A log record that outlives the chunk it was read from.

use std::sync::Arc;

use model::{Attrs, LogRecord, Nanos, Resource, Scope, SpanId, TraceId, Value};

/// A log record with its own memory. [`LogRow::record`] gives the usual view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    pub time: Nanos,
    pub observed_time: Nanos,
    pub severity_number: u8,
    pub severity_text: String,
    pub service: String,
    pub body: String,
    pub event_name: String,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub flags: u32,
    pub dropped_attributes: u32,
    /// In wire encoding, as in [`LogRecord`].
    body_value: Vec<u8>,
    attributes: Vec<u8>,
    resource: Arc<[u8]>,
    scope: Arc<[u8]>,
}

impl LogRow {
    /// Copies `record`; what it shares with `last` in resource and scope is shared in memory too.
    pub(super) fn copy(record: &LogRecord<'_>, last: Option<&LogRow>) -> Self {
        let mut attributes = Vec::new();
        record.attrs.copy_to(&mut attributes);
        let share = |bytes: &[u8], of: fn(&LogRow) -> &Arc<[u8]>| match last.map(of) {
            Some(known) if **known == *bytes => Arc::clone(known),
            _ => Arc::from(bytes),
        };
        LogRow {
            time: record.time,
            observed_time: record.observed_time,
            severity_number: record.severity_number,
            severity_text: record.severity_text.to_owned(),
            service: record.service.to_owned(),
            body: record.body.to_owned(),
            event_name: record.event_name.to_owned(),
            trace_id: record.trace_id,
            span_id: record.span_id,
            flags: record.flags,
            dropped_attributes: record.dropped_attributes,
            body_value: record.body_value.to_vec(),
            attributes,
            resource: share(record.resource.as_bytes(), |row| &row.resource),
            scope: share(record.scope.as_bytes(), |row| &row.scope),
        }
    }

    pub fn record(&self) -> LogRecord<'_> {
        LogRecord {
            time: self.time,
            observed_time: self.observed_time,
            severity_number: self.severity_number,
            severity_text: &self.severity_text,
            body: &self.body,
            body_value: &self.body_value,
            event_name: &self.event_name,
            trace_id: self.trace_id,
            span_id: self.span_id,
            flags: self.flags,
            attrs: self.attrs(),
            dropped_attributes: self.dropped_attributes,
            service: &self.service,
            resource: self.resource(),
            scope: self.scope(),
        }
    }

    pub fn attrs(&self) -> Attrs<'_> {
        Attrs::new(&self.attributes)
    }

    pub fn resource(&self) -> Resource<'_> {
        Resource::new(&self.resource)
    }

    pub fn scope(&self) -> Scope<'_> {
        Scope::new(&self.scope)
    }

    /// The body with its type.
    pub fn body_value(&self) -> Value<'_> {
        self.record().body_value()
    }

    /// The sender's severity text, or the short name of the number's range.
    pub fn severity(&self) -> &str {
        self.record().severity()
    }
}
