//! Who calls whom: services, databases, queues, and what sends no spans.

use model::{Nanos, TimeRange};
use store::Snapshot;
use store::summary::{Connection, Durations};

use crate::{Budget, QueryError, Warnings};

use super::calls::{Ends, Missing, Node, as_served, calls, seconds};
use super::range::Covered;
use super::stats::per_second;

/// The calls of a range.
#[derive(Clone, Debug, Default)]
pub struct Edges {
    /// By caller, then callee.
    pub edges: Vec<Edge>,
    /// What is counted, as in [`super::ServiceList`].
    pub range: TimeRange,
    pub warnings: Vec<String>,
}

/// Calls from one end to another. Measured where they are served; calls of what sends no spans where they are made.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    pub client: Node,
    pub server: Node,
    pub connection: Connection,
    pub n_calls: u64,
    /// Calls of which a side has status error.
    pub n_errors: u64,
    /// Calls a second.
    pub rate: f64,
    pub p50: Option<Nanos>,
    pub p90: Option<Nanos>,
    pub p99: Option<Nanos>,
}

#[derive(Default)]
struct Draft {
    n_calls: u64,
    n_errors: u64,
    durations: Durations,
}

/// The calls of spans that start in `range`, with an end that is `service`, if it is given, and not of a service by itself.
pub fn edges(
    snapshot: &Snapshot,
    budget: &Budget,
    range: TimeRange,
    service: Option<&str>,
) -> Result<Edges, QueryError> {
    let covered = Covered::of(snapshot, range, 1);
    let mut warnings = Warnings::new();
    let is_service = |node: &Node| node.kind == super::NodeKind::Service && Some(node.name.as_str()) == service;
    let wanted = |ends: &Ends| {
        ends.client != ends.server && (service.is_none() || is_service(&ends.client) || is_service(&ends.server))
    };
    let mut drafts: Vec<Draft> = Vec::new();
    let (graph, missing) =
        calls(snapshot, budget, &covered, &mut |error| warnings.unreadable(error), &wanted, |_, number, _, counts| {
            let number = number as usize;
            if number >= drafts.len() {
                drafts.resize_with(number + 1, Draft::default);
            }
            let draft = &mut drafts[number];
            draft.n_calls += counts.n_calls;
            draft.n_errors += counts.n_failed;
            draft.durations.add(as_served(counts));
            Ok::<_, QueryError>(())
        })?;
    if missing.older {
        warnings.push("the time limit was reached: older calls of the range are not counted");
    }
    warn_of(missing, &mut warnings);
    let length = seconds(covered.range.length());
    let mut edges: Vec<Edge> = graph
        .list
        .into_iter()
        .zip(drafts)
        .map(|(Ends { client, server, connection }, Draft { n_calls, n_errors, durations })| Edge {
            client,
            server,
            connection,
            n_calls,
            n_errors,
            rate: per_second(n_calls, length),
            p50: durations.quantile(0.5),
            p90: durations.quantile(0.9),
            p99: durations.quantile(0.99),
        })
        .collect();
    edges.sort_by(|a, b| (&a.client, &a.server, a.connection).cmp(&(&b.client, &b.server, b.connection)));
    Ok(Edges { edges, range: covered.range, warnings: warnings.into_texts() })
}

fn warn_of(missing: Missing, warnings: &mut Warnings) {
    if missing.n_unpaired > 0 {
        let n = missing.n_unpaired;
        warnings.push(format!("{n} spans are not counted as calls: there are too many whose other side is missing"));
    }
}
