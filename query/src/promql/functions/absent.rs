//! `absent` and `absent_over_time`: one where there is nothing.

use hashbrown::HashSet;

use super::super::labels::{Labels, NAME};
use super::super::matcher::Test;
use super::super::matrix::{Cells, Row};
use super::super::plan::{Node, NodeKind};

/// The vector that is 1 at each step where no row has a value.
pub(in super::super) fn absent(arg: &Node, rows: &[Row], len: usize) -> Vec<Row> {
    let mut cells = Cells::empty(len);
    for step in 0..len {
        if !rows.iter().any(|row| row.cells.is_present(step)) {
            cells.set_float(step, 1.0);
        }
    }
    if cells.has_any() { vec![Row { labels: labels_of(arg), cells }] } else { Vec::new() }
}

/// The labels that a missing series would have: those that the selector asks for by one equality only.
fn labels_of(arg: &Node) -> Labels {
    let (NodeKind::Selector(selector) | NodeKind::Range { selector, .. }) = &arg.kind else {
        return Labels::default();
    };
    let mut seen = HashSet::new();
    let mut pairs = Vec::new();
    for matcher in selector.matchers.iter().filter(|matcher| matcher.name != NAME) {
        match &matcher.test {
            Test::Equal(value) if seen.insert(matcher.name.as_str()) => {
                pairs.push((matcher.name.as_str(), value.as_str()))
            }
            _ => pairs.retain(|(name, _)| *name != matcher.name),
        }
    }
    Labels::new(pairs)
}
