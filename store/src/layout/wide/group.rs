//! A row group of an open file, read column by column.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchReader, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use model::TraceId;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use super::constant;
use super::rows::Rows;
use super::shape::Shape;
use crate::files::CheckedFile;

type Error = Box<dyn std::error::Error>;

/// A row group of a file in this layout.
pub(crate) struct Group<'a> {
    pub(crate) file: CheckedFile,
    pub(crate) metadata: &'a ArrowReaderMetadata,
    pub(crate) index: usize,
    pub(crate) n_rows: usize,
}

impl Group<'_> {
    /// The names of the columns, at their places in the file.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.metadata.schema().fields().iter().map(|field| field.name().as_str())
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.names().position(|it| it == name)
    }

    /// The columns at `places`, of `rows` only. They come in the order of the file.
    pub(super) fn read(&self, places: impl IntoIterator<Item = usize>, rows: &Rows) -> Result<RecordBatch, Error> {
        self.read_shaped(places, rows, None)
    }

    /// As [`Group::read`], where `shape` is that of `rows`. Columns of which all is known are not read.
    pub(super) fn read_shaped(
        &self,
        places: impl IntoIterator<Item = usize>,
        rows: &Rows,
        shape: Option<&Shape>,
    ) -> Result<RecordBatch, Error> {
        let places = BTreeSet::from_iter(places);
        let n_rows = rows.len();
        let schema = self.metadata.schema();
        let metadata = self.metadata.metadata().row_group(self.index);
        let known = |place: usize| match shape {
            Some(shape) if !shape.may_hold(place) => Some(new_null_array(schema.field(place).data_type(), n_rows)),
            _ => constant::value(schema.field(place).data_type(), metadata.column(place), n_rows),
        };
        let known: Vec<(usize, Option<ArrayRef>)> = places.into_iter().map(|place| (place, known(place))).collect();
        let unknown = known.iter().filter(|(_, array)| array.is_none()).map(|(place, _)| *place);
        let read = self.read_file(unknown, rows)?;
        if read.num_columns() == known.len() {
            return Ok(read);
        }
        let fields: Vec<_> = known.iter().map(|(place, _)| Arc::clone(&schema.fields()[*place])).collect();
        let mut read = read.columns().iter().cloned();
        let arrays = known.into_iter().map(|(_, array)| array.or_else(|| read.next()));
        let arrays = arrays.collect::<Option<Vec<_>>>().ok_or("a column is missing")?;
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }

    fn read_file(&self, places: impl Iterator<Item = usize>, rows: &Rows) -> Result<RecordBatch, Error> {
        let mut places = places.peekable();
        if places.peek().is_none() {
            return Ok(RecordBatch::new_empty(Arc::new(Schema::empty())));
        }
        let columns = ProjectionMask::leaves(self.metadata.parquet_schema(), places);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
            .with_row_groups(vec![self.index])
            .with_projection(columns)
            .with_batch_size(rows.len().max(1));
        if let Some(selection) = rows.selection() {
            builder = builder.with_row_selection(selection);
        }
        let reader = builder.build()?;
        let schema = reader.schema();
        let mut batches = reader.collect::<Result<Vec<_>, _>>()?;
        let batch = match batches.len() {
            1 => batches.remove(0),
            _ => concat_batches(&schema, &batches)?,
        };
        if batch.num_rows() != rows.len() {
            return Err(format!("{} rows were read instead of {}", batch.num_rows(), rows.len()).into());
        }
        Ok(batch)
    }

    /// One column of `rows`.
    pub(super) fn column(&self, place: usize, rows: &Rows) -> Result<ArrayRef, Error> {
        Ok(self.read([place], rows)?.remove_column(0))
    }

    /// The rows of the pages that may hold one of the traces `wanted`, which are in ascending order.
    pub(super) fn pages_with_traces(&self, place: usize, wanted: &[TraceId]) -> Rows {
        let pages = || {
            let metadata = self.metadata.metadata();
            let bounds = metadata.column_index()?.get(self.index)?.get(place)?;
            let ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(bounds) = bounds else { return None };
            let places = metadata.offset_index()?.get(self.index)?.get(place)?.page_locations();
            let first_rows: Vec<usize> =
                places.iter().map(|it| usize::try_from(it.first_row_index).unwrap_or(0)).collect();
            let ends = first_rows.iter().skip(1).copied().chain([self.n_rows]);
            let holds = |page: usize| {
                let (Some(min), Some(max)) = (bounds.min_value(page), bounds.max_value(page)) else { return true };
                let first = wanted.partition_point(|id| &id.0[..] < min);
                wanted.get(first).is_some_and(|id| &id.0[..] <= max)
            };
            let kept = first_rows.iter().copied().zip(ends).enumerate().filter(|(page, _)| holds(*page));
            Some(Rows::ranges(self.n_rows, kept.map(|(_, (first, end))| first..end)))
        };
        pages().unwrap_or_else(|| Rows::all(self.n_rows))
    }
}
