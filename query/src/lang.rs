//! The search language of traces and logs: `service.name="booking" AND duration > 500ms`.
//!
//! A text becomes tokens (`lex`), then a tree that says nothing of spans or logs (`ast`, [`parse`]), then a filter of
//! one of the two ([`SpanFilter`], [`LogFilter`]). What of it a scan can do by itself is found by `pushdown`. The language is described in `docs/query/search.md`.
//!
//! A search for traces is a [`Plan`]: filters of spans, and how the spans that they let through stand to each other. TraceQL
//! (`traceql`) is compiled to the same.

mod ast;
mod attribute;
mod columns;
mod facts;
mod glob;
mod intrinsic;
mod lex;
mod literal;
mod logs;
mod parser;
mod parts;
mod plan;
mod pushdown;
mod sets;
mod similar;
mod spans;
mod strings;
#[cfg(test)]
mod tests;
mod traceql;
mod tree;
mod words;

pub use ast::Query;
pub(crate) use facts::{At, SpanPlace, TraceFacts};
pub use literal::parse_duration;
pub use logs::{BoundLogs, CountableLogs, LogFilter, LogTerms};
pub use parser::parse;
pub use parts::{conditions, is_word, narrowed, quoted, word};
pub(crate) use plan::{Keep, Node, Plan, Relation, Stage};
pub(crate) use similar::similar;
pub use spans::{BoundSpans, SpanFilter, SpanTerms};
pub use traceql::FieldValue;
pub(crate) use traceql::{Compare, Expr, Function, Metric, Operator, Row, SpanMetric, compile_metrics, compute};
