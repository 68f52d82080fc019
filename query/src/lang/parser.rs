//! Tokens to a tree.
//!
//! ```text
//! query   = [ any ]
//! any     = all { "OR" all }
//! all     = one { [ "AND" ] one }
//! one     = { "NOT" | "-" } ( "(" any ")" | text | field operator value | field operator "(" value { "OR" value } ")" )
//! ```
//!
//! Recursion is as deep as parentheses are nested, which `lex` has limited. Queries with braces are read by `sets`.

use std::collections::VecDeque;

use crate::error::QueryError;

use super::ast::{Comparison, Expr, Key, Literal, Operator, Query};
use super::lex::{Kind, Token, tokens};
use super::sets::{SetExpr, TraceQuery};
use super::similar::similar;
use super::spans::fields::NAMES;

mod sets;

/// The tree of `text`, or where and why it is not a query.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    let parse = || {
        let tokens = tokens(text, false)?;
        let notes = notes(&tokens);
        let root = Parser::new(tokens, text).whole()?;
        Ok(Query { root, notes })
    };
    parse().map_err(|error: QueryError| error.in_text(text))
}

/// The sets of spans that `text` asks for, or where and why it is not a query about traces.
pub(super) fn parse_traces(text: &str) -> Result<TraceQuery, QueryError> {
    let tokens = tokens(text, true)?;
    let mut notes = notes(&tokens);
    notes.extend(misspelt(&tokens));
    let has_sets = tokens.iter().any(|token| token.kind == Kind::OpenSet);
    let mut parser = Parser::new(tokens, text);
    let root = if has_sets { parser.sets()? } else { SetExpr::Spans(parser.whole()?) };
    Ok(TraceQuery { root, notes })
}

/// A note for each name that is an attribute's and nearly one of a field.
fn misspelt(tokens: &[Token]) -> Vec<String> {
    let keys = tokens.iter().filter_map(|token| match &token.kind {
        Kind::Field { key, .. } if !key.quoted => Some(key.text.as_str()),
        _ => None,
    });
    let note = |key| {
        let meant = similar(key, NAMES)?;
        Some(format!("`{key}` is looked for among the attributes; the field is `{meant}`"))
    };
    keys.filter_map(note).collect()
}

/// A note when a comparison stands beside `and`, `or` or `not` in lower case. Without one it is a sentence from a log.
fn notes(tokens: &[Token]) -> Vec<String> {
    let compares = tokens.iter().any(|token| matches!(token.kind, Kind::Field { .. }));
    let mut in_set = tokens.iter().all(|token| token.kind != Kind::OpenSet);
    let word = tokens.iter().find_map(|token| match &token.kind {
        Kind::OpenSet | Kind::CloseSet => {
            in_set = token.kind == Kind::OpenSet;
            None
        }
        // Between sets, either case is an operator.
        Kind::Text(_) if !in_set => None,
        Kind::Text(text) if !text.quoted && matches!(text.text.as_str(), "and" | "or" | "not") => Some(&text.text),
        _ => None,
    });
    match word.filter(|_| compares) {
        Some(word) => {
            let operator = word.to_uppercase();
            vec![format!("`{word}` is searched for as a word; the operator is {operator}, in capital letters")]
        }
        None => Vec::new(),
    }
}

struct Parser {
    /// Those to come.
    tokens: VecDeque<Token>,
    /// The length of the text.
    end: usize,
}

impl Parser {
    fn new(tokens: Vec<Token>, text: &str) -> Self {
        Parser { tokens: tokens.into(), end: text.len() }
    }

    /// Conditions to the end of the text.
    fn whole(&mut self) -> Result<Expr, QueryError> {
        if self.tokens.front().is_none() {
            return Ok(Expr::All);
        }
        let root = self.any()?;
        match self.tokens.pop_front() {
            None => Ok(root),
            Some(token) => Err(QueryError::bad_query(token.position, "the query should end here")),
        }
    }

    /// Takes the next token if it is wanted.
    fn take(&mut self, wanted: impl Fn(&Token) -> bool) -> bool {
        let takes = self.tokens.front().is_some_and(wanted);
        if takes {
            self.tokens.pop_front();
        }
        takes
    }

    fn any(&mut self) -> Result<Expr, QueryError> {
        let mut parts = vec![self.all()?];
        while self.take(|token| token.kind == Kind::Or) {
            parts.push(self.all()?);
        }
        Ok(single_or(parts, Expr::Or))
    }

    fn all(&mut self) -> Result<Expr, QueryError> {
        let mut parts = vec![self.one()?];
        loop {
            match self.tokens.front().map(|token| &token.kind) {
                None | Some(Kind::Or | Kind::Close | Kind::CloseSet) => return Ok(single_or(parts, Expr::And)),
                Some(Kind::And) => drop(self.tokens.pop_front()),
                Some(_) => {}
            }
            parts.push(self.one()?);
        }
    }

    fn one(&mut self) -> Result<Expr, QueryError> {
        let mut negated = false;
        while self.take(|token| token.kind == Kind::Not) {
            negated = !negated;
        }
        let Some(token) = self.tokens.pop_front() else {
            return Err(QueryError::bad_query(self.end, "a condition is expected at the end"));
        };
        let expected = |what: &str| QueryError::bad_query(token.position, format!("a condition is expected {what}"));
        let expr = match token.kind {
            Kind::Open => {
                let expr = self.any()?;
                self.close()?;
                expr
            }
            Kind::Text(text) => Expr::Text(text),
            Kind::Field { key, operator, negated: opposite } => {
                negated ^= opposite;
                self.comparison(key, operator)?
            }
            Kind::And => return Err(expected("before AND; to find the word, put it in quotes")),
            Kind::Or => return Err(expected("before OR; to find the word, put it in quotes")),
            Kind::Close => return Err(expected("before the closing parenthesis")),
            Kind::CloseSet => return Err(expected("before the closing brace")),
            Kind::Not | Kind::Value(_) | Kind::OpenSet => return Err(expected("here")),
        };
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn close(&mut self) -> Result<(), QueryError> {
        match self.tokens.pop_front() {
            Some(Token { kind: Kind::Close, .. }) => Ok(()),
            Some(token) => Err(QueryError::bad_query(token.position, "a closing parenthesis is expected here")),
            None => Err(QueryError::bad_query(self.end, "a closing parenthesis is expected at the end")),
        }
    }

    fn comparison(&mut self, key: Key, operator: Operator) -> Result<Expr, QueryError> {
        match self.tokens.pop_front() {
            Some(Token { kind: Kind::Value(value), .. }) => Ok(Expr::Compare(Comparison { key, operator, value })),
            Some(Token { kind: Kind::Open, position }) => {
                if operator.is_order() {
                    let message = format!("one value is expected after `{}`, not a list", operator.symbol());
                    return Err(QueryError::bad_query(position, message));
                }
                self.list(&key, operator)
            }
            _ => Err(QueryError::bad_query(self.end, format!("a value is expected after `{}`", operator.symbol()))),
        }
    }

    /// The values of `key:(a OR b)`, the parenthesis being open.
    fn list(&mut self, key: &Key, operator: Operator) -> Result<Expr, QueryError> {
        let mut parts = Vec::new();
        loop {
            let (position, text) = match self.tokens.pop_front() {
                Some(Token { kind: Kind::Text(text), position }) => (position, text),
                other => {
                    let position = other.map_or(self.end, |token| token.position);
                    return Err(QueryError::bad_query(position, "a value is expected here, as in `field:(a OR b)`"));
                }
            };
            let value = Literal { text: text.text, quoted: text.quoted, position };
            parts.push(Expr::Compare(Comparison { key: key.clone(), operator, value }));
            match self.tokens.pop_front() {
                Some(Token { kind: Kind::Or, .. }) => {}
                Some(Token { kind: Kind::Close, .. }) => return Ok(single_or(parts, Expr::Or)),
                other => {
                    let position = other.map_or(self.end, |token| token.position);
                    return Err(QueryError::bad_query(position, "OR or a closing parenthesis is expected here"));
                }
            }
        }
    }
}

fn single_or(mut parts: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() == 1 { parts.swap_remove(0) } else { join(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_operators_in_lower_case() {
        let table = [
            ("service=booking and status=error", true),
            ("not status=error", true),
            ("service=booking \"and\"", false),
            ("could not connect and gave up", false),
            ("service=booking AND status=error", false),
        ];
        for (query, expected) in table {
            assert_eq!(!parse(query).unwrap().notes().is_empty(), expected, "{query}");
        }
    }
}
