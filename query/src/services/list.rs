//! The services of a range, each with the rate, errors and duration of the requests it served.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use model::{Nanos, SpanKind, StatusCode, TimeRange};
use store::Snapshot;
use store::summary::{OTHER, Operation, ServiceName, SpanSummary, Trait};

use crate::{Budget, QueryError, Warnings};

use super::range::Covered;
use super::stats::{Red, RedCounter};
use super::steps_of;

/// How many services are told apart; a sender that makes a name of each request must not fill the memory.
const MAX_SERVICES: usize = 5_000;
/// How many versions and instances of a service are listed.
const MAX_LISTED: usize = 100;

/// The services that sent spans.
#[derive(Clone, Debug, Default)]
pub struct ServiceList {
    /// By namespace and name.
    pub services: Vec<ServiceSummary>,
    /// What is counted: the minutes that the range asked for touches; of a range of five minutes or less exactly that.
    pub range: TimeRange,
    pub warnings: Vec<String>,
}

/// A service in a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSummary {
    pub service: String,
    /// `service.namespace`; empty when it sends none.
    pub namespace: String,
    /// `service.version`s seen, sorted; more than one while a deployment runs.
    pub versions: Vec<String>,
    /// `service.instance.id`s seen, at most 100 of them.
    pub n_instances: usize,
    /// `telemetry.sdk.language`; empty when it sends none.
    pub language: String,
    /// `deployment.environment.name`s seen, sorted.
    pub environments: Vec<String>,
    /// Of spans of kind server and consumer; of root spans when the service has none of those in the range.
    pub requests: Red,
    /// Whether `requests` counts root spans.
    pub by_roots: bool,
    /// End of its newest span, to the millisecond.
    pub last_seen: Nanos,
}

#[derive(Default)]
struct Draft {
    traits: [BTreeSet<String>; 4],
    served: RedCounter,
    roots: RedCounter,
    last_seen: Nanos,
}

/// The services with spans that start in `range`, with `n_buckets` steps of each measure at most. Spans whose resource
/// cannot be told from another by namespace and name are one service.
pub fn services(
    snapshot: &Snapshot,
    budget: &Budget,
    range: TimeRange,
    n_buckets: usize,
) -> Result<ServiceList, QueryError> {
    let covered = Covered::of(snapshot, range, n_buckets);
    let steps = steps_of(&covered, n_buckets);
    let mut warnings = Warnings::new();
    let mut drafts = Drafts::default();
    let mut n_other = 0;
    covered.read_or_warn(snapshot, budget, &mut warnings, |summary, warnings| {
        let places = drafts.places(summary, &covered, warnings)?;
        let is_wanted = |it: &Operation| places[it.service as usize].is_some() && (is_served(it.kind) || it.is_root);
        let wanted = |index: u32| is_wanted(&summary.operations[index as usize]);
        summary.spans(&covered.wanted(&wanted, &|_| false), |cell| {
            let it = &summary.operations[cell.operation as usize];
            let Some(place) = places[it.service as usize] else { return };
            let draft = &mut drafts.list[place];
            let counter = if is_served(it.kind) { &mut draft.served } else { &mut draft.roots };
            let step = steps.step_of(covered.slots.start(cell.slot));
            counter.add(step, cell.durations, it.status == StatusCode::Error);
            n_other += if it.name == OTHER { cell.durations.n_total() } else { 0 };
        })
    })?;
    if n_other > 0 {
        warnings.push(format!(
            "{n_other} requests have no operation of their own: their service has more than 1,000 span names"
        ));
    }
    let mut services: Vec<ServiceSummary> = drafts
        .by_name
        .into_iter()
        .map(|(name, place)| {
            let Draft { traits, served, roots, last_seen } = std::mem::take(&mut drafts.list[place]);
            let [versions, instances, environments, languages] = traits;
            let by_roots = served.is_empty() && !roots.is_empty();
            ServiceSummary {
                service: name.name,
                namespace: name.namespace,
                versions: versions.into_iter().collect(),
                n_instances: instances.len(),
                language: languages.into_iter().next().unwrap_or_default(),
                environments: environments.into_iter().collect(),
                requests: if by_roots { roots } else { served }.finish(&steps),
                by_roots,
                last_seen,
            }
        })
        .collect();
    services.sort_by(|a, b| (&a.namespace, &a.service).cmp(&(&b.namespace, &b.service)));
    Ok(ServiceList { services, range: covered.range, warnings: warnings.into_texts() })
}

/// Whether spans of this kind are requests that somebody else made.
fn is_served(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Server | SpanKind::Consumer)
}

#[derive(Default)]
struct Drafts {
    by_name: HashMap<ServiceName, usize>,
    list: Vec<Draft>,
}

impl Drafts {
    /// Of each service of `summary` its place, if it has spans in the range and there is room.
    fn places(
        &mut self,
        summary: &SpanSummary,
        covered: &Covered,
        warnings: &mut Warnings,
    ) -> Result<Vec<Option<usize>>, store::ReadError> {
        let mut places = vec![None; summary.services.len()];
        summary.seen(&(covered.first..covered.end), |service, end| {
            let place = &mut places[service as usize];
            if place.is_none() {
                let name = &summary.services[service as usize];
                *place = match self.by_name.get(name) {
                    Some(known) => Some(*known),
                    None if self.list.len() == MAX_SERVICES => {
                        warnings.push(format!("more than {MAX_SERVICES} services: the rest is not listed"));
                        None
                    }
                    None => {
                        self.by_name.insert(name.clone(), self.list.len());
                        self.list.push(Draft { last_seen: Nanos::MIN, ..Draft::default() });
                        Some(self.list.len() - 1)
                    }
                };
            }
            if let Some(place) = *place {
                let draft = &mut self.list[place];
                draft.last_seen = draft.last_seen.max(end);
            }
        })?;
        let in_range = |slots: (i64, i64)| slots.0 < covered.end && covered.first <= slots.1;
        for fact in summary.facts.iter().filter(|fact| in_range(fact.slots)) {
            let Some(place) = places[fact.service as usize] else { continue };
            let known = &mut self.list[place].traits[fact.what as usize];
            let limit = if fact.what == Trait::Language { 1 } else { MAX_LISTED };
            if known.len() < limit && !known.contains(&fact.value) {
                known.insert(fact.value.clone());
            }
        }
        Ok(places)
    }
}
