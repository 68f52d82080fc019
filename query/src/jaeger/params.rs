//! The parameters of `/api/traces` as a search.

use std::collections::BTreeMap;

use model::time::MICROSECOND;
use model::{Nanos, TimeRange, TraceId};

use crate::QueryError;
use crate::lang::{parse_duration, quoted};
use crate::traces::TraceSearch;

/// Jaeger's own default.
const DEFAULT_LIMIT: usize = 100;
/// How far back a search without a start goes, as Jaeger's UI says.
const DEFAULT_LOOKBACK: Nanos = 2 * model::time::DAY;

/// The query string of `/api/traces`, each value as sent. `traceID` may repeat, and `tag` too: the HTTP edge gathers them.
#[derive(Clone, Debug, Default)]
pub struct TraceParams {
    pub service: String,
    pub operation: String,
    /// A JSON object of strings: `{"http.status_code":"500"}`.
    pub tags: String,
    /// Each `key:value`.
    pub tag: Vec<String>,
    /// As `1.2s`; empty for none.
    pub min_duration: String,
    pub max_duration: String,
    pub limit: String,
    /// Microseconds since the epoch.
    pub start: String,
    pub end: String,
    pub trace_id: Vec<String>,
}

/// The search that `params` ask for at the time `now`, and the ids they name: with ids, the search does not matter.
///
/// Errors: [`QueryError::BadParameter`] that names the parameter and says what is allowed.
pub fn search_of(params: &TraceParams, now: Nanos) -> Result<(TraceSearch, Vec<TraceId>), QueryError> {
    let ids: Result<Vec<TraceId>, QueryError> = params.trace_id.iter().map(|text| trace_id(text)).collect();
    let ids = ids?;
    if ids.is_empty() && params.service.is_empty() {
        return Err(bad("service", "it is missing; name a service, or traces by traceID"));
    }
    let end = time("end", &params.end)?.unwrap_or(now);
    let start = time("start", &params.start)?.unwrap_or_else(|| end.saturating_sub(DEFAULT_LOOKBACK));
    let limit = match params.limit.as_str() {
        "" => DEFAULT_LIMIT,
        text => text.parse().map_err(|_| bad("limit", "a number of traces is expected"))?,
    };
    let text = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    let mut search = TraceSearch {
        service: text(&params.service),
        operation: text(&params.operation).filter(|operation| operation != "all"),
        min_duration: duration("minDuration", &params.min_duration)?,
        max_duration: duration("maxDuration", &params.max_duration)?,
        limit,
        // Jaeger's end is part of the range.
        ..TraceSearch::new(TimeRange::new(start, end.saturating_add(MICROSECOND)))
    };
    add_tags(&mut search, params)?;
    Ok((search, ids))
}

fn add_tags(search: &mut TraceSearch, params: &TraceParams) -> Result<(), QueryError> {
    let mut tags: Vec<(String, String)> = Vec::new();
    if !params.tags.is_empty() {
        let object: BTreeMap<String, String> = serde_json::from_str(&params.tags)
            .map_err(|error| bad("tags", &format!("a JSON object of strings is expected: {error}")))?;
        tags.extend(object);
    }
    for tag in &params.tag {
        let (key, value) = tag.split_once(':').ok_or_else(|| bad("tag", "key:value is expected"))?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    // Tags that Jaeger has and OpenTelemetry says by other means.
    for (key, value) in tags {
        match (key.as_str(), value.as_str()) {
            ("error", "true") => search.status = Some(model::StatusCode::Error),
            ("error", "false") => push_query(search, "NOT status=error"),
            ("span.kind", kind) if model::SpanKind::parse(kind).is_some() => {
                search.kind = model::SpanKind::parse(kind);
            }
            ("otel.status_code", code) if model::StatusCode::parse(code).is_some() => {
                search.status = model::StatusCode::parse(code);
            }
            // The name of an event is a field of Jaeger's log.
            ("event", name) => push_query(search, &format!("event_name={}", quoted(name))),
            ("otel.scope.name" | "otel.scope.version", text) => push_query(search, &format!("{key}={}", quoted(text))),
            _ => search.attributes.push((key, value)),
        }
    }
    Ok(())
}

fn push_query(search: &mut TraceSearch, condition: &str) {
    if !search.query.is_empty() {
        search.query.push_str(" AND ");
    }
    search.query.push_str(condition);
}

fn trace_id(text: &str) -> Result<TraceId, QueryError> {
    TraceId::parse(text).ok_or_else(|| bad("traceID", &format!("up to 32 hex digits are expected, not `{text}`")))
}

fn time(name: &str, text: &str) -> Result<Option<Nanos>, QueryError> {
    if text.is_empty() {
        return Ok(None);
    }
    let micros: i64 = text.parse().map_err(|_| bad(name, "microseconds since the epoch are expected"))?;
    Ok(Some(micros.saturating_mul(MICROSECOND)))
}

fn duration(name: &str, text: &str) -> Result<Option<Nanos>, QueryError> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_duration(text).map(Some).ok_or_else(|| bad(name, "a duration such as 500ms or 1.2s is expected"))
}

fn bad(name: &str, reason: &str) -> QueryError {
    QueryError::BadParameter(format!("parameter {name}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Budget;
    use crate::testing::{TestSpan, TestStore};

    #[test]
    fn tags_of_logs_and_scopes_find_events_and_scopes() {
        let store = TestStore::of_spans(&[
            TestSpan::new(1, 1, 1).event(1, "cache miss", &model::AttrsBuf::new()),
            TestSpan::new(2, 2, 2),
        ]);
        for (tag, expected) in
            [("event:cache miss", 1), ("event:other", 0), ("otel.scope.name:none", 0), ("otel.scope.version:\"1\"", 0)]
        {
            let params =
                TraceParams { service: "shop".to_owned(), tag: vec![tag.to_owned()], ..TraceParams::default() };
            let search = search_of(&params, 1_000_000).unwrap().0;
            let found = crate::traces::search(&store.snapshot(), &Budget::unlimited(), &search).unwrap();
            assert_eq!(found.traces.len(), expected, "{tag}");
        }
    }
}
