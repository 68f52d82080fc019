//! Small pieces that the readers of other formats share.

use crate::duration;
use crate::spec::yaml::{Node, Value};
use crate::spec::{Place, Tier};

/// The number of a value, also of one in quotes.
pub(super) fn number(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Integer(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Text(text) => text.trim().trim_end_matches('%').parse().ok(),
        _ => None,
    }
}

/// Tiers as a file of ours has them.
pub(super) fn tiers(place: Place, tiers: &[Tier]) -> Node {
    let tier = |tier: &Tier| {
        let length = |nanos| Node::text(place, duration::format(nanos));
        Node::map(
            place,
            vec![
                ("severity", Node::text(place, tier.severity.name())),
                ("long", length(tier.long)),
                ("short", length(tier.short)),
                ("burn_rate", Node::new(place, Value::Float(tier.burn_rate.value()))),
                ("for", length(tier.hold)),
                ("keep_firing_for", length(tier.keep_firing_for)),
            ],
        )
    };
    Node::new(place, Value::List(tiers.iter().map(tier).collect()))
}
