//! Expressions over the fields of one span.

use std::borrow::Cow;
use std::fmt::Write;

use model::Span;
use regex::Regex;

use crate::lang::facts::At;
use crate::lang::spans::columns;

use super::value::{FieldValue, Operator};

/// A value computed from a span.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Value(FieldValue<'static>),
    Field(Field),
    Negated(Box<Expr>),
    Not(Box<Expr>),
    /// It has a value.
    Exists(Box<Expr>),
    Binary(Box<Expr>, Operator, Box<Expr>),
    /// A text matches as a whole; with `false`, it does not.
    Matches(Box<Expr>, Regex, bool),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Name,
    Status,
    StatusMessage,
    Kind,
    Duration,
    SpanId,
    ParentId,
    ChildCount,
    TraceId,
    TraceDuration,
    RootName,
    RootService,
    NestedLeft,
    NestedRight,
    NestedParent,
    EventName,
    EventSinceStart,
    LinkTraceId,
    LinkSpanId,
    ScopeName,
    ScopeVersion,
    Attribute(Scope, String),
}

/// Where to look for an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The span, else its resource.
    Any,
    Span,
    Resource,
    /// All events of the span.
    Event,
    Link,
    Instrumentation,
}

/// What an expression is computed from.
pub(crate) struct Row<'a> {
    pub(crate) span: Span<'a>,
    pub(crate) at: Option<At<'a>>,
}

impl Expr {
    pub(crate) fn eval<'a>(&'a self, row: &Row<'a>) -> FieldValue<'a> {
        match self {
            Expr::Value(FieldValue::Text(text)) => FieldValue::text(text),
            Expr::Value(value) => value.clone(),
            Expr::Field(field) => field.of(row),
            Expr::Negated(of) => of.eval(row).negated(),
            Expr::Not(of) => match of.eval(row) {
                FieldValue::Bool(bit) => FieldValue::Bool(!bit),
                _ => FieldValue::Nil,
            },
            Expr::Exists(of) => FieldValue::Bool(of.eval(row) != FieldValue::Nil),
            Expr::Binary(left, operator, right) => left.eval(row).operate(*operator, &right.eval(row)),
            Expr::Matches(of, regex, wanted) => FieldValue::Bool(matches(&of.eval(row), regex, *wanted)),
        }
    }

    pub(super) fn each_field<'a>(&'a self, each: &mut impl FnMut(&'a Field)) {
        match self {
            Expr::Value(_) => {}
            Expr::Field(field) => each(field),
            Expr::Negated(of) | Expr::Not(of) | Expr::Exists(of) | Expr::Matches(of, ..) => of.each_field(each),
            Expr::Binary(left, _, right) => {
                left.each_field(each);
                right.each_field(each);
            }
        }
    }

    /// The columns that it reads.
    pub(crate) fn columns(&self) -> u32 {
        let mut columns = 0;
        self.each_field(&mut |field| columns |= field.columns());
        columns
    }

    /// Whether it is computed from more than the span itself.
    pub(crate) fn is_of_trace(&self) -> bool {
        let mut is_of_trace = false;
        self.each_field(&mut |field| is_of_trace |= field.is_of_trace());
        is_of_trace
    }
}

/// Of a list, one element that matches is enough; none may, if none should.
fn matches(value: &FieldValue<'_>, regex: &Regex, wanted: bool) -> bool {
    match value {
        FieldValue::Text(text) => regex.is_match(text) == wanted,
        FieldValue::List(values) if wanted => values.iter().any(|value| matches(value, regex, true)),
        FieldValue::List(values) => values.iter().all(|value| matches(value, regex, false)),
        _ => false,
    }
}

impl Field {
    fn is_of_trace(&self) -> bool {
        use Field::*;
        let nested = matches!(self, NestedLeft | NestedRight | NestedParent | ChildCount);
        nested || matches!(self, TraceDuration | RootName | RootService)
    }

    fn columns(&self) -> u32 {
        match self {
            Field::Name => columns::NAME,
            Field::Status | Field::Kind => columns::KIND_AND_STATUS,
            Field::StatusMessage => columns::STATUS_MESSAGE,
            Field::Duration => columns::DURATION,
            Field::SpanId | Field::ParentId => columns::SPAN_IDS,
            Field::TraceId => columns::TRACE_ID,
            Field::EventName | Field::EventSinceStart | Field::Attribute(Scope::Event, _) => columns::EVENTS,
            Field::LinkTraceId | Field::LinkSpanId | Field::Attribute(Scope::Link, _) => columns::LINKS,
            Field::Attribute(..) => columns::ATTRIBUTES | columns::SERVICE,
            Field::ScopeName | Field::ScopeVersion => columns::ATTRIBUTES,
            _ => 0,
        }
    }

    fn of<'a>(&self, row: &Row<'a>) -> FieldValue<'a> {
        let Row { span, at } = row;
        let of_trace = |value: &dyn Fn(At<'a>) -> FieldValue<'a>| at.map_or(FieldValue::Nil, value);
        match self {
            Field::Name => FieldValue::text(span.name),
            Field::Status => FieldValue::Status(span.status),
            Field::StatusMessage => FieldValue::text(span.status_message),
            Field::Kind => FieldValue::Kind(Some(span.kind)),
            Field::Duration => FieldValue::Duration(span.duration),
            Field::SpanId => hex(&span.span_id.0),
            Field::ParentId => span.parent_span_id.map_or(FieldValue::text(""), |id| hex(&id.0)),
            Field::TraceId => hex(&span.trace_id.0),
            Field::ChildCount => of_trace(&|at| FieldValue::Int(at.place().n_children as i64)),
            Field::NestedLeft => of_trace(&|at| FieldValue::Int(at.left())),
            Field::NestedRight => of_trace(&|at| FieldValue::Int(at.right())),
            Field::NestedParent => of_trace(&|at| FieldValue::Int(at.parent_left())),
            Field::TraceDuration => of_trace(&|at| FieldValue::Duration(at.facts.duration)),
            Field::RootName => of_trace(&|at| FieldValue::text(&at.facts.root_name)),
            Field::RootService => of_trace(&|at| FieldValue::text(&at.facts.root_service)),
            Field::EventName => FieldValue::of_several(span.events.iter().map(|event| FieldValue::text(event.name))),
            Field::EventSinceStart => {
                let since = |time: i64| FieldValue::Duration(time.saturating_sub(span.start));
                FieldValue::of_several(span.events.iter().map(|event| since(event.time)))
            }
            Field::LinkTraceId => {
                let ids = span.links.iter().filter_map(|link| link.trace_id);
                FieldValue::of_several(ids.map(|id| hex(&id.0)))
            }
            Field::LinkSpanId => {
                let ids = span.links.iter().filter_map(|link| link.span_id);
                FieldValue::of_several(ids.map(|id| hex(&id.0)))
            }
            Field::ScopeName => FieldValue::text(span.scope.name()),
            Field::ScopeVersion => FieldValue::text(span.scope.version()),
            Field::Attribute(scope, key) => attribute(span, *scope, key),
        }
    }
}

fn attribute<'a>(span: &Span<'a>, scope: Scope, key: &str) -> FieldValue<'a> {
    let own = || span.attrs.get(key).map(FieldValue::of).filter(|value| *value != FieldValue::Nil);
    let of_resource = || match key {
        // Where the resource has no name, the specification gives one.
        "service.name" => FieldValue::text(span.service),
        key => span.resource.attrs().get(key).map_or(FieldValue::Nil, FieldValue::of),
    };
    match scope {
        Scope::Any => own().unwrap_or_else(of_resource),
        Scope::Span => own().unwrap_or(FieldValue::Nil),
        Scope::Resource => of_resource(),
        Scope::Instrumentation => span.scope.attrs().get(key).map_or(FieldValue::Nil, FieldValue::of),
        Scope::Event => {
            let values = span.events.iter().filter_map(|event| event.attrs.get(key));
            FieldValue::of_several(values.map(FieldValue::of))
        }
        Scope::Link => {
            let values = span.links.iter().filter_map(|link| link.attrs.get(key));
            FieldValue::of_several(values.map(FieldValue::of))
        }
    }
}

pub(super) fn hex(id: &[u8]) -> FieldValue<'static> {
    let mut text = String::with_capacity(2 * id.len());
    for byte in id {
        // Writing to a string does not fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    FieldValue::Text(Cow::Owned(text))
}
