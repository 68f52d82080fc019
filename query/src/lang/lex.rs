//! Cuts the text of a query into tokens. Sizes, counts and nesting are limited here, before anything recurses.

use crate::error::QueryError;

use super::ast::{Key, Literal, Operator, Text};

pub(super) const MAX_QUERY_BYTES: usize = 16 << 10;
pub(super) const MAX_TOKENS: usize = 1_000;
pub(super) const MAX_DEPTH: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Byte of the text where it starts.
    pub(super) position: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    /// `{`
    OpenSet,
    /// `}`
    CloseSet,
    And,
    Or,
    Not,
    Text(Text),
    /// A field and its operator; a [`Kind::Value`] or an [`Kind::Open`] follows. `negated` for `!=` and `!~`.
    Field {
        key: Key,
        operator: Operator,
        negated: bool,
    },
    Value(Literal),
}

/// The tokens of `query`. With `sets`, words may not start with a brace: it opens a set of spans.
pub(super) fn tokens(query: &str, sets: bool) -> Result<Vec<Token>, QueryError> {
    if query.len() > MAX_QUERY_BYTES {
        let message = format!("the query has {} bytes; at most {MAX_QUERY_BYTES} are allowed", query.len());
        return Err(QueryError::bad_query(MAX_QUERY_BYTES, message));
    }
    let mut lexer = Lexer { text: query, at: 0, tokens: Vec::new(), open: Vec::new(), sets };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    /// What is open, a parenthesis or a brace, and where.
    open: Vec<(char, usize)>,
    sets: bool,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), QueryError> {
        loop {
            self.skip_spaces();
            let position = self.at;
            let Some(next) = self.rest().chars().next() else { break };
            match next {
                '(' => self.open('(', Kind::Open)?,
                ')' => self.close('(', Kind::Close)?,
                '{' if self.sets => self.open_set()?,
                '}' if self.sets => self.close('{', Kind::CloseSet)?,
                '"' => {
                    let text = self.quoted(false)?;
                    self.text_or_field(text, true, position)?;
                }
                '-' if self.negates() => {
                    self.at += 1;
                    self.push(Kind::Not, position)?;
                }
                _ => self.bare(position)?,
            }
        }
        match self.open.last() {
            Some(&(opened, position)) => Err(not_closed(opened, position)),
            None => Ok(()),
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn push(&mut self, kind: Kind, position: usize) -> Result<(), QueryError> {
        if self.tokens.len() == MAX_TOKENS {
            return Err(QueryError::bad_query(position, format!("the query has more than {MAX_TOKENS} parts")));
        }
        self.tokens.push(Token { kind, position });
        Ok(())
    }

    fn open(&mut self, opened: char, kind: Kind) -> Result<(), QueryError> {
        if self.open.len() == MAX_DEPTH {
            let message = format!("parentheses are nested deeper than {MAX_DEPTH}");
            return Err(QueryError::bad_query(self.at, message));
        }
        self.open.push((opened, self.at));
        self.push(kind, self.at)?;
        self.at += 1;
        Ok(())
    }

    fn open_set(&mut self) -> Result<(), QueryError> {
        if self.in_set() {
            let message = "braces do not stand within braces; to find one in a text, put it in quotes";
            return Err(QueryError::bad_query(self.at, message));
        }
        self.open('{', Kind::OpenSet)
    }

    fn in_set(&self) -> bool {
        self.open.iter().any(|(opened, _)| *opened == '{')
    }

    fn close(&mut self, opened: char, kind: Kind) -> Result<(), QueryError> {
        match self.open.pop() {
            Some((last, _)) if last == opened => {}
            Some((last, position)) => return Err(not_closed(last, position)),
            None => {
                let message = format!("there is no open {} to close here", name_of(opened));
                return Err(QueryError::bad_query(self.at, message));
            }
        }
        self.push(kind, self.at)?;
        self.at += 1;
        Ok(())
    }

    /// Whether the `-` here negates what follows: it is not part of an arrow, a number or a dash.
    fn negates(&self) -> bool {
        let next = self.rest()[1..].chars().next();
        next.is_some_and(|next| {
            next.is_alphabetic() || matches!(next, '"' | '(' | '_') || (next == '{' && self.sets && !self.in_set())
        })
    }

    /// Bytes of the text that starts here and ends before a space, where `is_end` says so, or at the brace that closes a set. Braces
    /// within it, as in `/users/{id}`, are part of it.
    fn length_until(&self, mut is_end: impl FnMut(usize, char) -> bool) -> usize {
        let rest = self.rest();
        let in_set = self.in_set();
        let mut n_open = 0;
        for (offset, character) in rest.char_indices() {
            match character {
                '{' => n_open += 1,
                '}' if n_open == 0 && in_set => return offset,
                '}' => n_open -= 1,
                _ => {}
            }
            if character.is_whitespace() || is_end(offset, character) {
                return offset;
            }
        }
        rest.len()
    }

    /// The text in the quotes that open here. `raw` keeps backslashes; else `\"`, `\\`, `\n` and `\t` stand for one
    /// character, and any other backslash for itself, so that regular expressions need not double theirs.
    fn quoted(&mut self, raw: bool) -> Result<String, QueryError> {
        let position = self.at;
        let mut characters = self.rest().char_indices();
        let Some((_, quote)) = characters.next() else { return Ok(String::new()) };
        let mut text = String::new();
        while let Some((offset, character)) = characters.next() {
            if character == quote {
                self.at = position + offset + quote.len_utf8();
                return Ok(text);
            }
            if character != '\\' || raw {
                text.push(character);
                continue;
            }
            match characters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                Some((_, other)) => text.extend(['\\', other]),
                None => break,
            }
        }
        Err(QueryError::bad_query(position, "the quote opened here is not closed"))
    }

    /// A word, a keyword, or a field with its operator.
    fn bare(&mut self, position: usize) -> Result<(), QueryError> {
        let (word, ends_in_operator) = self.take_word();
        let keyword = match word.as_str() {
            "AND" | "&&" => Some(Kind::And),
            "OR" | "||" => Some(Kind::Or),
            "NOT" => Some(Kind::Not),
            _ => None,
        };
        if let (Some(kind), false) = (keyword, ends_in_operator) {
            return self.push(kind, position);
        }
        if word.is_empty() {
            let length = operator_at(self.rest()).map_or(1, |(_, _, length)| length);
            let symbol = &self.rest()[..length];
            let message = format!("a field name is expected before `{symbol}`; put text that holds it in quotes");
            return Err(QueryError::bad_query(position, message));
        }
        self.text_or_field(word, false, position)
    }

    /// Takes the word that starts here. True when it ended before an operator that makes it a field.
    fn take_word(&mut self) -> (String, bool) {
        let rest = self.rest();
        let mut binds = false;
        let length = self.length_until(|offset, character| {
            binds = matches!(character, ':' | '=' | '!' | '<' | '>')
                && operator_at(&rest[offset..]).is_some()
                && (if offset == 0 { starts_comparison(rest) } else { is_key(&rest[..offset]) })
                && (character != ':' || binds_colon(&rest[offset + 1..]));
            binds || matches!(character, '(' | ')' | '"')
        });
        let word = rest[..length].to_owned();
        self.at += length;
        (word, binds)
    }

    /// Pushes `text`, or the field of that name when an operator follows.
    fn text_or_field(&mut self, text: String, quoted: bool, position: usize) -> Result<(), QueryError> {
        let after = self.rest().trim_start();
        let spaced = after.len() < self.rest().len();
        let operator = operator_at(after).filter(|&(operator, _, length)| match operator {
            Operator::Has => !spaced && binds_colon(&after[1..]),
            // `=>` is an arrow.
            Operator::Equal => !after[length..].starts_with('>'),
            _ => true,
        });
        let Some((operator, negated, length)) = operator.filter(|_| quoted || is_key(&text)) else {
            return self.push(Kind::Text(Text { text, quoted, position }), position);
        };
        self.at = self.text.len() - after.len();
        let operator_position = self.at;
        self.at += length;
        let key = Key { text, quoted, position };
        self.push(Kind::Field { key, operator, negated }, position)?;
        self.skip_spaces();
        self.value(operator_position, length)
    }

    /// The value after the operator at `operator_position`; nothing when a parenthesis opens a list of values.
    fn value(&mut self, operator_position: usize, length: usize) -> Result<(), QueryError> {
        let position = self.at;
        let literal = match self.rest().chars().next() {
            Some('(') => return Ok(()),
            Some('"') => Literal { text: self.quoted(false)?, quoted: true, position },
            Some('\'' | '`') => Literal { text: self.quoted(true)?, quoted: true, position },
            _ => {
                let end = self.length_until(|_, it| matches!(it, '(' | ')'));
                let text = self.rest()[..end].to_owned();
                self.at += end;
                Literal { text, quoted: false, position }
            }
        };
        // `state=OR` may be meant; `state= OR x` has lost its value.
        let is_far = position > operator_position + length;
        let is_word = !literal.quoted && is_far && matches!(literal.text.as_str(), "AND" | "OR" | "NOT");
        if literal.text.is_empty() && !literal.quoted || is_word {
            let symbol = &self.text[operator_position..operator_position + length];
            return Err(QueryError::bad_query(position, format!("a value is expected after `{symbol}`")));
        }
        self.push(Kind::Value(literal), position)
    }
}

fn name_of(opened: char) -> &'static str {
    if opened == '{' { "brace" } else { "parenthesis" }
}

fn not_closed(opened: char, position: usize) -> QueryError {
    QueryError::bad_query(position, format!("the {} opened here is not closed", name_of(opened)))
}

/// The operator at the start of `text`, whether it is negated, and its length in bytes.
fn operator_at(text: &str) -> Option<(Operator, bool, usize)> {
    const OPERATORS: [(&str, Operator, bool); 11] = [
        ("!=", Operator::Equal, true),
        ("!~", Operator::Matches, true),
        ("=~", Operator::Matches, false),
        ("==", Operator::Equal, false),
        (">=", Operator::GreaterOrEqual, false),
        ("<=", Operator::LessOrEqual, false),
        ("<>", Operator::Equal, true),
        ("=", Operator::Equal, false),
        (">", Operator::Greater, false),
        ("<", Operator::Less, false),
        (":", Operator::Has, false),
    ];
    let found = OPERATORS.iter().find(|(symbol, ..)| text.starts_with(symbol))?;
    Some((found.1, found.2, found.0.len()))
}

/// Whether `rest`, which starts with an operator, is a comparison without a field, and not text like `<init>` or `:8080`.
fn starts_comparison(rest: &str) -> bool {
    let mut characters = rest.chars();
    match characters.next() {
        Some(':') => false,
        Some('<') => !characters.next().is_some_and(|next| next.is_alphabetic() || next == '/'),
        _ => true,
    }
}

/// Whether `text` can name a field without quotes.
fn is_key(text: &str) -> bool {
    let body = |it: char| it.is_alphanumeric() || matches!(it, '_' | '.' | '-' | '/' | '@' | '$');
    text.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '@' | '$'))
        && text.ends_with(|last: char| !matches!(last, '-' | '/' | '.'))
        && text.chars().all(body)
}

/// Whether a colon followed by `rest` compares. Not in `error: refused`, `std::io`, `http://host` and `C:\dir`.
fn binds_colon(rest: &str) -> bool {
    rest.starts_with(|next: char| !next.is_whitespace() && !matches!(next, ':' | '\\' | ')')) && !rest.starts_with("//")
}
