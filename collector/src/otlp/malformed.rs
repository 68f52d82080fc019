//! Why a body is not a message of its type, and where.

use std::borrow::Cow;
use std::fmt;

use model::attrs::MAX_VALUE_DEPTH;
use model::wire::WireError;

/// A body that cannot be decoded; it is refused as a whole. Shown to the sender, so it never repeats the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// As in `resource_spans[0].scope_spans[2].spans[17].name`; empty when it is the body itself.
    place: String,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Wire(WireError),
    /// The wire type that the field should have had.
    WireType(&'static str),
    Utf8,
    Depth,
    Other(String),
}

/// Longer places are cut: an attribute may be nested fifty levels deep.
const MAX_PLACE: usize = 160;
const MAX_TEXT: usize = 160;

impl Malformed {
    pub(crate) fn new(place: String, problem: impl Into<String>) -> Self {
        Malformed { place, problem: Problem::Other(problem.into()) }
    }

    /// The value at `place` has more arrays and maps around it than [`MAX_VALUE_DEPTH`].
    pub(crate) fn too_deep(place: String) -> Self {
        Malformed { place, problem: Problem::Depth }
    }

    /// The same with its place written by `spell`.
    pub(crate) fn spelt(self, spell: impl Fn(&str) -> Cow<'_, str>) -> Self {
        Malformed { place: spell(&self.place).into_owned(), ..self }
    }

    /// Where in the body; empty for the body itself.
    pub fn place(&self) -> &str {
        cut(&self.place, MAX_PLACE)
    }

    /// What is wrong there.
    pub fn problem(&self) -> String {
        match &self.problem {
            Problem::Wire(error) => error.to_string(),
            Problem::WireType(expected) => format!("wire type must be {expected}"),
            Problem::Utf8 => "string is not valid UTF-8".to_owned(),
            Problem::Depth => format!("value is nested deeper than {MAX_VALUE_DEPTH} levels"),
            Problem::Other(text) => cut(text, MAX_TEXT).to_owned(),
        }
    }

    fn within(mut self, step: impl fmt::Display) -> Self {
        self.place = if self.place.is_empty() { step.to_string() } else { format!("{step}.{}", self.place) };
        self
    }
}

/// `text` cut to at most `max` bytes at a character boundary.
fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            "" => f.write_str(&self.problem()),
            place if place.len() < self.place.len() => write!(f, "{place}…: {}", self.problem()),
            place => write!(f, "{place}: {}", self.problem()),
        }
    }
}

impl std::error::Error for Malformed {}

impl From<Problem> for Malformed {
    fn from(problem: Problem) -> Self {
        Malformed { place: String::new(), problem }
    }
}

impl From<WireError> for Malformed {
    fn from(error: WireError) -> Self {
        Problem::Wire(error).into()
    }
}

/// Names the place of an error while it is handed up; costs nothing on success.
pub(crate) trait Within<T> {
    fn within(self, field: &'static str) -> Result<T, Malformed>;
    fn within_item(self, field: &'static str, index: usize) -> Result<T, Malformed>;
}

impl<T> Within<T> for Result<T, Malformed> {
    #[inline]
    fn within(self, field: &'static str) -> Result<T, Malformed> {
        self.map_err(|error| error.within(field))
    }

    #[inline]
    fn within_item(self, field: &'static str, index: usize) -> Result<T, Malformed> {
        self.map_err(|error| error.within(format_args!("{field}[{index}]")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_place_from_the_outside_in() {
        let error: Result<(), Malformed> = Err(Problem::Utf8.into());
        let error = error.within("name").within_item("spans", 17).within_item("resource_spans", 0).unwrap_err();
        assert_eq!(error.to_string(), "resource_spans[0].spans[17].name: string is not valid UTF-8");
    }

    #[test]
    fn text_stays_short_however_deep_the_place() {
        let mut error: Result<(), Malformed> = Err(Malformed::new(String::new(), "é".repeat(500)));
        for i in 0..100 {
            error = error.within_item("values", i);
        }
        assert!(error.unwrap_err().to_string().len() <= MAX_PLACE + MAX_TEXT + 5);
    }
}
