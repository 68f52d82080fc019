//! Who sent a row: the resource and the instrumentation scope, in wire encoding.
//!
//! Both keep the bytes of the OTLP message and add its schema URL in a field that OTLP does not use.

use crate::attrs::Attrs;
use crate::prometheus::Mark;
use crate::wire::{Raw, Reader};

/// The field that carries the schema URL beside the message's own fields. OTLP keeps it in the enclosing
/// `ResourceSpans` or `ScopeSpans`; 15 is the last number that fits a one-byte tag and is unused in both messages.
pub const SCHEMA_URL_FIELD: u32 = 15;

/// The name that the OpenTelemetry specification gives a service that did not name itself.
pub const UNKNOWN_SERVICE: &str = "unknown_service";

/// A `Resource` message of OTLP.
#[derive(Clone, Copy, Default)]
pub struct Resource<'a>(&'a [u8]);

impl<'a> Resource<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Resource(message)
    }

    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    pub fn attrs(&self) -> Attrs<'a> {
        Attrs::new(self.0)
    }

    /// `service.name`, or [`UNKNOWN_SERVICE`] when it is missing, empty or not a string.
    pub fn service_name(&self) -> &'a str {
        self.attrs().get_str("service.name").filter(|name| !name.is_empty()).unwrap_or(UNKNOWN_SERVICE)
    }

    pub fn schema_url(&self) -> &'a str {
        text_field(self.0, SCHEMA_URL_FIELD)
    }
}

/// An `InstrumentationScope` message of OTLP.
#[derive(Clone, Copy, Default)]
pub struct Scope<'a>(&'a [u8]);

impl<'a> Scope<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Scope(message)
    }

    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    pub fn name(&self) -> &'a str {
        text_field(self.0, 1)
    }

    pub fn version(&self) -> &'a str {
        text_field(self.0, 2)
    }

    pub fn attrs(&self) -> Attrs<'a> {
        Attrs::in_field(self.0, 3)
    }

    pub fn schema_url(&self) -> &'a str {
        text_field(self.0, SCHEMA_URL_FIELD)
    }

    /// The mark of series that came with Prometheus' names and labels; `None` for those of OTLP.
    pub fn prometheus(&self) -> Option<Mark> {
        Mark::of(self.0)
    }
}

/// The string in field `wanted` of `message`; empty when it is absent.
fn text_field(message: &[u8], wanted: u32) -> &str {
    let mut reader = Reader::new(message);
    let mut text = "";
    while let Ok(Some((number, raw))) = reader.next_field() {
        if let (true, Raw::Bytes(bytes)) = (number == wanted, raw) {
            text = std::str::from_utf8(bytes).unwrap_or_default();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::put_bytes_field;
    use crate::{AttrsBuf, Value};

    #[test]
    fn resource_reads_its_service_and_schema() {
        let mut attrs = AttrsBuf::new();
        attrs.push("service.name", Value::Str("booking"));
        let mut message = attrs.as_bytes().to_vec();
        put_bytes_field(&mut message, SCHEMA_URL_FIELD, b"https://opentelemetry.io/schemas/1.44.0");
        let resource = Resource::new(&message);
        assert_eq!(resource.service_name(), "booking");
        assert_eq!(resource.schema_url(), "https://opentelemetry.io/schemas/1.44.0");
        assert_eq!(Resource::default().service_name(), UNKNOWN_SERVICE);
    }

    #[test]
    fn scope_keeps_its_attributes_apart_from_its_name() {
        let mut attrs = AttrsBuf::new();
        attrs.push("a", Value::Int(1));
        let entry = attrs.as_bytes()[2..].to_vec();
        let mut message = Vec::new();
        put_bytes_field(&mut message, 1, b"tracer");
        put_bytes_field(&mut message, 2, b"1.2");
        put_bytes_field(&mut message, 3, &entry);
        let scope = Scope::new(&message);
        assert_eq!((scope.name(), scope.version()), ("tracer", "1.2"));
        assert_eq!(scope.attrs().iter().count(), 1);
    }
}
