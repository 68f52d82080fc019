//! What was opened lately: kept, so that the next query need not open it again, up to a number.
//!
//! Segments are many and their footers and dictionaries are not small; without a bound, memory and open files would grow
//! with the data that queries happen to touch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Open;
use crate::text;

/// Footers of segments kept in memory: some 20 KB each.
const MAX_FOOTERS: usize = 1024;
/// Text indexes kept open: a file each, and after a look-up its dictionary.
const MAX_TEXTS: usize = 32;

/// Shared by all segments of a store.
pub(crate) struct Recent {
    pub(super) footers: Kept<Open>,
    pub(super) texts: Kept<text::Index>,
}

impl Default for Recent {
    fn default() -> Self {
        Recent { footers: Kept::new(MAX_FOOTERS), texts: Kept::new(MAX_TEXTS) }
    }
}

/// The last `max` things kept, oldest first.
pub(super) struct Kept<T> {
    items: Mutex<VecDeque<Arc<T>>>,
    max: usize,
}

impl<T> Kept<T> {
    fn new(max: usize) -> Self {
        Kept { items: Mutex::new(VecDeque::new()), max }
    }

    /// Keeps `item` alive until `max` others have come.
    pub(super) fn keep(&self, item: &Arc<T>) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.push_back(Arc::clone(item));
        if items.len() > self.max {
            items.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let kept = Kept::new(2);
        let items: Vec<_> = (0..3).map(Arc::new).collect();
        items.iter().for_each(|item| kept.keep(item));
        assert_eq!(items.iter().map(Arc::strong_count).collect::<Vec<_>>(), [1, 2, 2]);
    }
}
