//! Appends metric points, the series they belong to, and exemplars to columns.

use std::sync::Arc;

use arrow::array::{
    BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int64Builder, RecordBatch,
    TimestampNanosecondBuilder, UInt8Builder, UInt32Builder,
};
use arrow::datatypes::{BinaryType, Utf8Type};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use model::{Exemplar, Nanos, Point, PointValue, Series, SeriesId};

use super::dictionary::Dictionary;
use crate::schema::Table;
use crate::series::{Admission, SeriesRoom, StoredSeries};

const WIDTH: &str = "series ids have the width of their column";

fn time_builder() -> TimestampNanosecondBuilder {
    TimestampNanosecondBuilder::with_capacity(0).with_timezone("UTC")
}

/// Columns of points under construction, with each series that they mention once. A description is made of those series
/// only that the store does not know already: of next to none, once senders have sent for a while.
pub struct MetricRows {
    series: FixedSizeBinaryBuilder,
    time: TimestampNanosecondBuilder,
    start_time: TimestampNanosecondBuilder,
    flags: UInt32Builder,
    double_value: Float64Builder,
    int_value: Int64Builder,
    distribution: BinaryBuilder,
    n_points: usize,
    seen: HashMap<SeriesId, Seen>,
    /// The series of which the store does not know already.
    table: SeriesRows,
    /// `None` knows no series and takes every one.
    room: Option<SeriesRoom>,
}

/// A series that the rows mention.
struct Seen {
    /// The times of the first and the last point.
    first: Nanos,
    last: Nanos,
    known: Option<Arc<StoredSeries>>,
}

impl Default for MetricRows {
    fn default() -> Self {
        MetricRows {
            series: FixedSizeBinaryBuilder::with_capacity(0, 16),
            time: time_builder(),
            start_time: time_builder(),
            flags: UInt32Builder::with_capacity(0),
            double_value: Float64Builder::with_capacity(0),
            int_value: Int64Builder::with_capacity(0),
            distribution: BinaryBuilder::with_capacity(0, 0),
            n_points: 0,
            seen: HashMap::new(),
            table: SeriesRows::default(),
            room: None,
        }
    }
}

impl MetricRows {
    pub fn is_empty(&self) -> bool {
        self.n_points == 0 && self.seen.is_empty()
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.n_points
    }

    /// Looks series up in the index of `room`, and takes no more new ones than it has room for, by [`MetricRows::admit`].
    pub(crate) fn limit(&mut self, room: SeriesRoom) {
        self.room = Some(room);
    }

    /// Makes `series`, whose id is `id`, known, to be used by points and exemplars; `time` is that of a point. False when the
    /// series is new to the store and the store has no room for it.
    pub fn admit(&mut self, id: SeriesId, series: &Series<'_>, time: Nanos) -> bool {
        match self.seen.entry(id) {
            Entry::Occupied(mut seen) => seen.get_mut().stretch(time),
            Entry::Vacant(new) => {
                let known = match self.room.as_mut().map_or(Admission::New, |room| room.admit(id)) {
                    Admission::Known(known) => Some(known),
                    Admission::New => None,
                    Admission::Refused => return false,
                };
                if known.is_none() {
                    self.table.push(id, series);
                }
                new.insert(Seen { first: time, last: time, known });
            }
        }
        true
    }

    /// As [`MetricRows::admit`] of a series for which there is room in any case. Returns its id.
    pub fn series(&mut self, series: &Series<'_>, time: Nanos) -> SeriesId {
        let id = series.id();
        let seen = self.seen.entry(id).or_insert_with(|| {
            self.table.push(id, series);
            Seen { first: time, last: time, known: None }
        });
        seen.stretch(time);
        id
    }

    /// Takes out the series that the store knew already, each with the times of its first and last point.
    pub(crate) fn take_known(&mut self) -> Vec<(Arc<StoredSeries>, Nanos, Nanos)> {
        self.seen.values_mut().filter_map(|seen| Some((seen.known.take()?, seen.first, seen.last))).collect()
    }

    pub fn push(&mut self, point: &Point<'_>) {
        self.n_points += 1;
        self.series.append_value(point.series.0.to_be_bytes()).expect(WIDTH);
        self.time.append_value(point.time);
        self.start_time.append_value(point.start_time);
        self.flags.append_value(point.flags);
        let (mut double, mut int, mut distribution) = (None, None, None);
        match point.value {
            PointValue::None => {}
            PointValue::Int(value) => int = Some(value),
            PointValue::Double(value) => double = Some(value),
            PointValue::Distribution(bytes) => distribution = Some(bytes),
        }
        self.double_value.append_option(double);
        self.int_value.append_option(int);
        self.distribution.append_option(distribution);
    }

    /// The batches of points and of the series that the store did not know already.
    pub(crate) fn finish(mut self) -> (RecordBatch, Option<RecordBatch>) {
        let points = super::batch(
            Table::Points.schema(),
            vec![
                Arc::new(self.series.finish()),
                Arc::new(self.time.finish()),
                Arc::new(self.start_time.finish()),
                Arc::new(self.flags.finish()),
                Arc::new(self.double_value.finish()),
                Arc::new(self.int_value.finish()),
                Arc::new(self.distribution.finish()),
            ],
        );
        let times = |id| self.seen.get(&id).map(|seen| (seen.first, seen.last)).unwrap_or_default();
        (points, (!self.table.ids.is_empty()).then(|| self.table.finish(times)))
    }
}

impl Seen {
    fn stretch(&mut self, time: Nanos) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }
}

/// Columns of the series table under construction.
pub(crate) struct SeriesRows {
    ids: Vec<SeriesId>,
    series: FixedSizeBinaryBuilder,
    name: Dictionary<Utf8Type>,
    unit: Dictionary<Utf8Type>,
    description: Dictionary<Utf8Type>,
    kind: UInt8Builder,
    temporality: UInt8Builder,
    monotonic: BooleanBuilder,
    attributes: BinaryBuilder,
    resource: Dictionary<BinaryType>,
    scope: Dictionary<BinaryType>,
}

impl Default for SeriesRows {
    fn default() -> Self {
        SeriesRows {
            ids: Vec::new(),
            series: FixedSizeBinaryBuilder::with_capacity(0, 16),
            name: Dictionary::default(),
            unit: Dictionary::default(),
            description: Dictionary::default(),
            kind: UInt8Builder::with_capacity(0),
            temporality: UInt8Builder::with_capacity(0),
            monotonic: BooleanBuilder::with_capacity(0),
            attributes: BinaryBuilder::with_capacity(0, 0),
            resource: Dictionary::default(),
            scope: Dictionary::default(),
        }
    }
}

impl SeriesRows {
    pub(crate) fn push(&mut self, id: SeriesId, series: &Series<'_>) {
        self.ids.push(id);
        self.series.append_value(id.0.to_be_bytes()).expect(WIDTH);
        self.name.push(series.name);
        self.unit.push(series.unit);
        self.description.push(series.description);
        self.kind.append_value(series.kind as u8);
        self.temporality.append_value(series.temporality as u8);
        self.monotonic.append_value(series.monotonic);
        self.attributes.append_value(series.attr_bytes);
        self.resource.push(series.resource.as_bytes());
        self.scope.push(series.scope.as_bytes());
    }

    /// The batch, with the times of each series' first and last point as `times` gives them.
    pub(crate) fn finish(mut self, times: impl Fn(SeriesId) -> (Nanos, Nanos)) -> RecordBatch {
        let (mut first, mut last) = (time_builder(), time_builder());
        for id in &self.ids {
            let (first_time, last_time) = times(*id);
            first.append_value(first_time);
            last.append_value(last_time);
        }
        super::batch(
            Table::Series.schema(),
            vec![
                Arc::new(self.series.finish()),
                Arc::new(first.finish()),
                Arc::new(last.finish()),
                Arc::new(self.name.finish()),
                Arc::new(self.unit.finish()),
                Arc::new(self.description.finish()),
                Arc::new(self.kind.finish()),
                Arc::new(self.temporality.finish()),
                Arc::new(self.monotonic.finish()),
                Arc::new(self.attributes.finish()),
                Arc::new(self.resource.finish()),
                Arc::new(self.scope.finish()),
            ],
        )
    }
}

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
            time: time_builder(),
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
