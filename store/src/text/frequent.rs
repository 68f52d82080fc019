//! Which ids are in so many blocks that they get postings, like words.
//!
//! Most tokens with digits are in one or a few rows: for those, blocks are the better index. Some are not: `8080`, a year, a
//! busy user. Listed by block they would be in most blocks and so select nothing. Two rows of counters (a count-min sketch,
//! with updates of the smaller one only) tell them in constant memory; a counter that is too high gives an id postings
//! that it would not have needed, which costs bytes and nothing else.

use hashbrown::HashTable;

/// An id seen in this many blocks within about one to two spans of the counters is frequent.
const MIN_BLOCKS: u8 = 8;
/// Counters are halved when this many ids have been counted: three ids a row make it some forty blocks.
const SPAN: u32 = 1 << 19;
/// Counters in each row: twice the span, so that few ids share one.
const COUNTERS: usize = 1 << 20;
/// More ids than this are never frequent.
const MAX_IDS: usize = 1 << 16;

pub(super) struct Frequent {
    counters: [Vec<u8>; 2],
    n_counted: u32,
    /// Hashes, as they are.
    ids: HashTable<u64>,
}

impl Default for Frequent {
    fn default() -> Self {
        Frequent { counters: [vec![0; COUNTERS], vec![0; COUNTERS]], n_counted: 0, ids: HashTable::new() }
    }
}

impl Frequent {
    /// Whether the id with this hash gets postings from now on.
    #[inline]
    pub(super) fn contains(&self, hash: u64) -> bool {
        !self.ids.is_empty() && self.ids.find(hash, |it| *it == hash).is_some()
    }

    /// Counts a block that holds the id.
    pub(super) fn count(&mut self, hash: u64) {
        let places = [hash as usize % COUNTERS, (hash >> 32) as usize % COUNTERS];
        let [first, second] = [self.counters[0][places[0]], self.counters[1][places[1]]];
        let least = first.min(second);
        for (row, place) in self.counters.iter_mut().zip(places) {
            row[place] = row[place].max(least.saturating_add(1));
        }
        if least + 1 >= MIN_BLOCKS && self.ids.len() < MAX_IDS {
            self.ids.entry(hash, |it| *it == hash, |it| *it).or_insert(hash);
        }
        self.n_counted += 1;
        if self.n_counted == SPAN {
            self.n_counted = 0;
            self.counters.iter_mut().flatten().for_each(|counter| *counter /= 2);
        }
    }

    /// The memory in use, in bytes.
    pub(super) fn memory(&self) -> usize {
        2 * COUNTERS + self.ids.capacity() * 9
    }
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    #[test]
    fn ids_of_many_blocks_are_frequent_and_others_are_not() {
        let mut frequent = Frequent::default();
        let busy = xxh3_64(b"8080");
        let mut number = 0u64;
        for block in 0..200 {
            (0..10_000).for_each(|_| {
                number += 1;
                frequent.count(xxh3_64(&number.to_le_bytes()));
            });
            if block % 4 == 0 && !frequent.contains(busy) {
                frequent.count(busy);
            }
        }
        assert!(frequent.contains(busy));
        assert!(frequent.ids.len() < 20, "{} of {number} ids that were counted once", frequent.ids.len());
    }
}
