//! One attribute in wire encoding, `KeyValue { 1: key, 2: AnyValue }`, as far as a typed column can hold it.
//!
//! Only the encoding that every protobuf writer gives is taken apart: what the column gives back is then the same bytes.

use model::Attrs;
use model::wire::put_varint;

/// A value that a promoted column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Str(&'a str),
    Int(i64),
    /// The bits of a double: every NaN stays what it was.
    Double(u64),
    Bool(bool),
}

const KEY: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;
const STRING: u8 = 1 << 3 | 2;
const BOOL: u8 = 2 << 3;
const INT: u8 = 3 << 3;
const DOUBLE: u8 = 4 << 3 | 1;
/// The tag of an entry in a `KeyValueList`.
const ENTRY: u8 = 1 << 3 | 2;

/// The key and the value of `entry`, when [`write`] would give the same bytes for them.
fn parse(entry: &[u8]) -> Option<(&str, Scalar<'_>)> {
    let (key, rest) = bytes_field(entry, KEY)?;
    let (value, rest) = bytes_field(rest, VALUE)?;
    if !rest.is_empty() {
        return None;
    }
    let scalar = match *value.first()? {
        STRING => match bytes_field(value, STRING)? {
            (text, []) => Scalar::Str(std::str::from_utf8(text).ok()?),
            _ => return None,
        },
        INT => match varint(&value[1..])? {
            (int, []) => Scalar::Int(int as i64),
            _ => return None,
        },
        BOOL => match value[1..] {
            [bit @ (0 | 1)] => Scalar::Bool(bit == 1),
            _ => return None,
        },
        DOUBLE => Scalar::Double(u64::from_le_bytes(value[1..].try_into().ok()?)),
        _ => return None,
    };
    Some((std::str::from_utf8(key).ok()?, scalar))
}

/// An entry of a `KeyValueList`.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    /// With its tag and length: a list of its own.
    pub(super) list: &'a [u8],
    message: &'a [u8],
}

impl<'a> Entry<'a> {
    pub(super) fn parse(self) -> Option<(&'a str, Scalar<'a>)> {
        parse(self.message)
    }

    /// The key in whatever form the entry is.
    pub(super) fn key(self) -> &'a str {
        Attrs::new(self.list).iter().next().map_or("", |(key, _)| key)
    }
}

/// The list is not a plain sequence of entries.
#[derive(Debug, PartialEq)]
pub(super) struct NotPlain;

/// The entries of a `KeyValueList`; the last is an error when there is something else in it.
pub(super) fn entries(mut list: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, NotPlain>> {
    std::iter::from_fn(move || {
        if list.is_empty() {
            return None;
        }
        let whole = std::mem::take(&mut list);
        Some(match bytes_field(whole, ENTRY) {
            Some((message, rest)) => {
                list = rest;
                Ok(Entry { list: &whole[..whole.len() - rest.len()], message })
            }
            None => Err(NotPlain),
        })
    })
}

/// The bytes of a field with this one-byte tag at the start of `buf`, and what follows.
fn bytes_field(buf: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = buf.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = varint(rest)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// A varint in as few bytes as it can be, and what follows.
fn varint(buf: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in buf.iter().take(10).enumerate() {
        if index == 9 && *byte > 1 {
            return None; // beyond 64 bits
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            return (index == 0 || *byte != 0).then_some((value, &buf[index + 1..]));
        }
    }
    None
}

fn varint_length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn field_length(bytes: usize) -> usize {
    1 + varint_length(bytes as u64) + bytes
}

impl Scalar<'_> {
    /// The length of the `AnyValue`.
    fn length(self) -> usize {
        match self {
            Scalar::Str(text) => field_length(text.len()),
            Scalar::Int(int) => 1 + varint_length(int as u64),
            Scalar::Double(_) => 9,
            Scalar::Bool(_) => 2,
        }
    }
}

/// The bytes that [`write`] appends for an attribute.
pub(super) fn written_length(key: &str, value: Scalar<'_>) -> usize {
    field_length(field_length(key.len()) + field_length(value.length()))
}

/// Appends the attribute to a `KeyValueList`.
pub(super) fn write(out: &mut Vec<u8>, key: &str, value: Scalar<'_>) {
    let length = value.length();
    out.push(ENTRY);
    put_varint(out, (field_length(key.len()) + field_length(length)) as u64);
    out.push(KEY);
    put_varint(out, key.len() as u64);
    out.extend_from_slice(key.as_bytes());
    out.push(VALUE);
    put_varint(out, length as u64);
    match value {
        Scalar::Str(text) => {
            out.push(STRING);
            put_varint(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        Scalar::Int(int) => {
            out.push(INT);
            put_varint(out, int as u64);
        }
        Scalar::Double(bits) => {
            out.push(DOUBLE);
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Scalar::Bool(bit) => out.extend_from_slice(&[BOOL, bit.into()]),
    }
}

#[cfg(test)]
mod tests {
    use model::{AttrsBuf, Value};

    use super::*;

    #[test]
    fn gives_back_the_bytes_of_every_scalar() {
        let long = "x".repeat(300);
        let cases = [
            (Value::Str(""), Scalar::Str("")),
            (Value::Str(&long), Scalar::Str(&long)),
            (Value::Int(0), Scalar::Int(0)),
            (Value::Int(i64::MIN), Scalar::Int(i64::MIN)),
            (Value::Int(i64::MAX), Scalar::Int(i64::MAX)),
            (Value::Double(-0.0), Scalar::Double((-0.0f64).to_bits())),
            (Value::Double(f64::from_bits(0x7ff8_0000_0000_0001)), Scalar::Double(0x7ff8_0000_0000_0001)),
            (Value::Bool(true), Scalar::Bool(true)),
            (Value::Bool(false), Scalar::Bool(false)),
        ];
        for key in ["", "k", &"한".repeat(100)] {
            for (value, expected) in cases {
                let mut sent = AttrsBuf::new();
                sent.push(key, value);
                let entry = entries(sent.as_bytes()).next().unwrap().unwrap();
                assert_eq!((entry.parse(), entry.key()), (Some((key, expected)), key));
                let mut out = Vec::new();
                write(&mut out, key, expected);
                assert_eq!(out, sent.as_bytes());
                assert_eq!(out.len(), written_length(key, expected));
            }
        }
    }

    #[test]
    fn leaves_alone_what_it_would_not_give_back() {
        let cases: [(&str, &[u8]); 14] = [
            ("nothing", &[]),
            ("no value", &[0x0a, 1, b'k']),
            ("an empty value", &[0x0a, 1, b'k', 0x12, 0]),
            ("value before key", &[0x12, 2, 0x10, 1, 0x0a, 1, b'k']),
            ("an unknown field", &[0x0a, 1, b'k', 0x12, 2, 0x10, 1, 0x18, 1]),
            ("bytes", &[0x0a, 1, b'k', 0x12, 3, 0x3a, 1, 0]),
            ("an array", &[0x0a, 1, b'k', 0x12, 2, 0x2a, 0]),
            ("two values", &[0x0a, 1, b'k', 0x12, 4, 0x10, 1, 0x18, 5]),
            ("a bool of 2", &[0x0a, 1, b'k', 0x12, 2, 0x10, 2]),
            ("an int in more bytes than it needs", &[0x0a, 1, b'k', 0x12, 3, 0x18, 0x81, 0]),
            ("a length in more bytes than it needs", &[0x0a, 0x81, 0, b'k', 0x12, 2, 0x10, 1]),
            ("text that is not UTF-8", &[0x0a, 1, b'k', 0x12, 3, 0x0a, 1, 0xff]),
            ("a key that is not UTF-8", &[0x0a, 1, 0xff, 0x12, 2, 0x10, 1]),
            ("a length beyond the end", &[0x0a, 1, b'k', 0x12, 9, 0x10, 1]),
        ];
        for (what, entry) in cases {
            assert_eq!(parse(entry), None, "{what}");
        }
    }

    #[test]
    fn a_list_with_anything_else_in_it_ends_in_an_error() {
        let mut list = AttrsBuf::new();
        list.push("a", Value::Int(1));
        let whole = list.as_bytes().to_vec();
        for tail in [&[0x10, 1][..], &[0x0a], &[0x0a, 5, 0]] {
            let list = [&whole, tail].concat();
            assert_eq!(entries(&list).map(|entry| entry.is_ok()).collect::<Vec<_>>(), [true, false]);
        }
    }
}
