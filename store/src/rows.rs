//! Rows on their way in: what a request becomes before it is committed.
//!
//! The receiver pushes borrowed rows; each builder appends to Arrow columns, so nothing is kept per row.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::schema::Table;
use crate::series::{SeriesIndex, SeriesRoom};

mod dictionary;
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
        let Rows { spans, logs, metrics, exemplars } = self;
        let spans = (!spans.is_empty()).then(|| spans.finish());
        let logs = (!logs.is_empty()).then(|| logs.finish());
        let (points, series) = (!metrics.is_empty()).then(|| metrics.finish()).unzip();
        let exemplars = (!exemplars.is_empty()).then(|| exemplars.finish());
        let batches = [
            (Table::Spans, spans),
            (Table::Logs, logs),
            (Table::Points, points),
            (Table::Exemplars, exemplars),
            (Table::Series, series.flatten()),
        ];
        let batches = batches.into_iter().filter_map(|(table, batch)| Some((table, batch?)));
        batches.filter(|(_, batch)| batch.num_rows() > 0).collect()
    }
}

/// The batch of `columns`, which the caller built in the order and with the types of `schema`.
fn batch(schema: SchemaRef, columns: Vec<arrow::array::ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(schema, columns).expect("builders follow the schema of their table")
}
