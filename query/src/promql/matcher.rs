//! Label matchers.

use regex::{Regex, RegexBuilder};

use super::labels::Labels;

/// A condition on one label. A label that is not there is empty.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    pub(super) name: String,
    pub(super) test: Test,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Equal(String),
    NotEqual(String),
    Matches(Pattern),
    NotMatches(Pattern),
}

impl Matcher {
    pub(super) fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Matcher { name: name.into(), test: Test::Equal(value.into()) }
    }

    pub(super) fn accepts(&self, value: &str) -> bool {
        match &self.test {
            Test::Equal(wanted) => wanted == value,
            Test::NotEqual(unwanted) => unwanted != value,
            Test::Matches(pattern) => pattern.is_match(value),
            Test::NotMatches(pattern) => !pattern.is_match(value),
        }
    }
}

pub(super) fn all_accept(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.accepts(labels.get(&matcher.name)))
}

/// A regular expression that has to match the whole value.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// An alternation of plain words, `a|b|c`, as dashboards with drop-downs send.
    Words(Vec<String>),
    Regex(Regex),
}

impl Pattern {
    pub(super) fn is_match(&self, value: &str) -> bool {
        match self {
            Pattern::Words(words) => words.iter().any(|word| word == value),
            Pattern::Regex(regex) => regex.is_match(value),
        }
    }
}

/// Bounds the compiled form of a regular expression: repetitions of large classes multiply.
const MAX_COMPILED: usize = 1 << 20;
const MAX_PATTERN_NESTING: u32 = 32;

/// The pattern of `text`, or why there is none.
pub(super) fn pattern(text: &str) -> Result<Pattern, String> {
    if !text.contains(|character: char| r"\.+*?()[]{}^$".contains(character)) {
        return Ok(Pattern::Words(text.split('|').map(str::to_owned).collect()));
    }
    compile(text).map(Pattern::Regex)
}

/// Compiles `text`, anchored at both ends; `.` matches a line break too, as in Prometheus.
pub(super) fn compile(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(&format!("^(?s:{text})$"))
        .size_limit(MAX_COMPILED)
        .nest_limit(MAX_PATTERN_NESTING)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!("invalid regular expression {text:?}: it compiles too large"),
            // The last line of the library's message says what is wrong; the others draw it.
            other => {
                let message = other.to_string();
                let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("invalid regular expression {text:?}: {reason}")
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_values() {
        let cases = [
            ("a|b", "b", true),
            ("a|b", "ab", false),
            ("a|", "", true),
            ("a.*", "a\nb", true),
            ("b", "abc", false),
            ("(a|b)c", "bc", true),
        ];
        for (text, value, expected) in cases {
            assert_eq!(pattern(text).unwrap().is_match(value), expected, "{text:?} on {value:?}");
        }
    }

    #[test]
    fn refuses_what_compiles_too_large_or_not_at_all() {
        assert!(pattern("(").unwrap_err().contains("unclosed group"));
        assert!(pattern(r"\w{500}").unwrap_err().contains("too large"));
    }
}
