//! Metrics: the series (who and what), its points, and exemplars.

use std::fmt;

use crate::attrs::Attrs;
use crate::ids::{SpanId, TraceId};
use crate::resource::{Resource, Scope};
use crate::time::Nanos;

pub mod distribution;
mod identity;

pub use identity::Identity;

/// What a metric's points are; `Metric.data` of `metrics.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MetricKind {
    Gauge = 1,
    Sum = 2,
    Histogram = 3,
    ExponentialHistogram = 4,
    Summary = 5,
}

impl MetricKind {
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => MetricKind::Gauge,
            2 => MetricKind::Sum,
            3 => MetricKind::Histogram,
            4 => MetricKind::ExponentialHistogram,
            5 => MetricKind::Summary,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            MetricKind::Gauge => "gauge",
            MetricKind::Sum => "sum",
            MetricKind::Histogram => "histogram",
            MetricKind::ExponentialHistogram => "exponential_histogram",
            MetricKind::Summary => "summary",
        }
    }
}

/// Whether points count since the last one or since the start; numbers as in `metrics.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Temporality {
    /// Of gauges, which have none.
    Unspecified = 0,
    Delta = 1,
    Cumulative = 2,
}

impl Temporality {
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Temporality::Delta,
            2 => Temporality::Cumulative,
            _ => Temporality::Unspecified,
        }
    }
}

/// The identity of a series: a 128-bit hash of all that tells it from others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u128);

impl fmt::Debug for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeriesId({:032x})", self.0)
    }
}

/// A series: one metric of one resource and scope with one set of attributes. Names are as sent.
#[derive(Clone, Copy)]
pub struct Series<'a> {
    pub name: &'a str,
    pub unit: &'a str,
    /// Not part of the identity.
    pub description: &'a str,
    pub kind: MetricKind,
    pub temporality: Temporality,
    pub monotonic: bool,
    /// The point's attributes, sorted by key, each key once: see [`canonical`].
    pub attrs: Attrs<'a>,
    /// The encoding of `attrs`, which are in field 1.
    pub attr_bytes: &'a [u8],
    /// `service.name` of the resource.
    pub service: &'a str,
    pub resource: Resource<'a>,
    pub scope: Scope<'a>,
}

impl Series<'_> {
    /// The identity: name, unit, kind, temporality, monotonicity, resource, scope and attributes (metrics data model,
    /// "Timeseries identity"). `resource` and `scope` count by their bytes; an SDK sends the same ones each time.
    ///
    /// Its first 24 bits are of the name and the next 24 of the resource. So what is sorted by series has the series of a
    /// metric side by side, as queries ask for them, and in each metric the resources in the same order.
    pub fn id(&self) -> SeriesId {
        Identity::of(self).id(self.attr_bytes)
    }

    /// The id that the series has in rows of a data directory of format 1.
    pub fn id_of_format_1(&self) -> SeriesId {
        Identity::of(self).id_of_format_1(self.attr_bytes)
    }
}

/// Writes `attrs` sorted by key, of repeated keys the last, as a `KeyValueList` into `out` (cleared first).
pub fn canonical(attrs: Attrs<'_>, out: &mut Vec<u8>) {
    let mut entries: Vec<_> = attrs.iter().collect();
    entries.sort_by_key(|(key, _)| *key); // stable: the last of equal keys stays last
    let mut sorted = crate::AttrsBuf::new();
    for (i, (key, value)) in entries.iter().enumerate() {
        if entries.get(i + 1).is_none_or(|(next, _)| next != key) {
            sorted.push(key, *value);
        }
    }
    out.clear();
    out.extend_from_slice(sorted.as_bytes());
}

/// One point of a series.
#[derive(Clone, Copy)]
pub struct Point<'a> {
    pub series: SeriesId,
    pub time: Nanos,
    /// 0 when unknown.
    pub start_time: Nanos,
    pub flags: u32,
    pub value: PointValue<'a>,
}

/// Bit 0 of a point's flags: the series has no value at this time (it went stale).
pub const NO_RECORDED_VALUE: u32 = 1;

/// The double that stands for a point without a value where there is room for a double only: Prometheus' own mark of a
/// series that has ended. Arithmetic never makes it, since it is a signalling one.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

#[derive(Clone, Copy, Debug)]
pub enum PointValue<'a> {
    /// Flagged [`NO_RECORDED_VALUE`].
    None,
    Int(i64),
    Double(f64),
    /// A histogram, exponential histogram or summary, by the series' kind: the fields of its OTLP data point but
    /// times, flags, attributes and exemplars; read with [`distribution`].
    Distribution(&'a [u8]),
}

impl PointValue<'_> {
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            PointValue::Int(int) => Some(int as f64),
            PointValue::Double(double) => Some(double),
            PointValue::None | PointValue::Distribution(_) => None,
        }
    }
}

/// A measurement kept as an example of a point, with the span that made it.
#[derive(Clone, Copy)]
pub struct Exemplar<'a> {
    pub series: SeriesId,
    pub time: Nanos,
    pub value: f64,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    /// The attributes that the point's aggregation dropped.
    pub attrs: Attrs<'a>,
    /// The encoding of `attrs`, which are in field 1.
    pub attr_bytes: &'a [u8],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttrsBuf, Value};

    #[test]
    fn canonical_order_makes_equal_sets_equal() {
        let mut one = AttrsBuf::new();
        one.push("b", Value::Int(0));
        one.push("a", Value::Int(1));
        one.push("b", Value::Int(2));
        let mut other = AttrsBuf::new();
        other.push("a", Value::Int(1));
        other.push("b", Value::Int(2));
        let mut sorted = vec![9];
        canonical(one.as_attrs(), &mut sorted);
        assert_eq!(sorted, other.as_bytes());
    }

    #[test]
    fn identity_ignores_the_description_only() {
        let series = Series {
            name: "n",
            unit: "s",
            description: "",
            kind: MetricKind::Sum,
            temporality: Temporality::Delta,
            monotonic: true,
            attrs: Attrs::default(),
            attr_bytes: &[],
            service: "a",
            resource: Resource::default(),
            scope: Scope::default(),
        };
        assert_eq!(series.id(), Series { description: "x", ..series }.id());
        assert_ne!(series.id(), Series { monotonic: false, ..series }.id());
        assert_ne!(series.id(), Series { name: "ns", unit: "", ..series }.id());
    }

    #[test]
    fn ids_bring_a_metric_together_and_its_resources_in_one_order() {
        let resources = ["one", "two", "three"].map(|service| {
            let mut attrs = AttrsBuf::new();
            attrs.push("service.name", Value::Str(service));
            attrs.as_bytes().to_vec()
        });
        let mut ids = Vec::new();
        for name in ["requests", "errors"] {
            for unit in ["1", "s"] {
                for (number, resource) in resources.iter().enumerate() {
                    let series = Series {
                        name,
                        unit,
                        description: "",
                        kind: MetricKind::Gauge,
                        temporality: Temporality::Unspecified,
                        monotonic: false,
                        attrs: Attrs::default(),
                        attr_bytes: &[],
                        service: "",
                        resource: Resource::new(resource),
                        scope: Scope::default(),
                    };
                    ids.push((series.id(), name, number));
                }
            }
        }
        ids.sort();
        let names: Vec<_> = ids.iter().map(|it| it.1).collect();
        assert_eq!(names.chunk_by(|a, b| a == b).count(), 2, "{names:?}");
        let order = |half: &[(SeriesId, &str, usize)]| half.iter().map(|it| it.2).collect::<Vec<_>>();
        assert_eq!(order(&ids[..6]), order(&ids[6..]));
        assert_eq!(order(&ids[..6]).chunk_by(|a, b| a == b).count(), 3);
    }
}
