//! OTLP/JSON to OTLP/protobuf, so that everything behind has one input, and the write-ahead log one kind of body.
//!
//! A streaming pass driven by the tables of `schema`: no tree of values is built, and memory stays near the size of the
//! body. Rules: the OTLP specification, "JSON Protobuf Encoding": ids are hex, enums are integers, keys are
//! lowerCamelCase, unknown keys are ignored; otherwise the JSON mapping of Protocol Buffers.

use serde::de::DeserializeSeed;

use crate::otlp::{Malformed, Report};
use crate::signal::Signal;

mod base64;
mod nested;
mod scalar;
mod schema;
mod spelling;
mod surrogates;
mod transcoder;
mod unknown;

use schema::Message;
pub(crate) use spelling::in_camel_case;
use transcoder::{MessageSeed, Stopped, Transcoder};

const LONE_SURROGATE: &str = "half of a character (the escape of a lone UTF-16 surrogate) was replaced by U+FFFD; the sender cut a text within a character";

const BYTE_ORDER_MARK: &str =
    "the body begins with a byte order mark, which JSON must not have (RFC 8259, 8.1); it was passed over";

/// A body in protobuf, and what was odd about it in JSON.
#[derive(Debug)]
pub struct Transcoded {
    pub body: Vec<u8>,
    pub report: Report,
}

/// Why a body could not be transcoded.
#[derive(Debug)]
pub enum JsonError {
    Malformed(Malformed),
    /// It would be larger than the limit in protobuf.
    TooLarge,
}

/// Transcodes an `Export{Trace,Metrics,Logs}ServiceRequest`. An empty body is an empty request.
///
/// A value that is nested deeper than [`model::attrs::MAX_VALUE_DEPTH`] is refused, as the decoder refuses it. Half of a character, as an
/// escape of a lone surrogate, becomes U+FFFD with a warning; a byte order mark is passed over with one.
pub fn transcode(signal: Signal, body: &[u8], max_size: usize) -> Result<Transcoded, JsonError> {
    let message = schema::request(signal);
    let Some(after_mark) = body.strip_prefix(b"\xef\xbb\xbf") else { return of_text(message, body, max_size) };
    let mut transcoded = of_text(message, after_mark, max_size)?;
    transcoded.report.warn(BYTE_ORDER_MARK, String::new);
    Ok(transcoded)
}

fn of_text(message: &'static Message, body: &[u8], max_size: usize) -> Result<Transcoded, JsonError> {
    let malformed = match pass(message, body, max_size) {
        Err(JsonError::Malformed(malformed)) => malformed,
        other => return other,
    };
    // Looked for only in what the parser has refused, so that whole text pays nothing for it.
    let Some((mended, n_replaced)) = surrogates::replaced(body) else { return Err(JsonError::Malformed(malformed)) };
    let mut transcoded = pass(message, &mended, max_size)?;
    // The parser refused nothing else, so that its place is that of the first.
    transcoded.report.warn_times(LONE_SURROGATE.to_owned(), n_replaced, malformed.place().to_owned());
    Ok(transcoded)
}

fn pass(message: &'static Message, body: &[u8], max_size: usize) -> Result<Transcoded, JsonError> {
    let mut transcoder = Transcoder::new(max_size);
    if !body.trim_ascii().is_empty() {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let seed = MessageSeed { transcoder: &mut transcoder, message };
        if let Err(error) = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end()) {
            return Err(match transcoder.stopped {
                Some(Stopped::TooLarge) => JsonError::TooLarge,
                Some(Stopped::TooDeep) => JsonError::Malformed(Malformed::too_deep(transcoder.place())),
                None => JsonError::Malformed(Malformed::new(transcoder.place(), words(&error, body))),
            });
        }
    }
    Ok(transcoder.finish(message))
}

/// What the parser says, and what to write instead of a number that JSON does not have.
fn words(error: &serde_json::Error, body: &[u8]) -> String {
    let line = body.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    // The parser stops at the word, or behind its first byte.
    let mut places = [error.column().saturating_sub(1), error.column().saturating_sub(2)].into_iter();
    let is_word = |at| line.get(at..).is_some_and(|it| it.starts_with(b"NaN") || it.starts_with(b"Infinity"));
    if error.is_syntax() && places.any(is_word) {
        format!("{error}; in OTLP/JSON such a number is a string: \"NaN\", \"Infinity\" or \"-Infinity\"")
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests;
