//! Where and what a syntax error is. The parser's own messages have no place, and often no more than "invalid".

use super::super::error::PromqlError;
use super::super::lex::{Kind, Token, error_at};

/// The parser's error `message`, at the place that its words or the tokens point to.
pub(super) fn error(text: &str, tokens: &[Token<'_>], message: &str) -> PromqlError {
    if message.contains("invalid promql query") || message.contains("trailing commas") {
        return match first_misfit(tokens) {
            Some(token) => error_at(text, token.start, format!("unexpected {:?}", token.text)),
            None => error_at(text, text.len(), "unexpected end of input"),
        };
    }
    // The parser quotes the piece of the query that it means.
    let quoted = message.split('\'').nth(1).unwrap_or_default();
    let found = tokens.iter().find(|token| !quoted.is_empty() && token.text == quoted);
    // It has names of its own for the types.
    let mut message = message.to_owned();
    for before in ["type ", "got "] {
        for (name, shown) in [("matrix", "range vector"), ("vector", "instant vector")] {
            message = message.replace(&format!("{before}{name}"), &format!("{before}{shown}"));
        }
    }
    error_at(text, found.map_or(0, |token| token.start), message)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// An operand ends or begins here.
    Operand,
    /// An operator, which needs an operand.
    Operator,
    /// A sign, which may come before an operand too.
    Sign,
    Open,
    Close,
    Other,
}

const KEYWORDS: [&str; 20] = [
    "and",
    "or",
    "unless",
    "atan2",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "offset",
    "fill",
    "fill_left",
    "fill_right",
    "start",
    "end",
    "smoothed",
    "anchored",
    "step",
];

fn side(token: &Token<'_>) -> Side {
    match token.kind {
        Kind::Number | Kind::Text => Side::Operand,
        Kind::Word if KEYWORDS.iter().any(|word| token.is_word(word)) => Side::Other,
        Kind::Word => Side::Operand,
        Kind::Symbol => match token.text {
            "+" | "-" => Side::Sign,
            "(" | "[" | "{" => Side::Open,
            ")" | "]" | "}" => Side::Close,
            "," | "@" | ":" => Side::Other,
            _ => Side::Operator,
        },
    }
}

/// The first token that cannot follow the one before it; `None` when the query just ends too early.
fn first_misfit<'a, 'b>(tokens: &'a [Token<'b>]) -> Option<&'a Token<'b>> {
    if tokens.first().is_some_and(|first| matches!(side(first), Side::Operator | Side::Close)) {
        return tokens.first();
    }
    let misfit = tokens.windows(2).find(|pair| match (side(&pair[0]), side(&pair[1])) {
        (Side::Operand, Side::Operand) => true,
        (Side::Close, Side::Operand) => pair[0].text != ")" || !matches!(pair[1].kind, Kind::Word | Kind::Text),
        (Side::Operator | Side::Sign | Side::Open, Side::Operator) => true,
        (Side::Operator | Side::Sign, Side::Close) => true,
        (Side::Other, Side::Close | Side::Operator) => pair[0].text == ",",
        _ => false,
    });
    if let Some(pair) = misfit {
        return pair.get(1);
    }
    // No pair is wrong by itself: if the last token may end a query, the fault is somewhere before it.
    tokens.last().filter(|last| matches!(side(last), Side::Operand | Side::Close))
}
