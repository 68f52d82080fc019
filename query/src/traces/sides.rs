//! What stands on a side of a comparison: one trace, or many.

use model::{Nanos, TimeRange, TraceId};
use store::Snapshot;

use crate::{Budget, QueryError};

use super::{Parts, Trace, TraceSearch, TraceSummary, alike, search, trace_in, typical};

/// Traces of a group, and spans of all of them.
const MAX_TRACES: usize = 100;
const MAX_SPANS: usize = 200_000;

/// What a side is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Trace(TraceId),
    /// The trace in the middle of those with the same root as the other side.
    Typical,
    /// All of those.
    Group,
    /// Those that a search finds.
    Matching(String),
}

/// The traces of one side.
pub struct Side {
    /// At least one, read as [`Parts::Tree`].
    pub traces: Vec<Trace>,
    /// What finds them when they are a group; empty for those like the other side.
    pub query: Option<String>,
    /// By length.
    durations: Vec<Nanos>,
    pub warnings: Vec<String>,
}

impl Side {
    fn of_one(trace: Trace) -> Self {
        let warnings = trace.warnings.clone();
        Side { durations: vec![trace.duration()], traces: vec![trace], query: None, warnings }
    }

    fn of_many(traces: Vec<Trace>, query: String, warnings: Vec<String>) -> Self {
        let mut durations: Vec<Nanos> = traces.iter().map(Trace::duration).collect();
        durations.sort_unstable();
        Side { traces, query: Some(query), durations, warnings }
    }

    /// Of many, the median.
    pub fn duration(&self) -> Nanos {
        self.quarter(2)
    }

    /// The duration that as many quarters of the traces do not exceed; the lower one of two in the middle.
    pub fn quarter(&self, quarters: usize) -> Nanos {
        self.durations[(self.durations.len() - 1) * quarters.min(4) / 4]
    }
}

/// Why there is nothing on a side.
#[derive(Clone, Debug)]
pub enum Cause {
    /// In a sentence.
    Nothing(String),
    /// The search was not understood.
    Query(QueryError, String),
}

impl Wanted {
    /// `None` of an empty text.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" => None,
            "typical" => Some(Wanted::Typical),
            "group" => Some(Wanted::Group),
            text => Some(TraceId::parse(text).map_or_else(|| Wanted::Matching(text.to_owned()), Wanted::Trace)),
        }
    }

    /// Whether it takes its traces from those like the other side.
    fn is_relative(&self) -> bool {
        matches!(self, Wanted::Typical | Wanted::Group)
    }
}

/// Both sides of a comparison, or why there is nothing on one of them. Searches, in the search language, look in `range`.
pub fn sides(
    snapshot: &Snapshot,
    budget: &Budget,
    (a, b): (&Wanted, &Wanted),
    range: TimeRange,
) -> Result<Result<[Side; 2], Cause>, QueryError> {
    let read = |wanted: &Wanted, other: Option<&Side>| read(snapshot, budget, wanted, other, range);
    // What is relative is read after what it is relative to.
    let (first, second) = if a.is_relative() { (b, a) } else { (a, b) };
    let first = match read(first, None)? {
        Ok(side) => side,
        Err(cause) => return Ok(Err(cause)),
    };
    let second = match read(second, Some(&first))? {
        Ok(side) => side,
        Err(cause) => return Ok(Err(cause)),
    };
    Ok(Ok(if a.is_relative() { [second, first] } else { [first, second] }))
}

fn read(
    snapshot: &Snapshot,
    budget: &Budget,
    wanted: &Wanted,
    other: Option<&Side>,
    range: TimeRange,
) -> Result<Result<Side, Cause>, QueryError> {
    let nothing = |text: String| Ok(Err(Cause::Nothing(text)));
    match wanted {
        Wanted::Trace(id) => match trace_in(snapshot, budget, *id, Parts::Tree)? {
            Some(trace) => Ok(Ok(Side::of_one(trace))),
            None => nothing(format!("no span of the trace {id} is stored")),
        },
        Wanted::Typical | Wanted::Group => {
            let Some(other) = other.filter(|other| other.query.is_none()) else {
                return nothing(
                    "`typical` and `group` stand for traces like the other side, which is no trace".to_owned(),
                );
            };
            let found = alike(snapshot, budget, &other.traces[0])?;
            let Some(middle) = typical(&found.traces) else {
                return nothing("no other trace with the same root starts within six hours of it".to_owned());
            };
            match wanted {
                Wanted::Typical => read(snapshot, budget, &Wanted::Trace(middle.trace_id), None, range),
                _ => group(snapshot, budget, &found.traces, found.warnings, String::new()),
            }
        }
        Wanted::Matching(query) => {
            let wanted = TraceSearch { query: query.clone(), limit: MAX_TRACES, ..TraceSearch::new(range) };
            match search(snapshot, budget, &wanted) {
                Ok(found) if found.traces.is_empty() => nothing(format!("no trace of the range matches {query}")),
                Ok(found) => group(snapshot, budget, &found.traces, found.warnings, query.clone()),
                Err(error @ QueryError::BadQuery { .. }) => Ok(Err(Cause::Query(error, query.clone()))),
                Err(error) => Err(error),
            }
        }
    }
}

/// The newest of `found`, as many as can be read.
fn group(
    snapshot: &Snapshot,
    budget: &Budget,
    found: &[TraceSummary],
    mut warnings: Vec<String>,
    query: String,
) -> Result<Result<Side, Cause>, QueryError> {
    let mut newest: Vec<&TraceSummary> = found.iter().collect();
    newest.sort_by_key(|it| std::cmp::Reverse((it.start, it.trace_id)));
    newest.truncate(MAX_TRACES);
    let (mut traces, mut n_spans): (Vec<Trace>, usize) = (Vec::with_capacity(newest.len()), 0);
    for it in &newest {
        // The first one is always there.
        if !traces.is_empty() && n_spans + it.n_spans > MAX_SPANS {
            warnings.push(format!("only {} traces are in the group: they have {n_spans} spans", traces.len()));
            break;
        }
        let trace = match trace_in(snapshot, budget, it.trace_id, Parts::Tree) {
            Err(QueryError::Timeout) if !traces.is_empty() => {
                warnings.push(format!("only {} traces are in the group: the time was up", traces.len()));
                break;
            }
            read => read?,
        };
        let Some(trace) = trace else { continue };
        n_spans += trace.spans.len();
        traces.push(trace);
    }
    match traces.is_empty() {
        true => Ok(Err(Cause::Nothing("no trace of the group is stored any more".to_owned()))),
        false => Ok(Ok(Side::of_many(traces, query, warnings))),
    }
}
