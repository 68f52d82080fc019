//! Chunks become points again, in the columns of their table.

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray, Float64Array, Int64Array, RecordBatch,
    TimestampNanosecondArray, UInt32Array,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{ArrowPrimitiveType, Schema, TimestampNanosecondType, UInt32Type, UInt64Type};
use arrow::error::ArrowError;
use model::TimeRange;

use super::bytes::Damaged;
use super::times::Times;
use super::values::{Kind, Values, ValuesDecoder};
use super::{Head, MAX_POINTS};
use crate::schema::Table;

/// Points out of chunks, and what is wrong with the chunks that could not be decoded.
pub(crate) struct Decoded {
    pub(crate) rows: RecordBatch,
    pub(crate) damage: Vec<Damaged>,
}

/// The points of `chunks` that overlap `range`, with `columns` of the table (`None` for all). Some of the points may be
/// outside of the range. `chunks` has at least the columns in [`super::COLUMNS`].
pub(crate) fn decode(
    chunks: &RecordBatch,
    times: &mut Times,
    range: TimeRange,
    columns: Option<&[&str]>,
) -> Result<Decoded, ArrowError> {
    let chunks = Chunks::of(chunks)?;
    let mut decoder = ValuesDecoder::default();
    let mut values = Values::default();
    let mut points = Points::new(columns);
    let mut damage = Vec::new();
    for (row, (head, value)) in chunks.iter().enumerate() {
        if !range.overlaps(head.min_time, head.max_time) {
            continue;
        }
        if let Err(error) = points.chunk(&head, value, times, &mut decoder, &mut values) {
            damage.push(of_row(row, head.series, &error));
        }
    }
    Ok(Decoded { rows: points.finish()?, damage })
}

/// `error` with the row that it is of: the row's number among those that were read, and its series.
pub(super) fn of_row(row: usize, series: [u8; 16], error: &Damaged) -> Damaged {
    Damaged(format!("chunk {row}, series {:032x}: {error}", u128::from_be_bytes(series)))
}

/// The values of a column of numbers.
pub(super) fn primitive<'a, T: ArrowPrimitiveType>(
    rows: &'a RecordBatch,
    name: &str,
) -> Result<&'a [T::Native], ArrowError> {
    let column = rows.column_by_name(name).and_then(|it| it.as_primitive_opt::<T>());
    let column = column.ok_or_else(|| ArrowError::SchemaError(format!("no column \"{name}\" of the right type")))?;
    Ok(column.values())
}

/// The columns of chunks.
pub(super) struct Chunks<'a> {
    series: &'a [[u8; 16]],
    min_time: &'a [i64],
    max_time: &'a [i64],
    points: &'a [u32],
    times: &'a [u64],
    starts: &'a [u64],
    values: &'a BinaryArray,
}

impl<'a> Chunks<'a> {
    pub(super) fn of(rows: &'a RecordBatch) -> Result<Self, ArrowError> {
        let wrong = |name: &str| ArrowError::SchemaError(format!("no column \"{name}\" of the right type"));
        let series = rows.column_by_name("series").and_then(|it| it.as_fixed_size_binary_opt());
        let series = series.filter(|ids| ids.value_length() == 16).ok_or_else(|| wrong("series"))?;
        let values = rows.column_by_name("values").and_then(|it| it.as_binary_opt());
        Ok(Chunks {
            series: series.value_data().as_chunks::<16>().0,
            min_time: primitive::<TimestampNanosecondType>(rows, "min_time")?,
            max_time: primitive::<TimestampNanosecondType>(rows, "max_time")?,
            points: primitive::<UInt32Type>(rows, "points")?,
            times: primitive::<UInt64Type>(rows, "times")?,
            starts: primitive::<UInt64Type>(rows, "starts")?,
            values: values.ok_or_else(|| wrong("values"))?,
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Head, &'a [u8])> {
        (0..self.values.len()).map(|row| {
            let head = Head {
                series: self.series[row],
                min_time: self.min_time[row],
                max_time: self.max_time[row],
                points: self.points[row],
                times: self.times[row],
                starts: self.starts[row],
            };
            (head, self.values.value(row))
        })
    }
}

impl Head {
    /// The number of points.
    pub(super) fn n_points(&self) -> Result<usize, Damaged> {
        n_points(self.points)
    }
}

/// The number of points that a chunk says it has.
pub(super) fn n_points(points: u32) -> Result<usize, Damaged> {
    match points as usize {
        n @ 1..=MAX_POINTS => Ok(n),
        n => Err(Damaged::new(format!("{n} points, 1 to {MAX_POINTS} are allowed"))),
    }
}

/// The columns of the table, as far as they are wanted.
struct Points<'a> {
    columns: Option<&'a [&'a str]>,
    n: usize,
    series: Vec<u8>,
    times: Vec<i64>,
    starts: Vec<i64>,
    flags: Vec<u32>,
    doubles: Vec<f64>,
    is_double: NullBufferBuilder,
    integers: Vec<i64>,
    is_integer: NullBufferBuilder,
    distributions: Vec<u8>,
    ends: Vec<i32>,
    is_distribution: NullBufferBuilder,
}

impl<'a> Points<'a> {
    fn new(columns: Option<&'a [&'a str]>) -> Self {
        Points {
            columns,
            n: 0,
            series: Vec::new(),
            times: Vec::new(),
            starts: Vec::new(),
            flags: Vec::new(),
            doubles: Vec::new(),
            is_double: NullBufferBuilder::new(0),
            integers: Vec::new(),
            is_integer: NullBufferBuilder::new(0),
            distributions: Vec::new(),
            ends: vec![0],
            is_distribution: NullBufferBuilder::new(0),
        }
    }

    fn wants(&self, column: &str) -> bool {
        self.columns.is_none_or(|columns| columns.contains(&column))
    }

    /// Appends the points of a chunk: all of them, or none on an error.
    fn chunk(
        &mut self,
        head: &Head,
        value: &[u8],
        times: &mut Times,
        decoder: &mut ValuesDecoder,
        values: &mut Values,
    ) -> Result<(), Damaged> {
        let n = head.n_points()?;
        let vector = times.times(head.times, n)?;
        let starts = if self.wants("start_time") { Some(times.starts(head.starts, &vector)?) } else { None };
        let of_values = ["flags", "double_value", "int_value", "distribution"];
        if of_values.iter().any(|column| self.wants(column)) {
            decoder.read(value, n, values)?;
            let bytes = self.distributions.len() + values.distributions.bytes.len();
            if i32::try_from(bytes).is_err() {
                return Err(Damaged::new(format!("{bytes} bytes of distributions in one row group")));
            }
            self.values(n, values);
        }
        if self.wants("series") {
            (0..n).for_each(|_| self.series.extend_from_slice(&head.series));
        }
        self.times.extend_from_slice(&vector);
        if let Some(starts) = starts {
            self.starts.extend_from_slice(&starts);
        }
        self.n += n;
        Ok(())
    }

    fn values(&mut self, n: usize, values: &Values) {
        if self.wants("flags") {
            self.flags.extend(values.flags.iter().map(|flags| *flags as u32));
            self.flags.resize(self.n + n, 0);
        }
        if self.wants("double_value") {
            scatter(&values.runs, Kind::Double, &values.doubles, &mut self.doubles, &mut self.is_double);
        }
        if self.wants("int_value") {
            scatter(&values.runs, Kind::Integer, &values.integers, &mut self.integers, &mut self.is_integer);
        }
        if self.wants("distribution") {
            let start = self.distributions.len();
            self.distributions.extend_from_slice(&values.distributions.bytes);
            let mut ends = values.distributions.ends.iter();
            let mut last = start as i32;
            for (kind, len) in &values.runs {
                for _ in 0..*len {
                    if *kind == Kind::Distribution {
                        last = ends.next().map_or(last, |end| (start + end) as i32);
                    }
                    self.ends.push(last);
                }
                valid(&mut self.is_distribution, *kind == Kind::Distribution, *len);
            }
        }
    }

    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let utc = |times: Vec<i64>| TimestampNanosecondArray::from(times).with_timezone("UTC");
        let mut fields = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for field in Table::Points.schema().fields() {
            if field.name() != "time" && !self.wants(field.name()) {
                continue;
            }
            let array: ArrayRef = match field.name().as_str() {
                "series" => {
                    let ids = Buffer::from_vec(std::mem::take(&mut self.series));
                    Arc::new(FixedSizeBinaryArray::try_new(16, ids, None)?)
                }
                "time" => Arc::new(utc(std::mem::take(&mut self.times))),
                "start_time" => Arc::new(utc(std::mem::take(&mut self.starts))),
                "flags" => Arc::new(UInt32Array::from(std::mem::take(&mut self.flags))),
                "double_value" => {
                    Arc::new(Float64Array::try_new(std::mem::take(&mut self.doubles).into(), self.is_double.finish())?)
                }
                "int_value" => {
                    let integers = std::mem::take(&mut self.integers).into();
                    Arc::new(Int64Array::try_new(integers, self.is_integer.finish())?)
                }
                "distribution" => {
                    let offsets = OffsetBuffer::new(std::mem::take(&mut self.ends).into());
                    let bytes = Buffer::from_vec(std::mem::take(&mut self.distributions));
                    Arc::new(BinaryArray::try_new(offsets, bytes, self.is_distribution.finish())?)
                }
                other => return Err(ArrowError::SchemaError(format!("chunks have no column \"{other}\" of points"))),
            };
            fields.push(Arc::clone(field));
            arrays.push(array);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

/// Appends to `out` the `values` of the runs of kind `wanted`, and nulls for all others.
fn scatter<T: Copy + Default>(
    runs: &[(Kind, usize)],
    wanted: Kind,
    values: &[T],
    out: &mut Vec<T>,
    is_valid: &mut NullBufferBuilder,
) {
    let mut values = values;
    for (kind, len) in runs {
        if *kind == wanted {
            let (run, rest) = values.split_at(*len);
            out.extend_from_slice(run);
            values = rest;
        } else {
            out.resize(out.len() + len, T::default());
        }
        valid(is_valid, *kind == wanted, *len);
    }
}

fn valid(builder: &mut NullBufferBuilder, is_valid: bool, n: usize) {
    if is_valid { builder.append_n_non_nulls(n) } else { builder.append_n_nulls(n) }
}
