//! Lets others read what is counted of SLOs.

use std::sync::{Arc, Mutex, PoisonError};

use slo::{Counts, Slo};
use tokio::task::spawn_blocking;

use super::round::Rounds;

#[derive(Clone)]
pub(crate) struct Counted(pub(super) Arc<Mutex<Rounds>>);

/// The counts of one SLO.
pub(crate) struct OfSlo {
    pub(crate) slo: Arc<Slo>,
    pub(crate) counts: Counts,
    /// Whether nothing happened before them.
    pub(crate) is_all: bool,
}

impl Counted {
    /// A copy of the counts of the SLO of that name; `None` without one. Waits for the round that is going on.
    pub(crate) async fn of(self, name: String) -> Option<OfSlo> {
        let read = move || self.0.lock().unwrap_or_else(PoisonError::into_inner).counts(&name);
        spawn_blocking(read).await.ok().flatten()
    }
}
