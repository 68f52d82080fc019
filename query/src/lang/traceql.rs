//! TraceQL, the query language of Grafana Tempo, compiled to the same [`Plan`](super::Plan) as the search language.
//!
//! Written after its public documentation; `docs/query/traceql.md` tells what is answered and where it differs. A text becomes
//! tokens (`lex`), stages and typed expressions (`parse`, `fields`), and these conditions on spans (`compile`).

mod aggregate;
mod compile;
mod expr;
mod fields;
mod lex;
mod metrics;
mod parse;
mod scalars;
mod test;
mod types;
mod value;

pub(crate) use aggregate::Scalar;
pub(super) use compile::{Compiled, compile};
pub(crate) use expr::{Expr, Row};
pub(crate) use metrics::{Compare, Function, Metric, SpanMetric, compile_metrics, compute};
pub(super) use test::Test;
pub use value::FieldValue;
pub(crate) use value::Operator;
