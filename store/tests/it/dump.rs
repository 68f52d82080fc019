//! Every field of every row of a store, a line for each row, in an order of their own.
//!
//! Attributes are sorted by key: a set has no order, and not every layout keeps the sender's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::metric::distribution::{ExponentialHistogram, Histogram, Summary};
use model::{Attrs, MetricKind, PointValue, Resource, Scope, SeriesId, SpanId, TimeRange, TraceId};
use store::{ExemplarChunk, LogChunk, PointChunk, Scan, Snapshot, SpanChunk};

/// The width of the windows that rows are divided into.
pub(crate) const WINDOW: i64 = 2 * 3600 * 1_000_000_000;

/// What could be read, and the errors of what could not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Dump {
    /// Sorted.
    pub(crate) rows: Vec<String>,
    pub(crate) errors: Vec<String>,
}

impl Dump {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let mut dump = Dump::default();
        let scan = || Scan::new(TimeRange::ALL);
        snapshot.spans(scan()).for_each(|chunk| dump.take(chunk, spans));
        snapshot.logs(scan()).for_each(|chunk| dump.take(chunk, logs));
        snapshot.points(scan()).for_each(|chunk| dump.take(chunk, |chunk, rows| points(snapshot, chunk, rows)));
        snapshot.exemplars(scan()).for_each(|chunk| dump.take(chunk, |chunk, rows| exemplars(snapshot, chunk, rows)));
        series(snapshot, &mut dump.rows);
        dump.rows.sort();
        dump
    }

    fn take<T>(&mut self, chunk: Result<T, store::ReadError>, lines: impl FnOnce(&T, &mut Vec<String>)) {
        match chunk {
            Ok(chunk) => lines(&chunk, &mut self.rows),
            Err(error) => self.errors.push(error.to_string()),
        }
    }
}

fn json(attrs: Attrs<'_>) -> String {
    let mut sorted: Vec<_> = attrs.iter().collect();
    sorted.sort_by_key(|(key, _)| *key);
    let mut text = String::new();
    for (key, value) in sorted {
        write!(text, " {key}={}:", value.type_name()).unwrap();
        value.write_json(&mut text);
    }
    format!("[{}]", text.trim_start())
}

fn trace(id: Option<TraceId>) -> String {
    id.map_or("-".to_owned(), |id| id.to_string())
}

fn span(id: Option<SpanId>) -> String {
    id.map_or("-".to_owned(), |id| id.to_string())
}

fn sender(service: &str, resource: Resource<'_>, scope: Scope<'_>) -> String {
    let (name, version) = (scope.name(), scope.version());
    let (resource_url, scope_url) = (resource.schema_url(), scope.schema_url());
    let (resource, scope) = (json(resource.attrs()), json(scope.attrs()));
    format!("{service:?} resource {resource} {resource_url:?} scope {name:?} {version:?} {scope} {scope_url:?}")
}

fn spans(chunk: &SpanChunk, rows: &mut Vec<String>) {
    for it in (0..chunk.len()).map(|row| chunk.row(row)) {
        let mut line = format!(
            "span {} {} parent {} {} +{} {:?} {} {} {:?} {} state {:?} flags {:x} dropped {} {} {} {}",
            it.trace_id,
            it.span_id,
            span(it.parent_span_id),
            it.start,
            it.duration,
            it.name,
            it.kind.name(),
            it.status.name(),
            it.status_message,
            json(it.attrs),
            it.trace_state,
            it.flags,
            it.dropped_attributes,
            it.dropped_events,
            it.dropped_links,
            sender(it.service, it.resource, it.scope)
        );
        for event in it.events.iter() {
            let (attrs, dropped) = (json(event.attrs), event.dropped_attributes);
            write!(line, " event {} {:?} {attrs} dropped {dropped}", event.time, event.name).unwrap();
        }
        for link in it.links.iter() {
            let (trace, span, attrs) = (trace(link.trace_id), span(link.span_id), json(link.attrs));
            let (state, flags, dropped) = (link.trace_state, link.flags, link.dropped_attributes);
            write!(line, " link {trace} {span} {state:?} {flags:x} {attrs} dropped {dropped}").unwrap();
        }
        rows.push(line);
    }
}

fn logs(chunk: &LogChunk, rows: &mut Vec<String>) {
    for it in (0..chunk.len()).map(|row| chunk.row(row)) {
        rows.push(format!(
            "log {} observed {} {} {:?} {:?} value {:?} event {:?} {} {} flags {:x} {} dropped {} {}",
            it.time,
            it.observed_time,
            it.severity_number,
            it.severity_text,
            it.body,
            model::Value::parse(it.body_value),
            it.event_name,
            trace(it.trace_id),
            span(it.span_id),
            it.flags,
            json(it.attrs),
            it.dropped_attributes,
            sender(it.service, it.resource, it.scope)
        ));
    }
}

/// The identity of a series by what it is: format 1 had it as its id. Ids are made in another way now, and a store may
/// have a series with both of them.
fn identity(snapshot: &Snapshot, id: SeriesId) -> u128 {
    let Some(stored) = snapshot.series().get(id) else { return id.0 };
    stored.as_series().id_of_format_1().0
}

fn points(snapshot: &Snapshot, chunk: &PointChunk, rows: &mut Vec<String>) {
    for it in (0..chunk.len()).map(|row| chunk.row(row)) {
        let kind = snapshot.series().get(it.series).map(|series| series.kind);
        let value = match (it.value, kind) {
            (PointValue::None, _) => "none".to_owned(),
            (PointValue::Int(value), _) => format!("int {value}"),
            // The bits, since NaNs differ.
            (PointValue::Double(value), _) => format!("double {value:?} {:016x}", value.to_bits()),
            (PointValue::Distribution(bytes), Some(MetricKind::Histogram)) => format!("{:?}", Histogram::decode(bytes)),
            (PointValue::Distribution(bytes), Some(MetricKind::ExponentialHistogram)) => {
                format!("{:?}", ExponentialHistogram::decode(bytes))
            }
            (PointValue::Distribution(bytes), Some(MetricKind::Summary)) => format!("{:?}", Summary::decode(bytes)),
            (PointValue::Distribution(bytes), _) => format!("distribution {bytes:?}"),
        };
        let (series, time, start, flags) = (identity(snapshot, it.series), it.time, it.start_time, it.flags);
        rows.push(format!("point {series:032x} {time} start {start} flags {flags} {value}"));
    }
}

fn exemplars(snapshot: &Snapshot, chunk: &ExemplarChunk, rows: &mut Vec<String>) {
    for it in (0..chunk.len()).map(|row| chunk.row(row)) {
        let (series, time, value) = (identity(snapshot, it.series), it.time, it.value);
        let attrs = json(it.attrs);
        let (trace, span) = (trace(it.trace_id), span(it.span_id));
        rows.push(format!("exemplar {series:032x} {time} {value:?} {trace} {span} {attrs}"));
    }
}

fn series(snapshot: &Snapshot, rows: &mut Vec<String>) {
    let mut series: BTreeMap<u128, (i64, i64, String)> = BTreeMap::new();
    for stored in snapshot.series().all() {
        let it = stored.as_series();
        let text = format!(
            "{:?} {:?} {:?} {} {:?} monotonic {} {} {}",
            it.name,
            it.unit,
            it.description,
            it.kind.name(),
            it.temporality,
            it.monotonic,
            json(it.attrs),
            sender(it.service, it.resource, it.scope)
        );
        // What is on disk of times are windows of two hours.
        let (first, last) = stored.times();
        let (first, last) = (first.div_euclid(WINDOW), last.div_euclid(WINDOW));
        let known = series.entry(identity(snapshot, stored.id)).or_insert((first, last, text));
        (known.0, known.1) = (known.0.min(first), known.1.max(last));
    }
    rows.extend(series.iter().map(|(id, (first, last, text))| format!("series {id:032x} {first}..{last} {text}")));
}
