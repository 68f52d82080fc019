//! Queries about log records.

use model::log::severity_number;
use model::{SpanId, TraceId, Value};
use store::{Filter, LogChunk, Scan};

use crate::error::QueryError;
use crate::logs::effective_number;

use super::ast::{Comparison, Operator, Text};
use super::attribute::{AttributeTest, Columns, Memo, ValueTest};
use super::intrinsic::{by_dictionary, id};
use super::parser::parse;
use super::pushdown;
use super::strings::StringTest;
use super::tree::{Compile, Tree};
use super::words::Words;

mod columns;
mod count;

pub use count::CountableLogs;

/// What a log record must satisfy: a query, and conditions that forms and other interfaces give apart from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogTerms<'a> {
    pub query: &'a str,
    pub trace_id: Option<TraceId>,
    pub service: Option<&'a str>,
    /// A severity number; records without a severity do not reach it.
    pub min_severity: Option<u8>,
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
    Body(StringTest),
    Text(Words),
    /// Severity numbers from the first to the second.
    Severity(u8, u8),
    SeverityText(StringTest),
    EventName(StringTest),
    /// `None` for any.
    TraceId(Option<TraceId>),
    SpanId(Option<SpanId>),
    /// A value within a structured body, by the keys on the way to it.
    BodyValue(String, ValueTest),
    Attribute(AttributeTest),
}

/// A compiled query about log records.
#[derive(Clone, Debug)]
pub struct LogFilter {
    tree: Tree<Condition>,
    n_conditions: usize,
    notes: Vec<String>,
}

impl LogFilter {
    /// Errors: [`QueryError::BadQuery`] with the position in `terms.query`.
    pub fn new(terms: &LogTerms<'_>) -> Result<Self, QueryError> {
        let mut compiler = Compiler { n_conditions: 0 };
        let mut parts = Vec::new();
        let mut push = |test: Test| parts.push(Tree::Leaf(compiler.condition(test)));
        if let Some(service) = terms.service {
            push(Test::Service(StringTest::Equal(service.to_owned())));
        }
        if let Some(number) = terms.min_severity {
            push(Test::Severity(number, u8::MAX));
        }
        if let Some(id) = terms.trace_id {
            push(Test::TraceId(Some(id)));
        }
        let query = parse(terms.query)?;
        let tree = Tree::new(&query.root, &mut compiler, &|condition| condition.test.cost());
        parts.push(tree.map_err(|error| error.in_text(terms.query))?);
        Ok(LogFilter { tree: Tree::And(parts), n_conditions: compiler.n_conditions, notes: query.notes })
    }

    /// What the writer of the query may have meant otherwise.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// `scan` restricted to what the filter says of traces and words, and of fields that are equal to something. What else it
    /// says is left to [`LogFilter::bind`].
    pub fn with_hints(&self, mut scan: Scan) -> Scan {
        let mut trace = None;
        self.tree.each_required(&mut |condition| match &condition.test {
            Test::TraceId(Some(id)) => _ = trace.get_or_insert(*id),
            Test::Text(words) => scan.words.extend_from_slice(words.tokens()),
            Test::Body(test) => scan.words.extend_from_slice(test.tokens()),
            _ => {}
        });
        scan.words.sort_unstable();
        scan.words.dedup();
        if let (None, Some(id)) = (&scan.traces, trace) {
            scan = scan.trace(id);
        }
        let filters = pushdown::filters(&self.tree, &|condition| condition.test.filter());
        filters.into_iter().fold(scan, Scan::filter)
    }

    /// `scan` with the columns that the filter reads, and the severity.
    pub fn with_columns(&self, scan: Scan) -> Scan {
        let mut columns = columns::SEVERITY;
        self.tree.each_leaf(&mut |condition| columns |= condition.test.columns());
        scan.columns(columns::union(columns))
    }

    /// `scan` with the columns that `filters` read, and what a count of records reads: times, service, severity, and
    /// `with_attributes` all attributes.
    pub fn with_columns_of<'a>(
        filters: impl IntoIterator<Item = &'a LogFilter>,
        with_attributes: bool,
        scan: Scan,
    ) -> Scan {
        let attributes = if with_attributes { columns::ATTRIBUTES } else { 0 };
        let mut columns = columns::SERVICE | columns::SEVERITY | attributes;
        for filter in filters {
            filter.tree.each_leaf(&mut |condition| columns |= condition.test.columns());
        }
        scan.columns(columns::union(columns))
    }

    /// The filter ready to look at the rows of `chunk`, whose scan had all columns or [`LogFilter::with_columns`].
    pub fn bind<'a>(&'a self, chunk: &'a LogChunk) -> BoundLogs<'a> {
        let memos = vec![ConditionMemo::default(); self.n_conditions];
        BoundLogs { filter: self, chunk, columns: Columns::of(chunk.batch()), memos }
    }
}

/// A filter on one chunk. It remembers the outcome for each distinct service, resource and scope.
pub struct BoundLogs<'a> {
    filter: &'a LogFilter,
    chunk: &'a LogChunk,
    columns: Columns<'a>,
    memos: Vec<ConditionMemo>,
}

#[derive(Clone, Debug, Default)]
struct ConditionMemo {
    /// By dictionary key of the service.
    texts: Vec<Option<bool>>,
    attributes: Memo,
}

impl BoundLogs<'_> {
    /// Panics when `row` is not a row of the chunk.
    pub fn matches(&mut self, row: usize) -> bool {
        let BoundLogs { filter, chunk, columns, memos } = self;
        filter.tree.matches(&mut |condition| condition.test.matches(chunk, columns, &mut memos[condition.index], row))
    }
}

impl Test {
    /// A filter that every record which matches satisfies.
    fn filter(&self) -> Option<Filter> {
        let text = |column, test: &StringTest| Some(Filter::Text { column, wanted: test.listed()? });
        match self {
            Test::Service(test) => text("service", test),
            Test::SeverityText(test) => text("severity_text", test),
            Test::EventName(test) => text("event_name", test),
            // Of a record without a number the text tells.
            Test::Severity(low, high) => {
                let wanted = (0..=u8::MAX).filter(|number| *number == 0 || (*low..=*high).contains(number)).collect();
                Some(Filter::Number { column: "severity_number", wanted })
            }
            Test::Attribute(test) => test.filter(),
            _ => None,
        }
    }

    /// The columns that [`Test::matches`] reads.
    fn columns(&self) -> u32 {
        match self {
            Test::Service(_) => columns::SERVICE,
            Test::Body(_) | Test::Text(_) => columns::BODY,
            Test::Severity(..) | Test::SeverityText(_) => columns::SEVERITY,
            Test::EventName(_) => columns::EVENT_NAME,
            Test::TraceId(_) | Test::SpanId(_) => columns::IDS,
            Test::BodyValue(..) => columns::BODY_VALUE,
            Test::Attribute(_) => columns::ATTRIBUTES,
        }
    }

    /// Rough order of nanoseconds.
    fn cost(&self) -> u32 {
        match self {
            Test::Service(_) => 2,
            Test::Severity(..) => 3,
            Test::SeverityText(_) | Test::EventName(_) | Test::TraceId(_) | Test::SpanId(_) => 20,
            Test::Body(_) | Test::Text(_) => 100,
            Test::Attribute(_) => 200,
            Test::BodyValue(..) => 300,
        }
    }

    fn matches(&self, chunk: &LogChunk, columns: &Columns<'_>, memo: &mut ConditionMemo, row: usize) -> bool {
        match self {
            Test::Service(test) => by_dictionary(chunk.services(), &mut memo.texts, row, |text| test.matches(text)),
            Test::Body(test) => test.matches(chunk.body(row)),
            Test::Text(words) => words.matches(chunk.body(row)),
            Test::Severity(low, high) => {
                let number = match chunk.severity_number(row) {
                    0 => effective_number(0, chunk.row(row).severity_text),
                    number => number,
                };
                (*low..=*high).contains(&number)
            }
            Test::SeverityText(test) => test.matches(chunk.row(row).severity_text),
            Test::EventName(test) => test.matches(chunk.row(row).event_name),
            Test::TraceId(None) => chunk.row(row).trace_id.is_some(),
            Test::TraceId(id) => chunk.row(row).trace_id == *id,
            Test::SpanId(None) => chunk.row(row).span_id.is_some(),
            Test::SpanId(id) => chunk.row(row).span_id == *id,
            Test::BodyValue(path, test) => {
                let body = chunk.row(row).body_value;
                !body.is_empty() && within(&Value::parse(body), path).is_some_and(|value| test.matches(&value))
            }
            Test::Attribute(test) => test.matches(columns, &mut memo.attributes, row),
        }
    }
}

/// The value at `path` in a map: under the whole path as a key, else under its first part in the map found there, …
fn within<'a>(value: &Value<'a>, path: &str) -> Option<Value<'a>> {
    let Value::Map(map) = value else { return None };
    map.get(path).or_else(|| {
        let (first, rest) = path.split_once('.')?;
        within(&map.get(first)?, rest)
    })
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

fn test_of(comparison: &Comparison) -> Result<Test, QueryError> {
    let Comparison { key, operator, value } = comparison;
    let attribute =
        || Ok(Test::Attribute(AttributeTest::new(&key.text, key.quoted, "log.", ValueTest::new(comparison)?)));
    if key.quoted {
        return attribute();
    }
    let exists = value.is_any() && matches!(operator, Operator::Has | Operator::Equal);
    Ok(match key.text.as_str() {
        "service" | "service.name" | "resource.service.name" => Test::Service(StringTest::new(comparison, false)?),
        "body" => Test::Body(StringTest::new(comparison, true)?),
        "severity" | "level" => {
            let (low, high) = if exists { (1, u8::MAX) } else { severity_range(comparison)? };
            Test::Severity(low, high)
        }
        "severity_text" => Test::SeverityText(StringTest::new(comparison, false)?),
        "event_name" | "event.name" => Test::EventName(StringTest::new(comparison, false)?),
        "trace_id" if exists => Test::TraceId(None),
        "span_id" if exists => Test::SpanId(None),
        "trace_id" => Test::TraceId(Some(id(comparison, "a trace id of up to 32 hex digits", TraceId::parse)?)),
        "span_id" => Test::SpanId(Some(id(comparison, "a span id of up to 16 hex digits", SpanId::parse)?)),
        text => match text.strip_prefix("body.").filter(|rest| !rest.is_empty()) {
            Some(path) => Test::BodyValue(path.to_owned(), ValueTest::new(comparison)?),
            None => return attribute(),
        },
    })
}

/// The severity numbers that a comparison lets through. Those without a severity, 0, are neither lower nor higher.
fn severity_range(comparison: &Comparison) -> Result<(u8, u8), QueryError> {
    const EXPECTED: &str = "trace, debug, info, warn, error, fatal or a number from 1 to 24 is expected";
    let Comparison { operator, value, .. } = comparison;
    let bad = || QueryError::bad_query(value.position, EXPECTED);
    let (low, high) = match severity_number(&value.text) {
        // A name stands for the four numbers of its range.
        Some(first) => (first, first + 3),
        None if value.text.eq_ignore_ascii_case("unspecified") && !operator.is_order() => (0, 0),
        None => {
            let number = value.text.parse::<u8>().ok().filter(|number| (1..=24).contains(number)).ok_or_else(bad)?;
            (number, number)
        }
    };
    Ok(match operator {
        Operator::Has | Operator::Equal => (low, high),
        Operator::Less => (1, low - 1),
        Operator::LessOrEqual => (1, high),
        Operator::Greater => (high + 1, u8::MAX),
        Operator::GreaterOrEqual => (low, u8::MAX),
        Operator::Matches => return Err(bad()),
    })
}
