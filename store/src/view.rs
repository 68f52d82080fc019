//! What the threads of a store share: the view that queries take their snapshots of, and the manifest.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::commit::Command;
use crate::compact::Compactor;
use crate::dedup;
use crate::disk::DiskGuard;
use crate::flush::Frozen;
use crate::manifest::{Manifest, SegmentEntry};
use crate::memtable::{MERGE_ROWS, Memtable, PreparedRequest};
use crate::news::{Follower, News};
use crate::retention::Dropped;
use crate::schema::Table;
use crate::segment::{Recent, Segment};
use crate::series::SeriesIndex;
use crate::snapshot::Snapshot;
use crate::store::StoreConfig;
use crate::sync_times::SyncTimes;

/// What the threads of a store share.
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) series: Arc<SeriesIndex>,
    pub(crate) recent: Arc<Recent>,
    pub(crate) manifest: Mutex<Manifest>,
    /// Bytes of the log's files.
    pub(crate) log_bytes: AtomicU64,
    /// Requests that wait for the committer.
    pub(crate) queued: AtomicUsize,
    pub(crate) sync_times: SyncTimes,
    pub(crate) compactor: Compactor,
    pub(crate) disk: DiskGuard,
    /// Held during a flush.
    pub(crate) flushing: Mutex<()>,
    /// By the retention, by table.
    pub(crate) dropped: Mutex<[Dropped; Table::ALL.len()]>,
    /// To the committer: `None` before it runs, and once the store is closed.
    commands: Mutex<Option<SyncSender<Command>>>,
    view: Mutex<View>,
    pub(crate) row_group_rows: usize,
    pub(crate) flush_bytes: usize,
    flush_age: Duration,
    wake_flusher: Condvar,
}

/// What queries see; changed under one lock, so that rows are in exactly one place.
struct View {
    active: Memtable,
    active_since: Option<Instant>,
    frozen: Option<Arc<Frozen>>,
    segments: Arc<Vec<Arc<Segment>>>,
    follower: Follower,
    closed: bool,
}

impl Shared {
    pub(crate) fn new(
        config: &StoreConfig,
        manifest: Manifest,
        segments: Vec<Arc<Segment>>,
        recent: Arc<Recent>,
    ) -> Self {
        let view = View {
            active: Memtable::default(),
            active_since: None,
            frozen: None,
            segments: Arc::new(segments),
            follower: Follower::default(),
            closed: false,
        };
        Shared {
            dir: config.dir.clone(),
            series: Arc::default(),
            recent,
            manifest: Mutex::new(manifest),
            log_bytes: AtomicU64::new(0),
            queued: AtomicUsize::new(0),
            sync_times: SyncTimes::default(),
            compactor: Compactor::new(config),
            disk: DiskGuard::new(&config.dir, config.disk_reserve),
            dropped: Mutex::default(),
            flushing: Mutex::default(),
            commands: Mutex::default(),
            view: Mutex::new(view),
            row_group_rows: config.row_group_rows,
            flush_bytes: config.flush_bytes,
            flush_age: config.flush_age,
            wake_flusher: Condvar::new(),
        }
    }

    /// Ends the flusher.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake_flusher.notify_all();
    }

    pub(crate) fn commands(&self) -> Option<SyncSender<Command>> {
        self.commands.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// With `None` the committer ends, once those who have a sender are done.
    pub(crate) fn set_commands(&self, commands: Option<SyncSender<Command>>) {
        *self.commands.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = commands;
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot_of(&self.lock())
    }

    pub(crate) fn news(&self) -> News {
        let mut view = self.lock();
        let snapshot = self.snapshot_of(&view);
        let rows = view.follower.look(&snapshot.memory);
        News { snapshot, rows }
    }

    fn snapshot_of(&self, view: &View) -> Snapshot {
        // In the order in which the rows were stored.
        let mut memory = view.frozen.as_ref().map(|frozen| frozen.rows.chunks.clone()).unwrap_or_default();
        for (chunks, newer) in memory.iter_mut().zip(&view.active.chunks) {
            chunks.extend(newer.iter().cloned());
        }
        Snapshot { memory, segments: Arc::clone(&view.segments), series: Arc::clone(&self.series) }
    }

    /// Makes `rows` visible; `last_lsn` is the number of the last request among them. For the one thread that writes the log.
    pub(crate) fn push(&self, requests: Vec<PreparedRequest>, last_lsn: u64) {
        self.add(requests, last_lsn);
        self.merge(&MERGE_ROWS);
    }

    /// As [`Shared::push`], before anybody queries: nothing is merged. To be followed by [`Shared::end_replay`].
    pub(crate) fn push_replayed(&self, requests: PreparedRequest, last_lsn: u64) {
        self.add(vec![requests], last_lsn);
    }

    pub(crate) fn end_replay(&self) {
        self.merge(&MERGE_ROWS);
    }

    fn add(&self, requests: Vec<PreparedRequest>, last_lsn: u64) {
        // Before their points are: a flush looks them up.
        requests.iter().filter_map(|it| it.series.as_ref()).for_each(|series| self.series.note(series));
        let mut view = self.lock();
        for rows in requests.into_iter().flat_map(|request| request.rows) {
            view.active_since.get_or_insert_with(Instant::now);
            view.active.push(rows);
        }
        view.active.last_lsn = view.active.last_lsn.max(last_lsn);
        if view.active.bytes >= self.flush_bytes {
            self.wake_flusher.notify_one();
        }
    }

    /// Merges small chunks. Queries take snapshots meanwhile, and nobody else changes the rows in memory.
    fn merge(&self, steps: &[usize]) {
        loop {
            let Some(merge) = self.lock().active.merge(steps) else { return };
            // Unmerged they are right as well.
            let Ok(Some(merged)) = catch_unwind(AssertUnwindSafe(|| merge.run())) else { return };
            self.lock().active.replace(&merge, merged);
        }
    }

    /// Moves the rows in memory aside, unless others are on their way already.
    pub(crate) fn freeze(&self, stored: impl FnOnce() -> Vec<dedup::Stored>) {
        let mut view = self.lock();
        if view.frozen.is_none() && !view.active.is_empty() {
            let rows = std::mem::take(&mut view.active);
            view.active_since = None;
            view.frozen = Some(Arc::new(Frozen { rows, stored: stored() }));
        }
    }

    pub(crate) fn frozen(&self) -> Option<Arc<Frozen>> {
        self.lock().frozen.clone()
    }

    /// Lets `segments` take the place of the frozen rows.
    pub(crate) fn publish(&self, segments: Vec<Arc<Segment>>) {
        let mut view = self.lock();
        if let Some(frozen) = view.frozen.take() {
            view.follower.leave(&frozen.rows.chunks);
        }
        Arc::make_mut(&mut view.segments).extend(segments);
    }

    pub(crate) fn segment_ids(&self, mut wanted: impl FnMut(&Segment) -> bool) -> Vec<u64> {
        let segments = Arc::clone(&self.lock().segments);
        segments.iter().filter(|segment| wanted(segment)).map(|segment| segment.id()).collect()
    }

    /// What the manifest says of the segments in the view whose number is `wanted`.
    pub(crate) fn segment_entries(&self, wanted: impl Fn(u64) -> bool) -> Vec<SegmentEntry> {
        let segments = Arc::clone(&self.lock().segments);
        segments.iter().filter(|segment| wanted(segment.id())).map(|segment| segment.entry().clone()).collect()
    }

    /// The segments of `entries` that are in the view, in that order.
    pub(crate) fn segments_of(&self, entries: &[SegmentEntry]) -> Vec<Arc<Segment>> {
        let segments = Arc::clone(&self.lock().segments);
        let find = |entry: &SegmentEntry| segments.iter().find(|segment| segment.id() == entry.id).cloned();
        entries.iter().filter_map(find).collect()
    }

    /// Lets `segment` take the place of those with these ids; their files go with their last reader.
    pub(crate) fn replace(&self, ids: &[u64], segment: Arc<Segment>) {
        let mut view = self.lock();
        let segments = Arc::make_mut(&mut view.segments);
        segments.iter().filter(|segment| ids.contains(&segment.id())).for_each(|segment| segment.remove());
        segments.retain(|segment| !ids.contains(&segment.id()));
        segments.push(segment);
    }

    /// Takes the segments with these ids out of the view; their files go with their last reader.
    pub(crate) fn remove(&self, ids: &[u64]) {
        let mut view = self.lock();
        let segments = Arc::make_mut(&mut view.segments);
        segments.iter().filter(|segment| ids.contains(&segment.id())).for_each(|segment| segment.remove());
        segments.retain(|segment| !ids.contains(&segment.id()));
    }

    pub(crate) fn memory(&self) -> (u64, usize) {
        let view = self.lock();
        let frozen = view.frozen.as_ref().map_or((0, 0), |frozen| (frozen.rows.rows, frozen.rows.bytes));
        (view.active.rows + frozen.0, view.active.bytes + frozen.1)
    }

    /// The number of rows in memory when they take more than `limit` bytes.
    pub(crate) fn memory_over(&self, limit: usize) -> Option<u64> {
        let (rows, bytes) = self.memory();
        (bytes > limit).then_some(rows)
    }

    pub(crate) fn memory_is_full(&self) -> bool {
        self.lock().active.bytes >= self.flush_bytes
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits for `pause`, or until the store is closed.
    pub(crate) fn pause(&self, pause: Duration) {
        let result = self.wake_flusher.wait_timeout_while(self.lock(), pause, |view| !view.closed);
        drop(result.unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    /// Waits a second at most, or until there is reason to flush. `None` when the store is closed.
    pub(crate) fn wait_until_flush_is_due(&self) -> Option<bool> {
        let due = |view: &View| {
            let old = view.active_since.is_some_and(|since| since.elapsed() >= self.flush_age);
            old || view.active.bytes >= self.flush_bytes || view.frozen.is_some()
        };
        let view = self.lock();
        let result = self.wake_flusher.wait_timeout_while(view, Duration::from_secs(1), |it| !it.closed && !due(it));
        let (view, _) = result.unwrap_or_else(|poisoned| poisoned.into_inner());
        (!view.closed).then(|| due(&view))
    }
}
