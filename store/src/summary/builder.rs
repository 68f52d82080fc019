//! Makes a summary of rows.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use hashbrown::HashMap;
use model::time::MILLISECOND;
use model::{Nanos, Resource, SpanKind, StatusCode, TimeRange};

use super::attributes::{Other, other_end};
use super::block::{Block, Parts};
use super::calls::{Calls, Found, Half, Side, key};
use super::cells::{CallCounts, Cells, MAX_BUCKETS, MAX_CELLS};
use super::durations::DurationCounts;
use super::names::Names;
use super::{Connection, End, Slots, SpanSummary, USER};
use crate::chunk::{Ids, SpanChunk};

/// A summary under construction, in bounded memory.
pub struct Builder {
    slots: Slots,
    /// What is counted. Spans outside are looked at as sides of calls alone.
    range: TimeRange,
    names: Names,
    calls: Calls,
    counts: Counts,
    blocks: Vec<Block>,
    n_spans: u64,
    n_other: u64,
}

/// The slot of spans outside the range.
const OUTSIDE: i64 = i64::MIN;

/// What is counted since the last block.
#[derive(Default)]
struct Counts {
    spans: Cells<DurationCounts>,
    calls: Cells<CallCounts>,
    seen: Cells<u64>,
    n_buckets: usize,
    n_unpaired: u64,
}

/// A span as far as it matters here.
struct Row {
    service: u32,
    slot: i64,
    duration: Nanos,
    kind: SpanKind,
    is_error: bool,
}

impl Builder {
    /// A summary of all rows that are added.
    pub fn new(slots: Slots) -> Self {
        Builder::of_range(slots, TimeRange::ALL)
    }

    /// A summary of the rows that start in `range`. Rows around it are worth adding: they have other sides of calls.
    pub fn of_range(slots: Slots, range: TimeRange) -> Self {
        Builder {
            slots,
            range,
            names: Names::default(),
            calls: Calls::default(),
            counts: Counts::default(),
            blocks: Vec::new(),
            n_spans: 0,
            n_other: 0,
        }
    }

    /// The columns of spans that are looked at.
    pub const COLUMNS: &'static [&'static str] = &[
        "start_time",
        "duration",
        "trace_id",
        "span_id",
        "parent_span_id",
        "service",
        "name",
        "kind",
        "status",
        "attributes",
        "resource",
    ];

    /// Adds spans, which come in any order.
    pub fn add(&mut self, batch: &RecordBatch) {
        let chunk = SpanChunk::from(batch.clone());
        let Some((names, name_keys)) = chunk.names() else { return };
        let resource = batch.column_by_name("resource").and_then(|it| it.as_dictionary_opt::<Int32Type>());
        let Some(resource) = resource else { return };
        let Some(resources) = resource.values().as_binary_opt::<i32>() else { return };
        let Some((services, service_keys)) = chunk.services() else { return };
        let traces = Ids::<16>::of(batch, "trace_id");
        let (spans, parents) = (Ids::<8>::of(batch, "span_id"), Ids::<8>::of(batch, "parent_span_id"));
        // By resource: the service, and the first and the last slot.
        let mut senders: Vec<Option<(u32, (i64, i64))>> = vec![None; resources.len()];
        let mut operations: HashMap<(u32, i32, u8), (u32, bool)> = HashMap::new();
        for (row, name_key) in name_keys.iter().enumerate().take(chunk.len()) {
            let (start, kind, status) = (chunk.start(row), chunk.kind(row), chunk.status(row));
            let is_counted = self.range.contains(start);
            let slot = if is_counted { self.slots.of(start) } else { OUTSIDE };
            let (Some(trace), Some(span)) = (traces.get(row), spans.get(row)) else { continue };
            let parent = parents.get(row);
            let Some(resource_key) = resource.key(row) else { continue };
            let sender = senders[resource_key].get_or_insert_with(|| {
                let resource = Resource::new(resources.value(resource_key));
                let service = services.value(service_keys[row] as usize);
                (self.names.service(service, resource), (i64::MAX, i64::MIN))
            });
            let service = sender.0;
            let duration = chunk.duration(row).max(0);
            if is_counted {
                sender.1 = (sender.1.0.min(slot), sender.1.1.max(slot));
                let traits = kind as u8 | (status as u8) << 3 | u8::from(parent.is_none()) << 5;
                let (operation, is_other) = *operations.entry((service, *name_key, traits)).or_insert_with(|| {
                    let name = names.value(*name_key as usize);
                    self.names.operation(service, name, kind, status, parent.is_none())
                });
                self.n_spans += 1;
                self.n_other += u64::from(is_other);
                self.counts.n_buckets += usize::from(self.counts.spans.cell(operation, slot).add(duration));
                let after = start.saturating_add(duration).saturating_sub(self.slots.start(slot)) / MILLISECOND;
                let seen = self.counts.seen.cell(service, slot);
                *seen = (*seen).max(after.max(0) as u64);
            }
            let span_of = Row { service, slot, duration, kind, is_error: status == StatusCode::Error };
            match kind {
                SpanKind::Internal => {}
                SpanKind::Server => self.serving(&span_of, trace, parent),
                SpanKind::Client | SpanKind::Producer => {
                    self.calling(&span_of, key(trace, span), other_end(kind, chunk.attrs(row)));
                }
                SpanKind::Consumer => match other_end(kind, chunk.attrs(row)) {
                    Other::Queue { system, destination, .. } => {
                        let queue = End::Peer(self.names.peer(system, destination));
                        self.call(queue, End::Service(service), Connection::Messaging, &span_of);
                    }
                    Other::None => {}
                    _ => self.serving(&span_of, trace, parent),
                },
            }
        }
        for (resource_key, sender) in senders.into_iter().enumerate() {
            if let Some((service, slots)) = sender.filter(|(_, (first, last))| first <= last) {
                self.names.note(service, Resource::new(resources.value(resource_key)), slots);
            }
        }
        let counts = &self.counts;
        let n_cells = counts.spans.list.len() + counts.calls.list.len() + counts.seen.list.len();
        if n_cells >= MAX_CELLS || counts.n_buckets >= MAX_BUCKETS {
            self.end_block();
        }
    }

    /// A span on the serving side of a call.
    fn serving(&mut self, row: &Row, trace: [u8; 16], parent: Option<[u8; 8]>) {
        let is_message = row.kind == SpanKind::Consumer;
        match parent {
            Some(parent) => {
                let half = row.half(key(trace, parent), Side::Server { is_message });
                let Self { calls, names, counts, .. } = self;
                calls.server(half, &mut |found| counts.found(names, found));
            }
            // Whoever sent the request sends no spans.
            None if !is_message => {
                let user = End::Peer(self.names.peer("", USER));
                self.call(user, End::Service(row.service), Connection::Virtual, row);
            }
            None => {}
        }
    }

    /// A span on the calling side of a call.
    fn calling(&mut self, row: &Row, key: u64, other: Other<'_>) {
        let service = End::Service(row.service);
        match other {
            Other::Database { system, name } => {
                let database = End::Peer(self.names.peer(system, name));
                self.call(service, database, Connection::Database, row);
            }
            Other::Queue { system, destination, is_consumed } => {
                let queue = End::Peer(self.names.peer(system, destination));
                let (client, server) = if is_consumed { (queue, service) } else { (service, queue) };
                self.call(client, server, Connection::Messaging, row);
            }
            Other::Span { peer } => {
                let peer = peer.map(|peer| self.names.peer("", peer));
                let half =
                    row.half(key, Side::Client { peer, is_message: row.kind == SpanKind::Producer, is_paired: false });
                let Self { calls, names, counts, .. } = self;
                calls.client(half, &mut |found| counts.found(names, found));
            }
            Other::None => {}
        }
    }

    /// Counts a call of which `row` is the only side there is.
    fn call(&mut self, client: End, server: End, connection: Connection, row: &Row) {
        if row.slot == OUTSIDE {
            return;
        }
        let edge = self.names.edge(client, server, connection);
        let is_client = client == End::Service(row.service);
        let sides = if is_client { (Some(row.duration), None) } else { (None, Some(row.duration)) };
        let cell = self.counts.calls.cell(edge, row.slot);
        self.counts.n_buckets += cell.add(sides.0, sides.1, row.is_error);
    }

    fn end_block(&mut self) {
        let Counts { spans, calls, seen, n_buckets, .. } = &mut self.counts;
        let parts = Parts { spans: spans.take(), calls: calls.take(), seen: seen.take() };
        *n_buckets = 0;
        self.blocks.extend(Block::of(&parts));
    }

    pub fn finish(mut self) -> SpanSummary {
        let calls = std::mem::take(&mut self.calls);
        let Self { names, counts, .. } = &mut self;
        let mut halves = calls.finish(&mut |found| counts.found(names, found));
        halves.retain(|half| half.slot != OUTSIDE);
        self.end_block();
        SpanSummary {
            slots: self.slots,
            services: self.names.services.list,
            operations: self.names.operations.list,
            peers: self.names.peers.list,
            edges: self.names.edges.list,
            facts: self.names.facts,
            halves,
            n_spans: self.n_spans,
            n_other: self.n_other,
            n_unpaired: self.counts.n_unpaired,
            blocks: self.blocks,
        }
    }
}

impl Row {
    fn half(&self, key: u64, side: Side) -> Half {
        let Row { service, slot, duration, is_error, .. } = *self;
        Half { key, service, slot, duration, is_error, side }
    }
}

impl Counts {
    fn found(&mut self, names: &mut Names, found: Found) {
        let (half, sides, edge) = match found {
            Found::Pair(client, server) => {
                let is_message = matches!(server.side, Side::Server { is_message: true });
                let connection = if is_message { Connection::Messaging } else { Connection::Call };
                let ends = (End::Service(client.service), End::Service(server.service));
                let is_error = client.is_error || server.is_error;
                (
                    Half { is_error, ..server },
                    (Some(client.duration), Some(server.duration)),
                    (ends.0, ends.1, connection),
                )
            }
            Found::Alone(client) => {
                let Side::Client { peer: Some(peer), is_message, .. } = client.side else { return };
                let connection = if is_message { Connection::Messaging } else { Connection::Virtual };
                (client, (Some(client.duration), None), (End::Service(client.service), End::Peer(peer), connection))
            }
            Found::Dropped => {
                self.n_unpaired += 1;
                return;
            }
        };
        if half.slot != OUTSIDE {
            let edge = names.edge(edge.0, edge.1, edge.2);
            self.n_buckets += self.calls.cell(edge, half.slot).add(sides.0, sides.1, half.is_error);
        }
    }
}
