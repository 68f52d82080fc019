//! The tokens of a query, taken one after the other as its tree is walked.

use super::super::annotations::Position;
use super::super::error::PromqlError;
use super::super::lex::{self, Kind, Token, error_at};

pub(super) struct Cursor<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    /// The token that comes next.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token<'a>]) -> Self {
        Cursor { text, tokens, at: 0 }
    }

    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at)
    }

    /// Takes one token, whatever it is.
    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.peek().is_some_and(|token| token.kind == Kind::Symbol && token.text == symbol)
    }

    pub(super) fn is_word(&self, words: &[&str]) -> bool {
        self.peek().is_some_and(|token| words.iter().any(|word| token.is_word(word)))
    }

    pub(super) fn position(&self) -> Position {
        Position(self.peek().map_or(self.text.len(), |token| token.start))
    }

    pub(super) fn error(&self, position: Position, message: impl AsRef<str>) -> PromqlError {
        error_at(self.text, position.0, message)
    }

    /// Takes `symbol` if it comes next.
    pub(super) fn skip(&mut self, symbol: &str) {
        if self.is_symbol(symbol) {
            self.at += 1;
        }
    }

    /// Takes signs. The tree keeps no plus, and of numbers no minus either.
    pub(super) fn skip_signs(&mut self, signs: &[&str]) {
        while signs.iter().any(|sign| self.is_symbol(sign)) {
            self.at += 1;
        }
    }

    /// Takes a name, if one comes next.
    pub(super) fn skip_name(&mut self) {
        if self.peek().is_some_and(|token| token.kind == Kind::Word) {
            self.at += 1;
        }
    }

    /// Takes a pair of brackets and what is between them, if the opening one comes next.
    pub(super) fn skip_group(&mut self, opening: &str) {
        if !self.is_symbol(opening) {
            return;
        }
        let mut depth = 0;
        while let Some(token) = self.peek() {
            if token.kind == Kind::Symbol {
                match token.text {
                    "(" | "[" | "{" => depth += 1,
                    ")" | "]" | "}" => depth -= 1,
                    _ => {}
                }
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Takes `offset 5m` and `@ start()` in any order.
    pub(super) fn skip_modifiers(&mut self) {
        loop {
            if self.is_word(&["offset"]) || self.is_symbol("@") {
                self.at += 1;
                self.skip_signs(&["+", "-"]);
                self.at += 1;
                self.skip_group("(");
            } else {
                return;
            }
        }
    }

    /// Takes `by (…)` or `without (…)`, if one comes next.
    pub(super) fn skip_grouping(&mut self) {
        if self.is_word(&["by", "without"]) {
            self.at += 1;
            self.skip_group("(");
        }
    }

    /// Takes a string, and returns its bytes. The parser's own form maps bytes that are no UTF-8 to characters.
    pub(super) fn string(&mut self, parsed: &str) -> Vec<u8> {
        let token = self.peek().filter(|token| token.kind == Kind::Text);
        let bytes = token.and_then(|token| lex::unquote(token.text).ok());
        let bytes = bytes.map_or_else(|| parsed.as_bytes().to_vec(), |bytes| bytes.into_owned());
        self.at += 1;
        bytes
    }
}
