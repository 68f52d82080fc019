//! Attributes and their values as JSON text: for people, for SQL, and as the form in which values that are no strings are
//! compared.

use std::fmt::{self, Write};

use super::{Attrs, Value};

/// A text that takes no more than it has room for.
///
/// Of a value that is longer as text it has the start, to the end of a character; writing the rest fails.
pub struct Bounded<'a> {
    text: &'a mut String,
    max: usize,
}

impl<'a> Bounded<'a> {
    /// `text`, which is to have at most `max` bytes.
    pub fn new(text: &'a mut String, max: usize) -> Self {
        Bounded { text, max }
    }
}

impl Write for Bounded<'_> {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.max.saturating_sub(self.text.len());
        if more.len() <= room {
            self.text.push_str(more);
            return Ok(());
        }
        self.text.push_str(&more[..more.floor_char_boundary(room)]);
        // Nothing that is shorter comes after what did not fit.
        self.max = self.text.len();
        Err(fmt::Error)
    }
}

impl Value<'_> {
    /// Appends the value as JSON: doubles that JSON lacks as the strings `"NaN"`, `"Infinity"`, `"-Infinity"`, bytes as base64.
    pub fn write_json(&self, out: &mut String) {
        self.put_json(out).expect(INFALLIBLE);
    }

    pub(super) fn put_json(&self, out: &mut impl Write) -> fmt::Result {
        match *self {
            Value::Empty => out.write_str("null"),
            Value::Str(text) => put_string(out, text),
            Value::Bool(bit) => out.write_str(if bit { "true" } else { "false" }),
            Value::Int(int) => write!(out, "{int}"),
            Value::Double(double) => put_double(out, double),
            Value::Bytes(bytes) => {
                out.write_char('"')?;
                put_base64(out, bytes)?;
                out.write_char('"')
            }
            Value::Array(values) => {
                out.write_char('[')?;
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        out.write_char(',')?;
                    }
                    value.put_json(out)?;
                }
                out.write_char(']')
            }
            Value::Map(attrs) => put_object(out, attrs.iter()),
        }
    }
}

impl Attrs<'_> {
    /// Appends the set as a JSON object, its keys as they were sent.
    pub fn write_json(&self, out: &mut String) {
        put_object(out, self.iter()).expect(INFALLIBLE);
    }

    /// Appends the set as a JSON object with its keys in ascending order, so that equal sets give equal text. Only those of the
    /// set itself: of a map within, the order is kept.
    pub fn write_sorted_json(&self, out: &mut String) {
        if self.entries().map(|(key, _)| key).is_sorted() {
            return self.write_json(out);
        }
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by_key(|(key, _)| *key); // stable: keys that repeat stay as they were
        put_object(out, entries.into_iter()).expect(INFALLIBLE);
    }
}

const INFALLIBLE: &str = "writing to a String cannot fail";

fn put_object<'a>(out: &mut impl Write, entries: impl Iterator<Item = (&'a str, Value<'a>)>) -> fmt::Result {
    out.write_char('{')?;
    for (i, (key, value)) in entries.enumerate() {
        if i > 0 {
            out.write_char(',')?;
        }
        put_string(out, key)?;
        out.write_char(':')?;
        value.put_json(out)?;
    }
    out.write_char('}')
}

fn put_double(out: &mut impl Write, double: f64) -> fmt::Result {
    if double.is_nan() {
        out.write_str("\"NaN\"")
    } else if double.is_infinite() {
        out.write_str(if double > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" })
    } else {
        write!(out, "{double}")
    }
}

/// Appends `text` as a JSON string with its quotes.
pub fn write_json_string(out: &mut String, text: &str) {
    put_string(out, text).expect(INFALLIBLE);
}

fn put_string(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    // Most texts have nothing to escape: they are written in few pieces.
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        out.write_str(&rest[..at])?;
        match rest.as_bytes()[at] {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            control => write!(out, "\\u{control:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

pub(super) fn put_base64(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let sextet = (group >> (18 - 6 * i)) & 63;
            out.write_char(if i <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' })?;
        }
    }
    Ok(())
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

    #[test]
    fn a_bounded_text_has_the_start_of_a_value_and_says_that_it_is_not_all() {
        let mut buf = AttrsBuf::new();
        buf.push("kéy", Value::Str("\u{1}\"a\\ö"));
        buf.push("n", Value::Double(1e-300));
        let value = Value::Map(buf.as_attrs());
        let whole = value.to_string();
        assert!(whole.starts_with("{\"kéy\":\"\\u0001\\\"a\\\\ö\",\"n\":0.000"), "{whole}");
        for max in 0..whole.len() + 2 {
            let mut text = String::new();
            let done = write!(Bounded::new(&mut text, max), "{value}");
            assert_eq!(done.is_ok(), max >= whole.len(), "{max}");
            assert!(
                whole.starts_with(&text) && text.len() <= max && text.len() + 4 > max.min(whole.len()),
                "{max}: {text}"
            );
        }
    }
}
