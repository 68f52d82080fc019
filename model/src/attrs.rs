//! Attribute sets and attribute values, read in place from the wire encoding of OTLP.
//!
//! A set is a message whose repeated field holds `KeyValue { 1: key, 2: AnyValue }`; `KeyValueList` is one (field 1),
//! and so is `Resource`. Everything stored went through the receiver's validation, so these readers end at the first
//! malformed byte instead of reporting it.
//! Source: opentelemetry-proto, `common/v1/common.proto`.

use std::fmt;

use crate::wire::{Raw, Reader, put_bytes_field, put_fixed64_field, put_varint_field};

mod json;

use json::put_base64;
pub use json::{Bounded, write_json_string};

/// How deep arrays and maps may nest in one value. The protobuf limit of 100 messages allows 50 levels of
/// `AnyValue { ArrayValue { AnyValue … } }`; every decoder of ours holds the same number.
pub const MAX_VALUE_DEPTH: usize = 50;

/// A set of attributes in wire encoding. Cheap to copy; order is as sent, keys may repeat (the last one counts).
#[derive(Clone, Copy)]
pub struct Attrs<'a> {
    message: &'a [u8],
    field: u32,
}

impl Default for Attrs<'_> {
    fn default() -> Self {
        Attrs::new(&[])
    }
}

impl<'a> Attrs<'a> {
    /// The set in a `KeyValueList`-shaped message (field 1).
    pub fn new(message: &'a [u8]) -> Self {
        Attrs { message, field: 1 }
    }

    /// The set in the repeated `KeyValue` field `field` of any message.
    pub fn in_field(message: &'a [u8], field: u32) -> Self {
        Attrs { message, field }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        self.entries().map(|(key, value)| (std::str::from_utf8(key).unwrap_or_default(), Value::parse(value)))
    }

    /// As [`Attrs::iter`], of the keys that are `wanted`: other keys and their values are not decoded.
    pub fn iter_where(&self, wanted: fn(&[u8]) -> bool) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let found = self.entries().filter(move |(key, _)| wanted(key));
        found.map(|(key, value)| (std::str::from_utf8(key).unwrap_or_default(), Value::parse(value)))
    }

    /// The bytes of each key, and of its `AnyValue`.
    fn entries(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.message);
        let field = self.field;
        std::iter::from_fn(move || {
            loop {
                match reader.next_field() {
                    Ok(Some((number, Raw::Bytes(entry)))) if number == field => return Some(key_and_value(entry)),
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return None,
                }
            }
        })
    }

    /// The value of `key`; of the last one when it repeats.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let of_key = self.entries().filter(|(name, _)| *name == key.as_bytes());
        of_key.last().map(|(_, value)| Value::parse(value))
    }

    /// The value of `key` when it is a string.
    pub fn get_str(&self, key: &str) -> Option<&'a str> {
        match self.get(key) {
            Some(Value::Str(text)) => Some(text),
            _ => None,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    /// Appends the set as a `KeyValueList` (field 1) to `out`; entries are copied, not decoded.
    pub fn copy_to(&self, out: &mut Vec<u8>) {
        self.copy_to_field(out, 1);
    }

    /// Appends the set to the message in `out`, as its repeated `KeyValue` field `field`.
    pub fn copy_to_field(&self, out: &mut Vec<u8>, field: u32) {
        let mut reader = Reader::new(self.message);
        while let Ok(Some((number, raw))) = reader.next_field() {
            if let (true, Raw::Bytes(entry)) = (number == self.field, raw) {
                put_bytes_field(out, field, entry);
            }
        }
    }
}

fn key_and_value(entry: &[u8]) -> (&[u8], &[u8]) {
    let mut reader = Reader::new(entry);
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    while let Ok(Some((number, raw))) = reader.next_field() {
        match (number, raw) {
            (1, Raw::Bytes(bytes)) => key = bytes,
            (2, Raw::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    (key, value)
}

/// One attribute value; `AnyValue` of OTLP.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Empty,
    Str(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    Array(Values<'a>),
    Map(Attrs<'a>),
}

impl<'a> Value<'a> {
    /// Reads an `AnyValue` message. No field set gives [`Value::Empty`].
    pub fn parse(message: &'a [u8]) -> Self {
        let mut reader = Reader::new(message);
        let mut value = Value::Empty;
        while let Ok(Some((number, raw))) = reader.next_field() {
            value = match (number, raw) {
                (1, Raw::Bytes(bytes)) => Value::Str(std::str::from_utf8(bytes).unwrap_or_default()),
                (2, Raw::Varint(bit)) => Value::Bool(bit != 0),
                (3, Raw::Varint(int)) => Value::Int(int as i64),
                (4, Raw::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
                (5, Raw::Bytes(array)) => Value::Array(Values(array)),
                (6, Raw::Bytes(list)) => Value::Map(Attrs::new(list)),
                (7, Raw::Bytes(bytes)) => Value::Bytes(bytes),
                _ => continue,
            };
        }
        value
    }

    /// `string`, `bool`, `int`, `double`, `bytes`, `array`, `map` or `empty`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Empty => "empty",
            Value::Str(_) => "string",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Double(_) => "double",
            Value::Bytes(_) => "bytes",
            Value::Array(_) => "array",
            Value::Map(_) => "map",
        }
    }

    /// The value as a number, when it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Value::Int(int) => Some(int as f64),
            Value::Double(double) => Some(double),
            _ => None,
        }
    }
}

/// The number that the string form of a value says: what is written as one, and `Infinity`. `None` for everything else, NaN too.
pub fn number_of(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() || matches!(text, "Infinity" | "-Infinity"))
}

/// The string form that the OpenTelemetry specification (common/README.md) fixes for non-string values: strings as
/// they are, everything else as JSON, empty as the empty string.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::Empty => Ok(()),
            Value::Str(text) => f.write_str(text),
            Value::Double(double) if double.is_nan() => f.write_str("NaN"),
            Value::Double(double) if double.is_infinite() => {
                f.write_str(if double > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Value::Bytes(bytes) => put_base64(f, bytes),
            other => other.put_json(f),
        }
    }
}

impl fmt::Debug for Attrs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The elements of an array value.
#[derive(Clone, Copy)]
pub struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || {
            loop {
                match reader.next_field() {
                    Ok(Some((1, Raw::Bytes(value)))) => return Some(Value::parse(value)),
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return None,
                }
            }
        })
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Builds an attribute set in wire encoding (a `KeyValueList`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttrsBuf(Vec<u8>);

impl AttrsBuf {
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an attribute. Of arrays and maps the encoding is copied.
    pub fn push(&mut self, key: &str, value: Value<'_>) {
        let mut any = Vec::new();
        match value {
            Value::Empty => {}
            Value::Str(text) => put_bytes_field(&mut any, 1, text.as_bytes()),
            Value::Bool(bit) => put_varint_field(&mut any, 2, u64::from(bit)),
            Value::Int(int) => put_varint_field(&mut any, 3, int as u64),
            Value::Double(double) => put_fixed64_field(&mut any, 4, double.to_bits()),
            Value::Array(Values(array)) => put_bytes_field(&mut any, 5, array),
            Value::Map(attrs) => {
                let mut list = AttrsBuf::new();
                attrs.iter().for_each(|(key, value)| list.push(key, value));
                put_bytes_field(&mut any, 6, &list.0);
            }
            Value::Bytes(bytes) => put_bytes_field(&mut any, 7, bytes),
        }
        let mut entry = Vec::with_capacity(key.len() + any.len() + 8);
        put_bytes_field(&mut entry, 1, key.as_bytes());
        put_bytes_field(&mut entry, 2, &any);
        put_bytes_field(&mut self.0, 1, &entry);
    }

    pub fn as_attrs(&self) -> Attrs<'_> {
        Attrs::new(&self.0)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> AttrsBuf {
        let mut inner = AttrsBuf::new();
        inner.push("k", Value::Int(-1));
        let mut buf = AttrsBuf::new();
        buf.push("text", Value::Str("a \"b\"\n"));
        buf.push("bit", Value::Bool(true));
        buf.push("pi", Value::Double(3.5));
        buf.push("nan", Value::Double(f64::NAN));
        buf.push("bytes", Value::Bytes(b"hell"));
        buf.push("map", Value::Map(inner.as_attrs()));
        buf.push("none", Value::Empty);
        buf
    }

    #[test]
    fn writes_json_of_every_type() {
        let mut json = String::new();
        sample().as_attrs().write_json(&mut json);
        assert_eq!(
            json,
            r#"{"text":"a \"b\"\n","bit":true,"pi":3.5,"nan":"NaN","bytes":"aGVsbA==","map":{"k":-1},"none":null}"#
        );
    }

    #[test]
    fn the_last_of_repeated_keys_counts() {
        let mut buf = AttrsBuf::new();
        buf.push("a", Value::Int(1));
        buf.push("a", Value::Int(2));
        assert_eq!(buf.as_attrs().get("a").and_then(|value| value.as_f64()), Some(2.0));
        assert!(buf.as_attrs().get("b").is_none());
    }

    #[test]
    fn numbers_are_told_by_their_string_form() {
        for number in
            [0.0, -0.0, 0.1, 5e-324, -1.5e300, 9_007_199_254_740_993i64 as f64, f64::INFINITY, f64::NEG_INFINITY]
        {
            assert_eq!(number_of(&Value::Double(number).to_string()), Some(number));
        }
        assert_eq!(number_of("+007.50"), Some(7.5));
        for text in
            ["", " 5", "5 ", "n/a", "true", "[]", "{}", "0x10", "1_000", "NaN", "nan", "inf", "1e999", "5e", "५"]
        {
            assert_eq!(number_of(text), None, "{text}");
        }
    }

    #[test]
    fn string_form_follows_the_specification() {
        let buf = sample();
        let form = |key: &str| buf.as_attrs().get(key).map(|value| value.to_string()).unwrap();
        assert_eq!(form("text"), "a \"b\"\n");
        assert_eq!(form("bytes"), "aGVsbA==");
        assert_eq!(form("map"), r#"{"k":-1}"#);
        assert_eq!(form("none"), "");
        assert_eq!(form("nan"), "NaN");
    }

    #[test]
    fn ends_at_a_malformed_byte() {
        let mut bytes = sample().as_bytes().to_vec();
        bytes.truncate(bytes.len() - 1);
        assert_eq!(Attrs::new(&bytes).iter().count(), 6);
    }
}
