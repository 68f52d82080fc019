//! Attributes in the JSON encoding of OTLP.

use model::attrs::Values;
use model::{Attrs, Value};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer};

/// An `AnyValue`: an object with one member, which names the type. Integers are strings, as protobuf's JSON has 64 bits, and so
/// are doubles that JSON lacks; bytes are base64.
pub struct AnyValue<'a>(pub Value<'a>);

/// A list of `KeyValue`.
pub(super) struct KeyValues<'a>(pub(super) Attrs<'a>);

struct KeyValue<'a>(&'a str, Value<'a>);

/// An `ArrayValue` or a `KeyValueList`, which wrap a list.
struct Wrapped<T>(T);

struct Elements<'a>(Values<'a>);

impl Serialize for AnyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Value::Empty => {}
            Value::Str(text) => map.serialize_entry("stringValue", text)?,
            Value::Bool(bit) => map.serialize_entry("boolValue", &bit)?,
            Value::Int(int) => map.serialize_entry("intValue", &int.to_string())?,
            Value::Double(double) if double.is_finite() => map.serialize_entry("doubleValue", &double)?,
            Value::Double(_) => map.serialize_entry("doubleValue", &self.0.to_string())?,
            Value::Bytes(_) => map.serialize_entry("bytesValue", &self.0.to_string())?,
            // Nesting was bounded when it was received.
            Value::Array(values) => map.serialize_entry("arrayValue", &Wrapped(Elements(values)))?,
            Value::Map(attrs) => map.serialize_entry("kvlistValue", &Wrapped(KeyValues(attrs)))?,
        }
        map.end()
    }
}

impl<T: Serialize> Serialize for Wrapped<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut wrapper = serializer.serialize_struct("values", 1)?;
        wrapper.serialize_field("values", &self.0)?;
        wrapper.end()
    }
}

impl Serialize for KeyValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (key, value) in self.0.iter() {
            list.serialize_element(&KeyValue(key, value))?;
        }
        list.end()
    }
}

impl Serialize for KeyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("KeyValue", 2)?;
        entry.serialize_field("key", self.0)?;
        entry.serialize_field("value", &AnyValue(self.1))?;
        entry.end()
    }
}

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for value in self.0.iter() {
            list.serialize_element(&AnyValue(value))?;
        }
        list.end()
    }
}
