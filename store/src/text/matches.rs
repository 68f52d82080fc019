//! Sets of rows within a stretch of a segment: those that a search cannot rule out, and of these the ones that are sure.

use std::ops::Range;

/// The rows of a range that an index leaves over for a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    rows: Range<u32>,
    /// A bit for each row of the range. `sure` is within `left`.
    left: Vec<u64>,
    sure: Vec<u64>,
}

impl Matches {
    pub(super) fn none(rows: Range<u32>) -> Self {
        let words = rows.len().div_ceil(64);
        Matches { rows, left: vec![0; words], sure: vec![0; words] }
    }

    /// Every row of the range, none of them sure.
    pub fn unknown(rows: Range<u32>) -> Self {
        let mut all = Matches::none(rows.clone());
        all.leave(rows);
        all
    }

    /// The rows of `sure`, ascending and in the range.
    #[cfg(test)]
    pub(crate) fn of(rows: Range<u32>, sure: &[u32]) -> Self {
        let mut matches = Matches::none(rows);
        sure.iter().for_each(|row| matches.add(*row));
        matches
    }

    /// Of the rows of the range those of `part`, none of them sure.
    pub(crate) fn part(rows: Range<u32>, part: Range<u32>) -> Self {
        let mut matches = Matches::none(rows);
        matches.leave(part);
        matches
    }

    /// Every row of the range, all of them sure.
    pub fn all(rows: Range<u32>) -> Self {
        let mut all = Matches::unknown(rows);
        all.sure.clone_from(&all.left);
        all
    }

    pub fn range(&self) -> Range<u32> {
        self.rows.clone()
    }

    /// Adds a sure row, which lies in the range.
    #[inline]
    pub(super) fn add(&mut self, row: u32) {
        let at = (row - self.rows.start) as usize;
        let bit = 1 << (at % 64);
        self.left[at / 64] |= bit;
        self.sure[at / 64] |= bit;
    }

    /// Adds what of `rows` lies in the range, without being sure.
    pub(super) fn leave(&mut self, rows: Range<u32>) {
        word_masks(&self.rows, &rows).for_each(|(word, mask)| self.left[word] |= mask);
    }

    /// Keeps the rows that `other`, of the same range, has too; sure are those that are sure in both.
    pub(super) fn intersect(&mut self, other: &Matches) {
        self.left.iter_mut().zip(&other.left).for_each(|(a, b)| *a &= b);
        self.sure.iter_mut().zip(&other.sure).for_each(|(a, b)| *a &= b);
    }

    /// Keeps only rows of one of `ranges`.
    pub fn keep(&mut self, ranges: impl IntoIterator<Item = Range<u32>>) {
        let mut kept = Matches::none(self.rows.clone());
        ranges.into_iter().for_each(|rows| kept.leave(rows));
        self.left.iter_mut().zip(&kept.left).for_each(|(a, b)| *a &= b);
        self.sure.iter_mut().zip(&kept.left).for_each(|(a, b)| *a &= b);
    }

    /// Says of each row that is left whether it matches: all are sure from then on. `matches` is called for the rows that
    /// are not, in ascending order.
    pub fn decide(&mut self, mut matches: impl FnMut(u32) -> bool) {
        for (index, (left, sure)) in self.left.iter_mut().zip(&mut self.sure).enumerate() {
            let mut open = *left & !*sure;
            while open != 0 {
                let bit = open & open.wrapping_neg();
                if !matches(self.rows.start + index as u32 * 64 + bit.trailing_zeros()) {
                    *left &= !bit;
                }
                open ^= bit;
            }
            *sure = *left;
        }
    }

    /// No row is sure any more.
    pub fn doubt(&mut self) {
        self.sure.fill(0);
    }

    /// Takes rows out from the end: some more than `n_sure` sure or `n_unsure` others, or what there is.
    pub fn take_last(&mut self, n_sure: usize, n_unsure: usize) -> Matches {
        self.take((0..self.left.len()).rev(), n_sure, n_unsure)
    }

    /// As [`Matches::take_last`], from the start.
    pub fn take_first(&mut self, n_sure: usize, n_unsure: usize) -> Matches {
        self.take(0..self.left.len(), n_sure, n_unsure)
    }

    fn take(&mut self, words: impl Iterator<Item = usize>, n_sure: usize, n_unsure: usize) -> Matches {
        let mut taken = Matches::none(self.rows.clone());
        let (mut sure, mut unsure) = (0, 0);
        for word in words {
            if sure >= n_sure || unsure >= n_unsure {
                break;
            }
            if self.left[word] == 0 {
                continue;
            }
            taken.left[word] = std::mem::take(&mut self.left[word]);
            taken.sure[word] = std::mem::take(&mut self.sure[word]);
            sure += taken.sure[word].count_ones() as usize;
            unsure += (taken.left[word] & !taken.sure[word]).count_ones() as usize;
        }
        taken
    }

    /// Those of the rows that are not sure.
    pub fn unsure(&self) -> Matches {
        let left = self.left.iter().zip(&self.sure).map(|(left, sure)| left & !sure).collect();
        Matches { rows: self.rows.clone(), left, sure: vec![0; self.sure.len()] }
    }

    pub fn is_empty(&self) -> bool {
        self.left.iter().all(|word| *word == 0)
    }

    /// The number of rows that are left, sure or not.
    pub fn len(&self) -> usize {
        self.left.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// How many of them are in `rows`.
    pub fn len_in(&self, rows: Range<u32>) -> usize {
        let words = word_masks(&self.rows, &rows).map(|(word, mask)| (self.left[word] & mask).count_ones() as usize);
        words.sum()
    }

    pub fn n_sure(&self) -> usize {
        self.sure.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The rows that are left, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        ones(&self.left).map(|at| self.rows.start + at)
    }

    /// A bit for each row of the range, from the least significant one on: the rows that are left.
    pub fn bits(&self) -> &[u64] {
        &self.left
    }
}

/// The words of a set over `all` that have rows of `part`, and the bits of these.
fn word_masks(all: &Range<u32>, part: &Range<u32>) -> impl Iterator<Item = (usize, u64)> {
    let (start, end) = (part.start.max(all.start), part.end.min(all.end));
    let (start, end) = if start < end { (start - all.start, end - all.start) } else { (0, 0) };
    (start / 64..end.div_ceil(64)).map(move |word| {
        let from = start.max(word * 64) % 64;
        let n = end.min(word * 64 + 64) - start.max(word * 64);
        (word as usize, u64::MAX >> (64 - n) << from)
    })
}

fn ones(words: &[u64]) -> impl Iterator<Item = u32> {
    words.iter().copied().enumerate().flat_map(|(index, mut word)| {
        std::iter::from_fn(move || {
            let bit = (word != 0).then(|| word.trailing_zeros())?;
            word &= word - 1;
            Some(index as u32 * 64 + bit)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn sets(matches: &Matches) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let left: BTreeSet<u32> = matches.iter().collect();
        let open: BTreeSet<u32> = matches.unsure().iter().collect();
        let sure = &left - &open;
        assert_eq!((matches.len(), matches.n_sure(), matches.is_empty()), (left.len(), sure.len(), left.is_empty()));
        (left, sure)
    }

    fn matches_of(range: &Range<u32>, sure: &[u32], left: &[Range<u32>]) -> Matches {
        let mut matches = Matches::none(range.clone());
        sure.iter().filter(|row| range.contains(row)).for_each(|row| matches.add(*row));
        left.iter().for_each(|rows| matches.leave(rows.clone()));
        matches
    }

    proptest! {
        #[test]
        fn agrees_with_sets(
            start in 0u32..200, length in 0u32..300,
            a in prop::collection::vec(0u32..500, 0..40), b in prop::collection::vec(0u32..500, 0..40),
            parts in prop::collection::vec((0u32..500, 0u32..150), 0..4), kept in (0u32..500, 0u32..300),
        ) {
            let range = start..start + length;
            let parts: Vec<Range<u32>> = parts.iter().map(|(at, length)| *at..at + length).collect();
            let mut one = matches_of(&range, &a, &parts[..parts.len() / 2]);
            let two = matches_of(&range, &b, &parts[parts.len() / 2..]);
            let within = |row: &u32| range.contains(row);
            let expected = |sure: &[u32], left: &[Range<u32>]| -> (BTreeSet<u32>, BTreeSet<u32>) {
                let sure: BTreeSet<u32> = sure.iter().copied().filter(within).collect();
                let left = left.iter().cloned().flatten().filter(within).chain(sure.iter().copied()).collect();
                (left, sure)
            };
            let (left_one, sure_one) = expected(&a, &parts[..parts.len() / 2]);
            let (left_two, sure_two) = expected(&b, &parts[parts.len() / 2..]);
            prop_assert_eq!(sets(&one), (left_one.clone(), sure_one.clone()));
            one.intersect(&two);
            let (left, sure) = (&left_one & &left_two, &sure_one & &sure_two);
            prop_assert_eq!(sets(&one), (left.clone(), sure.clone()));
            let kept = kept.0..kept.0 + kept.1;
            one.keep([kept.clone()]);
            let keep = |rows: &BTreeSet<u32>| rows.iter().copied().filter(|row| kept.contains(row)).collect::<BTreeSet<_>>();
            prop_assert_eq!(sets(&one), (keep(&left), keep(&sure)));
            let mut rest = one.clone();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let piece = if pieces.len() % 2 == 0 { rest.take_last(40, 60) } else { rest.take_first(1, 1) };
                prop_assert!(!piece.is_empty() && piece.n_sure() <= 40 + 63 && piece.unsure().len() <= 60 + 63);
                pieces.extend(piece.iter());
            }
            pieces.sort_unstable();
            prop_assert_eq!(pieces, one.iter().collect::<Vec<_>>());
            prop_assert_eq!(one.len_in(100..250), one.iter().filter(|row| (100..250).contains(row)).count());
            one.decide(|row| row % 3 == 0);
            let decided: BTreeSet<u32> = keep(&left).into_iter().filter(|row| row % 3 == 0 || sure.contains(row)).collect();
            prop_assert_eq!(sets(&one), (decided.clone(), decided));
        }
    }
}
