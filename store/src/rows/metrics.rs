//! Appends metric points and the series they belong to to columns.

use std::sync::Arc;

use arrow::array::{
    BinaryArray, BinaryBuilder, BooleanBuilder, FixedSizeBinaryArray, FixedSizeBinaryBuilder, Float64Array, Int64Array,
    NullBufferBuilder, RecordBatch, TimestampNanosecondArray, TimestampNanosecondBuilder, UInt8Builder, UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, BinaryType, Utf8Type};
use hashbrown::HashMap;
use model::{Nanos, Point, PointValue, Series, SeriesId};

use super::decisions::Decisions;
use super::dictionary::Dictionary;
use crate::flush::{WINDOW, window_bounds};
use crate::schema::Table;
use crate::series::{Admission, SeriesRoom, StoredSeries};

const WIDTH: &str = "series ids have the width of their column";

fn time_builder() -> TimestampNanosecondBuilder {
    TimestampNanosecondBuilder::with_capacity(0).with_timezone("UTC")
}

/// Columns of points under construction, with the series that they mention. A description is made of those series only that
/// the store does not know already: of next to none, once senders have sent for a while.
#[derive(Default)]
pub struct MetricRows {
    series: Vec<[u8; 16]>,
    time: Vec<Nanos>,
    start_time: Vec<Nanos>,
    flags: Vec<u32>,
    double_value: Optional<f64>,
    int_value: Optional<i64>,
    /// The distributions one after another, and where that of each point ends.
    distributions: Vec<u8>,
    distribution_ends: Optional<i32>,
    /// In the order in which they came. A new series is there once, a known one maybe more often: to find out costs more.
    mentioned: Vec<Mentioned>,
    /// Where new ones are, and all while the log is replayed: then the rows are those of many requests.
    place_of: HashMap<SeriesId, usize>,
    /// The series of which the store does not know already.
    table: SeriesRows,
    /// `None` knows no series and takes every one.
    room: Option<SeriesRoom>,
    /// Of the request whose rows come: of all signals.
    pub(super) decisions: Decisions,
    /// While the log is replayed: of series that the index knows, the times in which it knows to have seen them.
    noted: Option<NotedSeries>,
}

/// A column of which some rows are null.
struct Optional<T> {
    values: Vec<T>,
    valid: NullBufferBuilder,
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
struct Mentioned {
    id: SeriesId,
    /// The times of the first and the last point.
    first: Nanos,
    last: Nanos,
    known: Option<Arc<StoredSeries>>,
}

impl<T> Default for Optional<T> {
    fn default() -> Self {
        Optional::with_capacity(0)
    }
}

impl<T> Optional<T> {
    fn with_capacity(n: usize) -> Self {
        Optional { values: Vec::with_capacity(n), valid: NullBufferBuilder::new(n) }
    }

    /// `value`, or a null that is `none` underneath.
    fn push(&mut self, value: Option<T>, none: T) {
        self.valid.append(value.is_some());
        self.values.push(value.unwrap_or(none));
    }
}

impl<T: ArrowNativeType> Optional<T> {
    fn finish(mut self) -> (ScalarBuffer<T>, Option<NullBuffer>) {
        (self.values.into(), self.valid.finish())
    }
}

impl MetricRows {
    /// With room for so many points.
    pub(super) fn with_capacity(n_points: usize) -> Self {
        MetricRows {
            series: Vec::with_capacity(n_points),
            time: Vec::with_capacity(n_points),
            start_time: Vec::with_capacity(n_points),
            flags: Vec::with_capacity(n_points),
            double_value: Optional::with_capacity(n_points),
            int_value: Optional::with_capacity(n_points),
            distribution_ends: Optional::with_capacity(n_points),
            ..MetricRows::default()
        }
    }

    /// Makes room for so many points more.
    pub fn reserve(&mut self, n_points: usize) {
        self.series.reserve(n_points);
        self.time.reserve(n_points);
        self.start_time.reserve(n_points);
        self.flags.reserve(n_points);
        self.double_value.values.reserve(n_points);
        self.int_value.values.reserve(n_points);
        self.distribution_ends.values.reserve(n_points);
        self.mentioned.reserve(n_points);
    }

    pub fn is_empty(&self) -> bool {
        self.time.is_empty() && self.mentioned.is_empty()
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Bytes of the attributes of series that the store does not know.
    pub(super) fn new_series_bytes(&self) -> usize {
        self.table.attributes.values_slice().len()
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
        self.mentioned.iter().for_each(|series| noted.add(series));
        noted
    }

    /// Makes `series`, whose id is `id`, known, to be used by points and exemplars; `time` is that of a point. False when the
    /// series is new to the store and the store has no room for it; while the log is replayed, when that was so at the time.
    /// A decoder asks for the series of one body in the same order each time.
    pub fn admit(&mut self, id: SeriesId, series: &Series<'_>, time: Nanos) -> bool {
        match self.decisions.repeat() {
            Some(false) => false,
            Some(true) => self.find_or_add(id, series, time),
            None => {
                let admitted = self.find_or_add(id, series, time);
                self.decisions.note(admitted);
                admitted
            }
        }
    }

    fn find_or_add(&mut self, id: SeriesId, series: &Series<'_>, time: Nanos) -> bool {
        let (mut first, mut last) = (time, time);
        if let Some(noted) = &mut self.noted {
            if noted.covers(id, time) {
                return true;
            }
            (first, last) = window_around(time);
        }
        if let Some(mentioned) = self.find(id) {
            mentioned.stretch(first, last);
            return true;
        }
        let known = match self.room.as_mut().map_or(Admission::New, |room| room.admit(id, series.attr_bytes.len())) {
            Admission::Known(known) => Some(known),
            Admission::New => None,
            Admission::Refused => return false,
        };
        if known.is_none() {
            self.table.push(id, series);
        }
        self.mention(Mentioned { id, first, last, known });
        true
    }

    /// As [`MetricRows::admit`] of a series for which there is room in any case. Returns its id.
    pub fn series(&mut self, series: &Series<'_>, time: Nanos) -> SeriesId {
        let id = series.id();
        match self.find(id) {
            Some(mentioned) => mentioned.stretch(time, time),
            None => {
                self.table.push(id, series);
                self.mention(Mentioned { id, first: time, last: time, known: None });
            }
        }
        id
    }

    /// The series, if it was mentioned last, or before and noted where.
    fn find(&mut self, id: SeriesId) -> Option<&mut Mentioned> {
        let last = self.mentioned.len().wrapping_sub(1);
        let place = match self.mentioned.get(last) {
            Some(mentioned) if mentioned.id == id => last,
            _ if self.place_of.is_empty() => return None,
            _ => *self.place_of.get(&id)?,
        };
        self.mentioned.get_mut(place)
    }

    fn mention(&mut self, series: Mentioned) {
        if series.known.is_none() || self.noted.is_some() {
            self.place_of.insert(series.id, self.mentioned.len());
        }
        self.mentioned.push(series);
    }

    /// Takes out the series that the store knew already, with the times of its first and last point; maybe the same one again
    /// with other times.
    pub(crate) fn take_known(&mut self) -> Vec<(Arc<StoredSeries>, Nanos, Nanos)> {
        let known = |it: &mut Mentioned| Some((it.known.take()?, it.first, it.last));
        self.mentioned.iter_mut().filter_map(known).collect()
    }

    pub fn push(&mut self, point: &Point<'_>) {
        self.series.push(point.series.0.to_be_bytes());
        self.time.push(point.time);
        self.start_time.push(point.start_time);
        self.flags.push(point.flags);
        let (mut double, mut int, mut end) = (None, None, None);
        match point.value {
            PointValue::None => {}
            PointValue::Int(value) => int = Some(value),
            PointValue::Double(value) => double = Some(value),
            PointValue::Distribution(bytes) => {
                self.distributions.extend_from_slice(bytes);
                end = Some(self.end_of_distributions());
            }
        }
        self.double_value.push(double, 0.0);
        self.int_value.push(int, 0);
        let none = self.end_of_distributions();
        self.distribution_ends.push(end, none);
    }

    fn end_of_distributions(&self) -> i32 {
        i32::try_from(self.distributions.len()).expect("a request has fewer than 2^31 bytes")
    }

    /// The batches of points and of the series that the store did not know already.
    pub(crate) fn finish(self) -> (RecordBatch, Option<RecordBatch>) {
        const TYPES: &str = "the values are of the column's type";
        let times = |times: Vec<Nanos>| Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"));
        let ids = FixedSizeBinaryArray::try_new(16, self.series.into_flattened().into(), None).expect(TYPES);
        let (doubles, is_double) = self.double_value.finish();
        let (ints, is_int) = self.int_value.finish();
        let (ends, is_distribution) = self.distribution_ends.finish();
        let offsets = OffsetBuffer::new(std::iter::once(0).chain(ends.iter().copied()).collect());
        let distributions = BinaryArray::try_new(offsets, self.distributions.into(), is_distribution).expect(TYPES);
        let points = super::batch(
            Table::Points.schema(),
            vec![
                Arc::new(ids),
                times(self.time),
                times(self.start_time),
                Arc::new(UInt32Array::from(self.flags)),
                Arc::new(Float64Array::new(doubles, is_double)),
                Arc::new(Int64Array::new(ints, is_int)),
                Arc::new(distributions),
            ],
        );
        let mentioned = |id| self.place_of.get(&id).and_then(|place| self.mentioned.get(*place));
        let times = |id| mentioned(id).map(|series| (series.first, series.last)).unwrap_or_default();
        (points, (!self.table.ids.is_empty()).then(|| self.table.finish(times)))
    }
}

impl Mentioned {
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

    fn add(&mut self, series: &Mentioned) {
        let place = *self.place_of.entry(series.id).or_insert(self.series.len());
        match self.series.get_mut(place) {
            Some((_, first, last)) => (*first, *last) = (series.first.min(*first), series.last.max(*last)),
            None => self.series.push((series.id, series.first, series.last)),
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
