//! Queries about spans.

use model::{Nanos, SpanKind, StatusCode};
use store::{Scan, SpanChunk};

use crate::error::QueryError;

use super::ast::{Comparison, Expr, Operator, Text};
use super::attribute::{AttributeTest, Columns, ValueTest};
use super::facts::At;
use super::plan::Plan;
use super::pushdown;
use super::strings::StringTest;
use super::tree::{Compile, Tree};
use super::words::Words;

pub(super) mod columns;
pub(super) mod fields;
mod test;

use test::ConditionMemo;
pub(super) use test::Test;

/// What a span must satisfy: a query, and conditions that forms and other interfaces give apart from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpanTerms<'a> {
    pub query: &'a str,
    pub service: Option<&'a str>,
    /// The span's name.
    pub operation: Option<&'a str>,
    /// One of these; empty for all.
    pub kinds: &'a [SpanKind],
    pub status: Option<StatusCode>,
    /// Both included.
    pub min_duration: Option<Nanos>,
    pub max_duration: Option<Nanos>,
    /// Attributes of the span, its resource or its scope, compared by their string form.
    pub attributes: &'a [(String, String)],
}

#[derive(Clone, Debug)]
struct Condition {
    /// Its memo.
    index: usize,
    test: Test,
}

/// Conditions on one span.
#[derive(Clone, Debug)]
pub struct SpanFilter {
    tree: Tree<Condition>,
    n_conditions: usize,
}

impl SpanFilter {
    /// A filter that lets every span through.
    pub(crate) fn all() -> Self {
        SpanFilter { tree: Tree::all(), n_conditions: 0 }
    }

    /// The filter of a query in the search language that is about single spans.
    ///
    /// Errors: [`QueryError::BadQuery`] with the position in `query`, also for one that asks for several spans of a trace.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let plan = Plan::search(&SpanTerms { query, ..SpanTerms::default() })?;
        let alone = "a condition on single spans is expected, not one on how spans of a trace stand to each other";
        plan.single().cloned().ok_or_else(|| QueryError::bad_query(0, alone).in_text(query))
    }

    /// The spans with an attribute of this string form, of their own, their resource or their scope.
    pub fn attribute(key: &str, value: &str) -> Self {
        let test = Test::Attribute(AttributeTest::new(key, true, "span.", ValueTest::equal(value)));
        Self::of_tests(Tree::Leaf(test))
    }

    /// `scan` with the columns that `filters` read, and what a count of spans reads: times, service, name, kind, status, and
    /// `with_attributes` all attributes.
    pub fn with_columns_of<'a>(
        filters: impl IntoIterator<Item = &'a SpanFilter>,
        with_attributes: bool,
        scan: Scan,
    ) -> Scan {
        let counted = columns::SERVICE | columns::NAME | columns::KIND_AND_STATUS | columns::DURATION;
        let attributes = if with_attributes { columns::ATTRIBUTES } else { 0 };
        let read = filters.into_iter().fold(counted | attributes, |set, filter| set | filter.columns());
        scan.columns(columns::union(read))
    }

    /// The conditions of `terms` beside its query; `None` when there are none.
    pub(super) fn of_terms(terms: &SpanTerms<'_>) -> Option<Self> {
        let mut compiler = Compiler { n_conditions: 0 };
        let mut parts = Vec::new();
        let mut push = |test: Test| parts.push(Tree::Leaf(compiler.condition(test)));
        if let Some(service) = terms.service {
            push(Test::Service(StringTest::Equal(service.to_owned())));
        }
        if !terms.kinds.is_empty() {
            push(Test::Kinds(terms.kinds.to_vec()));
        }
        if let Some(operation) = terms.operation {
            push(Test::Name(StringTest::Equal(operation.to_owned())));
        }
        if let Some(status) = terms.status {
            push(Test::Status(status));
        }
        let durations = [(Operator::GreaterOrEqual, terms.min_duration), (Operator::LessOrEqual, terms.max_duration)];
        for (operator, bound) in durations {
            bound.into_iter().for_each(|bound| push(Test::Duration(operator, bound)));
        }
        for (key, value) in terms.attributes {
            push(Test::Attribute(AttributeTest::new(key, true, "span.", ValueTest::equal(value))));
        }
        (!parts.is_empty()).then_some(SpanFilter { tree: Tree::And(parts), n_conditions: compiler.n_conditions })
    }

    /// The conditions of `expr`.
    pub(super) fn of_expr(expr: &Expr) -> Result<Self, QueryError> {
        let mut compiler = Compiler { n_conditions: 0 };
        let tree = Tree::new(expr, &mut compiler, &|condition| condition.test.cost())?;
        Ok(SpanFilter { tree, n_conditions: compiler.n_conditions })
    }

    /// The conditions of `tree`.
    pub(super) fn of_tests(tree: Tree<Test>) -> Self {
        let mut compiler = Compiler { n_conditions: 0 };
        let mut tree = tree.map(&mut |test| compiler.condition(test));
        tree.sort(&|condition| condition.test.cost());
        SpanFilter { tree, n_conditions: compiler.n_conditions }
    }

    /// Lets through what both do.
    pub(super) fn and(self, other: Self) -> Self {
        self.join(other, Tree::And)
    }

    /// Lets through what one of them does.
    pub(super) fn or(self, other: Self) -> Self {
        self.join(other, Tree::Or)
    }

    fn join(self, other: Self, join: fn(Vec<Tree<Condition>>) -> Tree<Condition>) -> Self {
        let n_before = self.n_conditions;
        let moved =
            other.tree.map(&mut |condition| Condition { index: condition.index + n_before, test: condition.test });
        SpanFilter { tree: join(vec![self.tree, moved]), n_conditions: n_before + other.n_conditions }
    }

    /// A filter of spans by themselves, which lets through every span that this one does in its trace.
    pub(super) fn without_trace(&self) -> Self {
        let tree = self.tree.weakened(&|condition| condition.test.is_of_trace());
        SpanFilter { tree, n_conditions: self.n_conditions }
    }

    /// Whether it lets every span through.
    pub(crate) fn is_all(&self) -> bool {
        matches!(&self.tree, Tree::And(parts) if parts.is_empty())
    }

    /// Whether its outcome needs the whole trace of a span.
    pub fn is_of_trace(&self) -> bool {
        let mut is_of_trace = false;
        self.tree.each_leaf(&mut |condition| is_of_trace |= condition.test.is_of_trace());
        is_of_trace
    }

    /// Rough number of how few spans a scan reads for it: 0 for all.
    pub(super) fn selectivity(&self) -> usize {
        let scan = self.with_hints(Scan::new(model::TimeRange::ALL));
        let of_filter = |filter: &store::Filter| if matches!(filter, store::Filter::Number { .. }) { 2 } else { 4 };
        let mut n_conditions = 0;
        self.tree.each_required(&mut |_| n_conditions += 1);
        let of_filters = scan.filters.iter().map(|filter| of_filter(filter)).max().unwrap_or_default();
        scan.traces.map_or(0, |_| 8) + of_filters + usize::from(n_conditions > 0)
    }

    /// `scan` restricted to what the filter says of traces, and of fields that are equal to something. What else it says is
    /// left to [`SpanFilter::bind`].
    pub fn with_hints(&self, mut scan: Scan) -> Scan {
        let mut trace = None;
        self.tree.each_required(&mut |condition| {
            if let Test::TraceId(id) = condition.test {
                trace.get_or_insert(id);
            }
        });
        if let (None, Some(id)) = (&scan.traces, trace) {
            scan = scan.trace(id);
        }
        let filters = pushdown::filters(&self.tree, &|condition| condition.test.filter());
        filters.into_iter().fold(scan, Scan::filter)
    }

    /// `scan` with the columns that the filter reads, and those of a span in a list: times, ids, service, name, kind,
    /// status and its message.
    pub fn with_columns(&self, scan: Scan) -> Scan {
        scan.columns(columns::union(columns::LISTED | self.columns()))
    }

    /// `scan` with the columns that the filter reads, and the trace ids.
    pub fn with_trace_ids(&self, scan: Scan) -> Scan {
        scan.columns(columns::union(columns::TRACE_ID | self.columns()))
    }

    /// `scan` with the columns that the filter reads, and times, durations and status.
    pub(crate) fn with_durations(&self, scan: Scan) -> Scan {
        scan.columns(columns::union(columns::DURATION | columns::KIND_AND_STATUS | self.columns()))
    }

    /// `scan` with the columns that the filter reads, and times, durations, status and trace ids.
    pub(crate) fn with_durations_and_ids(&self, scan: Scan) -> Scan {
        let columns = columns::DURATION | columns::KIND_AND_STATUS | columns::TRACE_ID;
        scan.columns(columns::union(columns | self.columns()))
    }

    /// `scan` with the columns that the filter reads, and all that is compared of spans: what lists show, attributes and events.
    pub(crate) fn with_attributes(&self, scan: Scan) -> Scan {
        let columns = columns::LISTED | columns::ATTRIBUTES | columns::EVENTS;
        scan.columns(columns::union(columns | self.columns()))
    }

    /// Appends the attributes that conditions compare, as the search language names them.
    pub(crate) fn attribute_names(&self, names: &mut Vec<String>) {
        self.tree.each_leaf(&mut |condition| match &condition.test {
            Test::Attribute(test) => names.push(test.name().to_owned()),
            Test::Fields(test) => test.attribute_names(names),
            _ => {}
        });
    }

    pub(super) fn columns(&self) -> u32 {
        let mut columns = 0;
        self.tree.each_leaf(&mut |condition| columns |= condition.test.columns());
        columns
    }

    /// The filter ready to look at the rows of `chunk`, whose scan had all columns, [`SpanFilter::with_columns`] or
    /// [`SpanFilter::with_trace_ids`].
    pub fn bind<'a>(&'a self, chunk: &'a SpanChunk) -> BoundSpans<'a> {
        let memos = vec![ConditionMemo::default(); self.n_conditions];
        BoundSpans { filter: self, chunk, columns: Columns::of(chunk.batch()), memos }
    }
}

/// A filter on one chunk. It remembers the outcome for each distinct service, name, resource and scope.
pub struct BoundSpans<'a> {
    filter: &'a SpanFilter,
    chunk: &'a SpanChunk,
    columns: Columns<'a>,
    memos: Vec<ConditionMemo>,
}

impl BoundSpans<'_> {
    /// Whether the span in `row` satisfies the filter by itself. Panics when it is not a row of the chunk.
    pub fn matches(&mut self, row: usize) -> bool {
        self.test(row, None)
    }

    /// Whether the span in `row`, which is the one `at` a place in its trace, satisfies the filter.
    pub(crate) fn matches_at(&mut self, row: usize, at: At<'_>) -> bool {
        self.test(row, Some(at))
    }

    fn test(&mut self, row: usize, at: Option<At<'_>>) -> bool {
        let BoundSpans { filter, chunk, columns, memos } = self;
        filter
            .tree
            .matches(&mut |condition| condition.test.matches(chunk, columns, &mut memos[condition.index], row, at))
    }
}

struct Compiler {
    n_conditions: usize,
}

impl Compiler {
    fn condition(&mut self, test: Test) -> Condition {
        self.n_conditions += 1;
        Condition { index: self.n_conditions - 1, test }
    }
}

impl Compile<Condition> for Compiler {
    fn text(&mut self, text: &Text) -> Result<Condition, QueryError> {
        Ok(self.condition(Test::Text(Words::new(text)?)))
    }

    fn comparison(&mut self, comparison: &Comparison) -> Result<Condition, QueryError> {
        let test = fields::test_of(comparison)?;
        Ok(self.condition(test))
    }
}
