//! A compiled query: conditions of one kind of row under AND, OR and NOT.

use crate::error::QueryError;

use super::ast::{Comparison, Expr, Text};

#[derive(Clone, Debug)]
pub(super) enum Tree<L> {
    And(Vec<Tree<L>>),
    Or(Vec<Tree<L>>),
    Not(Box<Tree<L>>),
    Leaf(L),
}

/// Makes conditions of what a query says.
pub(super) trait Compile<L> {
    fn text(&mut self, text: &Text) -> Result<L, QueryError>;
    fn comparison(&mut self, comparison: &Comparison) -> Result<L, QueryError>;
}

impl<L> Tree<L> {
    /// True for every row.
    pub(super) fn all() -> Self {
        Tree::And(Vec::new())
    }

    /// `expr` with `compile`'s conditions. `cost` says how dear a condition is: cheap ones are asked first.
    pub(super) fn new(
        expr: &Expr,
        compile: &mut impl Compile<L>,
        cost: &impl Fn(&L) -> u32,
    ) -> Result<Self, QueryError> {
        Ok(match expr {
            Expr::All => Tree::all(),
            Expr::And(parts) => Tree::And(Tree::parts(parts, compile, cost)?),
            Expr::Or(parts) => Tree::Or(Tree::parts(parts, compile, cost)?),
            Expr::Not(part) => Tree::Not(Box::new(Tree::new(part, compile, cost)?)),
            Expr::Text(text) => Tree::Leaf(compile.text(text)?),
            Expr::Compare(comparison) => Tree::Leaf(compile.comparison(comparison)?),
        })
    }

    /// The same with other conditions.
    pub(super) fn map<M>(self, each: &mut impl FnMut(L) -> M) -> Tree<M> {
        match self {
            Tree::And(parts) => Tree::And(parts.into_iter().map(|part| part.map(each)).collect()),
            Tree::Or(parts) => Tree::Or(parts.into_iter().map(|part| part.map(each)).collect()),
            Tree::Not(part) => Tree::Not(Box::new(part.map(each))),
            Tree::Leaf(leaf) => Tree::Leaf(each(leaf)),
        }
    }

    /// Brings cheap conditions to the front.
    pub(super) fn sort(&mut self, cost: &impl Fn(&L) -> u32) {
        match self {
            Tree::And(parts) | Tree::Or(parts) => {
                parts.iter_mut().for_each(|part| part.sort(cost));
                parts.sort_by_key(|part| part.cost(cost));
            }
            Tree::Not(part) => part.sort(cost),
            Tree::Leaf(_) => {}
        }
    }

    fn parts(
        parts: &[Expr],
        compile: &mut impl Compile<L>,
        cost: &impl Fn(&L) -> u32,
    ) -> Result<Vec<Self>, QueryError> {
        let parts: Result<Vec<Self>, QueryError> = parts.iter().map(|part| Tree::new(part, compile, cost)).collect();
        let mut parts = parts?;
        parts.sort_by_key(|part| part.cost(cost));
        Ok(parts)
    }

    fn cost(&self, cost: &impl Fn(&L) -> u32) -> u32 {
        match self {
            Tree::And(parts) | Tree::Or(parts) => parts.iter().map(|part| part.cost(cost)).fold(0, u32::saturating_add),
            Tree::Not(part) => part.cost(cost),
            Tree::Leaf(leaf) => cost(leaf),
        }
    }

    pub(super) fn matches(&self, leaf: &mut impl FnMut(&L) -> bool) -> bool {
        match self {
            Tree::And(parts) => parts.iter().all(|part| part.matches(leaf)),
            Tree::Or(parts) => parts.iter().any(|part| part.matches(leaf)),
            Tree::Not(part) => !part.matches(leaf),
            Tree::Leaf(condition) => leaf(condition),
        }
    }

    /// Every condition, wherever it stands.
    pub(super) fn each_leaf(&self, each: &mut impl FnMut(&L)) {
        match self {
            Tree::And(parts) | Tree::Or(parts) => parts.iter().for_each(|part| part.each_leaf(each)),
            Tree::Not(part) => part.each_leaf(each),
            Tree::Leaf(leaf) => each(leaf),
        }
    }

    /// A tree without the conditions that are `unknown`, which matches every row that this one does.
    pub(super) fn weakened(&self, unknown: &impl Fn(&L) -> bool) -> Self
    where
        L: Clone,
    {
        self.with_known(unknown, true)
    }

    /// `otherwise` stands for what is unknown.
    fn with_known(&self, unknown: &impl Fn(&L) -> bool, otherwise: bool) -> Self
    where
        L: Clone,
    {
        let all = |parts: &[Self]| parts.iter().map(|part| part.with_known(unknown, otherwise)).collect();
        match self {
            Tree::And(parts) => Tree::And(all(parts)),
            Tree::Or(parts) => Tree::Or(all(parts)),
            Tree::Not(part) => Tree::Not(Box::new(part.with_known(unknown, !otherwise))),
            Tree::Leaf(leaf) if !unknown(leaf) => Tree::Leaf(leaf.clone()),
            Tree::Leaf(_) if otherwise => Tree::all(),
            Tree::Leaf(_) => Tree::Or(Vec::new()),
        }
    }

    /// The conditions that every row which matches satisfies.
    pub(super) fn each_required(&self, each: &mut impl FnMut(&L)) {
        match self {
            Tree::And(parts) => parts.iter().for_each(|part| part.each_required(each)),
            Tree::Leaf(leaf) => each(leaf),
            Tree::Or(_) | Tree::Not(_) => {}
        }
    }
}
