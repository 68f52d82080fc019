//! One SLO while it is watched: its buckets, and which of them have to be counted next.
//!
//! Three hands count. *Recent* counts the time since the last look and a little before, and now and then the last five
//! minutes, for late spans. *Backfill* works from there back to the start of the window or of the stored data. *Sweep*
//! goes over the window again and again, slowly, for spans that came later still, such as an imported history.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Nanos;
use model::time::{HOUR, MINUTE, SECOND};
use slo::alert::SloAlerts;
use slo::windows::first_needed;
use slo::{Buckets, Count, Slo};

use super::CountEvents;

/// Spans that arrive so late are counted within seconds. Exporters send every 5 s.
const RECENT: Nanos = 30 * SECOND;
/// Spans that arrive so late are counted within [`LATE_EVERY`].
const LATE: Nanos = 5 * MINUTE;
const LATE_EVERY: Nanos = 30 * SECOND;
/// The sweep may take this share of one core: after each piece it rests so many times as long as the piece took.
const SWEEP_REST: u32 = 100;
/// Pieces are sized to take about so long.
const PIECE_TIME: Duration = Duration::from_millis(200);

pub(super) struct Track {
    pub(super) slo: Arc<Slo>,
    pub(super) buckets: Buckets,
    pub(super) alerts: SloAlerts,
    /// Whether the buckets differ from the stored ones.
    pub(super) is_dirty: bool,
    /// Why the last counting failed.
    pub(super) problem: Option<String>,
    late_counted: Nanos,
    /// Buckets per piece of backfill or sweep; adapts to how long a piece takes.
    piece: i64,
    /// The end of the next piece of the sweep, and when it may run.
    sweep: Option<i64>,
    sweep_after: Option<Instant>,
}

impl Track {
    pub(super) fn new(slo: Arc<Slo>, buckets: Buckets, alerts: SloAlerts) -> Self {
        let piece = (HOUR / buckets.width()).max(1);
        Self {
            slo,
            buckets,
            alerts,
            is_dirty: false,
            problem: None,
            late_counted: 0,
            piece,
            sweep: None,
            sweep_after: None,
        }
    }

    /// Counts what is new at `now`; false if it failed, or if `deadline` came before it was done.
    pub(super) fn count_recent(&mut self, now: Nanos, count: &CountEvents, deadline: Instant) -> bool {
        let end = self.buckets.bucket_of(now) + 1;
        let covered = self.buckets.covered();
        let is_late_due = now.saturating_sub(self.late_counted).unsigned_abs() >= LATE_EVERY.unsigned_abs();
        let back = if is_late_due { LATE + LATE_EVERY } else { RECENT };
        let recent = self.buckets.bucket_of(now.saturating_sub(back));
        let capacity = i64::try_from(self.buckets.capacity()).unwrap_or(i64::MAX);
        let mut start = if covered.is_empty() || covered.end < end.saturating_sub(capacity) {
            // Nothing is known, or nothing that still matters: begin with now, the backfill does the rest.
            self.buckets.bucket_of(now.saturating_sub(LATE))
        } else if covered.end < recent {
            // The box was down, or counting failed for a while: go on where it ended, and a little before for late spans.
            covered.end - LATE / self.buckets.width()
        } else {
            recent
        };
        start = start.max(end - capacity);
        while start < end {
            let piece = start..end.min(start + self.piece.max(LATE / self.buckets.width() + 2));
            if !self.count(&piece, count) {
                return false;
            }
            start = piece.end;
            if start < end && Instant::now() >= deadline {
                return false;
            }
        }
        if is_late_due {
            self.late_counted = now;
        }
        true
    }

    /// The first bucket that stored data can fill.
    fn target(&self, now: Nanos, oldest_span: Option<Nanos>) -> i64 {
        let window = first_needed(&self.slo, &self.buckets, now);
        oldest_span.map_or(i64::MAX, |oldest| window.max(self.buckets.bucket_of(oldest)))
    }

    /// The share of the stored data of the window that has been counted, while some has not.
    pub(super) fn backfill(&self, now: Nanos, oldest_span: Option<Nanos>) -> Option<f64> {
        let (covered, target) = (self.buckets.covered(), self.target(now, oldest_span));
        if covered.start <= target {
            return None;
        }
        let end = self.buckets.bucket_of(now) + 1;
        Some((end - covered.start) as f64 / (end - target).max(1) as f64)
    }

    /// Counts one more piece of older data, if there is any that has not been counted; whether it did.
    pub(super) fn count_older(&mut self, now: Nanos, oldest_span: Option<Nanos>, count: &CountEvents) -> bool {
        let (covered, target) = (self.buckets.covered(), self.target(now, oldest_span));
        if covered.is_empty() || covered.start <= target {
            return false;
        }
        let piece = target.max(covered.start - self.piece)..covered.start;
        self.timed(&piece, count)
    }

    /// Counts one piece again, if the sweep is due in the round that began at `round`; whether it did.
    pub(super) fn sweep(
        &mut self,
        now: Nanos,
        round: Instant,
        oldest_span: Option<Nanos>,
        count: &CountEvents,
    ) -> bool {
        if self.sweep_after.is_some_and(|after| round < after) {
            return false;
        }
        let begin = Instant::now();
        let first = self.target(now, oldest_span).max(self.buckets.covered().start);
        let last = self.buckets.bucket_of(now.saturating_sub(LATE));
        let end = self.sweep.filter(|end| *end > first).unwrap_or(last).min(last);
        let piece = first.max(end - self.piece)..end;
        if piece.is_empty() {
            return false;
        }
        let counted = self.timed(&piece, count);
        self.sweep = Some(piece.start);
        self.sweep_after = Some(round + begin.elapsed() * SWEEP_REST);
        counted
    }

    fn timed(&mut self, piece: &Range<i64>, count: &CountEvents) -> bool {
        let begin = Instant::now();
        let counted = self.count(piece, count);
        let took = begin.elapsed();
        if took < PIECE_TIME / 2 {
            self.piece = (self.piece * 2).min(i64::from(u16::MAX));
        } else if took > PIECE_TIME * 2 {
            self.piece = (self.piece / 2).max(1);
        }
        counted
    }

    /// Counts the buckets of `piece`. A count only ever grows: spans do not go away but by retention, and what retention
    /// drops was counted before.
    fn count(&mut self, piece: &Range<i64>, count: &CountEvents) -> bool {
        let expected = piece.end.saturating_sub(piece.start);
        let counts = match count(&self.slo, self.buckets.time_of(piece)) {
            Ok(counts) if counts.len() as i64 == expected => counts,
            Ok(counts) => {
                self.problem = Some(format!("counting gave {} buckets, {expected} were asked for", counts.len()));
                return false;
            }
            Err(error) => {
                self.problem = Some(error);
                return false;
            }
        };
        self.problem = None;
        let grown = |(bucket, new): (i64, Count)| {
            let old = self.buckets.sum(bucket..bucket + 1);
            if new.total < old.total { old } else { new }
        };
        let merged: Vec<Count> = (piece.start..).zip(counts).map(grown).collect();
        self.buckets.replace(piece.start, &merged);
        self.is_dirty = true;
        true
    }
}
