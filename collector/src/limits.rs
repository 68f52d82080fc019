//! How much the receiver takes: from one request, from one connection, and at once.

use std::sync::Arc;
use std::time::Duration;

use crate::fairness::{Peer, Shares};

/// The receiver's limits. The defaults suit a machine with 2 GiB or more.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one request after decompression. 64 MiB is what the OTLP specification recommends.
    pub max_body: usize,
    /// Bytes of all requests in progress, counted after decompression. Columns under construction come on top; together
    /// that is about three times this.
    pub max_in_progress: usize,
    /// Requests that are decompressed and decoded at the same time, when they are large enough to leave the thread that
    /// does the input and output.
    pub decoders: usize,
    /// Open connections over all listeners; beyond, those that have sent no whole request, or are idle, make room.
    pub max_connections: usize,
    /// How long the body of a request may take to arrive.
    pub body_timeout: Duration,
    /// How long a connection may be silent. More than the 60 s at which SDKs export metrics.
    pub idle_timeout: Duration,
    /// After this a connection is asked to finish: at once over HTTP/2, with its next answer over HTTP/1.
    pub max_connection_age: Duration,
    /// How long requests in progress may take to finish at shutdown.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_body: 64 << 20,
            max_in_progress: 256 << 20,
            decoders: 4,
            max_connections: 1024,
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            max_connection_age: Duration::from_secs(600),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

/// The memory that one request has been granted so far; given back on drop.
pub(crate) struct Admission {
    shares: Arc<Shares>,
    peer: Peer,
    /// Bytes that [`Admission::cover`] has taken, in steps.
    covered: usize,
    /// Bytes of its rows, from when they are about to be stored.
    rows: usize,
}

/// There is no memory for this request: the sender should come again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overloaded;

/// Budget is taken in steps of this, so that a body of many small chunks does not take the lock for each.
const STEP: usize = 64 << 10;

impl Admission {
    pub(crate) fn new(shares: Arc<Shares>, peer: Peer) -> Self {
        shares.begin(peer);
        Admission { shares, peer, covered: 0, rows: 0 }
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// Takes as much budget as `size` bytes need beyond what this request has.
    pub(crate) fn cover(&mut self, size: usize) -> Result<(), Overloaded> {
        if size <= self.covered {
            return Ok(());
        }
        let more = (size - self.covered).next_multiple_of(STEP);
        self.shares.take(self.peer, more)?;
        self.covered += more;
        Ok(())
    }

    /// Takes budget for `more` bytes beyond what this request has, as long as it has no more than `most`.
    pub(crate) fn cover_more(&mut self, more: usize, most: usize) -> Result<(), Overloaded> {
        self.cover(self.covered.saturating_add(more).min(most))
    }

    /// Takes budget for `bytes` beyond what this request has, for as long as what is returned is kept.
    pub(crate) fn lend(&self, bytes: usize) -> Result<Lent, Overloaded> {
        self.shares.take(self.peer, bytes)?;
        Ok(Lent { shares: Arc::clone(&self.shares), peer: self.peer, bytes })
    }

    /// The budget of all requests.
    pub(crate) fn budget(&self) -> usize {
        self.shares.budget()
    }

    /// Notes that this request has `bytes` of rows that are about to be stored, once. Returns those of all others.
    pub(crate) fn stores(&mut self, bytes: usize) -> usize {
        self.rows = bytes;
        self.shares.comes(bytes)
    }
}

/// Memory that a request has for a while; given back on drop, which must come before that of its [`Admission`].
pub(crate) struct Lent {
    shares: Arc<Shares>,
    peer: Peer,
    bytes: usize,
}

impl Lent {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.shares.give_back(self.peer, self.bytes);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.shares.came(self.rows);
        self.shares.end(self.peer, self.covered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admission_ends_at_the_budget_and_gives_back() {
        let shares = Arc::new(Shares::new(4 * STEP));
        let admission = || Admission::new(Arc::clone(&shares), Peer::default());
        let mut first = admission();
        assert_eq!(first.cover(1), Ok(()));
        assert_eq!(first.cover(STEP), Ok(()), "the first step covers it");
        assert_eq!(first.cover(3 * STEP), Ok(()));
        let mut second = admission();
        assert_eq!(second.cover(1), Err(Overloaded), "a step is free, but this sender has three");
        assert_eq!(first.cover_more(STEP, 3 * STEP), Ok(()), "it has as much as it may");
        assert_eq!(first.cover_more(STEP, 5 * STEP), Err(Overloaded), "no more than twice what is free");
        drop(first);
        assert_eq!(second.cover(4 * STEP), Ok(()));
        assert_eq!(second.cover(4 * STEP + 1), Err(Overloaded));
        drop(second);
        assert_eq!(shares.held(), 0);
    }

    #[test]
    fn what_is_lent_counts_until_it_is_dropped() {
        let shares = Arc::new(Shares::new(10));
        let admission = Admission::new(Arc::clone(&shares), Peer::default());
        let lent = admission.lend(8).unwrap();
        assert_eq!((shares.held(), admission.lend(3).is_err(), lent.bytes()), (8, true, 8));
        drop(lent);
        assert_eq!(shares.held(), 0);
        drop(admission);
        assert_eq!((shares.held(), shares.requests()), (0, 0));
    }

    #[test]
    fn rows_that_are_about_to_be_stored_count_until_the_request_ends() {
        let shares = Arc::new(Shares::new(STEP));
        let admission = || Admission::new(Arc::clone(&shares), Peer::default());
        let (mut first, mut second, mut third) = (admission(), admission(), admission());
        assert_eq!((first.stores(10), second.stores(20)), (0, 10));
        drop(first);
        assert_eq!(third.stores(1), 20);
    }
}
