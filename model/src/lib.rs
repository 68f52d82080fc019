//! The vocabulary that every other crate speaks: times, ids, attributes, and the row of each signal.
//!
//! No I/O, no async, no clock, no serde. Attribute sets stay in the wire encoding of OTLP from the receiver to the
//! reader ([`attrs`]), so a row borrows its bytes and nothing is allocated per attribute.

pub mod attrs;
pub mod ids;
pub mod log;
pub mod metric;
pub mod prometheus;
pub mod resource;
pub mod span;
pub mod time;
pub mod wire;

pub use attrs::{Attrs, AttrsBuf, Value};
pub use ids::{SpanId, TraceId};
pub use log::LogRecord;
pub use metric::{Exemplar, MetricKind, Point, PointValue, Series, SeriesId, Temporality};
pub use resource::{Resource, Scope};
pub use span::{Span, SpanKind, StatusCode};
pub use time::{Nanos, TimeRange};
