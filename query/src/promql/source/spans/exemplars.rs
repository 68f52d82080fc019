//! Spans as exemplars of the series that count them: looked for when they are asked for.

use hashbrown::HashMap;
use model::time::MILLISECOND;
use model::{SpanKind, TimeRange};
use store::summary::{Connection, OTHER, Operation, ServiceName, USER, named_end};
use store::{Filter, Scan, Snapshot, SpanChunk, Texts};

use crate::ids::Ids;
use crate::services::{Ends, Node, NodeKind};

use super::super::super::error::PromqlError;
use super::super::super::exemplars::{FoundExemplar, SeriesExemplars};
use super::super::super::labels::Labels;
use super::super::super::limits::Meter;
use super::super::super::matcher::{Matcher, Test};
use super::super::spelling::{Part, accepts_split};
use super::{Asked, What, accepted, asked, call_labels, counted, operation_labels};

/// Spans that are looked at, newest first.
const MAX_SPANS: usize = 2_000_000;
/// Steps of the range, of each of which a series has one exemplar: its longest span.
const STEPS: i64 = 30;
const COLUMNS: &[&str] =
    &["duration", "trace_id", "span_id", "parent_span_id", "service", "name", "kind", "status", "resource"];
const CALL_COLUMNS: &[&str] =
    &["duration", "trace_id", "span_id", "parent_span_id", "service", "kind", "status", "attributes", "resource"];
const NANOS_PER_SECOND: f64 = 1e9;

/// The exemplars in `range` of the series of spans that `matchers` accept, `most` at most.
pub(in super::super) fn exemplars(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    range: TimeRange,
    most: usize,
    meter: &Meter<'_>,
) -> Result<Vec<SeriesExemplars>, PromqlError> {
    let mut asked = asked(snapshot, matchers, range, meter)?;
    asked.retain(|it| matches!(it.part, Part::Value | Part::Buckets) && it.family.what != What::Failed);
    let is_of_spans = |it: &Asked| matches!(it.family.what, What::Spans | What::Latency);
    let (of_spans, of_calls): (Vec<_>, Vec<_>) = asked.into_iter().partition(is_of_spans);
    let mut longest = Longest { matchers, range, meter, found: HashMap::new() };
    if !of_spans.is_empty() {
        longest.of_spans(snapshot, &of_spans)?;
    }
    if !of_calls.is_empty() {
        longest.of_calls(snapshot, &of_calls)?;
    }
    let mut found: Vec<_> = longest.found.into_iter().collect();
    found.sort_by(|a, b| b.1.time.cmp(&a.1.time).then_with(|| a.0.cmp(&b.0)));
    let mut series: HashMap<Labels, Vec<FoundExemplar>> = HashMap::new();
    for ((labels, _), exemplar) in found.into_iter().take(most) {
        series.entry(labels).or_default().push(exemplar);
    }
    let series = series.into_iter().map(|(labels, mut exemplars)| {
        exemplars.sort_by_key(|it| it.time);
        SeriesExemplars { labels, exemplars }
    });
    Ok(series.collect())
}

/// Of each series and step of the range, the longest span.
struct Longest<'a> {
    matchers: &'a [Matcher],
    range: TimeRange,
    meter: &'a Meter<'a>,
    found: HashMap<(Labels, i64), FoundExemplar>,
}

impl Longest<'_> {
    /// Calls `each` with the spans that are looked at.
    fn search(
        &mut self,
        snapshot: &Snapshot,
        scan: Scan,
        mut each: impl FnMut(&mut Self, &SpanChunk) -> Result<(), PromqlError>,
    ) -> Result<(), PromqlError> {
        let mut n_spans = 0;
        for chunk in snapshot.spans(scan) {
            self.meter.check()?;
            match chunk {
                Ok(chunk) => {
                    each(self, &chunk)?;
                    n_spans += chunk.len();
                }
                Err(error) => super::super::report(&error, self.meter),
            }
            if n_spans >= MAX_SPANS {
                break;
            }
        }
        Ok(())
    }

    fn of_spans(&mut self, snapshot: &Snapshot, asked: &[Asked]) -> Result<(), PromqlError> {
        let mut operations: HashMap<_, Vec<(Asked, Labels)>> = HashMap::new();
        let scan = narrowed(Scan::new(self.range).columns(COLUMNS), self.matchers);
        self.search(snapshot, scan, |longest, chunk| {
            let (Some((_, services)), Some((names, name_keys))) = (chunk.services(), chunk.names()) else {
                return Ok(());
            };
            operations.clear();
            for row in 0..chunk.len() {
                let (kind, status) = (chunk.kind(row), chunk.status(row));
                let key = (services[row], name_keys[row], kind as u8, status as u8);
                // Resources of one service differ in their namespace, hardly ever: the labels are those of the first.
                let series = operations.entry(key).or_insert_with(|| {
                    let service = service_of(chunk, row);
                    let name = names.value(name_keys[row] as usize).to_owned();
                    let operation = Operation { service: 0, name, kind, status, is_root: false };
                    let labels = |name: &str| operation_labels(name, &operation, &service);
                    let accepted = |it: &Asked| Some((*it, accepted(longest.matchers, *it, labels)?));
                    asked.iter().filter_map(accepted).collect()
                });
                series.iter().try_for_each(|(asked, labels)| longest.offer(*asked, labels, chunk, row))?;
            }
            Ok(())
        })
    }

    /// Calls of which both sides are in one chunk, as those of a trace mostly are, or that have one side.
    fn of_calls(&mut self, snapshot: &Snapshot, asked: &[Asked]) -> Result<(), PromqlError> {
        self.search(snapshot, Scan::new(self.range).columns(CALL_COLUMNS), |longest, chunk| {
            let (traces, spans) = (Ids::<16>::of(chunk.batch(), "trace_id"), Ids::<8>::of(chunk.batch(), "span_id"));
            let parents = Ids::<8>::of(chunk.batch(), "parent_span_id");
            let is_calling = |row: &usize| matches!(chunk.kind(*row), SpanKind::Client | SpanKind::Producer);
            let clients: HashMap<_, usize> =
                (0..chunk.len()).filter(is_calling).map(|row| ((traces.get(row), spans.get(row)), row)).collect();
            for row in 0..chunk.len() {
                let kind = chunk.kind(row);
                let named = match kind {
                    SpanKind::Internal => continue,
                    SpanKind::Server => None,
                    _ => named_end(kind, chunk.attrs(row)),
                };
                let own = || Node::service(service_of(chunk, row));
                let parent = parents.get(row);
                let (ends, sides) = match (named, parent) {
                    (Some((connection, name, is_client)), _) => {
                        let peer = Node::peer(name, connection);
                        let (client, server) = if is_client { (own(), peer) } else { (peer, own()) };
                        (Ends { client, server, connection }, (is_client.then_some(row), row))
                    }
                    (None, None) if kind == SpanKind::Server => {
                        let client = Node { name: USER.to_owned(), kind: NodeKind::User, ..Node::default() };
                        (Ends { client, server: own(), connection: Connection::Virtual }, (None, row))
                    }
                    (None, Some(_)) if !is_calling(&row) => {
                        let Some(client) = clients.get(&(traces.get(row), parent)) else { continue };
                        let is_message = kind == SpanKind::Consumer;
                        let connection = if is_message { Connection::Messaging } else { Connection::Call };
                        let caller = Node::service(service_of(chunk, *client));
                        (Ends { client: caller, server: own(), connection }, (Some(*client), row))
                    }
                    _ => continue,
                };
                for asked in asked {
                    let measured = if asked.family.what == What::Called { sides.0 } else { Some(sides.1) };
                    let labels = accepted(longest.matchers, *asked, |name| call_labels(name, &ends));
                    if let (Some(row), Some(labels)) = (measured, labels) {
                        longest.offer(*asked, &labels, chunk, row)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Takes the span of `row` for the series of `labels`, if it is the longest so far.
    fn offer(&mut self, asked: Asked, labels: &Labels, chunk: &SpanChunk, row: usize) -> Result<(), PromqlError> {
        let (time, duration) = (chunk.start(row), chunk.duration(row));
        let labels = match asked.part.split_label() {
            None => labels.clone(),
            Some(label) => {
                let what = asked.family.what;
                let place = what.bounds().partition_point(|bound| (*bound as i64) * MILLISECOND < duration);
                let Some(value) = counted::bounds(what).into_iter().nth(place) else { return Ok(()) };
                if !accepts_split(self.matchers, asked.part, &value) {
                    return Ok(());
                }
                labels.with(label, &value)
            }
        };
        let width = (self.range.length() / STEPS).max(MILLISECOND);
        let value = duration as f64 / NANOS_PER_SECOND;
        let place = (labels, time.saturating_sub(self.range.start) / width);
        if self.found.get(&place).is_some_and(|known| known.value >= value) {
            return Ok(());
        }
        let span = chunk.row(row);
        let ids = [("trace_id", span.trace_id.to_string()), ("span_id", span.span_id.to_string())];
        if self.found.insert(place, FoundExemplar { labels: Labels::new(ids), value, time }).is_none() {
            self.meter.charge(1)?;
        }
        Ok(())
    }
}

fn service_of(chunk: &SpanChunk, row: usize) -> ServiceName {
    let span = chunk.row(row);
    let namespace = span.resource.attrs().get_str("service.namespace").unwrap_or_default().to_owned();
    ServiceName { namespace, name: span.service.to_owned() }
}

/// The scan with what matchers ask of columns.
fn narrowed(mut scan: Scan, matchers: &[Matcher]) -> Scan {
    for (label, column) in [("service", "service"), ("span_name", "name")] {
        let equal = matchers.iter().find_map(|matcher| match &matcher.test {
            Test::Equal(value) if matcher.name == label && value != OTHER && !value.is_empty() => Some(value.clone()),
            _ => None,
        });
        if let Some(value) = equal {
            scan = scan.filter(Filter::Text { column, wanted: Texts::exactly([value]) });
        }
    }
    scan
}
