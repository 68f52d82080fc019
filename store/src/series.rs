//! The series table in memory: every series that has points, by id, by metric name and by the values of its attributes.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use model::{Attrs, MetricKind, Nanos, Resource, Scope, Series, SeriesId, Temporality, TimeRange};

use crate::error::ReadError;

mod cardinality;
mod inner;
mod postings;
mod request;
mod select;

pub use cardinality::{Cardinality, LabelCardinality, MetricCardinality};
use inner::Inner;
pub(crate) use request::{Admission, SeriesOfRequest, SeriesRoom};
pub use select::{Condition, WantedLabel};

/// A series as the index keeps it.
pub struct StoredSeries {
    pub id: SeriesId,
    pub name: Arc<str>,
    pub unit: Arc<str>,
    pub description: Arc<str>,
    pub kind: MetricKind,
    pub temporality: Temporality,
    pub monotonic: bool,
    attrs: Box<[u8]>,
    resource: Arc<[u8]>,
    scope: Arc<[u8]>,
    first_time: AtomicI64,
    last_time: AtomicI64,
    /// The latest window of time that a segment describes it for, as the flush that wrote it counts windows. What the process
    /// before described is not known.
    described: AtomicI64,
    /// It is not in the index any more.
    forgotten: AtomicBool,
}

impl StoredSeries {
    pub fn attrs(&self) -> Attrs<'_> {
        Attrs::new(&self.attrs)
    }

    pub fn resource(&self) -> Resource<'_> {
        Resource::new(&self.resource)
    }

    pub fn scope(&self) -> Scope<'_> {
        Scope::new(&self.scope)
    }

    pub fn as_series(&self) -> Series<'_> {
        let resource = self.resource();
        Series {
            name: &self.name,
            unit: &self.unit,
            description: &self.description,
            kind: self.kind,
            temporality: self.temporality,
            monotonic: self.monotonic,
            attrs: self.attrs(),
            attr_bytes: &self.attrs,
            service: resource.service_name(),
            resource,
            scope: self.scope(),
        }
    }

    /// Whether points between the first and the last one overlap `range`.
    pub fn overlaps(&self, range: TimeRange) -> bool {
        range.overlaps(self.first_time.load(Ordering::Relaxed), self.last_time.load(Ordering::Relaxed))
    }

    /// The times of the first and the last point; of points that a process before stored, the bounds of their windows.
    pub fn times(&self) -> (Nanos, Nanos) {
        (self.first_time.load(Ordering::Relaxed), self.last_time.load(Ordering::Relaxed))
    }

    /// Whether a segment says of the whole `window` that the series has points in it.
    pub(crate) fn is_described_for(&self, window: i64) -> bool {
        self.described.load(Ordering::Relaxed) == window
    }

    /// Such a segment is published.
    pub(crate) fn set_described_for(&self, window: i64) {
        self.described.fetch_max(window, Ordering::Relaxed);
    }

    fn saw(&self, first: Nanos, last: Nanos) {
        // Reading is much cheaper than writing, and most often there is nothing to write to the first one.
        if first < self.first_time.load(Ordering::Relaxed) {
            self.first_time.fetch_min(first, Ordering::Relaxed);
        }
        if last > self.last_time.load(Ordering::Relaxed) {
            self.last_time.fetch_max(last, Ordering::Relaxed);
        }
    }
}

/// All series. Grows as points are committed; shrinks when retention drops their last points.
///
/// The committer adds to it, so no query may hold its lock for long: what walks many series or values does so in steps.
#[derive(Default)]
pub struct SeriesIndex {
    inner: RwLock<Inner>,
    /// What described series and could not be read, and the times of their points.
    unread: RwLock<Vec<(TimeRange, ReadError)>>,
}

impl SeriesIndex {
    /// Notes that series which have points in `range` may be missing here.
    pub(crate) fn note_unread(&self, range: TimeRange, error: ReadError) {
        self.unread.write().unwrap_or_else(PoisonError::into_inner).push((range, error));
    }

    /// What [`SeriesIndex::note_unread`] noted of `range`.
    pub(crate) fn unread(&self, range: TimeRange) -> Vec<ReadError> {
        let unread = self.unread.read().unwrap_or_else(PoisonError::into_inner);
        unread.iter().filter(|(of, _)| range.overlaps(of.start, of.end)).map(|(_, error)| error.clone()).collect()
    }

    pub fn get(&self, id: SeriesId) -> Option<Arc<StoredSeries>> {
        self.read().get(id).cloned()
    }

    /// The series of the metric `name` (as sent, not in Prometheus' form).
    pub fn by_name(&self, name: &str) -> Vec<Arc<StoredSeries>> {
        self.select(|it| it == name, &[])
    }

    /// The names of all metrics in order, as sent.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.read().names.keys().cloned().collect()
    }

    /// Every series, by metric name.
    pub fn all(&self) -> Vec<Arc<StoredSeries>> {
        self.select(|_| true, &[])
    }

    /// What all series take in memory, roughly.
    fn bytes(&self) -> usize {
        self.read().bytes
    }

    pub fn len(&self) -> usize {
        self.read().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of `mentioned`, series with the first and the last window that has points of them, that no segment describes for that
    /// one window.
    pub(crate) fn undescribed(&self, mentioned: &[(SeriesId, i64, i64)]) -> Vec<(Arc<StoredSeries>, i64, i64)> {
        const STEP: usize = 1024; // looked up under one lock
        let mut undescribed = Vec::new();
        for step in mentioned.chunks(STEP) {
            let inner = self.read();
            for (id, first, last) in step {
                if let Some(series) = inner.get(*id)
                    && (first != last || !series.is_described_for(*last))
                {
                    undescribed.push((Arc::clone(series), *first, *last));
                }
            }
        }
        undescribed
    }

    /// Adds `series` unless it is known, and stretches the time that it was seen in.
    pub(crate) fn insert(&self, id: SeriesId, series: &Series<'_>, first: Nanos, last: Nanos) {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).insert(id, series, (first, last));
    }

    /// Forgets the series whose last point is older than `oldest`.
    pub(crate) fn forget_before(&self, oldest: Nanos) {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).forget_before(oldest);
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
