//! The sparse buckets of one sign of a native histogram, and the dense ones that they become.

use model::wire::{Raw, Reader, zigzag, zigzag32};

use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{bytes, each_fixed64, varint};
use crate::remote_write::series::each_varint;

/// Buckets of one sign, the empty ones between them included. At the finest schema they reach over nineteen decimal powers.
const MAX_BUCKETS: usize = 16 << 10;

const FRACTION: &str = "the histogram has counts that are no whole numbers, which cannot be stored";
const NEGATIVE: &str = "the histogram has a negative count, or one of more than 63 bits";
pub(super) const SPANS: &str = "the spans of the histogram do not fit its buckets";
pub(super) const WIDE: &str = "the histogram reaches over more than 16384 buckets; give it a coarser schema";

/// The buckets of one sign.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Gap to the span before, or index of the first bucket, and number of buckets.
    pub(super) spans: Vec<(i32, u32)>,
    /// Of integer histograms.
    pub(super) deltas: Vec<i64>,
    /// Of float histograms.
    pub(super) counts: Vec<f64>,
    /// There are more spans or buckets than are kept.
    pub(super) too_many: bool,
    /// Buckets without gaps, once [`Side::fill`] was called.
    pub(super) dense: Vec<u64>,
}

/// Where the buckets of one sign are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The index of the first.
    pub(super) first: i64,
    /// From the first to the last, those between the spans too: at most [`MAX_BUCKETS`].
    pub(super) n: usize,
    /// Of these, the ones that were sent.
    pub(super) n_sent: usize,
}

impl Side {
    pub(super) fn cleared(mut self) -> Self {
        self.spans.clear();
        self.deltas.clear();
        self.counts.clear();
        self.dense.clear();
        self.too_many = false;
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.deltas.is_empty() && self.counts.is_empty()
    }

    /// `BucketSpan`
    pub(super) fn span(&mut self, raw: Raw<'_>) -> Result<(), Malformed> {
        let (mut offset, mut length) = (0, 0);
        let mut reader = Reader::new(bytes(raw)?);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                1 => offset = zigzag32(varint(raw).within("offset")?),
                2 => length = varint(raw).within("length")? as u32,
                _ => {}
            }
        }
        keep(&mut self.spans, (offset, length), &mut self.too_many);
        Ok(())
    }

    pub(super) fn deltas(&mut self, raw: Raw<'_>) -> Result<(), Malformed> {
        let (deltas, too_many) = (&mut self.deltas, &mut self.too_many);
        each_varint(raw, |value| keep(deltas, zigzag(value), too_many))
    }

    pub(super) fn counts(&mut self, raw: Raw<'_>) -> Result<(), Malformed> {
        let (counts, too_many) = (&mut self.counts, &mut self.too_many);
        each_fixed64(raw, |bits| keep(counts, f64::from_bits(bits), too_many))
    }

    /// Where the buckets are, by the spans alone.
    pub(super) fn extent(&self) -> Result<Extent, &'static str> {
        if self.too_many {
            return Err(WIDE);
        }
        let (mut index, mut first, mut end, mut n_in_spans) = (0i64, None, 0, 0u64);
        for (number, (offset, length)) in self.spans.iter().enumerate() {
            if number > 0 && *offset < 0 {
                return Err(SPANS);
            }
            index += i64::from(*offset);
            if *length > 0 {
                first.get_or_insert(index);
                index += i64::from(*length);
                end = index;
                n_in_spans += u64::from(*length);
            }
        }
        // Of integers or of floats, not of both.
        let n_sent = self.deltas.len().max(self.counts.len());
        if n_in_spans != n_sent as u64 || self.deltas.len().min(self.counts.len()) > 0 {
            return Err(SPANS);
        }
        let first = first.unwrap_or_default();
        let n = usize::try_from(end - first).ok().filter(|n| *n <= MAX_BUCKETS).ok_or(WIDE)?;
        Ok(Extent { first, n, n_sent })
    }

    /// The buckets without gaps. `extent` is that of this side.
    pub(super) fn fill(&mut self, extent: Extent) -> Result<&[u64], &'static str> {
        let Side { spans, deltas, counts, dense, .. } = self;
        dense.reserve(extent.n);
        let mut count = 0i64;
        let (mut deltas, mut floats) = (deltas.iter(), counts.iter());
        let mut next = || match (deltas.next(), floats.next()) {
            (Some(delta), _) => {
                count = count.checked_add(*delta).filter(|count| *count >= 0).ok_or(NEGATIVE)?;
                Ok(count as u64)
            }
            (None, Some(count)) => whole(*count),
            (None, None) => Err(SPANS),
        };
        let mut index = 0i64;
        for (offset, length) in spans.iter() {
            index += i64::from(*offset);
            if *length > 0 {
                // Within the extent, since spans only go up.
                dense.resize((index - extent.first) as usize, 0);
                for _ in 0..*length {
                    dense.push(next()?);
                }
                index += i64::from(*length);
            }
        }
        Ok(dense)
    }
}

/// Adds `value` as long as there are few.
pub(super) fn keep<T>(values: &mut Vec<T>, value: T, too_many: &mut bool) {
    if values.len() < MAX_BUCKETS {
        values.push(value);
    } else {
        *too_many = true;
    }
}

/// The count as an integer. Doubles are exact to 2^53.
pub(super) fn whole(count: f64) -> Result<u64, &'static str> {
    match count {
        count if count < 0.0 => Err(NEGATIVE),
        count if count <= (1u64 << 53) as f64 && count.fract() == 0.0 => Ok(count as u64),
        _ => Err(FRACTION),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extent_is_known_before_a_bucket_is_written() {
        let side =
            |spans: &[(i32, u32)], n: usize| Side { spans: spans.to_vec(), deltas: vec![0; n], ..Side::default() };
        let extent = |first, n, n_sent| Ok(Extent { first, n, n_sent });
        let cases = [
            (side(&[], 0), extent(0, 0, 0)),
            (side(&[(-3, 2), (4, 1)], 3), extent(-3, 7, 3)),
            (side(&[(5, 0), (2, 1), (1, 0), (1, 1), (i32::MAX, 0)], 2), extent(7, 4, 2)),
            (side(&[(0, 1), (16_382, 1)], 2), extent(0, 16_384, 2)),
            (side(&[(0, 1), (16_383, 1)], 2), Err(WIDE)),
            (side(&[(0, 1), (i32::MAX, 1), (i32::MAX, 1)], 3), Err(WIDE)),
            (side(&[(0, u32::MAX)], 1), Err(SPANS)),
            (Side { counts: vec![0.0], ..side(&[(0, 1)], 1) }, Err(SPANS)),
        ];
        for (mut side, expected) in cases {
            assert_eq!(side.extent(), expected, "{:?}", side.spans);
            if let Ok(extent) = expected {
                assert_eq!(side.fill(extent).map(<[u64]>::len), Ok(extent.n), "{:?}", side.spans);
            }
        }
    }
}
