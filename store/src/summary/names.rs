//! The names in a summary: services, operations, peers and edges, each in bounded number. What comes beyond is counted as
//! [`OTHER`].

use hashbrown::HashMap;
use model::{Resource, SpanKind, StatusCode};

use super::attributes::join;
use super::{Connection, Edge, End, Fact, Index, OTHER, Operation, ServiceName, Trait};

/// How many of each are told apart. A name with an id in it is a common mistake.
const MAX_SERVICES: usize = 5_000;
const MAX_OPERATIONS: usize = 16_000;
/// Span names of one service.
const MAX_NAMES: usize = 1_000;
const MAX_PEERS: usize = 4_000;
const MAX_EDGES: usize = 16_000;
/// Values of one trait of a service, and of all traits of all services.
const MAX_VALUES: u16 = 200;
const MAX_FACTS: usize = 50_000;
/// Bytes of all names.
const MAX_BYTES: usize = 4 << 20;

#[derive(Default)]
pub(super) struct Names {
    pub(super) services: Index<ServiceName>,
    pub(super) operations: Index<Operation>,
    pub(super) peers: Index<String>,
    pub(super) edges: Index<Edge>,
    pub(super) facts: Vec<Fact>,
    fact_index: HashMap<(u32, Trait, String), u32>,
    /// Distinct span names of each service.
    n_names: Vec<usize>,
    names: HashMap<(u32, String), ()>,
    n_values: HashMap<(u32, Trait), u16>,
    n_bytes: usize,
    /// For putting names together: each call of a peer asks for one, and it is nearly always known.
    text: String,
}

impl Names {
    /// The service that sends as `resource`.
    pub(super) fn service(&mut self, service: &str, resource: Resource<'_>) -> u32 {
        let namespace = resource.attrs().get_str("service.namespace").unwrap_or_default();
        let name = ServiceName { namespace: namespace.to_owned(), name: service.to_owned() };
        if let Some(known) = self.services.get(&name) {
            return known;
        }
        if self.services.list.len() >= MAX_SERVICES || !self.takes(namespace.len() + service.len()) {
            return self.services.add(ServiceName { namespace: String::new(), name: OTHER.to_owned() });
        }
        self.services.add(name)
    }

    /// Whether there is room for a name of so many bytes; then it is taken.
    fn takes(&mut self, n_bytes: usize) -> bool {
        let fits = self.n_bytes + n_bytes <= MAX_BYTES;
        self.n_bytes += if fits { n_bytes } else { 0 };
        fits
    }

    /// Whether spans of this service are counted as another's.
    pub(super) fn is_other(&self, service: u32) -> bool {
        let name = &self.services.list[service as usize];
        name.name == OTHER && name.namespace.is_empty()
    }

    /// The operation of spans, and whether they are counted as others'.
    pub(super) fn operation(
        &mut self,
        service: u32,
        name: &str,
        kind: SpanKind,
        status: StatusCode,
        is_root: bool,
    ) -> (u32, bool) {
        let operation = |name: &str| Operation { service, name: name.to_owned(), kind, status, is_root };
        if self.has_room(service, name) {
            let wanted = operation(name);
            if self.operations.list.len() < MAX_OPERATIONS || self.operations.get(&wanted).is_some() {
                return (self.operations.add(wanted), self.is_other(service));
            }
        }
        (self.operations.add(operation(OTHER)), true)
    }

    /// Whether `name` is one of the names of the service, now if not before.
    fn has_room(&mut self, service: u32, name: &str) -> bool {
        let place = service as usize;
        if place >= self.n_names.len() {
            self.n_names.resize(place + 1, 0);
        }
        let key = (service, name.to_owned());
        if self.names.contains_key(&key) {
            return true;
        }
        if self.n_names[place] >= MAX_NAMES || !self.takes(name.len()) {
            return false;
        }
        self.n_names[place] += 1;
        self.names.insert(key, ());
        true
    }

    /// What is called `name`, or `system/name`.
    pub(super) fn peer(&mut self, system: &str, name: &str) -> u32 {
        self.text.clear();
        join(&mut self.text, system, name);
        if let Some(known) = self.peers.get(self.text.as_str()) {
            return known;
        }
        let fits = self.peers.list.len() < MAX_PEERS && self.takes(self.text.len());
        self.peers.add(if fits { self.text.clone() } else { OTHER.to_owned() })
    }

    pub(super) fn edge(&mut self, client: End, server: End, connection: Connection) -> u32 {
        let edge = Edge { client, server, connection };
        if self.edges.list.len() < MAX_EDGES || self.edges.get(&edge).is_some() {
            return self.edges.add(edge);
        }
        let other = End::Peer(self.peers.add(OTHER.to_owned()));
        self.edges.add(Edge { client: other, server: other, connection })
    }

    /// Takes note of what `resource` says of `service`, which sent in these slots.
    pub(super) fn note(&mut self, service: u32, resource: Resource<'_>, slots: (i64, i64)) {
        for what in Trait::ALL {
            let value = resource.attrs().get_str(what.key()).unwrap_or_default();
            if value.is_empty() {
                continue;
            }
            let key = (service, what, value.to_owned());
            if let Some(index) = self.fact_index.get(&key) {
                let known = &mut self.facts[*index as usize].slots;
                *known = (known.0.min(slots.0), known.1.max(slots.1));
                continue;
            }
            let n_values = self.n_values.get(&(service, what)).copied().unwrap_or_default();
            if n_values < MAX_VALUES && self.facts.len() < MAX_FACTS && self.takes(value.len()) {
                self.n_values.insert((service, what), n_values + 1);
                self.fact_index.insert(key, self.facts.len() as u32);
                self.facts.push(Fact { service, what, value: value.to_owned(), slots });
            }
        }
    }
}
