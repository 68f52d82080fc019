//! Words and phrases in a text, as the full-text index has them.

use regex::{Regex, RegexBuilder};
use store::text::{Phrase, query_tokens};

use crate::error::QueryError;

use super::ast::{Literal, Text};
use super::glob;

/// A test for words that follow one another, or for one word with `*`.
#[derive(Clone, Debug)]
pub(super) enum Words {
    Phrase {
        phrase: Phrase,
        /// What an index can be asked.
        tokens: Vec<String>,
        /// The longest word, which finds most texts that do not match faster than [`Phrase`] does. Only asked of ASCII
        /// texts: there, ignoring the case means the same to both.
        longest: Option<Regex>,
    },
    Glob(Regex),
}

impl Words {
    pub(super) fn new(text: &Text) -> Result<Self, QueryError> {
        if !text.quoted && text.text.contains('*') && text.text.chars().any(char::is_alphanumeric) {
            let literal = Literal { text: text.text.clone(), quoted: false, position: text.position };
            return Ok(Words::Glob(glob::word_glob(&literal)?));
        }
        // A star alone stands for anything.
        let phrase = if text.quoted { Phrase::new(&text.text) } else { Phrase::new(text.text.trim_matches('*')) };
        let tokens = query_tokens(&text.text);
        let longest = tokens.iter().filter(|token| token.is_ascii()).max_by_key(|token| token.len());
        let longest = longest.and_then(|word| RegexBuilder::new(&format!("(?i-u:{word})")).build().ok());
        Ok(Words::Phrase { phrase, tokens, longest })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Words::Phrase { phrase, longest, .. } => match longest {
                Some(word) if text.is_ascii() && !word.is_match(text) => false,
                _ => phrase.matches(text),
            },
            Words::Glob(regex) => regex.is_match(text),
        }
    }

    /// Tokens that every text which matches holds.
    pub(super) fn tokens(&self) -> &[String] {
        match self {
            Words::Phrase { tokens, .. } => tokens,
            Words::Glob(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortcut_agrees_with_the_phrase() {
        let texts = [
            "Connection refused",
            "CONNECTION  refused!",
            "refused 🔥",
            "---",
            "reconnection refused",
            "refused",
            "K\u{212a}elvin",
            "",
        ];
        for query in [
            "🔥",
            "refused 🔥",
            "---",
            "connection refused",
            "connection",
            "kkelvin",
            "!",
            "refuse",
            "ref*",
            "*fused",
            "con*d",
        ] {
            let text = Text { text: query.to_owned(), quoted: false, position: 0 };
            let words = Words::new(&text).unwrap();
            for body in texts {
                let expected = if query.contains('*') { words.matches(body) } else { Phrase::new(query).matches(body) };
                assert_eq!(words.matches(body), expected, "{query} in {body}");
            }
        }
    }

    #[test]
    fn a_star_stands_for_the_rest_of_a_word() {
        let table = [
            ("refus*", "connection REFUSED", true),
            ("refus*", "unrefused", false),
            ("*fused", "refused", true),
            ("*fused", "refuseds", false),
            ("re*ed", "a refused b", true),
            ("re*ed", "re fused", false),
        ];
        for (query, body, expected) in table {
            let text = Text { text: query.to_owned(), quoted: false, position: 0 };
            assert_eq!(Words::new(&text).unwrap().matches(body), expected, "{query} in {body}");
        }
    }
}
