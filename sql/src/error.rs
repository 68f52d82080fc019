//! Why a query gave no result, in words for the person who wrote it.

use std::fmt;
use std::time::Duration;

use datafusion::error::DataFusionError;
use thiserror::Error;

/// A place in a query's text. Both count from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: u64,
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a query failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SqlError {
    /// The text is not a query that can be run: syntax, unknown names, types that do not fit, or more than a limit.
    #[error("{message}{}", position.map(|it| format!(" ({it})")).unwrap_or_default())]
    BadQuery { message: String, position: Option<Position> },
    /// A value made an operation impossible while the query ran.
    #[error("query failed: {0}")]
    Execution(String),
    #[error("queries together need more than their {limit} bytes of memory: {detail}", limit = limit)]
    Memory { limit: usize, detail: String },
    #[error("query took longer than {0:?}; narrow its time range or aggregate less")]
    Timeout(Duration),
    /// Worth another try after a pause.
    #[error("{0} queries are running and none ended in time; try again later")]
    Busy(usize),
    /// A fault of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Where in its life a query failed: errors of the same kind mean different things.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Planning,
    Running,
}

/// Texts of DataFusion list every column in reach; this much of them is enough to find a typing mistake.
const MAX_MESSAGE: usize = 1_000;

impl SqlError {
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        SqlError::BadQuery { message: message.into(), position: None }
    }

    /// The same error; of text that ends too early, which the parser gives no place, with the place of its end.
    pub(crate) fn or_at_end_of(self, text: &str) -> Self {
        match self {
            SqlError::BadQuery { message, position: None } if message.ends_with("found: EOF") => {
                let last = text.lines().last().unwrap_or_default();
                let (line, column) = (text.lines().count().max(1), last.chars().count() + 1);
                let position = Some(Position { line: line as u64, column: column as u64 });
                SqlError::BadQuery { message, position }
            }
            other => other,
        }
    }

    pub(crate) fn of(error: &DataFusionError, phase: Phase, memory: usize) -> Self {
        let root = error.find_root();
        let message = message_of(root);
        match root {
            DataFusionError::ResourcesExhausted(_) => SqlError::Memory { limit: memory, detail: message },
            // DataFusion takes a pattern of ours for a mistake of its own.
            DataFusionError::Internal(_) if message.contains("Regular expression did not compile") => {
                SqlError::bad(message)
            }
            DataFusionError::Internal(_) => SqlError::Internal(message),
            _ if phase == Phase::Planning => {
                let (message, in_text) = split_position(message);
                let in_span = error.diagnostic().and_then(|it| it.span).map(|span| span.start);
                let position = in_span.map(|it| Position { line: it.line, column: it.column }).or(in_text);
                SqlError::BadQuery { message, position }
            }
            DataFusionError::NotImplemented(_) | DataFusionError::Plan(_) => SqlError::bad(message),
            _ => SqlError::Execution(message),
        }
    }
}

/// The message without the words for its variant, without a backtrace, and bounded.
fn message_of(error: &DataFusionError) -> String {
    let message = match error {
        DataFusionError::SQL(parser, _) => parser.to_string(),
        other => other.message().into_owned(),
    };
    let ends = [DataFusionError::BACK_TRACE_SEP, "\nThis issue was likely caused by"].map(|end| message.find(end));
    let end = ends.into_iter().flatten().min().unwrap_or(message.len());
    let message = message[..end].trim_start_matches("sql parser error: ");
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// Takes `… at Line: 1, Column: 8`, as the parser writes it, off a message.
fn split_position(message: String) -> (String, Option<Position>) {
    let parse = || {
        let (head, tail) = message.rsplit_once(" at Line: ")?;
        let (line, column) = tail.split_once(", Column: ")?;
        let digits = column.find(|it: char| !it.is_ascii_digit()).unwrap_or(column.len());
        let position = Position { line: line.parse().ok()?, column: column[..digits].parse().ok()? };
        Some((format!("{head}{}", &column[digits..]), position))
    };
    match parse() {
        Some((head, position)) => (head, Some(position)),
        None => (message, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_position_off_a_parser_message() {
        let cases = [
            ("Expected: ), found: EOF at Line: 2, Column: 14", "Expected: ), found: EOF", Some((2, 14))),
            ("no position here", "no position here", None),
            ("odd at Line: x, Column: 1", "odd at Line: x, Column: 1", None),
        ];
        for (message, head, position) in cases {
            let expected = position.map(|(line, column)| Position { line, column });
            assert_eq!(split_position(message.to_owned()), (head.to_owned(), expected));
        }
    }
}
