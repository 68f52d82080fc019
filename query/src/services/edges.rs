//! Which service calls which, from parents and children in different services.

use std::hash::BuildHasher;

use hashbrown::HashMap;
use model::{Nanos, SpanKind, TimeRange};
use store::{Scan, Snapshot};

use crate::ids::Ids;
use crate::{Budget, Durations, QueryError, Warnings};

/// How many spans of each side of a call are kept to find the other side; newest first. 24 bytes each.
const MAX_SPANS: usize = 2_000_000;

const COLUMNS: &[&str] = &["duration", "trace_id", "span_id", "parent_span_id", "service", "kind", "status"];

/// The calls between services in a range.
#[derive(Clone, Debug, Default)]
pub struct Edges {
    /// By caller, then callee.
    pub edges: Vec<Edge>,
    pub n_scanned: u64,
    pub warnings: Vec<String>,
}

/// Calls from one service to another. Measured where they are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub client: String,
    pub server: String,
    /// Whether the calls are messages: consumer spans below producer spans.
    pub is_messaging: bool,
    pub n_calls: u64,
    /// Calls whose serving span has status error.
    pub n_errors: u64,
    pub p95: Option<Nanos>,
}

/// A span that was called, until its caller is known.
struct Called {
    parent: u64,
    service: u32,
    is_consumer: bool,
    is_error: bool,
    duration: Nanos,
}

/// The edges of spans that start in `range`: a span of kind server or consumer whose parent is a span of another service.
/// A caller outside the range is not found.
pub fn edges(snapshot: &Snapshot, budget: &Budget, range: TimeRange) -> Result<Edges, QueryError> {
    let mut warnings = Warnings::new();
    let hasher = hashbrown::DefaultHashBuilder::default();
    let identity = |trace: &[u8; 16], span: &[u8; 8]| hasher.hash_one((trace, span));
    let mut names = Names::default();
    let mut callers: HashMap<u64, u32> = HashMap::new();
    let mut called: Vec<Called> = Vec::new();
    let mut n_scanned = 0;
    for chunk in snapshot.spans(Scan::new(range).columns(COLUMNS)) {
        if budget.is_out_of_time()? {
            warnings.push("the time limit was reached: older calls of the range are not counted");
            break;
        }
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                warnings.unreadable(&error);
                continue;
            }
        };
        if callers.len().max(called.len()) + chunk.len() > MAX_SPANS {
            warnings.push(format!("only the newest {n_scanned} spans of the range are counted"));
            break;
        }
        n_scanned += chunk.len() as u64;
        let Some((services, keys)) = chunk.services() else { continue };
        let services: Vec<u32> = services.iter().map(|name| names.index(name.unwrap_or_default())).collect();
        let (traces, spans, parents) = (
            Ids::<16>::of(chunk.batch(), "trace_id"),
            Ids::<8>::of(chunk.batch(), "span_id"),
            Ids::<8>::of(chunk.batch(), "parent_span_id"),
        );
        for row in 0..chunk.len() {
            let (Some(trace), Some(span)) = (traces.get(row), spans.get(row)) else { continue };
            let (kind, service) = (chunk.kind(row), services[keys[row] as usize]);
            callers.insert(identity(&trace, &span), service);
            if let (SpanKind::Server | SpanKind::Consumer, Some(parent)) = (kind, parents.get(row)) {
                called.push(Called {
                    parent: identity(&trace, &parent),
                    service,
                    is_consumer: kind == SpanKind::Consumer,
                    is_error: chunk.is_error(row),
                    duration: chunk.duration(row),
                });
            }
        }
    }
    let mut counts: HashMap<(u32, u32, bool), (u64, Durations)> = HashMap::new();
    for call in called {
        let Some(&client) = callers.get(&call.parent) else { continue };
        if client != call.service {
            let (n_errors, durations) = counts.entry((client, call.service, call.is_consumer)).or_default();
            *n_errors += u64::from(call.is_error);
            durations.add(call.duration);
        }
    }
    let edges = counts.into_iter().map(|((client, server, is_messaging), (n_errors, durations))| Edge {
        client: names.name(client),
        server: names.name(server),
        is_messaging,
        n_calls: durations.n_total(),
        n_errors,
        p95: durations.quantile(0.95),
    });
    let mut edges: Vec<Edge> = edges.collect();
    edges.sort_by(|a, b| (&a.client, &a.server, a.is_messaging).cmp(&(&b.client, &b.server, b.is_messaging)));
    Ok(Edges { edges, n_scanned, warnings: warnings.into_texts() })
}

/// Numbers for service names.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    by_name: HashMap<String, u32>,
}

impl Names {
    fn index(&mut self, name: &str) -> u32 {
        if let Some(&index) = self.by_name.get(name) {
            return index;
        }
        let index = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.by_name.insert(name.to_owned(), index);
        index
    }

    fn name(&self, index: u32) -> String {
        self.names[index as usize].clone()
    }
}
