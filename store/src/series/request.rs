//! The series of a request on its way: looked up before it is committed, known once it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{Nanos, SeriesId};

use super::inner::bytes_of;
use super::{SeriesIndex, StoredSeries};
use crate::chunk::SeriesChunk;

/// The series that a request mentions.
#[derive(Default)]
pub(crate) struct SeriesOfRequest {
    /// Those that were known already, each with the times of its first and last point.
    known: Vec<(Arc<StoredSeries>, Nanos, Nanos)>,
    /// Those that may be new.
    described: Option<SeriesChunk>,
}

impl SeriesOfRequest {
    pub(crate) fn new(known: Vec<(Arc<StoredSeries>, Nanos, Nanos)>, described: Option<SeriesChunk>) -> Self {
        SeriesOfRequest { known, described }
    }
}

impl SeriesIndex {
    /// Makes the series of a request known, which is committed, and stretches the times that they were seen in.
    pub(crate) fn note(&self, series: &SeriesOfRequest) {
        let mut forgotten = Vec::new();
        {
            let _nothing_is_forgotten = self.read();
            for (known, first, last) in &series.known {
                if known.forgotten.load(Ordering::Relaxed) {
                    forgotten.push((known, *first, *last));
                } else {
                    known.saw(*first, *last);
                }
            }
        }
        for (known, first, last) in forgotten {
            self.insert(known.id, &known.as_series(), first, last);
        }
        let Some(described) = &series.described else { return };
        for row in 0..described.len() {
            if let Some(series) = described.row(row) {
                let (first, last) = described.times(row);
                self.insert(described.id(row), &series, first, last);
            }
        }
    }
}

/// Bytes of memory for each series that there may be. Most take half of it; without a bound a few thousand with values
/// of attributes as long as they may be would take all memory there is.
const BYTES_OF_SERIES: usize = 1536;

/// How many series a request may add, of how many bytes, and which it need not.
pub(crate) struct SeriesRoom {
    index: Arc<SeriesIndex>,
    left: usize,
    bytes_left: usize,
}

impl SeriesRoom {
    /// The room that `index` has below `max` series. Requests at the same time share it without knowing of each other, so
    /// the limit may be passed by what they add.
    pub(crate) fn new(index: &Arc<SeriesIndex>, max: usize) -> Self {
        let bytes_left = max.saturating_mul(BYTES_OF_SERIES).saturating_sub(index.bytes());
        SeriesRoom { index: Arc::clone(index), left: max.saturating_sub(index.len()), bytes_left }
    }

    /// The room for series that were admitted before: without end.
    pub(crate) fn of_replay(index: &Arc<SeriesIndex>) -> Self {
        SeriesRoom { index: Arc::clone(index), left: usize::MAX, bytes_left: usize::MAX }
    }

    /// Whether the series, whose attributes have so many bytes, may have points. Takes room for one that is not known; to be asked
    /// once for each.
    pub(crate) fn admit(&mut self, id: SeriesId, n_attribute_bytes: usize) -> Admission {
        if let Some(known) = self.index.get(id) {
            return Admission::Known(known);
        }
        let room = self.left.checked_sub(1).zip(self.bytes_left.checked_sub(bytes_of(n_attribute_bytes)));
        let Some((left, bytes_left)) = room else { return Admission::Refused };
        (self.left, self.bytes_left) = (left, bytes_left);
        Admission::New
    }
}

/// Whether a series may have points.
pub(crate) enum Admission {
    Known(Arc<StoredSeries>),
    New,
    /// It is new, and there is no room for it.
    Refused,
}
