//! What the requests hold, read back by the receiver's decoder and by prost.

use std::collections::{BTreeMap, HashSet};

use collector::otlp::{self, Context};
use model::{MetricKind, PointValue, StatusCode};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use store::{ExemplarChunk, LogChunk, PointChunk, SeriesChunk, SpanChunk, Table};

use super::*;

const KEEP_ALL: Context = Context { received_at: Nanos::MAX, oldest_accepted: Nanos::MIN };

/// Every adversity at once.
fn adverse() -> Workload {
    Workload {
        histograms: 8,
        exemplars: true,
        jitter: 4_000_000,
        churn: model::time::MINUTE,
        unique_bodies: true,
        late_percent: 30,
        ..Workload::sample()
    }
}

fn body(generator: &Generator, signal: Signal, request: u64) -> Body {
    generator.request(signal, request, &mut Scratch::default())
}

/// The rows of a request by table, after checking that the decoder has nothing to complain about.
fn decode(signal: Signal, body: &Body) -> BTreeMap<u8, store::RecordBatch> {
    let decoded = otlp::decode(signal, &body.bytes, KEEP_ALL).unwrap();
    assert_eq!((decoded.n_items, decoded.rejected()), (body.items, 0));
    assert_eq!(decoded.report.message(signal), "");
    decoded.rows.finish().into_iter().map(|(table, batch)| (table as u8, batch)).collect()
}

#[test]
fn requests_are_a_function_of_workload_and_number() {
    for workload in [Workload::sample(), adverse()] {
        let (one, two) = (Generator::new(&workload), Generator::new(&workload));
        let other = Generator::new(&Workload { seed: 2, ..workload });
        let mut used = Scratch::default();
        for signal in Signal::ALL {
            // In another order, with memory that was used for something else.
            let later = one.request(signal, 9, &mut used).bytes;
            let first = one.request(signal, 0, &mut used).bytes;
            assert_eq!(first, body(&two, signal, 0).bytes, "{signal:?}");
            assert_eq!(later, body(&two, signal, 9).bytes, "{signal:?}");
            assert_ne!(first, later, "{signal:?}");
            assert_ne!(first, body(&other, signal, 0).bytes, "{signal:?}");
        }
    }
}

#[test]
fn both_decoders_read_every_request_whole() {
    for workload in [Workload::sample(), adverse()] {
        let generator = Generator::new(&workload);
        for request in 0..5 {
            let spans = body(&generator, Signal::Traces, request);
            decode(Signal::Traces, &spans);
            let message = ExportTraceServiceRequest::decode(spans.bytes.clone()).unwrap();
            assert_eq!(message.encode_to_vec(), spans.bytes, "in the order and form of the reference encoder");
            let logs = body(&generator, Signal::Logs, request);
            decode(Signal::Logs, &logs);
            let message = ExportLogsServiceRequest::decode(logs.bytes.clone()).unwrap();
            let n_attributes =
                message.resource_logs.iter().flat_map(|it| &it.scope_logs).flat_map(|it| &it.log_records);
            assert!(n_attributes.into_iter().all(|record| record.attributes.len() == 7));
            assert_eq!(message.encode_to_vec(), logs.bytes);
            let metrics = body(&generator, Signal::Metrics, request);
            decode(Signal::Metrics, &metrics);
            let message = ExportMetricsServiceRequest::decode(metrics.bytes.clone()).unwrap();
            assert_eq!(message.encode_to_vec(), metrics.bytes);
        }
    }
}

#[test]
fn spans_have_the_ids_and_times_that_are_looked_for() {
    for workload in [Workload::sample(), adverse()] {
        let generator = Generator::new(&workload);
        let rows = decode(Signal::Traces, &body(&generator, Signal::Traces, 3));
        let chunk = SpanChunk::from(rows[&(Table::Spans as u8)].clone());
        let found: HashSet<_> =
            (0..chunk.len()).map(|row| chunk.row(row)).map(|span| (span.trace_id.0, span.span_id.0)).collect();
        assert_eq!(found.len(), chunk.len());
        let first = 3 * workload.traces_per_request;
        let traces = (first..first + workload.traces_per_request).map(|number| generator.trace(number));
        let wanted: HashSet<_> = traces.flat_map(|(id, spans)| spans.into_iter().map(move |span| (id, span))).collect();
        assert_eq!(found, wanted);
        let earliest = (0..chunk.len()).map(|row| chunk.start(row)).min();
        assert_eq!(earliest, Some(generator.first_time(Signal::Traces, 3)));
    }
}

#[test]
fn traces_look_like_those_of_services() {
    let generator = Generator::new(&Workload { traces_per_request: 4000, ..Workload::sample() });
    let body = body(&generator, Signal::Traces, 0);
    let chunk = SpanChunk::from(decode(Signal::Traces, &body)[&(Table::Spans as u8)].clone());
    let spans: Vec<_> = (0..chunk.len()).map(|row| chunk.row(row)).collect();
    let mean = spans.len() as f64 / 4000.0;
    assert!((24.0..26.0).contains(&mean), "{mean} spans in a trace");
    assert_eq!(spans.iter().map(|span| span.service).collect::<HashSet<_>>().len(), 12);
    let attributes = spans.iter().map(|span| span.attrs.iter().count()).sum::<usize>() as f64 / spans.len() as f64;
    assert!((6.0..9.0).contains(&attributes), "{attributes} attributes");
    let failed = spans.iter().filter(|span| span.status == StatusCode::Error).count() as f64 / spans.len() as f64;
    assert!((0.001..0.02).contains(&failed), "{failed} failed");
    let size = body.bytes.len() as f64 / spans.len() as f64;
    assert!((300.0..600.0).contains(&size), "{size} bytes a span");
}

#[test]
fn log_families_have_their_shares_and_records_belong_to_traces() {
    let workload = Workload { logs_per_request: 50_000, ..Workload::sample() };
    let generator = Generator::new(&workload);
    let body = body(&generator, Signal::Logs, 1);
    let chunk = LogChunk::from(decode(Signal::Logs, &body)[&(Table::Logs as u8)].clone());
    let records: Vec<_> = (0..chunk.len()).map(|row| chunk.row(row)).collect();
    let share = |is: fn(&str) -> bool| {
        records.iter().filter(|record| is(record.attrs.get_str("logger.name").unwrap())).count() as f64 / 50_000.0
    };
    for (found, wanted) in [
        (share(|name| name == "access"), 0.55),
        (share(|name| name == "shop.client"), 0.07),
        (share(|name| name == "grpc"), 0.03),
    ] {
        assert!((found / wanted - 1.0).abs() < 0.05, "{found} of {wanted}");
    }
    let body_size = records.iter().map(|record| record.body.len()).sum::<usize>() as f64 / 50_000.0;
    assert!((58.0..70.0).contains(&body_size), "{body_size} bytes a body");
    let size = body.bytes.len() as f64 / 50_000.0;
    assert!((330.0..443.0).contains(&size), "{size} bytes a record");
    let mut times: Vec<Nanos> = records.iter().map(|record| record.time).collect();
    times.sort_unstable();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "no two records have one time");
    assert_eq!(times[0], generator.first_time(Signal::Logs, 1));
    // 10 s of records, 12.5 ms from trace to trace; a span of the trace and the service that wrote the line.
    let known: HashSet<_> = (700..1700).map(|number| generator.trace(number).0).collect();
    assert!(records.iter().all(|record| known.contains(&record.trace_id.unwrap().0)));
}

#[test]
fn adverse_bodies_repeat_no_word() {
    let generator = Generator::new(&adverse());
    let rows = decode(Signal::Logs, &body(&generator, Signal::Logs, 0));
    let chunk = LogChunk::from(rows[&(Table::Logs as u8)].clone());
    let words: Vec<String> = (0..chunk.len())
        .flat_map(|row| chunk.row(row).body.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(words.iter().collect::<HashSet<_>>().len() as f64 > 0.999 * words.len() as f64);
}

#[test]
fn exports_hold_the_values_that_are_looked_for() {
    for workload in [Workload { jitter: 4_000_000, ..Workload::sample() }, Workload::sample()] {
        let generator = Generator::new(&workload);
        let rows = decode(Signal::Metrics, &body(&generator, Signal::Metrics, 5));
        let chunk = PointChunk::from(rows[&(Table::Points as u8)].clone());
        let mut found: BTreeMap<Nanos, f64> = BTreeMap::new();
        for point in (0..chunk.len()).map(|row| chunk.row(row)) {
            let value = match point.value {
                PointValue::Int(int) => int as f64,
                PointValue::Double(double) => double,
                other => panic!("{other:?}"),
            };
            *found.entry(point.time).or_default() += value;
        }
        let exports: Vec<Exported> =
            generator.exports_in(5).map(|(resource, tick)| generator.exported(resource, tick)).collect();
        assert_eq!(exports.len(), 10);
        assert_eq!(found.keys().next(), Some(&generator.first_time(Signal::Metrics, 5)));
        for export in exports {
            let sum: f64 = export.values.iter().map(|value| value.as_f64()).sum();
            assert!((found[&export.time] - sum).abs() < 1e-6 * sum.abs(), "all series of a resource share its time");
        }
        assert_eq!(series_names().len() as u64, crate::load::workload::SERIES_PER_RESOURCE);
    }
}

#[test]
fn histograms_add_up_and_name_traces() {
    let workload = Workload { histograms: MAX_HISTOGRAMS, exemplars: true, ..Workload::sample() };
    let generator = Generator::new(&workload);
    let rows = decode(Signal::Metrics, &body(&generator, Signal::Metrics, 4));
    let series = SeriesChunk::from(rows[&(Table::Series as u8)].clone());
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    (0..series.len()).filter_map(|row| series.row(row)).for_each(|it| *kinds.entry(it.kind.name()).or_default() += 1);
    let wanted = |kind: MetricKind| kinds.get(kind.name()).copied();
    assert_eq!(wanted(MetricKind::Histogram), Some(150), "15 of each of ten resources: {kinds:?}");
    assert_eq!(wanted(MetricKind::ExponentialHistogram), Some(50), "{kinds:?}");
    let exemplars = ExemplarChunk::from(rows[&(Table::Exemplars as u8)].clone());
    assert_eq!(exemplars.len(), 200);
    let message = body(&generator, Signal::Metrics, 4);
    let message = ExportMetricsServiceRequest::decode(message.bytes).unwrap();
    let metrics = message.resource_metrics.iter().flat_map(|it| &it.scope_metrics).flat_map(|it| &it.metrics);
    for metric in metrics {
        match &metric.data {
            Some(Data::Histogram(it)) => {
                assert!(it.data_points.iter().all(|it| it.count == it.bucket_counts.iter().sum::<u64>()));
            }
            Some(Data::ExponentialHistogram(it)) => {
                let sum = |buckets: &Option<_>| -> u64 {
                    let buckets: &opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets =
                        buckets.as_ref().unwrap();
                    buckets.bucket_counts.iter().sum()
                };
                assert!(it.data_points.iter().all(|it| it.count == sum(&it.positive)));
            }
            _ => {}
        }
    }
}

#[test]
fn pods_that_are_replaced_have_new_series() {
    let workload = Workload { churn: model::time::MINUTE, ..Workload::sample() };
    let generator = Generator::new(&workload);
    let ids = |request| -> HashSet<u128> {
        let rows = decode(Signal::Metrics, &body(&generator, Signal::Metrics, request));
        let points = PointChunk::from(rows[&(Table::Points as u8)].clone());
        (0..points.len()).map(|row| points.series(row).0).collect()
    };
    let first = ids(0);
    assert_eq!(first.len(), 1000);
    assert!(ids(2).intersection(&first).count() > 500, "most pods live on");
    assert_eq!(ids(10).intersection(&first).count(), 0, "after 75 s none does");
}

#[test]
fn no_two_exports_of_a_resource_have_one_time_however_late_they_are() {
    let workload = Workload { late_percent: 50, ..Workload::sample() };
    let generator = Generator::new(&workload);
    let (mut times, mut n_late) = (HashSet::new(), 0);
    for request in 0..1_500 * workload.requests_per_export() {
        let lateness = generator.lateness(Signal::Metrics, request);
        assert!(lateness < workload.max_lateness());
        n_late += u64::from(lateness > 0);
        for (resource, tick) in generator.exports_in(request) {
            let time = generator.samples.time(&workload, resource, tick) - lateness;
            assert!(times.insert((resource, time)), "resource {resource} at {time}");
        }
    }
    assert!(n_late > 500);
}
