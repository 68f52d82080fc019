//! Regular expressions of a query, bounded in size, and `*` as one of them.

use regex::{Regex, RegexBuilder};

use crate::error::QueryError;

use super::ast::Literal;

const MAX_PATTERN_BYTES: usize = 1_000;
/// Bytes of a compiled expression. `\w{100}` alone takes a few hundred kilobytes.
const MAX_COMPILED_BYTES: usize = 2 << 20;
const MAX_NESTING: u32 = 50;

/// The expression that `literal` writes; it may match anywhere in a text.
pub(super) fn regex(literal: &Literal) -> Result<Regex, QueryError> {
    written(&literal.text, literal.text.clone(), literal.position)
}

/// The expression `pattern`, which must match all of a text.
pub(super) fn whole(pattern: &str, position: usize) -> Result<Regex, QueryError> {
    // By itself first: what is not closed in it must not close with what is put around.
    written(pattern, pattern.to_owned(), position)?;
    written(pattern, format!(r"\A(?s:{pattern})\z"), position)
}

fn written(pattern: &str, whole: String, position: usize) -> Result<Regex, QueryError> {
    if pattern.len() > MAX_PATTERN_BYTES {
        let message = format!("the regular expression has more than {MAX_PATTERN_BYTES} bytes");
        return Err(QueryError::bad_query(position, message));
    }
    build(&whole, false).map_err(|error| {
        let message = match error {
            regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
            other => {
                // The last line of a syntax error says what is wrong; those before draw the pattern.
                let text = other.to_string();
                let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                format!("the regular expression is not valid: {reason}")
            }
        };
        QueryError::bad_query(position, message)
    })
}

/// The expression of a whole value in which `*` stands for any text.
pub(super) fn glob(literal: &Literal, ignore_case: bool) -> Result<Regex, QueryError> {
    let pattern = format!(r"\A(?s:{})\z", escape_parts(&literal.text, ".*"));
    checked(literal, &pattern, ignore_case)
}

/// The expression of a word in which `*` stands for any text without spaces; it matches at the ends of words.
pub(super) fn word_glob(literal: &Literal) -> Result<Regex, QueryError> {
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let start = if literal.text.starts_with(is_word) { r"\b" } else { "" };
    let end = if literal.text.ends_with(is_word) { r"\b" } else { "" };
    checked(literal, &format!("{start}{}{end}", escape_parts(&literal.text, r"\S*")), true)
}

fn checked(literal: &Literal, pattern: &str, ignore_case: bool) -> Result<Regex, QueryError> {
    build(pattern, ignore_case).map_err(|_| QueryError::bad_query(literal.position, "the text with `*` is too long"))
}

fn build(pattern: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .case_insensitive(ignore_case)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .nest_limit(MAX_NESTING)
        .build()
}

fn escape_parts(text: &str, wildcard: &str) -> String {
    text.split('*').map(regex::escape).collect::<Vec<_>>().join(wildcard)
}
