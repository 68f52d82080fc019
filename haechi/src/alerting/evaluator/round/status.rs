//! What the pages and the APIs see of a round.

use std::sync::Arc;

use model::time::MINUTE;
use model::{Nanos, TimeRange};
use slo::burn::{budget_windows, read_windows};
use slo::groups::Group;
use slo::spec::SpecError;
use slo::status::{Coverage, GroupStatus, Health, Silence, SloStatus};
use slo::windows::Windows;
use slo::{Status, chart};

use super::Rounds;
use crate::alerting::evaluator::counted::OfSlo;
use crate::alerting::evaluator::dispatch::Dispatch;
use crate::alerting::state::HISTORY;
use crate::alerting::track::Track;

/// Points of the chart of one SLO: minutes of a window of a day, so that the demo draws a line within minutes.
const POINTS: usize = 1440;
/// A chart is drawn anew when so much of one of its points has passed.
const CHART_PARTS: Nanos = 10;

impl Rounds {
    /// What is known now.
    pub(in crate::alerting) fn status(&self) -> Status {
        let rules = self.rules.as_ref().map(|rules| rules.status()).unwrap_or_default();
        let of = |track: &Track| track.status.clone().unwrap_or_else(|| Arc::new(self.slo_status(track, 0)));
        Status {
            evaluated_at: self.evaluated_at,
            interval: self.interval(),
            took: Nanos::try_from(self.took.as_nanos()).unwrap_or(Nanos::MAX),
            caught_up: self.caught_up,
            slos: self.tracks.values().map(of).collect(),
            file_errors: self.file_errors(),
            works: self.problem.is_none() && rules.problem.is_none(),
            problem: self.problem.clone().or_else(|| self.start_problem.clone()),
            history: self.state.history(),
            most_changes: HISTORY,
            silences: self.state.silences(),
            routing: self.dispatch.as_ref().and_then(Dispatch::routing),
            delivery: self.state.delivery(&self.config.receivers),
            rules,
        }
    }

    /// The counts of the SLO of that name.
    pub(in crate::alerting::evaluator) fn counts(&self, name: &str) -> Option<OfSlo> {
        let track = self.tracks.get(name)?;
        let (slo, counts) = (Arc::clone(&track.slo), track.counts.clone());
        // A ring that has been full may have let go of what was before.
        let is_young = counts.all().covered_time().length() < slo.window.longest();
        let is_all = is_young && track.backfill((self.sources.now)(), self.counting.oldest(&slo)).is_none();
        Some(OfSlo { slo, counts, is_all })
    }

    /// The mistakes in files of SLOs and of routes.
    fn file_errors(&self) -> Vec<SpecError> {
        let routes = self.dispatch.iter().flat_map(Dispatch::errors);
        self.files.errors().iter().chain(routes).cloned().collect()
    }

    /// Draws up what is known of each SLO at `now`.
    pub(super) fn publish(&mut self, now: Nanos) {
        for track in self.tracks.values_mut() {
            let complete = track.backfill(now, self.counting.oldest(&track.slo)).is_none();
            draw(track, now, complete);
        }
        let statuses: Vec<Arc<SloStatus>> =
            self.tracks.values().map(|track| Arc::new(self.slo_status(track, now))).collect();
        for (track, status) in self.tracks.values_mut().zip(statuses) {
            track.status = Some(status);
        }
    }

    fn slo_status(&self, track: &Track, now: Nanos) -> SloStatus {
        let (slo, all) = (&track.slo, track.counts.all());
        let oldest = self.counting.oldest(slo);
        let backfill = track.backfill(now, oldest);
        let windows = Windows::at(slo, all, now);
        let tiers = read_windows(&windows, now, backfill.is_none());
        let budget = budget_windows(&windows, now);
        let of_group = |(group, ring): (&Group, _)| {
            let windows = windows.over(ring);
            let (tiers, budget) = (read_windows(&windows, now, backfill.is_none()), budget_windows(&windows, now));
            let health = Health::of(track.alerts.firing_severity_of(group), &tiers, &budget);
            GroupStatus { group: group.clone(), health, budget, tiers }
        };
        let groups: Vec<GroupStatus> = track.counts.groups().map(of_group).collect();
        let health = match slo.by {
            // What fires of a group that has left the counts still fires.
            Some(_) => Health::worst(
                groups
                    .iter()
                    .map(|group| group.health)
                    .chain(track.alerts.firing_severity().map(|firing| Health::of(Some(firing), &tiers, &budget))),
            ),
            None => Health::of(track.alerts.firing_severity(), &tiers, &budget),
        };
        let silence = (health == Health::NoData && track.problem.is_none()).then(|| match all.last_event() {
            Some(bucket) => Silence::Since(all.time_of(&(bucket..bucket + 1)).end.min(now)),
            None if oldest.is_none() => Silence::NothingStored,
            None if backfill.is_some() || track.todo.is_some() => Silence::NotCounted,
            None => Silence::NothingMatches,
        });
        let counted = all.covered_time();
        SloStatus {
            slo: Arc::clone(slo),
            health,
            tiers,
            alerts: track.alerts.clone(),
            burn: Arc::clone(&track.burn),
            coverage: Coverage {
                counted: TimeRange::new(counted.start, counted.end.min(now).max(counted.start)),
                share: budget.events.coverage,
                backfill,
            },
            budget,
            groups,
            n_waiting_groups: track.counts.n_waiting(),
            problem: track.problem.clone(),
            silence,
        }
    }
}

/// Draws the chart of an SLO anew if it would look different.
fn draw(track: &mut Track, now: Nanos, complete: bool) {
    let step = track.slo.window.nominal() / POINTS as Nanos;
    let age = now.saturating_sub(track.drawn_at).unsigned_abs();
    if !complete || track.todo.is_some() || age >= (step / CHART_PARTS).min(MINUTE).unsigned_abs() {
        track.burn = chart::points(&track.slo, track.counts.all(), now, POINTS).into();
        track.drawn_at = now;
    }
}
