//! Requests of every shape, drawn from a tape of bytes: a short tape gives a small request, so that failures shrink.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::NOW;

/// Choices, each a byte; zeros after the end.
pub(crate) struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Tape(bytes)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn below(&mut self, n: u8) -> usize {
        usize::from(self.byte() % n)
    }

    pub(crate) fn one_in(&mut self, n: u8) -> bool {
        self.byte().is_multiple_of(n)
    }

    pub(crate) fn many<T>(&mut self, most: u8, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let n = self.below(most + 1);
        (0..n).map(|_| draw(self)).collect()
    }

    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() % 6 {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3 => u64::from(self.byte()) << 32,
            _ => u64::from(self.byte()),
        }
    }

    pub(crate) fn double(&mut self) -> f64 {
        match self.byte() % 6 {
            0 => 0.0,
            1 => f64::NAN,
            2 => f64::NEG_INFINITY,
            _ => f64::from(self.byte()) / 8.0 - 4.0,
        }
    }

    fn text(&mut self) -> String {
        ["", "a", "service.name", "path", "héllo \u{1f43b}", "line\n\"quoted\"\\", "한국어"][self.below(7)].to_owned()
    }

    fn id(&mut self, length: usize) -> Vec<u8> {
        match self.byte() % 8 {
            0 => Vec::new(),
            1 => vec![0; length],
            2 => vec![9; length - 1],
            n => vec![n; length],
        }
    }

    /// Mostly a valid time.
    pub(crate) fn time(&mut self) -> u64 {
        match self.byte() {
            0..=15 => 0,
            16..=23 => u64::MAX,
            n => (NOW as u64).wrapping_add_signed((i64::from(n) - 128) * 1_000_000_007),
        }
    }

    fn value(&mut self, depth: usize) -> AnyValue {
        let value = match self.byte() % if depth == 0 { 6 } else { 8 } {
            0 => None,
            1 => Some(Value::StringValue(self.text())),
            2 => Some(Value::BoolValue(self.one_in(2))),
            3 => Some(Value::IntValue(self.number() as i64)),
            4 => Some(Value::DoubleValue(self.double())),
            5 => Some(Value::BytesValue(self.many(5, Tape::byte))),
            6 => Some(Value::ArrayValue(ArrayValue { values: self.many(3, |tape| tape.value(depth - 1)) })),
            _ => Some(Value::KvlistValue(KeyValueList { values: self.attributes(depth - 1) })),
        };
        AnyValue { value }
    }

    fn attributes(&mut self, depth: usize) -> Vec<KeyValue> {
        self.many(3, |tape| {
            let value = (!tape.one_in(8)).then(|| tape.value(depth));
            KeyValue { key: tape.text(), value, ..Default::default() }
        })
    }

    fn resource(&mut self) -> Option<Resource> {
        (!self.one_in(4)).then(|| Resource {
            attributes: self.attributes(2),
            dropped_attributes_count: self.byte().into(),
            ..Default::default()
        })
    }

    fn scope(&mut self) -> Option<InstrumentationScope> {
        (!self.one_in(4)).then(|| InstrumentationScope {
            name: self.text(),
            version: self.text(),
            attributes: self.attributes(1),
            dropped_attributes_count: self.byte().into(),
        })
    }

    fn span(&mut self) -> Span {
        Span {
            trace_id: self.id(16),
            span_id: self.id(8),
            trace_state: self.text(),
            parent_span_id: self.id(8),
            flags: self.byte().into(),
            name: self.text(),
            kind: self.below(7) as i32,
            start_time_unix_nano: self.time(),
            end_time_unix_nano: self.time(),
            attributes: self.attributes(3),
            dropped_attributes_count: self.byte().into(),
            events: self.many(2, |tape| Event {
                time_unix_nano: tape.time(),
                name: tape.text(),
                attributes: tape.attributes(1),
                dropped_attributes_count: tape.byte().into(),
            }),
            dropped_events_count: self.byte().into(),
            links: self.many(2, |tape| Link {
                trace_id: tape.id(16),
                span_id: tape.id(8),
                trace_state: tape.text(),
                attributes: tape.attributes(1),
                dropped_attributes_count: tape.byte().into(),
                flags: tape.byte().into(),
            }),
            dropped_links_count: self.byte().into(),
            status: self.one_in(2).then(|| Status { message: self.text(), code: self.below(4) as i32 }),
        }
    }

    fn log_record(&mut self) -> LogRecord {
        LogRecord {
            time_unix_nano: self.time(),
            observed_time_unix_nano: self.time(),
            severity_number: self.below(40) as i32 - 5,
            severity_text: self.text(),
            body: (!self.one_in(8)).then(|| self.value(3)),
            attributes: self.attributes(2),
            dropped_attributes_count: self.byte().into(),
            flags: self.byte().into(),
            trace_id: self.id(16),
            span_id: self.id(8),
            event_name: self.text(),
        }
    }

    fn exemplars(&mut self) -> Vec<Exemplar> {
        self.many(2, |tape| Exemplar {
            filtered_attributes: tape.attributes(1),
            time_unix_nano: tape.time(),
            span_id: tape.id(8),
            trace_id: tape.id(16),
            value: match tape.byte() % 4 {
                0 => None,
                1 => Some(exemplar::Value::AsInt(tape.number() as i64)),
                _ => Some(exemplar::Value::AsDouble(tape.double())),
            },
        })
    }

    fn number_point(&mut self) -> NumberDataPoint {
        NumberDataPoint {
            attributes: self.attributes(2),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            exemplars: self.exemplars(),
            flags: self.below(4) as u32,
            value: match self.byte() % 5 {
                0 => None,
                1 | 2 => Some(number_data_point::Value::AsInt(self.number() as i64)),
                _ => Some(number_data_point::Value::AsDouble(self.double())),
            },
        }
    }

    fn histogram_point(&mut self) -> HistogramDataPoint {
        let n_bounds = self.below(4);
        let n_counts = if self.one_in(8) { 0 } else { n_bounds + 1 };
        HistogramDataPoint {
            attributes: self.attributes(2),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            count: self.number(),
            sum: self.optional_double(),
            bucket_counts: (0..n_counts).map(|_| self.number()).collect(),
            explicit_bounds: (0..n_bounds).map(|i| i as f64 + f64::from(self.byte()) / 100.0).collect(),
            exemplars: self.exemplars(),
            flags: self.below(4) as u32,
            min: self.optional_double(),
            max: self.optional_double(),
        }
    }

    fn exponential_point(&mut self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes: self.attributes(2),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            count: self.number(),
            sum: self.optional_double(),
            scale: self.below(30) as i32 - 10,
            zero_count: self.number(),
            positive: self.buckets(),
            negative: self.buckets(),
            flags: self.below(4) as u32,
            exemplars: self.exemplars(),
            min: self.optional_double(),
            max: self.optional_double(),
            zero_threshold: self.double(),
        }
    }

    fn summary_point(&mut self) -> SummaryDataPoint {
        SummaryDataPoint {
            attributes: self.attributes(2),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            count: self.number(),
            sum: self.double(),
            quantile_values: self
                .many(3, |tape| ValueAtQuantile { quantile: f64::from(tape.byte()) / 250.0, value: tape.double() }),
            flags: self.below(4) as u32,
        }
    }

    fn optional_double(&mut self) -> Option<f64> {
        self.one_in(2).then(|| self.double())
    }

    fn buckets(&mut self) -> Option<Buckets> {
        (!self.one_in(4)).then(|| Buckets {
            offset: if self.one_in(16) { i32::MAX } else { self.below(50) as i32 - 25 },
            bucket_counts: self.many(4, Tape::number),
        })
    }

    fn metric(&mut self) -> Metric {
        let aggregation_temporality = self.below(4) as i32;
        let data = match self.byte() % 11 {
            0 => None,
            1 | 2 => Some(metric::Data::Gauge(Gauge { data_points: self.many(3, Tape::number_point) })),
            3 | 4 => Some(metric::Data::Sum(Sum {
                data_points: self.many(3, Tape::number_point),
                aggregation_temporality,
                is_monotonic: self.one_in(2),
            })),
            5 | 6 => Some(metric::Data::Histogram(Histogram {
                data_points: self.many(3, Tape::histogram_point),
                aggregation_temporality,
            })),
            7 | 8 => Some(metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points: self.many(3, Tape::exponential_point),
                aggregation_temporality,
            })),
            _ => Some(metric::Data::Summary(Summary { data_points: self.many(3, Tape::summary_point) })),
        };
        Metric { name: self.text(), description: self.text(), unit: self.text(), metadata: self.attributes(1), data }
    }
}

pub(crate) fn traces(tape: &mut Tape<'_>) -> ExportTraceServiceRequest {
    let resource_spans = tape.many(3, |tape| ResourceSpans {
        resource: tape.resource(),
        scope_spans: tape.many(2, |tape| ScopeSpans {
            scope: tape.scope(),
            spans: tape.many(4, Tape::span),
            schema_url: tape.text(),
        }),
        schema_url: tape.text(),
    });
    ExportTraceServiceRequest { resource_spans }
}

pub(crate) fn logs(tape: &mut Tape<'_>) -> ExportLogsServiceRequest {
    let resource_logs = tape.many(3, |tape| ResourceLogs {
        resource: tape.resource(),
        scope_logs: tape.many(2, |tape| ScopeLogs {
            scope: tape.scope(),
            log_records: tape.many(5, Tape::log_record),
            schema_url: tape.text(),
        }),
        schema_url: tape.text(),
    });
    ExportLogsServiceRequest { resource_logs }
}

pub(crate) fn metrics(tape: &mut Tape<'_>) -> ExportMetricsServiceRequest {
    let resource_metrics = tape.many(3, |tape| ResourceMetrics {
        resource: tape.resource(),
        scope_metrics: tape.many(2, |tape| ScopeMetrics {
            scope: tape.scope(),
            metrics: tape.many(5, Tape::metric),
            schema_url: tape.text(),
        }),
        schema_url: tape.text(),
    });
    ExportMetricsServiceRequest { resource_metrics }
}
