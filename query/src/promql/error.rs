//! Why a PromQL query has no answer, in the classes that Prometheus' HTTP API names.

use thiserror::Error;

use crate::error::QueryError;

/// Why a query failed. The text is for the person who wrote the query.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PromqlError {
    /// The query or its parameters are wrong; no data was read.
    #[error("{0}")]
    BadData(String),
    /// The query is well formed, but cannot be evaluated over the data there is, or uses more than its limits allow.
    #[error("{0}")]
    Execution(String),
    #[error("query timed out in expression evaluation")]
    Timeout,
    #[error("query was canceled in expression evaluation")]
    Canceled,
}

impl PromqlError {
    /// The `errorType` of Prometheus' HTTP API.
    pub fn error_type(&self) -> &'static str {
        match self {
            PromqlError::BadData(_) => "bad_data",
            PromqlError::Execution(_) => "execution",
            PromqlError::Timeout => "timeout",
            PromqlError::Canceled => "canceled",
        }
    }

    /// The HTTP status that Prometheus answers with.
    pub fn status(&self) -> u16 {
        match self {
            PromqlError::BadData(_) => 400,
            PromqlError::Execution(_) => 422,
            PromqlError::Timeout | PromqlError::Canceled => 503,
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        PromqlError::BadData(message.into())
    }

    pub(super) fn execution(message: impl Into<String>) -> Self {
        PromqlError::Execution(message.into())
    }
}

impl From<QueryError> for PromqlError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Timeout => PromqlError::Timeout,
            QueryError::Cancelled => PromqlError::Canceled,
            other => PromqlError::Execution(other.to_string()),
        }
    }
}
