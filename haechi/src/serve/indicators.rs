//! Answers the questions of SLO evaluation from the store: how many events were good, which traces were not.

use std::sync::Arc;

use model::{Nanos, SpanKind, TimeRange, TraceId};
use slo::{Count, Slo};
use store::{Scan, SpanChunk, Store, Table};

use crate::alerting::Sources;
use crate::clock;

/// What judging a span reads, unless attributes are asked for.
const COLUMNS: &[&str] = &["start_time", "duration", "service", "name", "kind", "status"];
const COLUMNS_WITH_ATTRIBUTES: &[&str] =
    &["start_time", "duration", "service", "name", "kind", "status", "attributes", "resource"];
const COLUMNS_OF_TRACES: &[&str] =
    &["start_time", "duration", "service", "name", "kind", "status", "attributes", "resource", "trace_id"];

pub(crate) fn sources(store: &Arc<Store>) -> Sources {
    let (counted, searched, measured) = (Arc::clone(store), Arc::clone(store), Arc::clone(store));
    Sources {
        now: Arc::new(clock::now),
        count: Arc::new(move |slo, range| count(&counted, slo, range)),
        bad_traces: Arc::new(move |slo, range, limit| bad_traces(&searched, slo, range, limit)),
        oldest_span: Arc::new(move || measured.snapshot().extent(Table::Spans).map(|(oldest, _)| oldest)),
    }
}

/// The events of `slo` in each bucket of `range`, whose ends are multiples of the bucket width.
fn count(store: &Store, slo: &Slo, range: TimeRange) -> Result<Vec<Count>, String> {
    let width = slo.bucket_width();
    let n_buckets = usize::try_from(range.length() / width).map_err(|error| error.to_string())?;
    let mut counts = vec![Count::default(); n_buckets];
    let reads_attributes = slo.indicator.spans().is_some_and(|spans| spans.reads_attributes());
    let columns = if reads_attributes { COLUMNS_WITH_ATTRIBUTES } else { COLUMNS };
    for chunk in store.snapshot().spans(Scan::new(range).columns(columns)) {
        // A damaged segment must not stop the evaluation of what can be read.
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                tracing::warn!(slo = slo.name, %error, "spans are left out of the counts of an SLO");
                continue;
            }
        };
        each_candidate(&chunk, slo, |row| {
            let Some(good) = slo.judge(&chunk.row(row)) else { return };
            let bucket = (chunk.start(row) - range.start) / width;
            if let Some(count) = usize::try_from(bucket).ok().and_then(|bucket| counts.get_mut(bucket)) {
                count.total += 1;
                count.good += u64::from(good);
            }
        });
    }
    Ok(counts)
}

/// The traces of the newest bad events of `slo` in `range`, newest first, each once.
fn bad_traces(store: &Store, slo: &Slo, range: TimeRange, limit: usize) -> Vec<TraceId> {
    let mut found: Vec<(Nanos, TraceId)> = Vec::new();
    let mut chunks = store.snapshot().spans(Scan::new(range).columns(COLUMNS_OF_TRACES));
    while let Some(bound) = chunks.bound() {
        if found.get(limit.saturating_sub(1)).is_some_and(|(start, _)| *start > bound) {
            break;
        }
        let Some(Ok(chunk)) = chunks.next() else { continue };
        each_candidate(&chunk, slo, |row| {
            let span = chunk.row(row);
            if slo.judge(&span) == Some(false) {
                found.push((span.start, span.trace_id));
            }
        });
        found.sort_unstable_by_key(|(start, id)| (std::cmp::Reverse(*start), *id));
        found.dedup_by_key(|(_, id)| *id);
        found.truncate(limit.max(1));
    }
    found.into_iter().take(limit).map(|(_, id)| id).collect()
}

/// Calls `each` with the rows whose service and kind may count: most rows of a chunk fail by one comparison of numbers.
fn each_candidate(chunk: &SpanChunk, slo: &Slo, mut each: impl FnMut(usize)) {
    let (Some((services, keys)), Some(spans)) = (chunk.services(), slo.indicator.spans()) else { return };
    let wanted: Vec<bool> = services.iter().map(|name| name == Some(slo.service.as_str())).collect();
    let kind_counts = |kind: SpanKind| spans.selector.kind.is_none_or(|wanted| wanted == kind);
    for (row, key) in keys.iter().enumerate() {
        if wanted.get(*key as usize) == Some(&true) && kind_counts(chunk.kind(row)) {
            each(row);
        }
    }
}
