//! Single values: what JSON may write for each type, and its form on the wire.

use std::fmt;

use model::wire::put_varint;
use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use super::base64;
use super::schema::{Cardinality, Field, Kind};
use super::transcoder::Transcoder;
use crate::otlp::ids::{BASE64, NOT_HEX, SPAN_ID_BYTES, TRACE_ID_BYTES};

/// Appends one value of `field`, without its tag when it is an element of a packed list.
pub(super) struct ScalarSeed<'t> {
    pub(super) transcoder: &'t mut Transcoder,
    pub(super) field: &'static Field,
    pub(super) packed: bool,
}

/// Bytes of a text that are shown when it is refused.
const MAX_SHOWN: usize = 40;

impl<'de> DeserializeSeed<'de> for ScalarSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for ScalarSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(expected(self.field.kind))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => self.put_number(u64::from(value)),
            _ => return Err(self.refuse("the value", value)),
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.integer(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.integer(value.into())
    }

    /// A whole number may be written as `1e3` or `5.0`.
    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match self.field.kind {
            Kind::Double => self.put_number(value.to_bits()),
            _ if value.fract() == 0.0 && value.abs() < 1e19 => return self.integer(value as i128),
            _ => return Err(self.refuse("the number", value)),
        }
        Ok(())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        match self.field.kind {
            Kind::String => self.put_bytes(text.as_bytes()),
            Kind::Bytes => {
                let mut bytes = Vec::new();
                base64::decode(text, &mut bytes).ok_or_else(|| self.refuse_text(text))?;
                self.put_bytes(&bytes);
            }
            Kind::Id => {
                let mut bytes = Vec::with_capacity(16);
                let id = if decode_hex(text, &mut bytes) { &bytes } else { not_an_id(text) };
                self.put_bytes(id);
            }
            Kind::Bool | Kind::Message(_) => return Err(self.refuse_text(text)),
            Kind::Double => {
                let value = match text {
                    "NaN" => f64::NAN,
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    // `f64::from_str` also takes words such as "inf".
                    text if text
                        .bytes()
                        .any(|byte| byte.is_ascii_alphabetic() && !byte.eq_ignore_ascii_case(&b'e')) =>
                    {
                        return Err(self.refuse_text(text));
                    }
                    text => text.parse().map_err(|_| self.refuse_text(text))?,
                };
                self.put_number(value.to_bits());
            }
            Kind::Enum(names) => {
                if let Some(number) = names.iter().position(|name| *name == text) {
                    let name = names[number];
                    self.transcoder
                        .warn(format!("the enum name {name} was read as {number}; OTLP/JSON allows only the integer"));
                    self.put_number(number as u64);
                } else {
                    return self.integer_text(text);
                }
            }
            _ => return self.integer_text(text),
        }
        Ok(())
    }
}

/// The whole number that `text` writes, also as `1e3` or `5.0`: exactly, where a double would round.
fn whole_number(text: &str) -> Option<i128> {
    /// Beyond, nothing fits 64 bits, and nothing needs to be computed.
    const MAX_EXPONENT: i32 = 30;
    const MIN_EXPONENT: i32 = -MAX_EXPONENT;
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (decimal, exponent) = match text.split_once(['e', 'E']) {
        Some((decimal, exponent)) => (decimal, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    if !whole.ends_with(|it: char| it.is_ascii_digit()) || !fraction.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    match exponent {
        0..=MAX_EXPONENT => digits.checked_mul(10i128.pow(exponent as u32)),
        MIN_EXPONENT..0 => {
            let divisor = 10i128.pow(exponent.unsigned_abs());
            (digits % divisor == 0).then_some(digits / divisor)
        }
        _ => (digits == 0).then_some(0),
    }
}

impl ScalarSeed<'_> {
    fn refuse<E: Error>(&self, what: &str, found: impl fmt::Display) -> E {
        E::custom(format_args!("{what} {found} is not allowed, expected {}", expected(self.field.kind)))
    }

    fn refuse_text<E: Error>(&self, text: &str) -> E {
        let shown = &text[..text.floor_char_boundary(MAX_SHOWN)];
        let cut = if shown.len() < text.len() { "…" } else { "" };
        self.refuse("the string", format_args!("{shown:?}{cut}"))
    }

    fn integer_text<E: Error>(self, text: &str) -> Result<(), E> {
        let value = whole_number(text).ok_or_else(|| self.refuse_text(text))?;
        self.integer(value)
    }

    fn integer<E: Error>(self, value: i128) -> Result<(), E> {
        let bits = match self.field.kind {
            Kind::Int64 | Kind::Sfixed64 => i64::try_from(value).ok().map(|value| value as u64),
            Kind::Uint64 | Kind::Fixed64 => u64::try_from(value).ok(),
            Kind::Uint32 | Kind::Fixed32 => u32::try_from(value).ok().map(u64::from),
            Kind::Sint32 => i32::try_from(value).ok().map(|value| u64::from((value << 1 ^ value >> 31) as u32)),
            // A negative enum is a 64-bit varint, as all negative `int32` are.
            Kind::Enum(_) => i32::try_from(value).ok().map(|value| i64::from(value) as u64),
            Kind::Double => Some((value as f64).to_bits()),
            Kind::Message(_) | Kind::String | Kind::Bytes | Kind::Id | Kind::Bool => {
                return Err(self.refuse("the number", value));
            }
        };
        let bits = bits.ok_or_else(|| self.refuse("the number", value))?;
        self.put_number(bits);
        Ok(())
    }

    /// Appends a value given as the bits that go on the wire.
    fn put_number(self, bits: u64) {
        let ScalarSeed { transcoder, field, packed } = self;
        if bits == 0 && field.cardinality == Cardinality::Implicit {
            return;
        }
        let wire_type = match field.kind {
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => 1,
            Kind::Fixed32 => 5,
            _ => 0,
        };
        if !packed {
            transcoder.put_tag(field.number, wire_type);
        }
        match wire_type {
            1 => transcoder.out.extend_from_slice(&bits.to_le_bytes()),
            5 => transcoder.out.extend_from_slice(&(bits as u32).to_le_bytes()),
            _ => put_varint(&mut transcoder.out, bits),
        }
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() || self.field.cardinality != Cardinality::Implicit {
            self.transcoder.put_bytes(self.field.number, bytes);
        }
    }
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Message(_) => "an object",
        Kind::String => "a string",
        Kind::Bytes => "a string in base64",
        Kind::Id => "a string of hex digits",
        Kind::Bool => "true or false",
        Kind::Int64 | Kind::Sfixed64 => "a 64-bit integer as a number or a string",
        Kind::Uint64 | Kind::Fixed64 => "an unsigned 64-bit integer as a number or a string",
        Kind::Uint32 | Kind::Fixed32 => "an unsigned 32-bit integer",
        Kind::Sint32 => "a 32-bit integer",
        Kind::Double => "a number, or \"NaN\", \"Infinity\" or \"-Infinity\"",
        Kind::Enum(_) => "the integer of an enum",
    }
}

/// What stands for an id that is not made of hex digits.
fn not_an_id(text: &str) -> &'static [u8] {
    let mut bytes = Vec::new();
    let is_base64 = base64::decode(text, &mut bytes).is_some();
    if is_base64 && matches!(bytes.len(), SPAN_ID_BYTES | TRACE_ID_BYTES) { BASE64 } else { NOT_HEX }
}

/// Appends the bytes of `text`; `false` when it is not an even number of hex digits.
fn decode_hex(text: &str, out: &mut Vec<u8>) -> bool {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    for [high, low] in pairs {
        let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16)) else {
            return false;
        };
        out.push((high << 4 | low) as u8);
    }
    rest.is_empty()
}
