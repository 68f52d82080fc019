//! Cuts TraceQL into tokens. Sizes, counts and nesting are limited here, before anything recurses.

use model::Nanos;
use model::time::{DAY, SECOND};

use crate::error::QueryError;
use crate::lang::lex::{MAX_DEPTH, MAX_QUERY_BYTES, MAX_TOKENS};
use crate::lang::literal::parse_duration;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Byte of the text where it starts.
    pub(super) position: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A brace, a parenthesis, a comma or an operator.
    Symbol(&'static str),
    /// A keyword, an intrinsic, a function, or nothing known.
    Word(String),
    /// `span:name`
    Intrinsic(String, String),
    /// `span.key`; the scope is empty in `.key`.
    Attribute(String, String),
    Text(String),
    Int(i64),
    Float(f64),
    Duration(Nanos),
}

/// Longer ones first, where one starts another.
const SYMBOLS: [&str; 35] = [
    "&>>", "&<<", "!>>", "!<<", "&&", "||", ">>", "<<", ">=", "<=", "!=", "!~", "!>", "!<", "&>", "&<", "&~", "=~",
    "{", "}", "(", ")", ",", "=", ">", "<", "~", "!", "|", "+", "-", "*", "/", "%", "^",
];

pub(super) fn tokens(query: &str) -> Result<Vec<Token>, QueryError> {
    if query.len() > MAX_QUERY_BYTES {
        let message = format!("the query has {} bytes; at most {MAX_QUERY_BYTES} are allowed", query.len());
        return Err(QueryError::bad_query(MAX_QUERY_BYTES, message));
    }
    let mut lexer = Lexer { text: query, at: 0 };
    let mut tokens = Vec::new();
    let mut open: Vec<(&str, usize)> = Vec::new();
    while let Some(token) = lexer.next()? {
        let position = token.position;
        if tokens.len() == MAX_TOKENS {
            return Err(QueryError::bad_query(position, format!("the query has more than {MAX_TOKENS} parts")));
        }
        match token.kind {
            Kind::Symbol(symbol @ ("(" | "{")) => open.push((symbol, position)),
            Kind::Symbol(symbol @ (")" | "}")) => {
                let wanted = if symbol == ")" { "(" } else { "{" };
                match open.pop() {
                    Some((opened, _)) if opened == wanted => {}
                    Some((opened, at)) => return Err(QueryError::bad_query(at, format!("`{opened}` is not closed"))),
                    None => {
                        let message = format!("there is no open `{wanted}` to close here");
                        return Err(QueryError::bad_query(position, message));
                    }
                }
            }
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            let message = format!("parentheses are nested deeper than {MAX_DEPTH}");
            return Err(QueryError::bad_query(position, message));
        }
        tokens.push(token);
    }
    match open.last() {
        Some((opened, at)) => Err(QueryError::bad_query(*at, format!("`{opened}` is not closed"))),
        None => Ok(tokens),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Option<Token>, QueryError> {
        self.at = self.text.len() - self.rest().trim_start().len();
        let position = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        let second = self.rest()[first.len_utf8()..].chars().next();
        let kind = match first {
            '"' => Kind::Text(self.quoted()?),
            '`' => Kind::Text(self.raw()?),
            '0'..='9' => self.number()?,
            '.' if second.is_some_and(|it| it.is_ascii_digit()) => self.number()?,
            '.' => {
                self.at += 1;
                Kind::Attribute(String::new(), self.key()?)
            }
            first if first.is_alphabetic() || first == '_' => self.word()?,
            first => {
                let Some(symbol) = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol)) else {
                    let hint = if first == '\'' { "; texts stand in double quotes" } else { "" };
                    return Err(QueryError::bad_query(position, format!("`{first}` means nothing here{hint}")));
                };
                self.at += symbol.len();
                Kind::Symbol(symbol)
            }
        };
        Ok(Some(Token { kind, position }))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|it| !test(it)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn word(&mut self) -> Result<Kind, QueryError> {
        let position = self.at;
        let word = self.take_while(|it| it.is_alphanumeric() || it == '_').to_owned();
        let is_scope = matches!(word.as_str(), "span" | "resource" | "event" | "link" | "instrumentation" | "parent");
        if self.rest().starts_with('.') {
            if !is_scope {
                let message = format!(
                    "`{word}.` is no scope; span., resource., event., link. and instrumentation. are, and `.{word}` \
                     begins an attribute of the span or its resource"
                );
                return Err(QueryError::bad_query(position, message));
            }
            self.at += 1;
            return Ok(Kind::Attribute(word, self.key()?));
        }
        if self.rest().starts_with(':') && (is_scope || word == "trace") {
            self.at += 1;
            let name = self.take_while(|it| it.is_alphanumeric() || it == '_').to_owned();
            return Ok(Kind::Intrinsic(word, name));
        }
        Ok(Kind::Word(word))
    }

    /// The key of an attribute: everything up to a space or an operator that keys may not hold; parts in quotes hold all.
    fn key(&mut self) -> Result<String, QueryError> {
        let position = self.at;
        let mut key = String::new();
        loop {
            if self.rest().starts_with('"') {
                key += &self.quoted()?;
                continue;
            }
            let ends = |it: char| it.is_whitespace() || "{}()=~!<>&|^,\"".contains(it);
            let part = self.take_while(|it| !ends(it));
            if part.is_empty() {
                break;
            }
            key += part;
        }
        if key.is_empty() {
            return Err(QueryError::bad_query(position, "the key of an attribute is expected after the dot"));
        }
        Ok(key)
    }

    fn quoted(&mut self) -> Result<String, QueryError> {
        let position = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at = position + offset + 1;
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\' | '\''))) => text.push(escaped),
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, other)) => {
                        let message = format!(
                            "`\\{other}` stands for nothing; a backslash is written `\\\\`, or the text between backticks"
                        );
                        return Err(QueryError::bad_query(position + offset, message));
                    }
                    None => break,
                },
                other => text.push(other),
            }
        }
        Err(QueryError::bad_query(position, "the quote opened here is not closed"))
    }

    fn raw(&mut self) -> Result<String, QueryError> {
        let position = self.at;
        let Some(length) = self.rest()[1..].find('`') else {
            return Err(QueryError::bad_query(position, "the quote opened here is not closed"));
        };
        let text = self.rest()[1..=length].to_owned();
        self.at += length + 2;
        Ok(text)
    }

    fn number(&mut self) -> Result<Kind, QueryError> {
        let position = self.at;
        let rest = self.rest();
        let digits = |text: &str| text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
        let mut length = digits(rest);
        let after = rest[length..].strip_prefix(['e', 'E']).map(|it| it.strip_prefix(['-', '+']).unwrap_or(it));
        if let Some(after) = after.filter(|it| it.starts_with(|it: char| it.is_ascii_digit())) {
            length = rest.len() - after.len() + after.find(|it: char| !it.is_ascii_digit()).unwrap_or(after.len());
        }
        let is_unit = |it: char| it.is_alphanumeric() || it == '.';
        let whole = rest.find(|it: char| !is_unit(it)).unwrap_or(rest.len());
        if whole > length {
            let text = &rest[..whole];
            self.at += whole;
            return duration(text).map(Kind::Duration).ok_or_else(|| {
                let message = format!("`{text}` is no number and no duration such as 500ms, 1.5s or 1h30m");
                QueryError::bad_query(position, message)
            });
        }
        let text = &rest[..length];
        self.at += length;
        let number = match text.parse() {
            Ok(int) => Some(Kind::Int(int)),
            Err(_) => text.parse().ok().filter(|float: &f64| float.is_finite()).map(Kind::Float),
        };
        number.ok_or_else(|| QueryError::bad_query(position, format!("`{text}` is no number")))
    }
}

/// The nanoseconds of a duration; units up to `d`, and `w` and `y` alone.
fn duration(text: &str) -> Option<Nanos> {
    let of_days = |number: &str, days: i64| {
        let nanos = number.parse::<f64>().ok()? * (days * DAY) as f64;
        (nanos < (i64::MAX / SECOND * SECOND) as f64).then_some(nanos as Nanos)
    };
    match (text.strip_suffix('w'), text.strip_suffix('y')) {
        (Some(weeks), _) => of_days(weeks, 7),
        (_, Some(years)) => of_days(years, 365),
        _ => parse_duration(text),
    }
}
