//! Postings: the series that have something in common, by their numbers in the index.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

/// A set of series. Most values of most attributes are those of one series or a few.
pub(super) enum Posting {
    One(u32),
    Many(Box<RoaringBitmap>),
}

impl Posting {
    pub(super) fn add(&mut self, number: u32) {
        match self {
            Posting::One(one) if *one == number => {}
            Posting::One(one) => *self = Posting::Many(Box::new([*one, number].into_iter().collect())),
            Posting::Many(many) => drop(many.insert(number)),
        }
    }

    /// Adds its series to `out`.
    pub(super) fn add_to(&self, out: &mut RoaringBitmap) {
        match self {
            Posting::One(one) => drop(out.insert(*one)),
            Posting::Many(many) => *out |= many.as_ref(),
        }
    }

    pub(super) fn to_bitmap(&self) -> RoaringBitmap {
        match self {
            Posting::One(one) => [*one].into_iter().collect(),
            Posting::Many(many) => many.as_ref().clone(),
        }
    }

    /// How many series these are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Posting::One(_) => 1,
            Posting::Many(many) => many.len(),
        }
    }

    /// Takes `gone` out; whether any is left.
    pub(super) fn keep_without(&mut self, gone: &RoaringBitmap) -> bool {
        match self {
            Posting::One(one) => !gone.contains(*one),
            Posting::Many(many) => {
                **many -= gone;
                match (many.len(), many.min()) {
                    (1, Some(one)) => *self = Posting::One(one),
                    (0, _) => return false,
                    _ => {}
                }
                true
            }
        }
    }
}

/// Values longer than this are not listed: they are texts, and nobody looks for a series by one.
const LONGEST_LISTED: usize = 256;

/// The values of one attribute.
#[derive(Default)]
pub(super) struct Values {
    pub(super) listed: BTreeMap<Box<str>, Posting>,
    /// Series with a value that is not listed.
    pub(super) others: RoaringBitmap,
    /// Series that have the attribute.
    pub(super) n_series: u64,
}

impl Values {
    pub(super) fn add(&mut self, value: &str, number: u32) {
        self.n_series += 1;
        if value.len() > LONGEST_LISTED {
            self.others.insert(number);
        } else if let Some(posting) = self.listed.get_mut(value) {
            posting.add(number);
        } else {
            self.listed.insert(value.into(), Posting::One(number));
        }
    }

    pub(super) fn keep_without(&mut self, gone: &RoaringBitmap) -> bool {
        self.others -= gone;
        self.listed.retain(|_, posting| posting.keep_without(gone));
        self.n_series = self.others.len() + self.listed.values().map(Posting::len).sum::<u64>();
        self.n_series > 0
    }
}
