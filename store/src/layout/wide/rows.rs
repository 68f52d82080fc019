//! A set of rows of a row group, as reading narrows it down.

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;
use parquet::arrow::arrow_reader::RowSelection;

/// Rows by number, in ascending order.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    n_rows: usize,
    /// How many they are.
    len: usize,
    /// `None` stands for all.
    mask: Option<BooleanBuffer>,
}

impl Rows {
    /// All rows of a row group of `n_rows`.
    pub(super) fn all(n_rows: usize) -> Self {
        Rows { n_rows, len: n_rows, mask: None }
    }

    /// Those of a row group of `n_rows` whose bit in `mask` is set.
    fn masked(n_rows: usize, mask: BooleanBuffer) -> Self {
        Rows { n_rows, len: mask.count_set_bits(), mask: Some(mask) }
    }

    /// The rows of a row group of `n_rows` that `selection` has.
    pub(super) fn selected(n_rows: usize, selection: &RowSelection) -> Self {
        let mut mask = BooleanBufferBuilder::new(n_rows);
        for selector in selection.iter() {
            let left = n_rows - mask.len();
            mask.append_n(selector.row_count.min(left), !selector.skip);
        }
        mask.append_n(n_rows - mask.len(), false);
        Rows::masked(n_rows, mask.finish())
    }

    /// Those of a row group of `n_rows` with these numbers, in any order.
    pub(super) fn numbered(n_rows: usize, numbers: impl Iterator<Item = usize>) -> Self {
        let mut mask = BooleanBufferBuilder::new(n_rows);
        mask.append_n(n_rows, false);
        numbers.filter(|row| *row < n_rows).for_each(|row| mask.set_bit(row, true));
        Rows::masked(n_rows, mask.finish())
    }

    /// Those of a row group of `n_rows` in these ranges.
    pub(super) fn ranges(n_rows: usize, ranges: impl Iterator<Item = std::ops::Range<usize>>) -> Self {
        Rows::numbered(n_rows, ranges.flatten())
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn is_all(&self) -> bool {
        self.mask.is_none()
    }

    /// The numbers of the rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let some = self.mask.iter().flat_map(|mask| mask.set_indices());
        let all = if self.mask.is_none() { 0..self.n_rows } else { 0..0 };
        some.chain(all)
    }

    /// These rows as the Parquet reader takes them; `None` for all.
    pub(super) fn selection(&self) -> Option<RowSelection> {
        let mask = self.mask.as_ref()?;
        // Short runs are read under a mask, long ones are skipped over.
        let many = mask.set_slices().nth(self.n_rows / 16).is_some();
        Some(if many {
            RowSelection::from_boolean_buffer(mask.clone())
        } else {
            RowSelection::from_consecutive_ranges(mask.set_slices().map(|(start, end)| start..end), self.n_rows)
        })
    }

    /// Leaves of these rows those whose bit in `hits` is set, which has one bit for each of them.
    pub(super) fn keep(&mut self, hits: BooleanBuffer) {
        let Some(mask) = &self.mask else {
            if hits.count_set_bits() < hits.len() {
                *self = Rows::masked(self.n_rows, hits);
            }
            return;
        };
        let kept = mask.set_indices().zip(hits.iter()).filter_map(|(row, hit)| hit.then_some(row));
        *self = Rows::numbered(self.n_rows, kept);
    }

    /// Of each row of `all`, whether it is one of these.
    pub(super) fn within(&self, all: &Rows) -> BooleanBuffer {
        match (&self.mask, &all.mask) {
            (Some(mask), None) => mask.clone(),
            (None, _) => BooleanBuffer::new_set(all.len()),
            (Some(mask), Some(all)) => all.set_indices().map(|row| mask.value(row)).collect(),
        }
    }

    /// Leaves the rows that `other` has too.
    pub(super) fn intersect(&mut self, other: &Rows) {
        match (&self.mask, &other.mask) {
            (Some(mine), Some(others)) => *self = Rows::masked(self.n_rows, mine & others),
            (None, Some(_)) => *self = other.clone(),
            (_, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use parquet::arrow::arrow_reader::RowSelector;

    use super::*;

    fn numbers(rows: &Rows) -> Vec<usize> {
        rows.iter().collect()
    }

    #[test]
    fn narrow_down() {
        let mut rows = Rows::all(6);
        assert_eq!((numbers(&rows), rows.len()), (vec![0, 1, 2, 3, 4, 5], 6));
        rows.keep(BooleanBuffer::from(vec![true; 6]));
        assert!(rows.is_all());
        rows.keep(BooleanBuffer::from(vec![true, false, true, true, false, true]));
        assert_eq!(numbers(&rows), [0, 2, 3, 5]);
        rows.keep(BooleanBuffer::from(vec![false, true, false, true]));
        assert_eq!(numbers(&rows), [2, 5]);
        rows.intersect(&Rows::all(6));
        rows.intersect(&Rows::ranges(6, [3..5, 5..6].into_iter()));
        assert_eq!(numbers(&rows), [5]);
        rows.keep(BooleanBuffer::from(vec![false]));
        assert!(rows.is_empty());
    }

    #[test]
    fn are_selections_and_back() {
        let cases = [vec![], vec![0], vec![99], (10..90).collect(), (0..100).step_by(2).collect::<Vec<usize>>()];
        for expected in cases {
            let rows = Rows::numbered(100, expected.iter().copied());
            let selection = rows.selection().unwrap();
            assert_eq!(numbers(&Rows::selected(100, &selection)), expected);
        }
        assert!(Rows::all(100).selection().is_none());
        let short = vec![RowSelector::skip(1), RowSelector::select(1)].into();
        assert_eq!(numbers(&Rows::selected(3, &short)), [1]);
        let long = vec![RowSelector::skip(2), RowSelector::select(9)].into();
        assert_eq!(numbers(&Rows::selected(3, &long)), [2]);
    }
}
