//! What the alerts of rules would have done over stored data: the same evaluations at made-up times. Nothing is stored or sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Nanos, TimeRange};
use query::promql::{Labels, SeriesData, Source};
use slo::rules::alerts::ChangeTo;
use slo::rules::{ALERT_NAME, RuleGroup};
use slo::spec::SpecErrors;
use store::Snapshot;

use super::book::on_thread;
use super::evaluate::{World, evaluate};
use super::files::Watched;
use super::group::GroupState;
use super::schedule::slot;
use super::{RuleFiles, Series};

/// The groups of rule files without a mistake, or every mistake in them.
pub(crate) fn read(files: &RuleFiles) -> Result<Vec<Arc<RuleGroup>>, SpecErrors> {
    let watched = on_thread(|| Watched::open(files.clone()))?;
    Ok(watched.groups().cloned().collect())
}

/// What a replay came to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Replayed {
    /// In the order in which they began to fire.
    pub(crate) fired: Vec<Fired>,
    pub(crate) evaluations: usize,
    /// Rules that failed: group and name, how often, and why the first time.
    pub(crate) failed: BTreeMap<(String, String), (usize, String)>,
    /// Until when it went: the end of the range unless it was stopped.
    pub(crate) reached: Nanos,
}

/// An alert from its beginning to its end.
#[derive(Debug, PartialEq)]
pub(crate) struct Fired {
    pub(crate) group: String,
    pub(crate) labels: slo::rules::Labels,
    pub(crate) since: Nanos,
    /// `None` if it still fires at the end.
    pub(crate) until: Option<Nanos>,
}

impl Fired {
    pub(crate) fn name(&self) -> &str {
        self.labels.get(ALERT_NAME).map_or("", String::as_str)
    }
}

/// Evaluates `groups` over `snapshot` at all of their times in `range`.
///
/// Alerts and recorded series begin with `range`; what a box has recorded under the same names is not looked at. It ends early
/// when `goes_on` says no, which is asked before each evaluation.
pub(crate) fn replay(
    snapshot: Snapshot,
    groups: &[Arc<RuleGroup>],
    range: TimeRange,
    goes_on: impl Fn() -> bool,
) -> Replayed {
    let names = groups.iter().flat_map(|group| &group.rules);
    let recorded = names.filter(|rule| rule.alerting().is_none()).map(|rule| rule.name.clone());
    let hidden = recorded.chain(["ALERTS", "ALERTS_FOR_STATE"].map(str::to_owned)).collect();
    let series = Overlay { snapshot, written: Mutex::default(), hidden: Arc::new(hidden) };
    let is_stopped = AtomicBool::new(false);
    let world = World { series: &series, external_url: "", is_stopped: &is_stopped };
    let mut states: Vec<GroupState> =
        on_thread(|| groups.iter().map(|group| GroupState::new(Arc::clone(group))).collect());
    let mut next: BTreeSet<(Nanos, usize)> = BTreeSet::new();
    for (place, group) in groups.iter().enumerate() {
        let first = slot(group, range.start);
        next.insert((if first < range.start { first.saturating_add(group.interval) } else { first }, place));
    }
    let mut replayed = Replayed { reached: range.end, ..Replayed::default() };
    // Of the alerts that fire, by group and labels, where in the result.
    let mut open: BTreeMap<(usize, slo::rules::Labels), usize> = BTreeMap::new();
    while let Some((at, place)) = next.pop_first().filter(|(at, _)| *at < range.end) {
        if !goes_on() {
            replayed.reached = at;
            break;
        }
        let (after, changes) = evaluate(&states[place], at, world);
        replayed.evaluations += 1;
        for (_, change) in changes {
            let key = (place, change.labels);
            match change.to {
                ChangeTo::Firing => {
                    open.insert(key.clone(), replayed.fired.len());
                    let group = groups[place].name.clone();
                    replayed.fired.push(Fired { group, labels: key.1, since: at, until: None });
                }
                ChangeTo::Resolved => {
                    if let Some(index) = open.remove(&key) {
                        replayed.fired[index].until = Some(at);
                    }
                }
                ChangeTo::Pending | ChangeTo::Inactive => {}
            }
        }
        for (rule, known) in after.group.rules.iter().zip(&after.rules) {
            if let Some(error) = &known.status.error {
                let key = (after.group.name.clone(), rule.name.clone());
                replayed.failed.entry(key).or_insert_with(|| (0, error.clone())).0 += 1;
            }
        }
        next.insert((at.saturating_add(after.group.interval), place));
        states[place] = after;
    }
    replayed
}

/// A store with what rules wrote in memory over it.
struct Overlay {
    snapshot: Snapshot,
    written: Mutex<Arc<BTreeMap<Labels, SeriesData>>>,
    hidden: Arc<BTreeSet<String>>,
}

impl Overlay {
    fn written(&self) -> MutexGuard<'_, Arc<BTreeMap<Labels, SeriesData>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Series for Overlay {
    fn source(&self) -> Source {
        Source::over(self.snapshot.clone(), Arc::clone(&self.written()), Arc::clone(&self.hidden))
    }

    fn write(&self, millis: i64, samples: &[(Labels, f64)]) -> Result<(), String> {
        let mut written = self.written();
        // No question is open when something is written, so nothing is copied.
        let written = Arc::make_mut(&mut written);
        for (labels, value) in samples {
            let series = written
                .entry(labels.clone())
                .or_insert_with(|| SeriesData { labels: labels.clone(), ..SeriesData::default() });
            if series.times.last().is_none_or(|last| *last < millis) {
                series.times.push(millis);
                series.floats.push(*value);
            }
        }
        Ok(())
    }
}
