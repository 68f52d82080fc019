//! One compaction: reads its inputs, writes one segment, publishes it in their place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::output::{MergeError, Output};
use super::plan::Job;
use super::{by_series, by_time};
use crate::error::ReadError;
use crate::layout::Layout;
use crate::manifest::{Record, SegmentEntry};
use crate::schema::Table;
use crate::segment::{Segment, SegmentWriter, remove_files, sync_names};
use crate::view::Shared;

/// What a published job came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rows_in: u64,
    pub(super) rows_out: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) duplicates: u64,
    pub(super) conflicts: u64,
    pub(super) elapsed: Duration,
    pub(super) cpu: Duration,
}

impl Shared {
    /// Does `job`. `false` when the store was closed meanwhile; then nothing was changed.
    pub(crate) fn compact(&self, job: &Job) -> Result<bool, ReadError> {
        let _one_at_a_time = self.compactor.working.lock().unwrap_or_else(PoisonError::into_inner);
        // The directory may be another store's from here on, and so may the number of the segment be.
        if self.compactor.is_closed() {
            return Ok(false);
        }
        let (started, cpu) = (Instant::now(), cpu_time());
        let inputs: Vec<Arc<Segment>> = self.segments_of(&job.inputs);
        if inputs.len() != job.inputs.len() {
            return Ok(!self.compactor.is_closed()); // retention was quicker; the next plan knows
        }
        let id = self.reserve_segment_id();
        let merged = catch_unwind(AssertUnwindSafe(|| self.merge_segments(job, &inputs, id)))
            .unwrap_or_else(|_| Err(MergeError::Inputs("merging them failed in an unforeseen way".to_owned())));
        let published = merged.and_then(|(entry, mut outcome)| {
            if !self.publish_compaction(job, &entry)? {
                return Ok(None);
            }
            (outcome.elapsed, outcome.cpu) = (started.elapsed(), cpu_time().saturating_sub(cpu));
            Ok(Some(outcome))
        });
        let outcome = match published {
            Ok(Some(outcome)) => outcome,
            other => {
                // A record that may be in the manifest, though its publication failed, must not name files that are gone.
                if self.lock_manifest().is_sound() {
                    remove_files(&self.dir, job.table, &[id]);
                }
                return match other {
                    Ok(_) => Ok(true), // void: the next plan knows
                    Err(MergeError::Closed) => Ok(false),
                    Err(MergeError::Output(error)) => Err(error),
                    Err(MergeError::Inputs(error)) => {
                        // Which input it was cannot be said: without all of them the others still can be compacted.
                        job.inputs.iter().for_each(|input| self.compactor.avoid(input.id));
                        tracing::warn!(table = job.table.name(), %error, "segments cannot be merged and stay as they are");
                        Ok(true)
                    }
                    Err(MergeError::Input(id, error)) => {
                        self.compactor.avoid(id);
                        tracing::warn!(segment = id, %error, "a segment cannot be read; compaction leaves it as it is");
                        Ok(true)
                    }
                };
            }
        };
        tracing::debug!(
            table = job.table.name(),
            inputs = job.inputs.len(),
            rows_in = outcome.rows_in,
            rows_out = outcome.rows_out,
            bytes_in = outcome.bytes_in,
            bytes_out = outcome.bytes_out,
            duplicates = outcome.duplicates,
            elapsed_ms = outcome.elapsed.as_millis() as u64,
            cpu_ms = outcome.cpu.as_millis() as u64,
            "compacted"
        );
        self.compactor.count(&outcome);
        Ok(true)
    }

    /// Writes the segment `id` out of `inputs`.
    fn merge_segments(
        &self,
        job: &Job,
        inputs: &[Arc<Segment>],
        id: u64,
    ) -> Result<(SegmentEntry, Outcome), MergeError> {
        let may_go_on = || !self.compactor.is_closed();
        let layout = Layout::of_compacted(job.table);
        let writer = SegmentWriter::create(&self.dir, job.table, id, 1, layout);
        let writer = writer.with_text_memory(self.compactor.budget);
        let mut output = Output { writer, may_go_on: &may_go_on, duplicates: 0, conflicts: 0 };
        let rows = self.compactor.row_group_rows;
        match job.table {
            Table::Spans | Table::Logs => {
                let limits = by_time::Limits { rows: 2 * rows, budget: self.compactor.budget };
                by_time::merge(job.table, inputs, limits, &mut output)?
            }
            Table::Points | Table::Exemplars | Table::Series => by_series::merge(job.table, inputs, rows, &mut output)?,
        }
        let Output { writer, duplicates, conflicts, .. } = output;
        let mut entry = writer.finish().map_err(MergeError::Output)?;
        sync_names(&self.dir, job.table).map_err(MergeError::Output)?;
        entry.newest = job.inputs.iter().map(SegmentEntry::stored).max().unwrap_or(0);
        let outcome = Outcome {
            rows_in: job.inputs.iter().map(|input| input.rows).sum(),
            rows_out: entry.rows,
            bytes_in: job.inputs.iter().map(SegmentEntry::bytes).sum(),
            bytes_out: entry.bytes(),
            duplicates,
            conflicts,
            ..Outcome::default()
        };
        if outcome.rows_in != outcome.rows_out + outcome.duplicates {
            let (found, wanted) = (outcome.rows_out + outcome.duplicates, outcome.rows_in);
            return Err(MergeError::Inputs(format!("of {wanted} rows {found} came out")));
        }
        Ok((entry, outcome))
    }

    /// Lets `entry` take the place of the inputs of `job`; `false` when retention has removed one of them meanwhile.
    fn publish_compaction(&self, job: &Job, entry: &SegmentEntry) -> Result<bool, MergeError> {
        let Some(segment) = Segment::written(self, entry) else { return Ok(false) };
        let remove: Vec<u64> = job.inputs.iter().map(|input| input.id).collect();
        let record = Record { add: vec![entry.clone()], remove: remove.clone(), ..Record::default() };
        let mut manifest = self.lock_manifest();
        if remove.iter().any(|id| !manifest.state().segments.contains_key(id)) {
            return Ok(false);
        }
        manifest
            .publish(&record)
            .map_err(|error| MergeError::Output(ReadError::new(self.dir.join("manifest"), error)))?;
        self.replace(&remove, segment);
        Ok(true)
    }
}

/// Time of the processor that this thread has had.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}
