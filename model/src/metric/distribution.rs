//! Histograms, exponential histograms and summaries, read from the fields of their OTLP data points.
//!
//! Field numbers are those of `HistogramDataPoint`, `ExponentialHistogramDataPoint` and `SummaryDataPoint` in
//! `metrics.proto`, so the receiver copies the fields and the reader decodes them here.

use crate::wire::{Raw, Reader, zigzag32};

/// The field of a distribution, beside those of OTLP, that says how a native histogram of Prometheus stands to the one
/// before it: a varint, [`RESET`] or [`GAUGE`]. OTLP has no word for a histogram that is no counter.
pub const RESET_HINT_FIELD: u32 = 15;
/// `ResetHint.YES` of Prometheus: the counter began anew.
pub const RESET: u64 = 1;
/// `ResetHint.GAUGE` of Prometheus: the histogram may fall as well as rise.
pub const GAUGE: u64 = 3;

/// The number in [`RESET_HINT_FIELD`] of a distribution; 0 when nothing is known.
pub fn reset_hint(message: &[u8]) -> u64 {
    let mut hint = 0;
    let mut reader = Reader::new(message);
    while let Ok(Some((number, raw))) = reader.next_field() {
        if let (RESET_HINT_FIELD, Raw::Varint(value)) = (number, raw) {
            hint = value;
        }
    }
    hint
}

/// A histogram with explicit bucket bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Upper bounds, strictly increasing; the last bucket has none.
    pub bounds: Vec<f64>,
    /// One count per bucket, `bounds.len() + 1` of them; both empty when only count and sum were sent.
    pub counts: Vec<u64>,
}

impl Histogram {
    pub fn decode(message: &[u8]) -> Self {
        let mut histogram = Histogram::default();
        let mut reader = Reader::new(message);
        while let Ok(Some((number, raw))) = reader.next_field() {
            match (number, raw) {
                (4, Raw::Fixed64(count)) => histogram.count = count,
                (5, raw) => histogram.sum = raw.as_f64(),
                (6, raw) => push_fixed64(raw, |bits| histogram.counts.push(bits)),
                (7, raw) => push_fixed64(raw, |bits| histogram.bounds.push(f64::from_bits(bits))),
                (11, raw) => histogram.min = raw.as_f64(),
                (12, raw) => histogram.max = raw.as_f64(),
                _ => {}
            }
        }
        histogram
    }
}

/// Buckets of one sign: `counts[i]` is of `(base^(offset+i), base^(offset+i+1)]`, `base = 2^(2^-scale)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExponentialBuckets {
    pub offset: i32,
    pub counts: Vec<u64>,
}

/// A histogram whose bounds are powers of a base.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExponentialHistogram {
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub scale: i32,
    pub zero_count: u64,
    pub zero_threshold: f64,
    pub positive: ExponentialBuckets,
    pub negative: ExponentialBuckets,
}

impl ExponentialHistogram {
    pub fn decode(message: &[u8]) -> Self {
        let mut histogram = ExponentialHistogram::default();
        let mut reader = Reader::new(message);
        while let Ok(Some((number, raw))) = reader.next_field() {
            match (number, raw) {
                (4, Raw::Fixed64(count)) => histogram.count = count,
                (5, raw) => histogram.sum = raw.as_f64(),
                (6, Raw::Varint(scale)) => histogram.scale = zigzag32(scale),
                (7, Raw::Fixed64(count)) => histogram.zero_count = count,
                (8, Raw::Bytes(buckets)) => histogram.positive.merge(buckets),
                (9, Raw::Bytes(buckets)) => histogram.negative.merge(buckets),
                (12, raw) => histogram.min = raw.as_f64(),
                (13, raw) => histogram.max = raw.as_f64(),
                (14, raw) => histogram.zero_threshold = raw.as_f64().unwrap_or_default(),
                _ => {}
            }
        }
        histogram
    }
}

impl ExponentialBuckets {
    /// Reads a message into these buckets. One that is sent in parts is one, as protobuf merges them.
    fn merge(&mut self, message: &[u8]) {
        let mut reader = Reader::new(message);
        while let Ok(Some((number, raw))) = reader.next_field() {
            match (number, raw) {
                (1, Raw::Varint(offset)) => self.offset = zigzag32(offset),
                (2, Raw::Varint(count)) => self.counts.push(count),
                (2, Raw::Bytes(packed)) => {
                    let mut packed = Reader::new(packed);
                    while !packed.rest().is_empty() {
                        let Ok(count) = packed.varint() else { break };
                        self.counts.push(count);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Count, sum and quantiles computed by the sender.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub count: u64,
    pub sum: f64,
    /// (quantile from 0 to 1, value).
    pub quantiles: Vec<(f64, f64)>,
}

impl Summary {
    pub fn decode(message: &[u8]) -> Self {
        let mut summary = Summary::default();
        let mut reader = Reader::new(message);
        while let Ok(Some((number, raw))) = reader.next_field() {
            match (number, raw) {
                (4, Raw::Fixed64(count)) => summary.count = count,
                (5, raw) => summary.sum = raw.as_f64().unwrap_or_default(),
                (6, Raw::Bytes(pair)) => summary.quantiles.push(quantile(pair)),
                _ => {}
            }
        }
        summary
    }
}

fn quantile(message: &[u8]) -> (f64, f64) {
    let mut pair = (0.0, 0.0);
    let mut reader = Reader::new(message);
    while let Ok(Some((number, raw))) = reader.next_field() {
        match number {
            1 => pair.0 = raw.as_f64().unwrap_or_default(),
            2 => pair.1 = raw.as_f64().unwrap_or_default(),
            _ => {}
        }
    }
    pair
}

/// Feeds the values of a repeated `fixed64` or `double` field, packed or not.
fn push_fixed64(raw: Raw<'_>, mut push: impl FnMut(u64)) {
    match raw {
        Raw::Fixed64(bits) => push(bits),
        Raw::Bytes(packed) => packed.as_chunks::<8>().0.iter().for_each(|bits| push(u64::from_le_bytes(*bits))),
        Raw::Varint(_) | Raw::Fixed32(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{put_bytes_field, put_fixed64_field, put_varint_field};

    #[test]
    fn histogram_reads_packed_and_unpacked_fields() {
        let mut message = Vec::new();
        put_fixed64_field(&mut message, 4, 3);
        put_fixed64_field(&mut message, 5, 1.5f64.to_bits());
        put_bytes_field(&mut message, 6, &[1u64.to_le_bytes(), 2u64.to_le_bytes()].concat());
        put_fixed64_field(&mut message, 7, 0.25f64.to_bits());
        let expected =
            Histogram { count: 3, sum: Some(1.5), bounds: vec![0.25], counts: vec![1, 2], ..Default::default() };
        assert_eq!(Histogram::decode(&message), expected);
    }

    #[test]
    fn exponential_histogram_reads_signed_offsets() {
        let mut buckets = Vec::new();
        put_varint_field(&mut buckets, 1, 3); // zigzag of -2
        put_bytes_field(&mut buckets, 2, &[1, 0x80, 0x01]);
        let mut message = Vec::new();
        put_varint_field(&mut message, 6, 1); // zigzag of -1
        put_bytes_field(&mut message, 8, &buckets);
        let histogram = ExponentialHistogram::decode(&message);
        assert_eq!(histogram.scale, -1);
        assert_eq!(histogram.positive, ExponentialBuckets { offset: -2, counts: vec![1, 128] });
    }

    #[test]
    fn summary_reads_its_quantiles() {
        let mut pair = Vec::new();
        put_fixed64_field(&mut pair, 1, 0.5f64.to_bits());
        put_fixed64_field(&mut pair, 2, 9.0f64.to_bits());
        let mut message = Vec::new();
        put_bytes_field(&mut message, 6, &pair);
        assert_eq!(Summary::decode(&message).quantiles, [(0.5, 9.0)]);
    }

    #[test]
    fn buckets_that_come_in_parts_are_joined() {
        let mut message = Vec::new();
        for (offset, counts) in [(Some(4), &[1u8, 2][..]), (None, &[3]), (Some(6), &[])] {
            let mut buckets = Vec::new();
            offset.iter().for_each(|offset| put_varint_field(&mut buckets, 1, *offset));
            put_bytes_field(&mut buckets, 2, counts);
            put_bytes_field(&mut message, 8, &buckets);
        }
        let expected = ExponentialBuckets { offset: 3, counts: vec![1, 2, 3] };
        assert_eq!(ExponentialHistogram::decode(&message).positive, expected);
    }
}
