//! The messages of OTLP as tables: the key in JSON, the field number, the type.
//!
//! Only what a receiver stores; `…Strindex` fields belong to profiles and are unknown here, as the specification wants.

use crate::signal::Signal;

/// A message type.
pub(super) struct Message {
    pub(super) fields: &'static [Field],
}

/// A field of a message.
pub(super) struct Field {
    /// The key in JSON, lowerCamelCase.
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) cardinality: Cardinality,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cardinality {
    /// A default value is not written: it means the same as none.
    Implicit,
    /// `optional` or in a `oneof`: a default value is a value.
    Explicit,
    Repeated,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Message(&'static Message),
    String,
    /// Base64.
    Bytes,
    /// A trace or span id: bytes in hex.
    Id,
    Bool,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    /// The names by number; a receiver of OTLP/JSON gets numbers.
    Enum(&'static [&'static str]),
}

use Cardinality::{Explicit, Implicit, Repeated};
use Kind::{Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int64, Sfixed64, Sint32, String, Uint32, Uint64};

const fn field(name: &'static str, number: u32, cardinality: Cardinality, kind: Kind) -> Field {
    Field { name, number, cardinality, kind }
}

const fn one(name: &'static str, number: u32, message: &'static Message) -> Field {
    field(name, number, Explicit, Kind::Message(message))
}

const fn many(name: &'static str, number: u32, message: &'static Message) -> Field {
    field(name, number, Repeated, Kind::Message(message))
}

/// Whether `message` is the array or the map of an `AnyValue`: by these alone messages nest without end.
pub(super) fn holds_values(message: &'static Message) -> bool {
    std::ptr::eq(message, &ARRAY_VALUE) || std::ptr::eq(message, &KEY_VALUE_LIST)
}

/// The numbers of the fields of `message` of which one may be set: its `oneof`.
pub(super) fn one_of(message: &'static Message) -> &'static [u32] {
    match message {
        it if std::ptr::eq(it, &ANY_VALUE) => &[1, 2, 3, 4, 5, 6, 7],
        it if std::ptr::eq(it, &NUMBER_POINT) => &[4, 6],
        it if std::ptr::eq(it, &METRIC) => &[5, 7, 9, 10, 11],
        it if std::ptr::eq(it, &EXEMPLAR) => &[3, 6],
        _ => &[],
    }
}

/// The request message of `signal`.
pub(super) fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &TRACES,
        Signal::Metrics => &METRICS,
        Signal::Logs => &LOGS,
    }
}

// common/v1/common.proto and resource/v1/resource.proto

static ANY_VALUE: Message = Message {
    fields: &[
        field("stringValue", 1, Explicit, String),
        field("boolValue", 2, Explicit, Bool),
        field("intValue", 3, Explicit, Int64),
        field("doubleValue", 4, Explicit, Double),
        one("arrayValue", 5, &ARRAY_VALUE),
        one("kvlistValue", 6, &KEY_VALUE_LIST),
        field("bytesValue", 7, Explicit, Bytes),
    ],
};

static ARRAY_VALUE: Message = Message { fields: &[many("values", 1, &ANY_VALUE)] };

static KEY_VALUE_LIST: Message = Message { fields: &[many("values", 1, &KEY_VALUE)] };

static KEY_VALUE: Message = Message { fields: &[field("key", 1, Implicit, String), one("value", 2, &ANY_VALUE)] };

static SCOPE: Message = Message {
    fields: &[
        field("name", 1, Implicit, String),
        field("version", 2, Implicit, String),
        many("attributes", 3, &KEY_VALUE),
        field("droppedAttributesCount", 4, Implicit, Uint32),
    ],
};

static ENTITY_REF: Message = Message {
    fields: &[
        field("schemaUrl", 1, Implicit, String),
        field("type", 2, Implicit, String),
        field("idKeys", 3, Repeated, String),
        field("descriptionKeys", 4, Repeated, String),
    ],
};

static RESOURCE: Message = Message {
    fields: &[
        many("attributes", 1, &KEY_VALUE),
        field("droppedAttributesCount", 2, Implicit, Uint32),
        many("entityRefs", 3, &ENTITY_REF),
    ],
};

// trace/v1/trace.proto

static TRACES: Message = Message { fields: &[many("resourceSpans", 1, &RESOURCE_SPANS)] };

static RESOURCE_SPANS: Message = Message {
    fields: &[
        one("resource", 1, &RESOURCE),
        many("scopeSpans", 2, &SCOPE_SPANS),
        field("schemaUrl", 3, Implicit, String),
    ],
};

static SCOPE_SPANS: Message =
    Message { fields: &[one("scope", 1, &SCOPE), many("spans", 2, &SPAN), field("schemaUrl", 3, Implicit, String)] };

static SPAN: Message = Message {
    fields: &[
        field("traceId", 1, Implicit, Id),
        field("spanId", 2, Implicit, Id),
        field("traceState", 3, Implicit, String),
        field("parentSpanId", 4, Implicit, Id),
        field("name", 5, Implicit, String),
        field("kind", 6, Implicit, Enum(SPAN_KIND)),
        field("startTimeUnixNano", 7, Implicit, Fixed64),
        field("endTimeUnixNano", 8, Implicit, Fixed64),
        many("attributes", 9, &KEY_VALUE),
        field("droppedAttributesCount", 10, Implicit, Uint32),
        many("events", 11, &EVENT),
        field("droppedEventsCount", 12, Implicit, Uint32),
        many("links", 13, &LINK),
        field("droppedLinksCount", 14, Implicit, Uint32),
        one("status", 15, &STATUS),
        field("flags", 16, Implicit, Fixed32),
    ],
};

static EVENT: Message = Message {
    fields: &[
        field("timeUnixNano", 1, Implicit, Fixed64),
        field("name", 2, Implicit, String),
        many("attributes", 3, &KEY_VALUE),
        field("droppedAttributesCount", 4, Implicit, Uint32),
    ],
};

static LINK: Message = Message {
    fields: &[
        field("traceId", 1, Implicit, Id),
        field("spanId", 2, Implicit, Id),
        field("traceState", 3, Implicit, String),
        many("attributes", 4, &KEY_VALUE),
        field("droppedAttributesCount", 5, Implicit, Uint32),
        field("flags", 6, Implicit, Fixed32),
    ],
};

static STATUS: Message =
    Message { fields: &[field("message", 2, Implicit, String), field("code", 3, Implicit, Enum(STATUS_CODE))] };

const SPAN_KIND: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

const STATUS_CODE: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

// logs/v1/logs.proto

static LOGS: Message = Message { fields: &[many("resourceLogs", 1, &RESOURCE_LOGS)] };

static RESOURCE_LOGS: Message = Message {
    fields: &[
        one("resource", 1, &RESOURCE),
        many("scopeLogs", 2, &SCOPE_LOGS),
        field("schemaUrl", 3, Implicit, String),
    ],
};

static SCOPE_LOGS: Message = Message {
    fields: &[one("scope", 1, &SCOPE), many("logRecords", 2, &LOG_RECORD), field("schemaUrl", 3, Implicit, String)],
};

static LOG_RECORD: Message = Message {
    fields: &[
        field("timeUnixNano", 1, Implicit, Fixed64),
        field("observedTimeUnixNano", 11, Implicit, Fixed64),
        field("severityNumber", 2, Implicit, Enum(SEVERITY_NUMBER)),
        field("severityText", 3, Implicit, String),
        one("body", 5, &ANY_VALUE),
        many("attributes", 6, &KEY_VALUE),
        field("droppedAttributesCount", 7, Implicit, Uint32),
        field("flags", 8, Implicit, Fixed32),
        field("traceId", 9, Implicit, Id),
        field("spanId", 10, Implicit, Id),
        field("eventName", 12, Implicit, String),
    ],
};

const SEVERITY_NUMBER: &[&str] = &[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];

// metrics/v1/metrics.proto

static METRICS: Message = Message { fields: &[many("resourceMetrics", 1, &RESOURCE_METRICS)] };

static RESOURCE_METRICS: Message = Message {
    fields: &[
        one("resource", 1, &RESOURCE),
        many("scopeMetrics", 2, &SCOPE_METRICS),
        field("schemaUrl", 3, Implicit, String),
    ],
};

static SCOPE_METRICS: Message = Message {
    fields: &[one("scope", 1, &SCOPE), many("metrics", 2, &METRIC), field("schemaUrl", 3, Implicit, String)],
};

static METRIC: Message = Message {
    fields: &[
        field("name", 1, Implicit, String),
        field("description", 2, Implicit, String),
        field("unit", 3, Implicit, String),
        one("gauge", 5, &GAUGE),
        one("sum", 7, &SUM),
        one("histogram", 9, &HISTOGRAM),
        one("exponentialHistogram", 10, &EXPONENTIAL_HISTOGRAM),
        one("summary", 11, &SUMMARY),
        many("metadata", 12, &KEY_VALUE),
    ],
};

const TEMPORALITY: &[&str] =
    &["AGGREGATION_TEMPORALITY_UNSPECIFIED", "AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_CUMULATIVE"];

static GAUGE: Message = Message { fields: &[many("dataPoints", 1, &NUMBER_POINT)] };

static SUM: Message = Message {
    fields: &[
        many("dataPoints", 1, &NUMBER_POINT),
        field("aggregationTemporality", 2, Implicit, Enum(TEMPORALITY)),
        field("isMonotonic", 3, Implicit, Bool),
    ],
};

static HISTOGRAM: Message = Message {
    fields: &[many("dataPoints", 1, &HISTOGRAM_POINT), field("aggregationTemporality", 2, Implicit, Enum(TEMPORALITY))],
};

static EXPONENTIAL_HISTOGRAM: Message = Message {
    fields: &[
        many("dataPoints", 1, &EXPONENTIAL_POINT),
        field("aggregationTemporality", 2, Implicit, Enum(TEMPORALITY)),
    ],
};

static SUMMARY: Message = Message { fields: &[many("dataPoints", 1, &SUMMARY_POINT)] };

static NUMBER_POINT: Message = Message {
    fields: &[
        many("attributes", 7, &KEY_VALUE),
        field("startTimeUnixNano", 2, Implicit, Fixed64),
        field("timeUnixNano", 3, Implicit, Fixed64),
        field("asDouble", 4, Explicit, Double),
        field("asInt", 6, Explicit, Sfixed64),
        many("exemplars", 5, &EXEMPLAR),
        field("flags", 8, Implicit, Uint32),
    ],
};

static HISTOGRAM_POINT: Message = Message {
    fields: &[
        many("attributes", 9, &KEY_VALUE),
        field("startTimeUnixNano", 2, Implicit, Fixed64),
        field("timeUnixNano", 3, Implicit, Fixed64),
        field("count", 4, Implicit, Fixed64),
        field("sum", 5, Explicit, Double),
        field("bucketCounts", 6, Repeated, Fixed64),
        field("explicitBounds", 7, Repeated, Double),
        many("exemplars", 8, &EXEMPLAR),
        field("flags", 10, Implicit, Uint32),
        field("min", 11, Explicit, Double),
        field("max", 12, Explicit, Double),
    ],
};

static EXPONENTIAL_POINT: Message = Message {
    fields: &[
        many("attributes", 1, &KEY_VALUE),
        field("startTimeUnixNano", 2, Implicit, Fixed64),
        field("timeUnixNano", 3, Implicit, Fixed64),
        field("count", 4, Implicit, Fixed64),
        field("sum", 5, Explicit, Double),
        field("scale", 6, Implicit, Sint32),
        field("zeroCount", 7, Implicit, Fixed64),
        one("positive", 8, &BUCKETS),
        one("negative", 9, &BUCKETS),
        field("flags", 10, Implicit, Uint32),
        many("exemplars", 11, &EXEMPLAR),
        field("min", 12, Explicit, Double),
        field("max", 13, Explicit, Double),
        field("zeroThreshold", 14, Implicit, Double),
    ],
};

static BUCKETS: Message =
    Message { fields: &[field("offset", 1, Implicit, Sint32), field("bucketCounts", 2, Repeated, Uint64)] };

static SUMMARY_POINT: Message = Message {
    fields: &[
        many("attributes", 7, &KEY_VALUE),
        field("startTimeUnixNano", 2, Implicit, Fixed64),
        field("timeUnixNano", 3, Implicit, Fixed64),
        field("count", 4, Implicit, Fixed64),
        field("sum", 5, Implicit, Double),
        many("quantileValues", 6, &QUANTILE),
        field("flags", 8, Implicit, Uint32),
    ],
};

static QUANTILE: Message =
    Message { fields: &[field("quantile", 1, Implicit, Double), field("value", 2, Implicit, Double)] };

static EXEMPLAR: Message = Message {
    fields: &[
        many("filteredAttributes", 7, &KEY_VALUE),
        field("timeUnixNano", 2, Implicit, Fixed64),
        field("asDouble", 3, Explicit, Double),
        field("asInt", 6, Explicit, Sfixed64),
        field("spanId", 4, Implicit, Id),
        field("traceId", 5, Implicit, Id),
    ],
};
