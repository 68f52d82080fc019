//! Makes the columns of a SQL table from a batch of the store.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
    StringArray, TimestampNanosecondArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef, TimestampNanosecondType, UInt8Type};
use arrow::error::ArrowError;
use model::log::severity_name;
use model::{SpanKind, StatusCode};
use store::{SeriesIndex, StoredSeries, Table};

use super::distribution::{self, Totals};
pub(crate) use super::series::{SeriesOfRows, comparable};
pub(crate) use super::text::rfc3339;
use super::{Origin, SqlTable, text};

/// A batch of `table` with the columns `wanted` (indices into [`SqlTable::columns`]), whose types are in `schema`.
pub(crate) fn build(
    table: SqlTable,
    wanted: &[usize],
    schema: &SchemaRef,
    batch: &RecordBatch,
    index: &SeriesIndex,
) -> Result<RecordBatch, ArrowError> {
    let needs_series = wanted.iter().any(|column| table.columns()[*column].origin.sources().contains(&"series"));
    let has_series = matches!(table.stored(), Table::Points | Table::Exemplars | Table::Series);
    let series = (needs_series && has_series).then(|| SeriesOfRows::of(batch, index));
    let source = Source { batch, series };
    let columns = wanted.iter().map(|column| source.column(table.columns()[*column].origin));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

/// One row per series with nothing but its id, from which [`build`] makes the series table; `None` when there is none.
pub(crate) fn series_batch(series: &[Arc<StoredSeries>]) -> Option<RecordBatch> {
    let ids = series.iter().map(|series| series.id.0.to_be_bytes());
    let ids = FixedSizeBinaryArray::try_from_iter(ids).ok()?;
    RecordBatch::try_from_iter([("series", Arc::new(ids) as ArrayRef)]).ok()
}

struct Source<'a> {
    batch: &'a RecordBatch,
    /// There when a wanted column needs it.
    series: Option<SeriesOfRows>,
}

impl Source<'_> {
    /// The stored column `name`; `None` when a segment of an older version lacks it.
    fn stored(&self, name: &str) -> Option<&ArrayRef> {
        self.batch.column_by_name(name)
    }

    fn column(&self, origin: Origin) -> Result<ArrayRef, ArrowError> {
        let made: Option<ArrayRef> = match origin {
            Origin::Time(name) => self.stored(name).cloned(),
            Origin::KnownTime(name) => self.stored(name).map(known_times),
            Origin::EndTime => self.end_time(),
            Origin::Integer(name) | Origin::Double(name) | Origin::Word(name) => {
                self.stored(name).map(|column| cast(column, &origin.data_type())).transpose()?
            }
            Origin::Text(name) => self.stored(name).cloned(),
            Origin::Milliseconds => self.stored("duration").map(milliseconds),
            Origin::Hex(name) => {
                let ids = self.stored(name).and_then(|column| column.as_fixed_size_binary_opt());
                ids.map(|ids| Arc::new(text::hex(ids)) as ArrayRef)
            }
            Origin::SpanKind => self.words("kind", |number| SpanKind::from_number(number.into()).name()),
            Origin::SpanStatus => self.words("status", |number| StatusCode::from_number(number.into()).name()),
            Origin::Severity => self.words("severity_number", severity_name),
            Origin::Attributes(name) => self.written(name, text::attributes),
            Origin::Events => self.written("events", text::events),
            Origin::Links => self.written("links", text::links),
            Origin::Resource => self.shared("resource", text::resource)?,
            Origin::ScopeName => self.shared("scope", text::scope_name)?,
            Origin::ScopeVersion => self.shared("scope", text::scope_version)?,
            Origin::ScopeAttributes => self.shared("scope", text::scope_attributes)?,
            Origin::Value => self.value(),
            Origin::Count => {
                let count = |totals: Totals| i64::try_from(totals.count).ok();
                Some(Arc::new(self.totals(count).collect::<Int64Array>()))
            }
            Origin::Sum => Some(Arc::new(self.totals(|totals| totals.sum).collect::<Float64Array>())),
            Origin::Min => Some(Arc::new(self.totals(|totals| totals.min).collect::<Float64Array>())),
            Origin::Max => Some(Arc::new(self.totals(|totals| totals.max).collect::<Float64Array>())),
            Origin::Distribution => Some(Arc::new(self.distributions())),
            Origin::OfSeries(field) => self.series.as_ref().map(|series| series.column(field)).transpose()?,
        };
        Ok(made.unwrap_or_else(|| new_null_array(&origin.data_type(), self.batch.num_rows())))
    }

    fn end_time(&self) -> Option<ArrayRef> {
        let start = self.stored("start_time")?.as_primitive_opt::<TimestampNanosecondType>()?;
        let duration = self.stored("duration")?.as_primitive_opt::<Int64Type>()?;
        let ends =
            start.values().iter().zip(duration.values()).map(|(start, duration)| start.saturating_add(*duration));
        Some(Arc::new(TimestampNanosecondArray::from_iter_values(ends).with_timezone("UTC")))
    }

    fn words(&self, name: &str, word: impl Fn(u8) -> &'static str) -> Option<ArrayRef> {
        let numbers = self.stored(name)?.as_primitive_opt::<UInt8Type>()?;
        Some(Arc::new(text::words_of_bytes(numbers.values(), word)))
    }

    fn written(&self, name: &str, write: impl Fn(&[u8], &mut String)) -> Option<ArrayRef> {
        Some(Arc::new(text::written(self.stored(name)?.as_binary_opt::<i32>()?, write)))
    }

    fn shared(&self, name: &str, write: impl Fn(&[u8], &mut String)) -> Result<Option<ArrayRef>, ArrowError> {
        self.stored(name).map(|column| text::of_dictionary(column, write)).transpose()
    }

    fn value(&self) -> Option<ArrayRef> {
        let doubles = self.stored("double_value")?.as_primitive_opt::<Float64Type>()?;
        let ints = self.stored("int_value")?.as_primitive_opt::<Int64Type>()?;
        let values = (0..self.batch.num_rows()).map(|row| {
            if doubles.is_valid(row) {
                return Some(doubles.value(row));
            }
            ints.is_valid(row).then(|| ints.value(row) as f64)
        });
        Some(Arc::new(values.collect::<Float64Array>()))
    }

    /// `pick` of the distribution of each row that has one.
    fn totals<T>(&self, pick: impl Fn(Totals) -> Option<T>) -> impl Iterator<Item = Option<T>> {
        let bytes = self.stored("distribution").and_then(|column| column.as_binary_opt::<i32>());
        (0..self.batch.num_rows()).map(move |row| {
            let bytes = bytes.filter(|bytes| bytes.is_valid(row))?;
            pick(distribution::totals(self.series.as_ref()?.kind(row)?, bytes.value(row)))
        })
    }

    fn distributions(&self) -> StringArray {
        let bytes = self.stored("distribution").and_then(|column| column.as_binary_opt::<i32>());
        let texts = (0..self.batch.num_rows()).map(|row| {
            let bytes = bytes.filter(|bytes| bytes.is_valid(row))?;
            let mut text = String::new();
            distribution::write_json(self.series.as_ref()?.kind(row)?, bytes.value(row), &mut text);
            Some(text)
        });
        texts.collect()
    }
}

/// Times with null in the place of zero.
fn known_times(column: &ArrayRef) -> ArrayRef {
    let Some(times) = column.as_primitive_opt::<TimestampNanosecondType>() else { return Arc::clone(column) };
    let known = times.iter().map(|time| time.filter(|time| *time != 0));
    Arc::new(known.collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

fn milliseconds(column: &ArrayRef) -> ArrayRef {
    let Some(nanos) = column.as_primitive_opt::<Int64Type>() else {
        return new_null_array(&DataType::Float64, column.len());
    };
    Arc::new(nanos.unary::<_, Float64Type>(|nanos| nanos as f64 / 1e6))
}
