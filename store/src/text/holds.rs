//! The check of a body without an index: does it hold these tokens?

use super::tokenizer::{Class, MAX_TOKEN_BYTES, Scanner};

/// Tokens, ready to be looked for in many texts.
#[derive(Clone, Debug)]
pub struct HoldsAll {
    tokens: Vec<String>,
}

/// More tokens than this are looked for in another way.
const MAX_MASKED: usize = 64;

impl HoldsAll {
    /// The tokens as [`super::query_tokens`] gives them.
    pub fn new(tokens: &[String]) -> Self {
        let mut tokens = tokens.to_vec();
        tokens.sort_unstable();
        tokens.dedup();
        HoldsAll { tokens }
    }

    /// True when every text holds all of the tokens, which are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// True when all tokens are among those of `text`.
    pub fn matches(&self, text: &str) -> bool {
        if self.tokens.is_empty() {
            return true;
        }
        match self.tokens.len() <= MAX_MASKED && text.is_ascii() {
            true => self.matches_ascii(text.as_bytes()),
            false => self.matches_any(text),
        }
    }

    /// By the words of the text, compared where they are.
    fn matches_ascii(&self, text: &[u8]) -> bool {
        let mut missing = u64::MAX >> (MAX_MASKED - self.tokens.len());
        let mut at = 0;
        while at < text.len() {
            if !Class::is_word_byte(text[at]) {
                at += 1;
                continue;
            }
            let rest = &text[at..];
            let length = rest.iter().position(|byte| !Class::is_word_byte(*byte)).unwrap_or(rest.len());
            at += length + 1;
            let word = &rest[..length.min(MAX_TOKEN_BYTES)];
            for (number, token) in self.tokens.iter().enumerate() {
                if token.len() == word.len() && token.as_bytes().eq_ignore_ascii_case(word) {
                    missing &= !(1 << number);
                    if missing == 0 {
                        return true;
                    }
                }
            }
        }
        false
    }

    fn matches_any(&self, text: &str) -> bool {
        let mut missing: Vec<&str> = self.tokens.iter().map(String::as_str).collect();
        let mut scanner = Scanner::new(text);
        let mut token = String::new();
        while !missing.is_empty() && scanner.next(&mut token).is_some() {
            missing.retain(|it| *it != token);
        }
        missing.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{query_tokens, tokens};
    use super::*;

    #[test]
    fn finds_tokens_and_not_parts_of_them() {
        let table = [
            ("timeout", "Timeout after 3s", true),
            ("time", "timeout", false),
            ("after 3s", "Timeout AFTER, in all, 3s", true),
            ("after absent", "Timeout after", false),
            ("", "", true),
            ("결제 실패", "결제가 실패했습니다", true),
            ("결제 timeout", "timeout", false),
            ("order_id", "order_id=7", true),
        ];
        for (phrase, text, expected) in table {
            assert_eq!(HoldsAll::new(&query_tokens(phrase)).matches(text), expected, "{phrase:?} in {text:?}");
        }
        let word = "x".repeat(70);
        assert!(HoldsAll::new(&query_tokens(&word)).matches(&format!("a {word}y")), "tokens are cut");
        let many: Vec<String> = (0..100).map(|it| format!("w{it}")).collect();
        assert!(HoldsAll::new(&many).matches(&many.join(" ")));
        assert!(!HoldsAll::new(&many).matches(&many[1..].join(" ")));
    }

    proptest! {
        #[test]
        fn agrees_with_the_tokens_of_the_text(text in "[abAB_19é결제支 ./✅ΣİK]{0,14}", wanted in "[abAB_19é결제支 ./ΣİK]{0,5}") {
            let mut held = Vec::new();
            tokens(&text, |token| held.push(token.to_owned()));
            let wanted = query_tokens(&wanted);
            prop_assert_eq!(HoldsAll::new(&wanted).matches(&text), wanted.iter().all(|it| held.contains(it)));
        }
    }
}
