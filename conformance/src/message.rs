//! A message that can be written as protobuf and as JSON: each rule about data is stated once, for all protocols.

use serde_json::{Map, Value as Json};

use crate::wire::{put_bytes, put_tag, put_varint};

/// The fields of a message in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message {
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
struct Field {
    number: u32,
    /// The key in JSON.
    key: &'static str,
    repeated: bool,
    value: Value,
}

/// A value by the type that the schema gives it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Message(Message),
    Text(String),
    /// Base64 in JSON.
    Bytes(Vec<u8>),
    /// A trace or span id: hex in JSON.
    Id(Vec<u8>),
    Bool(bool),
    Int32(i32),
    Int64(i64),
    Sfixed64(i64),
    Fixed64(u64),
    Uint32(u32),
    Fixed32(u32),
    Sint32(i32),
    Enum(i32),
    Double(f64),
    /// As groups are written, for which JSON has no form.
    Group(Message),
    /// Packed lists.
    Uint64s(Vec<u64>),
    Fixed64s(Vec<u64>),
    Doubles(Vec<f64>),
}

impl Message {
    pub(crate) fn new() -> Self {
        Message::default()
    }

    /// Sets a field that is not repeated, in the place of one of the same number.
    pub(crate) fn set(mut self, number: u32, key: &'static str, value: Value) -> Self {
        let field = Field { number, key, repeated: false, value };
        match self.fields.iter_mut().find(|it| it.number == number) {
            Some(known) => *known = field,
            None => self.fields.push(field),
        }
        self
    }

    /// Adds one element to a repeated field.
    pub(crate) fn push(mut self, number: u32, key: &'static str, value: Value) -> Self {
        self.fields.push(Field { number, key, repeated: true, value });
        self
    }

    pub(crate) fn text(self, number: u32, key: &'static str, text: &str) -> Self {
        self.set(number, key, Value::Text(text.to_owned()))
    }

    pub(crate) fn one(self, number: u32, key: &'static str, message: Message) -> Self {
        self.set(number, key, Value::Message(message))
    }

    pub(crate) fn many(self, number: u32, key: &'static str, messages: impl IntoIterator<Item = Message>) -> Self {
        messages.into_iter().fold(self, |it, message| it.push(number, key, Value::Message(message)))
    }

    /// Adds the fields of `other`, as merging messages does.
    pub(crate) fn append(mut self, other: Message) -> Self {
        self.fields.extend(other.fields);
        self
    }

    pub(crate) fn without(mut self, number: u32) -> Self {
        self.fields.retain(|field| field.number != number);
        self
    }

    /// Applies `change` to each message in the field `number`.
    pub(crate) fn each(mut self, number: u32, change: impl Fn(Message) -> Message) -> Self {
        for field in self.fields.iter_mut().filter(|field| field.number == number) {
            if let Value::Message(message) = &mut field.value {
                *message = change(std::mem::take(message));
            }
        }
        self
    }

    /// Applies `change` to this message and to each in it, however deep.
    pub(crate) fn throughout(mut self, change: impl Fn(Message) -> Message + Copy) -> Self {
        for field in &mut self.fields {
            if let Value::Message(message) = &mut field.value {
                *message = std::mem::take(message).throughout(change);
            }
        }
        change(self)
    }

    pub(crate) fn protobuf(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for Field { number, value, .. } in &self.fields {
            value.put(&mut out, *number);
        }
        out
    }

    /// As the JSON mapping of protobuf writes it, with the exceptions of OTLP: ids in hex, enums as numbers.
    pub(crate) fn json(&self) -> Json {
        let mut object = Map::new();
        for Field { key, repeated, value, .. } in &self.fields {
            if !repeated {
                object.insert((*key).to_owned(), value.json());
            } else if let Json::Array(list) = object.entry(*key).or_insert_with(|| Json::Array(Vec::new())) {
                list.push(value.json());
            }
        }
        Json::Object(object)
    }
}

impl Value {
    fn put(&self, out: &mut Vec<u8>, number: u32) {
        let varint = |out: &mut Vec<u8>, value: u64| {
            put_tag(out, number, 0);
            put_varint(out, value);
        };
        let fixed64 = |out: &mut Vec<u8>, value: u64| {
            put_tag(out, number, 1);
            out.extend_from_slice(&value.to_le_bytes());
        };
        match self {
            Value::Message(message) => put_bytes(out, number, &message.protobuf()),
            Value::Text(text) => put_bytes(out, number, text.as_bytes()),
            Value::Bytes(bytes) | Value::Id(bytes) => put_bytes(out, number, bytes),
            Value::Bool(value) => varint(out, u64::from(*value)),
            Value::Int64(value) => varint(out, *value as u64),
            Value::Uint32(value) => varint(out, u64::from(*value)),
            Value::Sint32(value) => varint(out, u64::from((value << 1 ^ value >> 31) as u32)),
            Value::Int32(value) | Value::Enum(value) => varint(out, i64::from(*value) as u64),
            Value::Sfixed64(value) => fixed64(out, *value as u64),
            Value::Fixed64(value) => fixed64(out, *value),
            Value::Double(value) => fixed64(out, value.to_bits()),
            Value::Fixed32(value) => {
                put_tag(out, number, 5);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Value::Group(message) => {
                put_tag(out, number, 3);
                out.extend_from_slice(&message.protobuf());
                put_tag(out, number, 4);
            }
            Value::Uint64s(values) => {
                let mut packed = Vec::new();
                values.iter().for_each(|value| put_varint(&mut packed, *value));
                put_bytes(out, number, &packed);
            }
            Value::Fixed64s(values) => {
                let packed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                put_bytes(out, number, &packed);
            }
            Value::Doubles(values) => {
                let packed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                put_bytes(out, number, &packed);
            }
        }
    }

    fn json(&self) -> Json {
        match self {
            Value::Message(message) | Value::Group(message) => message.json(),
            Value::Text(text) => Json::from(text.as_str()),
            Value::Bytes(bytes) => Json::from(base64(bytes)),
            Value::Id(bytes) => Json::from(hex(bytes)),
            Value::Bool(value) => Json::from(*value),
            Value::Int64(value) | Value::Sfixed64(value) => Json::from(value.to_string()),
            Value::Fixed64(value) => Json::from(value.to_string()),
            Value::Uint32(value) | Value::Fixed32(value) => Json::from(*value),
            Value::Int32(value) | Value::Sint32(value) | Value::Enum(value) => Json::from(*value),
            Value::Double(value) => double(*value),
            Value::Uint64s(values) | Value::Fixed64s(values) => {
                values.iter().map(|value| Json::from(value.to_string())).collect()
            }
            Value::Doubles(values) => values.iter().map(|value| double(*value)).collect(),
        }
    }
}

fn double(value: f64) -> Json {
    let word = match value {
        _ if value.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => return Json::from(value),
    };
    Json::from(word)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The standard alphabet with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = [0; 4];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bits);
        for digit in 0..4 {
            let sextet = DIGITS[(bits >> (18 - 6 * digit) & 63) as usize];
            text.push(if digit <= group.len() { char::from(sextet) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_in_both_encodings() {
        let inner = Message::new().text(1, "key", "k").set(2, "n", Value::Sint32(-2));
        let message = Message::new()
            .set(1, "traceId", Value::Id(vec![0xab, 0xcd]))
            .many(2, "list", [inner.clone(), Message::new()])
            .set(3, "time", Value::Fixed64(1))
            .set(4, "counts", Value::Uint64s(vec![1, 300]))
            .set(5, "nan", Value::Double(f64::NAN));
        let json = r#"{"traceId":"abcd","list":[{"key":"k","n":-2},{}],"time":"1","counts":["1","300"],"nan":"NaN"}"#;
        assert_eq!(message.json(), serde_json::from_str::<Json>(json).unwrap());
        let bytes = message.protobuf();
        assert!(bytes.starts_with(&[0x0a, 2, 0xab, 0xcd, 0x12, 5, 0x0a, 1, b'k', 0x10, 3, 0x12, 0, 0x19, 1]));
        let changed = message.without(5).each(2, |it| it.without(1));
        assert_eq!(changed.json()["list"][0], serde_json::json!({ "n": -2 }));
        let marked = changed.without(4).throughout(|it| it.text(9, "mark", "m"));
        let json = r#"{"traceId":"abcd","list":[{"n":-2,"mark":"m"},{"mark":"m"}],"time":"1","mark":"m"}"#;
        assert_eq!(marked.json(), serde_json::from_str::<Json>(json).unwrap());
        let group = Message::new().set(2, "group", Value::Group(inner.without(1)));
        assert_eq!(group.protobuf(), [0x13, 0x10, 3, 0x14]);
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
