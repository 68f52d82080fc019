//! The sample: rows of either signal, seen as fields.

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

/// Calls `each` with the newest rows of `range`, of spans those that `filter` lets through; the answer says how many.
pub(super) fn each_row(
    snapshot: &Snapshot,
    budget: &Budget,
    signal: Signal,
    range: TimeRange,
    filter: Option<&SpanFilter>,
    each: impl FnMut(Row<'_>),
) -> Result<Sampled<()>, QueryError> {
    let scan = Scan::new(range);
    match signal {
        Signal::Spans => {
            // A filter reads columns of its own.
            let scan = filter.map_or_else(|| scan.clone().columns(SPAN_COLUMNS), |it| it.with_hints(scan.clone()));
            sample(snapshot.spans(scan), budget, each, |chunk, each, most| {
                let mut bound = filter.map(|filter| filter.bind(chunk));
                let mut n = 0;
                for row in 0..chunk.len() {
                    if bound.as_mut().is_some_and(|bound| !bound.matches(row)) {
                        continue;
                    }
                    n += 1;
                    if n > most {
                        break;
                    }
                    each(Row::Span(chunk.row(row)));
                }
                n
            })
        }
        Signal::Logs => sample(snapshot.logs(scan.columns(LOG_COLUMNS)), budget, each, |chunk, each, most| {
            (0..chunk.len().min(most)).for_each(|row| each(Row::Log(chunk.row(row))));
            chunk.len()
        }),
    }
}

/// Takes rows of chunks until there are enough. `take` hands over at most as many rows as it is told, and says how many there
/// are, or at least that there are more.
fn sample<C, E: FnMut(Row<'_>)>(
    mut chunks: impl Iterator<Item = Result<C, store::ReadError>>,
    budget: &Budget,
    mut each: E,
    take: impl Fn(&C, &mut E, usize) -> usize,
) -> Result<Sampled<()>, QueryError> {
    let mut warnings = Warnings::new();
    let (mut n_sampled, mut complete) = (0, false);
    while n_sampled < SAMPLE_ROWS && !budget.is_out_of_time()? {
        match chunks.next() {
            Some(Ok(chunk)) => {
                let most = (SAMPLE_ROWS - n_sampled) as usize;
                let n_rows = take(&chunk, &mut each, most);
                n_sampled += n_rows.min(most) as u64;
                if n_rows > most {
                    break;
                }
            }
            Some(Err(error)) => warnings.unreadable(&error),
            None => {
                complete = warnings.is_empty();
                break;
            }
        }
    }
    Ok(Sampled { items: Vec::new(), n_sampled, complete, warnings: warnings.into_texts() })
}
