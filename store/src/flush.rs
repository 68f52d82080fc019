//! Moves rows from memory into segments.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::MutexGuard;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use crate::commit::Command;
use crate::dedup;
use crate::error::ReadError;
use crate::manifest::{Manifest, Record, SegmentEntry};
use crate::memtable::Memtable;
use crate::schema::Table;
use crate::segment::{self, Segment};
use crate::store::Store;
use crate::view::Shared;

mod points;
mod series;
mod windows;

use series::Undescribed;
pub(crate) use windows::{WINDOW, window_bounds};

/// After a failed flush, wait this long before the next try.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(5);

/// Rows on their way to segments; still visible in memory until those are published.
pub(crate) struct Frozen {
    pub(crate) rows: Memtable,
    /// What was stored up to them.
    pub(crate) stored: Vec<dedup::Stored>,
}

/// The segments that a flush wrote of a table.
struct Written {
    table: Table,
    /// All that were begun.
    ids: Vec<u64>,
    entries: Vec<SegmentEntry>,
}

impl Store {
    /// Writes the rows in memory to segments and lets go of the log that held them. Blocks; concurrent calls wait for
    /// each other. On an error the rows stay in memory and in the log, and the next flush tries again.
    pub fn flush(&self) -> Result<(), ReadError> {
        self.shared.flush()
    }
}

impl Shared {
    fn flush(&self) -> Result<(), ReadError> {
        let _one_at_a_time = self.flushing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Of a store that is closed, what is in memory is in the log.
        let Some(commands) = self.commands().filter(|_| !self.is_closed()) else { return Ok(()) };
        if self.frozen().is_none() {
            let (done, wait) = sync_channel(1);
            if commands.send(Command::Freeze(done)).is_err() {
                return Ok(()); // closing, as above
            }
            wait.recv().map_err(|_| ReadError::new(&self.dir, "the rows in memory could not be set aside"))?;
        }
        let Some(frozen) = self.frozen() else { return Ok(()) };
        self.write_frozen(&frozen)?;
        drop(commands.send(Command::Retire(frozen.rows.last_lsn)));
        Ok(())
    }

    /// Flushes when enough rows are in memory, or old ones, until the store is closed.
    pub(crate) fn run_flusher(&self) {
        while let Some(due) = self.wait_until_flush_is_due() {
            if !due {
                continue;
            }
            let error = match catch_unwind(AssertUnwindSafe(|| self.flush())) {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "writing it failed in an unforeseen way".to_owned(),
            };
            tracing::error!(error, "cannot write a segment; rows stay in memory and in the log");
            self.pause(PAUSE_AFTER_ERROR);
        }
    }

    /// The number of a segment about to be written. A number that is not used in the end is lost, which does no harm.
    pub(crate) fn reserve_segment_id(&self) -> u64 {
        self.lock_manifest().next_segment_id()
    }

    pub(crate) fn lock_manifest(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Writes the segments of `frozen`, publishes them, and lets them take the place of the rows in memory. The manifest
    /// is locked for the publication only.
    pub(crate) fn write_frozen(&self, frozen: &Frozen) -> Result<(), ReadError> {
        let started = Instant::now();
        let mut written = Vec::new();
        let mut series = Undescribed::default();
        let tables = self.write_tables(frozen, &mut series, &mut written);
        let published = tables.and_then(|()| self.publish_flush(frozen, &written));
        if let Err(error) = published {
            // Left in place, a full disk would get fuller with every try. But a record that may be in the manifest must not
            // name files that are gone.
            if self.lock_manifest().is_sound() {
                written.iter().for_each(|it| segment::remove_files(&self.dir, it.table, &it.ids));
            }
            return Err(error);
        }
        series.are_described();
        let elapsed_ms = started.elapsed().as_millis() as u64;
        let segments: usize = written.iter().map(|it| it.entries.len()).sum();
        tracing::debug!(rows = frozen.rows.rows, segments, elapsed_ms, "flushed");
        self.compactor.notify();
        Ok(())
    }

    fn write_tables(
        &self,
        frozen: &Frozen,
        series: &mut Undescribed,
        written: &mut Vec<Written>,
    ) -> Result<(), ReadError> {
        // The series come last: those that are mentioned are known then.
        for table in Table::ALL {
            let batches: Vec<_> = match table {
                Table::Series => series.batch(&self.series).into_iter().collect(),
                _ => frozen.rows.chunks[table as usize].iter().map(|chunk| chunk.batch.clone()).collect(),
            };
            let mut ids = Vec::new();
            let entries = match table {
                Table::Points => points::write(self, &batches, &mut ids, |part| series.mention(part)),
                Table::Exemplars => windows::write(self, table, &batches, &mut ids, |part| series.mention(part)),
                _ => windows::write(self, table, &batches, &mut ids, |_| {}),
            };
            let (entries, result) = match entries {
                Ok(entries) => (entries, Ok(())),
                Err(error) => (Vec::new(), Err(error)),
            };
            written.push(Written { table, ids, entries });
            result?;
        }
        Ok(())
    }

    fn publish_flush(&self, frozen: &Frozen, written: &[Written]) -> Result<(), ReadError> {
        // The hashes go first: an older file of them would let a retry in twice. A newer one does no harm, since replay goes by
        // the hashes in the log.
        let path = self.dir.join("dedup");
        dedup::save(&path, &frozen.stored).map_err(|error| ReadError::new(path, error))?;
        let add: Vec<SegmentEntry> = written.iter().flat_map(|it| it.entries.iter().cloned()).collect();
        let segments: Vec<_> = add.iter().filter_map(|entry| Segment::written(self, entry)).collect();
        let record = Record { add, low_water: Some(frozen.rows.last_lsn), ..Record::default() };
        let mut manifest = self.lock_manifest();
        manifest.publish(&record).map_err(|error| ReadError::new(self.dir.join("manifest"), error))?;
        self.publish(segments);
        Ok(())
    }
}
