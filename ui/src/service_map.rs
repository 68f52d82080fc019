//! Who calls whom, as a drawing: services, databases, queues and others, from left to right in the direction of calls.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use askama::Template;
use askama::filters::HtmlSafe;
use query::services::{Connection, Edge, Node, NodeKind};

use crate::app::App;
use crate::curve::{Area, Curve, Labels};
use crate::format::{self, clip};
use crate::page_url::PageUrl;
use crate::parts::written_out;

/// Nodes and lines that are drawn: those with the most calls.
const MAX_NODES: usize = 150;
const MAX_LINES: usize = 400;
/// Characters of a name that fit a box.
const MAX_NAME: usize = 20;
/// Share of failed calls above which they are marked.
const MANY_ERRORS: f64 = 0.01;
/// How often lines of columns are put in order of their neighbours.
const SWEEPS: usize = 4;
/// Sizes in pixels.
const WIDTH: usize = 176;
const HEIGHT: usize = 46;
const GAP_X: usize = 90;
const GAP_Y: usize = 18;
const MARGIN: usize = 8;

/// The drawing.
#[derive(Template)]
#[template(path = "parts/service_map.html")]
pub(crate) struct ServiceMap {
    width: usize,
    height: usize,
    nodes: Vec<NodeView>,
    lines: Vec<LineView>,
    pub(crate) n_more: usize,
}

impl HtmlSafe for ServiceMap {}

struct NodeView {
    x: usize,
    y: usize,
    /// Of a service; other nodes have none.
    slot: Option<usize>,
    name: String,
    title: String,
    words: String,
    is_failing: bool,
    /// Of a service its map, of others none.
    href: Option<PageUrl>,
}

struct LineView {
    path: String,
    label: String,
    /// The middle of the label, where there is room for it.
    label_at: Option<(usize, usize)>,
    is_failing: bool,
    is_message: bool,
    title: String,
}

/// What a node serves: calls, failed ones, and calls a second.
#[derive(Clone, Copy, Default)]
struct Served {
    n_calls: u64,
    n_errors: u64,
    rate: f64,
}

impl ServiceMap {
    /// The map of `edges`; `to_node` is the page of a service.
    pub(crate) fn new(app: &App, edges: &[Edge], to_node: impl Fn(&Node) -> PageUrl) -> Self {
        let mut weight: BTreeMap<&Node, u64> = BTreeMap::new();
        let mut served: HashMap<&Node, Served> = HashMap::new();
        for edge in edges {
            [&edge.client, &edge.server].iter().for_each(|node| *weight.entry(node).or_default() += edge.n_calls);
            let it = served.entry(&edge.server).or_default();
            it.n_calls += edge.n_calls;
            it.n_errors += edge.n_errors;
            it.rate += edge.rate;
        }
        let mut drawn: Vec<&Node> = weight.keys().copied().collect();
        drawn.sort_by_key(|node| (std::cmp::Reverse(weight[node]), *node));
        let n_more = drawn.len().saturating_sub(MAX_NODES);
        drawn.truncate(MAX_NODES);
        drawn.sort();
        let index: HashMap<&Node, usize> = drawn.iter().enumerate().map(|(index, node)| (*node, index)).collect();
        let ends = |edge: &Edge| Some((*index.get(&edge.client)?, *index.get(&edge.server)?));
        let mut lines: Vec<(&Edge, (usize, usize))> =
            edges.iter().filter_map(|edge| Some((edge, ends(edge)?))).collect();
        lines.sort_by_key(|(edge, _)| std::cmp::Reverse(edge.n_calls));
        lines.truncate(MAX_LINES);
        let pairs: BTreeSet<(usize, usize)> = lines.iter().map(|(_, ends)| *ends).collect();
        let places = places(drawn.len(), &pairs);
        let (columns, deepest) =
            places.iter().fold((0, 0), |most, place| (most.0.max(place.0 + 1), most.1.max(place.1 + 2)));
        let nodes = drawn.iter().zip(&places).map(|(node, place)| {
            let it = served.get(node).copied().unwrap_or_default();
            let is_service = node.kind == NodeKind::Service;
            NodeView {
                x: left(*place),
                y: top(*place),
                slot: is_service.then(|| app.slot(&node.name)),
                name: written_out(&clip(&node.name, MAX_NAME)),
                title: title(node),
                words: words(node.kind, it),
                is_failing: is_failing(it.n_errors, it.n_calls),
                href: is_service.then(|| to_node(node)),
            }
        });
        let mut labels = Labels::among(places.iter().map(|place| Area::new(left(*place), top(*place), WIDTH, HEIGHT)));
        ServiceMap {
            width: 2 * MARGIN + columns * (WIDTH + GAP_X) - if columns > 0 { GAP_X / 2 } else { 0 },
            height: 2 * MARGIN + deepest * (HEIGHT + GAP_Y) / 2 + GAP_Y,
            nodes: nodes.collect(),
            lines: lines.iter().map(|(edge, (from, to))| line(edge, places[*from], places[*to], &mut labels)).collect(),
            n_more,
        }
    }
}

fn title(node: &Node) -> String {
    let name = written_out(&clip(&node.name, 400));
    match node.namespace.as_str() {
        "" => name,
        namespace => format!("{name} of {}", written_out(&clip(namespace, 400))),
    }
}

fn is_failing(n_errors: u64, n_calls: u64) -> bool {
    n_errors as f64 >= MANY_ERRORS * n_calls as f64 && n_errors > 0
}

fn words(kind: NodeKind, served: Served) -> String {
    let what = if kind == NodeKind::Service { String::new() } else { kind.name().to_owned() };
    if served.n_calls == 0 {
        return if what.is_empty() { "calls others".to_owned() } else { what };
    }
    // There is little room beside the word for what is no service.
    let share = served.n_errors as f64 / served.n_calls as f64;
    let failed = match served.n_errors {
        0 => String::new(),
        _ if kind == NodeKind::Service => format!(" · {} failed", format::percent(share)),
        _ if is_failing(served.n_errors, served.n_calls) => format!(" · {}", format::percent(share)),
        _ => String::new(),
    };
    let separator = if what.is_empty() { "" } else { " · " };
    format!("{what}{separator}{}{failed}", format::rate(served.rate))
}

fn left((column, _): (usize, usize)) -> usize {
    MARGIN + column * (WIDTH + GAP_X)
}

/// Of half lines.
fn top((_, line): (usize, usize)) -> usize {
    MARGIN + line * (HEIGHT + GAP_Y) / 2
}

/// The column of each of `n` nodes, and where it is in it, in half lines: a node is right of those that call it, but where calls go in a circle, and
/// near to them. The same calls make the same drawing.
fn places(n: usize, edges: &BTreeSet<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut callers: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        below[*from].push(*to);
        callers[*to].push(*from);
    }
    let order = in_order(n, &below, &callers);
    let mut rank = vec![0; n];
    order.iter().enumerate().for_each(|(at, node)| rank[*node] = at);
    let mut column = vec![0; n];
    for node in &order {
        for next in below[*node].iter().filter(|next| rank[**next] > rank[*node]) {
            column[*next] = column[*next].max(column[*node] + 1);
        }
    }
    let n_columns = column.iter().max().map_or(0, |last| last + 1);
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); n_columns];
    (0..n).for_each(|node| columns[column[node]].push(node));
    let mut line = vec![0usize; n];
    let note = |nodes: &[usize], line: &mut [usize]| nodes.iter().enumerate().for_each(|(at, node)| line[*node] = at);
    columns.iter().for_each(|nodes| note(nodes, &mut line));
    for sweep in 0..SWEEPS {
        let neighbours = if sweep % 2 == 0 { &callers } else { &below };
        for at in 0..n_columns {
            let at = if sweep % 2 == 0 { at } else { n_columns - 1 - at };
            let middle = |node: usize| {
                let lines: Vec<usize> = neighbours[node].iter().map(|other| line[*other]).collect();
                match lines.len() {
                    0 => line[node] as f64,
                    n => lines.iter().sum::<usize>() as f64 / n as f64,
                }
            };
            let mut nodes: Vec<(f64, usize)> = columns[at].iter().map(|node| (middle(*node), *node)).collect();
            nodes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            columns[at] = nodes.into_iter().map(|(_, node)| node).collect();
            note(&columns[at], &mut line);
        }
    }
    // Each column is in the middle of the drawing.
    let deepest = columns.iter().map(Vec::len).max().unwrap_or_default();
    (0..n).map(|node| (column[node], 2 * line[node] + deepest - columns[column[node]].len())).collect()
}

/// The nodes so that those that call come before those that are called, but for calls that close a circle. Without recursion: a
/// chain of calls may be long.
fn in_order(n: usize, below: &[Vec<usize>], callers: &[Vec<usize>]) -> Vec<usize> {
    let mut starts: Vec<usize> = (0..n).collect();
    starts.sort_by_key(|node| (callers[*node].len(), *node));
    let (mut seen, mut done) = (vec![false; n], Vec::with_capacity(n));
    for start in starts {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let mut path = vec![(start, 0)];
        while let Some((node, next)) = path.last_mut() {
            match below[*node].get(*next) {
                Some(child) => {
                    *next += 1;
                    if !std::mem::replace(&mut seen[*child], true) {
                        path.push((*child, 0));
                    }
                }
                None => {
                    done.push(*node);
                    path.pop();
                }
            }
        }
    }
    done.reverse();
    done
}

fn line(edge: &Edge, from: (usize, usize), to: (usize, usize), labels: &mut Labels) -> LineView {
    let middle = |place| top(place) + HEIGHT / 2;
    let curve = if from.0 < to.0 {
        let (x1, y1, x2, y2) = (left(from) + WIDTH, middle(from), left(to), middle(to));
        let bend = GAP_X / 2;
        Curve([(x1, y1), (x1 + bend, y1), (x2 - bend, y2), (x2 - 4, y2)])
    } else {
        // Back, or beside: below the boxes.
        let (x1, y1, x2, y2) =
            (left(from) + WIDTH / 2, top(from) + HEIGHT, left(to) + WIDTH / 2 + 14, top(to) + HEIGHT);
        let low = y1.max(y2) + GAP_Y;
        Curve([(x1, y1), (x1, low), (x2, low), (x2, y2 + 4)])
    };
    let failed = edge.n_errors as f64 / edge.n_calls.max(1) as f64;
    let name = |node: &Node| written_out(&clip(&node.name, 100));
    let p90 = edge.p90.map_or(String::new(), |p90| format!(", p90 {}", format::duration(p90)));
    let label = format::rate(edge.rate);
    LineView {
        path: curve.path(),
        label_at: labels.place(&label, &curve),
        label,
        is_failing: is_failing(edge.n_errors, edge.n_calls),
        is_message: edge.connection == Connection::Messaging,
        title: format!(
            "{} to {}: {}, {} failed{p90}",
            name(&edge.client),
            name(&edge.server),
            format::rate(edge.rate),
            format::percent(failed)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_is_right_of_its_callers() {
        let edges = BTreeSet::from([(0, 1), (1, 2), (0, 2), (3, 2)]);
        let columns: Vec<usize> = places(4, &edges).iter().map(|place| place.0).collect();
        assert_eq!(columns, [0, 1, 2, 0]);
    }

    #[test]
    fn circles_are_drawn_and_no_two_nodes_are_in_one_place() {
        let n = 40;
        let edges: BTreeSet<(usize, usize)> = (0..200).map(|i| (i * 7 % n, (i * 13 + 5) % n)).chain([(3, 3)]).collect();
        let places = places(n, &edges);
        assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), n);
        assert_eq!(places, self::places(n, &edges));
    }

    #[test]
    fn a_long_chain_is_drawn() {
        let edges: BTreeSet<(usize, usize)> = (0..MAX_NODES - 1).map(|at| (at, at + 1)).collect();
        assert_eq!(places(MAX_NODES, &edges)[MAX_NODES - 1], (MAX_NODES - 1, 0));
    }
}
