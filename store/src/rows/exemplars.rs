//! Appends exemplars to columns.

use std::sync::Arc;

use arrow::array::{BinaryBuilder, FixedSizeBinaryBuilder, Float64Builder, RecordBatch, TimestampNanosecondBuilder};
use model::Exemplar;

use crate::schema::Table;

const WIDTH: &str = "series ids have the width of their column";

/// Columns of exemplars under construction.
pub struct ExemplarRows {
    series: FixedSizeBinaryBuilder,
    time: TimestampNanosecondBuilder,
    value: Float64Builder,
    trace_id: FixedSizeBinaryBuilder,
    span_id: FixedSizeBinaryBuilder,
    attributes: BinaryBuilder,
    n_rows: usize,
}

impl Default for ExemplarRows {
    fn default() -> Self {
        ExemplarRows {
            series: FixedSizeBinaryBuilder::with_capacity(0, 16),
            time: TimestampNanosecondBuilder::with_capacity(0).with_timezone("UTC"),
            value: Float64Builder::with_capacity(0),
            trace_id: FixedSizeBinaryBuilder::with_capacity(0, 16),
            span_id: FixedSizeBinaryBuilder::with_capacity(0, 8),
            attributes: BinaryBuilder::with_capacity(0, 0),
            n_rows: 0,
        }
    }
}

impl ExemplarRows {
    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    pub fn len(&self) -> usize {
        self.n_rows
    }

    pub(super) fn attribute_bytes(&self) -> usize {
        self.attributes.values_slice().len()
    }

    pub fn push(&mut self, exemplar: &Exemplar<'_>) {
        self.n_rows += 1;
        self.series.append_value(exemplar.series.0.to_be_bytes()).expect(WIDTH);
        self.time.append_value(exemplar.time);
        self.value.append_value(exemplar.value);
        match exemplar.trace_id {
            Some(id) => self.trace_id.append_value(id.0).expect("trace ids have the width of their column"),
            None => self.trace_id.append_null(),
        }
        match exemplar.span_id {
            Some(id) => self.span_id.append_value(id.0).expect("span ids have the width of their column"),
            None => self.span_id.append_null(),
        }
        self.attributes.append_value(exemplar.attr_bytes);
    }

    pub(crate) fn finish(mut self) -> RecordBatch {
        super::batch(
            Table::Exemplars.schema(),
            vec![
                Arc::new(self.series.finish()),
                Arc::new(self.time.finish()),
                Arc::new(self.value.finish()),
                Arc::new(self.trace_id.finish()),
                Arc::new(self.span_id.finish()),
                Arc::new(self.attributes.finish()),
            ],
        )
    }
}
