//! What could not be read since a store was opened, counted by the kind of file and kept in words: for the page, the metric
//! and the log that tell of it.

use std::collections::{HashSet, VecDeque};
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Places kept in words. Damage can be everywhere at once.
const MAX_PLACES: usize = 200;
/// Bytes of the words on one place that are kept.
const MAX_WORDS: usize = 1000;

/// The kind of file that is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DamageKind {
    Manifest,
    /// The write-ahead log and the hashes of its bodies.
    Log,
    Segment,
    /// Costs time, not rows.
    TextIndex,
    /// What the spans of a segment add up to; costs time, not numbers.
    Summary,
    /// The file of the time that was last believed.
    Clock,
    /// Of segments, and read all the same, by what is kept to restore it.
    Restored,
}

impl DamageKind {
    pub const ALL: [Self; 7] =
        [Self::Manifest, Self::Log, Self::Segment, Self::TextIndex, Self::Summary, Self::Clock, Self::Restored];

    /// The name in metrics and on screen.
    pub fn name(self) -> &'static str {
        match self {
            DamageKind::Manifest => "manifest",
            DamageKind::Log => "log",
            DamageKind::Segment => "segment",
            DamageKind::TextIndex => "text_index",
            DamageKind::Summary => "summary",
            DamageKind::Clock => "clock",
            DamageKind::Restored => "restored",
        }
    }
}

/// A place that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedPlace {
    pub kind: DamageKind,
    /// File, offset, and what is wrong.
    pub text: String,
    /// How long ago it was found first.
    pub age: Duration,
}

/// What could not be read since the store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DamageStats {
    /// Places by kind, in the order of [`DamageKind::ALL`].
    pub counts: [u64; DamageKind::ALL.len()],
    /// The last ones, newest first.
    pub places: Vec<DamagedPlace>,
}

/// What every part of a store adds to. A place counts once, for as long as it is among the last ones.
#[derive(Default)]
pub(crate) struct DamageLog {
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    counts: [u64; DamageKind::ALL.len()],
    places: VecDeque<(DamageKind, String, Instant)>,
    known: HashSet<String>,
}

impl DamageLog {
    /// Notes a place that could not be read; tells the log the first time.
    pub(crate) fn note(&self, kind: DamageKind, place: impl Display) {
        let mut text = place.to_string();
        text.truncate(text.floor_char_boundary(MAX_WORDS));
        let mut found = self.lock();
        if found.known.contains(&text) {
            return;
        }
        tracing::warn!("damaged and left where it is: {text}");
        found.counts[kind as usize] += 1;
        found.known.insert(text.clone());
        found.places.push_back((kind, text, Instant::now()));
        if found.places.len() > MAX_PLACES
            && let Some((_, oldest, _)) = found.places.pop_front()
        {
            found.known.remove(&oldest);
        }
    }

    /// The number of places that could not be read, and of those that were restored.
    pub(crate) fn count(&self) -> (u64, u64) {
        let counts = self.lock().counts;
        let restored = counts[DamageKind::Restored as usize];
        (counts.iter().sum::<u64>() - restored, restored)
    }

    pub(crate) fn stats(&self) -> DamageStats {
        let found = self.lock();
        let place = |(kind, text, at): &(DamageKind, String, Instant)| DamagedPlace {
            kind: *kind,
            text: text.clone(),
            age: at.elapsed(),
        };
        DamageStats { counts: found.counts, places: found.places.iter().rev().map(place).collect() }
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_once_and_the_list_is_bounded() {
        let log = DamageLog::default();
        log.note(DamageKind::Restored, "a");
        (0..3).for_each(|_| log.note(DamageKind::Segment, "b"));
        log.note(DamageKind::Log, "ä".repeat(2 * MAX_WORDS));
        let stats = log.stats();
        assert_eq!((stats.counts, log.count()), ([0, 1, 1, 0, 0, 0, 1], (2, 1)));
        assert_eq!(stats.places.iter().map(|it| it.text.len()).collect::<Vec<_>>(), [MAX_WORDS, 1, 1]);
        (0..2 * MAX_PLACES).for_each(|place| log.note(DamageKind::TextIndex, place));
        let stats = log.stats();
        assert_eq!((stats.counts[3], stats.places.len()), (2 * MAX_PLACES as u64, MAX_PLACES));
        assert_eq!(stats.places[0].text, (2 * MAX_PLACES - 1).to_string());
        assert_eq!(log.lock().known.len(), MAX_PLACES);
    }

    #[test]
    fn kinds_are_counted_in_their_order() {
        for (index, kind) in DamageKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
}
