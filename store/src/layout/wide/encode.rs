//! Rows of the table in, rows of the file out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimestampNanosecondType};
use arrow::error::ArrowError;
use hashbrown::HashSet;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::columns::{self, Column};
use super::split::Splitter;
use super::{DELAY, EMPTY_AS_NULL, OBSERVED, PARENT, PARENT_ROW, REST, SUMMARY, parents, rest};
use crate::schema::Table;

/// Rows to a page: what a look-up of one trace decodes of each column.
const PAGE_ROWS: usize = 4 << 10;
/// A page of texts ends at this size: one record decodes all of its page.
const TEXT_PAGE_BYTES: usize = 64 << 10;
/// Distinct values beyond this size are written plainly. As large as the ids of a row group may be.
const MAX_DICTIONARY_BYTES: usize = 4 << 20;
const ZSTD_LEVEL: i32 = 3;

/// Makes the rows of one file.
pub(crate) struct Encoder {
    table: Table,
    columns: Vec<Column>,
    splitter: Splitter,
    schema: SchemaRef,
    /// How the columns of ids are written.
    ids: Vec<(&'static str, IdCoding)>,
    /// Columns of bytes that are likely to have none.
    empty: Vec<&'static str>,
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
                column.dictionary = columns::repeats(&array);
            }
            if split.rest.null_count() == split.rest.len() {
                empty.extend([REST, SUMMARY]);
            }
        }
        let ids = ["trace_id", "span_id"].into_iter().filter_map(|name| {
            let ids = first.column_by_name(name)?.as_fixed_size_binary_opt()?;
            Some((name, IdCoding::of(ids)))
        });
        let ids = ids.collect();
        let fixed = table.schema().fields().iter().flat_map(|field| physical(field)).collect::<Vec<_>>();
        let promoted = columns.iter().map(Column::field);
        let schema = Arc::new(Schema::new(fixed.into_iter().chain(promoted).collect::<Vec<_>>()));
        Encoder { table, columns, splitter, schema, ids, empty }
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
                // Keys of a dictionary, in bits. For each column that a look-up reads the reader makes a context of the
                // codec, and those of ZSTD took half of its time.
                _ => builder = builder.set_column_compression(path, Compression::LZ4_RAW),
            }
        }
        for (name, coding) in &self.ids {
            builder = coding.set(builder, ColumnPath::from(*name));
        }
        for column in self.columns.iter().filter(|column| !column.dictionary) {
            let path = ColumnPath::from(column.field().name().as_str());
            builder = builder.set_column_dictionary_enabled(path.clone(), false).set_column_compression(path, zstd());
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

fn zstd() -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default())
}

/// What the compressor makes of an id that came before in its page.
const REPEATED_ID_BYTES: usize = 4;

/// How a column of ids is small and quick to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IdCoding {
    /// Ids are distinct, and random: nothing helps.
    Plain,
    /// The same ids are near each other.
    Compressed,
    /// Ids come back long after.
    Dictionary,
}

impl IdCoding {
    /// The coding for ids like these, by the bytes that each would take.
    fn of(ids: &FixedSizeBinaryArray) -> Self {
        let width = ids.value_length() as usize;
        let (mut present, mut compressed, mut last) = (0, 0, None);
        let (mut distinct, mut in_page) = (HashSet::new(), HashSet::new());
        for (row, id) in ids.iter().enumerate() {
            if row % PAGE_ROWS == 0 {
                in_page.clear();
            }
            let Some(id) = id else { continue };
            present += 1;
            compressed += match in_page.insert(id) {
                true => width,
                false if last == Some(id) => 0,
                false => REPEATED_ID_BYTES,
            };
            last = Some(id);
            distinct.insert(id);
        }
        let bits_of_a_key = distinct.len().next_power_of_two().trailing_zeros() as usize;
        let dictionary = distinct.len() * width + present * bits_of_a_key / 8;
        // One row costs its page, and of a dictionary all the ids: it must be much smaller.
        if dictionary * 4 < compressed * 3 {
            IdCoding::Dictionary
        } else if compressed < present * width {
            IdCoding::Compressed
        } else {
            IdCoding::Plain
        }
    }

    fn set(self, builder: WriterPropertiesBuilder, path: ColumnPath) -> WriterPropertiesBuilder {
        let builder = builder
            .set_column_dictionary_enabled(path.clone(), self == IdCoding::Dictionary)
            .set_column_encoding(path.clone(), Encoding::PLAIN);
        match self {
            IdCoding::Plain => builder.set_column_compression(path, Compression::UNCOMPRESSED),
            IdCoding::Compressed => builder.set_column_compression(path, zstd()),
            IdCoding::Dictionary => builder.set_column_compression(path, Compression::LZ4_RAW),
        }
    }
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
