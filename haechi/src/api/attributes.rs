//! Attributes as JSON, written from the wire encoding without an intermediate tree.

use model::attrs::Values;
use model::{Attrs, Value};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// An attribute set as a JSON object. Doubles that JSON lacks are strings, bytes are base64, as in [`Value::write_json`].
pub(super) struct Object<'a>(pub(super) Attrs<'a>);

/// One value, as [`Object`] writes those of a set.
pub(super) struct Any<'a>(pub(super) Value<'a>);

struct List<'a>(Values<'a>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.0.iter() {
            map.serialize_entry(key, &Any(value))?;
        }
        map.end()
    }
}

impl Serialize for Any<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Empty => serializer.serialize_unit(),
            Value::Str(text) => serializer.serialize_str(text),
            Value::Bool(bit) => serializer.serialize_bool(bit),
            Value::Int(int) => serializer.serialize_i64(int),
            Value::Double(double) if double.is_finite() => serializer.serialize_f64(double),
            Value::Double(_) | Value::Bytes(_) => serializer.serialize_str(&self.0.to_string()),
            // Nesting was bounded when it was received.
            Value::Array(values) => List(values).serialize(serializer),
            Value::Map(attrs) => Object(attrs).serialize(serializer),
        }
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for value in self.0.iter() {
            list.serialize_element(&Any(value))?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::AttrsBuf;

    #[test]
    fn writes_every_type() {
        let mut inner = AttrsBuf::new();
        inner.push("k", Value::Int(-1));
        let mut attrs = AttrsBuf::new();
        attrs.push("text", Value::Str("a\"b"));
        attrs.push("bit", Value::Bool(true));
        attrs.push("pi", Value::Double(3.5));
        attrs.push("inf", Value::Double(f64::NEG_INFINITY));
        attrs.push("bytes", Value::Bytes(b"hell"));
        attrs.push("map", Value::Map(inner.as_attrs()));
        attrs.push("none", Value::Empty);
        let json = serde_json::to_string(&Object(attrs.as_attrs())).unwrap();
        assert_eq!(
            json,
            r#"{"text":"a\"b","bit":true,"pi":3.5,"inf":"-Infinity","bytes":"aGVsbA==","map":{"k":-1},"none":null}"#
        );
    }
}
