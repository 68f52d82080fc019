//! The services of one trace and who called whom, as a drawing and as rows of a table.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

use askama::Template;
use askama::filters::HtmlSafe;
use model::Nanos;
use query::traces::Trace;

use crate::app::App;
use crate::critical_path::critical_path;
use crate::curve::{Area, Curve, Labels};
use crate::format::{self, clip};
use crate::page_url::PageUrl;
use crate::parts::{ServiceTag, written_out};

/// Services drawn, those with the most spans, and lines of the table.
const MAX_NODES: usize = 60;
const MAX_EDGES: usize = 300;
/// Characters of a name that fit a box.
const MAX_NAME: usize = 20;
/// Sizes in pixels.
const WIDTH: usize = 176;
const HEIGHT: usize = 46;
const GAP_X: usize = 104;
const GAP_Y: usize = 22;
const MARGIN: usize = 8;
/// How much lower than the middle of a box what does not lead on begins and ends.
const LOWER: usize = 13;

/// The drawing.
#[derive(Template)]
#[template(path = "parts/service_graph.html")]
pub(crate) struct ServiceGraph {
    width: usize,
    height: usize,
    nodes: Vec<NodeView>,
    lines: Vec<LineView>,
    pub(crate) edges: Vec<EdgeRow>,
    /// Services and calls beyond what is shown.
    pub(crate) n_more_nodes: usize,
    pub(crate) n_more_edges: usize,
}

impl HtmlSafe for ServiceGraph {}

struct NodeView {
    x: usize,
    y: usize,
    slot: usize,
    name: String,
    title: String,
    /// Spans, and the share of the critical path.
    words: String,
    is_error: bool,
    href: PageUrl,
}

struct LineView {
    /// Of an SVG path.
    path: String,
    label: String,
    /// The middle of the label, where there is room for it.
    label_at: Option<(usize, usize)>,
    is_error: bool,
}

/// The calls of one service by another.
pub(crate) struct EdgeRow {
    pub(crate) from: ServiceTag,
    pub(crate) to: ServiceTag,
    pub(crate) n_calls: String,
    pub(crate) n_errors: usize,
    pub(crate) total: String,
    pub(crate) longest: String,
}

/// A service in the trace.
#[derive(Clone, Default)]
struct Node {
    n_spans: usize,
    n_errors: usize,
    /// Time on the critical path.
    critical: Nanos,
    /// Calls of other services above, at least.
    layer: usize,
}

/// The calls of one service by another, by their indices.
#[derive(Default)]
struct Edge {
    from: usize,
    to: usize,
    n_calls: usize,
    n_errors: usize,
    total: Nanos,
    longest: Nanos,
}

impl ServiceGraph {
    pub(crate) fn new(app: &App, trace: &Trace, context: &PageUrl) -> Self {
        let (nodes, mut edges) = count(trace);
        let name = |service: usize| trace.services[service].service.as_str();
        let places = places(&nodes, &edges);
        let path_length: Nanos = nodes.iter().map(|node| node.critical).sum();
        let nodes_shown = places.iter().map(|(&service, &(column, line))| {
            let node = &nodes[service];
            let share = node.critical as f64 / path_length.max(1) as f64;
            let spans = if node.n_spans == 1 {
                "1 span".to_owned()
            } else {
                format!("{} spans", format::count(node.n_spans as u64))
            };
            let critical =
                if node.critical > 0 { format!(" · {} critical", format::percent(share)) } else { String::new() };
            NodeView {
                x: MARGIN + column * (WIDTH + GAP_X),
                y: MARGIN + line * (HEIGHT + GAP_Y),
                slot: app.slot(name(service)),
                name: written_out(&clip(name(service), MAX_NAME)),
                title: written_out(&clip(name(service), 400)),
                words: format!("{spans}{critical}"),
                is_error: node.n_errors > 0,
                href: context.to_service(name(service)),
            }
        });
        let mut nodes_shown: Vec<NodeView> = nodes_shown.collect();
        nodes_shown.sort_by_key(|node| (node.x, node.y));
        edges.sort_by_key(|edge| (Reverse(edge.total), edge.from, edge.to));
        let boxes = nodes_shown.iter().map(|node| Area::new(node.x, node.y, WIDTH, HEIGHT));
        let mut labels = Labels::among(boxes);
        let lines: Vec<LineView> = edges
            .iter()
            .take(MAX_EDGES)
            .filter_map(|edge| Some(line(*places.get(&edge.from)?, *places.get(&edge.to)?, edge, &mut labels)))
            .collect();
        let rows = edges.iter().take(MAX_EDGES).map(|edge| EdgeRow {
            from: app.service(name(edge.from)),
            to: app.service(name(edge.to)),
            n_calls: format::count(edge.n_calls as u64),
            n_errors: edge.n_errors,
            total: format::duration(edge.total),
            longest: format::duration(edge.longest),
        });
        let (columns, deepest) = places
            .values()
            .fold((0, 0), |(columns, lines), (column, line)| (columns.max(column + 1), lines.max(line + 1)));
        ServiceGraph {
            width: 2 * MARGIN + columns * (WIDTH + GAP_X),
            height: 2 * MARGIN + deepest * (HEIGHT + GAP_Y),
            lines,
            edges: rows.collect(),
            nodes: nodes_shown,
            n_more_nodes: nodes.len().saturating_sub(MAX_NODES),
            n_more_edges: edges.len().saturating_sub(MAX_EDGES),
        }
    }
}

/// The services by their index, and the calls between two of them.
fn count(trace: &Trace) -> (Vec<Node>, Vec<Edge>) {
    let mut nodes = vec![Node { layer: usize::MAX, ..Node::default() }; trace.services.len()];
    let mut edges: HashMap<(usize, usize), Edge> = HashMap::new();
    // By span: how many calls of other services are above it.
    let mut layers = vec![0; trace.spans.len()];
    for (index, span) in trace.spans.iter().enumerate() {
        if let Some(parent) = span.parent {
            let caller = trace.spans[parent].service;
            layers[index] = layers[parent] + usize::from(caller != span.service);
            if caller != span.service {
                let ends = (caller, span.service);
                let edge = edges.entry(ends).or_insert_with(|| Edge { from: ends.0, to: ends.1, ..Edge::default() });
                edge.n_calls += 1;
                edge.n_errors += usize::from(span.is_error);
                edge.total = edge.total.saturating_add(span.duration);
                edge.longest = edge.longest.max(span.duration);
            }
        }
        let node = &mut nodes[span.service];
        node.n_spans += 1;
        node.n_errors += usize::from(span.is_error);
        node.layer = node.layer.min(layers[index]);
    }
    for part in critical_path(trace) {
        let node = &mut nodes[trace.spans[part.span].service];
        node.critical = node.critical.saturating_add(part.end.saturating_sub(part.start));
    }
    (nodes, edges.into_values().collect())
}

/// The column and the line of each service that is drawn: as far right as it is deep at least, and near those that call it.
fn places(nodes: &[Node], edges: &[Edge]) -> HashMap<usize, (usize, usize)> {
    let mut drawn: Vec<usize> = (0..nodes.len()).collect();
    drawn.sort_by_key(|&service| (Reverse(nodes[service].n_spans), service));
    drawn.truncate(MAX_NODES);
    drawn.sort_by_key(|&service| (nodes[service].layer, service));
    let mut places: HashMap<usize, (usize, usize)> = HashMap::new();
    let (mut column, mut rest) = (0, drawn.as_slice());
    while let Some(&first) = rest.first() {
        let n = rest.partition_point(|&service| nodes[service].layer == nodes[first].layer);
        let (layer, after) = rest.split_at(n);
        let mut layer: Vec<(f64, usize)> = layer
            .iter()
            .map(|&service| {
                let callers = edges.iter().filter(|edge| edge.to == service);
                let lines: Vec<usize> = callers.filter_map(|edge| Some(places.get(&edge.from)?.1)).collect();
                (lines.iter().sum::<usize>() as f64 / lines.len().max(1) as f64, service)
            })
            .collect();
        layer.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        places.extend(layer.into_iter().enumerate().map(|(line, (_, service))| (service, (column, line))));
        (column, rest) = (column + 1, after);
    }
    places
}

fn line(from: (usize, usize), to: (usize, usize), edge: &Edge, labels: &mut Labels) -> LineView {
    let left = |(column, _): (usize, usize)| MARGIN + column * (WIDTH + GAP_X);
    let middle = |(_, line): (usize, usize)| MARGIN + line * (HEIGHT + GAP_Y) + HEIGHT / 2;
    let right = |place| left(place) + WIDTH;
    let curve = match from.0.cmp(&to.0) {
        Ordering::Less => {
            let (x1, y1, x2, y2) = (right(from), middle(from), left(to), middle(to));
            let half = (x1 + x2) / 2;
            Curve([(x1, y1), (half, y1), (half, y2), (x2 - 4, y2)])
        }
        // Back: a little lower than the calls.
        Ordering::Greater => {
            let (x1, y1, x2, y2) = (left(from), middle(from) + LOWER, right(to), middle(to) + LOWER);
            let half = (x1 + x2) / 2;
            Curve([(x1, y1), (half, y1), (half, y2), (x2 + 4, y2)])
        }
        // Beside: round to the right, wider the farther it is.
        Ordering::Equal => {
            let (x, y1, y2) = (right(from), middle(from) + LOWER, middle(to) - LOWER / 2);
            let bulge = x + (GAP_X / 4 + 8 * from.1.abs_diff(to.1)).min(GAP_X - 10);
            Curve([(x, y1), (bulge, y1), (bulge, y2), (x + 4, y2)])
        }
    };
    let label = format!("{}×", format::count(edge.n_calls as u64));
    LineView { path: curve.path(), label_at: labels.place(&label, &curve), label, is_error: edge.n_errors > 0 }
}
