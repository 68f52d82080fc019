//! One SLO while it is watched: its counts, and which time of them has to be counted again.
//!
//! Events that come are added as they come (`evaluator/counting.rs`). What nobody saw coming, in the time before a start
//! or behind a flush, is *to do*: it is counted again from what is stored. *Backfill* goes from there back to the start of
//! the window or of the stored data.

use std::ops::Range;
use std::sync::Arc;

use model::time::MINUTE;
use model::{Nanos, TimeRange};
use slo::alert::{Phase, SloAlerts};
use slo::counts::Recount;
use slo::groups::Group;
use slo::spec::Indicator;
use slo::status::{BurnPoint, SloStatus};
use slo::windows::first_needed;
use slo::{Counts, Slo, Tally};

/// Before a stretch that nobody saw coming so much is counted again too, for events that came late.
pub(super) const LATE: Nanos = 5 * MINUTE;
/// Events that claim to be of so much later are counted; the clocks of senders differ.
pub(super) const AHEAD: Nanos = MINUTE;
/// What PromQL gives for the last minutes is asked for again, since samples come late: two of its longest stretches.
pub(super) const EVALUATED_AGAIN: Nanos = 2 * crate::counting::LONGEST_STRETCH;

/// Counts without a new event are stored so often, so that a start need not look at what it knows.
const SAVE_IDLE: Nanos = 10 * MINUTE;

pub(super) struct Track {
    pub(super) slo: Arc<Slo>,
    pub(super) counts: Counts,
    pub(super) alerts: SloAlerts,
    /// Whether the counts differ from the stored ones, and when they were stored.
    pub(super) is_dirty: bool,
    pub(super) saved_at: Nanos,
    /// Why the last counting failed.
    pub(super) problem: Option<String>,
    /// What has to be counted again; its events so far may be missing.
    pub(super) todo: Option<TimeRange>,
    /// Whether its counts go on from a moment that is known.
    pub(super) is_joined: bool,
    pub(super) status: Option<Arc<SloStatus>>,
    /// The chart, and when it was drawn.
    pub(super) burn: Arc<[BurnPoint]>,
    pub(super) drawn_at: Nanos,
}

impl Track {
    pub(super) fn new(slo: Arc<Slo>, counts: Counts, alerts: SloAlerts) -> Self {
        Self {
            slo,
            counts,
            alerts,
            is_dirty: false,
            saved_at: 0,
            problem: None,
            todo: None,
            is_joined: false,
            status: None,
            burn: Arc::default(),
            drawn_at: 0,
        }
    }

    /// Buckets that the ring needs beside those of the window.
    pub(super) fn ahead(slo: &Slo) -> usize {
        usize::try_from((AHEAD + MINUTE) / slo.bucket_width()).unwrap_or_default() + 1
    }

    /// Whether its events are counted one by one as they come, and not asked for by PromQL.
    pub(super) fn is_counted(&self) -> bool {
        matches!(self.slo.indicator, Indicator::Spans(_) | Indicator::Logs(_))
    }

    /// Whether everything up to now is in its counts.
    pub(super) fn is_up_to_date(&self) -> bool {
        self.is_joined && self.todo.is_none() && self.problem.is_none()
    }

    /// Covers the time up to `now`. Events before are counted again from where the counts end, or from a little before
    /// `now` if nothing that still matters is counted.
    pub(super) fn join(&mut self, now: Nanos) {
        let covered = self.counts.all().covered_time();
        let (end, back) = match self.is_counted() {
            true => (up(now.saturating_add(AHEAD)), LATE),
            false => (self.bucket_end(now), EVALUATED_AGAIN),
        };
        let reach = now.saturating_sub(self.counts.all().capacity() as i64 * self.width());
        let is_of_use = !covered.is_empty() && covered.end > reach && covered.start < now;
        // The end of stored counts lies ahead of the moment until when they are known.
        let since = if is_of_use { covered.end.saturating_sub(AHEAD + MINUTE).min(now) } else { now };
        let start = down(since.saturating_sub(back));
        if !is_of_use {
            self.counts = Counts::new(&self.slo, Self::ahead(&self.slo));
            self.counts.extend(self.bucket(start), self.bucket(end));
        } else {
            self.counts.extend(self.bucket(covered.end), self.bucket(end));
        }
        self.again(TimeRange::new(start, end.max(covered.end)));
        self.is_joined = true;
    }

    /// Covers the time up to `now`, of which all events are seen as they come.
    pub(super) fn go_on(&mut self, now: Nanos) {
        let end = self.counts.all().covered().end;
        self.counts.extend(end, self.bucket(up(now.saturating_add(AHEAD))));
        self.is_dirty |= now.saturating_sub(self.saved_at) > SAVE_IDLE;
    }

    /// Adds events that came.
    pub(super) fn add(&mut self, tally: &Tally) {
        if !tally.cells.is_empty() {
            let alerts = &self.alerts;
            self.counts.add(tally, &|group| is_alerting(alerts, group));
            self.is_dirty = true;
        }
    }

    /// Has `range` counted again.
    pub(super) fn again(&mut self, range: TimeRange) {
        let joined =
            self.todo.map_or(range, |todo| TimeRange::new(todo.start.min(range.start), todo.end.max(range.end)));
        self.todo = (!joined.is_empty()).then_some(joined);
    }

    /// Has what PromQL says of the last minutes asked for, if a bucket has ended since it was; true when one has.
    pub(super) fn ask_again(&mut self, now: Nanos) -> bool {
        let (covered, end) = (self.counts.all().covered_time(), self.bucket_end(now));
        if covered.end >= end {
            return false;
        }
        self.again(TimeRange::new(down(covered.end.saturating_sub(EVALUATED_AGAIN)), end));
        true
    }

    /// Takes `tally` for the events of `range`, whose ends are whole buckets.
    pub(super) fn replace(&mut self, range: TimeRange, tally: &Tally) {
        let recount = if self.is_counted() { Recount::Grows } else { Recount::Changes };
        let buckets = self.bucket(range.start)..self.bucket(range.end);
        let alerts = &self.alerts;
        self.counts.replace(buckets, tally, recount, &|group| is_alerting(alerts, group));
        self.problem = None;
        self.is_dirty = true;
        if let Some(todo) = self.todo.filter(|todo| range.start <= todo.start) {
            self.todo = (range.end < todo.end).then_some(TimeRange::new(todo.start.max(range.end), todo.end));
        }
    }

    /// The start of the first bucket that stored data can fill.
    pub(super) fn target(&self, now: Nanos, oldest: Option<Nanos>) -> Nanos {
        let buckets = self.counts.all();
        let window = first_needed(&self.slo, buckets, now);
        oldest.map_or(Nanos::MAX, |oldest| buckets.time_of(&single(window.max(buckets.bucket_of(oldest)))).start)
    }

    /// The end of the stored data that have not been counted; `None` when all have.
    pub(super) fn older(&self, now: Nanos, oldest: Option<Nanos>) -> Option<Nanos> {
        let covered = self.counts.all().covered_time();
        (!covered.is_empty() && covered.start > self.target(now, oldest)).then_some(covered.start)
    }

    /// The share of the stored data of the window that has been counted, while some has not.
    pub(super) fn backfill(&self, now: Nanos, oldest: Option<Nanos>) -> Option<f64> {
        if !self.is_joined {
            return oldest.map(|_| 0.0);
        }
        let start = self.older(now, oldest)?;
        let all = now.saturating_sub(self.target(now, oldest)).max(1);
        Some(now.saturating_sub(start).max(0) as f64 / all as f64)
    }

    fn width(&self) -> Nanos {
        self.counts.all().width()
    }

    fn bucket(&self, time: Nanos) -> i64 {
        self.counts.all().bucket_of(time)
    }

    /// The end of the last bucket that is over.
    fn bucket_end(&self, now: Nanos) -> Nanos {
        now.div_euclid(self.width()) * self.width()
    }
}

/// The groups of an SLO that have counts of their own.
pub(super) fn groups(counts: &Counts) -> Vec<Group> {
    counts.groups().map(|(group, _)| group.clone()).collect()
}

fn single(bucket: i64) -> Range<i64> {
    bucket..bucket.saturating_add(1)
}

fn is_alerting(alerts: &SloAlerts, group: &Group) -> bool {
    alerts.tiers.iter().any(|alert| alert.group == *group && alert.phase != Phase::Inactive)
}

/// The whole minute at or before `time`; there the buckets of all SLOs meet.
pub(super) fn down(time: Nanos) -> Nanos {
    time.div_euclid(MINUTE) * MINUTE
}

/// The whole minute at or after `time`.
pub(super) fn up(time: Nanos) -> Nanos {
    down(time.saturating_add(MINUTE - 1))
}
