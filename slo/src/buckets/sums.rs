//! Sums over any range of places of a fixed-size array, kept while single places change: a Fenwick tree
//! (P. M. Fenwick, "A New Data Structure for Cumulative Frequency Tables", 1994). Both operations take O(log n).

use super::Count;

/// `tree[i]` holds the sum of the `i & -i` places that end with place `i - 1`; `tree[0]` is unused.
///
/// Additions wrap: a change is the addition of a difference, and every sum that is asked for fits.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    tree: Vec<Count>,
}

impl Sums {
    /// All places zero.
    pub(super) fn new(places: usize) -> Self {
        Self { tree: vec![Count::default(); places + 1] }
    }

    /// Replaces `old`, the value of `place`, by `new`.
    pub(super) fn change(&mut self, place: usize, old: Count, new: Count) {
        let good = new.good.wrapping_sub(old.good);
        let total = new.total.wrapping_sub(old.total);
        let mut index = place + 1;
        while let Some(node) = self.tree.get_mut(index) {
            node.good = node.good.wrapping_add(good);
            node.total = node.total.wrapping_add(total);
            index += index & index.wrapping_neg();
        }
    }

    /// The sum of the places `from..to`.
    pub(super) fn range(&self, from: usize, to: usize) -> Count {
        let (until, before) = (self.prefix(to), self.prefix(from));
        Count { good: until.good.wrapping_sub(before.good), total: until.total.wrapping_sub(before.total) }
    }

    fn prefix(&self, places: usize) -> Count {
        let mut sum = Count::default();
        let mut index = places;
        while index > 0 {
            sum.good = sum.good.wrapping_add(self.tree[index].good);
            sum.total = sum.total.wrapping_add(self.tree[index].total);
            index &= index - 1;
        }
        sum
    }
}
