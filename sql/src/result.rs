//! What a query gives: columns, batches, and whether some of it was cut off.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;

use crate::error::SqlError;

mod json;

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// `string`, `integer`, `double`, `boolean`, `timestamp`, or the name of another Arrow type.
    pub type_name: String,
}

/// The rows of a query, in Arrow form. Text is plain UTF-8, so that any Arrow reader takes it.
#[derive(Clone, Debug)]
pub struct SqlResult {
    pub columns: Vec<Column>,
    pub batches: Vec<RecordBatch>,
    /// Whether rows are missing because of the row limit or the size limit.
    pub truncated: bool,
    /// What could not be read from disk, in words; the rows are those that could.
    pub warnings: Vec<String>,
    pub elapsed: Duration,
    pub(crate) schema: SchemaRef,
}

impl SqlResult {
    pub fn n_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The rows as a JSON array of arrays, in the order of the columns. Times are RFC 3339, NaN and the infinities are
    /// strings.
    pub fn rows_json(&self) -> Result<String, SqlError> {
        json::rows(self, json::Shape::Arrays).map_err(|error| internal(&error))
    }

    /// The rows as a JSON array of objects. Of columns of one name the last counts, as JSON readers have it.
    pub fn objects_json(&self) -> Result<String, SqlError> {
        json::rows(self, json::Shape::Objects).map_err(|error| internal(&error))
    }

    /// The rows in the Arrow IPC streaming format.
    pub fn arrow_stream(&self) -> Result<Vec<u8>, SqlError> {
        let write = || {
            let mut writer = StreamWriter::try_new(Vec::new(), &self.schema)?;
            self.batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.into_inner()
        };
        write().map_err(|error| internal(&error))
    }
}

fn internal(error: &ArrowError) -> SqlError {
    SqlError::Internal(error.to_string())
}

/// `schema` with the types that leave the engine: views and dictionaries as plain text.
pub(crate) fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let data_type = plain_type(field.data_type());
        Field::new(field.name(), data_type, field.is_nullable())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values),
        other => other.clone(),
    }
}

/// `batch` with the types of `schema`, which is [`plain_schema`] of its own.
pub(crate) fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &options)
}

pub(crate) fn columns(schema: &Schema) -> Vec<Column> {
    let column = |field: &Arc<Field>| Column { name: field.name().clone(), type_name: type_name(field.data_type()) };
    schema.fields().iter().map(column).collect()
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "string".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "double".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        integer if integer.is_integer() => "integer".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}
