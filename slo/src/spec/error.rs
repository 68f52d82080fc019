//! What is wrong with an SLO file, said so that the line can be found and mended without reading the manual.

use std::fmt;

/// A position in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

impl Place {
    /// The first character of a file; used where a mistake has no narrower place.
    pub const START: Place = Place { line: 1, column: 1 };
}

/// One mistake; shown as `slos/booking.yaml:4:14: slos[0].objective: must be …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SpecError {
    pub file: String,
    pub place: Place,
    /// The path of the key from the top of the file, such as `slos[0].objective`; empty for the file as a whole.
    pub key: String,
    pub message: String,
}

impl SpecError {
    /// The error of `key` at `place` of `file`.
    pub fn new(file: &str, place: Place, key: &str, message: String) -> Self {
        Self { file: file.to_owned(), place, key: key.to_owned(), message }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.place.line, self.place.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All mistakes of one or several files in the order of their places, one a line; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SpecErrors(pub Vec<SpecError>);

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

/// `a, b or c` of the names that are allowed.
pub(super) fn one_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => (*only).to_owned(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}

/// The name among `names` that was probably meant by `typed`: at most two edits away, and fewer than half its letters.
pub(super) fn nearest<'a>(typed: &str, names: &[&'a str]) -> Option<&'a str> {
    // Nobody mistypes a 64-letter key; longer input would only cost time.
    if typed.len() > 64 {
        return None;
    }
    let typed = typed.to_lowercase();
    let scored = names.iter().map(|name| (edits(&typed, name), *name));
    scored.min().filter(|(distance, name)| *distance <= 2 && distance * 2 < name.len()).map(|(_, name)| name)
}

/// Levenshtein distance in characters.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_near_names() {
        let names = ["name", "objective", "operation", "window", "kind"];
        let table = [
            ("objetive", Some("objective")),
            ("Window", Some("window")),
            ("windows", Some("window")),
            ("knd", Some("kind")),
            ("nme", Some("name")),
            ("target", None),
            ("x", None),
            ("", None),
        ];
        for (typed, expected) in table {
            assert_eq!(nearest(typed, &names), expected, "{typed}");
        }
    }

    #[test]
    fn joins_allowed_names_as_a_sentence() {
        assert_eq!(one_of(&["a"]), "a");
        assert_eq!(one_of(&["a", "b"]), "a or b");
        assert_eq!(one_of(&["a", "b", "c"]), "a, b or c");
    }
}
