//! Which spans of a trace stand in a relation to others.
//!
//! Spans are numbered in depth-first order, so that those below one follow it directly. Sets are in ascending order, and each
//! relation is found in one pass.

use crate::lang::{Keep, Relation, SpanPlace};

/// The spans that a relation between `of` and `to` leaves.
pub(super) fn relate(places: &[SpanPlace], of: &[u32], relation: Relation, to: &[u32], keep: Keep) -> Vec<u32> {
    match keep {
        Keep::Related => related(places, of, relation, to, true),
        Keep::Unrelated => related(places, of, relation, to, false),
        Keep::Both => {
            let these = related(places, of, relation, to, true);
            union(&these, &related(places, to, inverse(relation), of, true))
        }
    }
}

fn inverse(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

/// The spans of `of` that stand in `relation` to some span of `to`; with `false`, those that stand so to none.
fn related(places: &[SpanPlace], of: &[u32], relation: Relation, to: &[u32], wanted: bool) -> Vec<u32> {
    let parent = |span: u32| places[span as usize].parent;
    let last_below = |span: u32| span + places[span as usize].n_descendants as u32;
    let chosen = |is_related: &mut dyn FnMut(u32) -> bool| {
        of.iter().copied().filter(|&span| is_related(span) == wanted).collect()
    };
    match relation {
        Relation::Child => {
            let mut is_wanted = vec![false; places.len()];
            to.iter().for_each(|&span| is_wanted[span as usize] = true);
            chosen(&mut |span| parent(span).is_some_and(|parent| is_wanted[parent]))
        }
        Relation::Parent => {
            let mut is_parent = vec![false; places.len()];
            to.iter().filter_map(|&span| parent(span)).for_each(|parent| is_parent[parent] = true);
            chosen(&mut |span| is_parent[span as usize])
        }
        Relation::Descendant => {
            let mut ancestors = to.iter().copied().peekable();
            // The last span that is below one of those passed.
            let mut covered = 0;
            chosen(&mut |span| {
                while let Some(ancestor) = ancestors.next_if(|&ancestor| ancestor < span) {
                    covered = covered.max(last_below(ancestor));
                }
                span <= covered && covered > 0
            })
        }
        Relation::Ancestor => chosen(&mut |span| {
            let next = to.partition_point(|&other| other <= span);
            to.get(next).is_some_and(|&other| other <= last_below(span))
        }),
        Relation::Sibling => {
            let mut n_below = vec![0u32; places.len()];
            to.iter().filter_map(|&span| parent(span)).for_each(|parent| n_below[parent] += 1);
            chosen(&mut |span| {
                let itself = u32::from(to.binary_search(&span).is_ok());
                parent(span).is_some_and(|parent| n_below[parent] > itself)
            })
        }
    }
}

/// What is in one of two sets.
pub(super) fn union(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(&x), Some(&y)) => x.min(y),
            (Some(&x), None) => x,
            (None, Some(&y)) => y,
            (None, None) => return all,
        };
        a.next_if_eq(&next);
        b.next_if_eq(&next);
        all.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A tree from the depths of its spans in depth-first order.
    fn tree(depths: &[usize]) -> Vec<SpanPlace> {
        let mut places: Vec<SpanPlace> = Vec::new();
        for (index, &depth) in depths.iter().enumerate() {
            let parent = (0..index).rev().find(|&other| places[other].depth < depth);
            let depth = parent.map_or(0, |parent| places[parent].depth + 1);
            places.push(SpanPlace { parent, depth, n_descendants: 0, n_children: 0, is_orphan: false });
        }
        for index in (0..places.len()).rev() {
            if let Some(parent) = places[index].parent {
                places[parent].n_descendants += places[index].n_descendants + 1;
            }
        }
        places
    }

    /// By the meaning of the words, pair by pair.
    fn is_related(places: &[SpanPlace], a: u32, relation: Relation, b: u32) -> bool {
        let parent = |span: u32| places[span as usize].parent.map(|parent| parent as u32);
        let above = |span: u32| std::iter::successors(parent(span), |&span| parent(span));
        match relation {
            Relation::Child => parent(a) == Some(b),
            Relation::Parent => parent(b) == Some(a),
            Relation::Descendant => above(a).any(|span| span == b),
            Relation::Ancestor => above(b).any(|span| span == a),
            Relation::Sibling => a != b && parent(a).is_some() && parent(a) == parent(b),
        }
    }

    proptest! {
        #[test]
        fn relations_are_those_of_each_pair(
            depths in prop::collection::vec(0..6usize, 1..40),
            of in prop::collection::btree_set(0..40u32, 0..30),
            to in prop::collection::btree_set(0..40u32, 0..30),
        ) {
            let places = tree(&depths);
            let within = |set: std::collections::BTreeSet<u32>| -> Vec<u32> {
                set.into_iter().filter(|&span| (span as usize) < places.len()).collect()
            };
            let (of, to) = (within(of), within(to));
            for relation in [
                Relation::Child, Relation::Parent, Relation::Descendant, Relation::Ancestor, Relation::Sibling,
            ] {
                let matches = |&a: &u32| to.iter().any(|&b| is_related(&places, a, relation, b));
                let matched = |&b: &u32| of.iter().any(|&a| is_related(&places, a, relation, b));
                let these: Vec<u32> = of.iter().copied().filter(matches).collect();
                let others: Vec<u32> = of.iter().copied().filter(|span| !matches(span)).collect();
                let those: Vec<u32> = to.iter().copied().filter(matched).collect();
                prop_assert_eq!(&relate(&places, &of, relation, &to, Keep::Related), &these, "{:?}", relation);
                prop_assert_eq!(&relate(&places, &of, relation, &to, Keep::Unrelated), &others, "{:?}", relation);
                prop_assert_eq!(relate(&places, &of, relation, &to, Keep::Both), union(&these, &those), "{:?}", relation);
            }
        }
    }
}
