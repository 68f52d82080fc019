//! The tokens of a query, and the limits that are checked on them before anything recurses.
//!
//! The grammar is `promql-parser`'s. It recurses as deep as a query nests, takes quadratic time on chains of operators,
//! panics on durations that do not fit, and its tree has no positions; this scan bounds the first three and gives
//! [`super::plan`] the last.

use std::borrow::Cow;

use super::annotations::Position;
use super::error::PromqlError;
use super::limits::{MAX_NESTING, MAX_OPERATORS, MAX_PATTERN, MAX_TEXT};
use super::matcher;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word,
    /// A number or duration.
    Number,
    /// A quoted string, with its quotes.
    Text,
    /// Punctuation or an operator.
    Symbol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }
}

/// The longest range or offset: a hundred years.
const MAX_SECONDS: f64 = 100.0 * 365.25 * 86_400.0;

/// The tokens of `text`, comments and spaces left out.
pub(super) fn scan(text: &str) -> Result<Vec<Token<'_>>, PromqlError> {
    if text.len() > MAX_TEXT {
        return Err(PromqlError::bad(format!("query is {} bytes long; {MAX_TEXT} are allowed", text.len())));
    }
    let mut scanner = Scanner { text, at: 0, tokens: Vec::new(), open: Vec::new(), operators: 0, nested_operators: 0 };
    while scanner.next()? {}
    if let Some((bracket, at)) = scanner.open.last() {
        return Err(error_at(text, *at, format!("unclosed {:?}", char::from(*bracket))));
    }
    scanner.check_durations()?;
    scanner.check_patterns()?;
    Ok(scanner.tokens)
}

/// An error at byte `at` of `text`, in the form of Prometheus' parser.
pub(super) fn error_at(text: &str, at: usize, message: impl AsRef<str>) -> PromqlError {
    PromqlError::bad(format!("{}: parse error: {}", Position(at).in_text(text), message.as_ref()))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
    /// The brackets that are open, and where.
    open: Vec<(u8, usize)>,
    operators: usize,
    /// Powers and signs, which nest to the right.
    nested_operators: usize,
}

impl<'a> Scanner<'a> {
    fn error(&self, message: impl AsRef<str>) -> PromqlError {
        error_at(self.text, self.at, message)
    }

    fn push(&mut self, kind: Kind, length: usize) -> bool {
        let start = self.at;
        self.at += length;
        self.tokens.push(Token { kind, text: &self.text[start..self.at], start });
        true
    }

    /// Reads one token; whether there was one or something to skip.
    fn next(&mut self) -> Result<bool, PromqlError> {
        let rest = &self.text.as_bytes()[self.at..];
        let Some(&first) = rest.first() else { return Ok(false) };
        let run = |part: fn(&u8) -> bool| rest.iter().take_while(|byte| part(byte)).count();
        let in_brackets = self.open.last().is_some_and(|(bracket, _)| *bracket == b'[');
        Ok(match first {
            b' ' | b'\t' | b'\n' | b'\r' => {
                self.at += run(|byte| byte.is_ascii_whitespace());
                true
            }
            b'#' => {
                self.at += run(|byte| *byte != b'\n');
                true
            }
            b'"' | b'\'' | b'`' => {
                let length = self.string_length(rest, first)?;
                self.push(Kind::Text, length)
            }
            b'0'..=b'9' => self.push(Kind::Number, number_length(rest)),
            b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => self.push(Kind::Number, number_length(rest)),
            b':' if in_brackets => self.push(Kind::Symbol, 1),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' => {
                let length = run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
                let pushed = self.push(Kind::Word, length);
                if self.tokens.last().is_some_and(|token| WORD_OPERATORS.iter().any(|word| token.is_word(word))) {
                    self.count_operator()?;
                }
                pushed
            }
            _ => self.symbol(rest, first)?,
        })
    }

    fn symbol(&mut self, rest: &[u8], first: u8) -> Result<bool, PromqlError> {
        match first {
            b'(' | b'[' | b'{' => {
                if self.open.len() == MAX_NESTING {
                    return Err(self.error(format!("nesting deeper than {MAX_NESTING} is not allowed")));
                }
                self.open.push((first, self.at));
                Ok(self.push(Kind::Symbol, 1))
            }
            b')' | b']' | b'}' => {
                let opening = match first {
                    b')' => b'(',
                    b']' => b'[',
                    _ => b'{',
                };
                if self.open.pop().is_none_or(|(bracket, _)| bracket != opening) {
                    return Err(self.error(format!("unexpected {:?}", char::from(first))));
                }
                Ok(self.push(Kind::Symbol, 1))
            }
            b',' | b'@' => Ok(self.push(Kind::Symbol, 1)),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'=' | b'!' | b'<' | b'>' => {
                let double = matches!(&rest[..rest.len().min(2)], b"==" | b"!=" | b"<=" | b">=" | b"=~" | b"!~");
                if matches!(first, b'+' | b'-') && !self.follows_operand() || first == b'^' {
                    self.nested_operators += 1;
                    if self.nested_operators > MAX_NESTING {
                        return Err(self.error(format!("more than {MAX_NESTING} signs and powers are not allowed")));
                    }
                }
                if first != b'=' || double {
                    self.count_operator()?;
                }
                Ok(self.push(Kind::Symbol, if double { 2 } else { 1 }))
            }
            _ => {
                let character = self.text[self.at..].chars().next().unwrap_or_default();
                Err(self.error(format!("unexpected character: {character:?}")))
            }
        }
    }

    fn count_operator(&mut self) -> Result<(), PromqlError> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            return Err(self.error(format!("more than {MAX_OPERATORS} operators are not allowed")));
        }
        Ok(())
    }

    /// Whether a sign here would be between two operands, not before one.
    fn follows_operand(&self) -> bool {
        self.tokens.last().is_some_and(|token| match token.kind {
            Kind::Number | Kind::Text => true,
            Kind::Word => !WORD_OPERATORS.iter().chain(&["bool"]).any(|word| token.is_word(word)),
            Kind::Symbol => matches!(token.text, ")" | "]" | "}"),
        })
    }

    fn string_length(&self, rest: &[u8], quote: u8) -> Result<usize, PromqlError> {
        let mut index = 1;
        while let Some(&byte) = rest.get(index) {
            match byte {
                byte if byte == quote => return Ok(index + 1),
                b'\\' if quote != b'`' => index += 2,
                b'\n' if quote != b'`' => break,
                _ => index += 1,
            }
        }
        Err(self.error("unterminated quoted string"))
    }

    /// Plain numbers are durations in seconds after `[`, `:` and `offset`.
    fn check_durations(&self) -> Result<(), PromqlError> {
        for (i, token) in self.tokens.iter().enumerate() {
            let before = |back: usize| i.checked_sub(back).and_then(|index| self.tokens.get(index));
            let signed = before(1).is_some_and(|it| matches!(it.text, "+" | "-"));
            let role = before(if signed { 2 } else { 1 });
            let is_offset = role.is_some_and(|it| it.is_word("offset"));
            if !is_offset && !role.is_some_and(|it| it.kind == Kind::Symbol && matches!(it.text, "[" | ":")) {
                continue;
            }
            let fits = match token.kind {
                Kind::Number => token.text.parse::<f64>().map_or(true, |seconds| seconds <= MAX_SECONDS),
                Kind::Word => !token.is_word("inf") && !token.is_word("nan"),
                _ => true,
            };
            if !fits {
                return Err(error_at(self.text, token.start, "duration must be at most 100 years"));
            }
        }
        Ok(())
    }

    fn check_patterns(&self) -> Result<(), PromqlError> {
        for pair in self.tokens.windows(2) {
            let [operator, pattern] = pair else { continue };
            if !matches!(operator.text, "=~" | "!~") || pattern.kind != Kind::Text {
                continue;
            }
            if pattern.text.len() > MAX_PATTERN {
                let message = format!("regular expression longer than {MAX_PATTERN} bytes is not allowed");
                return Err(error_at(self.text, pattern.start, message));
            }
            let bytes = unquote(pattern.text).map_err(|message| error_at(self.text, pattern.start, message))?;
            if let Ok(text) = std::str::from_utf8(&bytes) {
                matcher::compile(text).map_err(|message| error_at(self.text, pattern.start, message))?;
            }
        }
        Ok(())
    }
}

const WORD_OPERATORS: [&str; 4] = ["and", "or", "unless", "atan2"];

/// The bytes of a number or duration; what is wrong with it is left for the parser to say.
fn number_length(rest: &[u8]) -> usize {
    let hexadecimal = rest.len() > 1 && rest[0] == b'0' && rest[1].eq_ignore_ascii_case(&b'x');
    let mut length = 0;
    while let Some(&byte) = rest.get(length) {
        let sign_of_exponent = matches!(byte, b'+' | b'-')
            && !hexadecimal
            && length > 0
            && rest[length - 1].eq_ignore_ascii_case(&b'e')
            && rest.get(length + 1).is_some_and(u8::is_ascii_digit);
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || sign_of_exponent) {
            break;
        }
        length += 1;
    }
    length
}

/// The bytes that a quoted string stands for, which need not be UTF-8: escapes as in Go.
pub(super) fn unquote(quoted: &str) -> Result<Cow<'_, [u8]>, String> {
    let inner = &quoted[1..quoted.len() - 1];
    if quoted.starts_with('`') || !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner.as_bytes()));
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = unescape(&rest[at + 1..], &mut out)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(Cow::Owned(out))
}

/// Appends what the escape at the start of `text`, its backslash gone, stands for; returns what follows it.
fn unescape<'a>(text: &'a str, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let escape = text.chars().next().ok_or("escape sequence not terminated")?;
    let rest = &text[escape.len_utf8()..];
    let (n_digits, radix, from) = match escape {
        'a' => return Ok(push(out, 7, rest)),
        'b' => return Ok(push(out, 8, rest)),
        'f' => return Ok(push(out, 12, rest)),
        'n' => return Ok(push(out, b'\n', rest)),
        'r' => return Ok(push(out, b'\r', rest)),
        't' => return Ok(push(out, b'\t', rest)),
        'v' => return Ok(push(out, 11, rest)),
        '\\' | '\'' | '"' => return Ok(push(out, escape as u8, rest)),
        'x' => (2, 16, rest),
        'u' => (4, 16, rest),
        'U' => (8, 16, rest),
        '0'..='7' => (3, 8, text),
        _ => return Err(format!("unknown escape sequence {escape:?}")),
    };
    let digits = from.get(..n_digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let code = digits.and_then(|digits| u32::from_str_radix(digits, radix).ok());
    let code = code.ok_or_else(|| format!("malformed escape sequence \\{escape}"))?;
    if n_digits > 3 {
        let character = char::from_u32(code).ok_or("escape is no Unicode character")?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        out.push(u8::try_from(code).map_err(|_| "octal escape is above 255")?);
    }
    Ok(&from[n_digits..])
}

fn push<'a>(out: &mut Vec<u8>, byte: u8, rest: &'a str) -> &'a str {
    out.push(byte);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(query: &str) -> Vec<&str> {
        scan(query).unwrap().iter().map(|token| token.text).collect()
    }

    #[test]
    fn splits_queries_into_tokens() {
        let cases: [(&str, &[&str]); 6] = [
            ("a:b{c=~\"d\"}[5m:1m]", &["a:b", "{", "c", "=~", "\"d\"", "}", "[", "5m", ":", "1m", "]"]),
            ("1e-5+.5*0x1F", &["1e-5", "+", ".5", "*", "0x1F"]),
            ("x # comment\n>= y", &["x", ">=", "y"]),
            ("x[30:10]", &["x", "[", "30", ":", "10", "]"]),
            (r#"{"a.b"='c\'d'}"#, &["{", "\"a.b\"", "=", r"'c\'d'", "}"]),
            ("1h30m", &["1h30m"]),
        ];
        for (query, expected) in cases {
            assert_eq!(texts(query), expected, "{query}");
        }
    }

    #[test]
    fn names_the_limit_and_the_place() {
        let cases = [
            ("x".repeat(MAX_TEXT + 1), "query is 16385 bytes long; 16384 are allowed"),
            ("(".repeat(101), "1:101: parse error: nesting deeper than 100 is not allowed"),
            ("x".to_owned() + &"+x".repeat(2001), "1:4002: parse error: more than 2000 operators are not allowed"),
            ("-".repeat(101), "1:101: parse error: more than 100 signs and powers are not allowed"),
            ("x[1e300]".into(), "1:3: parse error: duration must be at most 100 years"),
            ("x offset -inf".into(), "1:11: parse error: duration must be at most 100 years"),
            ("x{a=~\"(\"}".into(), "1:6: parse error: invalid regular expression"),
            (
                format!("x{{a=~\"{}\"}}", "a".repeat(5000)),
                "1:6: parse error: regular expression longer than 4096 bytes",
            ),
            (r"x{a=~".to_owned() + r#""\\w{500}"}"#, "1:6: parse error: invalid regular expression"),
            ("a\n$".into(), "2:1: parse error: unexpected character: '$'"),
            ("a * (b".into(), "1:5: parse error: unclosed '('"),
            ("a)".into(), "1:2: parse error: unexpected ')'"),
            ("\"abc".into(), "1:1: parse error: unterminated quoted string"),
        ];
        for (query, expected) in cases {
            let error = scan(&query).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_sign_between_operands_does_not_nest() {
        assert!(scan(&("x".to_owned() + &" - x".repeat(500))).is_ok());
    }

    #[test]
    fn unquotes_as_go_does() {
        let cases: [(&str, Result<&[u8], &str>); 8] = [
            (r#""a\n\t\"""#, Ok(b"a\n\t\"")),
            (r"'\xff\377'", Ok(&[255, 255])),
            (r#""\u00e9\U0001F600""#, Ok("\u{e9}\u{1f600}".as_bytes())),
            (r"`a\n`", Ok(br"a\n")),
            (r#""\q""#, Err("unknown escape sequence 'q'")),
            (r#""\xg0""#, Err(r"malformed escape sequence \x")),
            (r#""\777""#, Err("octal escape is above 255")),
            (r#""\ud800""#, Err("escape is no Unicode character")),
        ];
        for (quoted, expected) in cases {
            assert_eq!(unquote(quoted).as_deref().map_err(String::as_str), expected, "{quoted}");
        }
    }
}
