//! Attributes and their values as JSON text: for people, for SQL, and as the form in which values that are no strings are
//! compared.

use std::fmt::{self, Write};

use super::{Attrs, Value};

impl Value<'_> {
    /// Appends the value as JSON: doubles that JSON lacks as the strings `"NaN"`, `"Infinity"`, `"-Infinity"`, bytes as base64.
    pub fn write_json(&self, out: &mut String) {
        match *self {
            Value::Empty => out.push_str("null"),
            Value::Str(text) => write_json_string(out, text),
            Value::Bool(bit) => out.push_str(if bit { "true" } else { "false" }),
            Value::Int(int) => append(out, format_args!("{int}")),
            Value::Double(double) => write_json_double(out, double),
            Value::Bytes(bytes) => {
                out.push('"');
                write_base64(out, bytes);
                out.push('"');
            }
            Value::Array(values) => {
                out.push('[');
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    value.write_json(out);
                }
                out.push(']');
            }
            Value::Map(attrs) => attrs.write_json(out),
        }
    }
}

impl Attrs<'_> {
    /// Appends the set as a JSON object, its keys as they were sent.
    pub fn write_json(&self, out: &mut String) {
        write_json_object(out, self.iter());
    }

    /// Appends the set as a JSON object with its keys in ascending order, so that equal sets give equal text. Only those of the
    /// set itself: of a map within, the order is kept.
    pub fn write_sorted_json(&self, out: &mut String) {
        if self.entries().map(|(key, _)| key).is_sorted() {
            return self.write_json(out);
        }
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by_key(|(key, _)| *key); // stable: keys that repeat stay as they were
        write_json_object(out, entries.into_iter());
    }
}

fn write_json_object<'a>(out: &mut String, entries: impl Iterator<Item = (&'a str, Value<'a>)>) {
    out.push('{');
    for (i, (key, value)) in entries.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_json_string(out, key);
        out.push(':');
        value.write_json(out);
    }
    out.push('}');
}

fn append(out: &mut String, arguments: fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("writing to a String cannot fail");
}

fn write_json_double(out: &mut String, double: f64) {
    if double.is_nan() {
        out.push_str("\"NaN\"");
    } else if double.is_infinite() {
        out.push_str(if double > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    } else {
        append(out, format_args!("{double}"));
    }
}

/// Appends `text` as a JSON string with its quotes.
pub fn write_json_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => append(out, format_args!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}

pub(super) fn write_base64(out: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let sextet = (group >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AttrsBuf;

    #[test]
    fn sorted_json_is_that_of_the_set_whatever_its_order() {
        let pairs = [("b", 1), ("a", 2), ("é", 3), ("a.b", 4), ("", 5), ("B", 6)];
        let json = |order: &[usize]| {
            let mut buf = AttrsBuf::new();
            order.iter().for_each(|at| buf.push(pairs[*at].0, Value::Int(pairs[*at].1)));
            let mut json = String::new();
            buf.as_attrs().write_sorted_json(&mut json);
            json
        };
        let expected = r#"{"":5,"B":6,"a":2,"a.b":4,"b":1,"é":3}"#;
        for order in [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [4, 5, 1, 3, 0, 2]] {
            assert_eq!(json(&order), expected, "{order:?}");
        }
        assert_eq!(json(&[]), "{}");
        let mut twice = AttrsBuf::new();
        [("k", 2), ("a", 0), ("k", 1)].into_iter().for_each(|(key, value)| twice.push(key, Value::Int(value)));
        let mut json = String::new();
        twice.as_attrs().write_sorted_json(&mut json);
        assert_eq!(json, r#"{"a":0,"k":2,"k":1}"#);
    }
}
