//! What a search asks of a trace: which spans it selects, and how they must stand to each other.
//!
//! Both languages become a plan. A trace matches when the plan selects spans of it. `traces/sets` evaluates it.

use std::cmp::Reverse;

use store::Scan;

use crate::error::QueryError;

use super::parser::parse_traces;
use super::sets::{self, SetExpr};
use super::spans::{SpanFilter, SpanTerms, columns};
use super::traceql::{Expr, Scalar};

/// A compiled search for traces.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) root: Node,
    /// The conditions on single spans.
    pub(crate) leaves: Vec<SpanFilter>,
    /// What stages compute of a span.
    pub(crate) values: Vec<Expr>,
    /// Each lets through at least one span of every trace that matches. The first reads the fewest.
    pub(crate) required: Vec<SpanFilter>,
    pub(crate) notes: Vec<String>,
    /// Every column is read, whatever else the plan asks for.
    pub(crate) has_all_columns: bool,
}

/// A selection of the spans of a trace.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Those that a condition lets through.
    Leaf(usize),
    /// Those of both, if both select something.
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    /// That the other selects nothing: true or false, without spans of its own.
    Not(Box<Node>),
    /// Spans of `of` by their relation to spans of `to`.
    Related {
        of: Box<Node>,
        relation: Relation,
        to: Box<Node>,
        keep: Keep,
    },
    /// Stages one after another.
    Pipe(Vec<Stage>),
}

/// How a span of the left side stands to one of the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Child,
    Descendant,
    Parent,
    Ancestor,
    /// Another span with the same parent.
    Sibling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The spans of the left side that have the relation to some span of the right.
    Related,
    /// Those that have it to none.
    Unrelated,
    /// Those that have it, and those of the right side that they have it to.
    Both,
}

/// A step that makes sets of spans of sets of spans.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    Select(Node),
    /// One set for each value; the text names it.
    Group(String, usize),
    /// All sets become one.
    Coalesce,
    /// The sets of which it is true.
    Filter(ScalarFilter),
    /// Values to show with spans.
    Show(Vec<(String, usize)>),
}

/// A comparison of two numbers computed from a set of spans.
#[derive(Clone, Debug)]
pub(crate) struct ScalarFilter {
    pub(crate) left: Scalar,
    pub(crate) operator: super::traceql::Operator,
    pub(crate) right: Scalar,
}

impl Plan {
    /// The plan of `terms`, whose query is in the search language.
    pub(crate) fn search(terms: &SpanTerms<'_>) -> Result<Self, QueryError> {
        Plan::of_search(terms).map_err(|error| error.in_text(terms.query))
    }

    fn of_search(terms: &SpanTerms<'_>) -> Result<Self, QueryError> {
        let query = parse_traces(terms.query)?;
        let mut leaves = Vec::new();
        let root = match &query.root {
            // Form and query ask for one span.
            SetExpr::Spans(expr) => {
                let filter = SpanFilter::of_expr(expr)?;
                leaves.push(match SpanFilter::of_terms(terms) {
                    Some(of_terms) => of_terms.and(filter),
                    None => filter,
                });
                Node::Leaf(0)
            }
            sets => with_terms(terms, sets::node(sets, &mut leaves)?, &mut leaves),
        };
        Ok(Plan::new(root, leaves, Vec::new(), query.notes))
    }

    /// The plan of a TraceQL query, and of the conditions of `terms` beside it.
    pub(crate) fn traceql(terms: &SpanTerms<'_>) -> Result<Self, QueryError> {
        let super::traceql::Compiled { root, mut leaves, values, notes } =
            super::traceql::compile(terms.query).map_err(|error| error.in_text(terms.query))?;
        let root = with_terms(terms, root, &mut leaves);
        Ok(Plan::new(root, leaves, values, notes))
    }

    pub(super) fn new(root: Node, leaves: Vec<SpanFilter>, values: Vec<Expr>, notes: Vec<String>) -> Self {
        let mut required = required(&root, &leaves);
        required.sort_by_cached_key(|filter| Reverse(filter.selectivity()));
        if required.is_empty() {
            required.push(SpanFilter::all());
        }
        Plan { root, leaves, values, required, notes, has_all_columns: false }
    }

    /// The one condition of a plan that is no more than that, so that spans can be looked at one by one.
    pub(crate) fn single(&self) -> Option<&SpanFilter> {
        match (&self.root, self.leaves.as_slice()) {
            (Node::Leaf(0), [leaf]) if !leaf.is_of_trace() => Some(leaf),
            _ => None,
        }
    }

    /// What the writer of the query may have meant otherwise.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// `scan` with the columns that the plan reads, and those of a span in a list.
    pub(crate) fn with_columns(&self, scan: Scan) -> Scan {
        if self.has_all_columns { scan } else { scan.columns(columns::union(columns::LISTED | self.columns())) }
    }

    /// `scan` with the columns that the plan reads.
    pub(crate) fn with_own_columns(&self, scan: Scan) -> Scan {
        // Times come along with any other column.
        let columns = match self.columns() {
            0 => columns::KIND_AND_STATUS,
            columns => columns,
        };
        if self.has_all_columns { scan } else { scan.columns(columns::union(columns)) }
    }

    /// `scan` with the columns that the plan reads, and durations and trace ids.
    pub(crate) fn with_trace_ids(&self, scan: Scan) -> Scan {
        let columns = columns::TRACE_ID | columns::DURATION | self.columns();
        if self.has_all_columns { scan } else { scan.columns(columns::union(columns)) }
    }

    fn columns(&self) -> u32 {
        let of_leaves = self.leaves.iter().map(SpanFilter::columns);
        of_leaves.chain(self.values.iter().map(Expr::columns)).fold(0, |set, more| set | more)
    }
}

/// `root` in traces of which a span satisfies the conditions of `terms` beside the query.
fn with_terms(terms: &SpanTerms<'_>, root: Node, leaves: &mut Vec<SpanFilter>) -> Node {
    let Some(filter) = SpanFilter::of_terms(terms) else { return root };
    leaves.push(filter);
    Node::And(Box::new(Node::Leaf(leaves.len() - 1)), Box::new(root))
}

/// Filters each of which lets through a span of every trace of which `node` selects something.
fn required(node: &Node, leaves: &[SpanFilter]) -> Vec<SpanFilter> {
    match node {
        Node::Leaf(leaf) => vec![leaves[*leaf].without_trace()],
        Node::And(a, b) => [required(a, leaves), required(b, leaves)].concat(),
        Node::Or(a, b) => match (best(required(a, leaves)), best(required(b, leaves))) {
            (Some(a), Some(b)) => vec![a.or(b)],
            _ => Vec::new(),
        },
        Node::Not(_) => Vec::new(),
        Node::Related { of, keep: Keep::Unrelated, .. } => required(of, leaves),
        Node::Related { of, to, .. } => [required(of, leaves), required(to, leaves)].concat(),
        Node::Pipe(stages) => {
            let of_stage = |stage: &Stage| match stage {
                Stage::Select(node) => required(node, leaves),
                _ => Vec::new(),
            };
            stages.iter().flat_map(of_stage).collect()
        }
    }
}

fn best(filters: Vec<SpanFilter>) -> Option<SpanFilter> {
    filters.into_iter().max_by_key(SpanFilter::selectivity)
}
