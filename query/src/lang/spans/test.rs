//! The conditions that a query can make on a span.

use model::{Nanos, SpanId, SpanKind, StatusCode, TraceId};
use store::{Filter, SpanChunk};

use crate::lang::ast::Operator;
use crate::lang::attribute::{AttributeTest, Columns, Memo, ValueTest};
use crate::lang::facts::At;
use crate::lang::intrinsic::by_dictionary;
use crate::lang::strings::StringTest;
use crate::lang::traceql::{Row, Test as FieldTest};
use crate::lang::words::Words;

use super::columns;

#[derive(Clone, Debug)]
pub(in crate::lang) enum Test {
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
    /// Of any of the links; `None` for any.
    LinkTraceId(Option<TraceId>),
    LinkSpanId(Option<SpanId>),
    LinkAttribute(String, ValueTest),
    Attribute(AttributeTest),
    /// The service and the name of the trace's root.
    RootService(StringTest),
    RootName(StringTest),
    TraceDuration(Operator, Nanos),
    /// A comparison of values computed from fields.
    Fields(Box<FieldTest>),
    /// Of a field that every span has.
    Always,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ConditionMemo {
    /// By dictionary key of the service or the name.
    texts: Vec<Option<bool>>,
    attributes: Memo,
}

impl Test {
    /// A filter that every span which matches satisfies.
    pub(super) fn filter(&self) -> Option<Filter> {
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
            Test::Fields(test) => test.filter(),
            _ => None,
        }
    }

    /// Whether it asks for more than the span itself: the outcome needs the whole trace.
    pub(super) fn is_of_trace(&self) -> bool {
        match self {
            Test::RootService(_) | Test::RootName(_) | Test::TraceDuration(..) => true,
            Test::Fields(test) => test.is_of_trace(),
            _ => false,
        }
    }

    /// The columns that [`Test::matches`] reads.
    pub(super) fn columns(&self) -> u32 {
        match self {
            Test::Always | Test::RootService(_) | Test::RootName(_) | Test::TraceDuration(..) => 0,
            Test::Service(_) => columns::SERVICE,
            Test::Name(_) => columns::NAME,
            Test::Text(_) => columns::NAME | columns::STATUS_MESSAGE,
            Test::Kinds(_) | Test::Status(_) => columns::KIND_AND_STATUS,
            Test::StatusMessage(_) => columns::STATUS_MESSAGE,
            Test::Duration(..) => columns::DURATION,
            Test::TraceId(_) => columns::TRACE_ID,
            Test::SpanId(_) | Test::ParentId(_) => columns::SPAN_IDS,
            Test::EventName(_) | Test::EventAttribute(..) => columns::EVENTS,
            Test::LinkTraceId(_) | Test::LinkSpanId(_) | Test::LinkAttribute(..) => columns::LINKS,
            Test::Attribute(_) => columns::ATTRIBUTES,
            Test::Fields(test) => test.columns(),
        }
    }

    /// Rough order of nanoseconds.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Test::Always | Test::Kinds(_) | Test::Status(_) | Test::Duration(..) | Test::TraceDuration(..) => 1,
            Test::Service(_) | Test::Name(_) => 2,
            Test::TraceId(_) | Test::SpanId(_) | Test::ParentId(_) => 4,
            Test::Text(_) | Test::StatusMessage(_) | Test::RootService(_) | Test::RootName(_) => 20,
            Test::Attribute(_) => 200,
            Test::Fields(_) => 300,
            Test::EventName(_) | Test::EventAttribute(..) => 500,
            Test::LinkTraceId(_) | Test::LinkSpanId(_) | Test::LinkAttribute(..) => 500,
        }
    }

    /// Whether the span in `row` satisfies it. What [`Test::is_of_trace`] is false without `at`.
    pub(super) fn matches(
        &self,
        chunk: &SpanChunk,
        columns: &Columns<'_>,
        memo: &mut ConditionMemo,
        row: usize,
        at: Option<At<'_>>,
    ) -> bool {
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
            Test::LinkTraceId(id) => {
                chunk.row(row).links.iter().any(|link| link.trace_id.is_some_and(|it| id.is_none_or(|id| it == id)))
            }
            Test::LinkSpanId(id) => {
                chunk.row(row).links.iter().any(|link| link.span_id.is_some_and(|it| id.is_none_or(|id| it == id)))
            }
            Test::LinkAttribute(key, test) => {
                let links = chunk.row(row).links;
                links.iter().any(|link| link.attrs.get(key).is_some_and(|value| test.matches(&value)))
            }
            Test::Attribute(test) => test.matches(columns, &mut memo.attributes, row),
            Test::RootService(test) => at.is_some_and(|at| test.matches(&at.facts.root_service)),
            Test::RootName(test) => at.is_some_and(|at| test.matches(&at.facts.root_name)),
            Test::TraceDuration(operator, wanted) => at.is_some_and(|at| operator.holds(at.facts.duration.cmp(wanted))),
            Test::Fields(test) => test.matches(&Row { span: chunk.row(row), at }),
        }
    }
}
