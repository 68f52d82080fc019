//! The ledger of a run: what was sent, and which requests were acknowledged. `haechi load check` and `haechi load query`
//! know from it what must be found.
//!
//! A JSON object in a line: `{"workload": {…}, "acked": {"traces": [[0, 41]], …}, "unsure": {…}, "rejected": 0}`. Ranges of
//! numbers of requests include both ends.

use std::collections::BTreeMap;
use std::path::Path;

use collector::Signal;
use model::TimeRange;
use model::time::MINUTE;
use serde::{Deserialize, Serialize};

use super::Error;
use super::workload::{VERSION, Workload};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    pub(super) workload: Workload,
    /// Acknowledged: they must be found, whole and once.
    pub(super) acked: BySignal,
    /// Sent without an answer that says so: each may be found whole and once, or not at all.
    pub(super) unsure: BySignal,
    /// Items that were left out of requests that were accepted; a run with such items cannot be checked.
    pub(super) rejected: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BySignal {
    traces: Ranges,
    metrics: Ranges,
    logs: Ranges,
}

impl BySignal {
    pub(super) fn of(&self, signal: Signal) -> &Ranges {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        }
    }

    pub(super) fn of_mut(&mut self, signal: Signal) -> &mut Ranges {
        match signal {
            Signal::Traces => &mut self.traces,
            Signal::Metrics => &mut self.metrics,
            Signal::Logs => &mut self.logs,
        }
    }
}

impl Ledger {
    /// The time from before the first to after the last acknowledged item.
    pub(super) fn covered(&self) -> TimeRange {
        let end = |signal| self.acked.of(signal).last().map_or(0, |last| self.workload.due(signal, last));
        let latest = Signal::ALL.into_iter().map(end).max().unwrap_or_default();
        // Spans of a trace may begin some time after it.
        let end = self.workload.start.saturating_add(latest).saturating_add(MINUTE);
        TimeRange::new(self.workload.start - self.workload.max_lateness(), end)
    }

    pub(super) fn new(workload: &Workload) -> Self {
        Ledger { workload: workload.clone(), acked: BySignal::default(), unsure: BySignal::default(), rejected: 0 }
    }

    pub(super) fn save(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string(self).map_err(|error| Error::file(path, error))?;
        std::fs::write(path, text + "\n").map_err(|error| Error::file(path, error))
    }

    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::file(path, error))?;
        let ledger: Ledger = serde_json::from_str(&text).map_err(|error| {
            Error::file(
                path,
                format!("is no ledger, which is what `haechi load --ledger FILE` writes, a line of JSON: {error}"),
            )
        })?;
        let found = ledger.workload.version;
        if found != VERSION {
            let message = format!("is of version {found} of the generator; this is version {VERSION}");
            return Err(Error::file(path, message));
        }
        Ok(ledger)
    }
}

/// A set of numbers that come nearly in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(super) struct Ranges {
    /// First and last of each run; runs do not touch.
    runs: BTreeMap<u64, u64>,
}

impl Ranges {
    pub(super) fn insert(&mut self, number: u64) {
        let before = self.runs.range(..=number).next_back().map(|(first, last)| (*first, *last));
        let (first, mut last) = match before {
            Some((_, last)) if last >= number => return,
            Some((first, last)) if last + 1 == number => (first, number),
            _ => (number, number),
        };
        if let Some(after) = number.checked_add(1).and_then(|next| self.runs.remove(&next)) {
            last = after;
        }
        self.runs.insert(first, last);
    }

    pub(super) fn remove(&mut self, number: u64) {
        let Some((&first, &last)) = self.runs.range(..=number).next_back() else { return };
        if last < number {
            return;
        }
        self.runs.remove(&first);
        if first < number {
            self.runs.insert(first, number - 1);
        }
        if number < last {
            self.runs.insert(number + 1, last);
        }
    }

    #[cfg(test)]
    fn contains(&self, number: u64) -> bool {
        self.runs.range(..=number).next_back().is_some_and(|(_, last)| *last >= number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.runs.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// The greatest number.
    pub(super) fn last(&self) -> Option<u64> {
        self.runs.values().next_back().copied()
    }

    /// The number that `place` others come before.
    pub(super) fn nth(&self, mut place: u64) -> Option<u64> {
        for (first, last) in &self.runs {
            if place <= last - first {
                return Some(first + place);
            }
            place -= last - first + 1;
        }
        None
    }

    pub(super) fn len(&self) -> u64 {
        self.runs.iter().map(|(first, last)| last - first + 1).sum()
    }
}

impl From<Vec<(u64, u64)>> for Ranges {
    fn from(pairs: Vec<(u64, u64)>) -> Self {
        Ranges { runs: pairs.into_iter().filter(|(first, last)| first <= last).collect() }
    }
}

impl From<Ranges> for Vec<(u64, u64)> {
    fn from(ranges: Ranges) -> Self {
        ranges.runs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_grow_together() {
        let mut ranges = Ranges::default();
        let mut plain = std::collections::BTreeSet::new();
        for number in [5, 3, 4, 9, 0, 9, u64::MAX, 8, 1, 2, 4] {
            ranges.insert(number);
            plain.insert(number);
            assert_eq!(ranges.len(), plain.len() as u64);
            assert!((0..12).all(|it| ranges.contains(it) == plain.contains(&it)), "after {number}");
        }
        assert_eq!(Vec::from(ranges.clone()), [(0, 5), (8, 9), (u64::MAX, u64::MAX)]);
        let in_order: Vec<u64> = (0..ranges.len()).filter_map(|place| ranges.nth(place)).collect();
        assert!(in_order.iter().eq(&plain));
        assert_eq!((ranges.nth(ranges.len()), ranges.last()), (None, Some(u64::MAX)));
        for number in [2, 0, 7, u64::MAX, 2, 5] {
            ranges.remove(number);
            plain.remove(&number);
            assert!((0..12).all(|it| ranges.contains(it) == plain.contains(&it)), "without {number}");
        }
        assert_eq!(Vec::from(ranges), [(1, 1), (3, 4), (8, 9)]);
    }

    #[test]
    fn ledgers_come_back_as_saved_and_others_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let mut ledger = Ledger::new(&Workload { requests: [u64::MAX; 3], ..Workload::sample() });
        (0..5).for_each(|number| ledger.acked.of_mut(Signal::Logs).insert(number));
        ledger.unsure.of_mut(Signal::Traces).insert(7);
        ledger.save(&path).unwrap();
        assert_eq!(Ledger::open(&path).unwrap(), ledger);
        ledger.workload.version += 1;
        ledger.save(&path).unwrap();
        assert!(Ledger::open(&path).unwrap_err().to_string().contains("version"));
        std::fs::write(&path, "{}").unwrap();
        let error = Ledger::open(&path).unwrap_err().to_string();
        assert!(error.contains("ledger: is no ledger, which is what"), "{error}");
    }
}
