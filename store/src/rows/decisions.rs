//! What was decided of a request that its body does not tell: the age that retention allowed, and which series there was room
//! for.
//!
//! The log keeps it beside the body, so that a replay leaves out what was left out. Specified in `docs/formats/wal.md`.

use model::Nanos;
use model::wire::{Reader, put_varint};

use super::Rows;

/// What was decided of one request so far or, of a request from the log, what is to be decided again.
#[derive(Clone, Debug)]
pub(crate) struct Decisions {
    oldest_accepted: Nanos,
    /// Runs of answers to [`crate::MetricRows::admit`] in the order of asking, up to the last refusal, two varints each: how many series
    /// were admitted, and how many were refused after them.
    runs: Vec<u8>,
    /// The run that has been begun: so many admitted, then so many refused. While they are repeated, what is left of it.
    run: (u64, u64),
    /// Of the bytes of `runs`, those that have been repeated.
    repeated: Option<usize>,
}

impl Default for Decisions {
    /// Nothing was too old.
    fn default() -> Self {
        Decisions::new(Nanos::MIN)
    }
}

impl Decisions {
    /// Nothing yet but that items older than `oldest_accepted` are to be rejected.
    pub(crate) fn new(oldest_accepted: Nanos) -> Self {
        Decisions { oldest_accepted, runs: Vec::new(), run: (0, 0), repeated: None }
    }

    /// To repeat what is known of `earlier` alone: the first series are admitted, so many are refused after them, and the rest is
    /// admitted. All that was refused, and where the first was, is the same then.
    pub(crate) fn again(earlier: &Earlier) -> Self {
        let Earlier { oldest_accepted, admitted, refused, .. } = *earlier;
        let mut decisions = Decisions::new(oldest_accepted);
        if refused > 0 {
            decisions.run = (admitted.into(), refused.into());
            decisions.end_run();
        }
        Decisions { repeated: Some(0), ..decisions }
    }

    pub(crate) fn oldest_accepted(&self) -> Nanos {
        self.oldest_accepted
    }

    /// Notes that a series was admitted or refused.
    #[inline]
    pub(crate) fn note(&mut self, admitted: bool) {
        if !admitted {
            self.run.1 += 1;
            return;
        }
        if self.run.1 > 0 {
            self.end_run();
        }
        self.run.0 += 1;
    }

    fn end_run(&mut self) {
        put_varint(&mut self.runs, self.run.0);
        put_varint(&mut self.runs, self.run.1);
        self.run = (0, 0);
    }

    /// Whether the next series was admitted when the request was received. `None` when that is to be decided now.
    #[inline]
    pub(crate) fn repeat(&mut self) -> Option<bool> {
        self.repeated.map(|at| self.repeat_from(at))
    }

    fn repeat_from(&mut self, at: usize) -> bool {
        if self.run == (0, 0) {
            let mut reader = Reader::new(&self.runs[at..]);
            // After the last run, all were admitted.
            let (Ok(admitted), Ok(refused)) = (reader.varint(), reader.varint()) else { return true };
            self.run = (admitted, refused);
            self.repeated = Some(self.runs.len() - reader.rest().len());
        }
        let (admitted, refused) = self.run;
        let was_admitted = admitted > 0;
        self.run = if was_admitted { (admitted - 1, refused) } else { (0, refused.saturating_sub(1)) };
        was_admitted
    }

    /// What the log keeps: `oldest accepted i64 | (admitted varint, refused varint)*`, and nothing when all was accepted in any
    /// case.
    pub(crate) fn encode(mut self) -> Vec<u8> {
        if self.run.1 > 0 {
            self.end_run();
        }
        if self.oldest_accepted == Nanos::MIN && self.runs.is_empty() {
            return Vec::new();
        }
        let mut bytes = Vec::with_capacity(8 + self.runs.len());
        bytes.extend_from_slice(&self.oldest_accepted.to_le_bytes());
        bytes.extend_from_slice(&self.runs);
        bytes
    }

    /// To repeat what [`Decisions::encode`] gave; `None` when it did not give these bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Decisions::default());
        }
        let (oldest_accepted, runs) = bytes.split_first_chunk::<8>()?;
        let mut reader = Reader::new(runs);
        while !reader.rest().is_empty() {
            let (_, refused) = (reader.varint().ok()?, reader.varint().ok()?);
            if refused == 0 {
                return None;
            }
        }
        let repeated = (!runs.is_empty()).then_some(0);
        Some(Decisions { runs: runs.to_vec(), repeated, ..Decisions::new(Nanos::from_le_bytes(*oldest_accepted)) })
    }
}

/// How a body was judged that is known to be stored: when it was received and, in short, what was decided of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    pub received_at: Nanos,
    pub(crate) oldest_accepted: Nanos,
    /// Series that were admitted before the first that was refused, and how many were refused in all.
    pub(crate) admitted: u32,
    pub(crate) refused: u32,
}

impl Earlier {
    /// Of a body with these `decisions`, as [`Decisions::encode`] gave them. Of others it says that all was accepted.
    pub(crate) fn new(received_at: Nanos, decisions: &[u8]) -> Self {
        let mut it = Earlier { received_at, oldest_accepted: Nanos::MIN, ..Earlier::default() };
        let Some((oldest_accepted, runs)) = decisions.split_first_chunk::<8>() else { return it };
        it.oldest_accepted = Nanos::from_le_bytes(*oldest_accepted);
        let mut reader = Reader::new(runs);
        while let (Ok(admitted), Ok(refused)) = (reader.varint(), reader.varint()) {
            if it.refused == 0 {
                it.admitted = u32::try_from(admitted).unwrap_or(u32::MAX);
            }
            it.refused = it.refused.saturating_add(u32::try_from(refused).unwrap_or(u32::MAX));
        }
        it
    }

    /// Builders for the rows of the body once more, which are not to be stored: they reject as many items as the first time, for
    /// the same reasons, whatever the settings are by now.
    pub fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        rows.decide(Decisions::again(self));
        rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(oldest_accepted: Nanos, refused: &[bool]) -> Vec<u8> {
        let mut decisions = Decisions::new(oldest_accepted);
        refused.iter().for_each(|refused| decisions.note(!refused));
        decisions.encode()
    }

    proptest! {
        #[test]
        fn what_was_refused_is_refused_again(oldest_accepted: Nanos, refused: Vec<bool>) {
            let bytes = encoded(oldest_accepted, &refused);
            prop_assert!(bytes.len() <= 8 + refused.len() + 1, "a byte for each at most");
            let mut again = Decisions::decode(&bytes).unwrap();
            prop_assert_eq!(again.oldest_accepted(), oldest_accepted);
            let repeated: Vec<bool> = refused.iter().map(|_| again.repeat() == Some(false)).collect();
            prop_assert_eq!(&repeated, &refused);
            prop_assert_ne!(again.repeat(), Some(false), "nothing after the last");

            let earlier = Earlier::new(5, &bytes);
            let mut again = Decisions::again(&earlier);
            prop_assert_eq!((earlier.received_at, again.oldest_accepted()), (5, oldest_accepted));
            let in_short: Vec<bool> = refused.iter().map(|_| again.repeat() == Some(false)).collect();
            let first_and_number = |refused: &[bool]| {
                (refused.iter().position(|it| *it), refused.iter().filter(|it| **it).count())
            };
            prop_assert_eq!(first_and_number(&in_short), first_and_number(&refused));
        }

        #[test]
        fn any_bytes_are_decisions_or_none(bytes: Vec<u8>) {
            _ = Earlier::new(0, &bytes).rows();
            if let Some(mut decisions) = Decisions::decode(&bytes) {
                (0..100).for_each(|_| _ = decisions.repeat());
            }
        }
    }

    #[test]
    fn nothing_is_kept_where_all_was_accepted_in_any_case() {
        assert!(encoded(Nanos::MIN, &[false; 1000]).is_empty());
        assert_eq!(encoded(5, &[false; 1000]), 5i64.to_le_bytes());
        assert_eq!(encoded(Nanos::MIN, &[true; 100])[8..], [0, 100]);
        assert_eq!(encoded(Nanos::MIN, &[false, true, true, false, false])[8..], [1, 2]);
    }

    #[test]
    fn bytes_that_end_early_are_no_decisions() {
        let bytes = encoded(7, &[false, true, false, true]);
        let whole = [8, 10, 12].map(|length| Decisions::decode(&bytes[..length]).is_some());
        let cut = [1, 7, 9, 11].map(|length| Decisions::decode(&bytes[..length]).is_some());
        assert_eq!((whole, cut), ([true; 3], [false; 4]));
        assert!(Decisions::decode(&[0, 0, 0, 0, 0, 0, 0, 0, 3, 0]).is_none(), "a run without a refusal");
    }
}
