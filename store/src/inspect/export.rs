//! A plain Parquet file, for programs that know nothing of this one.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::ReadError;

/// A row group ends at either: readers hold one at a time.
const GROUP_ROWS: usize = 128 << 10;
const GROUP_BYTES: usize = 64 << 20;

/// A Parquet file under construction; not complete until [`ParquetFile::finish`].
pub struct ParquetFile {
    path: PathBuf,
    writer: ArrowWriter<File>,
}

impl ParquetFile {
    /// Creates the file at `path`, which must not be there, for rows of `schema`.
    pub fn create(path: &Path, schema: SchemaRef) -> Result<Self, ReadError> {
        let failed = |error: &dyn std::error::Error| ReadError::new(path, error);
        let file = File::create_new(path).map_err(|error| failed(&error))?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        // Parquet's own types say all. The schema of Arrow would say how these rows are held here, in views of texts for one:
        // readers that follow it fail if they do not know them, and cannot compare them if they do.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, schema, options).map_err(|error| failed(&error))?;
        Ok(ParquetFile { path: path.to_owned(), writer })
    }

    /// Appends rows.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), ReadError> {
        let written = self.writer.write(rows).and_then(|()| {
            let full = self.writer.in_progress_size() >= GROUP_BYTES || self.writer.in_progress_rows() >= GROUP_ROWS;
            if full { self.writer.flush() } else { Ok(()) }
        });
        written.map_err(|error| ReadError::new(&self.path, error))
    }

    /// The bytes that the file has by now.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    /// Ends the file, makes it durable, and returns its bytes.
    pub fn finish(self) -> Result<u64, ReadError> {
        let ParquetFile { path, writer } = self;
        let file = writer.into_inner().map_err(|error| ReadError::new(&path, error))?;
        let synced = file.sync_all().and_then(|()| file.metadata());
        Ok(synced.map_err(|error| ReadError::new(&path, error))?.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringViewArray};
    use arrow::datatypes::DataType;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn rows_are_read_back_and_no_file_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.parquet");
        let numbers = Arc::new(Int64Array::from_iter_values(0..100)) as ArrayRef;
        let texts = Arc::new(StringViewArray::from_iter_values((0..100).map(|it| it.to_string()))) as ArrayRef;
        let rows = RecordBatch::try_from_iter([("number", numbers), ("text", texts)]).unwrap();
        let mut file = ParquetFile::create(&path, rows.schema()).unwrap();
        file.write(&rows).unwrap();
        file.write(&rows).unwrap();
        assert_eq!(file.finish().unwrap(), std::fs::metadata(&path).unwrap().len());
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        let types: Vec<_> = reader.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(types, [DataType::Int64, DataType::Utf8], "what any reader knows");
        let reader = reader.build().unwrap();
        assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 200);
        assert!(ParquetFile::create(&path, rows.schema()).is_err());
    }
}
