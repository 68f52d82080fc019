//! Native histograms to the distributions of OTLP.
//!
//! Schemas −4 to 8 are exponential histograms of that scale, whose bucket `i` ends where OTLP's begins; schema −53 are histograms
//! with explicit bounds. Sparse buckets become dense ones, and counts must be whole numbers: OTLP has no others.
//! Source: <https://prometheus.io/docs/specs/native_histograms/> and `Histogram` of `types.proto`, the same in both versions.

use model::MetricKind;
use model::metric::distribution::{GAUGE, RESET, RESET_HINT_FIELD};
use model::wire::{Raw, Reader, put_bytes_field, put_fixed64_field, put_varint, put_varint_field, zigzag32};

use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{double, each_fixed64, varint};

mod side;

use side::{SPANS, Side, WIDE, keep, whole};

const CUSTOM_SCHEMA: i32 = -53;

/// Empty buckets that one request may add: they take a byte each, and none in the request.
const MAX_EMPTY_BUCKETS: usize = 16 << 20;

const SCHEMA: &str = "the schema of a native histogram must be -53 or from -4 to 8";
const EMPTY: &str = "the histograms of the request reach over more than 16777216 empty buckets; send smaller batches";
const BOUNDS: &str = "custom_values must increase and be less than +Inf, where the last bucket ends";
const CUSTOM: &str = "a histogram with custom buckets has neither negative buckets nor a zero bucket";

/// A `Histogram` message. Keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(super) struct NativeHistogram {
    count: Count,
    pub(super) sum: f64,
    schema: i32,
    zero_threshold: f64,
    zero_count: Count,
    negative: Side,
    positive: Side,
    reset_hint: u64,
    /// In milliseconds.
    pub(super) time: i64,
    custom_values: Vec<f64>,
    /// In milliseconds; 0 when unknown.
    pub(super) start_time: i64,
}

/// A count of either kind of histogram.
#[derive(Clone, Copy, Debug)]
enum Count {
    Int(u64),
    Float(f64),
}

impl Default for Count {
    fn default() -> Self {
        Count::Int(0)
    }
}

impl Count {
    fn whole(self) -> Result<u64, &'static str> {
        match self {
            Count::Int(count) => Ok(count),
            Count::Float(count) => whole(count),
        }
    }
}

impl NativeHistogram {
    /// Reads `message` in place of what was read before.
    pub(super) fn read(&mut self, message: &[u8]) -> Result<(), Malformed> {
        self.clear();
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                1 => self.count = Count::Int(varint(raw).within("count_int")?),
                2 => self.count = Count::Float(double(raw).within("count_float")?),
                3 => self.sum = double(raw).within("sum")?,
                4 => self.schema = zigzag32(varint(raw).within("schema")?),
                5 => self.zero_threshold = double(raw).within("zero_threshold")?,
                6 => self.zero_count = Count::Int(varint(raw).within("zero_count_int")?),
                7 => self.zero_count = Count::Float(double(raw).within("zero_count_float")?),
                8 => self.negative.span(raw).within("negative_spans")?,
                9 => self.negative.deltas(raw).within("negative_deltas")?,
                10 => self.negative.counts(raw).within("negative_counts")?,
                11 => self.positive.span(raw).within("positive_spans")?,
                12 => self.positive.deltas(raw).within("positive_deltas")?,
                13 => self.positive.counts(raw).within("positive_counts")?,
                14 => self.reset_hint = varint(raw).within("reset_hint")?,
                15 => self.time = varint(raw).within("timestamp")? as i64,
                16 => {
                    let (values, too_many) = (&mut self.custom_values, &mut self.positive.too_many);
                    each_fixed64(raw, |bits| keep(values, f64::from_bits(bits), too_many)).within("custom_values")?;
                }
                17 => self.start_time = varint(raw).within("start_timestamp")? as i64,
                _ => {}
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        let NativeHistogram { negative, positive, mut custom_values, .. } = std::mem::take(self);
        custom_values.clear();
        let (negative, positive) = (negative.cleared(), positive.cleared());
        *self = NativeHistogram { negative, positive, custom_values, ..NativeHistogram::default() };
    }

    /// The kind of metric that such histograms are points of.
    pub(super) fn kind(&self) -> MetricKind {
        kind_of(self.schema)
    }

    /// Writes the histogram into `out` (cleared first) as [`model::PointValue::Distribution`], fields in the order of their
    /// numbers. Returns its kind, or why it cannot be stored. `empty_buckets` are those that the request has added so far.
    pub(super) fn distribution(
        &mut self,
        out: &mut Vec<u8>,
        empty_buckets: &mut usize,
    ) -> Result<MetricKind, &'static str> {
        out.clear();
        let count = self.count.whole()?;
        put_unless_zero(out, 4, count);
        put_fixed64_field(out, 5, self.sum.to_bits());
        match self.schema {
            CUSTOM_SCHEMA => self.explicit(out)?,
            -4..=8 => self.exponential(out, empty_buckets)?,
            _ => return Err(SCHEMA),
        }
        // That there was no reset is not kept: it is so only next to the sample before, which may have been lost.
        if matches!(self.reset_hint, RESET | GAUGE) {
            put_varint_field(out, RESET_HINT_FIELD, self.reset_hint);
        }
        Ok(self.kind())
    }

    /// Whether the count is that of the buckets, of the distribution written last. A count may be more where the sum is NaN:
    /// observations of NaN are in no bucket.
    pub(super) fn counts_agree(&self) -> bool {
        let buckets = self.positive.dense.iter().chain(&self.negative.dense);
        let zero = self.zero_count.whole().unwrap_or(0);
        let in_buckets = buckets.fold(zero, |sum, count| sum.saturating_add(*count));
        let count = self.count.whole().unwrap_or(0);
        if self.sum.is_nan() { count >= in_buckets } else { count == in_buckets }
    }

    fn explicit(&mut self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let bounds = &self.custom_values;
        if !bounds.is_sorted_by(|a, b| a < b) || bounds.iter().any(|bound| bound.is_nan() || *bound == f64::INFINITY) {
            return Err(BOUNDS);
        }
        if !self.negative.is_empty() || self.zero_count.whole() != Ok(0) {
            return Err(CUSTOM);
        }
        let extent = self.positive.extent()?;
        let n = bounds.len() + 1;
        let before = usize::try_from(extent.first).ok().filter(|before| before + extent.n <= n).ok_or(SPANS)?;
        let dense = self.positive.fill(extent)?;
        put_packed_tag(out, 6, n);
        let after = n - before - dense.len();
        let counts = std::iter::repeat_n(0, before).chain(dense.iter().copied()).chain(std::iter::repeat_n(0, after));
        counts.for_each(|count: u64| out.extend_from_slice(&count.to_le_bytes()));
        if !bounds.is_empty() {
            put_packed_tag(out, 7, bounds.len());
            bounds.iter().for_each(|bound| out.extend_from_slice(&bound.to_le_bytes()));
        }
        Ok(())
    }

    fn exponential(&mut self, out: &mut Vec<u8>, empty_buckets: &mut usize) -> Result<(), &'static str> {
        let zero_count = self.zero_count.whole()?;
        if self.schema != 0 {
            put_varint_field(out, 6, to_zigzag(self.schema));
        }
        put_unless_zero(out, 7, zero_count);
        for (number, side) in [(8, &mut self.positive), (9, &mut self.negative)] {
            let extent = side.extent()?;
            if extent.n == 0 {
                continue;
            }
            let last = extent.first + extent.n as i64;
            let (Ok(offset), true) = (i32::try_from(extent.first - 1), last <= i64::from(i32::MAX)) else {
                return Err(WIDE);
            };
            // Before any of them is written: a histogram that is rejected costs no more than it has bytes.
            let empty = *empty_buckets + (extent.n - extent.n_sent);
            if empty > MAX_EMPTY_BUCKETS {
                return Err(EMPTY);
            }
            *empty_buckets = empty;
            let dense = side.fill(extent)?;
            let mut counts = Vec::with_capacity(dense.len());
            dense.iter().for_each(|count| put_varint(&mut counts, *count));
            let mut buckets = Vec::with_capacity(counts.len() + 16);
            if offset != 0 {
                put_varint_field(&mut buckets, 1, to_zigzag(offset));
            }
            put_bytes_field(&mut buckets, 2, &counts);
            put_bytes_field(out, number, &buckets);
        }
        put_unless_zero(out, 14, self.zero_threshold.to_bits());
        Ok(())
    }
}

/// The kind of metric that the histogram `message` is a point of, as far as it can be read.
pub(super) fn kind_of_message(message: &[u8]) -> MetricKind {
    let mut schema = 0;
    let mut reader = Reader::new(message);
    while let Ok(Some((number, raw))) = reader.next_field() {
        if let (4, Raw::Varint(value)) = (number, raw) {
            schema = zigzag32(value);
        }
    }
    kind_of(schema)
}

fn kind_of(schema: i32) -> MetricKind {
    if schema == CUSTOM_SCHEMA { MetricKind::Histogram } else { MetricKind::ExponentialHistogram }
}

fn to_zigzag(value: i32) -> u64 {
    u64::from(((value << 1) ^ (value >> 31)) as u32)
}

fn put_unless_zero(out: &mut Vec<u8>, number: u32, bits: u64) {
    if bits != 0 {
        put_fixed64_field(out, number, bits);
    }
}

/// The tag and length of a packed field of `n` numbers of eight bytes.
fn put_packed_tag(out: &mut Vec<u8>, number: u32, n: usize) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, 8 * n as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_that_is_rejected_for_its_width_takes_no_memory() {
        let wide = || Side { spans: vec![(0, 1), (16_000, 1)], deltas: vec![1, 0], ..Side::default() };
        for schema in [0, CUSTOM_SCHEMA] {
            let mut it = NativeHistogram { schema, positive: wide(), ..NativeHistogram::default() };
            let mut empty_buckets = MAX_EMPTY_BUCKETS - 100;
            let rejected = it.distribution(&mut Vec::new(), &mut empty_buckets);
            assert_eq!(rejected, Err(if schema == 0 { EMPTY } else { SPANS }));
            assert_eq!((it.positive.dense.capacity(), empty_buckets), (0, MAX_EMPTY_BUCKETS - 100));
        }
    }
}
