//! Arrays and maps of values, by which alone OTLP/JSON nests without end: as deep as in protobuf, and no deeper.

use model::attrs::MAX_VALUE_DEPTH;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error};
use serde_json::value::RawValue;

use super::schema::Message;
use super::transcoder::{MessageSeed, Stopped, Transcoder};

/// The parser ends at 128 levels of JSON, of which a map in a map takes four. Half-way it is given the text of what is inside as a
/// body of its own: it counts anew, and each byte is read once more at most.
const PARSER_DEPTH: usize = MAX_VALUE_DEPTH / 2 + 1;

/// As `serde_json` has it.
const MAX_PARSER_LEVELS: usize = 128;
/// Around the deepest value: an attribute of an exemplar of a point of a metric, a level for each list and for each message.
const LEVELS_AROUND: usize = 15;
const LEVELS_OF_MAP: usize = 4;
const _: () = assert!(LEVELS_AROUND + PARSER_DEPTH * LEVELS_OF_MAP < MAX_PARSER_LEVELS);
const _: () = assert!(2 * PARSER_DEPTH > MAX_VALUE_DEPTH);

/// Appends the elements of an array or a map, `message`.
pub(super) fn put<'de, D: Deserializer<'de>>(
    transcoder: &mut Transcoder,
    message: &'static Message,
    deserializer: D,
) -> Result<(), D::Error> {
    if transcoder.value_depth == MAX_VALUE_DEPTH {
        // The decoder names the value, not the array or map that it would be.
        transcoder.leave();
        return Err(transcoder.stop(Stopped::TooDeep));
    }
    transcoder.value_depth += 1;
    if transcoder.value_depth == PARSER_DEPTH {
        let text = <&RawValue>::deserialize(deserializer)?;
        let mut inner = serde_json::Deserializer::from_slice(text.get().as_bytes());
        MessageSeed { transcoder, message }
            .deserialize(&mut inner)
            .map_err(|error| D::Error::custom(without_position(&error)))?;
    } else {
        MessageSeed { transcoder, message }.deserialize(deserializer)?;
    }
    transcoder.value_depth -= 1;
    Ok(())
}

/// The message of `error` without its line and column: they are of the text inside, and the parser around adds its own.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}
