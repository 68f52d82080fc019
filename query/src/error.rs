//! Why a query has no answer.

use thiserror::Error;

/// Why a query has no answer. What could be answered in part comes back as a result with warnings instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// The text of the query is wrong. `position` counts bytes from its start; `message` says what was expected.
    #[error("{message} (at byte {position})")]
    BadQuery { message: String, position: usize },
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
        QueryError::BadQuery { message: message.into(), position }
    }
}
