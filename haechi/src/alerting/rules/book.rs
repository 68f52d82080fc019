//! The groups of rules with what is known of them, shared by those who evaluate and those who tell.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Nanos;
use model::time::MINUTE;
use query::promql::Labels;
use slo::alert::{Alert, RuleAlert};
use slo::groups::Group;
use slo::rules::RuleGroup;
use slo::rules::alerts::{Change, ChangeTo};
use slo::rules::status::{RuleChange, RulesStatus};
use slo::spec::SpecErrors;

use super::files::Watched;
use super::group::GroupState;
use super::write::Writer;
use super::{RuleFiles, Series, THREAD};
use crate::alerting::state::{Commit, HISTORY, State};
use crate::within::within;

/// Times of evaluations are stored so often; changes of alerts, and times for which one has waited, at once.
const SAVE_EVERY: Nanos = MINUTE;
/// The time that reading all files is expected to be done in.
const READ_TIME: Duration = Duration::from_secs(60);

/// File and name of a group.
pub(super) type Key = (String, String);

pub(in crate::alerting) struct Book {
    pub(super) series: Arc<dyn Series>,
    pub(super) external_url: String,
    state: Arc<State>,
    inner: Mutex<Inner>,
    /// Counts the changes of alerts.
    version: AtomicU64,
    /// Set when the process ends.
    pub(super) is_stopped: AtomicBool,
}

struct Inner {
    watched: Watched,
    slots: BTreeMap<Key, Slot>,
    /// Of the next slot.
    generation: u64,
    /// Series of groups that have gone, until their end is written.
    leaving: Vec<Labels>,
    /// Newest first.
    history: VecDeque<Arc<RuleChange>>,
    saved_at: Nanos,
    problem: Option<String>,
}

struct Slot {
    /// Another one for each version of the group: what is evaluated of one is no state of the next.
    generation: u64,
    state: Arc<GroupState>,
}

impl Book {
    /// Reads the files and the stored alerts. Errors: every mistake in any file.
    pub(in crate::alerting) fn open(
        files: RuleFiles,
        series: Arc<dyn Series>,
        external_url: String,
        state: Arc<State>,
    ) -> Result<Self, SpecErrors> {
        let watched = on_thread(|| Watched::open(files.clone()))?;
        let (saved, history) = state.rules();
        let inner = Inner {
            watched,
            slots: BTreeMap::new(),
            generation: 0,
            leaving: Vec::new(),
            history: history.into_iter().map(Arc::new).collect(),
            saved_at: 0,
            problem: None,
        };
        let book = Self {
            series,
            external_url,
            state,
            inner: Mutex::new(inner),
            version: AtomicU64::new(1),
            is_stopped: AtomicBool::new(false),
        };
        let mut inner = book.lock();
        let found = &mut *inner;
        on_thread(|| found.follow_files());
        for saved in saved {
            if let Some(slot) = inner.slots.get_mut(&(saved.file.clone(), saved.name.clone())) {
                slot.state = Arc::new(GroupState::clone(&slot.state).restored(saved));
            }
        }
        drop(inner);
        Ok(book)
    }

    /// Reads the files again. Gives the groups that there are, when they or mistakes changed.
    pub(super) fn poll(&self, now: Nanos) -> Option<Vec<(Key, u64)>> {
        let mut inner = self.lock();
        // Expressions nest, and are read here.
        let found = &mut *inner;
        let changed = on_thread(|| {
            let changed = found.watched.poll();
            if changed {
                let gone = found.follow_files();
                self.note(found, gone, now);
            }
            changed
        });
        if !changed {
            return None;
        }
        for error in inner.watched.errors() {
            tracing::error!("rule file refused, its last good version stays in use: {error}");
        }
        let leaving = std::mem::take(&mut inner.leaving);
        let groups = inner.slots.iter().map(|(key, slot)| (key.clone(), slot.generation)).collect();
        drop(inner);
        let mut writer = Writer::new(&*self.series, now);
        leaving.iter().for_each(|labels| writer.end(0, labels));
        writer.flush();
        Some(groups)
    }

    /// The groups that there are.
    pub(super) fn groups(&self) -> Vec<(Key, u64)> {
        self.lock().slots.iter().map(|(key, slot)| (key.clone(), slot.generation)).collect()
    }

    /// The group as it is, if it still is of that generation.
    pub(super) fn group(&self, key: &Key, generation: u64) -> Option<Arc<GroupState>> {
        let inner = self.lock();
        let slot = inner.slots.get(key).filter(|slot| slot.generation == generation)?;
        Some(Arc::clone(&slot.state))
    }

    /// Takes over what an evaluation came to. Changes of alerts are stored before anybody sees them; when that fails, its alerts
    /// stay as they were, and the next evaluation comes to the same changes.
    pub(super) fn publish(
        &self,
        key: &Key,
        generation: u64,
        state: GroupState,
        changes: Vec<(usize, Change)>,
        now: Nanos,
    ) {
        let mut inner = self.lock();
        let Some(slot) = inner.slots.get_mut(key).filter(|slot| slot.generation == generation) else { return };
        let (group, has_pending) = (Arc::clone(&state.group), state.has_pending());
        let before = std::mem::replace(&mut slot.state, Arc::new(state));
        let changes: Vec<RuleChange> = changes
            .into_iter()
            .map(|(_, Change { labels, to })| {
                let (file, group) = (group.file.clone(), group.name.clone());
                RuleChange { file, group, labels, at: now, to }
            })
            .collect();
        let is_due = now.saturating_sub(inner.saved_at).unsigned_abs() >= SAVE_EVERY.unsigned_abs();
        if changes.is_empty() && !is_due && !has_pending {
            return;
        }
        if !self.commit(&mut inner, changes, now)
            && let Some(slot) = inner.slots.get_mut(key)
        {
            let state = Arc::make_mut(&mut slot.state);
            for (rule, old) in state.rules.iter_mut().zip(&before.rules) {
                rule.status.active = Arc::clone(&old.status.active);
            }
        }
    }

    /// Notes that alerts of rules that have gone are over.
    fn note(&self, inner: &mut Inner, gone: Vec<RuleChange>, now: Nanos) {
        let gone: Vec<RuleChange> = gone.into_iter().map(|change| RuleChange { at: now, ..change }).collect();
        if !gone.is_empty() {
            self.commit(inner, gone, now);
        }
    }

    /// Stores the alerts of all groups with `changes`; whether that went well.
    fn commit(&self, inner: &mut Inner, changes: Vec<RuleChange>, now: Nanos) -> bool {
        let saved = inner.slots.values().filter_map(|slot| slot.state.saved()).collect();
        let commit = Commit { rules: Some(saved), rule_changes: changes.clone(), ..Commit::default() };
        if let Err(error) = self.state.commit(commit, now) {
            tracing::error!(%error, "cannot store the alerts of rules");
            inner.problem = Some(format!("cannot store the alerts of rules: {error}"));
            return false;
        }
        (inner.problem, inner.saved_at) = (None, now);
        for change in changes {
            let name = change.labels.get(slo::rules::ALERT_NAME).map_or("", String::as_str);
            tracing::info!(alert = name, group = change.group, to = change.to.name(), "alert changed");
            inner.history.push_front(Arc::new(change));
            self.version.fetch_add(1, Ordering::Release);
        }
        inner.history.truncate(HISTORY);
        true
    }

    /// Ends evaluations after the rule that they are at.
    pub(in crate::alerting) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
    }

    /// Another number after each change of alerts.
    pub(in crate::alerting) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The alerts that fire, each set of labels once.
    pub(in crate::alerting) fn firing(&self) -> Vec<Alert> {
        let inner = self.lock();
        let mut firing: BTreeMap<slo::rules::Labels, Alert> = BTreeMap::new();
        for state in inner.slots.values().map(|slot| &slot.state) {
            for (rule, known) in state.group.rules.iter().zip(&state.rules) {
                for (labels, active) in known.status.alerts() {
                    let Some(since) = active.firing_since() else { continue };
                    firing.entry(labels.clone()).or_insert_with(|| Alert {
                        tier: String::new(),
                        group: Group::All,
                        labels: labels.clone(),
                        starts_at: since,
                        ends_at: None,
                        rule: Some(RuleAlert {
                            annotations: active.annotations.clone(),
                            expression: rule.expression.clone(),
                        }),
                    });
                }
            }
        }
        firing.into_values().collect()
    }

    pub(in crate::alerting) fn status(&self) -> RulesStatus {
        let inner = self.lock();
        RulesStatus {
            patterns: inner.watched.patterns().to_vec(),
            groups: inner.slots.values().map(|slot| Arc::new(slot.state.status())).collect(),
            file_errors: inner.watched.errors().to_vec(),
            history: inner.history.iter().cloned().collect(),
            problem: inner.problem.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // States are put in place whole, so a panic leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Brings the slots in line with the files; gives the ends of alerts whose rules have gone, without their time.
    fn follow_files(&mut self) -> Vec<RuleChange> {
        let mut old = std::mem::take(&mut self.slots);
        let mut gone = Vec::new();
        let groups: Vec<Arc<RuleGroup>> = self.watched.groups().cloned().collect();
        for group in groups {
            let key = (group.file.clone(), group.name.clone());
            let slot = match old.remove(&key) {
                Some(slot) if slot.state.group == group => slot,
                Some(slot) => {
                    let state = slot.state.changed(group);
                    gone.extend(ended(&slot.state, Some(&state)));
                    self.slot(state)
                }
                None => self.slot(GroupState::new(group)),
            };
            self.slots.insert(key, slot);
        }
        for slot in old.values() {
            gone.extend(ended(&slot.state, None));
            self.leaving.extend(slot.state.series().cloned());
        }
        gone
    }

    fn slot(&mut self, state: GroupState) -> Slot {
        self.generation += 1;
        Slot { generation: self.generation, state: Arc::new(state) }
    }
}

/// The alerts of `before` that are not there any more.
fn ended(before: &GroupState, after: Option<&GroupState>) -> Vec<RuleChange> {
    let alerts = |state: &GroupState| -> Vec<(slo::rules::Labels, bool)> {
        let of_rules = state.rules.iter().flat_map(|rule| rule.status.alerts());
        of_rules.map(|(labels, alert)| (labels.clone(), alert.firing_since().is_some())).collect()
    };
    let left = after.map(alerts).unwrap_or_default();
    let ended = alerts(before).into_iter().filter(|(labels, _)| left.iter().all(|(other, _)| other != labels));
    let change = |(labels, fired): (slo::rules::Labels, bool)| RuleChange {
        file: before.group.file.clone(),
        group: before.group.name.clone(),
        labels,
        at: 0,
        to: if fired { ChangeTo::Resolved } else { ChangeTo::Inactive },
    };
    ended.map(change).collect()
}

/// Runs `work` where there is room for deep expressions; here, if the system has no thread to give.
pub(super) fn on_thread<T: Send>(mut work: impl FnMut() -> T + Send) -> T {
    within(THREAD, READ_TIME, |_| work()).unwrap_or_else(|_| work())
}
