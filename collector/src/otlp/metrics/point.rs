//! The data points of all five kinds, read into what a row needs and checked against the data model.
//!
//! Source of the rules: the comments of `metrics.proto` and the metrics data model of the OpenTelemetry specification.

use model::metric::NO_RECORDED_VALUE;
use model::wire::{Raw, Reader, WireError, put_bytes_field, put_fixed64_field, put_varint_field, zigzag32};
use model::{MetricKind, PointValue};

use super::exemplar;
use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{bytes, double, each_fixed64, fixed64, uint32, varint};

const NO_VALUE: &str = "the data point has neither as_double nor as_int, and flags do not say that none was recorded";
const BUCKETS: &str = "bucket_counts must have one element more than explicit_bounds, or both be empty";
const BOUNDS: &str = "explicit_bounds must increase strictly";
const OVERFLOW: &str = "a bucket index of the exponential histogram does not fit 32 bits";
const QUANTILE: &str = "a quantile must be from 0 to 1";
const START: &str = "start_time_unix_nano is after time_unix_nano; the data point was stored as sent";
const MIN_MAX: &str = "min is greater than max; the data point was stored as sent";
const COUNT: &str = "count is not the sum of the bucket counts; the data point was stored as sent";

/// The fields of a data point that every kind has.
#[derive(Default)]
pub(super) struct PointFields<'a> {
    pub(super) time: u64,
    pub(super) start_time: u64,
    pub(super) flags: u32,
    pub(super) exemplars: Vec<exemplar::Fields<'a>>,
    number: Option<PointValue<'static>>,
}

/// The fields whose numbers differ between kinds.
struct Shape {
    attributes: u32,
    flags: u32,
    /// 0, which is no field number, for summaries: they have none.
    exemplars: u32,
}

impl Shape {
    fn of(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Gauge | MetricKind::Sum => Shape { attributes: 7, flags: 8, exemplars: 5 },
            MetricKind::Histogram => Shape { attributes: 9, flags: 10, exemplars: 8 },
            MetricKind::ExponentialHistogram => Shape { attributes: 1, flags: 10, exemplars: 11 },
            MetricKind::Summary => Shape { attributes: 7, flags: 8, exemplars: 0 },
        }
    }
}

/// Reads one point after another into the same memory.
pub(super) struct PointReader {
    kind: MetricKind,
    /// As a `KeyValueList`, in the order sent.
    attributes: Vec<u8>,
    /// The fields of a distribution that a row keeps: see [`model::metric::distribution`].
    distribution: Vec<u8>,
    buckets: Buckets,
}

/// What the rules about the buckets of a distribution need to know.
#[derive(Default)]
struct Buckets {
    count: u64,
    zero_count: u64,
    total: u64,
    n_counts: usize,
    n_bounds: usize,
    last_bound: Option<f64>,
    bounds_in_order: bool,
    /// Of the two signs of an exponential histogram. A message that is sent in parts is one, as protobuf merges them.
    sides: [Side; 2],
    quantile_outside: bool,
    min: Option<f64>,
    max: Option<f64>,
}

/// Buckets of one sign.
#[derive(Default)]
struct Side {
    offset: i32,
    n_counts: usize,
}

impl Side {
    /// Whether the number of a bucket is beyond what fits.
    fn overflows(&self) -> bool {
        i64::from(self.offset) + self.n_counts as i64 > i64::from(i32::MAX)
    }
}

impl Default for PointReader {
    fn default() -> Self {
        PointReader {
            kind: MetricKind::Gauge,
            attributes: Vec::new(),
            distribution: Vec::new(),
            buckets: Buckets::default(),
        }
    }
}

impl PointReader {
    /// Reads the data point `message` of a metric of `kind`.
    pub(super) fn read<'a>(&mut self, kind: MetricKind, message: &'a [u8]) -> Result<PointFields<'a>, Malformed> {
        self.kind = kind;
        self.attributes.clear();
        self.distribution.clear();
        self.buckets = Buckets { bounds_in_order: true, ..Buckets::default() };
        let shape = Shape::of(kind);
        let mut it = PointFields::default();
        let mut n_attributes = 0;
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                2 => it.start_time = fixed64(raw).within("start_time_unix_nano")?,
                3 => it.time = fixed64(raw).within("time_unix_nano")?,
                number if number == shape.attributes => {
                    let entry = bytes(raw).within_item("attributes", n_attributes)?;
                    put_bytes_field(&mut self.attributes, 1, entry);
                    n_attributes += 1;
                }
                number if number == shape.flags => it.flags = uint32(raw).within("flags")?,
                number if number == shape.exemplars => {
                    let index = it.exemplars.len();
                    it.exemplars.push(bytes(raw).and_then(exemplar::Fields::read).within_item("exemplars", index)?);
                }
                number => match kind {
                    MetricKind::Gauge | MetricKind::Sum => match number {
                        4 => it.number = Some(PointValue::Double(double(raw).within("as_double")?)),
                        6 => it.number = Some(PointValue::Int(fixed64(raw).within("as_int")? as i64)),
                        _ => {}
                    },
                    MetricKind::Histogram => self.histogram_field(number, raw)?,
                    MetricKind::ExponentialHistogram => self.exponential_field(number, raw)?,
                    MetricKind::Summary => self.summary_field(number, raw)?,
                },
            }
        }
        Ok(it)
    }

    /// The attributes of the point read last, as a `KeyValueList`. Its entries have not been checked.
    pub(super) fn attributes(&self) -> &[u8] {
        &self.attributes
    }

    /// The value of the point read last, or why it is rejected.
    pub(super) fn value(&self, fields: &PointFields<'_>) -> Result<PointValue<'_>, &'static str> {
        if fields.flags & NO_RECORDED_VALUE != 0 {
            return Ok(PointValue::None);
        }
        let buckets = &self.buckets;
        match self.kind {
            MetricKind::Gauge | MetricKind::Sum => return fields.number.ok_or(NO_VALUE),
            MetricKind::Histogram => {
                if (buckets.n_counts, buckets.n_bounds) != (0, 0) && buckets.n_counts != buckets.n_bounds + 1 {
                    return Err(BUCKETS);
                }
                if !buckets.bounds_in_order {
                    return Err(BOUNDS);
                }
            }
            MetricKind::ExponentialHistogram if buckets.sides.iter().any(Side::overflows) => return Err(OVERFLOW),
            MetricKind::Summary if buckets.quantile_outside => return Err(QUANTILE),
            MetricKind::ExponentialHistogram | MetricKind::Summary => {}
        }
        Ok(PointValue::Distribution(&self.distribution))
    }

    /// What is odd about the point read last though it is stored. Counts that do not add up come from instruments that
    /// are read while they are written; to reject them would lose more than it repairs.
    pub(super) fn warnings(&self, fields: &PointFields<'_>) -> impl Iterator<Item = &'static str> {
        let Buckets { count, zero_count, total, n_counts, min, max, .. } = self.buckets;
        let sum = total.saturating_add(zero_count);
        let is_odd = [
            (n_counts > 0 && sum != count, COUNT),
            (min.zip(max).is_some_and(|(min, max)| min > max), MIN_MAX),
            (fields.start_time > fields.time, START),
        ];
        is_odd.into_iter().filter_map(|(is_odd, words)| is_odd.then_some(words))
    }

    /// `HistogramDataPoint`.
    fn histogram_field(&mut self, number: u32, raw: Raw<'_>) -> Result<(), Malformed> {
        let buckets = &mut self.buckets;
        match number {
            4 => buckets.count = fixed64(raw).within("count")?,
            5 => drop(fixed64(raw).within("sum")?),
            6 => each_fixed64(raw, |count| {
                buckets.n_counts += 1;
                buckets.total = buckets.total.saturating_add(count);
            })
            .within("bucket_counts")?,
            7 => each_fixed64(raw, |bits| {
                let bound = f64::from_bits(bits);
                buckets.n_bounds += 1;
                buckets.bounds_in_order &= !bound.is_nan() && buckets.last_bound.is_none_or(|last| last < bound);
                buckets.last_bound = Some(bound);
            })
            .within("explicit_bounds")?,
            11 => buckets.min = Some(double(raw).within("min")?),
            12 => buckets.max = Some(double(raw).within("max")?),
            _ => return Ok(()),
        }
        put(&mut self.distribution, number, raw);
        Ok(())
    }

    /// `ExponentialHistogramDataPoint`.
    fn exponential_field(&mut self, number: u32, raw: Raw<'_>) -> Result<(), Malformed> {
        match number {
            4 => self.buckets.count = fixed64(raw).within("count")?,
            5 => drop(fixed64(raw).within("sum")?),
            6 => drop(varint(raw).within("scale")?),
            7 => self.buckets.zero_count = fixed64(raw).within("zero_count")?,
            8 => bytes(raw).and_then(|it| self.exponential_buckets(0, it)).within("positive")?,
            9 => bytes(raw).and_then(|it| self.exponential_buckets(1, it)).within("negative")?,
            12 => self.buckets.min = Some(double(raw).within("min")?),
            13 => self.buckets.max = Some(double(raw).within("max")?),
            14 => drop(fixed64(raw).within("zero_threshold")?),
            _ => return Ok(()),
        }
        put(&mut self.distribution, number, raw);
        Ok(())
    }

    fn exponential_buckets(&mut self, side: usize, message: &[u8]) -> Result<(), Malformed> {
        let (mut n_counts, mut total) = (0usize, 0u64);
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match (number, raw) {
                (1, raw) => self.buckets.sides[side].offset = zigzag32(varint(raw).within("offset")?),
                (2, Raw::Bytes(packed)) => {
                    let mut packed = Reader::new(packed);
                    while !packed.rest().is_empty() {
                        let count = packed.varint().map_err(|error: WireError| error.into()).within("bucket_counts")?;
                        n_counts += 1;
                        total = total.saturating_add(count);
                    }
                }
                (2, raw) => {
                    n_counts += 1;
                    total = total.saturating_add(varint(raw).within("bucket_counts")?);
                }
                _ => {}
            }
        }
        let buckets = &mut self.buckets;
        buckets.n_counts += n_counts;
        buckets.total = buckets.total.saturating_add(total);
        buckets.sides[side].n_counts += n_counts;
        Ok(())
    }

    /// `SummaryDataPoint`.
    fn summary_field(&mut self, number: u32, raw: Raw<'_>) -> Result<(), Malformed> {
        match number {
            4 => self.buckets.count = fixed64(raw).within("count")?,
            5 => drop(fixed64(raw).within("sum")?),
            6 => bytes(raw).and_then(|it| self.quantile(it)).within("quantile_values")?,
            _ => return Ok(()),
        }
        put(&mut self.distribution, number, raw);
        Ok(())
    }

    fn quantile(&mut self, message: &[u8]) -> Result<(), Malformed> {
        let mut quantile = 0.0;
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                1 => quantile = double(raw).within("quantile")?,
                2 => drop(fixed64(raw).within("value")?),
                _ => {}
            }
        }
        self.buckets.quantile_outside |= !(0.0..=1.0).contains(&quantile);
        Ok(())
    }
}

/// Appends a field as it was read.
fn put(out: &mut Vec<u8>, number: u32, raw: Raw<'_>) {
    match raw {
        Raw::Varint(value) => put_varint_field(out, number, value),
        Raw::Fixed64(bits) => put_fixed64_field(out, number, bits),
        Raw::Fixed32(bits) => model::wire::put_fixed32_field(out, number, bits),
        Raw::Bytes(bytes) => put_bytes_field(out, number, bytes),
    }
}
