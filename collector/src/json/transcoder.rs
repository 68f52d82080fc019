//! The streaming pass: serde visitors that follow the tables and append fields in wire encoding.

use std::fmt;

use model::wire::put_varint;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Transcoded;
use super::nested;
use super::scalar::ScalarSeed;
use super::schema::{self, Cardinality, Field, Kind, Message};
use super::unknown::UnknownKeys;
use crate::otlp::Report;

const UNKNOWN_BODY: &str = "no key of the body is known, so nothing was stored; keys of OTLP/JSON are lowerCamelCase";

/// Where the pass is and what it has written.
pub(super) struct Transcoder {
    pub(super) out: Vec<u8>,
    pub(super) report: Report,
    /// Why the pass ended, where it was none of the body's JSON.
    pub(super) stopped: Option<Stopped>,
    /// Arrays and maps of values that are open.
    pub(super) value_depth: usize,
    max_size: usize,
    path: Vec<Step>,
    unknown: UnknownKeys,
    unknown_at_top: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    TooLarge,
    TooDeep,
}

enum Step {
    Key(&'static str),
    Index(usize),
}

impl Transcoder {
    pub(super) fn new(max_size: usize) -> Self {
        Transcoder {
            out: Vec::new(),
            report: Report::default(),
            stopped: None,
            value_depth: 0,
            max_size,
            path: Vec::new(),
            unknown: UnknownKeys::default(),
            unknown_at_top: false,
        }
    }

    pub(super) fn finish(mut self, message: &'static Message) -> Transcoded {
        if self.out.is_empty() && self.unknown_at_top {
            self.report.warn(UNKNOWN_BODY, || format!("expected {}", message.fields[0].name));
        }
        self.unknown.report(&mut self.report);
        Transcoded { body: self.out, report: self.report }
    }

    /// As in `resourceSpans[0].scopeSpans[2].spans[17].name`.
    pub(super) fn place(&self) -> String {
        place_of(&self.path)
    }

    /// Takes the last key from the place.
    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    fn note_unknown(&mut self, number: usize) {
        self.unknown_at_top |= self.path.is_empty();
        self.unknown.note(number, || place_of(&self.path));
    }

    pub(super) fn warn(&mut self, reason: String) {
        let place = self.place();
        self.report.warn(reason, || place);
    }

    pub(super) fn put_tag(&mut self, number: u32, wire_type: u32) {
        put_varint(&mut self.out, u64::from(number << 3 | wire_type));
    }

    pub(super) fn put_bytes(&mut self, number: u32, bytes: &[u8]) {
        self.put_tag(number, 2);
        put_varint(&mut self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Writes field `number` with the bytes that `write` appends, and their length before them.
    fn put_delimited<E>(&mut self, number: u32, write: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        self.put_tag(number, 2);
        let start = self.out.len();
        write(self)?;
        let length = self.out.len() - start;
        let mut prefix = Vec::with_capacity(10);
        put_varint(&mut prefix, length as u64);
        self.out.extend_from_slice(&prefix);
        self.out[start..].rotate_right(prefix.len());
        Ok(())
    }

    /// The error that ends the pass; what is told of it is why it stopped.
    pub(super) fn stop<E: Error>(&mut self, why: Stopped) -> E {
        self.stopped = Some(why);
        E::custom("stopped")
    }

    /// Fails when more than the limit has been written; called for each element, so that the excess is one element.
    fn check_size<E: Error>(&mut self) -> Result<(), E> {
        if self.out.len() > self.max_size { Err(self.stop(Stopped::TooLarge)) } else { Ok(()) }
    }
}

fn place_of(path: &[Step]) -> String {
    let mut place = String::new();
    for step in path {
        match step {
            Step::Key(name) if place.is_empty() => place.push_str(name),
            Step::Key(name) => place.extend([".", name]),
            Step::Index(index) => place.push_str(&format!("[{index}]")),
        }
    }
    place
}

/// Appends the fields of one JSON object.
pub(super) struct MessageSeed<'t> {
    pub(super) transcoder: &'t mut Transcoder,
    pub(super) message: &'static Message,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(E::custom("a string is not allowed, expected an object"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let MessageSeed { transcoder, message } = self;
        let one_of = schema::one_of(message);
        let mut set: Option<&'static Field> = None;
        while let Some(key) = map.next_key_seed(KeySeed { message, unknown: &mut transcoder.unknown })? {
            match key {
                Key::Known(field) => {
                    transcoder.path.push(Step::Key(field.name));
                    let before = transcoder.out.len();
                    map.next_value_seed(FieldSeed { transcoder: &mut *transcoder, field })?;
                    transcoder.path.pop();
                    // The decoder reads the last one, as protobuf has it, where JSON has no order.
                    if one_of.contains(&field.number) && transcoder.out.len() > before {
                        let other = set.replace(field).filter(|other| other.number != field.number);
                        if let Some(other) = other {
                            let (first, last) = (other.name, field.name);
                            transcoder.warn(format!("{first} and {last} exclude each other; only {last} was read"));
                        }
                    }
                    transcoder.check_size()?;
                }
                Key::Unknown(number) => {
                    transcoder.note_unknown(number);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

enum Key {
    Known(&'static Field),
    /// With its number among [`UnknownKeys`].
    Unknown(usize),
}

struct KeySeed<'t> {
    message: &'static Message,
    unknown: &'t mut UnknownKeys,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        match self.message.fields.iter().find(|field| field.name == key) {
            Some(field) => Ok(Key::Known(field)),
            None => Ok(Key::Unknown(self.unknown.number(self.message, key))),
        }
    }
}

/// Appends one field; `null` appends nothing.
struct FieldSeed<'t> {
    transcoder: &'t mut Transcoder,
    field: &'static Field,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let FieldSeed { transcoder, field } = self;
        match (field.cardinality, field.kind) {
            (Cardinality::Repeated, _) => deserializer.deserialize_any(ListVisitor { transcoder, field }),
            (_, Kind::Message(message)) if schema::holds_values(message) => {
                transcoder.put_delimited(field.number, |transcoder| nested::put(transcoder, message, deserializer))
            }
            (_, Kind::Message(message)) => transcoder.put_delimited(field.number, |transcoder| {
                MessageSeed { transcoder, message }.deserialize(deserializer)
            }),
            _ => ScalarSeed { transcoder, field, packed: false }.deserialize(deserializer),
        }
    }
}

/// Appends the elements of a repeated field; numbers packed.
struct ListVisitor<'t> {
    transcoder: &'t mut Transcoder,
    field: &'static Field,
}

impl<'de> Visitor<'de> for ListVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(E::custom("a string is not allowed, expected an array"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let ListVisitor { transcoder, field } = self;
        transcoder.path.push(Step::Index(0));
        match field.kind {
            Kind::Message(message) => loop {
                // The tag is written before it is known whether there is an element.
                let before = transcoder.out.len();
                let mut found = false;
                transcoder.put_delimited(field.number, |transcoder| {
                    found = list.next_element_seed(ElementSeed { transcoder, message })?.is_some();
                    Ok(())
                })?;
                if !found {
                    transcoder.out.truncate(before);
                    break;
                }
                transcoder.next_index()?;
            },
            Kind::String => {
                while list
                    .next_element_seed(ScalarSeed { transcoder: &mut *transcoder, field, packed: false })?
                    .is_some()
                {
                    transcoder.next_index()?;
                }
            }
            _ => {
                let before = transcoder.out.len();
                let mut n_elements = 0;
                transcoder.put_delimited(field.number, |transcoder| {
                    while list
                        .next_element_seed(ScalarSeed { transcoder: &mut *transcoder, field, packed: true })?
                        .is_some()
                    {
                        n_elements += 1;
                        transcoder.next_index()?;
                    }
                    Ok(())
                })?;
                if n_elements == 0 {
                    transcoder.out.truncate(before);
                }
            }
        }
        transcoder.path.pop();
        Ok(())
    }
}

impl Transcoder {
    fn next_index<E: Error>(&mut self) -> Result<(), E> {
        if let Some(Step::Index(index)) = self.path.last_mut() {
            *index += 1;
        }
        self.check_size()
    }
}

/// Appends one element of a repeated message; `null` is an empty one.
struct ElementSeed<'t> {
    transcoder: &'t mut Transcoder,
    message: &'static Message,
}

impl<'de> DeserializeSeed<'de> for ElementSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for ElementSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        MessageSeed { transcoder: self.transcoder, message: self.message }.deserialize(deserializer)
    }
}
