//! Rows on their way in: what a request becomes before it is committed.
//!
//! The receiver pushes borrowed rows; each builder appends to Arrow columns, so nothing is kept per row.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::schema::Table;
use crate::series::{SeriesIndex, SeriesRoom};

mod logs;
mod metrics;
mod spans;

pub use logs::LogRows;
pub(crate) use metrics::SeriesRows;
pub use metrics::{ExemplarRows, MetricRows};
pub use spans::SpanRows;

/// The rows of one request, of any signal. Empty builders cost next to nothing.
#[derive(Default)]
pub struct Rows {
    pub spans: SpanRows,
    pub logs: LogRows,
    pub metrics: MetricRows,
    pub exemplars: ExemplarRows,
}

impl Rows {
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.logs.is_empty() && self.metrics.is_empty() && self.exemplars.is_empty()
    }

    /// Builders that know the series of `index`, and take new ones without end.
    pub(crate) fn of_replay(index: &Arc<SeriesIndex>) -> Self {
        let mut rows = Rows::default();
        rows.metrics.limit(SeriesRoom::of_replay(index));
        rows
    }

    /// One batch for each table that has rows. Of series that the store knew already there are none.
    pub fn finish(self) -> Vec<(Table, RecordBatch)> {
        let (points, series) = self.metrics.finish();
        let batches = [
            (Table::Spans, self.spans.finish()),
            (Table::Logs, self.logs.finish()),
            (Table::Points, points),
            (Table::Exemplars, self.exemplars.finish()),
            (Table::Series, series),
        ];
        batches.into_iter().filter(|(_, batch)| batch.num_rows() > 0).collect()
    }
}

/// The batch of `columns`, which the caller built in the order and with the types of `schema`.
fn batch(schema: SchemaRef, columns: Vec<arrow::array::ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(schema, columns).expect("builders follow the schema of their table")
}
