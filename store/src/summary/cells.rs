//! What is counted of each operation and edge in each slot, until a block of it is written.

use hashbrown::HashMap;
use model::Nanos;

use super::durations::DurationCounts;

/// Cells and buckets in memory before a block is written.
pub(super) const MAX_CELLS: usize = 64 << 10;
pub(super) const MAX_BUCKETS: usize = 1 << 20;

/// Cells by the number of what they count, and slot.
pub(super) struct Cells<T> {
    pub(super) list: Vec<(u32, i64, T)>,
    by_key: HashMap<(u32, i64), u32>,
    /// Of each number the slot and the cell that were asked for last: rows come in order of time, roughly.
    last: Vec<Option<(i64, u32)>>,
}

impl<T> Default for Cells<T> {
    fn default() -> Self {
        Cells { list: Vec::new(), by_key: HashMap::new(), last: Vec::new() }
    }
}

impl<T: Default> Cells<T> {
    #[inline]
    pub(super) fn cell(&mut self, number: u32, slot: i64) -> &mut T {
        let place = number as usize;
        if place >= self.last.len() {
            self.last.resize(place + 1, None);
        }
        let index = match self.last[place] {
            Some((last, index)) if last == slot => index,
            _ => {
                let list = &mut self.list;
                let index = *self.by_key.entry((number, slot)).or_insert_with(|| {
                    list.push((number, slot, T::default()));
                    (list.len() - 1) as u32
                });
                self.last[place] = Some((slot, index));
                index
            }
        };
        &mut self.list[index as usize].2
    }

    /// The cells by number and slot; none are left.
    pub(super) fn take(&mut self) -> Vec<(u32, i64, T)> {
        self.by_key.clear();
        self.last.clear();
        let mut list = std::mem::take(&mut self.list);
        list.sort_unstable_by_key(|(number, slot, _)| (*number, *slot));
        list
    }
}

/// The calls of an edge in a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    pub n_calls: u64,
    /// Calls of which a side has status error.
    pub n_failed: u64,
    /// As the calling side measured; of calls without one nothing.
    pub client: DurationCounts,
    /// As the serving side measured.
    pub server: DurationCounts,
}

impl CallCounts {
    /// Forgets all calls, and keeps the memory.
    pub fn clear(&mut self) {
        (self.n_calls, self.n_failed) = (0, 0);
        self.client.clear();
        self.server.clear();
    }

    /// Counts a call by what its sides measured; returns how many buckets are new.
    pub fn add(&mut self, client: Option<Nanos>, server: Option<Nanos>, is_failed: bool) -> usize {
        self.n_calls += 1;
        self.n_failed += u64::from(is_failed);
        let sides = [(client, &mut self.client), (server, &mut self.server)];
        sides
            .into_iter()
            .filter(|(duration, _)| duration.is_some())
            .map(|(duration, counts)| usize::from(counts.add(duration.unwrap_or_default())))
            .sum()
    }
}
