//! How the rows of a table lie in the Parquet file of a segment.
//!
//! Above this module rows have the schema of their table; an [`Encoder`] turns them into the columns of the file, and
//! [`crate::segment`] turns them back. A layout is named in the manifest and never changes its meaning.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::file::properties::WriterProperties;

use crate::schema::Table;

pub(crate) mod chunks;
pub(crate) mod rows;
pub(crate) mod wide;

/// The layouts that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// The columns of the table as they are.
    Rows,
    /// Frequent attributes in columns of their own; of spans and logs.
    Wide,
    /// Metric points, many to a row: those of a series.
    Chunks,
}

impl Layout {
    const ALL: [Layout; 3] = [Layout::Rows, Layout::Wide, Layout::Chunks];

    /// The name in the manifest.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Layout::Rows => "rows",
            Layout::Wide => "wide",
            Layout::Chunks => "chunks",
        }
    }

    /// `None` when a later version of this program wrote the segment, or the name is damaged.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Layout::ALL.into_iter().find(|layout| layout.name() == name)
    }

    /// The layout that compaction writes `table` in.
    pub(crate) fn of_compacted(table: Table) -> Self {
        match table {
            Table::Spans | Table::Logs => Layout::Wide,
            Table::Points => Layout::Chunks,
            Table::Exemplars | Table::Series => Layout::Rows,
        }
    }

    /// The columns whose statistics tell the first and the last time in a row group.
    pub(crate) fn time_columns(self, table: Table) -> (&'static str, &'static str) {
        match self {
            Layout::Rows | Layout::Wide => (table.time_column(), table.last_time_column()),
            Layout::Chunks => ("min_time", "max_time"),
        }
    }

    /// The suffix of the file of its own that a segment has beside its rows.
    pub(crate) fn own_file(self) -> Option<&'static str> {
        match self {
            Layout::Rows | Layout::Wide => None,
            Layout::Chunks => Some(chunks::TIMES),
        }
    }
}

/// Makes the rows of a file out of those of a table.
pub(crate) enum Encoder {
    Rows(rows::Encoder),
    Wide(wide::Encoder),
    Chunks(chunks::Encoder),
}

impl Encoder {
    /// The encoder of a file whose first row group will be `first`, by which the layout may choose its columns.
    pub(crate) fn new(layout: Layout, table: Table, level: u8, first: &RecordBatch) -> Self {
        match layout {
            Layout::Rows => Encoder::Rows(rows::Encoder::new(table, level)),
            Layout::Wide => Encoder::Wide(wide::Encoder::new(table, first)),
            Layout::Chunks => Encoder::Chunks(chunks::Encoder::new(level)),
        }
    }

    /// The columns of the file.
    pub(crate) fn schema(&self) -> SchemaRef {
        match self {
            Encoder::Rows(it) => it.schema(),
            Encoder::Wide(it) => it.schema(),
            Encoder::Chunks(it) => it.schema(),
        }
    }

    pub(crate) fn properties(&self) -> WriterProperties {
        match self {
            Encoder::Rows(it) => it.properties(),
            Encoder::Wide(it) => it.properties(),
            Encoder::Chunks(it) => it.properties(),
        }
    }

    /// Rows of the file, made of `rows` in the schema of the table.
    pub(crate) fn encode(&mut self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        match self {
            Encoder::Rows(it) => it.encode(rows),
            Encoder::Wide(it) => it.encode(rows),
            Encoder::Chunks(it) => it.encode(rows),
        }
    }

    /// Whether the row group ends with what was encoded last.
    pub(crate) fn end_group(&mut self) -> bool {
        match self {
            Encoder::Rows(_) | Encoder::Wide(_) => true,
            Encoder::Chunks(it) => it.end_group(),
        }
    }

    /// What is to be appended to the layout's [own file](Layout::own_file).
    pub(crate) fn take_own(&mut self) -> Vec<u8> {
        match self {
            Encoder::Rows(_) | Encoder::Wide(_) => Vec::new(),
            Encoder::Chunks(it) => it.take_times(),
        }
    }

    /// The tail of the layout's own file.
    pub(crate) fn finish_own(&self) -> Vec<u8> {
        match self {
            Encoder::Rows(_) | Encoder::Wide(_) => Vec::new(),
            Encoder::Chunks(it) => it.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_is_found_by_its_name_and_no_other_is() {
        for layout in Layout::ALL {
            assert_eq!(Layout::parse(layout.name()), Some(layout));
        }
        assert_eq!(Layout::parse("columns of tomorrow"), None);
    }
}
