//! Telemetry that is valid and small, made anew for each test.
//!
//! Source of field numbers: opentelemetry-proto, `{trace,metrics,logs,common,resource}/v1/*.proto`.

use crate::message::{Message, Value};
use crate::probe::Probe;
use crate::protocol::{Protocol, Signal};
use crate::request::{Flaw, Request};

pub(crate) const SECOND: u64 = 1_000_000_000;

/// An `AnyValue`.
pub(crate) fn any(value: Value) -> Message {
    let (number, key) = match value {
        Value::Text(_) => (1, "stringValue"),
        Value::Bool(_) => (2, "boolValue"),
        Value::Int64(_) => (3, "intValue"),
        Value::Double(_) => (4, "doubleValue"),
        _ => (7, "bytesValue"),
    };
    Message::new().set(number, key, value)
}

pub(crate) fn string(text: &str) -> Message {
    any(Value::Text(text.to_owned()))
}

/// An `AnyValue` with an `ArrayValue`.
pub(crate) fn array(values: Vec<Message>) -> Message {
    Message::new().one(5, "arrayValue", Message::new().many(1, "values", values))
}

/// An `AnyValue` with a `KeyValueList`.
pub(crate) fn kvlist(entries: Vec<Message>) -> Message {
    Message::new().one(6, "kvlistValue", Message::new().many(1, "values", entries))
}

/// A `KeyValue`.
pub(crate) fn attribute(key: &str, value: Message) -> Message {
    Message::new().text(1, "key", key).one(2, "value", value)
}

fn resource() -> Message {
    Message::new().many(1, "attributes", [attribute("service.name", string("conformance"))])
}

fn scope() -> Message {
    Message::new().text(1, "name", "conformance").text(2, "version", "1.0.0")
}

/// An `Export…ServiceRequest` of one resource and one scope.
pub(crate) fn request(signal: Signal, items: impl IntoIterator<Item = Message>) -> Message {
    let [resources, scopes, list] = signal.lists();
    let scope_items = Message::new().one(1, "scope", scope()).many(2, list, items);
    let resource_items = Message::new().one(1, "resource", resource()).many(2, scopes, [scope_items]);
    Message::new().many(1, resources, [resource_items])
}

/// Applies `change` to each item of a request of one resource and one scope.
pub(crate) fn each_item(request: Message, change: impl Fn(Message) -> Message + Copy) -> Message {
    request.each(1, |resource| resource.each(2, |scope| scope.each(2, change)))
}

impl Probe {
    /// A request with one item.
    pub(crate) fn sample(&self, signal: Signal) -> Message {
        request(signal, [self.item(signal)])
    }

    /// A span, a gauge of one point or a log record.
    pub(crate) fn item(&self, signal: Signal) -> Message {
        match signal {
            Signal::Traces => self.span(),
            Signal::Metrics => self.gauge(),
            Signal::Logs => self.log(),
        }
    }

    /// A request with one item that has these attributes and no others.
    pub(crate) fn with_attributes(&self, signal: Signal, attributes: impl IntoIterator<Item = Message>) -> Message {
        let item = match signal {
            Signal::Traces => self.span().without(9).many(9, "attributes", attributes),
            Signal::Metrics => self.gauge_of([self.number_point().without(7).many(7, "attributes", attributes)]),
            Signal::Logs => self.log().without(6).many(6, "attributes", attributes),
        };
        request(signal, [item])
    }

    /// An item that has the right form and is invalid: a span with a trace id of zeros, a metric with a point without a value, a
    /// log record at the end of time.
    pub(crate) fn invalid_item(&self, signal: Signal) -> Message {
        match signal {
            Signal::Traces => self.span().set(1, "traceId", Value::Id(vec![0; 16])),
            Signal::Metrics => self.gauge_of([self.number_point().without(4)]),
            Signal::Logs => self.log().set(1, "timeUnixNano", Value::Fixed64(u64::MAX)),
        }
    }

    /// What no receiver can decode.
    pub(crate) fn undecodable(&self, signal: Signal) -> Request {
        let body = match self.protocol {
            Protocol::HttpJson => format!("{{\"{}\":[{{\"conformance\":7", signal.lists()[0]).into_bytes(),
            // A field of 255 bytes in a message of one.
            Protocol::Grpc | Protocol::HttpProtobuf => vec![0x0a, 0xff, 0x01, 0x00],
        };
        self.post(signal, body).with(Flaw::Undecodable)
    }

    pub(crate) fn traces(&self, spans: impl IntoIterator<Item = Message>) -> Message {
        request(Signal::Traces, spans)
    }

    pub(crate) fn metrics(&self, metrics: impl IntoIterator<Item = Message>) -> Message {
        request(Signal::Metrics, metrics)
    }

    pub(crate) fn logs(&self, records: impl IntoIterator<Item = Message>) -> Message {
        request(Signal::Logs, records)
    }

    pub(crate) fn trace_id(&self) -> Vec<u8> {
        [self.now().to_be_bytes(), self.fresh().to_be_bytes()].concat()
    }

    pub(crate) fn span_id(&self) -> Vec<u8> {
        // The golden ratio spreads small numbers over all bytes.
        (self.fresh().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1).to_be_bytes().to_vec()
    }

    pub(crate) fn span(&self) -> Message {
        Message::new()
            .set(1, "traceId", Value::Id(self.trace_id()))
            .set(2, "spanId", Value::Id(self.span_id()))
            .text(5, "name", "GET /conformance")
            .set(6, "kind", Value::Enum(2))
            .set(7, "startTimeUnixNano", Value::Fixed64(self.now() - SECOND))
            .set(8, "endTimeUnixNano", Value::Fixed64(self.now()))
            .many(9, "attributes", [attribute("http.request.method", string("GET"))])
    }

    pub(crate) fn log(&self) -> Message {
        Message::new()
            .set(1, "timeUnixNano", Value::Fixed64(self.now() + self.fresh()))
            .set(11, "observedTimeUnixNano", Value::Fixed64(self.now()))
            .set(2, "severityNumber", Value::Enum(9))
            .text(3, "severityText", "INFO")
            .one(5, "body", string("conformance"))
            .many(6, "attributes", [attribute("customer", string("c-42"))])
    }

    /// A `Metric` with the member `data` of its oneof.
    pub(crate) fn metric(&self, number: u32, key: &'static str, data: Message) -> Message {
        let name = format!("conformance.{}.{key}", self.fresh());
        Message::new().text(1, "name", &name).text(3, "unit", "1").one(number, key, data)
    }

    pub(crate) fn gauge(&self) -> Message {
        self.gauge_of([self.number_point()])
    }

    pub(crate) fn gauge_of(&self, points: impl IntoIterator<Item = Message>) -> Message {
        self.metric(5, "gauge", Message::new().many(1, "dataPoints", points))
    }

    /// A sum, cumulative (2), delta (1) or without a temporality (0).
    pub(crate) fn sum(&self, temporality: i32, points: impl IntoIterator<Item = Message>) -> Message {
        let data = Message::new().many(1, "dataPoints", points);
        let data = data.set(2, "aggregationTemporality", Value::Enum(temporality));
        self.metric(7, "sum", data.set(3, "isMonotonic", Value::Bool(true)))
    }

    /// A data point of a series of its own: two of one series at one time would be duplicates.
    pub(crate) fn number_point(&self) -> Message {
        self.own_point().set(4, "asDouble", Value::Double(1.5))
    }

    /// The same without a value.
    pub(crate) fn own_point(&self) -> Message {
        let series = attribute("series", string(&self.fresh().to_string()));
        self.point_at(self.now()).many(7, "attributes", [series])
    }

    /// A data point without a value and attributes.
    pub(crate) fn point_at(&self, time: u64) -> Message {
        Message::new().set(2, "startTimeUnixNano", Value::Fixed64(self.now() - 60 * SECOND)).set(
            3,
            "timeUnixNano",
            Value::Fixed64(time),
        )
    }

    /// A histogram; the point has bounds 1 and 2 and five values.
    pub(crate) fn histogram(&self, temporality: i32, change: impl Fn(Message) -> Message) -> Message {
        let point = self
            .point_at(self.now())
            .set(4, "count", Value::Fixed64(5))
            .set(5, "sum", Value::Double(7.5))
            .set(6, "bucketCounts", Value::Fixed64s(vec![1, 3, 1]))
            .set(7, "explicitBounds", Value::Doubles(vec![1.0, 2.0]));
        let data = Message::new().many(1, "dataPoints", [change(point)]);
        self.metric(9, "histogram", data.set(2, "aggregationTemporality", Value::Enum(temporality)))
    }

    /// An exponential histogram of seven values.
    pub(crate) fn exponential_histogram(&self, temporality: i32, change: impl Fn(Message) -> Message) -> Message {
        let buckets = |offset, counts| {
            Message::new().set(1, "offset", Value::Sint32(offset)).set(2, "bucketCounts", Value::Uint64s(counts))
        };
        let point = self
            .point_at(self.now())
            .set(4, "count", Value::Fixed64(7))
            .set(5, "sum", Value::Double(12.5))
            .set(6, "scale", Value::Sint32(3))
            .set(7, "zeroCount", Value::Fixed64(1))
            .one(8, "positive", buckets(-2, vec![1, 0, 3]))
            .one(9, "negative", buckets(1, vec![2]));
        let data = Message::new().many(1, "dataPoints", [change(point)]);
        self.metric(10, "exponentialHistogram", data.set(2, "aggregationTemporality", Value::Enum(temporality)))
    }

    pub(crate) fn summary(&self, change: impl Fn(Message) -> Message) -> Message {
        let quantile = |quantile, value| {
            Message::new().set(1, "quantile", Value::Double(quantile)).set(2, "value", Value::Double(value))
        };
        let point = self
            .point_at(self.now())
            .set(4, "count", Value::Fixed64(5))
            .set(5, "sum", Value::Double(7.5))
            .many(6, "quantileValues", [quantile(0.5, 1.0), quantile(0.99, 2.5)]);
        self.metric(11, "summary", Message::new().many(1, "dataPoints", [change(point)]))
    }
}
