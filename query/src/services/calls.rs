//! Calls between services, and to and from what sends no spans, out of the summaries of a range.

use hashbrown::HashMap;
use model::Nanos;
use store::summary::{
    CallCounts, Connection, Edge as StoredEdge, End, Half, ServiceName, Side, SpanSummary, USER, join,
};
use store::{ReadError, Snapshot};

use crate::{Budget, QueryError};

use super::range::Covered;

/// How many sides of calls without the other are kept to find it; newest first. Some 40 bytes each.
const MAX_HALVES: usize = 2_000_000;

/// One end of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// `service.namespace`; empty of what is no service.
    pub namespace: String,
    pub name: String,
    pub kind: NodeKind,
}

impl Node {
    pub(crate) fn service(name: ServiceName) -> Self {
        Node { namespace: name.namespace, name: name.name, kind: NodeKind::Service }
    }

    /// What sends no spans and is called, or a queue.
    pub(crate) fn peer(name: String, connection: Connection) -> Self {
        let kind = match connection {
            Connection::Database => NodeKind::Database,
            Connection::Messaging => NodeKind::Queue,
            Connection::Call | Connection::Virtual => NodeKind::External,
        };
        Node { namespace: String::new(), name, kind }
    }
}

/// What is at the end of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    #[default]
    Service,
    Database,
    Queue,
    /// Something that is called and sends no spans.
    External,
    /// Whoever sends requests and no spans.
    User,
}

impl NodeKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            NodeKind::Service => "service",
            NodeKind::Database => "database",
            NodeKind::Queue => "queue",
            NodeKind::External => "external",
            NodeKind::User => "user",
        }
    }
}

/// Two ends and how they are connected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ends {
    pub(crate) client: Node,
    pub(crate) server: Node,
    pub(crate) connection: Connection,
}

/// The names of the ends of all calls, and numbers for them.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) list: Vec<Ends>,
    index: HashMap<Ends, u32>,
}

impl Graph {
    fn add(&mut self, ends: Ends) -> u32 {
        if let Some(known) = self.index.get(&ends) {
            return *known;
        }
        let index = self.list.len() as u32;
        self.list.push(ends.clone());
        self.index.insert(ends, index);
        index
    }
}

/// Why some calls are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The time was up.
    pub(crate) older: bool,
    /// Sides of calls for whose other side there was no room.
    pub(crate) n_unpaired: u64,
}

/// Calls `visit` with the calls of the range: ends, slot and counts, of which several may come for the same ends and slot.
/// Calls that are not `wanted` are left out.
pub(crate) fn calls<E: From<QueryError>>(
    snapshot: &Snapshot,
    budget: &Budget,
    covered: &Covered,
    unreadable: &mut dyn FnMut(&ReadError),
    wanted: &dyn Fn(&Ends) -> bool,
    mut visit: impl FnMut(&Ends, u32, i64, &CallCounts) -> Result<(), E>,
) -> Result<(Graph, Missing), E> {
    let (mut graph, mut missing, mut sides) = (Graph::default(), Missing::default(), Sides::default());
    let in_range = |slot: i64| covered.first <= slot && slot < covered.end;
    let in_time = covered.read(snapshot, budget, true, unreadable, |summary| {
        missing.n_unpaired += summary.n_unpaired;
        let ends: Vec<Ends> = summary.edges.iter().map(|edge| ends_of(summary, *edge)).collect();
        let are_wanted: Vec<bool> = ends.iter().map(wanted).collect();
        let mut numbers: Vec<Option<u32>> = vec![None; ends.len()];
        let mut result = Ok(());
        let read = summary.calls(&covered.wanted(&|_| false, &|edge| are_wanted[edge as usize]), |cell| {
            let edge = cell.edge as usize;
            let number = *numbers[edge].get_or_insert_with(|| graph.add(ends[edge].clone()));
            if result.is_ok() {
                result = visit(&ends[edge], number, cell.slot, cell.calls);
            }
        });
        result?;
        missing.n_unpaired += sides.add(summary);
        Ok::<_, E>(read)
    })?;
    missing.older = !in_time;
    let mut result = Ok(());
    let mut counted = CallCounts::default();
    join(&sides.halves, |client, server| {
        let Some(half) = server.or(client).filter(|half| in_range(half.slot) && result.is_ok()) else { return };
        let Some(ends) = sides.ends(client, server).filter(|ends| wanted(ends)) else { return };
        counted.clear();
        let is_failed = [client, server].into_iter().flatten().any(|half| half.is_error);
        counted.add(client.map(|half| half.duration), server.map(|half| half.duration), is_failed);
        let number = graph.add(ends.clone());
        result = visit(&ends, number, half.slot, &counted);
    });
    result?;
    Ok((graph, missing))
}

fn ends_of(summary: &SpanSummary, edge: StoredEdge) -> Ends {
    let node = |end: End, is_client| match end {
        End::Service(index) => Node::service(summary.services[index as usize].clone()),
        End::Peer(index) => {
            let mut node = Node::peer(summary.peers[index as usize].clone(), edge.connection);
            if is_client && node.kind == NodeKind::External && node.name == USER {
                node.kind = NodeKind::User;
            }
            node
        }
    };
    Ends { client: node(edge.client, true), server: node(edge.server, false), connection: edge.connection }
}

/// Sides of calls of all summaries, with names that are the same in all of them.
#[derive(Default)]
struct Sides {
    halves: Vec<Half>,
    services: Vec<ServiceName>,
    service_index: HashMap<ServiceName, u32>,
    peers: Vec<String>,
    peer_index: HashMap<String, u32>,
}

impl Sides {
    /// Adds those of `summary`; returns for how many there is no room.
    fn add(&mut self, summary: &SpanSummary) -> u64 {
        let services: Vec<u32> =
            summary.services.iter().map(|name| number(name, &mut self.services, &mut self.service_index)).collect();
        let room = MAX_HALVES.saturating_sub(self.halves.len());
        let left = summary.halves.len().saturating_sub(room);
        for half in &summary.halves[left..] {
            let side = match half.side {
                Side::Client { peer, is_message, is_paired } => {
                    let name = |peer: u32| number(&summary.peers[peer as usize], &mut self.peers, &mut self.peer_index);
                    Side::Client { peer: peer.map(name), is_message, is_paired }
                }
                side => side,
            };
            self.halves.push(Half { service: services[half.service as usize], side, ..*half });
        }
        left as u64
    }

    /// Who called whom; `None` where one side says too little.
    fn ends(&self, client: Option<&Half>, server: Option<&Half>) -> Option<Ends> {
        let node = |half: &Half| Node::service(self.services[half.service as usize].clone());
        match (client, server) {
            (Some(client), Some(server)) => {
                let is_message = server.side == Side::Server { is_message: true };
                let connection = if is_message { Connection::Messaging } else { Connection::Call };
                Some(Ends { client: node(client), server: node(server), connection })
            }
            (Some(client), None) => {
                let Side::Client { peer: Some(peer), is_message, .. } = client.side else { return None };
                let connection = if is_message { Connection::Messaging } else { Connection::Virtual };
                let server = Node::peer(self.peers[peer as usize].clone(), connection);
                Some(Ends { client: node(client), server, connection })
            }
            _ => None,
        }
    }
}

fn number<T: Clone + Eq + std::hash::Hash>(value: &T, list: &mut Vec<T>, index: &mut HashMap<T, u32>) -> u32 {
    if let Some(known) = index.get(value) {
        return *known;
    }
    let number = list.len() as u32;
    list.push(value.clone());
    index.insert(value.clone(), number);
    number
}

/// The durations of calls as they are told: as they were served, or, where nothing is known of that, as they were called.
pub(crate) fn as_served(calls: &CallCounts) -> &store::summary::DurationCounts {
    if calls.server.buckets.is_empty() { &calls.client } else { &calls.server }
}

/// Nanoseconds of a range as seconds.
pub(crate) fn seconds(length: Nanos) -> f64 {
    length as f64 / 1e9
}
