//! Points become chunks: the points of one series, up to [`MOST_POINTS`] of them, in one row of the file.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, FixedSizeBinaryBuilder, Float64Builder, RecordBatch,
    TimestampNanosecondBuilder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, Int64Type, SchemaRef, TimestampNanosecondType, UInt32Type};
use arrow::error::ArrowError;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::times::TimesWriter;
use super::units::Units;
use super::values::{Kind, Points, put_values};
use super::{Effort, Head, SCHEMA};

/// Points of a series are divided into equal chunks of at most so many. Twice as many would save 1.5 %, and a query of a short range
/// decodes whole chunks.
const MOST_POINTS: usize = 1024;
/// A chunk with as many bytes of distributions takes no more: what is decoded at once stays small.
const FULL_BYTES: usize = 1 << 20;
/// Bytes to a page of values: what a look-up of one series decodes.
const VALUES_PAGE_BYTES: usize = 16 << 10;

/// Encodes points, and keeps what their chunks share.
pub(crate) struct Encoder {
    effort: Effort,
    times: TimesWriter,
    units: Units,
    values: Vec<u8>,
}

impl Encoder {
    /// What a flush writes, at level 0, is soon compacted: it is written with little effort.
    pub(crate) fn new(level: u8) -> Self {
        let effort = if level == 0 { Effort::Little } else { Effort::Much };
        Encoder { effort, times: TimesWriter::new(effort), units: Units::default(), values: Vec::new() }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&SCHEMA)
    }

    pub(crate) fn properties(&self) -> WriterProperties {
        let mut builder = WriterProperties::builder()
            .set_max_row_group_row_count(None) // the writer of the segment ends row groups
            .set_statistics_enabled(EnabledStatistics::None);
        for column in ["series", "min_time", "max_time"] {
            builder = builder.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::Chunk);
        }
        if self.effort == Effort::Little {
            return builder.set_compression(Compression::UNCOMPRESSED).set_dictionary_enabled(false).build();
        }
        builder = builder
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_write_batch_size(16)
            .set_column_data_page_size_limit(ColumnPath::from("values"), VALUES_PAGE_BYTES);
        let by_byte = ["series", "v_min", "v_max", "v_sum"].map(|column| (column, Encoding::BYTE_STREAM_SPLIT));
        for (column, encoding) in by_byte.into_iter().chain([("values", Encoding::DELTA_LENGTH_BYTE_ARRAY)]) {
            builder = builder
                .set_column_dictionary_enabled(ColumnPath::from(column), false)
                .set_column_encoding(ColumnPath::from(column), encoding);
        }
        builder.build()
    }

    /// The chunks of `rows`, which have the schema of the points and are sorted by series and time.
    pub(crate) fn encode(&mut self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let rows = Rows::of(rows)?;
        let mut chunks = Builders::default();
        let mut start = 0;
        for series in rows.series.chunk_by(|a, b| a == b) {
            let end = start + series.len();
            let n_chunks = series.len().div_ceil(MOST_POINTS);
            for part in 0..n_chunks {
                let (mut from, to) =
                    (start + series.len() * part / n_chunks, start + series.len() * (part + 1) / n_chunks);
                while from < to {
                    let until = rows.cut(from, to);
                    self.chunk(&rows, from, until, &mut chunks);
                    from = until;
                }
            }
            start = end;
        }
        chunks.finish()
    }

    /// Whether the row group under way is to end. If so, the next one begins.
    pub(crate) fn end_group(&mut self) -> bool {
        self.units.end_group()
    }

    /// Bytes to be appended to the file of times.
    pub(crate) fn take_times(&mut self) -> Vec<u8> {
        self.times.take_pending()
    }

    /// The tail of the file of times.
    pub(crate) fn finish(&self) -> Vec<u8> {
        self.units.finish()
    }

    fn chunk(&mut self, rows: &Rows<'_>, from: usize, to: usize, chunks: &mut Builders) {
        let points = rows.points(from, to);
        let times = &rows.times[from..to];
        let head = Head {
            series: rows.series[from],
            min_time: times.iter().copied().min().unwrap_or_default(),
            max_time: times.iter().copied().max().unwrap_or_default(),
            points: times.len() as u32,
            times: self.times.place_times(times),
            starts: self.times.place_starts(&rows.starts[from..to], times),
        };
        self.values.clear();
        put_values(&mut self.values, &points, self.effort);
        self.units.add(&head, rows.distribution_bytes(from, to));
        chunks.push(&head, &self.values, Numbers::of(&points));
    }
}

/// The columns of points.
struct Rows<'a> {
    series: &'a [[u8; 16]],
    times: &'a [i64],
    starts: &'a [i64],
    flags: &'a [u32],
    doubles: &'a arrow::array::Float64Array,
    integers: &'a arrow::array::Int64Array,
    distributions: &'a BinaryArray,
}

impl<'a> Rows<'a> {
    fn of(rows: &'a RecordBatch) -> Result<Self, ArrowError> {
        let series = column(rows, "series")?.as_fixed_size_binary_opt().filter(|ids| ids.value_length() == 16);
        let series = series.ok_or_else(|| wrong_type("series"))?;
        let distributions = column(rows, "distribution")?.as_binary_opt::<i32>();
        Ok(Rows {
            series: series.value_data().as_chunks::<16>().0,
            times: primitive::<TimestampNanosecondType>(rows, "time")?.values(),
            starts: primitive::<TimestampNanosecondType>(rows, "start_time")?.values(),
            flags: primitive::<UInt32Type>(rows, "flags")?.values(),
            doubles: primitive::<Float64Type>(rows, "double_value")?,
            integers: primitive::<Int64Type>(rows, "int_value")?,
            distributions: distributions.ok_or_else(|| wrong_type("distribution"))?,
        })
    }

    /// Where the chunk that starts at `from` ends, at `to` at the latest.
    fn cut(&self, from: usize, to: usize) -> usize {
        if self.distribution_bytes(from, to) <= FULL_BYTES {
            return to;
        }
        let fits = (from + 1..=to).take_while(|until| self.distribution_bytes(from, *until) <= FULL_BYTES).last();
        fits.unwrap_or(from + 1)
    }

    fn distribution_bytes(&self, from: usize, to: usize) -> usize {
        let offsets = self.distributions.value_offsets();
        (offsets[to] - offsets[from]) as usize
    }

    fn points(&self, from: usize, to: usize) -> Points<'a> {
        let mut points = Points { flags: self.flags[from..to].to_vec(), ..Points::default() };
        for row in from..to {
            let kind = if self.doubles.is_valid(row) {
                points.doubles.push(self.doubles.value(row));
                Kind::Double
            } else if self.integers.is_valid(row) {
                points.integers.push(self.integers.value(row));
                Kind::Integer
            } else if self.distributions.is_valid(row) {
                points.distributions.push(self.distributions.value(row));
                Kind::Distribution
            } else {
                Kind::None
            };
            points.kinds.push(kind);
        }
        points
    }
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    rows.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("points have no column \"{name}\"")))
}

fn primitive<'a, T: ArrowPrimitiveType>(
    rows: &'a RecordBatch,
    name: &str,
) -> Result<&'a arrow::array::PrimitiveArray<T>, ArrowError> {
    column(rows, name)?.as_primitive_opt().ok_or_else(|| wrong_type(name))
}

fn wrong_type(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("the column \"{name}\" of points has another type"))
}

/// What a chunk tells of its numbers to those who cannot decode them.
#[derive(Clone, Copy)]
struct Numbers {
    min: f64,
    max: f64,
    sum: f64,
}

impl Numbers {
    /// `None` when there is no number. What is not a number does not count.
    fn of(points: &Points<'_>) -> Option<Self> {
        let integers = points.integers.iter().map(|value| *value as f64);
        let numbers = points.doubles.iter().copied().chain(integers).filter(|value| !value.is_nan());
        numbers.fold(None, |all: Option<Numbers>, value| {
            let Numbers { min, max, sum } = all.unwrap_or(Numbers { min: value, max: value, sum: 0.0 });
            Some(Numbers { min: min.min(value), max: max.max(value), sum: sum + value })
        })
    }
}

struct Builders {
    series: FixedSizeBinaryBuilder,
    min_time: TimestampNanosecondBuilder,
    max_time: TimestampNanosecondBuilder,
    points: UInt32Builder,
    times: UInt64Builder,
    starts: UInt64Builder,
    values: BinaryBuilder,
    v_min: Float64Builder,
    v_max: Float64Builder,
    v_sum: Float64Builder,
}

impl Default for Builders {
    fn default() -> Self {
        let times = || TimestampNanosecondBuilder::new().with_timezone("UTC");
        Builders {
            series: FixedSizeBinaryBuilder::new(16),
            min_time: times(),
            max_time: times(),
            points: UInt32Builder::new(),
            times: UInt64Builder::new(),
            starts: UInt64Builder::new(),
            values: BinaryBuilder::new(),
            v_min: Float64Builder::new(),
            v_max: Float64Builder::new(),
            v_sum: Float64Builder::new(),
        }
    }
}

impl Builders {
    fn push(&mut self, head: &Head, values: &[u8], numbers: Option<Numbers>) {
        self.series.append_value(head.series).expect("ids have the width of their column");
        self.min_time.append_value(head.min_time);
        self.max_time.append_value(head.max_time);
        self.points.append_value(head.points);
        self.times.append_value(head.times);
        self.starts.append_value(head.starts);
        self.values.append_value(values);
        self.v_min.append_option(numbers.map(|it| it.min));
        self.v_max.append_option(numbers.map(|it| it.max));
        self.v_sum.append_option(numbers.map(|it| it.sum));
    }

    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.series.finish()),
            Arc::new(self.min_time.finish()),
            Arc::new(self.max_time.finish()),
            Arc::new(self.points.finish()),
            Arc::new(self.times.finish()),
            Arc::new(self.starts.finish()),
            Arc::new(self.values.finish()),
            Arc::new(self.v_min.finish()),
            Arc::new(self.v_max.finish()),
            Arc::new(self.v_sum.finish()),
        ];
        RecordBatch::try_new(Arc::clone(&SCHEMA), columns)
    }
}
