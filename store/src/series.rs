//! The series table in memory: every series that has points, by id and by metric name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock};

use hashbrown::{HashMap, HashSet};
use model::{Attrs, MetricKind, Nanos, Resource, Scope, Series, SeriesId, Temporality, TimeRange};

/// A series as the index keeps it.
pub struct StoredSeries {
    pub id: SeriesId,
    pub name: Arc<str>,
    pub unit: Box<str>,
    pub description: Box<str>,
    pub kind: MetricKind,
    pub temporality: Temporality,
    pub monotonic: bool,
    attrs: Box<[u8]>,
    resource: Arc<[u8]>,
    scope: Arc<[u8]>,
    first_time: AtomicI64,
    last_time: AtomicI64,
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

    /// The times of the first and the last point, as far as is known.
    pub fn times(&self) -> (Nanos, Nanos) {
        (self.first_time.load(Ordering::Relaxed), self.last_time.load(Ordering::Relaxed))
    }

    fn saw(&self, first: Nanos, last: Nanos) {
        self.first_time.fetch_min(first, Ordering::Relaxed);
        self.last_time.fetch_max(last, Ordering::Relaxed);
    }
}

/// All series. Grows as points arrive; shrinks when retention drops their last points.
#[derive(Default)]
pub struct SeriesIndex {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    by_id: HashMap<SeriesId, Arc<StoredSeries>>,
    by_name: BTreeMap<Arc<str>, Vec<Arc<StoredSeries>>>,
    /// Resources and scopes, each kept once.
    shared: HashSet<Arc<[u8]>>,
}

impl Inner {
    fn share(&mut self, bytes: &[u8]) -> Arc<[u8]> {
        if let Some(known) = self.shared.get(bytes) {
            return Arc::clone(known);
        }
        let new: Arc<[u8]> = bytes.into();
        self.shared.insert(Arc::clone(&new));
        new
    }
}

impl SeriesIndex {
    pub fn get(&self, id: SeriesId) -> Option<Arc<StoredSeries>> {
        self.read().by_id.get(&id).cloned()
    }

    /// The series of the metric `name` (as sent, not in Prometheus' form).
    pub fn by_name(&self, name: &str) -> Vec<Arc<StoredSeries>> {
        self.read().by_name.get(name).cloned().unwrap_or_default()
    }

    /// The names of all metrics in order, as sent.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.read().by_name.keys().cloned().collect()
    }

    /// Every series, by metric name.
    pub fn all(&self) -> Vec<Arc<StoredSeries>> {
        self.read().by_name.values().flatten().cloned().collect()
    }

    pub fn len(&self) -> usize {
        self.read().by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds `series` unless it is known, and stretches the time that it was seen in.
    pub(crate) fn insert(&self, id: SeriesId, series: &Series<'_>, first: Nanos, last: Nanos) {
        if let Some(known) = self.read().by_id.get(&id) {
            known.saw(first, last);
            return;
        }
        let mut inner = self.inner.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let resource = inner.share(series.resource.as_bytes());
        let scope = inner.share(series.scope.as_bytes());
        let name = match inner.by_name.get_key_value(series.name) {
            Some((name, _)) => Arc::clone(name),
            None => series.name.into(),
        };
        let stored = Arc::new(StoredSeries {
            id,
            name: Arc::clone(&name),
            unit: series.unit.into(),
            description: series.description.into(),
            kind: series.kind,
            temporality: series.temporality,
            monotonic: series.monotonic,
            attrs: series.attr_bytes.into(),
            resource,
            scope,
            first_time: AtomicI64::new(first),
            last_time: AtomicI64::new(last),
        });
        if inner.by_id.insert(id, Arc::clone(&stored)).is_none() {
            inner.by_name.entry(name).or_default().push(stored);
        }
    }

    /// Forgets the series whose last point is older than `oldest`.
    pub(crate) fn forget_before(&self, oldest: Nanos) {
        let mut inner = self.inner.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let keep = |series: &Arc<StoredSeries>| series.last_time.load(Ordering::Relaxed) >= oldest;
        inner.by_id.retain(|_, series| keep(series));
        inner.by_name.retain(|_, series| {
            series.retain(keep);
            !series.is_empty()
        });
        inner.shared.retain(|bytes| Arc::strong_count(bytes) > 1);
    }

    fn knows(&self, id: SeriesId) -> bool {
        self.read().by_id.contains_key(&id)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// How many series a request may add, and which it need not.
pub(crate) struct SeriesRoom {
    index: Arc<SeriesIndex>,
    left: usize,
}

impl SeriesRoom {
    /// The room that `index` has below `max` series. Requests at the same time share it without knowing of each other, so
    /// the limit may be passed by what they add.
    pub(crate) fn new(index: &Arc<SeriesIndex>, max: usize) -> Self {
        SeriesRoom { index: Arc::clone(index), left: max.saturating_sub(index.len()) }
    }

    /// Whether the series may have points. Takes room for one that is not known; to be asked once for each.
    pub(crate) fn admits(&mut self, id: SeriesId) -> bool {
        if self.index.knows(id) {
            return true;
        }
        let admitted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        admitted
    }
}
