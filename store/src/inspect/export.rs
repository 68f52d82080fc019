//! A plain Parquet file, for programs that know nothing of this one.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::ReadError;

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
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| failed(&error))?;
        Ok(ParquetFile { path: path.to_owned(), writer })
    }

    /// Appends rows, as a row group.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), ReadError> {
        let written = self.writer.write(rows).and_then(|()| self.writer.flush());
        written.map_err(|error| ReadError::new(&self.path, error))
    }

    /// The bytes of what has been written.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    /// Ends the file and makes it durable.
    pub fn finish(self) -> Result<(), ReadError> {
        let failed = |error: &dyn std::error::Error| ReadError::new(&self.path, error);
        let file = self.writer.into_inner().map_err(|error| failed(&error))?;
        file.sync_all().map_err(|error| failed(&error))
    }
}
