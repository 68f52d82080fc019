//! The layout `rows`: the file has the columns of the table.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::schema::Table;

/// Rows to a data page: what a look-up of a few rows decodes.
const PAGE_ROWS: usize = 8 << 10;

pub(crate) struct Encoder {
    table: Table,
}

impl Encoder {
    pub(crate) fn new(table: Table) -> Self {
        Encoder { table }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    pub(crate) fn properties(&self) -> WriterProperties {
        let mut builder = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(None) // the writer of the segment ends row groups
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_write_batch_size(PAGE_ROWS)
            .set_statistics_enabled(EnabledStatistics::Chunk);
        let dense = ["start_time", "time", "observed_time", "last_time", "duration"];
        for column in self.schema().fields().iter().map(|field| field.name().as_str()) {
            let path = ColumnPath::from(column);
            if dense.contains(&column) && !(self.table == Table::Points && column == "start_time") {
                builder = builder.set_column_dictionary_enabled(path.clone(), false);
                builder = builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            } else if matches!(column, "span_id" | "body") || (column == "series" && self.table == Table::Series) {
                builder = builder.set_column_dictionary_enabled(path, false); // distinct in nearly every row
            }
        }
        builder.build()
    }

    pub(crate) fn encode(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        Ok(rows.clone())
    }
}
