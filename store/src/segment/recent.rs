//! What the segments of a store share: what was opened lately, kept so that the next query need not open it again, up to so
//! many bytes; and the list of what could not be read.
//!
//! Segments are many and their footers and dictionaries are not small; without a bound, memory and open files would grow
//! with the data that queries happen to touch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Open;
use crate::damage::DamageLog;
use crate::summary::SpanSummary;
use crate::text;

/// Text indexes kept open at most: each holds a file.
const MAX_TEXTS: usize = 256;

/// Shared by all segments of a store.
pub(crate) struct Recent {
    pub(super) footers: Kept<Open>,
    pub(super) texts: Kept<text::Index>,
    pub(super) summaries: Kept<SpanSummary>,
    pub(crate) damage: Arc<DamageLog>,
}

impl Recent {
    /// Keeps about `bytes` in memory: three eighths for footers, as much for dictionaries of words, the rest for summaries.
    pub(crate) fn new(bytes: usize) -> Self {
        let share = bytes / 8 * 3;
        Recent {
            footers: Kept::new(share, usize::MAX),
            texts: Kept::new(share, MAX_TEXTS),
            summaries: Kept::new(bytes / 4, usize::MAX),
            damage: Arc::default(),
        }
    }
}

/// The last things opened, oldest first.
pub(super) struct Kept<T> {
    items: Mutex<Items<T>>,
    max_bytes: usize,
    max: usize,
}

struct Items<T> {
    queue: VecDeque<(Arc<T>, usize)>,
    bytes: usize,
}

impl<T> Kept<T> {
    fn new(max_bytes: usize, max: usize) -> Self {
        Kept { items: Mutex::new(Items { queue: VecDeque::new(), bytes: 0 }), max_bytes, max }
    }

    /// Keeps `item`, which takes `bytes`, alive until others of enough bytes have come. The last one always stays.
    pub(super) fn keep(&self, item: &Arc<T>, bytes: usize) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.queue.push_back((Arc::clone(item), bytes));
        items.bytes += bytes;
        while items.queue.len() > 1 && (items.bytes > self.max_bytes || items.queue.len() > self.max) {
            let Some((_, bytes)) = items.queue.pop_front() else { return };
            items.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_they_are_too_many_bytes_or_too_many() {
        let kept = |max_bytes, max, bytes: [usize; 4]| {
            let kept = Kept::new(max_bytes, max);
            let items: Vec<_> = (0..4).map(Arc::new).collect();
            items.iter().zip(bytes).for_each(|(item, bytes)| kept.keep(item, bytes));
            items.iter().map(|item| Arc::strong_count(item) - 1).collect::<Vec<_>>()
        };
        assert_eq!(kept(100, 9, [30, 30, 30, 30]), [0, 1, 1, 1]);
        assert_eq!(kept(100, 2, [30, 30, 30, 30]), [0, 0, 1, 1]);
        assert_eq!(kept(100, 9, [30, 30, 30, 200]), [0, 0, 0, 1]);
        assert_eq!(kept(100, 9, [1, 98, 1, 2]), [0, 0, 1, 1]);
    }
}
