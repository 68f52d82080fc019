//! The series of a request on its way: looked up before it is committed, known once it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::SeriesId;

use super::{SeriesIndex, StoredSeries};
use crate::chunk::SeriesChunk;

/// The series that a request mentions.
pub(crate) struct SeriesOfRequest {
    described: SeriesChunk,
    /// Of each row, the series if it was known already.
    known: Vec<Option<Arc<StoredSeries>>>,
}

impl SeriesOfRequest {
    pub(crate) fn look_up(index: &SeriesIndex, described: SeriesChunk) -> Self {
        let inner = index.read();
        let known = (0..described.len()).map(|row| inner.get(described.id(row)).cloned()).collect();
        drop(inner);
        SeriesOfRequest { described, known }
    }
}

impl SeriesIndex {
    /// Makes the series of a request known, which is committed, and stretches the times that they were seen in.
    pub(crate) fn note(&self, series: &SeriesOfRequest) {
        let mut unknown = Vec::new();
        {
            let _nothing_is_forgotten = self.read();
            for (row, known) in series.known.iter().enumerate() {
                let (first, last) = series.described.times(row);
                match known.as_ref().filter(|known| !known.forgotten.load(Ordering::Relaxed)) {
                    Some(known) => known.saw(first, last),
                    None => unknown.push(row),
                }
            }
        }
        for row in unknown {
            if let Some(described) = series.described.row(row) {
                let (first, last) = series.described.times(row);
                self.insert(series.described.id(row), &described, first, last);
            }
        }
    }

    fn knows(&self, id: SeriesId) -> bool {
        self.read().get(id).is_some()
    }
}

/// How many series a request may add, and which it need not.
pub(crate) struct SeriesRoom {
    index: Arc<SeriesIndex>,
    left: usize,
}

impl SeriesRoom {
    /// The room that `index` has below `max` series. Requests at the same time share it without knowing of each other, so
    /// the limit may be passed by what they add.
    pub(crate) fn new(index: &Arc<SeriesIndex>, max: usize) -> Self {
        SeriesRoom { index: Arc::clone(index), left: max.saturating_sub(index.len()) }
    }

    /// Whether the series may have points. Takes room for one that is not known; to be asked once for each.
    pub(crate) fn admits(&mut self, id: SeriesId) -> bool {
        if self.index.knows(id) {
            return true;
        }
        let admitted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        admitted
    }
}
