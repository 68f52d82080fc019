//! Summaries against what is counted span by span, however the rows are divided among segments and batches.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::RecordBatch;
use model::span::{Events, Links};
use model::time::{MINUTE, SECOND};
use model::{AttrsBuf, Nanos, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use proptest::prelude::*;

mod limits;

use super::durations::bucket_of;
use super::*;
use crate::Rows;
use crate::schema::Table;

/// A span of a few numbers.
#[derive(Clone, Debug)]
struct Sent {
    trace: u8,
    id: u8,
    parent: u8,
    service: u8,
    name: u8,
    kind: SpanKind,
    status: StatusCode,
    start: Nanos,
    duration: Nanos,
    other: u8,
}

const KINDS: [SpanKind; 5] =
    [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
const STATUSES: [StatusCode; 3] = [StatusCode::Unset, StatusCode::Ok, StatusCode::Error];
const SERVICES: [(&str, &str); 4] = [("", "gateway"), ("shop", "booking"), ("bank", "booking"), ("", "notify")];

fn sent() -> impl Strategy<Value = Sent> {
    let ids = (0..4u8, 0..12u8, 0..6u8, 0..4u8, 0..3u8);
    let times = (-90..200i64, prop_oneof![Just(0), 1..5_000_000_000i64, Just(i64::MAX / 2)]);
    (ids, 0..5usize, 0..3usize, times, 0..4u8).prop_map(
        |((trace, id, parent, service, name), kind, status, (start, duration), other)| Sent {
            trace,
            id: id + 1,
            parent,
            service,
            name,
            kind: KINDS[kind],
            status: STATUSES[status],
            start: start * SECOND,
            duration,
            other,
        },
    )
}

impl Sent {
    fn attrs(&self) -> AttrsBuf {
        let mut attrs = AttrsBuf::new();
        let pairs: &[(&str, &str)] = match self.other {
            0 => &[],
            1 => &[("server.address", "bank.example")],
            2 => &[("db.system.name", "postgresql"), ("db.namespace", "shop")],
            _ => &[("messaging.system", "kafka"), ("messaging.destination.name", "orders")],
        };
        pairs.iter().for_each(|(key, value)| attrs.push(key, Value::Str(value)));
        attrs
    }

    fn minute(&self) -> i64 {
        self.start.div_euclid(MINUTE)
    }

    fn is_error(&self) -> bool {
        self.status == StatusCode::Error
    }
}

fn batch(spans: &[Sent]) -> RecordBatch {
    let mut rows = Rows::default();
    for sent in spans {
        let (namespace, service) = SERVICES[usize::from(sent.service)];
        let (mut resource, attrs) = (AttrsBuf::new(), sent.attrs());
        resource.push("service.name", Value::Str(service));
        if !namespace.is_empty() {
            resource.push("service.namespace", Value::Str(namespace));
        }
        resource.push("service.version", Value::Str(["1.0", "2.0"][usize::from(sent.id % 2)]));
        rows.spans.push(&Span {
            trace_id: TraceId([sent.trace + 1; 16]),
            span_id: SpanId([sent.id; 8]),
            parent_span_id: (sent.parent > 0).then_some(SpanId([sent.parent; 8])),
            trace_state: "",
            flags: 0,
            name: ["GET /", "pay", "SELECT"][usize::from(sent.name)],
            kind: sent.kind,
            start: sent.start,
            duration: sent.duration,
            status: sent.status,
            status_message: "",
            attrs: attrs.as_attrs(),
            events: Events::default(),
            links: Links::default(),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            service,
            resource: Resource::new(resource.as_bytes()),
            scope: Scope::default(),
        });
    }
    rows.finish().into_iter().find(|(table, _)| *table == Table::Spans).unwrap().1
}

type SpanKey = (ServiceName, String, u8, u8, bool, i64);
/// By bucket.
type Counts = BTreeMap<u16, u64>;
type CallKey = (String, String, Connection, i64);

/// Everything that summaries say, added up.
#[derive(Debug, Default, PartialEq)]
struct Totals {
    spans: BTreeMap<SpanKey, (u64, Counts)>,
    /// Calls, failed ones, and the durations of both sides.
    calls: BTreeMap<CallKey, (u64, u64, Counts, Counts)>,
    seen: BTreeMap<ServiceName, Nanos>,
    versions: BTreeMap<(ServiceName, String), (i64, i64)>,
}

fn service_of(sent: &Sent) -> ServiceName {
    let (namespace, name) = SERVICES[usize::from(sent.service)];
    ServiceName { namespace: namespace.to_owned(), name: name.to_owned() }
}

impl Totals {
    fn call(&mut self, key: CallKey, sides: [Option<Nanos>; 2], is_failed: bool) {
        let calls = self.calls.entry(key).or_default();
        (calls.0, calls.1) = (calls.0 + 1, calls.1 + u64::from(is_failed));
        for (side, counts) in sides.into_iter().zip([&mut calls.2, &mut calls.3]) {
            side.into_iter().for_each(|duration| *counts.entry(bucket_of(duration)).or_default() += 1);
        }
    }

    /// Counts span by span.
    fn naive(spans: &[Sent]) -> Self {
        let mut totals = Totals::default();
        let text = |sent: &Sent| format!("{:?}", service_of(sent));
        let is_calling = |sent: &Sent| {
            matches!(sent.kind, SpanKind::Client | SpanKind::Producer)
                && sent.other != 3
                && !(sent.other == 2 && sent.kind == SpanKind::Client)
        };
        let is_served =
            |sent: &Sent| sent.kind == SpanKind::Server || sent.kind == SpanKind::Consumer && sent.other != 3;
        for sent in spans {
            let name = ["GET /", "pay", "SELECT"][usize::from(sent.name)].to_owned();
            let key = (service_of(sent), name, sent.kind as u8, sent.status as u8, sent.parent == 0, sent.minute());
            let cell = totals.spans.entry(key).or_default();
            cell.0 = cell.0.saturating_add(sent.duration as u64);
            *cell.1.entry(bucket_of(sent.duration)).or_default() += 1;
            let end = sent.start.saturating_add(sent.duration);
            let whole = (end - sent.minute() * MINUTE) / 1_000_000 * 1_000_000 + sent.minute() * MINUTE;
            let seen = totals.seen.entry(service_of(sent)).or_insert(whole);
            *seen = whole.max(*seen);
            let version = ["1.0", "2.0"][usize::from(sent.id % 2)].to_owned();
            let of_version = totals.versions.entry((service_of(sent), version)).or_insert((i64::MAX, i64::MIN));
            *of_version = (of_version.0.min(sent.minute()), of_version.1.max(sent.minute()));

            let (duration, is_error) = (sent.duration, sent.is_error());
            let queue = "kafka/orders".to_owned();
            match sent.kind {
                SpanKind::Client if sent.other == 2 => totals.call(
                    (text(sent), "postgresql/shop".to_owned(), Connection::Database, sent.minute()),
                    [Some(duration), None],
                    is_error,
                ),
                SpanKind::Client | SpanKind::Producer if sent.other == 3 => {
                    let key = (text(sent), queue, Connection::Messaging, sent.minute());
                    totals.call(key, [Some(duration), None], is_error);
                }
                SpanKind::Consumer if sent.other == 3 => {
                    let key = (queue, text(sent), Connection::Messaging, sent.minute());
                    totals.call(key, [None, Some(duration)], is_error);
                }
                SpanKind::Server if sent.parent == 0 => {
                    let key = (USER.to_owned(), text(sent), Connection::Virtual, sent.minute());
                    totals.call(key, [None, Some(duration)], is_error);
                }
                _ if is_served(sent) && sent.parent > 0 => {
                    let of_call = |it: &&Sent| is_calling(it) && it.trace == sent.trace && it.id == sent.parent;
                    let Some(client) = spans.iter().find(of_call) else { continue };
                    let is_message = sent.kind == SpanKind::Consumer;
                    let connection = if is_message { Connection::Messaging } else { Connection::Call };
                    let key = (text(client), text(sent), connection, sent.minute());
                    totals.call(key, [Some(client.duration), Some(duration)], is_error || client.is_error());
                }
                _ if is_calling(sent) && sent.other == 1 => {
                    let of_call = |it: &&Sent| is_served(it) && it.trace == sent.trace && it.parent == sent.id;
                    if spans.iter().any(|it| of_call(&it)) {
                        continue;
                    }
                    let is_message = sent.kind == SpanKind::Producer;
                    let connection = if is_message { Connection::Messaging } else { Connection::Virtual };
                    let key = (text(sent), "bank.example".to_owned(), connection, sent.minute());
                    totals.call(key, [Some(duration), None], is_error);
                }
                _ => {}
            }
        }
        totals
    }

    fn of(summaries: &[SpanSummary]) -> Self {
        let (mut totals, mut halves) = (Totals::default(), Vec::new());
        let (mut services, mut peers) = <(Index<ServiceName>, Index<String>)>::default();
        for summary in summaries {
            let all = Wanted { slots: i64::MIN..i64::MAX, operation: &|_| true, edge: &|_| true };
            let spans = summary.spans(&all, |cell| {
                let it = &summary.operations[cell.operation as usize];
                let service = summary.services[it.service as usize].clone();
                let key = (service, it.name.clone(), it.kind as u8, it.status as u8, it.is_root, cell.slot);
                let known = totals.spans.entry(key).or_default();
                known.0 = known.0.saturating_add(cell.durations.sum);
                add(&mut known.1, cell.durations);
            });
            spans.unwrap();
            let end = |end: End| match end {
                End::Service(index) => format!("{:?}", summary.services[index as usize]),
                End::Peer(index) => summary.peers[index as usize].clone(),
            };
            let calls = summary.calls(&all, |cell| {
                let edge = summary.edges[cell.edge as usize];
                let key = (end(edge.client), end(edge.server), edge.connection, cell.slot);
                let known = totals.calls.entry(key).or_default();
                (known.0, known.1) = (known.0 + cell.calls.n_calls, known.1 + cell.calls.n_failed);
                add(&mut known.2, &cell.calls.client);
                add(&mut known.3, &cell.calls.server);
            });
            calls.unwrap();
            let seen = summary.seen(&all.slots, |service, end| {
                let seen = totals.seen.entry(summary.services[service as usize].clone()).or_insert(end);
                *seen = end.max(*seen);
            });
            seen.unwrap();
            for fact in summary.facts.iter().filter(|fact| fact.what == Trait::Version) {
                let key = (summary.services[fact.service as usize].clone(), fact.value.clone());
                let known = totals.versions.entry(key).or_insert(fact.slots);
                *known = (known.0.min(fact.slots.0), known.1.max(fact.slots.1));
            }
            for half in &summary.halves {
                let side = match half.side {
                    Side::Client { peer, is_message, is_paired } => Side::Client {
                        peer: peer.map(|peer| peers.add(summary.peers[peer as usize].clone())),
                        is_message,
                        is_paired,
                    },
                    side => side,
                };
                let service = services.add(summary.services[half.service as usize].clone());
                halves.push(Half { service, side, ..*half });
            }
        }
        join(&halves, |client, server| {
            let text = |half: &Half| format!("{:?}", services.list[half.service as usize]);
            match (client, server) {
                (Some(client), Some(server)) => {
                    let is_message = server.side == Side::Server { is_message: true };
                    let connection = if is_message { Connection::Messaging } else { Connection::Call };
                    let key = (text(client), text(server), connection, server.slot);
                    let sides = [Some(client.duration), Some(server.duration)];
                    totals.call(key, sides, client.is_error || server.is_error);
                }
                (Some(client), None) => {
                    let Side::Client { peer: Some(peer), is_message, .. } = client.side else { return };
                    let connection = if is_message { Connection::Messaging } else { Connection::Virtual };
                    let key = (text(client), peers.list[peer as usize].clone(), connection, client.slot);
                    totals.call(key, [Some(client.duration), None], client.is_error);
                }
                _ => {}
            }
        });
        totals
    }
}

fn add(counts: &mut Counts, durations: &DurationCounts) {
    durations.buckets.iter().for_each(|(bucket, count)| *counts.entry(*bucket).or_default() += count);
}

/// Spans without those whose ids are taken, since a sender gives each span ids of its own, and without requests that are
/// served more than once. Messages are.
fn unique(mut spans: Vec<Sent>) -> Vec<Sent> {
    let (mut seen, mut served) = (HashSet::new(), HashMap::new());
    spans.retain(|sent| seen.insert((sent.trace, sent.id)));
    spans.retain(|sent| match sent.kind {
        SpanKind::Server | SpanKind::Consumer => {
            let is_message = sent.kind == SpanKind::Consumer;
            match served.entry((sent.trace, sent.parent)) {
                Entry::Occupied(first) => *first.get() && is_message,
                Entry::Vacant(first) => {
                    first.insert(is_message);
                    true
                }
            }
        }
        _ => true,
    });
    spans
}

proptest! {
    #[test]
    fn summaries_say_what_is_counted_span_by_span(
        spans in prop::collection::vec(sent(), 0..60),
        cuts in prop::collection::vec(0..60usize, 3),
        in_file in prop::collection::vec(any::<bool>(), 4),
    ) {
        let spans = unique(spans);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(spans.len())).chain([0, spans.len()]).collect();
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|cut| &spans[cut[0]..cut[1]]);
        let summaries: Vec<SpanSummary> = parts.zip(in_file).map(|(part, in_file)| {
            let mut builder = SummaryBuilder::new(Slots::MINUTES);
            part.chunks(7).for_each(|spans| builder.add(&batch(spans)));
            let summary = builder.finish();
            assert_eq!(summary.n_spans, part.len() as u64);
            if in_file { SpanSummary::from_bytes(&summary.to_bytes()).unwrap() } else { summary }
        }).collect();
        prop_assert_eq!(Totals::of(&summaries), Totals::naive(&spans));
    }

    #[test]
    fn bytes_that_are_no_summary_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let whole = [&b"HAECHIS1"[..], &crc32fast::hash(&bytes).to_le_bytes(), &bytes].concat();
        if let Some(summary) = SpanSummary::from_bytes(&whole) {
            let all = Wanted { slots: i64::MIN..i64::MAX, operation: &|_| true, edge: &|_| true };
            drop((summary.spans(&all, |_| {}), summary.calls(&all, |_| {}), summary.seen(&all.slots, |_, _| {})));
        }
        prop_assert!(SpanSummary::from_bytes(&bytes).is_none());
    }
}
