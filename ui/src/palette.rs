//! Which colour a service has: a slot of the palette given when the service is first seen, the same for every reader.

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

    /// The slot of `service`: the least used one when it is new.
    pub(crate) fn slot(&self, service: &str) -> usize {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(service) {
            return *slot;
        }
        if slots.len() >= MAX_SERVICES {
            return service.bytes().fold(7usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) % SLOTS;
        }
        let slot = slots.len() % SLOTS;
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
        let slots: Vec<usize> = (0..SLOTS).map(|i| palette.slot(&format!("service-{i}"))).collect();
        assert_eq!(slots, (0..SLOTS).collect::<Vec<_>>());
        assert_eq!(palette.slot("service-3"), 3);
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
