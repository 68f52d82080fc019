//! Rows on their way in: what a request becomes before it is committed.
//!
//! The receiver pushes borrowed rows; each builder appends to Arrow columns, so nothing is kept per row.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use model::Nanos;

use crate::schema::Table;
use crate::series::{SeriesIndex, SeriesRoom};

mod attributes;
mod decisions;
mod dictionary;
mod exemplars;
mod logs;
mod metrics;
mod spans;

pub(crate) use decisions::Decisions;
pub use decisions::Earlier;
pub use exemplars::ExemplarRows;
pub use logs::LogRows;
pub use metrics::MetricRows;
pub(crate) use metrics::{NotedSeries, SeriesRows};
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

    /// The memory that they take, in bytes, about: without what they have in dictionaries.
    pub fn n_bytes(&self) -> usize {
        self.sizes().bytes()
    }

    /// Items older than this are to be rejected one by one. Rows that the log gives back say what was said when they were received.
    pub fn oldest_accepted(&self) -> Nanos {
        self.metrics.decisions.oldest_accepted()
    }

    /// The next rows are those of a request about which this is decided.
    pub(crate) fn decide(&mut self, decisions: Decisions) {
        self.metrics.decisions = decisions;
    }

    /// What was decided of the request since [`Rows::decide`].
    pub(crate) fn take_decisions(&mut self) -> Decisions {
        std::mem::take(&mut self.metrics.decisions)
    }

    /// Builders that know the series of `index`, and take new ones without end.
    pub(crate) fn of_replay(index: &Arc<SeriesIndex>) -> Self {
        Rows::of_size(index, Sizes::default())
    }

    /// As [`Rows::of_replay`], with room for rows of these sizes.
    pub(crate) fn of_size(index: &Arc<SeriesIndex>, sizes: Sizes) -> Self {
        let mut rows = Rows {
            spans: SpanRows::with_capacity(sizes.spans, sizes.span_attributes),
            logs: LogRows::with_capacity(sizes.logs, sizes.log_bodies, sizes.log_attributes),
            metrics: MetricRows::with_capacity(sizes.points),
            exemplars: ExemplarRows::default(),
        };
        rows.metrics.limit(SeriesRoom::of_replay(index));
        rows
    }

    pub(crate) fn sizes(&self) -> Sizes {
        let (log_bodies, log_attributes) = self.logs.text_bytes();
        Sizes {
            spans: self.spans.len(),
            span_attributes: self.spans.attribute_bytes(),
            logs: self.logs.len(),
            log_bodies,
            log_attributes,
            points: self.metrics.len(),
            metric_attributes: self.metrics.new_series_bytes() + self.exemplars.attribute_bytes(),
        }
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

/// Numbers of rows, and the bytes of their largest columns.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sizes {
    spans: usize,
    span_attributes: usize,
    logs: usize,
    log_bodies: usize,
    log_attributes: usize,
    points: usize,
    /// Of new series and of exemplars.
    metric_attributes: usize,
}

impl Sizes {
    /// The memory that the rows take, in bytes: by the width of their columns, and without what they have in dictionaries.
    pub(crate) fn bytes(self) -> usize {
        const SPAN: usize = 110;
        const LOG: usize = 85;
        const POINT: usize = 56;
        let fixed = self.spans * SPAN + self.logs * LOG + self.points * POINT;
        fixed + self.span_attributes + self.log_bodies + self.log_attributes + self.metric_attributes
    }

    /// What `bytes` have when these are the sizes of `of_bytes`, and a sixteenth more.
    pub(crate) fn scaled(self, bytes: usize, of_bytes: usize) -> Self {
        let ratio = bytes as f64 / of_bytes.max(1) as f64 * 17.0 / 16.0;
        let scale = |size: usize| (size as f64 * ratio) as usize;
        Sizes {
            spans: scale(self.spans),
            span_attributes: scale(self.span_attributes),
            logs: scale(self.logs),
            log_bodies: scale(self.log_bodies),
            log_attributes: scale(self.log_attributes),
            points: scale(self.points),
            metric_attributes: scale(self.metric_attributes),
        }
    }
}

/// The batch of `columns`, which the caller built in the order and with the types of `schema`.
fn batch(schema: SchemaRef, columns: Vec<arrow::array::ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(schema, columns).expect("builders follow the schema of their table")
}
