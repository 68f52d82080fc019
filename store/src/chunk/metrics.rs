//! Batches of metric points, exemplars and series.

use arrow::array::{Array, BooleanArray, Float64Array, RecordBatch};
use model::{
    Attrs, Exemplar, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, SeriesId, SpanId, Temporality,
    TraceId,
};

use super::{Bytes, Ids, Int64s, SharedBytes, Times, UInt8s, UInt32s, Words, column};

struct Float64s(Option<Float64Array>);

impl Float64s {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        Float64s(column(batch, name))
    }

    #[inline]
    fn get(&self, row: usize) -> Option<f64> {
        let array = self.0.as_ref()?;
        array.is_valid(row).then(|| array.value(row))
    }
}

fn series_id(ids: &Ids<16>, row: usize) -> SeriesId {
    SeriesId(u128::from_be_bytes(ids.get(row).unwrap_or_default()))
}

/// Metric points as a scan yields them.
pub struct PointChunk {
    batch: RecordBatch,
    series: Ids<16>,
    time: Times,
    start_time: Times,
    flags: UInt32s,
    double_value: Float64s,
    int_value: Int64s,
    distribution: Bytes,
}

impl From<RecordBatch> for PointChunk {
    fn from(batch: RecordBatch) -> Self {
        PointChunk {
            series: Ids::of(&batch, "series"),
            time: Times::of(&batch, "time"),
            start_time: Times::of(&batch, "start_time"),
            flags: UInt32s::of(&batch, "flags"),
            double_value: Float64s::of(&batch, "double_value"),
            int_value: Int64s::of(&batch, "int_value"),
            distribution: Bytes::of(&batch, "distribution"),
            batch,
        }
    }
}

impl PointChunk {
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows as Arrow columns, named as in [`crate::Table::schema`].
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    pub fn series(&self, row: usize) -> SeriesId {
        series_id(&self.series, row)
    }

    pub fn time(&self, row: usize) -> Nanos {
        self.time.get(row)
    }

    /// Panics when `row` is not below [`PointChunk::len`].
    pub fn row(&self, row: usize) -> Point<'_> {
        let value = if let Some(double) = self.double_value.get(row) {
            PointValue::Double(double)
        } else if let Some(int) = self.int_value.get(row) {
            PointValue::Int(int)
        } else if let Some(bytes) = self.distribution.get_option(row) {
            PointValue::Distribution(bytes)
        } else {
            PointValue::None
        };
        Point {
            series: self.series(row),
            time: self.time.get(row),
            start_time: self.start_time.get(row),
            flags: self.flags.get(row),
            value,
        }
    }
}

/// Exemplars as a scan yields them.
pub struct ExemplarChunk {
    batch: RecordBatch,
    series: Ids<16>,
    time: Times,
    value: Float64s,
    trace_id: Ids<16>,
    span_id: Ids<8>,
    attributes: Bytes,
}

impl From<RecordBatch> for ExemplarChunk {
    fn from(batch: RecordBatch) -> Self {
        ExemplarChunk {
            series: Ids::of(&batch, "series"),
            time: Times::of(&batch, "time"),
            value: Float64s::of(&batch, "value"),
            trace_id: Ids::of(&batch, "trace_id"),
            span_id: Ids::of(&batch, "span_id"),
            attributes: Bytes::of(&batch, "attributes"),
            batch,
        }
    }
}

impl ExemplarChunk {
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Panics when `row` is not below [`ExemplarChunk::len`].
    pub fn row(&self, row: usize) -> Exemplar<'_> {
        let attr_bytes = self.attributes.get(row);
        Exemplar {
            series: series_id(&self.series, row),
            time: self.time.get(row),
            value: self.value.get(row).unwrap_or_default(),
            trace_id: self.trace_id.get(row).map(TraceId),
            span_id: self.span_id.get(row).map(SpanId),
            attrs: Attrs::new(attr_bytes),
            attr_bytes,
        }
    }
}

/// Rows of the series table.
pub struct SeriesChunk {
    batch: RecordBatch,
    series: Ids<16>,
    time: Times,
    last_time: Times,
    name: Words,
    unit: Words,
    description: Words,
    kind: UInt8s,
    temporality: UInt8s,
    monotonic: Option<BooleanArray>,
    attributes: Bytes,
    resource: SharedBytes,
    scope: SharedBytes,
}

impl From<RecordBatch> for SeriesChunk {
    fn from(batch: RecordBatch) -> Self {
        SeriesChunk {
            series: Ids::of(&batch, "series"),
            time: Times::of(&batch, "time"),
            last_time: Times::of(&batch, "last_time"),
            name: Words::of(&batch, "name"),
            unit: Words::of(&batch, "unit"),
            description: Words::of(&batch, "description"),
            kind: UInt8s::of(&batch, "kind"),
            temporality: UInt8s::of(&batch, "temporality"),
            monotonic: column(&batch, "monotonic"),
            attributes: Bytes::of(&batch, "attributes"),
            resource: SharedBytes::of(&batch, "resource"),
            scope: SharedBytes::of(&batch, "scope"),
            batch,
        }
    }
}

impl SeriesChunk {
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn id(&self, row: usize) -> SeriesId {
        series_id(&self.series, row)
    }

    /// The times of the first and the last point that the row stands for.
    pub fn times(&self, row: usize) -> (Nanos, Nanos) {
        (self.time.get(row), self.last_time.get(row))
    }

    /// `None` for a kind that this version does not know.
    pub fn row(&self, row: usize) -> Option<Series<'_>> {
        let resource = Resource::new(self.resource.get(row));
        let attr_bytes = self.attributes.get(row);
        Some(Series {
            name: self.name.get(row),
            unit: self.unit.get(row),
            description: self.description.get(row),
            kind: MetricKind::from_number(self.kind.get(row))?,
            temporality: Temporality::from_number(self.temporality.get(row).into()),
            monotonic: self.monotonic.as_ref().is_some_and(|it| it.value(row)),
            attrs: Attrs::new(attr_bytes),
            attr_bytes,
            service: resource.service_name(),
            resource,
            scope: Scope::new(self.scope.get(row)),
        })
    }
}
