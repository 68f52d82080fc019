//! The layout `chunks` of metric points: a row of the file holds the points of one series, their times in a file beside
//! it. Specified in `docs/formats/chunks.md`.
//!
//! Points of a series are alike and so compress well side by side, and what repeats in each of them is kept once. Of the
//! mix of `store/benches/mix` a point takes 0.7 bytes, where the layout `rows` takes 6.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

mod bytes;
mod column;
mod decode;
mod distributions;
mod encode;
mod messages;
mod moments;
mod page;
mod samples;
mod times;
mod units;
mod values;

pub(crate) use bytes::Damaged;
pub(crate) use decode::decode;
pub(crate) use encode::Encoder;
pub(crate) use moments::{MOMENT_COLUMNS, moments};
pub(crate) use samples::SampleDecoder;
pub(crate) use times::{Times, records_end};
pub(crate) use units::{Unit, units};

/// The most points in a chunk: a longer one is damage.
const MAX_POINTS: usize = 2048;

/// How numbers are written. They are read alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    /// As they are, or nearly.
    Little,
    /// In the smallest form.
    Much,
}

/// The suffix of the file of times.
pub(crate) const TIMES: &str = "times";

/// The columns that decoding reads.
pub(crate) const COLUMNS: [&str; 7] = ["series", "min_time", "max_time", "points", "times", "starts", "values"];

/// The columns of the file. `v_min`, `v_max` and `v_sum` are for programs that cannot decode the values.
static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("series", DataType::FixedSizeBinary(16), false),
        Field::new("min_time", time.clone(), false),
        Field::new("max_time", time, false),
        Field::new("points", DataType::UInt32, false),
        Field::new("times", DataType::UInt64, false),
        Field::new("starts", DataType::UInt64, false),
        Field::new("values", DataType::Binary, false),
        Field::new("v_min", DataType::Float64, true),
        Field::new("v_max", DataType::Float64, true),
        Field::new("v_sum", DataType::Float64, true),
    ]))
});

/// A row of the file but for its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    series: [u8; 16],
    min_time: i64,
    max_time: i64,
    points: u32,
    /// Where the times and the start times are in the file of times.
    times: u64,
    starts: u64,
}

#[cfg(test)]
mod tests;
