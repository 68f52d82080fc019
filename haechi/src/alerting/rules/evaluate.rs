//! One evaluation of a group: its rules one after another, each seeing what those before it wrote.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use model::Nanos;
use query::promql::{Labels, Limits, NAME, QueryValue, Source, Value, VectorSample, instant};
use slo::rules::alerts::{self, Active, Change};
use slo::rules::{Alerting, Kind, Rule, RuleGroup, expand};
use slo::template::{Host, Sample};

use super::group::{GroupState, RuleState};
use super::write::Writer;
use super::{MAX_SAMPLES, Series, THREAD, TIME};
use crate::within::within;

/// Where the evaluation takes place.
#[derive(Clone, Copy)]
pub(super) struct World<'w> {
    pub(super) series: &'w dyn Series,
    pub(super) external_url: &'w str,
    pub(super) is_stopped: &'w AtomicBool,
}

/// What one rule came to.
struct Outcome {
    samples: Vec<(Labels, f64)>,
    n_series: usize,
    /// Of an alerting rule, its alerts and what changed.
    alerts: Option<(Active, Vec<Change>)>,
    warning: Option<String>,
}

/// The group after an evaluation for the time `now`, and the changes of alerts with the place of their rule.
///
/// A rule that fails keeps its alerts, and its series go on without a sample; the others are evaluated all the same.
pub(super) fn evaluate(state: &GroupState, now: Nanos, world: World<'_>) -> (GroupState, Vec<(usize, Change)>) {
    let begin = Instant::now();
    let mut state = state.clone();
    let group = Arc::clone(&state.group);
    if std::mem::take(&mut state.is_restored) {
        for rule in &mut state.rules {
            let active = Arc::make_mut(&mut rule.status.active);
            alerts::resume(active, state.evaluated_at, now, group.interval);
        }
    }
    let mut changes = Vec::new();
    let mut writer = Writer::new(world.series, now.saturating_sub(group.query_offset));
    for labels in std::mem::take(&mut state.leaving) {
        // Of no rule that there is; whether it is stored matters for five minutes at most.
        writer.end(usize::MAX, &labels);
    }
    for (place, (rule, state)) in group.rules.iter().zip(&mut state.rules).enumerate() {
        if world.is_stopped.load(Ordering::Acquire) {
            break;
        }
        let begin = Instant::now();
        writer.flush_for(state.reads.as_ref());
        let outcome = within(THREAD, TIME, |budget| {
            let limits = Limits { max_samples: MAX_SAMPLES, budget, ..Limits::default() };
            let asked = Asked { source: world.series.source(), limits, now, group: &group, world };
            asked.outcome(rule, &state.status.active)
        });
        match outcome.and_then(|outcome| outcome) {
            Ok(outcome) => changes.extend(take(state, place, outcome, &mut writer)),
            Err(error) => state.status.error = Some(error),
        }
        state.status.evaluated_at = now;
        state.status.took = nanos(begin);
    }
    writer.flush();
    for (place, error) in writer.failed {
        if let Some(rule) = state.rules.get_mut(place) {
            rule.status.error.get_or_insert(error);
        }
    }
    state.evaluated_at = now;
    state.evaluations += 1;
    state.took = nanos(begin);
    (state, changes)
}

fn nanos(begin: Instant) -> Nanos {
    Nanos::try_from(begin.elapsed().as_nanos()).unwrap_or(Nanos::MAX)
}

/// Takes over what a rule came to, and has it written with the end of what it gave before and does not any more.
fn take(state: &mut RuleState, place: usize, outcome: Outcome, writer: &mut Writer<'_>) -> Vec<(usize, Change)> {
    let Outcome { samples, n_series, alerts, warning } = outcome;
    for (labels, value) in &samples {
        writer.push(place, labels, *value);
    }
    let written: BTreeSet<Labels> = samples.into_iter().map(|(labels, _)| labels).collect();
    for gone in state.written.difference(&written) {
        writer.end(place, gone);
    }
    state.written = Arc::new(written);
    (state.status.error, state.status.warning, state.status.n_series) = (None, warning, n_series);
    let (active, changes) = alerts.unwrap_or_default();
    state.status.active = Arc::new(active);
    changes.into_iter().map(|change| (place, change)).collect()
}

/// A rule's questions at one moment.
struct Asked<'a> {
    source: Source,
    limits: Limits,
    now: Nanos,
    group: &'a RuleGroup,
    world: World<'a>,
}

impl Asked<'_> {
    fn outcome(&self, rule: &Rule, active: &Active) -> Result<Outcome, String> {
        let (samples, n_histograms) = self.vector(&rule.expression)?;
        match &rule.kind {
            Kind::Recording => self.record(rule, samples, n_histograms),
            Kind::Alerting(alerting) => self.alert(rule, alerting, samples, active),
        }
    }

    /// The vector that an expression gives, and how many of its elements are native histograms. A number is a vector of one.
    fn vector(&self, expression: &str) -> Result<(Vec<(Labels, f64)>, usize), String> {
        let time = self.now.saturating_sub(self.group.query_offset);
        let answer = instant(&self.source, expression, time, &self.limits).map_err(|error| error.to_string())?;
        match answer.value {
            QueryValue::Scalar(_, value) => Ok((vec![(Labels::default(), value)], 0)),
            QueryValue::Vector(found) => {
                let is_histogram = |sample: &&VectorSample| matches!(sample.value, Value::Histogram(_));
                let n_histograms = found.iter().filter(is_histogram).count();
                let number = |sample: VectorSample| match sample.value {
                    Value::Float(value) => (sample.labels, value),
                    Value::Histogram(_) => (sample.labels, f64::NAN),
                };
                Ok((found.into_iter().map(number).collect(), n_histograms))
            }
            QueryValue::String(..) | QueryValue::Matrix(_) => Err("it gives neither a vector nor a number".to_owned()),
        }
    }

    fn record(&self, rule: &Rule, samples: Vec<(Labels, f64)>, n_histograms: usize) -> Result<Outcome, String> {
        let labels_of = |labels: Labels| {
            let named = labels.with(NAME, &rule.name);
            rule.labels.iter().fold(named, |labels, (name, text)| labels.with(name, &text.source))
        };
        let n_series = samples.len();
        if n_histograms > 0 {
            // A histogram that is computed has counts that are no whole numbers, which the store does not take.
            return Err(format!(
                "{n_histograms} of its {n_series} series are native histograms, which are not recorded"
            ));
        }
        let mut samples: Vec<(Labels, f64)> =
            samples.into_iter().map(|(labels, value)| (labels_of(labels), value)).collect();
        samples.sort_by(|a, b| a.0.cmp(&b.0));
        if samples.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
        }
        let limit = self.group.limit;
        if limit > 0 && n_series > limit {
            return Err(format!("exceeded limit of {limit} with {n_series} series"));
        }
        Ok(Outcome { samples, n_series, alerts: None, warning: None })
    }

    fn alert(
        &self,
        rule: &Rule,
        alerting: &Alerting,
        samples: Vec<(Labels, f64)>,
        active: &Active,
    ) -> Result<Outcome, String> {
        let n_series = samples.len();
        let mut warning = None;
        let mut found = Vec::with_capacity(n_series);
        for (labels, value) in samples {
            // Templates ask queries.
            self.limits.budget.check().map_err(|error| error.to_string())?;
            let mut expanded = expand(rule, &sample(&labels, value), self);
            warning = warning.or(expanded.problem.take());
            found.push(expanded);
        }
        let (after, changes) = alerts::step(active, alerting, found, self.group.limit, self.now)?;
        let samples = alerts::series(&after).map(|(labels, value)| (Labels::new(labels), value)).collect();
        Ok(Outcome { samples, n_series, alerts: Some((after, changes)), warning })
    }
}

impl Host for Asked<'_> {
    fn query(&self, expression: &str) -> Result<Vec<Sample>, String> {
        let (samples, _) = self.vector(expression)?;
        Ok(samples.iter().map(|(labels, value)| sample(labels, *value)).collect())
    }

    fn now(&self) -> Nanos {
        self.now
    }

    fn external_url(&self) -> &str {
        self.world.external_url
    }
}

fn sample(labels: &Labels, value: f64) -> Sample {
    let labels = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Sample { labels, value }
}
