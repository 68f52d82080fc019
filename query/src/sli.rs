//! Service level indicators over spans: which requests count, and which of them are good.
//!
//! Times are those of the spans' starts. Plain types: the caller maps its objectives to them.

use model::{Nanos, SpanId, SpanKind, TimeRange, TraceId};
use store::{Scan, Snapshot};

use crate::lang::{SpanFilter, SpanTerms};
use crate::steps::Steps;
use crate::{Budget, QueryError, Warnings};

/// How many buckets one call counts into: 30 days of minutes twice over.
const MAX_BUCKETS: usize = 100_000;

/// Which spans count, and when one is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliSelector {
    pub service: String,
    /// The span's name; `None` for all.
    pub operation: Option<String>,
    /// `None` counts spans of kind server and consumer.
    pub kind: Option<SpanKind>,
    /// Attributes of the span, its resource or its scope, compared by their string form.
    pub attributes: Vec<(String, String)>,
    /// More conditions, in the search language; empty for none.
    pub query: String,
    pub good: Good,
}

/// What makes a span good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// Its status is not error.
    NotError,
    /// It takes at most this long. `and_not_error` also asks for a status that is not error.
    FasterThan { threshold: Nanos, and_not_error: bool },
}

impl Good {
    fn holds(self, duration: Nanos, is_error: bool) -> bool {
        match self {
            Good::NotError => !is_error,
            Good::FasterThan { threshold, and_not_error } => duration <= threshold && !(and_not_error && is_error),
        }
    }
}

/// Requests in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub good: u64,
    pub total: u64,
}

/// Counts of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bucket `i` starts `i` widths after the start of the range. The last one may end after the range.
    pub buckets: Vec<Count>,
    pub n_scanned: u64,
    /// Not empty when spans could not be read: the counts are then too low.
    pub warnings: Vec<String>,
}

/// A request that was not good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadExample {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub name: String,
    pub start: Nanos,
    pub duration: Nanos,
    pub is_error: bool,
    pub status_message: String,
}

/// Good and all requests by start in buckets of `bucket_width` nanoseconds.
///
/// Errors: [`QueryError::BadQuery`] of the selector's query, [`QueryError::BadParameter`] for a width that is not positive or
/// makes more than 100,000 buckets, [`QueryError::Timeout`]: half a count would be a wrong one.
pub fn counts(
    snapshot: &Snapshot,
    budget: &Budget,
    selector: &SliSelector,
    range: TimeRange,
    bucket_width: Nanos,
) -> Result<Counts, QueryError> {
    if bucket_width <= 0 {
        return Err(QueryError::BadParameter(format!("bucket width {bucket_width} ns: it must be positive")));
    }
    let steps = Steps::of_width(range, bucket_width);
    if steps.n_steps > MAX_BUCKETS {
        return Err(QueryError::BadParameter(format!("{} buckets: at most {MAX_BUCKETS} are counted", steps.n_steps)));
    }
    let filter = filter(selector)?;
    let mut warnings = Warnings::new();
    let mut counts = Counts { buckets: vec![Count::default(); steps.n_steps], ..Counts::default() };
    for chunk in snapshot.spans(filter.with_columns_to_count(filter.with_hints(Scan::new(range)))) {
        budget.check()?;
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                warnings.unreadable(&error);
                continue;
            }
        };
        counts.n_scanned += chunk.len() as u64;
        let mut bound = filter.bind(&chunk);
        for row in 0..chunk.len() {
            if bound.matches(row) {
                let bucket = &mut counts.buckets[steps.step_of(chunk.start(row))];
                bucket.total += 1;
                bucket.good += u64::from(selector.good.holds(chunk.duration(row), chunk.is_error(row)));
            }
        }
    }
    counts.warnings = warnings.into_texts();
    Ok(counts)
}

/// Up to `limit` requests that were not good, newest first.
pub fn bad_examples(
    snapshot: &Snapshot,
    budget: &Budget,
    selector: &SliSelector,
    range: TimeRange,
    limit: usize,
) -> Result<Vec<BadExample>, QueryError> {
    let filter = filter(selector)?;
    let mut found: Vec<BadExample> = Vec::new();
    let mut chunks = snapshot.spans(filter.with_columns(filter.with_hints(Scan::new(range))));
    loop {
        let done =
            found.len() == limit && chunks.bound().is_none_or(|bound| found.last().is_none_or(|it| it.start > bound));
        if done || budget.is_out_of_time()? {
            break;
        }
        let chunk = match chunks.next() {
            Some(Ok(chunk)) => chunk,
            // What cannot be read has no example to give; `counts` reports it.
            Some(Err(_)) => continue,
            None => break,
        };
        let mut bound = filter.bind(&chunk);
        for row in 0..chunk.len() {
            if !selector.good.holds(chunk.duration(row), chunk.is_error(row)) && bound.matches(row) {
                insert(&mut found, BadExample::of(&chunk.row(row)), limit);
            }
        }
    }
    Ok(found)
}

fn insert(found: &mut Vec<BadExample>, example: BadExample, limit: usize) {
    let key = |it: &BadExample| (std::cmp::Reverse(it.start), it.trace_id, it.span_id);
    let place = found.partition_point(|other| key(other) < key(&example));
    if place < limit && found.get(place).is_none_or(|other| key(other) != key(&example)) {
        found.insert(place, example);
        found.truncate(limit);
    }
}

impl BadExample {
    fn of(span: &model::Span<'_>) -> Self {
        BadExample {
            trace_id: span.trace_id,
            span_id: span.span_id,
            name: span.name.to_owned(),
            start: span.start,
            duration: span.duration,
            is_error: span.is_error(),
            status_message: span.status_message.to_owned(),
        }
    }
}

fn filter(selector: &SliSelector) -> Result<SpanFilter, QueryError> {
    let kinds = selector.kind.map_or(vec![SpanKind::Server, SpanKind::Consumer], |kind| vec![kind]);
    SpanFilter::new(&SpanTerms {
        query: &selector.query,
        service: Some(&selector.service),
        operation: selector.operation.as_deref(),
        kinds: &kinds,
        attributes: &selector.attributes,
        ..SpanTerms::default()
    })
}

#[cfg(test)]
mod tests;
