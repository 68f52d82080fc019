//! The sample: rows of either signal, seen as fields.

use std::cell::Cell;

use model::{Attrs, LogRecord, Span, TimeRange, Value};
use store::{Scan, Snapshot};

use crate::lang::SpanFilter;
use crate::logs::SeverityClass;
use crate::{Budget, QueryError, Warnings};

use super::{FieldPlace, Sampled, Signal};

/// How many rows are looked at, when there are as many.
pub const SAMPLE_ROWS: u64 = 20_000;

const SPAN_COLUMNS: &[&str] =
    &["service", "name", "kind", "status", "status_message", "attributes", "resource", "scope", "events", "links"];
const LOG_COLUMNS: &[&str] =
    &["service", "severity_number", "severity_text", "event_name", "attributes", "resource", "scope"];

/// A row of the sample.
pub(super) enum Row<'a> {
    Span(Span<'a>),
    Log(LogRecord<'a>),
}

impl<'a> Row<'a> {
    /// The attributes of the row, its resource and its scope.
    pub(super) fn attributes(&self) -> [Attrs<'a>; 3] {
        match self {
            Row::Span(span) => [span.attrs, span.resource.attrs(), span.scope.attrs()],
            Row::Log(log) => [log.attrs, log.resource.attrs(), log.scope.attrs()],
        }
    }

    /// Calls `each` with the attributes of the span's events and links.
    pub(super) fn each_inner(&self, mut each: impl FnMut(FieldPlace, &'a str, Value<'a>)) {
        let Row::Span(span) = self else { return };
        let events = span.events.iter().flat_map(|event| event.attrs.iter());
        events.for_each(|(key, value)| each(FieldPlace::Event, key, value));
        let links = span.links.iter().flat_map(|link| link.attrs.iter());
        links.for_each(|(key, value)| each(FieldPlace::Link, key, value));
    }

    /// Calls `each` with the string form and the type of what the row has in the field `name`: of events and links there may be
    /// several.
    pub(super) fn each_value(&self, name: &str, mut each: impl FnMut(String, &'static str)) {
        if let Some((text, type_name)) = self.value(name) {
            return each(text, type_name);
        }
        let Row::Span(span) = self else { return };
        if name == "event_name" {
            span.events.iter().filter(|event| !event.name.is_empty()).for_each(|it| each(it.name.to_owned(), "string"));
        }
        let inner = name.strip_prefix("event.").map(|key| (FieldPlace::Event, key));
        if let Some(wanted) = inner.or_else(|| Some((FieldPlace::Link, name.strip_prefix("link.")?))) {
            self.each_inner(|place, key, value| {
                if (place, key) == wanted {
                    each(value.to_string(), value.type_name());
                }
            });
        }
    }

    /// The string form of the field `name` and its type; `None` when the row does not have it, and for fields whose values
    /// no two rows share.
    fn value(&self, name: &str) -> Option<(String, &'static str)> {
        let intrinsic = match (self, name) {
            (Row::Span(span), "service" | "service.name") => Some(span.service),
            (Row::Span(span), "name") => Some(span.name),
            (Row::Span(span), "kind") => Some(span.kind.name()),
            (Row::Span(span), "status") => Some(span.status.name()),
            (Row::Span(span), "status_message") => Some(span.status_message),
            (Row::Log(log), "service" | "service.name") => Some(log.service),
            (Row::Log(log), "severity" | "level") => Some(SeverityClass::of(log).name()),
            (Row::Log(log), "severity_text") => Some(log.severity_text),
            (Row::Log(log), "event_name") => Some(log.event_name),
            _ => None,
        };
        if let Some(text) = intrinsic {
            return (!text.is_empty()).then(|| (text.to_owned(), "string"));
        }
        let own = if matches!(self, Row::Span(_)) { "span." } else { "log." };
        let prefixes = [own, "resource.", "scope."];
        let attributes = self.attributes();
        let placed = prefixes.iter().zip(attributes).find_map(|(prefix, attrs)| attrs.get(name.strip_prefix(prefix)?));
        let value = placed.or_else(|| attributes.iter().find_map(|attrs| attrs.get(name)))?;
        Some((value.to_string(), value.type_name()))
    }
}

/// Calls `each` with some rows from all of `range`; of those that `filter` lets through with the newest. The answer says how many.
pub(super) fn each_row(
    snapshot: &Snapshot,
    budget: &Budget,
    signal: Signal,
    range: TimeRange,
    filter: Option<&SpanFilter>,
    mut each: impl FnMut(Row<'_>),
) -> Result<Sampled<()>, QueryError> {
    match (signal, filter) {
        (Signal::Spans, Some(filter)) => filtered(snapshot, budget, range, filter, each),
        (Signal::Spans, None) => {
            let spread = snapshot.some_spans(range, SPAN_COLUMNS, SAMPLE_ROWS);
            let is_all = spread.is_all;
            sample(spread, is_all, budget, |chunk| {
                (0..chunk.len()).for_each(|row| each(Row::Span(chunk.row(row))));
                chunk.len()
            })
        }
        (Signal::Logs, _) => {
            let spread = snapshot.some_logs(range, LOG_COLUMNS, SAMPLE_ROWS);
            let is_all = spread.is_all;
            sample(spread, is_all, budget, |chunk| {
                (0..chunk.len()).for_each(|row| each(Row::Log(chunk.row(row))));
                chunk.len()
            })
        }
    }
}

/// Calls `each` with the newest spans of `range` that `filter` lets through.
fn filtered(
    snapshot: &Snapshot,
    budget: &Budget,
    range: TimeRange,
    filter: &SpanFilter,
    mut each: impl FnMut(Row<'_>),
) -> Result<Sampled<()>, QueryError> {
    // A filter reads columns of its own.
    let mut chunks = snapshot.spans(filter.with_hints(Scan::new(range)));
    let n_left = Cell::new(SAMPLE_ROWS as usize);
    let mut is_all = true;
    let mut found = sample(std::iter::from_fn(|| chunks.next().filter(|_| n_left.get() > 0)), true, budget, |chunk| {
        let mut bound = filter.bind(chunk);
        let rows: Vec<usize> = (0..chunk.len()).filter(|row| bound.matches(*row)).take(n_left.get() + 1).collect();
        is_all &= rows.len() <= n_left.get();
        let taken = rows.len().min(n_left.get());
        rows[..taken].iter().for_each(|row| each(Row::Span(chunk.row(*row))));
        n_left.set(n_left.get() - taken);
        taken
    })?;
    found.complete &= is_all && chunks.next().is_none();
    Ok(found)
}

/// Takes the rows of all chunks, as `take` does, which says how many there are. `is_all` says whether these are all rows of the range.
fn sample<C>(
    chunks: impl Iterator<Item = Result<C, store::ReadError>>,
    is_all: bool,
    budget: &Budget,
    mut take: impl FnMut(&C) -> usize,
) -> Result<Sampled<()>, QueryError> {
    let mut warnings = Warnings::new();
    let (mut n_sampled, mut complete) = (0, is_all);
    for chunk in chunks {
        match chunk {
            Ok(chunk) => n_sampled += take(&chunk) as u64,
            Err(error) => warnings.unreadable(&error),
        }
        if budget.is_out_of_time()? {
            complete = false;
            break;
        }
    }
    complete &= warnings.is_empty();
    Ok(Sampled { items: Vec::new(), n_sampled, complete, warnings: warnings.into_texts() })
}
