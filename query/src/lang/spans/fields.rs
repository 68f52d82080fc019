//! The names of the fields that spans have besides attributes.

use model::{Nanos, SpanId, SpanKind, StatusCode, TraceId};

use crate::error::QueryError;
use crate::lang::ast::{Comparison, Operator};
use crate::lang::attribute::{AttributeTest, ValueTest};
use crate::lang::intrinsic::{equality, id};
use crate::lang::literal::parse_duration;
use crate::lang::strings::StringTest;

use super::test::Test;

/// What a misspelt name may have meant.
pub(in crate::lang) const NAMES: [&str; 12] = [
    "service",
    "name",
    "kind",
    "status",
    "duration",
    "status_message",
    "trace_id",
    "span_id",
    "parent_span_id",
    "event_name",
    "root.service",
    "trace.duration",
];

/// The condition that a comparison makes.
pub(super) fn test_of(comparison: &Comparison) -> Result<Test, QueryError> {
    let Comparison { key, operator, value } = comparison;
    let attribute =
        || Ok(Test::Attribute(AttributeTest::new(&key.text, key.quoted, "span.", ValueTest::new(comparison)?)));
    if key.quoted {
        return attribute();
    }
    let exists = value.is_any() && matches!(operator, Operator::Has | Operator::Equal);
    let text = |prose| StringTest::new(comparison, prose);
    let trace_id = || id(comparison, "a trace id of up to 32 hex digits", TraceId::parse);
    let span_id = || id(comparison, "a span id of up to 16 hex digits", SpanId::parse);
    Ok(match key.text.as_str() {
        "service" | "service.name" | "resource.service.name" => Test::Service(text(false)?),
        "name" | "span.name" => Test::Name(text(true)?),
        "kind" | "span.kind" | "status" | "span.status" | "duration" | "span.duration" if exists => Test::Always,
        "trace_id" | "span_id" | "trace.duration" if exists => Test::Always,
        "parent_span_id" if exists => Test::ParentId(None),
        "link.trace_id" if exists => Test::LinkTraceId(None),
        "link.span_id" if exists => Test::LinkSpanId(None),
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
        "status_message" => Test::StatusMessage(text(true)?),
        "duration" | "span.duration" => Test::Duration(*operator, duration(comparison)?),
        "trace_id" => Test::TraceId(trace_id()?),
        "span_id" => Test::SpanId(span_id()?),
        "parent_span_id" => Test::ParentId(Some(span_id()?)),
        "event_name" | "event.name" => Test::EventName(text(false)?),
        "link.trace_id" => Test::LinkTraceId(Some(trace_id()?)),
        "link.span_id" => Test::LinkSpanId(Some(span_id()?)),
        "root" | "root.name" => Test::RootName(text(true)?),
        "root.service" => Test::RootService(text(false)?),
        "trace.duration" => Test::TraceDuration(*operator, duration(comparison)?),
        text => match text.split_once('.') {
            Some(("event", rest)) => Test::EventAttribute(rest.to_owned(), ValueTest::new(comparison)?),
            Some(("link", rest)) => Test::LinkAttribute(rest.to_owned(), ValueTest::new(comparison)?),
            _ => return attribute(),
        },
    })
}

fn duration(comparison: &Comparison) -> Result<Nanos, QueryError> {
    let Comparison { operator, value, .. } = comparison;
    parse_duration(&value.text).filter(|_| *operator != Operator::Matches).ok_or_else(|| {
        let message = "a duration such as 500ms, 1.5s or 1m30s is expected";
        QueryError::bad_query(value.position, message)
    })
}
