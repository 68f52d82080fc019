//! Why a query has no answer.

use std::fmt;

use thiserror::Error;

/// A place in the text of a query. Both are in characters, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The place of the byte `position` of `text`.
    fn of(text: &str, position: usize) -> Self {
        let before = &text[..text.floor_char_boundary(position)];
        let of_line = before.rsplit('\n').next().unwrap_or_default();
        Place { line: before.matches('\n').count() + 1, column: of_line.chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a query has no answer. What could be answered in part comes back as a result with warnings instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// The text of the query is wrong. `position` counts bytes from its start; `message` says what was expected.
    #[error("{message}{}", place.map(|it| format!(" ({it})")).unwrap_or_default())]
    BadQuery { message: String, position: usize, place: Option<Place> },
    /// A parameter beside the query text is wrong.
    #[error("{0}")]
    BadParameter(String),
    /// The query would need more than it may use.
    #[error("{0}")]
    Limit(String),
    #[error("the query ran into its time limit; a shorter time range or a more selective query takes less")]
    Timeout,
    /// The caller has left.
    #[error("the query was cancelled")]
    Cancelled,
    /// Worth another try after a pause.
    #[error("too many queries are waiting; try again later")]
    Overloaded,
    /// Data that the answer depends on could not be read; each text names a file.
    #[error("stored data could not be read: {}", .0.join("; "))]
    Read(Vec<String>),
    /// A defect of ours.
    #[error("the query failed unexpectedly: {0}")]
    Internal(String),
}

impl QueryError {
    pub(crate) fn bad_query(position: usize, message: impl Into<String>) -> Self {
        QueryError::BadQuery { message: message.into(), position, place: None }
    }

    /// This error of the query `text`, with its line and column.
    pub(crate) fn in_text(mut self, text: &str) -> Self {
        if let QueryError::BadQuery { position, place, .. } = &mut self {
            *place = Some(Place::of(text, *position));
        }
        self
    }
}
