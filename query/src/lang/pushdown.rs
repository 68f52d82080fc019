//! What of a query a scan can do by itself: equality of fields, as [`Filter`]s.
//!
//! Every row that matches the query satisfies them, so that rows which cannot match are never put together. They may let
//! more through: the query's conditions still decide.

use store::{AttributeFilter, Filter, Wanted};

use super::tree::Tree;

#[cfg(test)]
mod tests;

/// A scan looks at a column for each filter. The first ones leave few rows.
const MAX_FILTERS: usize = 16;
/// Attributes of different keys or places that one filter asks for: each is looked at.
const MAX_ATTRIBUTES: usize = 8;

/// Filters that every row which satisfies `tree` satisfies, the cheap ones first. `of_leaf` gives one of a condition.
pub(super) fn filters<L>(tree: &Tree<L>, of_leaf: &impl Fn(&L) -> Option<Filter>) -> Vec<Filter> {
    let mut filters: Vec<Filter> = Vec::new();
    for filter in required(tree, of_leaf) {
        if !is_always_true(&filter) && !filters.contains(&filter) {
            filters.push(filter);
        }
    }
    filters.sort_by_key(|filter| match filter {
        Filter::Number { .. } => 0,
        Filter::Text { .. } => 1,
        Filter::Attribute(any) => 1 + any.len(),
    });
    filters.truncate(MAX_FILTERS);
    filters
}

fn is_always_true(filter: &Filter) -> bool {
    matches!(filter, Filter::Number { wanted, .. } if wanted.len() > usize::from(u8::MAX))
}

fn required<L>(tree: &Tree<L>, of_leaf: &impl Fn(&L) -> Option<Filter>) -> Vec<Filter> {
    match tree {
        Tree::And(parts) => parts.iter().flat_map(|part| required(part, of_leaf)).collect(),
        Tree::Or(parts) => {
            let parts = parts.iter().map(|part| required(part, of_leaf));
            parts.reduce(either).unwrap_or_default()
        }
        Tree::Leaf(leaf) => of_leaf(leaf).into_iter().collect(),
        Tree::Not(_) => Vec::new(),
    }
}

/// What holds of every row that satisfies all of `these` or all of `those`.
fn either(mut these: Vec<Filter>, those: Vec<Filter>) -> Vec<Filter> {
    // Of several that can be joined, first one about the same attributes.
    these.retain_mut(|filter| {
        [0, MAX_ATTRIBUTES].iter().any(|more| those.iter().any(|other| join(filter, other, *more)))
    });
    these
}

/// Makes `filter` hold wherever `other` does, if one filter can say both and asks for at most `more` attributes more than
/// before. Otherwise it stays as it is.
fn join(filter: &mut Filter, other: &Filter, more: usize) -> bool {
    match (filter, other) {
        (Filter::Text { column, wanted }, Filter::Text { column: of, wanted: others })
            if column == of && wanted.ignore_case == others.ignore_case =>
        {
            add(&mut wanted.texts, &others.texts);
            true
        }
        (Filter::Number { column, wanted }, Filter::Number { column: of, wanted: others }) if column == of => {
            add(wanted, others);
            true
        }
        (Filter::Attribute(any), Filter::Attribute(others)) => {
            let n_new = others.iter().filter(|other| any.iter().all(|it| !is_about_the_same(it, other))).count();
            if n_new > more || any.len() + n_new > MAX_ATTRIBUTES {
                return false;
            }
            for other in others {
                match any.iter_mut().find(|it| is_about_the_same(it, other)) {
                    Some(known) => add_wanted(&mut known.wanted, &other.wanted),
                    None => any.push(other.clone()),
                }
            }
            true
        }
        _ => false,
    }
}

/// Whether the values that two filters want can be one list.
fn is_about_the_same(a: &AttributeFilter, b: &AttributeFilter) -> bool {
    (a.place, &a.key, a.wanted.texts.ignore_case) == (b.place, &b.key, b.wanted.texts.ignore_case)
}

fn add_wanted(wanted: &mut Wanted, others: &Wanted) {
    add(&mut wanted.texts.texts, &others.texts.texts);
    add(&mut wanted.ints, &others.ints);
    add(&mut wanted.doubles, &others.doubles);
    add(&mut wanted.numbers, &others.numbers);
    wanted.arrays |= others.arrays;
}

fn add<T: Clone + PartialEq>(list: &mut Vec<T>, others: &[T]) {
    for other in others {
        if !list.contains(other) {
            list.push(other.clone());
        }
    }
}
