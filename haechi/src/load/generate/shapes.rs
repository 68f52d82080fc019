//! The shape of a trace: what a customer does, unrolled into the spans that it makes, each with the bytes that all its
//! instances share.

use model::SpanKind;
use model::wire::{put_bytes_field, put_varint_field};

use super::encode::{put_int, put_text};
use super::latency::Spread;
use super::operations::{ENTRIES, Entry, Operation, Step};
use super::topology::SERVICES;

/// More spans than this a trace does not have: the number of a span within its trace fits 8 bits.
pub(in crate::load) const MAX_SPANS: usize = 250;

/// A span of a shape. The bytes are fields of the message `Span`.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) service: usize,
    pub(super) parent: Option<usize>,
    /// Method and route of the operation that it is part of.
    pub(super) request: (&'static str, &'static str),
    /// The fields name and kind.
    pub(super) head: Vec<u8>,
    /// Those attributes that are always the same.
    pub(super) attributes: Vec<u8>,
    /// Attributes that differ from span to span.
    pub(super) fields: Vec<Field>,
    /// Median of the own work in nanoseconds.
    pub(super) work: u64,
    pub(super) spread: Spread,
    /// How often it fails by itself, in millionths.
    pub(super) failures: u32,
    /// Starts after its parent has ended: the consumer of a message.
    pub(super) is_consumer: bool,
}

/// An attribute whose value is made for each span.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// `url.path` of a route, of which `{id}` is replaced.
    Path(&'static str),
    /// `url.full` of a route at a service.
    Url(usize, &'static str),
    HttpStatus,
    GrpcStatus,
    /// `client.address` of a customer and their `user_agent.original`.
    Customer,
    /// `app.customer.id`.
    CustomerId,
    /// `app.order.id`.
    OrderId,
    /// `network.peer.address`.
    Peer,
    /// `db.response.returned_rows`.
    Rows,
    /// `cache.hit`.
    CacheHit,
    /// `messaging.message.id`, `messaging.destination.partition.id` and the body's size.
    Message,
    /// `messaging.kafka.offset`.
    Offset,
    /// `thread.id`.
    Thread,
    /// `payment.provider`.
    Provider,
}

pub(super) struct Shape {
    pub(super) nodes: Vec<Node>,
}

pub(super) struct Shapes {
    shapes: Vec<Shape>,
    /// Which shape each of a hundred customers takes.
    hundred: Vec<u8>,
    mean: f64,
}

impl Shapes {
    /// The shapes, unrolled so that a trace has `spans_per_trace` spans in the mean.
    pub(super) fn new(spans_per_trace: usize) -> Self {
        let mut hundred = Vec::new();
        let mut shapes = Vec::new();
        for (index, (operation, share)) in ENTRIES.iter().enumerate() {
            hundred.extend((0..*share).map(|_| index as u8));
            let mut nodes = Vec::new();
            unroll(operation, None, &mut nodes);
            shapes.push(Shape { nodes });
        }
        let mean = |shapes: &[Shape]| {
            let total: usize =
                ENTRIES.iter().zip(shapes).map(|((_, share), it)| *share as usize * it.nodes.len()).sum();
            total as f64 / 100.0
        };
        let scale = spans_per_trace as f64 / mean(&shapes);
        for shape in &mut shapes {
            let wanted = (shape.nodes.len() as f64 * scale).round() as usize;
            resize(&mut shape.nodes, wanted.clamp(1, MAX_SPANS));
        }
        let mean = mean(&shapes);
        Shapes { shapes, hundred, mean }
    }

    /// The shape that the random number `roll` stands for.
    #[inline]
    pub(super) fn pick(&self, roll: u64) -> &Shape {
        let customer = ((u128::from(roll) * 100) >> 64) as usize;
        &self.shapes[usize::from(self.hundred[customer])]
    }

    /// Spans in a trace, in the mean.
    pub(super) fn mean(&self) -> f64 {
        self.mean
    }
}

/// Makes a tree in preorder larger, by repeating queries as code with a query in a loop does, or smaller, from its end.
fn resize(nodes: &mut Vec<Node>, wanted: usize) {
    let mut at = 0;
    while nodes.len() < wanted {
        // A leaf that calls nobody can stand beside itself.
        let is_leaf = |index: usize| !nodes.iter().any(|node| node.parent == Some(index));
        let next = (at..nodes.len()).chain(0..at).find(|index| is_leaf(*index));
        let leaf = next.expect("every tree has a leaf");
        let copy = nodes[leaf].clone();
        for parent in nodes.iter_mut().filter_map(|node| node.parent.as_mut()).filter(|parent| **parent > leaf) {
            *parent += 1;
        }
        nodes.insert(leaf + 1, copy);
        at = (leaf + 2) % nodes.len();
    }
    nodes.truncate(wanted);
}

/// Appends `operation` and all below it in preorder.
fn unroll(operation: &Operation, parent: Option<usize>, nodes: &mut Vec<Node>) {
    let own = nodes.len();
    nodes.push(entry(operation, parent));
    for step in operation.steps {
        let index = nodes.len();
        nodes.push(client(operation, own, step));
        if let Step::Call(callee) | Step::Send(callee) = step {
            unroll(callee, Some(index), nodes);
        }
    }
}

/// The name and the attributes of a span, while they are put together.
struct Draft {
    head: Vec<u8>,
    attributes: Vec<u8>,
    fields: Vec<Field>,
}

impl Draft {
    fn new(name: &str, kind: SpanKind) -> Self {
        let mut head = Vec::new();
        put_bytes_field(&mut head, 5, name.as_bytes());
        put_varint_field(&mut head, 6, kind as u64);
        Draft { head, attributes: Vec::new(), fields: Vec::new() }
    }

    fn text(mut self, key: &str, value: &str) -> Self {
        put_text(&mut self.attributes, ATTRIBUTES, key, value);
        self
    }

    fn int(mut self, key: &str, value: u64) -> Self {
        put_int(&mut self.attributes, ATTRIBUTES, key, value);
        self
    }

    fn fields(mut self, fields: &[Field]) -> Self {
        self.fields.extend_from_slice(fields);
        self
    }
}

/// The field of a `Span` that holds its attributes.
pub(super) const ATTRIBUTES: u32 = 9;

/// The span of an operation where it runs.
fn entry(operation: &Operation, parent: Option<usize>) -> Node {
    let mut is_consumer = false;
    let draft = match &operation.entry {
        Entry::Http { method, route } => {
            let draft = Draft::new(&format!("{method} {route}"), SpanKind::Server)
                .text("http.request.method", method)
                .text("http.route", route)
                .text("url.scheme", if parent.is_none() { "https" } else { "http" })
                .text("network.protocol.version", if parent.is_none() { "2" } else { "1.1" })
                .fields(&[Field::Path(route), Field::HttpStatus]);
            match parent {
                None => draft.fields(&[Field::Customer, Field::CustomerId]),
                Some(_) => draft.fields(&[Field::Peer]),
            }
        }
        Entry::Grpc { service, method } => Draft::new(&format!("{service}/{method}"), SpanKind::Server)
            .text("rpc.system", "grpc")
            .text("rpc.service", service)
            .text("rpc.method", method)
            .int("server.port", SERVICES[operation.service].port)
            .fields(&[Field::GrpcStatus, Field::Peer])
            .fields(if *method == "Charge" { &[Field::Provider, Field::OrderId] } else { &[] }),
        Entry::Message { topic } => {
            is_consumer = true;
            Draft::new(&format!("process {topic}"), SpanKind::Consumer)
                .text("messaging.system", "kafka")
                .text("messaging.destination.name", topic)
                .text("messaging.operation.type", "process")
                .text("messaging.consumer.group.name", SERVICES[operation.service].name)
                .fields(&[Field::Message, Field::Offset, Field::OrderId])
        }
    };
    Node {
        service: operation.service,
        parent,
        request: request(operation),
        head: draft.head,
        attributes: draft.attributes,
        fields: draft.fields,
        work: operation.work * 1_000,
        spread: Spread::Usual,
        failures: operation.failures,
        is_consumer,
    }
}

fn request(operation: &Operation) -> (&'static str, &'static str) {
    match operation.entry {
        Entry::Http { method, route } => (method, route),
        Entry::Grpc { method, .. } => ("POST", method),
        Entry::Message { topic } => ("PROCESS", topic),
    }
}

/// The span of a step of `operation`.
fn client(operation: &Operation, parent: usize, step: &Step) -> Node {
    let caller = SERVICES[operation.service].name;
    let (draft, work, failures) = match step {
        Step::Database { verb, table, statement, work } => {
            let draft = Draft::new(&format!("{verb} {table}"), SpanKind::Client)
                .text("db.system.name", "postgresql")
                .text("db.namespace", caller)
                .text("db.operation.name", verb)
                .text("db.collection.name", table)
                .text("db.query.text", statement)
                .text("server.address", &format!("pg-{caller}.db.svc"))
                .int("server.port", 5432)
                .fields(&[Field::Rows]);
            (draft, *work, 200)
        }
        Step::Cache { verb, key } => {
            let draft = Draft::new(verb, SpanKind::Client)
                .text("db.system.name", "redis")
                .text("db.operation.name", verb)
                .text("db.query.text", &format!("{verb} {key}:?"))
                .text("server.address", &format!("redis-{caller}.cache.svc"))
                .int("server.port", 6379)
                .fields(&[Field::CacheHit, Field::Peer]);
            (draft, 380, 50)
        }
        Step::Call(Operation { service, entry: Entry::Http { method, route }, .. }) => {
            let draft = Draft::new(method, SpanKind::Client)
                .text("http.request.method", method)
                .text("server.address", &format!("{}.shop.svc", SERVICES[*service].name))
                .int("server.port", SERVICES[*service].port)
                .text("network.protocol.version", "1.1")
                .fields(&[Field::Url(*service, route), Field::HttpStatus]);
            (draft, 260, 100)
        }
        Step::Call(Operation { service, entry: Entry::Grpc { service: package, method }, .. }) => {
            let draft = Draft::new(&format!("{package}/{method}"), SpanKind::Client)
                .text("rpc.system", "grpc")
                .text("rpc.service", package)
                .text("rpc.method", method)
                .text("server.address", &format!("{}.shop.svc", SERVICES[*service].name))
                .int("server.port", SERVICES[*service].port)
                .fields(&[Field::GrpcStatus, Field::Peer]);
            (draft, 220, 100)
        }
        Step::Call(operation) | Step::Send(operation) => {
            let topic = match operation.entry {
                Entry::Message { topic } => topic,
                Entry::Http { route, .. } => route,
                Entry::Grpc { service, .. } => service,
            };
            let draft = Draft::new(&format!("send {topic}"), SpanKind::Producer)
                .text("messaging.system", "kafka")
                .text("messaging.destination.name", topic)
                .text("messaging.operation.type", "send")
                .text("server.address", "kafka.shop.svc")
                .fields(&[Field::Message, Field::OrderId]);
            (draft, 700, 60)
        }
        Step::Work { name, work } => {
            let draft = Draft::new(name, SpanKind::Internal)
                .text("code.function.name", &format!("shop.{caller}.{}", name.replace(' ', "_")))
                .text("thread.name", "worker")
                .fields(&[Field::Thread, Field::CustomerId]);
            (draft, *work, 100)
        }
        Step::External { host, method, path, work } => {
            let draft = Draft::new(method, SpanKind::Client)
                .text("http.request.method", method)
                .text("url.full", &format!("https://{host}{path}"))
                .text("server.address", host)
                .int("server.port", 443)
                .fields(&[Field::HttpStatus, Field::Peer]);
            (draft, *work, 2_500)
        }
    };
    Node {
        service: operation.service,
        parent: Some(parent),
        request: request(operation),
        head: draft.head,
        attributes: draft.attributes,
        fields: draft.fields,
        work: work * 1_000,
        spread: step.spread(),
        failures,
        is_consumer: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_trees_of_the_wanted_size() {
        for wanted in [1, 5, 25, 100] {
            let shapes = Shapes::new(wanted);
            assert!((shapes.mean() / wanted as f64 - 1.0).abs() < 0.07, "{} of {wanted}", shapes.mean());
            for shape in &shapes.shapes {
                assert!(shape.nodes.len() <= MAX_SPANS);
                for (index, node) in shape.nodes.iter().enumerate() {
                    assert_eq!(node.parent.is_none(), index == 0, "one root, and it is first");
                    assert!(node.parent.is_none_or(|parent| parent < index), "parents come before their children");
                }
            }
        }
    }

    #[test]
    fn growing_repeats_leaves_beside_themselves() {
        let shape = |n| {
            let mut nodes = Shapes::new(25).shapes.swap_remove(0).nodes;
            resize(&mut nodes, n);
            nodes
        };
        let (small, large) = (shape(26), shape(60));
        assert_eq!(large.len(), 60);
        for node in &large {
            let parent = node.parent.map(|parent| &large[parent].attributes);
            let same =
                |it: &&Node| it.attributes == node.attributes && it.parent.map(|at| &small[at].attributes) == parent;
            assert!(small.iter().any(|it| same(&it)), "each span stands below the same kind of span as before");
        }
    }
}
