//! A template as text and the tokens of its actions.

use super::{Result, TemplateError};

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    /// Whether white space is before it: `$x .Name` are two terms, `$x.Name` is one.
    pub(super) spaced: bool,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A keyword or the name of a function.
    Word(String),
    /// With its dollar; `$` alone is the data.
    Variable(String),
    /// Of `.Name`.
    Field(String),
    Dot,
    Text(String),
    Int(i64),
    Float(f64),
    Open,
    Close,
    Pipe,
    Comma,
    Declare,
    Assign,
}

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// The pieces of `text`; comments are left out, and white space that markers trim.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>> {
    let (mut pieces, mut rest, mut trim) = (Vec::new(), text, false);
    while let Some(at) = rest.find(OPEN) {
        let (before, action) = (&rest[..at], &rest[at + OPEN.len()..]);
        let trims_left = action.strip_prefix('-').is_some_and(|rest| rest.starts_with(char::is_whitespace));
        push_text(&mut pieces, before, trim, trims_left);
        let action = if trims_left { &action[1..] } else { action };
        let (end, trims_right) = match comment(action)? {
            Some(found) => found,
            None => {
                let (tokens, end, trims) = tokens(action)?;
                pieces.push(Piece::Action(tokens));
                (end, trims)
            }
        };
        (rest, trim) = (&action[end..], trims_right);
    }
    push_text(&mut pieces, rest, trim, false);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str, left: bool, right: bool) {
    let text = if left { text.trim_start() } else { text };
    let text = if right { text.trim_end() } else { text };
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// Where what follows a comment begins, and whether it trims, if `action` is one.
fn comment(action: &str) -> Result<Option<(usize, bool)>> {
    let lead = action.len() - action.trim_start().len();
    let Some(inner) = action[lead..].strip_prefix("/*") else { return Ok(None) };
    let end = inner.find("*/").ok_or_else(|| TemplateError::new("unclosed comment"))?;
    let after = &inner[end + 2..];
    let trimmed = after.trim_start();
    let (closing, trims) = match trimmed.strip_prefix('-') {
        Some(rest) if trimmed.len() < after.len() => (rest, true),
        _ => (trimmed, false),
    };
    match closing.strip_prefix(CLOSE) {
        Some(rest) => Ok(Some((action.len() - rest.len(), trims))),
        None => Err(TemplateError::new("comment ends before closing delimiter")),
    }
}

/// The tokens up to the end of an action, where what follows it begins, and whether it trims that.
fn tokens(action: &str) -> Result<(Vec<Token>, usize, bool)> {
    let mut lexer = Lexer { rest: action };
    let mut tokens = Vec::new();
    loop {
        let trimmed = lexer.rest.trim_start();
        let spaced = trimmed.len() < lexer.rest.len();
        lexer.rest = trimmed;
        let trims = spaced && lexer.rest.starts_with("-}}");
        if trims || lexer.rest.starts_with(CLOSE) {
            let end = action.len() - lexer.rest.len() + CLOSE.len() + usize::from(trims);
            return Ok((tokens, end, trims));
        }
        tokens.push(Token { spaced, kind: lexer.token()? });
    }
}

struct Lexer<'t> {
    rest: &'t str,
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

impl<'t> Lexer<'t> {
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|it| !wanted(it)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn token(&mut self) -> Result<Kind> {
        let Some(first) = self.rest.chars().next() else { return Err(TemplateError::new("unclosed action")) };
        let second = self.rest[first.len_utf8()..].chars().next();
        let is_digit = |it: Option<char>| it.is_some_and(|it| it.is_ascii_digit());
        match first {
            '(' | ')' | '|' | ',' | '=' => {
                self.skip(1);
                Ok(match first {
                    '(' => Kind::Open,
                    ')' => Kind::Close,
                    '|' => Kind::Pipe,
                    ',' => Kind::Comma,
                    _ => Kind::Assign,
                })
            }
            ':' if second == Some('=') => {
                self.skip(2);
                Ok(Kind::Declare)
            }
            '"' => self.quoted(),
            '`' => {
                self.skip(1);
                let end = self.rest.find('`').ok_or_else(|| TemplateError::new("unterminated raw quoted string"))?;
                let text = self.rest[..end].to_owned();
                self.skip(end + 1);
                Ok(Kind::Text(text))
            }
            '\'' => self.character(),
            '$' => {
                self.skip(1);
                Ok(Kind::Variable(format!("${}", self.take_while(is_word))))
            }
            '.' if !is_digit(second) => {
                self.skip(1);
                let name = self.take_while(is_word);
                Ok(if name.is_empty() { Kind::Dot } else { Kind::Field(name.to_owned()) })
            }
            '0'..='9' | '+' | '-' | '.' => self.number(),
            _ if is_word(first) => Ok(Kind::Word(self.take_while(is_word).to_owned())),
            other => Err(TemplateError::new(format!("unexpected {other:?} in an action"))),
        }
    }

    fn number(&mut self) -> Result<Kind> {
        let mut last = ' ';
        let mut length = 0;
        for character in self.rest.chars() {
            let is_sign = matches!(character, '+' | '-') && (length == 0 || matches!(last, 'e' | 'E' | 'p' | 'P'));
            if !(character.is_ascii_alphanumeric() || matches!(character, '.' | '_') || is_sign) {
                break;
            }
            last = character;
            length += character.len_utf8();
        }
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        let plain = text.replace('_', "");
        let bad = || TemplateError::new(format!("bad number syntax: {text:?}"));
        let (sign, digits) = match plain.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, plain.strip_prefix('+').unwrap_or(&plain)),
        };
        let lower = digits.to_ascii_lowercase();
        let radix = [("0x", 16), ("0b", 2), ("0o", 8)].into_iter().find(|(prefix, _)| lower.starts_with(prefix));
        if let Some((prefix, radix)) = radix {
            let whole = i64::from_str_radix(&lower[prefix.len()..], radix).map_err(|_| bad())?;
            return Ok(Kind::Int(sign * whole));
        }
        if let Ok(whole) = plain.parse::<i64>() {
            return Ok(Kind::Int(whole));
        }
        // "inf" and "nan" are numbers to Rust and words to Go.
        let is_number = digits.starts_with(|it: char| it.is_ascii_digit() || it == '.');
        plain.parse::<f64>().ok().filter(|it| is_number && it.is_finite()).map(Kind::Float).ok_or_else(bad)
    }

    fn quoted(&mut self) -> Result<Kind> {
        let unterminated = || TemplateError::new("unterminated quoted string");
        self.skip(1);
        let mut text = String::new();
        loop {
            let character = self.rest.chars().next().ok_or_else(unterminated)?;
            self.skip(character.len_utf8());
            match character {
                '"' => return Ok(Kind::Text(text)),
                '\n' => return Err(unterminated()),
                '\\' => text.push(self.escape()?),
                other => text.push(other),
            }
        }
    }

    /// A character constant, which is a number.
    fn character(&mut self) -> Result<Kind> {
        let bad = || TemplateError::new("malformed character constant");
        self.skip(1);
        let mut character = self.rest.chars().next().ok_or_else(bad)?;
        self.skip(character.len_utf8());
        if character == '\\' {
            character = self.escape()?;
        }
        if !self.rest.starts_with('\'') {
            return Err(bad());
        }
        self.skip(1);
        Ok(Kind::Int(i64::from(u32::from(character))))
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char> {
        let bad = || TemplateError::new("unknown escape in a quoted string");
        let character = self.rest.chars().next().ok_or_else(bad)?;
        self.skip(character.len_utf8());
        let digits = match character {
            'a' => return Ok('\x07'),
            'b' => return Ok('\x08'),
            'f' => return Ok('\x0c'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\x0b'),
            '\\' | '"' | '\'' => return Ok(character),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return Err(bad()),
        };
        let hex = self.rest.get(..digits).ok_or_else(bad)?;
        let code = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32).ok_or_else(bad)?;
        self.skip(digits);
        Ok(code)
    }
}
