//! Which colour a service has: a slot of the palette by its name, the same for every reader and, by and large, after a restart.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Colours in the style sheet: classes `s0` to `s11`.
pub(crate) const SLOTS: usize = 12;
/// Services remembered; names beyond them get a slot by their hash, so that hostile names cannot fill the memory.
const MAX_SERVICES: usize = 1_000;

/// The slots given so far.
#[derive(Debug, Default)]
pub(crate) struct Palette(Mutex<BTreeMap<String, usize>>);

impl Palette {
    /// The services seen, by name.
    pub(crate) fn services(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The slot of `service`. A new one gets that of its name, or the next of those that the fewest services have.
    pub(crate) fn slot(&self, service: &str) -> usize {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(service) {
            return *slot;
        }
        let own = service.bytes().fold(7usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) % SLOTS;
        if slots.len() >= MAX_SERVICES {
            return own;
        }
        let mut uses = [0; SLOTS];
        slots.values().for_each(|slot: &usize| uses[*slot] += 1);
        let slot = (0..SLOTS).map(|step| (own + step) % SLOTS).min_by_key(|slot| uses[*slot]).unwrap_or(own);
        slots.insert(service.to_owned(), slot);
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_kept_and_the_first_twelve_differ() {
        let palette = Palette::default();
        let mut slots: Vec<usize> = (0..SLOTS).map(|i| palette.slot(&format!("service-{i}"))).collect();
        assert_eq!(palette.slot("service-3"), slots[3]);
        assert_eq!(Palette::default().slot("service-0"), slots[0]);
        slots.sort_unstable();
        assert_eq!(slots, (0..SLOTS).collect::<Vec<_>>());
    }

    #[test]
    fn memory_is_bounded() {
        let palette = Palette::default();
        for i in 0..2 * MAX_SERVICES {
            assert!(palette.slot(&i.to_string()) < SLOTS);
        }
        assert_eq!(palette.0.lock().unwrap().len(), MAX_SERVICES);
    }
}
