//! Queries about spans.

use model::{Nanos, SpanId, SpanKind, StatusCode, TraceId};
use store::{Filter, Scan, SpanChunk};

use crate::error::QueryError;

use super::ast::{Comparison, Operator, Text};
use super::attribute::{AttributeTest, Columns, Memo, ValueTest};
use super::intrinsic::{by_dictionary, equality, id};
use super::literal::parse_duration;
use super::parser::parse;
use super::pushdown;
use super::strings::StringTest;
use super::tree::{Compile, Tree};
use super::words::Words;

mod columns;

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

#[derive(Clone, Debug)]
enum Test {
    Service(StringTest),
    Name(StringTest),
    /// In the name or the status message.
    Text(Words),
    Kinds(Vec<SpanKind>),
    Status(StatusCode),
    StatusMessage(StringTest),
    Duration(Operator, Nanos),
    TraceId(TraceId),
    SpanId(SpanId),
    /// `None` for any parent.
    ParentId(Option<SpanId>),
    /// Of any of the events.
    EventName(StringTest),
    EventAttribute(String, ValueTest),
    Attribute(AttributeTest),
    /// Of a field that every span has.
    Always,
}

/// A compiled query about spans.
#[derive(Clone, Debug)]
pub struct SpanFilter {
    tree: Tree<Condition>,
    n_conditions: usize,
    notes: Vec<String>,
}

impl SpanFilter {
    /// Errors: [`QueryError::BadQuery`] with the position in `terms.query`.
    pub fn new(terms: &SpanTerms<'_>) -> Result<Self, QueryError> {
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
        let query = parse(terms.query)?;
        parts.push(Tree::new(&query.root, &mut compiler, &|condition| condition.test.cost())?);
        Ok(SpanFilter { tree: Tree::And(parts), n_conditions: compiler.n_conditions, notes: query.notes })
    }

    /// What the writer of the query may have meant otherwise.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A filter that lets every span through.
    pub fn all() -> Self {
        SpanFilter { tree: Tree::all(), n_conditions: 0, notes: Vec::new() }
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

    fn columns(&self) -> u32 {
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

#[derive(Clone, Debug, Default)]
struct ConditionMemo {
    /// By dictionary key of the service or the name.
    texts: Vec<Option<bool>>,
    attributes: Memo,
}

impl BoundSpans<'_> {
    /// Panics when `row` is not a row of the chunk.
    pub fn matches(&mut self, row: usize) -> bool {
        let BoundSpans { filter, chunk, columns, memos } = self;
        filter.tree.matches(&mut |condition| condition.test.matches(chunk, columns, &mut memos[condition.index], row))
    }
}

impl Test {
    /// A filter that every span which matches satisfies.
    fn filter(&self) -> Option<Filter> {
        let text = |column, test: &StringTest| Some(Filter::Text { column, wanted: test.listed()? });
        let numbers = |column, is: &dyn Fn(u64) -> bool| {
            let wanted = (0..=u8::MAX).filter(|number| is((*number).into())).collect();
            Some(Filter::Number { column, wanted })
        };
        match self {
            Test::Service(test) => text("service", test),
            Test::Name(test) => text("name", test),
            Test::StatusMessage(test) => text("status_message", test),
            // Numbers that the specification does not know stand for one that it does.
            Test::Kinds(kinds) => numbers("kind", &|number| kinds.contains(&SpanKind::from_number(number))),
            Test::Status(code) => numbers("status", &|number| StatusCode::from_number(number) == *code),
            Test::Attribute(test) => test.filter(),
            _ => None,
        }
    }

    /// The columns that [`Test::matches`] reads.
    fn columns(&self) -> u32 {
        match self {
            Test::Always => 0,
            Test::Service(_) => columns::SERVICE,
            Test::Name(_) => columns::NAME,
            Test::Text(_) => columns::NAME | columns::STATUS_MESSAGE,
            Test::Kinds(_) | Test::Status(_) => columns::KIND_AND_STATUS,
            Test::StatusMessage(_) => columns::STATUS_MESSAGE,
            Test::Duration(..) => columns::DURATION,
            Test::TraceId(_) => columns::TRACE_ID,
            Test::SpanId(_) | Test::ParentId(_) => columns::SPAN_IDS,
            Test::EventName(_) | Test::EventAttribute(..) => columns::EVENTS,
            Test::Attribute(_) => columns::ATTRIBUTES,
        }
    }

    /// Rough order of nanoseconds.
    fn cost(&self) -> u32 {
        match self {
            Test::Always | Test::Kinds(_) | Test::Status(_) | Test::Duration(..) => 1,
            Test::Service(_) | Test::Name(_) => 2,
            Test::TraceId(_) | Test::SpanId(_) | Test::ParentId(_) => 4,
            Test::Text(_) | Test::StatusMessage(_) => 20,
            Test::Attribute(_) => 200,
            Test::EventName(_) | Test::EventAttribute(..) => 500,
        }
    }

    fn matches(&self, chunk: &SpanChunk, columns: &Columns<'_>, memo: &mut ConditionMemo, row: usize) -> bool {
        match self {
            Test::Always => true,
            Test::Service(test) => by_dictionary(chunk.services(), &mut memo.texts, row, |text| test.matches(text)),
            Test::Name(test) => by_dictionary(chunk.names(), &mut memo.texts, row, |text| test.matches(text)),
            Test::Text(words) => {
                by_dictionary(chunk.names(), &mut memo.texts, row, |text| words.matches(text))
                    || words.matches(chunk.row(row).status_message)
            }
            Test::Kinds(kinds) => kinds.contains(&chunk.kind(row)),
            Test::Status(StatusCode::Error) => chunk.is_error(row),
            Test::Status(status) => chunk.row(row).status == *status,
            Test::StatusMessage(test) => test.matches(chunk.row(row).status_message),
            Test::Duration(operator, wanted) => operator.holds(chunk.duration(row).cmp(wanted)),
            Test::TraceId(id) => chunk.row(row).trace_id == *id,
            Test::SpanId(id) => chunk.row(row).span_id == *id,
            Test::ParentId(None) => chunk.row(row).parent_span_id.is_some(),
            Test::ParentId(id) => chunk.row(row).parent_span_id == *id,
            Test::EventName(test) => chunk.row(row).events.iter().any(|event| test.matches(event.name)),
            Test::EventAttribute(key, test) => {
                let events = chunk.row(row).events;
                events.iter().any(|event| event.attrs.get(key).is_some_and(|value| test.matches(&value)))
            }
            Test::Attribute(test) => test.matches(columns, &mut memo.attributes, row),
        }
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
        let test = test_of(comparison)?;
        Ok(self.condition(test))
    }
}

/// The names of the fields that spans have besides attributes.
fn test_of(comparison: &Comparison) -> Result<Test, QueryError> {
    let Comparison { key, operator, value } = comparison;
    let attribute =
        || Ok(Test::Attribute(AttributeTest::new(&key.text, key.quoted, "span.", ValueTest::new(comparison)?)));
    if key.quoted {
        return attribute();
    }
    let exists = value.is_any() && matches!(operator, Operator::Has | Operator::Equal);
    Ok(match key.text.as_str() {
        "service" | "service.name" | "resource.service.name" => Test::Service(StringTest::new(comparison, false)?),
        "name" | "span.name" => Test::Name(StringTest::new(comparison, true)?),
        "kind" | "span.kind" | "status" | "span.status" | "duration" | "span.duration" if exists => Test::Always,
        "trace_id" | "span_id" if exists => Test::Always,
        "parent_span_id" if exists => Test::ParentId(None),
        "kind" | "span.kind" => {
            let kind = equality(comparison, "internal, server, client, producer or consumer")?;
            let kind = SpanKind::parse(&kind.text).ok_or_else(|| {
                let message =
                    format!("internal, server, client, producer or consumer is expected, not `{}`", kind.text);
                QueryError::bad_query(kind.position, message)
            })?;
            Test::Kinds(vec![kind])
        }
        "status" | "span.status" => {
            let status = equality(comparison, "unset, ok or error")?;
            let status = StatusCode::parse(&status.text).ok_or_else(|| {
                QueryError::bad_query(status.position, format!("unset, ok or error is expected, not `{}`", status.text))
            })?;
            Test::Status(status)
        }
        "status_message" => Test::StatusMessage(StringTest::new(comparison, true)?),
        "duration" | "span.duration" => {
            let wanted = parse_duration(&value.text).filter(|_| *operator != Operator::Matches);
            let wanted = wanted.ok_or_else(|| {
                let message = "a duration such as 500ms, 1.5s or 1m30s is expected";
                QueryError::bad_query(value.position, message)
            })?;
            Test::Duration(*operator, wanted)
        }
        "trace_id" => Test::TraceId(id(comparison, "a trace id of up to 32 hex digits", TraceId::parse)?),
        "span_id" => Test::SpanId(id(comparison, "a span id of up to 16 hex digits", SpanId::parse)?),
        "parent_span_id" => Test::ParentId(Some(id(comparison, "a span id of up to 16 hex digits", SpanId::parse)?)),
        "event_name" | "event.name" => Test::EventName(StringTest::new(comparison, false)?),
        text => match text.strip_prefix("event.").filter(|rest| !rest.is_empty()) {
            Some(rest) => Test::EventAttribute(rest.to_owned(), ValueTest::new(comparison)?),
            None => return attribute(),
        },
    })
}
