//! The points of histograms, exponential histograms and summaries as OTLP messages, and taken apart.
//!
//! A message is taken apart only when putting it together again gives the same bytes: fields in the order of their
//! numbers, each once, repeated numbers packed, nothing unknown, as every generated encoder writes them. Any other
//! message stays as it is.

use model::metric::distribution::{ExponentialBuckets, ExponentialHistogram, Histogram, Summary};
use model::wire::{Raw, Reader, put_bytes_field, put_fixed64_field, put_varint, put_varint_field};

/// Points with more buckets or quantiles than this are not taken apart.
pub(super) const MAX_BUCKETS: usize = 4096;

/// What a message has besides its numbers. Messages of one shape have columns in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Not taken apart.
    Whole,
    Explicit {
        has: Has,
        /// The bits of the upper bounds.
        bounds: Vec<u64>,
        n_counts: usize,
    },
    Exponential {
        has: Has,
        /// Whether there are messages of positive and of negative buckets.
        sides: [bool; 2],
        scale: i32,
        zero_threshold: u64,
    },
    Summary {
        /// The bits of the quantiles.
        quantiles: Vec<u64>,
    },
}

/// The optional fields of a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Has {
    pub(super) sum: bool,
    pub(super) min: bool,
    pub(super) max: bool,
}

/// The numbers of a message; those that its shape lacks are zero or empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) zero_count: u64,
    /// Of explicit histograms only the first.
    pub(super) sides: [ExponentialBuckets; 2],
    /// Of the quantiles.
    pub(super) values: Vec<f64>,
}

impl Numbers {
    /// The sum of all buckets, which a well-behaved sender gives as the count.
    pub(super) fn in_buckets(&self) -> u64 {
        let counts = self.sides.iter().flat_map(|side| &side.counts);
        counts.fold(self.zero_count, |sum, count| sum.wrapping_add(*count))
    }
}

/// The shape and the numbers of `message`.
pub(super) fn take_apart(message: &[u8]) -> (Shape, Numbers) {
    let mut again = Vec::with_capacity(message.len());
    for read in [explicit, exponential, summary] {
        let (shape, numbers) = read(message);
        let buckets = numbers.sides.iter().map(|side| side.counts.len()).chain([numbers.values.len()]).max();
        if buckets > Some(MAX_BUCKETS) || matches!(&shape, Shape::Explicit { bounds, .. } if bounds.len() > MAX_BUCKETS)
        {
            continue;
        }
        again.clear();
        put_together(&shape, &numbers, &mut again);
        if again == message {
            return (shape, numbers);
        }
    }
    (Shape::Whole, Numbers::default())
}

fn explicit(message: &[u8]) -> (Shape, Numbers) {
    let Histogram { count, sum, min, max, bounds, counts } = Histogram::decode(message);
    let shape = Shape::Explicit {
        has: Has { sum: sum.is_some(), min: min.is_some(), max: max.is_some() },
        bounds: bounds.iter().map(|bound| bound.to_bits()).collect(),
        n_counts: counts.len(),
    };
    let numbers = Numbers {
        count,
        sum: sum.unwrap_or_default(),
        min: min.unwrap_or_default(),
        max: max.unwrap_or_default(),
        sides: [ExponentialBuckets { offset: 0, counts }, ExponentialBuckets::default()],
        ..Numbers::default()
    };
    (shape, numbers)
}

fn exponential(message: &[u8]) -> (Shape, Numbers) {
    let histogram = ExponentialHistogram::decode(message);
    let ExponentialHistogram { count, sum, min, max, scale, zero_count, zero_threshold, positive, negative } =
        histogram;
    let mut sides = [false; 2];
    let mut reader = Reader::new(message);
    while let Ok(Some((number, raw))) = reader.next_field() {
        if let (8 | 9, Raw::Bytes(_)) = (number, raw) {
            sides[number as usize - 8] = true;
        }
    }
    let shape = Shape::Exponential {
        has: Has { sum: sum.is_some(), min: min.is_some(), max: max.is_some() },
        sides,
        scale,
        zero_threshold: zero_threshold.to_bits(),
    };
    let numbers = Numbers {
        count,
        sum: sum.unwrap_or_default(),
        min: min.unwrap_or_default(),
        max: max.unwrap_or_default(),
        zero_count,
        sides: [positive, negative],
        values: Vec::new(),
    };
    (shape, numbers)
}

fn summary(message: &[u8]) -> (Shape, Numbers) {
    let Summary { count, sum, quantiles } = Summary::decode(message);
    let shape = Shape::Summary { quantiles: quantiles.iter().map(|(quantile, _)| quantile.to_bits()).collect() };
    let values = quantiles.iter().map(|(_, value)| *value).collect();
    (shape, Numbers { count, sum, values, ..Numbers::default() })
}

/// Appends the message that `shape` and `numbers` are of. Field numbers are those of `metrics.proto`.
pub(super) fn put_together(shape: &Shape, numbers: &Numbers, out: &mut Vec<u8>) {
    match shape {
        Shape::Whole => {}
        Shape::Explicit { has, bounds, .. } => {
            put_unless_zero(out, 4, numbers.count);
            put_if(out, 5, has.sum, numbers.sum);
            put_packed(out, 6, &numbers.sides[0].counts);
            put_packed(out, 7, bounds);
            put_if(out, 11, has.min, numbers.min);
            put_if(out, 12, has.max, numbers.max);
        }
        Shape::Exponential { has, sides, scale, zero_threshold } => {
            put_unless_zero(out, 4, numbers.count);
            put_if(out, 5, has.sum, numbers.sum);
            if *scale != 0 {
                put_varint_field(out, 6, zigzag(*scale));
            }
            put_unless_zero(out, 7, numbers.zero_count);
            for ((number, present), side) in (8..).zip(sides).zip(&numbers.sides) {
                if *present {
                    put_side(out, number, side);
                }
            }
            put_if(out, 12, has.min, numbers.min);
            put_if(out, 13, has.max, numbers.max);
            put_unless_zero(out, 14, *zero_threshold);
        }
        Shape::Summary { quantiles } => {
            put_unless_zero(out, 4, numbers.count);
            put_unless_zero(out, 5, numbers.sum.to_bits());
            for (quantile, value) in quantiles.iter().zip(&numbers.values) {
                let mut pair = Vec::with_capacity(18);
                put_unless_zero(&mut pair, 1, *quantile);
                put_unless_zero(&mut pair, 2, value.to_bits());
                put_bytes_field(out, 6, &pair);
            }
        }
    }
}

fn put_unless_zero(out: &mut Vec<u8>, number: u32, bits: u64) {
    if bits != 0 {
        put_fixed64_field(out, number, bits);
    }
}

fn put_if(out: &mut Vec<u8>, number: u32, present: bool, value: f64) {
    if present {
        put_fixed64_field(out, number, value.to_bits());
    }
}

fn put_packed(out: &mut Vec<u8>, number: u32, values: &[u64]) {
    if values.is_empty() {
        return;
    }
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, 8 * values.len() as u64);
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn put_side(out: &mut Vec<u8>, number: u32, side: &ExponentialBuckets) {
    let mut counts = Vec::with_capacity(side.counts.len());
    side.counts.iter().for_each(|count| put_varint(&mut counts, *count));
    let mut message = Vec::with_capacity(counts.len() + 8);
    if side.offset != 0 {
        put_varint_field(&mut message, 1, zigzag(side.offset));
    }
    if !counts.is_empty() {
        put_bytes_field(&mut message, 2, &counts);
    }
    put_bytes_field(out, number, &message);
}

fn zigzag(value: i32) -> u64 {
    u64::from(((value << 1) ^ (value >> 31)) as u32)
}
