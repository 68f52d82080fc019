//! Native histograms to the distributions of OTLP.
//!
//! Schemas −4 to 8 are exponential histograms of that scale, whose bucket `i` ends where OTLP's begins; schema −53 are histograms
//! with explicit bounds. Sparse buckets become dense ones, and counts must be whole numbers: OTLP has no others.
//! Source: <https://prometheus.io/docs/specs/native_histograms/> and `Histogram` of `types.proto`, the same in both versions.

use model::MetricKind;
use model::metric::distribution::{GAUGE, RESET, RESET_HINT_FIELD};
use model::wire::{Raw, Reader, put_bytes_field, put_fixed64_field, put_varint, put_varint_field, zigzag};

use super::series::each_varint;
use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{bytes, double, each_fixed64, varint};

const CUSTOM_SCHEMA: i32 = -53;

/// Buckets of one sign, the empty ones between them included. At the finest schema they reach over nineteen decimal powers.
const MAX_BUCKETS: usize = 16 << 10;
/// Empty buckets that one request may add: they take a byte each, and none in the request.
const MAX_EMPTY_BUCKETS: usize = 16 << 20;

const SCHEMA: &str = "the schema of a native histogram must be -53 or from -4 to 8";
const FRACTION: &str = "the histogram has counts that are no whole numbers, which cannot be stored";
const NEGATIVE: &str = "the histogram has a negative count, or one of more than 63 bits";
const SPANS: &str = "the spans of the histogram do not fit its buckets";
const WIDE: &str = "the histogram reaches over more than 16384 buckets; give it a coarser schema";
const EMPTY: &str = "the histograms of the request reach over more than 16777216 empty buckets; send smaller batches";
const BOUNDS: &str = "custom_values must increase";
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

/// The buckets of one sign.
#[derive(Debug, Default)]
struct Side {
    /// Gap to the span before, or index of the first bucket, and number of buckets.
    spans: Vec<(i32, u32)>,
    /// Of integer histograms.
    deltas: Vec<i64>,
    /// Of float histograms.
    counts: Vec<f64>,
    /// There are more spans or buckets than are kept.
    too_many: bool,
    /// Buckets without gaps, once [`Side::fill`] was called, and the index of the first.
    dense: Vec<u64>,
    first: i64,
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
                4 => self.schema = zigzag(varint(raw).within("schema")?) as i32,
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
        if self.schema == CUSTOM_SCHEMA { MetricKind::Histogram } else { MetricKind::ExponentialHistogram }
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

    fn explicit(&mut self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let bounds = &self.custom_values;
        if !bounds.is_sorted_by(|a, b| a < b) || bounds.iter().any(|bound| bound.is_nan()) {
            return Err(BOUNDS);
        }
        if !self.negative.is_empty() || self.zero_count.whole() != Ok(0) {
            return Err(CUSTOM);
        }
        self.positive.fill()?;
        let Side { dense, first, .. } = &self.positive;
        let n = bounds.len() + 1;
        let before = usize::try_from(*first).ok().filter(|before| before + dense.len() <= n).ok_or(SPANS)?;
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
            let n_sent = side.deltas.len() + side.counts.len();
            side.fill()?;
            if side.dense.is_empty() {
                continue;
            }
            *empty_buckets = empty_buckets.saturating_add(side.dense.len().saturating_sub(n_sent));
            if *empty_buckets > MAX_EMPTY_BUCKETS {
                return Err(EMPTY);
            }
            let last = side.first + side.dense.len() as i64;
            let (Ok(offset), true) = (i32::try_from(side.first - 1), last <= i64::from(i32::MAX)) else {
                return Err(WIDE);
            };
            let mut counts = Vec::with_capacity(side.dense.len());
            side.dense.iter().for_each(|count| put_varint(&mut counts, *count));
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

impl Side {
    fn cleared(mut self) -> Self {
        self.spans.clear();
        self.deltas.clear();
        self.counts.clear();
        self.dense.clear();
        (self.too_many, self.first) = (false, 0);
        self
    }

    fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.deltas.is_empty() && self.counts.is_empty()
    }

    /// `BucketSpan`
    fn span(&mut self, raw: Raw<'_>) -> Result<(), Malformed> {
        let (mut offset, mut length) = (0, 0);
        let mut reader = Reader::new(bytes(raw)?);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                1 => offset = zigzag(varint(raw).within("offset")?) as i32,
                2 => length = varint(raw).within("length")? as u32,
                _ => {}
            }
        }
        keep(&mut self.spans, (offset, length), &mut self.too_many);
        Ok(())
    }

    fn deltas(&mut self, raw: Raw<'_>) -> Result<(), Malformed> {
        let (deltas, too_many) = (&mut self.deltas, &mut self.too_many);
        each_varint(raw, |value| keep(deltas, zigzag(value), too_many))
    }

    fn counts(&mut self, raw: Raw<'_>) -> Result<(), Malformed> {
        let (counts, too_many) = (&mut self.counts, &mut self.too_many);
        each_fixed64(raw, |bits| keep(counts, f64::from_bits(bits), too_many))
    }

    /// Makes `dense` and `first`.
    fn fill(&mut self) -> Result<(), &'static str> {
        if self.too_many {
            return Err(WIDE);
        }
        let mut count = 0i64;
        let (mut deltas, mut floats) = (self.deltas.iter(), self.counts.iter());
        let mut next = || match (deltas.next(), floats.next()) {
            (Some(delta), None) => {
                count = count.checked_add(*delta).filter(|count| *count >= 0).ok_or(NEGATIVE)?;
                Ok(Some(count as u64))
            }
            (None, Some(count)) => whole(*count).map(Some),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(SPANS),
        };
        let mut index = 0i64;
        for (number, (offset, length)) in self.spans.iter().enumerate() {
            if number > 0 && *offset < 0 {
                return Err(SPANS);
            }
            index += i64::from(*offset);
            for _ in 0..*length {
                let count = next()?.ok_or(SPANS)?;
                if self.dense.is_empty() {
                    self.first = index;
                }
                let place =
                    usize::try_from(index - self.first).ok().filter(|place| *place < MAX_BUCKETS).ok_or(WIDE)?;
                self.dense.resize(place, 0);
                self.dense.push(count);
                index += 1;
            }
        }
        if next()?.is_some() { Err(SPANS) } else { Ok(()) }
    }
}

/// Adds `value` as long as there are few.
fn keep<T>(values: &mut Vec<T>, value: T, too_many: &mut bool) {
    if values.len() < MAX_BUCKETS {
        values.push(value);
    } else {
        *too_many = true;
    }
}

/// The count as an integer. Doubles are exact to 2^53.
fn whole(count: f64) -> Result<u64, &'static str> {
    match count {
        count if count < 0.0 => Err(NEGATIVE),
        count if count <= (1u64 << 53) as f64 && count.fract() == 0.0 => Ok(count as u64),
        _ => Err(FRACTION),
    }
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
