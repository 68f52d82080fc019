//! Rows of the table in, rows of the file out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimestampNanosecondType};
use arrow::error::ArrowError;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::coding::{Coding, MAX_DICTIONARY_BYTES, PAGE_ROWS, zstd};
use super::columns::{self, Column};
use super::split::Splitter;
use super::{DELAY, EMPTY_AS_NULL, OBSERVED, PARENT, PARENT_ROW, REST, SHAPE, SUMMARY, constant, parents, rest, shape};
use crate::schema::Table;

/// A page of texts ends at this size: one record decodes all of its page. With 64 KiB, log records are smaller by a twentieth,
/// and one with a rare word takes a third longer.
const TEXT_PAGE_BYTES: usize = 16 << 10;
/// Makes the rows of one file.
pub(crate) struct Encoder {
    table: Table,
    columns: Vec<Column>,
    splitter: Splitter,
    schema: SchemaRef,
    /// How the columns of ids are written.
    ids: Vec<(&'static str, Coding)>,
    /// Columns of bytes that are likely to have none.
    empty: Vec<&'static str>,
    /// Columns that are likely to have one value.
    constant: Vec<String>,
}

impl Encoder {
    /// The encoder of a file whose rows are like `first`.
    pub(crate) fn new(table: Table, first: &RecordBatch) -> Self {
        let attributes = first.column_by_name(REST).map(|column| column.as_binary::<i32>());
        let mut columns = attributes.map(columns::choose).unwrap_or_default();
        let splitter = Splitter::new(&columns);
        let mut empty: Vec<&str> = EMPTY_AS_NULL.into_iter().filter(|name| has_no_bytes(first, name)).collect();
        if let Some(attributes) = attributes {
            let split = splitter.split(attributes);
            for (column, array) in columns.iter_mut().zip(split.columns) {
                column.coding = columns::coding(&array);
            }
            if split.rest.null_count() == split.rest.len() {
                empty.extend([REST, SUMMARY]);
            }
        }
        let ids = ["trace_id", "span_id"]
            .into_iter()
            .filter_map(|name| Some((name, Coding::of(first.column_by_name(name)?))));
        let ids = ids.collect();
        let fixed = table.schema().fields().iter().flat_map(|field| physical(field)).collect::<Vec<_>>();
        let promoted = columns.iter().map(Column::field);
        let shape = Field::new(SHAPE, DataType::Binary, true);
        let schema = Arc::new(Schema::new(fixed.into_iter().chain(promoted).chain([shape]).collect::<Vec<_>>()));
        let names = table.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let constant = names.into_iter().filter(|name| constant::is_constant(first, name)).collect();
        Encoder { table, columns, splitter, schema, ids, empty, constant }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(crate) fn properties(&self) -> WriterProperties {
        let mut builder = WriterProperties::builder()
            // Its pages keep the levels apart and stay as they are where compression does not help; ids may have dictionaries.
            .set_compression(zstd())
            .set_max_row_group_row_count(None) // the writer of the segment ends row groups
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_write_batch_size(PAGE_ROWS)
            .set_dictionary_page_size_limit(MAX_DICTIONARY_BYTES)
            .set_statistics_truncate_length(Some(constant::MAX_BYTES))
            .set_statistics_enabled(EnabledStatistics::None);
        for field in self.schema.fields() {
            let path = ColumnPath::from(field.name().as_str());
            match field.name().as_str() {
                "start_time" | "time" | "duration" | DELAY => {
                    builder = builder
                        .set_column_dictionary_enabled(path.clone(), false)
                        .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
                        .set_column_compression(path, Compression::UNCOMPRESSED); // packed to the bit
                }
                "body" | REST | SUMMARY | "events" | "links" | "body_value" => {
                    builder = builder
                        .set_column_dictionary_enabled(path.clone(), false)
                        .set_column_data_page_size_limit(path.clone(), TEXT_PAGE_BYTES)
                        .set_column_encoding(path.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY);
                    if self.empty.contains(&field.name().as_str()) {
                        builder = builder.set_column_compression(path, Compression::LZ4_RAW);
                    }
                }
                _ => builder = builder.set_column_compression(path, Compression::LZ4_RAW),
            }
        }
        for (name, coding) in &self.ids {
            builder = coding.set(builder, ColumnPath::from(*name), &DataType::FixedSizeBinary(0));
        }
        for column in self.columns.iter().filter(|column| column.coding != Coding::Dictionary) {
            let field = column.field();
            builder = column.coding.set(builder, ColumnPath::from(field.name().as_str()), field.data_type());
        }
        for name in &self.constant {
            let path = ColumnPath::from(name.as_str());
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::Chunk);
        }
        // Of a look-up by trace, the pages with its id; of a range of time, the row groups, and where rows are in order of
        // time, the pages.
        let of_times = match self.table {
            Table::Logs => EnabledStatistics::Page,
            _ => EnabledStatistics::Chunk,
        };
        builder
            .set_column_statistics_enabled(ColumnPath::from(self.table.time_column()), of_times)
            .set_column_statistics_enabled(ColumnPath::from("trace_id"), EnabledStatistics::Page)
            .build()
    }

    /// A row group of the file.
    pub(crate) fn encode(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let column = |name: &str| {
            rows.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("the rows have no column {name}")))
        };
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        let split = self.splitter.split(column(REST)?.as_binary());
        for field in self.table.schema().fields() {
            let array = column(field.name())?;
            match field.name().as_str() {
                PARENT => {
                    let ids = |name: &str| column(name).map(|ids| ids.as_fixed_size_binary());
                    let (rows, ids) = parents::encode(ids("trace_id")?, ids("span_id")?, array.as_fixed_size_binary())?;
                    arrays.push(Arc::new(rows));
                    arrays.push(Arc::new(ids));
                }
                REST => {
                    arrays.push(Arc::new(split.rest.clone()));
                    arrays.push(Arc::new(rest::summarize(&split.rest)));
                }
                OBSERVED => arrays.push(Arc::new(delays(column("time")?, array))),
                name if EMPTY_AS_NULL.contains(&name) => {
                    let bytes = array.as_binary::<i32>().iter().map(|bytes| bytes.filter(|bytes| !bytes.is_empty()));
                    arrays.push(Arc::new(bytes.collect::<BinaryArray>()));
                }
                _ => arrays.push(Arc::clone(array)),
            }
        }
        arrays.extend(split.columns);
        arrays.push(Arc::new(shape::encode(&self.schema, &arrays)));
        let fields = self.schema.fields().iter().zip(&arrays);
        // Texts come as they are, also for a column that is read as a dictionary: the file does not tell the difference.
        let fields: Vec<Field> =
            fields.map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone())).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

fn has_no_bytes(rows: &RecordBatch, name: &str) -> bool {
    let bytes = rows.column_by_name(name).and_then(|column| column.as_binary_opt::<i32>());
    bytes.is_some_and(|bytes| bytes.iter().all(|bytes| bytes.is_none_or(<[u8]>::is_empty)))
}

/// The columns of the file for a column of the table.
fn physical(field: &Field) -> Vec<Field> {
    match field.name().as_str() {
        PARENT => vec![Field::new(PARENT_ROW, DataType::Int32, true), field.clone()],
        OBSERVED => vec![Field::new(DELAY, DataType::Int64, true)],
        REST => vec![field.clone().with_nullable(true), Field::new(SUMMARY, DataType::Binary, true)],
        name if EMPTY_AS_NULL.contains(&name) => vec![field.clone().with_nullable(true)],
        _ => vec![field.clone()],
    }
}

/// How long after its time each record was observed; null for those whose observed time is 0, which is unknown.
fn delays(times: &ArrayRef, observed: &ArrayRef) -> Int64Array {
    let times = times.as_primitive::<TimestampNanosecondType>().values();
    let observed = observed.as_primitive::<TimestampNanosecondType>().values();
    let delays =
        times.iter().zip(observed).map(|(time, observed)| (*observed != 0).then(|| observed.wrapping_sub(*time)));
    delays.collect::<arrow::array::PrimitiveArray<Int64Type>>()
}
