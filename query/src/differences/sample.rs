//! Spans of both sides, and their fields.

use std::collections::BinaryHeap;

use hashbrown::{HashMap, HashSet};
use model::{Attrs, Nanos, Span, TimeRange, TraceId, Value};
use store::{Scan, Snapshot};
use xxhash_rust::xxh3::xxh3_64;

use crate::fields::FieldPlace;
use crate::lang::{Plan, SpanFilter};
use crate::traces::{Found, Language, TraceSearch, each_span, plan};
use crate::{Budget, QueryError, Warnings};

use super::rank::rank;
use super::table::Table;
use super::{Compared, Differences, LEAST_TRACES, TooFew};

/// Spans that are read of each side.
const SAMPLE: usize = 2_500;

/// Spans that a search finds, of which some are selected; the rest is what they are compared with.
#[derive(Clone, Debug)]
pub struct SpanComparison {
    /// Order and limit do not matter.
    pub search: TraceSearch,
    pub selected: SpanSelection,
    /// Selected spans also match this query, in the language of the search.
    pub query: Option<String>,
}

/// Spans by when they start, how long they last and whether they failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanSelection {
    pub range: TimeRange,
    /// Both included.
    pub min_duration: Option<Nanos>,
    pub max_duration: Option<Nanos>,
    pub failed: bool,
}

impl SpanSelection {
    fn contains(&self, start: Nanos, duration: Nanos, is_error: bool) -> bool {
        self.range.contains(start)
            && self.min_duration.is_none_or(|min| min <= duration)
            && self.max_duration.is_none_or(|max| duration <= max)
            && (is_error || !self.failed)
    }
}

/// A span by what tells it apart: trace, start and duration.
type Key = (TraceId, Nanos, Nanos);

/// Of all spans of a side, those with the smallest hashes.
#[derive(Default)]
struct Chosen {
    /// The largest hash on top.
    best: BinaryHeap<(u64, Key)>,
    n_spans: u64,
}

impl Chosen {
    fn add(&mut self, key: Key) {
        self.n_spans += 1;
        let hash = hash_of(key);
        if self.best.len() >= SAMPLE {
            if self.best.peek().is_some_and(|worst| worst.0 <= hash) {
                return;
            }
            self.best.pop();
        }
        self.best.push((hash, key));
    }
}

fn hash_of((trace, start, duration): Key) -> u64 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&trace.0);
    bytes[16..24].copy_from_slice(&start.to_le_bytes());
    bytes[24..].copy_from_slice(&duration.to_le_bytes());
    xxh3_64(&bytes)
}

/// What is different about the selected spans.
pub fn of_spans(snapshot: &Snapshot, budget: &Budget, comparison: &SpanComparison) -> Result<Differences, QueryError> {
    let SpanComparison { search, selected, query } = comparison;
    let plan = plan(search)?;
    let mut warnings = Warnings::new();
    let mut sides = [Chosen::default(), Chosen::default()];
    let mut complete = true;
    for (plan, may_be_selected) in passes(search, query.as_deref())? {
        complete &= each_span(snapshot, budget, &plan, search.range, &mut warnings, |found, _| {
            if let Found::Span { trace_id, start, duration, is_error } = found {
                let is_selected = may_be_selected && selected.contains(start, duration, is_error);
                sides[usize::from(is_selected)].add((trace_id, start, duration));
            }
            false
        })?;
    }
    let [rest, chosen] = sides;
    let mut found = Differences {
        n_selected: chosen.n_spans,
        n_rest: rest.n_spans,
        selected: compared(&chosen),
        rest: compared(&rest),
        truncated: !complete,
        ..Differences::default()
    };
    found.too_few = match (found.selected.n_traces < LEAST_TRACES, found.rest.n_traces < LEAST_TRACES) {
        (true, _) => Some(TooFew::Selected),
        (_, true) => Some(TooFew::Rest),
        _ => None,
    };
    if found.too_few.is_none() {
        let all = SpanFilter::all();
        let filter = plan.single().unwrap_or(&all);
        let keys: HashMap<Key, bool> = [(rest, false), (chosen, true)]
            .into_iter()
            .flat_map(|(side, is_selected)| side.best.into_iter().map(move |(_, key)| (key, is_selected)))
            .collect();
        let table = read(snapshot, budget, filter, keys, comparison, &mut warnings)?;
        [found.rest.n_same_operation, found.selected.n_same_operation] = table.n_of_common_strata();
        (found.differences, found.n_tested) = rank(&table);
    }
    found.warnings = warnings.into_texts();
    Ok(found)
}

/// What is searched for one after the other, and whether selected spans are among it.
fn passes(search: &TraceSearch, query: Option<&str>) -> Result<Vec<(Plan, bool)>, QueryError> {
    let Some(query) = query else { return Ok(vec![(plan(search)?, true)]) };
    if search.language != Language::Search {
        let message = "spans are selected by a query of the search language, and the search is in another one";
        return Err(QueryError::BadParameter(message.to_owned()));
    }
    // By itself first, so that an error has its place in it.
    plan(&TraceSearch { query: query.to_owned(), ..search.clone() })?;
    let and = |condition: String| match search.query.trim() {
        "" => plan(&TraceSearch { query: condition, ..search.clone() }),
        base => plan(&TraceSearch { query: format!("({base}) AND {condition}"), ..search.clone() }),
    };
    Ok(vec![(and(format!("({query})"))?, true), (and(format!("NOT ({query})"))?, false)])
}

fn compared(side: &Chosen) -> Compared {
    let traces: HashSet<TraceId> = side.best.iter().map(|(_, (trace, ..))| *trace).collect();
    Compared { n_spans: side.best.len(), n_traces: traces.len(), n_same_operation: 0 }
}

/// The fields of the spans `keys`, which say of each whether it is selected.
fn read(
    snapshot: &Snapshot,
    budget: &Budget,
    filter: &SpanFilter,
    mut keys: HashMap<Key, bool>,
    comparison: &SpanComparison,
    warnings: &mut Warnings,
) -> Result<Table, QueryError> {
    let mut table = Table::default();
    let range = comparison.search.range;
    let times = keys.keys().map(|(_, start, _)| *start);
    let bounds = times.fold((range.end, range.start), |(first, last), it| (first.min(it), last.max(it)));
    let scan = Scan::new(TimeRange::new(bounds.0, bounds.1.saturating_add(1))).traces(keys.keys().map(|key| key.0));
    for chunk in snapshot.spans(filter.with_attributes(filter.with_hints(scan))) {
        // A limited number of spans is bounded work: a comparison whose time is up still shows what it found.
        budget.is_out_of_time()?;
        match chunk {
            Ok(chunk) => {
                let mut bound = filter.bind(&chunk);
                let ids = crate::ids::Ids::of(chunk.batch(), "trace_id");
                for row in 0..chunk.len() {
                    let Some(id) = ids.get(row) else { continue };
                    let key = (TraceId(id), chunk.start(row), chunk.duration(row));
                    // Each once, also when it is stored twice.
                    if keys.contains_key(&key)
                        && bound.matches(row)
                        && let Some(is_selected) = keys.remove(&key)
                    {
                        add(&mut table, &chunk.row(row), is_selected, comparison);
                    }
                }
            }
            Err(error) => warnings.unreadable(&error),
        }
    }
    Ok(table)
}

fn add(table: &mut Table, span: &Span<'_>, is_selected: bool, comparison: &SpanComparison) {
    let operation = format!("{}\0{}", span.service, span.name);
    let mut row = table.row(is_selected, xxh3_64(&span.trace_id.0), &operation);
    let mut word = |name: &str, text: &str| {
        if !text.is_empty() {
            row.add(FieldPlace::Intrinsic, name, text, "string", None);
        }
    };
    word("service", span.service);
    word("name", span.name);
    word("kind", span.kind.name());
    word("status_message", span.status_message);
    // What spans were selected by differs of itself.
    let selected = &comparison.selected;
    let is_asked = |field: &str| comparison.query.as_ref().is_some_and(|query| query.contains(field));
    if !selected.failed && !is_asked("status=") && !is_asked("status!=") {
        word("status", if span.is_error() { "error" } else { span.status.name() });
    }
    span.events.iter().for_each(|event| word("event_name", event.name));
    if selected.min_duration.is_none() && selected.max_duration.is_none() && !is_asked("duration") {
        let duration = span.duration;
        row.add(FieldPlace::Intrinsic, "duration", &duration.to_string(), "int", Some(duration as f64));
    }
    let mut attributes = |place: FieldPlace, attrs: Attrs<'_>| {
        for (key, value) in attrs.iter() {
            // The service has been added.
            if place == FieldPlace::Resource && key == "service.name" || is_asked(key) {
                continue;
            }
            let number = match value {
                Value::Int(int) => Some(int as f64),
                Value::Double(double) => Some(double).filter(|it| it.is_finite()),
                _ => None,
            };
            match value {
                Value::Str(text) => row.add(place, key, text, "string", None),
                value => row.add(place, key, &value.to_string(), value.type_name(), number),
            }
        }
    };
    attributes(FieldPlace::Own, span.attrs);
    attributes(FieldPlace::Resource, span.resource.attrs());
    attributes(FieldPlace::Scope, span.scope.attrs());
    span.events.iter().for_each(|event| attributes(FieldPlace::Event, event.attrs));
    row.finish();
}
