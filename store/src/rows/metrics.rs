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
use crate::flush::{WINDOW, window_bounds};
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
    /// While the log is replayed: of series that the index knows, the times in which it knows to have seen them.
    noted: Option<NotedSeries>,
    /// What `seen` has, in the order in which it came; while the log is replayed.
    order: Vec<SeriesId>,
}

/// Of series in the index, the times between which it takes them to have points.
#[derive(Default)]
pub(crate) struct NotedSeries {
    /// In the order in which they came first. Senders keep to it, so most often the next one is the one asked for: where series
    /// are many, that saves a look into memory that no cache holds.
    series: Vec<(SeriesId, Nanos, Nanos)>,
    next: usize,
    place_of: HashMap<SeriesId, usize>,
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
        MetricRows::with_capacity(0)
    }
}

impl MetricRows {
    /// With room for so many points.
    pub(super) fn with_capacity(n_points: usize) -> Self {
        let time_builder = || TimestampNanosecondBuilder::with_capacity(n_points).with_timezone("UTC");
        MetricRows {
            series: FixedSizeBinaryBuilder::with_capacity(n_points, 16),
            time: time_builder(),
            start_time: time_builder(),
            flags: UInt32Builder::with_capacity(n_points),
            double_value: Float64Builder::with_capacity(n_points),
            int_value: Int64Builder::with_capacity(n_points),
            distribution: BinaryBuilder::with_capacity(n_points, 0),
            n_points: 0,
            seen: HashMap::new(),
            table: SeriesRows::default(),
            room: None,
            noted: None,
            order: Vec::new(),
        }
    }

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

    /// Looks series up in `noted` first. Of the others it notes that they have points in all of the window of time that a point
    /// falls into, as is noted of points in segments: so the next point in it need not be noted.
    pub(crate) fn replay(&mut self, noted: NotedSeries) {
        self.noted = Some(noted);
    }

    /// What [`MetricRows::replay`] was given and the series of these rows, whose times are about to be noted in the index.
    pub(crate) fn take_noted(&mut self) -> NotedSeries {
        let mut noted = self.noted.take().unwrap_or_default();
        for id in &self.order {
            if let Some(seen) = self.seen.get(id) {
                noted.add(*id, seen);
            }
        }
        noted
    }

    /// Makes `series`, whose id is `id`, known, to be used by points and exemplars; `time` is that of a point. False when the
    /// series is new to the store and the store has no room for it.
    pub fn admit(&mut self, id: SeriesId, series: &Series<'_>, time: Nanos) -> bool {
        let (mut first, mut last) = (time, time);
        if let Some(noted) = &mut self.noted {
            if noted.covers(id, time) {
                return true;
            }
            (first, last) = window_around(time);
        }
        match self.seen.entry(id) {
            Entry::Occupied(mut seen) => seen.get_mut().stretch(first, last),
            Entry::Vacant(new) => {
                let known = match self.room.as_mut().map_or(Admission::New, |room| room.admit(id)) {
                    Admission::Known(known) => Some(known),
                    Admission::New => None,
                    Admission::Refused => return false,
                };
                if known.is_none() {
                    self.table.push(id, series);
                }
                new.insert(Seen { first, last, known });
                if self.noted.is_some() {
                    self.order.push(id);
                }
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
        seen.stretch(time, time);
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
    fn stretch(&mut self, first: Nanos, last: Nanos) {
        self.first = self.first.min(first);
        self.last = self.last.max(last);
    }
}

impl NotedSeries {
    fn covers(&mut self, id: SeriesId, time: Nanos) -> bool {
        let expected = self.series.get(self.next).is_some_and(|(next, ..)| *next == id);
        let place = if expected { Some(self.next) } else { self.place_of.get(&id).copied() };
        let Some(place) = place else { return false };
        self.next = place + 1;
        let (_, first, last) = self.series[place];
        (first..=last).contains(&time)
    }

    fn add(&mut self, id: SeriesId, seen: &Seen) {
        let place = *self.place_of.entry(id).or_insert(self.series.len());
        match self.series.get_mut(place) {
            Some((_, first, last)) => (*first, *last) = (seen.first.min(*first), seen.last.max(*last)),
            None => self.series.push((id, seen.first, seen.last)),
        }
    }
}

/// The bounds of the window that `time` is in.
fn window_around(time: Nanos) -> (Nanos, Nanos) {
    let (first, last) = window_bounds(time.div_euclid(WINDOW));
    (first, last.max(time)) // of the last window that there is, the end is cut off
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
