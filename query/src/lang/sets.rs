//! Queries about several spans of a trace: `{ status=error } CHILD OF { service=gateway }`.

use crate::error::QueryError;

use super::ast::Expr;
use super::plan::{Keep, Node, Relation};
use super::spans::SpanFilter;

/// A query in the search language about traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TraceQuery {
    pub(super) root: SetExpr,
    pub(super) notes: Vec<String>,
}

/// Sets of spans of one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SetExpr {
    /// Those that satisfy a condition, alone or in braces.
    Spans(Expr),
    And(Vec<SetExpr>),
    Or(Vec<SetExpr>),
    Not(Box<SetExpr>),
    Related {
        of: Box<SetExpr>,
        relation: Relation,
        to: Box<SetExpr>,
        negated: bool,
    },
}

impl SetExpr {
    /// Whether it selects spans in each trace that it is true of.
    pub(super) fn selects(&self) -> bool {
        match self {
            SetExpr::Spans(_) | SetExpr::Related { .. } => true,
            SetExpr::And(parts) => parts.iter().any(SetExpr::selects),
            SetExpr::Or(parts) => parts.iter().all(SetExpr::selects),
            SetExpr::Not(_) => false,
        }
    }
}

/// The words between braces, without `OF`.
pub(super) const RELATIONS: [(&str, Relation); 5] = [
    ("child", Relation::Child),
    ("descendant", Relation::Descendant),
    ("sibling", Relation::Sibling),
    ("parent", Relation::Parent),
    ("ancestor", Relation::Ancestor),
];

/// The plan of `expr`; its conditions go to `leaves`.
pub(super) fn node(expr: &SetExpr, leaves: &mut Vec<SpanFilter>) -> Result<Node, QueryError> {
    Ok(match expr {
        SetExpr::Spans(expr) => {
            leaves.push(SpanFilter::of_expr(expr)?);
            Node::Leaf(leaves.len() - 1)
        }
        SetExpr::And(parts) => joined(parts, leaves, Node::And)?,
        SetExpr::Or(parts) => joined(parts, leaves, Node::Or)?,
        SetExpr::Not(part) => Node::Not(Box::new(node(part, leaves)?)),
        SetExpr::Related { of, relation, to, negated } => Node::Related {
            of: Box::new(node(of, leaves)?),
            relation: *relation,
            to: Box::new(node(to, leaves)?),
            keep: if *negated { Keep::Unrelated } else { Keep::Related },
        },
    })
}

fn joined(
    parts: &[SetExpr],
    leaves: &mut Vec<SpanFilter>,
    join: fn(Box<Node>, Box<Node>) -> Node,
) -> Result<Node, QueryError> {
    let mut nodes = parts.iter().map(|part| node(part, leaves));
    let first = nodes.next().unwrap_or(Ok(Node::Pipe(Vec::new())))?;
    nodes.try_fold(first, |joined, node| Ok(join(Box::new(joined), Box::new(node?))))
}
