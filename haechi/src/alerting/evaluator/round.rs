//! The rounds of the evaluator, without threads or timers: what one look at the clock leads to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Nanos;
use model::time::{HOUR, MINUTE, SECOND};
use slo::alert::{SloAlerts, retire, step};
use slo::status::{Coverage, Health, SloStatus};
use slo::{Slo, Status, burn, chart};

use super::notify::{Subject, entries};
use crate::alerting::counts::Counts;
use crate::alerting::files::SloFiles;
use crate::alerting::state::{Commit, State};
use crate::alerting::track::Track;
use crate::alerting::{Config, Sources, StartError, outbox};

/// Between two evaluations: the narrowest bucket, within these bounds.
const SHORTEST_INTERVAL: Nanos = 2 * SECOND;
const LONGEST_INTERVAL: Nanos = 30 * SECOND;
/// Counts and evaluation times are stored so often; what is lost in a crash is counted again.
const SAVE_EVERY: Nanos = MINUTE;
/// Evaluations missed while the box was down are made up for so long back.
const CATCH_UP: Nanos = 6 * HOUR;
/// Time that one round spends on counting before it publishes what it has.
const COUNTING_TIME: Duration = Duration::from_secs(1);
/// A clock that moves so much more or less than time has passed was set.
const JUMP: Nanos = HOUR;
/// Points of the chart of one SLO: minutes of a window of a day, so that the demo draws a line within minutes.
const POINTS: usize = 1440;

/// All that is evaluated.
pub(in crate::alerting) struct Rounds {
    config: Config,
    sources: Sources,
    state: Arc<State>,
    counts: Counts,
    files: SloFiles,
    /// By name.
    tracks: BTreeMap<String, Track>,
    /// Alerts of SLOs that no file defines any more, until their end is committed.
    leaving: Vec<SloAlerts>,
    evaluated_at: Nanos,
    evaluated: Option<Instant>,
    saved_at: Nanos,
    took: Duration,
    caught_up: u64,
    clock: Clock,
    oldest_span: Option<Nanos>,
    /// What was damaged at the start; said once in the log and kept on the page.
    start_problem: Option<String>,
    problem: Option<String>,
}

impl Rounds {
    pub(super) fn open(
        config: &Config,
        sources: Sources,
        state: Arc<State>,
        problems: Vec<String>,
    ) -> Result<Self, StartError> {
        let files = SloFiles::open(&config.slo_dir)?;
        let counts_dir = config.dir.join("counts");
        let io_error = |path: &std::path::Path| {
            let path = path.to_owned();
            move |error| StartError::State(crate::alerting::state::OpenError::Io { path, error })
        };
        let counts = Counts::open(&counts_dir).map_err(io_error(&counts_dir))?;
        let now = (sources.now)();
        outbox::drop_unknown(&state, &config.receivers, now).map_err(io_error(&config.dir))?;
        let mut rounds = Self {
            config: config.clone(),
            sources,
            leaving: state.alerts(),
            state,
            counts,
            files,
            tracks: BTreeMap::new(),
            evaluated_at: 0,
            evaluated: None,
            saved_at: now,
            took: Duration::ZERO,
            caught_up: 0,
            clock: Clock::default(),
            oldest_span: None,
            start_problem: None,
            problem: None,
        };
        rounds.follow_files(problems);
        Ok(rounds)
    }

    /// One look: changed files always, an evaluation if it is time for one.
    pub(super) fn look(&mut self, begin: Instant) {
        if self.files.poll() {
            for error in self.files.errors() {
                tracing::error!("SLO file refused, its last good version stays in use: {error}");
            }
            self.follow_files(Vec::new());
        }
        let now = (self.sources.now)();
        let fills = self.tracks.values().any(|track| track.backfill(now, self.oldest_span).is_some());
        // Stored data are counted with a pause between the pieces, but without waiting for the next evaluation.
        let interval = if fills { SHORTEST_INTERVAL } else { self.interval() };
        let interval = Duration::from_nanos(interval.unsigned_abs());
        // A little less, or a tick that comes a moment early would double the interval.
        if self.evaluated.is_none_or(|last| begin.duration_since(last) + Duration::from_millis(100) >= interval) {
            self.evaluate(now, begin);
        }
    }

    /// Counts, steps all alerts and commits what changed, as of `now`.
    pub(in crate::alerting) fn evaluate(&mut self, now: Nanos, begin: Instant) {
        self.evaluated = Some(begin);
        if let Err(problem) = self.clock.check(now, begin) {
            self.problem = Some(problem);
            return;
        }
        self.problem = None;
        self.oldest_span = (self.sources.oldest_span)();
        let counted = self.count(now, begin);
        let mut commit = Commit::default();
        for name in counted {
            self.step(&name, now, &mut commit);
        }
        for alerts in std::mem::take(&mut self.leaving) {
            let end = retire(&alerts, now);
            commit.transitions.extend(end.transitions);
            let told = end.notification.iter();
            commit.entries.extend(told.flat_map(|told| entries(told, None, &self.sources.bad_traces, &self.config)));
            commit.forget.push(alerts.slo.clone());
            // Until the commit succeeds.
            self.leaving.push(alerts);
        }
        self.commit(commit, now);
        if self.tracks.values().any(|track| track.problem.is_some()) && self.problem.is_none() {
            let failed = self.tracks.values().find_map(|track| Some((track.slo.name.clone(), track.problem.clone()?)));
            self.problem = failed.map(|(name, problem)| format!("{name} cannot be counted: {problem}"));
        }
        self.evaluated_at = now;
        self.took = begin.elapsed();
    }

    /// Stores what is only stored now and then.
    pub(super) fn close(&mut self) {
        self.save();
    }

    /// Counts what is new, then older data as long as there is time; gives the SLOs that are up to date.
    fn count(&mut self, now: Nanos, begin: Instant) -> Vec<String> {
        let deadline = begin + COUNTING_TIME;
        let mut counted = Vec::new();
        for (name, track) in &mut self.tracks {
            if track.count_recent(now, &self.sources.count, deadline) {
                counted.push(name.clone());
            }
        }
        // In turn, so that no SLO waits for the whole history of another.
        let mut goes_on = true;
        while goes_on && Instant::now() < deadline {
            goes_on = false;
            for track in self.tracks.values_mut() {
                goes_on |= track.count_older(now, self.oldest_span, &self.sources.count);
                if Instant::now() >= deadline {
                    return counted;
                }
            }
        }
        for track in self.tracks.values_mut() {
            if track.sweep(now, begin, self.oldest_span, &self.sources.count) && Instant::now() >= deadline {
                break;
            }
        }
        counted
    }

    /// Steps the alerts of one SLO, at every moment since they were last evaluated if that is a while ago.
    fn step(&mut self, name: &str, now: Nanos, commit: &mut Commit) {
        let interval = self.interval();
        let Some(track) = self.tracks.get_mut(name) else { return };
        let complete = track.backfill(now, self.oldest_span).is_none();
        let mut moments = Vec::new();
        let last = track.alerts.evaluated_at;
        if last > 0 && now.saturating_sub(last) > 2 * LONGEST_INTERVAL {
            let mut moment = last.saturating_add(interval).max(now.saturating_sub(CATCH_UP));
            while moment < now {
                moments.push(moment);
                moment += interval;
            }
            self.caught_up += moments.len() as u64;
        }
        moments.push(now);
        let slo = Arc::clone(&track.slo);
        let mut alerts = track.alerts.clone();
        for moment in moments {
            let readings = burn::read(&slo, &track.buckets, moment, complete);
            let conditions: Vec<_> = readings.iter().map(|reading| reading.condition).collect();
            let next = step(&alerts, &slo, &conditions, moment);
            commit.transitions.extend(next.transitions);
            let subject = Subject { slo: &slo, buckets: &track.buckets };
            let told = next.notification.iter();
            commit
                .entries
                .extend(told.flat_map(|told| entries(told, Some(&subject), &self.sources.bad_traces, &self.config)));
            alerts = next.state;
        }
        commit.alerts.push(alerts);
    }

    /// Makes `commit` durable if it changes anything but times, or if times are due; then the states take effect.
    fn commit(&mut self, commit: Commit, now: Nanos) {
        let is_save_due = now.saturating_sub(self.saved_at).unsigned_abs() >= SAVE_EVERY.unsigned_abs();
        let changes = |alerts: &SloAlerts| {
            let old = self.tracks.get(&alerts.slo).map(|track| &track.alerts);
            old.is_none_or(|old| {
                SloAlerts { evaluated_at: 0, ..old.clone() } != SloAlerts { evaluated_at: 0, ..alerts.clone() }
            })
        };
        let must =
            is_save_due || !commit.forget.is_empty() || !commit.entries.is_empty() || commit.alerts.iter().any(changes);
        let alerts = commit.alerts.clone();
        for transition in &commit.transitions {
            tracing::info!(slo = transition.slo, tier = transition.tier, to = transition.to.name(), "alert changed");
        }
        if must && !commit.is_empty() {
            if let Err(error) = self.state.commit(commit, now) {
                // The states stay as they are on disk; the next round comes to the same changes and tries again.
                tracing::error!(%error, "cannot store alert states");
                self.problem = Some(format!("cannot store alert states in {}: {error}", self.config.dir.display()));
                return;
            }
            self.leaving.clear();
        }
        for alerts in alerts {
            if let Some(track) = self.tracks.get_mut(&alerts.slo) {
                track.alerts = alerts;
            }
        }
        if is_save_due {
            self.saved_at = now;
            self.save();
        }
    }

    fn save(&mut self) {
        for track in self.tracks.values_mut().filter(|track| track.is_dirty) {
            match self.counts.save(&track.slo, &track.buckets) {
                Ok(()) => track.is_dirty = false,
                Err(error) => {
                    tracing::error!(slo = track.slo.name, %error, "cannot store the counts of an SLO");
                    self.problem = Some(format!("cannot store the counts of {}: {error}", track.slo.name));
                }
            }
        }
    }

    /// Brings the tracks in line with the files.
    fn follow_files(&mut self, mut problems: Vec<String>) {
        self.save();
        let mut old = std::mem::take(&mut self.tracks);
        for slo in self.files.slos() {
            let name = slo.name.clone();
            let track = match old.remove(&name) {
                Some(track) if track.slo == slo => track,
                Some(track) => self.track(slo, track.alerts, &mut problems),
                None => {
                    let left = self.leaving.iter().position(|alerts| alerts.slo == name);
                    let alerts = left.map_or_else(|| SloAlerts::new(&slo), |index| self.leaving.remove(index));
                    self.track(slo, alerts, &mut problems)
                }
            };
            self.tracks.insert(name, track);
        }
        self.leaving.extend(old.into_values().map(|track| track.alerts));
        for problem in &problems {
            tracing::error!("{problem}");
        }
        if !problems.is_empty() {
            self.start_problem = Some(problems.join("; "));
        }
        // New SLOs are looked at now, not in half a minute.
        self.evaluated = None;
    }

    fn track(&self, slo: Arc<Slo>, alerts: SloAlerts, problems: &mut Vec<String>) -> Track {
        let (buckets, problem) = self.counts.load(&slo);
        problems.extend(problem);
        Track::new(slo, buckets, alerts)
    }

    fn interval(&self) -> Nanos {
        let narrowest = self.tracks.values().map(|track| track.buckets.width()).min();
        narrowest.unwrap_or(LONGEST_INTERVAL).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)
    }

    /// What is known now.
    pub(in crate::alerting) fn status(&self) -> Status {
        let now = self.evaluated_at;
        let receivers = self.config.receivers.iter().map(|receiver| receiver.name.clone()).collect();
        Status {
            evaluated_at: now,
            interval: self.interval(),
            took: Nanos::try_from(self.took.as_nanos()).unwrap_or(Nanos::MAX),
            caught_up: self.caught_up,
            slos: self.tracks.values().map(|track| self.slo_status(track, now)).collect(),
            file_errors: self.files.errors().to_vec(),
            problem: self.problem.clone().or_else(|| self.start_problem.clone()),
            history: self.state.history(),
            delivery: self.state.delivery(receivers),
        }
    }

    fn slo_status(&self, track: &Track, now: Nanos) -> SloStatus {
        let (slo, buckets) = (&track.slo, &track.buckets);
        let backfill = track.backfill(now, self.oldest_span);
        let tiers = burn::read(slo, buckets, now, backfill.is_none());
        let budget = burn::budget(slo, buckets, now);
        SloStatus {
            slo: Arc::clone(slo),
            health: Health::of(&track.alerts, &tiers, &budget),
            tiers,
            alerts: track.alerts.clone(),
            burn: chart::points(slo, buckets, now, POINTS),
            coverage: Coverage { counted: buckets.covered_time(), share: budget.events.coverage, backfill },
            budget,
        }
    }
}

/// Watches the clock against the time that has passed, so that one that was set does neither fire nor resolve anything,
/// nor push the history out of the buckets.
#[derive(Default)]
struct Clock {
    /// When the clock was last trusted, and what it said.
    trusted: Option<(Instant, Nanos)>,
    jumped_at: Option<Instant>,
}

impl Clock {
    /// An error while the clock is not trusted: after a jump of more than an hour, for an hour or until it is back.
    fn check(&mut self, now: Nanos, instant: Instant) -> Result<(), String> {
        if let Some((then, said)) = self.trusted {
            let passed = Nanos::try_from(instant.duration_since(then).as_nanos()).unwrap_or(Nanos::MAX);
            let ahead = now.saturating_sub(said.saturating_add(passed));
            if ahead.unsigned_abs() > JUMP.unsigned_abs() {
                let jumped_at = *self.jumped_at.get_or_insert(instant);
                if instant.duration_since(jumped_at) < Duration::from_nanos(JUMP.unsigned_abs()) {
                    let way = if ahead > 0 { "forward" } else { "back" };
                    let by = slo::duration::format(ahead.saturating_abs() / SECOND * SECOND);
                    return Err(format!(
                        "the clock jumped {way} by {by}; alerts stay as they are until it is back, or for an hour"
                    ));
                }
            }
        }
        self.trusted = Some((instant, now));
        self.jumped_at = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
