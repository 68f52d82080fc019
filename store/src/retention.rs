//! Drops what is older than the retention.

use model::Nanos;

use crate::manifest::Record;
use crate::store::Store;

impl Store {
    /// The time before which rows are outside the retention; a receiver refuses them one by one.
    pub fn oldest_accepted(&self, now: Nanos) -> Nanos {
        match self.config.retention {
            Some(retention) => now.saturating_sub(retention),
            None => Nanos::MIN,
        }
    }

    /// Drops the segments whose newest row is outside the retention at `now`, and lets windows that closed be compacted.
    /// Called every minute or so.
    pub fn maintain(&self, now: Nanos) {
        self.shared.compactor.tell_time(now);
        let oldest = self.oldest_accepted(now);
        if oldest == Nanos::MIN {
            return;
        }
        let remove: Vec<u64> = self.shared.segment_ids(|segment| segment.times().1 < oldest);
        if remove.is_empty() {
            return;
        }
        let mut manifest = self.shared.manifest.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // The manifest forgets them before the files go: a crash in between leaves orphans, not holes.
        if let Err(error) = manifest.publish(&Record { remove: remove.clone(), ..Record::default() }) {
            tracing::error!(%error, "cannot drop segments outside the retention, will try again");
            return;
        }
        self.shared.remove(&remove);
        self.shared.series.forget_before(oldest);
        tracing::info!(segments = remove.len(), "dropped what is older than the retention");
    }
}
