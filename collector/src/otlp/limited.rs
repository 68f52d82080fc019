//! Limits of one item: how many attributes, how long a text. What is over them is cut from the message before it is decoded,
//! counted where OTLP counts it (`dropped_attributes_count`), and reported.
//!
//! The limits are constants and not settings, because the write-ahead log replays bodies: the same body must give the
//! same rows at the next start. They are far above those of SDKs (128 attributes by default) and below what harms: a row is read,
//! merged and shown as a whole.

use std::fmt::Write;

use model::Value;
use model::attrs::Bounded;
use model::wire::{Raw, Reader, put_bytes_field, put_fixed32_field, put_fixed64_field, put_varint_field};

use super::report::Report;

/// Attributes of a resource, scope, span, event, link or log record.
pub(crate) const MAX_ATTRIBUTES: usize = 1024;
/// Bytes of an attribute value that is a string, and of a body.
pub(crate) const MAX_VALUE: usize = 1 << 20;
/// Bytes of an attribute beside a string value: its key and lengths, or a value of another type as a whole.
const MAX_OVERHEAD: usize = 64 << 10;
/// Spans, log records or data points of one request. A record may have two bytes where its row has a hundred, so that the size
/// of a body alone would not bound its rows.
pub(super) const MAX_ITEMS: u64 = 1 << 20;
pub(super) const TOO_MANY: &str = "a request may have 1048576 spans, log records or data points; send smaller batches";
/// Bytes of a name.
pub(crate) const MAX_NAME: usize = 64 << 10;

const ATTRIBUTES: &str = "attributes beyond 1024 of one item, and those that are no string and larger than 64 KiB, were left out; dropped_attributes_count says how many";
pub(super) const TEXT: &str = "a text was cut at its limit: 1 MiB for an attribute value or a body, 64 KiB for a name";

/// A message with attributes: which fields are what, 0 for none.
pub(super) struct Shape {
    pub(super) attributes: u32,
    pub(super) dropped_attributes: u32,
    /// String fields that are names.
    pub(super) names: &'static [u32],
    /// An `AnyValue` that is no attribute.
    pub(super) body: u32,
    /// Messages within this one.
    pub(super) children: &'static [(u32, Shape)],
}

const fn shape(attributes: u32, dropped_attributes: u32, names: &'static [u32]) -> Shape {
    Shape { attributes, dropped_attributes, names, body: 0, children: &[] }
}

pub(super) const RESOURCE: Shape = shape(1, 2, &[]);
pub(super) const SCOPE: Shape = shape(3, 4, &[1, 2]);
pub(super) const SPAN: Shape = Shape {
    children: &[(11, shape(3, 4, &[2])), (13, shape(4, 5, &[3])), (15, shape(0, 0, &[2]))],
    ..shape(9, 10, &[3, 5])
};
pub(super) const LOG_RECORD: Shape = Shape { body: 5, ..shape(6, 7, &[3, 12]) };

/// A message of fewer bytes is within all limits: an attribute takes two bytes at least.
const SMALL: usize = 2 * MAX_ATTRIBUTES;

/// `message` within the limits: as it is, which it mostly is, or cut and put together in `scratch`. What is not
/// well-formed is left for the decoder to name.
#[inline]
pub(super) fn limited<'a>(
    message: &'a [u8],
    shape: &Shape,
    scratch: &'a mut Vec<u8>,
    report: &mut Report,
    place: impl Fn() -> String,
) -> &'a [u8] {
    if message.len() <= SMALL || is_within(message, shape) {
        return message;
    }
    let mut cut = Cut::default();
    scratch.clear();
    cut.message(message, shape, scratch);
    if cut.attributes {
        report.warn(ATTRIBUTES, &place);
    }
    if cut.texts {
        report.warn(TEXT, &place);
    }
    scratch
}

fn is_within(message: &[u8], shape: &Shape) -> bool {
    let mut n_attributes = 0;
    let mut reader = Reader::new(message);
    while let Ok(Some((number, raw))) = reader.next_field() {
        let Raw::Bytes(bytes) = raw else { continue };
        let within = if number == shape.attributes {
            n_attributes += 1;
            n_attributes <= MAX_ATTRIBUTES && bytes.len() <= MAX_OVERHEAD
        } else if number == shape.body {
            bytes.len() <= MAX_VALUE
        } else if shape.names.contains(&number) {
            bytes.len() <= MAX_NAME
        } else {
            bytes.len() <= SMALL || shape.child(number).is_none_or(|child| is_within(bytes, child))
        };
        if !within {
            return false;
        }
    }
    true
}

impl Shape {
    fn child(&self, number: u32) -> Option<&Shape> {
        self.children.iter().find(|(field, _)| *field == number).map(|(_, child)| child)
    }
}

/// What was cut.
#[derive(Default)]
struct Cut {
    attributes: bool,
    texts: bool,
}

impl Cut {
    fn message(&mut self, message: &[u8], shape: &Shape, out: &mut Vec<u8>) {
        let (mut n_attributes, mut n_dropped, mut told) = (0, 0u32, 0u32);
        let mut reader = Reader::new(message);
        while let Ok(Some((number, raw))) = reader.next_field() {
            match raw {
                Raw::Varint(count) if number == shape.dropped_attributes => told = count as u32,
                Raw::Varint(value) => put_varint_field(out, number, value),
                Raw::Fixed64(bits) => put_fixed64_field(out, number, bits),
                Raw::Fixed32(bits) => put_fixed32_field(out, number, bits),
                Raw::Bytes(entry) if number == shape.attributes => {
                    n_attributes += 1;
                    if n_attributes > MAX_ATTRIBUTES || !self.attribute(entry, number, out) {
                        n_dropped = n_dropped.saturating_add(1);
                    }
                }
                Raw::Bytes(body) if number == shape.body => self.body(body, number, out),
                Raw::Bytes(name) if shape.names.contains(&number) => {
                    put_bytes_field(out, number, self.text(name, MAX_NAME));
                }
                Raw::Bytes(bytes) => match shape.child(number) {
                    Some(child) => {
                        let mut inner = Vec::new();
                        self.message(bytes, child, &mut inner);
                        put_bytes_field(out, number, &inner);
                    }
                    None => put_bytes_field(out, number, bytes),
                },
            }
        }
        // What could not be read stays as it is, so that the decoder sees it.
        out.extend_from_slice(reader.rest());
        if n_dropped > 0 || told > 0 {
            self.attributes |= n_dropped > 0;
            put_varint_field(out, shape.dropped_attributes, u64::from(told.saturating_add(n_dropped)));
        }
    }

    /// Puts a `KeyValue`; false when it is left out.
    fn attribute(&mut self, entry: &[u8], number: u32, out: &mut Vec<u8>) -> bool {
        if entry.len() <= MAX_OVERHEAD {
            put_bytes_field(out, number, entry);
            return true;
        }
        let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
        let mut reader = Reader::new(entry);
        while let Ok(Some((number, raw))) = reader.next_field() {
            match (number, raw) {
                (1, Raw::Bytes(bytes)) => key = bytes,
                (2, Raw::Bytes(bytes)) => value = bytes,
                _ => {}
            }
        }
        let Some(text) = string(value).filter(|_| key.len() <= MAX_OVERHEAD && reader.rest().is_empty()) else {
            return false;
        };
        let (mut any, mut entry) = (Vec::new(), Vec::new());
        put_bytes_field(&mut any, 1, self.text(text, MAX_VALUE));
        put_bytes_field(&mut entry, 1, key);
        put_bytes_field(&mut entry, 2, &any);
        put_bytes_field(out, number, &entry);
        true
    }

    /// A body that is too large becomes the start of its text.
    fn body(&mut self, body: &[u8], number: u32, out: &mut Vec<u8>) {
        if body.len() <= MAX_VALUE || super::anyvalue::check_value(body).is_err() {
            return put_bytes_field(out, number, body);
        }
        let (mut text, mut any) = (String::new(), Vec::new());
        self.texts |= write!(Bounded::new(&mut text, MAX_VALUE), "{}", Value::parse(body)).is_err();
        put_bytes_field(&mut any, 1, text.as_bytes());
        put_bytes_field(out, number, &any);
    }

    /// At most `max` bytes of `text`, to the end of a character.
    fn text<'a>(&mut self, text: &'a [u8], max: usize) -> &'a [u8] {
        if text.len() <= max {
            return text;
        }
        self.texts = true;
        // A byte that continues a character is 10xxxxxx.
        let start_of_character = (0..=max).rev().find(|at| text[*at] & 0xc0 != 0x80);
        &text[..start_of_character.unwrap_or(0)]
    }
}

/// The string of an `AnyValue` that is one, whatever its bytes.
fn string(any: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(any);
    match (reader.next_field(), reader.rest()) {
        (Ok(Some((1, Raw::Bytes(text)))), []) => Some(text),
        _ => None,
    }
}
