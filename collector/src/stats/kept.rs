//! A bounded map of what was seen in the last hour, which a flood of new keys does not empty.

use std::borrow::Borrow;
use std::hash::Hash;

use hashbrown::HashMap;
use model::Nanos;
use model::time::HOUR;

/// How long an entry that is not seen again is kept.
pub(super) const KEPT: Nanos = HOUR;

/// An entry, how often and when it was seen.
pub(super) struct Slot<V> {
    pub(super) value: V,
    pub(super) times: u64,
    pub(super) first: Nanos,
    pub(super) last: Nanos,
}

impl<V> Slot<V> {
    fn see(&mut self, at: Nanos) {
        self.times += 1;
        self.last = self.last.max(at);
    }
}

/// At most so many entries. New keys take the place of what has expired, or else of what was seen least often, longest ago:
/// keys that are sent once each displace one another and not what keeps coming.
pub(super) struct Kept<K, V> {
    slots: HashMap<K, Slot<V>>,
    most: usize,
    /// Entries that gave way before their hour was over.
    pub(super) displaced: u64,
}

impl<K: Hash + Eq + Clone, V> Kept<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Kept { slots: HashMap::new(), most, displaced: 0 }
    }

    /// The entry of `key`, with this time counted.
    pub(super) fn see(&mut self, key: K, at: Nanos, new: impl FnOnce() -> V) -> &mut Slot<V> {
        if self.is_full() && !self.slots.contains_key(&key) {
            self.make_room(at, |_, _| true);
        }
        let slot = self.slots.entry(key).or_insert_with(|| Slot { value: new(), times: 0, first: at, last: at });
        slot.see(at);
        slot
    }

    /// As [`Kept::see`], with `value` in the place of what the entry had.
    pub(super) fn set(&mut self, key: K, at: Nanos, value: V) {
        match self.slots.get_mut(&key) {
            Some(slot) => {
                slot.value = value;
                slot.see(at);
            }
            None => drop(self.see(key, at, || value)),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.slots.len() >= self.most
    }

    pub(super) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut Slot<V>>
    where
        K: Borrow<Q>,
    {
        self.slots.get_mut(key)
    }

    /// The entries of the hour before `now`, the last seen first.
    pub(super) fn recent(&self, now: Nanos) -> Vec<(&K, &Slot<V>)> {
        let is_recent = |slot: &Slot<V>| now.saturating_sub(slot.last) < KEPT;
        let mut recent: Vec<_> = self.slots.iter().filter(|(_, slot)| is_recent(slot)).collect();
        recent.sort_by_key(|(_, slot)| std::cmp::Reverse(slot.last));
        recent
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// All entries, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.slots.values().map(|slot| &slot.value)
    }

    /// Removes what has expired of the entries that `are_asked` chooses, or else those of them that were seen least. Returns the
    /// keys that are gone.
    pub(super) fn make_room(&mut self, now: Nanos, are_asked: impl Fn(&K, &V) -> bool) -> Vec<K> {
        let expired = |slot: &Slot<V>| now.saturating_sub(slot.last) >= KEPT;
        let gone: Vec<K> = self
            .slots
            .extract_if(|key, slot| expired(slot) && are_asked(key, &slot.value))
            .map(|(key, _)| key)
            .collect();
        if !gone.is_empty() {
            return gone;
        }
        let asked = self.slots.iter().filter(|(key, slot)| are_asked(key, &slot.value));
        let mut ranks: Vec<_> = asked.map(|(key, slot)| (slot.times, slot.last, key.clone())).collect();
        // Several at once, so that a flood does not look at all of them for each new key.
        let n_gone = (ranks.len() / 8).max(1).min(ranks.len());
        if n_gone < ranks.len() {
            ranks.select_nth_unstable_by_key(n_gone, |(times, last, _)| (*times, *last));
        }
        ranks.truncate(n_gone);
        for (.., key) in &ranks {
            self.slots.remove(key);
        }
        self.displaced += n_gone as u64;
        ranks.into_iter().map(|(.., key)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use model::time::SECOND;

    use super::*;

    #[test]
    fn a_flood_of_new_keys_displaces_itself() {
        let mut kept = Kept::new(8);
        for at in 0..3 {
            kept.see("steady".to_owned(), at, || ());
        }
        for i in 0..100_000 {
            kept.see(format!("flood {i}"), 10 + i, || ());
            if i % 1000 == 0 {
                kept.see("steady".to_owned(), 10 + i, || ());
            }
        }
        assert_eq!(kept.len(), 8);
        assert_eq!(kept.get_mut("steady").map(|slot| (slot.times, slot.first)), Some((103, 0)));
        assert_eq!(kept.displaced, 100_001 - 8);
        assert!(kept.recent(100_010).iter().any(|(key, _)| *key == "flood 99999"), "the newest is there");
    }

    #[test]
    fn what_was_not_seen_for_an_hour_is_gone_and_makes_room_first() {
        let mut kept = Kept::new(2);
        for at in 0..5 {
            kept.see("old", at, || ());
        }
        kept.see("new", HOUR - SECOND, || ());
        assert_eq!(kept.recent(HOUR).iter().map(|(key, _)| **key).collect::<Vec<_>>(), ["new", "old"]);
        assert_eq!(kept.recent(HOUR + SECOND).iter().map(|(key, _)| **key).collect::<Vec<_>>(), ["new"]);
        kept.see("newer", HOUR + SECOND, || ());
        assert_eq!((kept.len(), kept.displaced), (2, 0));
    }
}
