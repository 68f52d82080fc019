//! Traces of one kind: those whose roots are the same operation and whose spans have the same structure.

use std::cmp::Reverse;

use hashbrown::HashMap;
use model::{Nanos, TraceId};
use store::Snapshot;
use xxhash_rust::xxh3::Xxh3;

use crate::{Budget, QueryError, Warnings};

use super::search::{MAX_LIMIT, plan};
use super::sets::{self, Whole, each_trace, select};
use super::{TraceHits, TraceOrder, TraceSearch};

/// Traces that are put into groups: each is read whole.
const MAX_TRACES: usize = 10_000;
/// Groups told apart. Traces of further ones are counted, and named in a warning.
const MAX_GROUPS: usize = 2_000;
/// Services named with a group.
const MAX_SERVICES: usize = 20;

/// Traces of one structure.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceGroup {
    /// Tells structures apart. The same in every process.
    pub structure: u64,
    /// Of the root span; empty when that is missing.
    pub root_service: String,
    pub root_name: String,
    /// In the order of the tree.
    pub services: Vec<String>,
    pub n_traces: usize,
    /// Traces with a failed span.
    pub n_failed: usize,
    /// Of whole traces.
    pub p50: Nanos,
    pub p95: Nanos,
    /// Start of the newest.
    pub newest: Nanos,
    pub fewest_spans: usize,
    pub most_spans: usize,
    /// The trace of middle duration, and the longest.
    pub median: TraceId,
    pub slowest: TraceId,
}

/// What a search found, in groups.
#[derive(Clone, Debug, Default)]
pub struct TraceGroups {
    /// In the order of the search; by the number of traces where that is [`TraceOrder::Newest`].
    pub groups: Vec<TraceGroup>,
    pub n_groups: usize,
    /// Traces in groups: the newest ones that match.
    pub n_grouped: usize,
    /// Traces that match; at least so many when `truncated`. Of a query about several spans, those that may match where fewer
    /// are grouped.
    pub n_traces: usize,
    /// The range was not searched to its end.
    pub truncated: bool,
    pub warnings: Vec<String>,
    pub notes: Vec<String>,
}

/// The groups of the newest 10,000 traces that match, at most `search.limit` of them.
pub fn groups(snapshot: &Snapshot, budget: &Budget, search: &TraceSearch) -> Result<TraceGroups, QueryError> {
    let mut drafts: HashMap<u64, Draft> = HashMap::new();
    let mut n_left_out = 0;
    let read = each_structure(snapshot, budget, search, |whole, structure| {
        if drafts.len() < MAX_GROUPS || drafts.contains_key(&structure) {
            drafts.entry(structure).or_insert_with(|| Draft::new(whole)).add(whole);
        } else {
            n_left_out += 1;
        }
    })?;
    let Read { n_grouped, n_traces, truncated, mut warnings, notes } = read;
    if n_left_out > 0 {
        warnings.push(format!("{n_left_out} traces are of more than {MAX_GROUPS} structures and in no group"));
    }
    let n_groups = drafts.len();
    let mut groups: Vec<TraceGroup> =
        drafts.into_iter().filter_map(|(structure, draft)| draft.finish(structure)).collect();
    let key = |group: &TraceGroup| match search.order {
        TraceOrder::Newest => group.n_traces as i64,
        TraceOrder::Slowest => group.p95,
        TraceOrder::MostSpans => group.most_spans as i64,
        TraceOrder::MostErrors => group.n_failed as i64,
    };
    groups.sort_by_key(|group| (Reverse(key(group)), Reverse(group.n_traces), group.structure));
    groups.truncate(search.limit.min(MAX_LIMIT));
    Ok(TraceGroups { groups, n_groups, n_grouped, n_traces, truncated, warnings: warnings.into_texts(), notes })
}

/// The traces of the group `structure` among those that [`groups`] puts into groups.
pub fn of_group(
    snapshot: &Snapshot,
    budget: &Budget,
    search: &TraceSearch,
    structure: u64,
) -> Result<TraceHits, QueryError> {
    let mut found: Vec<(Reverse<i64>, Reverse<Nanos>, TraceId)> = Vec::new();
    let read = each_structure(snapshot, budget, search, |whole, of| {
        if of == structure {
            let rank = match search.order {
                TraceOrder::Newest => whole.start,
                TraceOrder::Slowest => whole.facts.duration,
                TraceOrder::MostSpans => whole.len() as i64,
                TraceOrder::MostErrors => n_errors(whole) as i64,
            };
            found.push((Reverse(rank), Reverse(whole.start), whole.id));
        }
    })?;
    let Read { n_grouped, n_traces, truncated, mut warnings, notes } = read;
    let n_found = found.len();
    found.sort_unstable();
    found.truncate(search.limit.min(MAX_LIMIT));
    let ids: Vec<TraceId> = found.into_iter().map(|(_, _, id)| id).collect();
    let plan = plan(search)?;
    let traces = sets::summary::summaries(snapshot, budget, &ids, &plan, search.spans_per_set, &mut warnings)?;
    let truncated = truncated || n_grouped < n_traces;
    let n_scanned = n_grouped as u64;
    Ok(TraceHits { traces, n_traces: n_found, n_scanned, truncated, warnings: warnings.into_texts(), notes })
}

/// What [`each_structure`] saw.
struct Read {
    n_grouped: usize,
    n_traces: usize,
    truncated: bool,
    warnings: Warnings,
    notes: Vec<String>,
}

/// Hands over the newest matching traces with their structures.
fn each_structure(
    snapshot: &Snapshot,
    budget: &Budget,
    search: &TraceSearch,
    mut each: impl FnMut(&Whole<'_>, u64),
) -> Result<Read, QueryError> {
    let plan = plan(search)?;
    let mut warnings = Warnings::new();
    let found = select::candidates(snapshot, budget, &plan, search.range, &mut warnings)?;
    let newest = &found.ids[..found.ids.len().min(MAX_TRACES)];
    let (mut n_grouped, mut n_read) = (0, 0);
    let read = each_trace(snapshot, budget, &plan, newest, false, &mut warnings, |whole, sets| {
        n_read += 1;
        if !sets.is_empty() {
            n_grouped += 1;
            each(whole, structure_of(whole));
        }
    })?;
    if !read {
        warnings.push("the time limit was reached: not all traces are in groups");
    }
    // Candidates that are read may turn out not to match.
    let n_traces = n_grouped + found.ids.len().saturating_sub(n_read);
    Ok(Read { n_grouped, n_traces, truncated: found.truncated, warnings, notes: plan.notes().to_vec() })
}

/// A number for the services, names and kinds of a trace's spans and for what is below what. The order of siblings does not
/// matter, and equal ones count once: a loop of three calls is as one of five.
fn structure_of(whole: &Whole<'_>) -> u64 {
    let n_spans = whole.len();
    let mut below: Vec<Vec<u64>> = vec![Vec::new(); n_spans];
    let mut tops = Vec::new();
    let mut bytes = Vec::new();
    let distinct = |hashes: &mut Vec<u64>| {
        hashes.sort_unstable();
        hashes.dedup();
    };
    for index in (0..n_spans).rev() {
        let span = whole.span(index);
        let mut children = std::mem::take(&mut below[index]);
        distinct(&mut children);
        bytes.clear();
        for text in [span.service, span.name] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.push(span.kind as u8);
        let mut hasher = Xxh3::new();
        hasher.update(&bytes);
        children.iter().for_each(|child| hasher.update(&child.to_le_bytes()));
        let hash = hasher.digest();
        match whole.facts.spans[index].parent {
            Some(parent) => below[parent].push(hash),
            None => tops.push(hash),
        }
    }
    distinct(&mut tops);
    let mut hasher = Xxh3::new();
    tops.iter().for_each(|top| hasher.update(&top.to_le_bytes()));
    hasher.digest()
}

fn n_errors(whole: &Whole<'_>) -> usize {
    (0..whole.len()).filter(|&index| whole.span(index).is_error()).count()
}

/// A group while its traces come in.
struct Draft {
    root_service: String,
    root_name: String,
    services: Vec<String>,
    /// At most as many as traces are read.
    durations: Vec<(Nanos, TraceId)>,
    n_failed: usize,
    newest: Nanos,
    fewest_spans: usize,
    most_spans: usize,
}

impl Draft {
    fn new(whole: &Whole<'_>) -> Self {
        let mut services: Vec<String> = Vec::new();
        for index in 0..whole.len() {
            let service = whole.span(index).service;
            if services.len() < MAX_SERVICES && services.iter().all(|known| known != service) {
                services.push(service.to_owned());
            }
        }
        Draft {
            root_service: whole.facts.root_service.clone(),
            root_name: whole.facts.root_name.clone(),
            services,
            durations: Vec::new(),
            n_failed: 0,
            newest: Nanos::MIN,
            fewest_spans: usize::MAX,
            most_spans: 0,
        }
    }

    fn add(&mut self, whole: &Whole<'_>) {
        self.durations.push((whole.facts.duration, whole.id));
        self.n_failed += usize::from(n_errors(whole) > 0);
        self.newest = self.newest.max(whole.start);
        self.fewest_spans = self.fewest_spans.min(whole.len());
        self.most_spans = self.most_spans.max(whole.len());
    }

    fn finish(mut self, structure: u64) -> Option<TraceGroup> {
        self.durations.sort_unstable();
        let n_traces = self.durations.len();
        // The smallest that at least the share is not above.
        let at = |share: f64| self.durations[((n_traces as f64 * share).ceil() as usize).clamp(1, n_traces) - 1];
        let slowest = self.durations.last()?.1;
        Some(TraceGroup {
            structure,
            n_traces,
            n_failed: self.n_failed,
            p50: at(0.5).0,
            p95: at(0.95).0,
            median: at(0.5).1,
            slowest,
            newest: self.newest,
            fewest_spans: self.fewest_spans,
            most_spans: self.most_spans,
            root_service: self.root_service,
            root_name: self.root_name,
            services: self.services,
        })
    }
}
