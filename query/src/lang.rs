//! The search language of traces and logs: `service.name="booking" AND duration > 500ms`.
//!
//! A text becomes tokens (`lex`), then a tree that says nothing of spans or logs (`ast`, [`parse`]), then a filter of
//! one of the two ([`SpanFilter`], [`LogFilter`]). What of it a scan can do by itself is found by `pushdown`. The language is described in `docs/query/search.md`.

mod ast;
mod attribute;
mod columns;
mod glob;
mod intrinsic;
mod lex;
mod literal;
mod logs;
mod parser;
mod pushdown;
mod spans;
mod strings;
#[cfg(test)]
mod tests;
mod tree;
mod words;

pub use ast::Query;
pub use literal::parse_duration;
pub use logs::{BoundLogs, CountableLogs, LogFilter, LogTerms};
pub use parser::parse;
pub use spans::{BoundSpans, SpanFilter, SpanTerms};
