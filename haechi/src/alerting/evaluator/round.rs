//! The rounds of the evaluator, without threads or timers: what one look at the clock leads to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Nanos;
use model::time::{HOUR, MINUTE, SECOND};
use slo::Slo;
use slo::alert::{GroupReading, SloAlerts, retire, step_groups, step_quietly};
use slo::burn::{Condition, TierReading, read_windows};
use slo::groups::Group;
use slo::windows::Windows;

use super::counting::Counting;
use super::dispatch::{Alerting, Dispatch};
use super::ending::Ending;
use super::notify::{Subject, entries};
use super::resend::Resend;
use crate::alerting::files::SloFiles;
use crate::alerting::rules::Book;
use crate::alerting::state::{Commit, State};
use crate::alerting::stored_counts::StoredCounts;
use crate::alerting::track::Track;
use crate::alerting::{Config, Sources, StartError, outbox};
use crate::counting::Look;

mod clock;
mod status;

use clock::Clock;

/// Between two evaluations: the narrowest bucket, within these bounds.
const SHORTEST_INTERVAL: Nanos = 2 * SECOND;
const LONGEST_INTERVAL: Nanos = 30 * SECOND;
/// Counts and evaluation times are stored so often; what is lost in a crash is counted again.
const SAVE_EVERY: Nanos = MINUTE;
/// Evaluations missed while the box was down are made up for so long back.
const CATCH_UP: Nanos = 6 * HOUR;
/// Time that one round spends on counting before it publishes what it has.
const COUNTING_TIME: Duration = Duration::from_secs(1);
/// Counts that are stored in one round; what is larger takes turns.
const SAVE_BYTES: usize = 16 << 20;
const SAVE_FILES: usize = 200;

/// All that is evaluated.
pub(in crate::alerting) struct Rounds {
    config: Config,
    sources: Sources,
    state: Arc<State>,
    counts: StoredCounts,
    files: SloFiles,
    rules: Option<Arc<Book>>,
    /// The [`Book::version`] whose alerts receivers were told of.
    told_version: u64,
    /// Tells receivers by routes, and of rules.
    dispatch: Option<Dispatch>,
    /// Tells those again that forget, where there are no routes.
    resend: Resend,
    ending: Ending,
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
    counting: Counting,
    /// What was damaged at the start; said once in the log and kept on the page.
    start_problem: Option<String>,
    problem: Option<String>,
}

impl Rounds {
    pub(super) fn open(
        config: &Config,
        sources: Sources,
        state: Arc<State>,
        rules: Option<Arc<Book>>,
        problems: Vec<String>,
    ) -> Result<Self, StartError> {
        let files = SloFiles::open(&config.slo_dir)?;
        let counts_dir = config.dir.join("counts");
        let io_error = |path: &std::path::Path| {
            let path = path.to_owned();
            move |error| StartError::State(crate::alerting::state::OpenError::Io { path, error })
        };
        let counts = StoredCounts::open(&counts_dir).map_err(io_error(&counts_dir))?;
        let now = (sources.now)();
        outbox::drop_unknown(&state, &config.receivers, now).map_err(io_error(&config.dir))?;
        let dispatch = Dispatch::open(config, &state)?;
        let mut rounds = Self {
            config: config.clone(),
            sources,
            leaving: state.alerts(),
            state,
            counts,
            files,
            rules,
            told_version: 0,
            dispatch,
            resend: Resend::default(),
            ending: Ending::default(),
            tracks: BTreeMap::new(),
            evaluated_at: 0,
            evaluated: None,
            saved_at: now,
            took: Duration::ZERO,
            caught_up: 0,
            clock: Clock::default(),
            counting: Counting::default(),
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
        if let Some(dispatch) = &mut self.dispatch {
            dispatch.follow_file();
        }
        let now = (self.sources.now)();
        let fills = self.tracks.values().any(|track| track.backfill(now, self.counting.oldest(&track.slo)).is_some());
        // Stored data are counted with a pause between the pieces, but without waiting for the next evaluation.
        let interval = if fills { SHORTEST_INTERVAL } else { self.interval() };
        let interval = Duration::from_nanos(interval.unsigned_abs());
        // A little less, or a tick that comes a moment early would double the interval.
        if self.evaluated.is_none_or(|last| begin.duration_since(last) + Duration::from_millis(100) >= interval) {
            self.evaluate(now, begin);
        } else if self.clock.check(now, begin).is_ok() {
            let events = Arc::clone(&self.sources.events);
            let mut look = events.look();
            self.counting.add_news(look.as_mut(), &mut self.tracks, now);
            let version = self.rules_version();
            let is_due = version != self.told_version;
            if self.dispatch.as_ref().is_some_and(|dispatch| is_due || dispatch.is_due(now)) {
                let mut commit = Commit::default();
                self.dispatch(&mut commit, now, look.as_ref());
                if self.commit(commit, now) {
                    self.told_version = version;
                }
            }
        }
    }

    fn rules_version(&self) -> u64 {
        self.rules.as_ref().map_or(0, |rules| rules.version())
    }

    /// Whether SLOs are told of by routes, and not each to every receiver.
    fn has_routes(&self) -> bool {
        self.dispatch.as_ref().is_some_and(Dispatch::has_routes)
    }

    /// Adds to `commit` what the routes tell, those of our own for rules among them, and what is told again without a file of
    /// routes.
    fn dispatch(&mut self, commit: &mut Commit, now: Nanos, look: &dyn Look) {
        let silences = self.state.silences();
        if !self.has_routes() {
            self.resend.tell(&self.tracks, commit, now, look, &self.config, &silences);
        }
        if let Some(dispatch) = &self.dispatch {
            let of_rules = self.rules.as_ref().map_or(Vec::new(), |rules| rules.firing());
            dispatch.tell(Alerting { tracks: &self.tracks, of_rules }, commit, now, look, &self.config, &silences);
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
        let events = Arc::clone(&self.sources.events);
        let mut look = events.look();
        self.count(look.as_mut(), now, begin);
        let mut commit = Commit::default();
        let counted = self.tracks.iter().filter(|(_, track)| track.is_up_to_date()).map(|(name, _)| name.clone());
        for name in counted.collect::<Vec<_>>() {
            self.step(&name, now, look.as_ref(), &mut commit);
        }
        for alerts in std::mem::take(&mut self.leaving) {
            let end = retire(&alerts, now);
            commit.transitions.extend(end.transitions);
            let told = end.notification.iter().filter(|_| !self.has_routes());
            commit.entries.extend(told.flat_map(|told| entries(told, None, look.as_ref(), &self.config)));
            commit.forget.push(alerts.slo.clone());
            // Until the commit succeeds.
            self.leaving.push(alerts);
        }
        self.dispatch(&mut commit, now, look.as_ref());
        self.commit(commit, now);
        self.ending.warn(&self.state.silences(), &self.tracks, self.rules.as_deref(), now);
        self.evaluated_at = now;
        self.publish(now);
        self.took = begin.elapsed();
    }

    /// Stores what is only stored now and then.
    pub(super) fn close(&mut self) {
        self.save(usize::MAX, usize::MAX);
    }

    /// Counts what is new, then what has to be counted again and older data as long as there is time.
    fn count(&mut self, look: &mut dyn Look, now: Nanos, begin: Instant) {
        let deadline = begin + COUNTING_TIME;
        self.counting.add_news(look, &mut self.tracks, now);
        self.counting.catch_up(look, &mut self.tracks, now, deadline);
        while Instant::now() < deadline && self.counting.count_older(look, &mut self.tracks, now) {}
        if Instant::now() < deadline {
            self.counting.sweep(look, &mut self.tracks, now, begin);
        }
    }

    /// Steps the alerts of one SLO, at every moment since they were last evaluated if that is a while ago.
    fn step(&mut self, name: &str, now: Nanos, look: &dyn Look, commit: &mut Commit) {
        let interval = self.interval();
        let Some(track) = self.tracks.get(name) else { return };
        let complete = track.backfill(now, self.counting.oldest(&track.slo)).is_none();
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
        let silences = self.state.silences();
        for moment in moments {
            let readings = readings(track, &alerts, moment, complete);
            // With routes these decide who is told, and of what nobody is.
            let next = if self.has_routes() {
                step_groups(&alerts, &slo, &readings, moment)
            } else {
                step_quietly(&alerts, &slo, &readings, moment, &silences)
            };
            commit.transitions.extend(next.transitions);
            let subject = Subject { slo: &slo, counts: &track.counts };
            let told = next.notification.iter().filter(|_| !self.has_routes());
            commit.entries.extend(told.flat_map(|told| entries(told, Some(&subject), look, &self.config)));
            alerts = next.state;
        }
        commit.alerts.push(alerts);
    }

    /// Makes `commit` durable if it changes anything but times, or if times are due; then the states take effect. False if that
    /// failed.
    fn commit(&mut self, commit: Commit, now: Nanos) -> bool {
        let is_save_due = now.saturating_sub(self.saved_at).unsigned_abs() >= SAVE_EVERY.unsigned_abs();
        let changes = |alerts: &SloAlerts| {
            let old = self.tracks.get(&alerts.slo).map(|track| &track.alerts);
            old.is_none_or(|old| {
                SloAlerts { evaluated_at: 0, ..old.clone() } != SloAlerts { evaluated_at: 0, ..alerts.clone() }
            })
        };
        let must =
            is_save_due || !commit.forget.is_empty() || !commit.entries.is_empty() || commit.alerts.iter().any(changes);
        let (alerts, groups) = (commit.alerts.clone(), commit.groups.clone());
        for transition in &commit.transitions {
            tracing::info!(slo = transition.slo, tier = transition.tier, to = transition.to.name(), "alert changed");
        }
        if must && !commit.is_empty() {
            if let Err(error) = self.state.commit(commit, now) {
                // The states stay as they are on disk; the next round comes to the same changes and tries again.
                tracing::error!(%error, "cannot store alert states");
                self.problem = Some(format!("cannot store alert states in {}: {error}", self.config.dir.display()));
                return false;
            }
            self.leaving.clear();
        }
        if let (Some(dispatch), Some(groups)) = (&mut self.dispatch, groups) {
            dispatch.adopt(groups);
        }
        for alerts in alerts {
            if let Some(track) = self.tracks.get_mut(&alerts.slo) {
                track.alerts = alerts;
            }
        }
        if is_save_due {
            self.saved_at = now;
            self.tracks.values_mut().for_each(|track| track.counts.leave());
            self.save(SAVE_FILES, SAVE_BYTES);
        }
        true
    }

    /// Stores counts that have changed, those first whose last time is longest ago, until so many files or bytes are written.
    fn save(&mut self, files: usize, bytes: usize) {
        let mut changed: Vec<&mut Track> =
            self.tracks.values_mut().filter(|track| track.is_dirty && track.is_up_to_date()).collect();
        changed.sort_by_key(|track| track.saved_at);
        let mut written = 0;
        for track in changed.into_iter().take(files) {
            if written >= bytes {
                break;
            }
            match self.counts.save(&track.slo, &track.counts) {
                Ok(len) => {
                    written += len;
                    (track.is_dirty, track.saved_at) = (false, self.saved_at);
                }
                Err(error) => {
                    tracing::error!(slo = track.slo.name, %error, "cannot store the counts of an SLO");
                    self.problem = Some(format!("cannot store the counts of {}: {error}", track.slo.name));
                }
            }
        }
    }

    /// Brings the tracks in line with the files.
    fn follow_files(&mut self, mut problems: Vec<String>) {
        self.save(usize::MAX, usize::MAX);
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
        let (counts, problem) = self.counts.load(&slo);
        problems.extend(problem);
        Track::new(slo, counts, alerts)
    }

    fn interval(&self) -> Nanos {
        let narrowest = self.tracks.values().map(|track| track.slo.bucket_width()).min();
        narrowest.unwrap_or(LONGEST_INTERVAL).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)
    }
}

/// What the tiers of the groups that have alerts read at `now`.
fn readings<'t>(track: &'t Track, alerts: &'t SloAlerts, now: Nanos, complete: bool) -> Vec<GroupReading<'t>> {
    let windows = Windows::at(&track.slo, track.counts.all(), now);
    let conditions = |tiers: Vec<TierReading>| tiers.into_iter().map(|tier| tier.condition).collect();
    let read = |(group, ring): (&'t Group, _)| GroupReading {
        group,
        conditions: conditions(read_windows(&windows.over(ring), now, complete)),
    };
    let mut readings: Vec<GroupReading<'t>> = track.counts.alerting().map(read).collect();
    if !complete {
        // A group that is not there may come with what is still to be counted.
        let mut missing: Vec<&Group> = alerts.tiers.iter().map(|alert| &alert.group).collect();
        missing.dedup();
        missing.retain(|group| readings.iter().all(|reading| reading.group != *group));
        let unknown = vec![Condition::NotCounted; track.slo.alerting.tiers.len()];
        readings.extend(missing.into_iter().map(|group| GroupReading { group, conditions: unknown.clone() }));
    }
    readings
}

#[cfg(test)]
mod tests;
