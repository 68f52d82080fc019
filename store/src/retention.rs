//! Drops what is older than the retention, and the oldest windows of what is too much.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use model::Nanos;
use model::time::HOUR;

use crate::clock::ClockGuard;
use crate::flush::WINDOW;
use crate::manifest::{Record, SegmentEntry};
use crate::schema::Table;
use crate::segment::Segment;
use crate::store::Store;

/// How much is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// For how long; `None` keeps everything.
    pub traces: Option<Nanos>,
    pub logs: Option<Nanos>,
    pub metrics: Option<Nanos>,
    /// Bytes of segments and log together; the oldest windows of all signals go first. `None` sets no limit.
    pub max_bytes: Option<u64>,
}

impl Retention {
    /// Every signal for as long as `age`.
    pub fn of_age(age: Option<Nanos>) -> Self {
        Retention { traces: age, logs: age, metrics: age, max_bytes: None }
    }

    fn of_table(&self, table: Table) -> Option<Nanos> {
        match table {
            Table::Spans => self.traces,
            Table::Logs => self.logs,
            Table::Points | Table::Exemplars | Table::Series => self.metrics,
        }
    }
}

/// What the retention has dropped of a table since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    pub segments: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// The times that a request is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reception {
    /// When it was received; what is written to the log.
    pub received_at: Nanos,
    /// Rows before this are outside the retention: a receiver rejects them one by one.
    pub oldest_accepted: Nanos,
}

impl Store {
    /// What a request for `table` is judged by when the clock says `now`.
    ///
    /// While a jump of the clock is doubted, the time of receipt is the later and the retention counts from the earlier of
    /// what the clock says and what it would say without the jump, so that neither direction has good rows rejected.
    pub fn reception(&self, table: Table, now: Nanos) -> Reception {
        let reading = self.clock().read(now, self.opened.elapsed());
        let retention = self.config.retention.of_table(table);
        let oldest_accepted = retention.map_or(Nanos::MIN, |age| reading.earliest.saturating_sub(age));
        Reception { received_at: reading.latest, oldest_accepted }
    }

    fn clock(&self) -> MutexGuard<'_, ClockGuard> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the segments that are outside the retention at `now`, forgets series without points, and lets windows that
    /// closed be compacted. Called every minute or so.
    pub fn maintain(&self, now: Nanos) {
        self.maintain_at(now, self.opened.elapsed());
    }

    /// [`Store::maintain`] at `counted` since the store was opened.
    pub(crate) fn maintain_at(&self, now: Nanos, counted: Duration) {
        let _one_at_a_time = self.maintaining.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.is_closed() {
            return; // the directory may be another store's
        }
        let reading = {
            let mut clock = self.clock();
            let reading = clock.read(now, counted);
            clock.save(&self.config.dir.join("clock"), reading);
            reading
        };
        self.shared.compactor.tell_time(reading.earliest);
        let by_size = self.size_cutoff();
        let cutoff = |table: Table| {
            let retention = self.config.retention.of_table(table).filter(|_| reading.jump.is_none());
            retention.map_or(Nanos::MIN, |age| now.saturating_sub(age)).max(by_size)
        };
        self.drop_before(now, cutoff);
        self.shared.disk.set_aside();
        // The series of points in memory are written with them.
        let in_memory = self.snapshot().memory_start([Table::Points, Table::Exemplars]);
        self.shared.series.forget_before(cutoff(Table::Series).min(in_memory));
    }

    /// Drops the segments whose newest row is before the cutoff of their table. It is `now`.
    fn drop_before(&self, now: Nanos, cutoff: impl Fn(Table) -> Nanos) {
        let mut manifest = self.shared.lock_manifest();
        let remove: Vec<u64> = self.shared.segment_ids(|segment| segment.times().1 < cutoff(segment.table()));
        if remove.is_empty() {
            return;
        }
        // The manifest forgets them before the files go: a crash in between leaves orphans, not holes.
        let record = Record { remove: remove.clone(), ..Record::default() };
        let published = match manifest.publish(&record) {
            // To free space takes some.
            Err(_) if self.shared.disk.release() => manifest.publish(&record),
            published => published,
        };
        if let Err(error) = published {
            tracing::error!(%error, "cannot drop segments outside the retention, will try again");
            return;
        }
        let dropped = self.shared.segment_entries(|id| remove.contains(&id));
        self.shared.remove(&remove);
        self.note_dropped(&dropped, now);
    }

    /// Counts what was dropped, and tells the log of it table by table.
    fn note_dropped(&self, entries: &[SegmentEntry], now: Nanos) {
        let snapshot = self.snapshot();
        let mut all = self.shared.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, total) in Table::ALL.into_iter().zip(all.iter_mut()) {
            let mut dropped = Dropped::default();
            for entry in entries.iter().filter(|entry| entry.table == table.name()) {
                dropped.segments += 1;
                dropped.rows += entry.rows;
                dropped.bytes += entry.bytes();
            }
            if dropped.segments == 0 {
                continue;
            }
            total.segments += dropped.segments;
            total.rows += dropped.rows;
            total.bytes += dropped.bytes;
            let Dropped { segments, rows, bytes } = dropped;
            let hours = |oldest: Nanos| now.saturating_sub(oldest) as f64 / HOUR as f64;
            let oldest_kept = snapshot.extent(table).map(|(oldest, _)| format!("{:.1} h ago", hours(oldest)));
            let oldest_kept = oldest_kept.unwrap_or_else(|| "none".to_owned());
            let signal = table.name();
            tracing::info!(signal, segments, rows, bytes, oldest_kept, "dropped what is outside the retention");
        }
    }

    /// The end of the last window that has to go for segments and log to fit in [`Retention::max_bytes`].
    fn size_cutoff(&self) -> Nanos {
        let Some(max_bytes) = self.config.retention.max_bytes else { return Nanos::MIN };
        let snapshot = self.snapshot();
        let size = |segment: &Segment| segment.entry().bytes();
        let segments: u64 = snapshot.segments.iter().map(|segment| size(segment)).sum();
        let total = segments + self.shared.log_bytes.load(Ordering::Relaxed);
        let mut excess = total.saturating_sub(max_bytes);
        let mut by_end: Vec<(Nanos, u64)> =
            snapshot.segments.iter().map(|segment| (window_end(segment.times().1), size(segment))).collect();
        by_end.sort_unstable();
        let mut cutoff = Nanos::MIN;
        for (end, bytes) in by_end {
            if excess == 0 && end > cutoff {
                break;
            }
            cutoff = end;
            excess = excess.saturating_sub(bytes);
        }
        if cutoff > Nanos::MIN {
            tracing::warn!(total, max_bytes, "the data directory is over its limit; its oldest windows go");
        }
        cutoff
    }
}

/// The first time after the window that `time` is in.
fn window_end(time: Nanos) -> Nanos {
    time.div_euclid(WINDOW).saturating_add(1).saturating_mul(WINDOW)
}
