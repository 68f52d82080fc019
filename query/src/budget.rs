//! How a running query learns that it should stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::QueryError;

const RUNNING: u8 = 0;
const OUT_OF_TIME: u8 = 1;
const CANCELLED: u8 = 2;

/// What a query may still use. Queries ask at least once per chunk of rows; asking is one atomic load.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    state: Arc<AtomicU8>,
}

impl Budget {
    /// A budget that nobody ends: for tests and for work that is bounded by itself.
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// An error once the time is up or the caller has left.
    pub fn check(&self) -> Result<(), QueryError> {
        match self.state.load(Ordering::Relaxed) {
            RUNNING => Ok(()),
            OUT_OF_TIME => Err(QueryError::Timeout),
            _ => Err(QueryError::Cancelled),
        }
    }

    /// Whether the time is up, for queries that then answer with what they have; an error when the caller has left.
    pub fn is_out_of_time(&self) -> Result<bool, QueryError> {
        match self.check() {
            Ok(()) => Ok(false),
            Err(QueryError::Timeout) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Ends the query's time: it answers with what it has, or fails with [`QueryError::Timeout`].
    pub fn end_time(&self) {
        // A cancelled query stays cancelled.
        let _already_ended = self.state.compare_exchange(RUNNING, OUT_OF_TIME, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Tells the query that nobody waits for its answer.
    pub fn cancel(&self) {
        self.state.store(CANCELLED, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_query_does_not_become_one_out_of_time() {
        let budget = Budget::unlimited();
        assert_eq!(budget.check(), Ok(()));
        budget.end_time();
        assert_eq!(budget.check(), Err(QueryError::Timeout));
        assert_eq!(budget.is_out_of_time(), Ok(true));
        budget.cancel();
        budget.end_time();
        assert_eq!(budget.is_out_of_time(), Err(QueryError::Cancelled));
    }
}
