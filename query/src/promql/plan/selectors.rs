//! The series selectors in an expression.

use super::super::matcher::Matcher;
use super::{Node, NodeKind};

/// The matchers of every selector below `node`, in no order.
pub(in super::super) fn selectors(node: &Node) -> Vec<&[Matcher]> {
    let mut found = Vec::new();
    // A chain of operands may be thousands long: no recursion.
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        match &node.kind {
            NodeKind::Number(_) | NodeKind::Text(_) => {}
            NodeKind::Selector(selector) | NodeKind::Range { selector, .. } => found.push(&selector.matchers[..]),
            NodeKind::Subquery(subquery) => left.push(&subquery.inner),
            NodeKind::Negate(inner) => left.push(inner),
            NodeKind::Call { args, .. } => left.extend(args),
            NodeKind::Aggregate(aggregate) => {
                left.push(&aggregate.inner);
                left.extend(&aggregate.param);
            }
            NodeKind::Binary(binary) => left.extend([&binary.left, &binary.right]),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_is_found_wherever_it_is() {
        let table = [
            ("1 + 2", 0),
            ("up", 1),
            ("-up", 1),
            ("sum(rate(a[5m])) / sum(rate(b[5m]))", 2),
            ("topk(scalar(n), m)", 2),
            ("max_over_time(rate(a[5m])[1h:1m])", 1),
            ("histogram_quantile(0.9, sum by (le) (rate(x_bucket{job=\"a\"}[5m])))", 1),
        ];
        for (text, n) in table {
            assert_eq!(selectors(&super::super::plan(text).unwrap()).len(), n, "{text}");
        }
        let chain = format!("a{}", " + a".repeat(1_500));
        assert_eq!(selectors(&super::super::plan(&chain).unwrap()).len(), 1_501);
    }
}
