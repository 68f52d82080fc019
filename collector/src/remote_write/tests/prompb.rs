//! The messages of both versions as prost derives them, and requests drawn from a tape.
//!
//! Field numbers: `prompb/types.proto` and `prompb/io/prometheus/write/v2/types.proto` of Prometheus.

use prost::Message;

use crate::fuzzing::generate::Tape;
use crate::testing::NOW;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) metadata: Vec<MetricMetadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Label {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sample {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
    /// Of 2.0 only.
    #[prost(int64, tag = "3")]
    pub(crate) start_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(double, tag = "2")]
    pub(crate) value: f64,
    #[prost(int64, tag = "3")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetricMetadata {
    #[prost(int32, tag = "1")]
    pub(crate) r#type: i32,
    #[prost(string, tag = "2")]
    pub(crate) metric_family_name: String,
    #[prost(string, tag = "4")]
    pub(crate) help: String,
    #[prost(string, tag = "5")]
    pub(crate) unit: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    pub(crate) count_int: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub(crate) count_float: Option<f64>,
    #[prost(double, tag = "3")]
    pub(crate) sum: f64,
    #[prost(sint32, tag = "4")]
    pub(crate) schema: i32,
    #[prost(double, tag = "5")]
    pub(crate) zero_threshold: f64,
    #[prost(uint64, optional, tag = "6")]
    pub(crate) zero_count_int: Option<u64>,
    #[prost(double, optional, tag = "7")]
    pub(crate) zero_count_float: Option<f64>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) negative_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "9")]
    pub(crate) negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    pub(crate) negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "12")]
    pub(crate) positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    pub(crate) positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    pub(crate) reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub(crate) timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    pub(crate) custom_values: Vec<f64>,
    /// Of 2.0 only.
    #[prost(int64, tag = "17")]
    pub(crate) start_timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct BucketSpan {
    #[prost(sint32, tag = "1")]
    pub(crate) offset: i32,
    #[prost(uint32, tag = "2")]
    pub(crate) length: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Request {
    #[prost(string, repeated, tag = "4")]
    pub(crate) symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) timeseries: Vec<TimeSeries2>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TimeSeries2 {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) histograms: Vec<Histogram>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) exemplars: Vec<Exemplar2>,
    #[prost(message, optional, tag = "5")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(int64, tag = "6")]
    pub(crate) created_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exemplar2 {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) labels_refs: Vec<u32>,
    #[prost(double, tag = "2")]
    pub(crate) value: f64,
    #[prost(int64, tag = "3")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(int32, tag = "1")]
    pub(crate) r#type: i32,
    #[prost(uint32, tag = "3")]
    pub(crate) help_ref: u32,
    #[prost(uint32, tag = "4")]
    pub(crate) unit_ref: u32,
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
    pairs.iter().map(|(name, value)| Label { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

/// Milliseconds of [`NOW`].
pub(crate) const NOW_MILLIS: i64 = NOW / 1_000_000;

pub(crate) fn sample(value: f64) -> Sample {
    Sample { value, timestamp: NOW_MILLIS, start_timestamp: 0 }
}

/// A request of one series.
pub(crate) fn one(pairs: &[(&str, &str)], samples: Vec<Sample>) -> WriteRequest {
    let timeseries = vec![TimeSeries { labels: labels(pairs), samples, ..Default::default() }];
    WriteRequest { timeseries, metadata: Vec::new() }
}

/// The same series in version 2.0, with the metadata that is there for their names.
pub(crate) fn v2(request: &WriteRequest) -> Request {
    let mut symbols = vec![String::new()];
    let mut symbol = |text: &str| {
        let place = symbols.iter().position(|known| known == text).unwrap_or_else(|| {
            symbols.push(text.to_owned());
            symbols.len() - 1
        });
        place as u32
    };
    let mut refs = |labels: &[Label]| -> Vec<u32> {
        labels.iter().flat_map(|label| [symbol(&label.name), symbol(&label.value)]).collect()
    };
    let mut timeseries: Vec<TimeSeries2> = Vec::new();
    for it in &request.timeseries {
        timeseries.push(TimeSeries2 {
            labels_refs: refs(&it.labels),
            samples: it.samples.clone(),
            histograms: it.histograms.clone(),
            exemplars: it
                .exemplars
                .iter()
                .map(|it| Exemplar2 { labels_refs: refs(&it.labels), value: it.value, timestamp: it.timestamp })
                .collect(),
            ..Default::default()
        });
    }
    for (it, about) in timeseries.iter_mut().zip(&request.metadata) {
        it.metadata =
            Some(Metadata { r#type: about.r#type, help_ref: symbol(&about.help), unit_ref: symbol(&about.unit) });
        it.created_timestamp = if about.r#type == 1 { NOW_MILLIS - 5 } else { 0 };
    }
    Request { symbols, timeseries }
}

/// A request drawn from `tape`: a short tape gives a small request, so that failures shrink.
pub(crate) fn draw(tape: &[u8]) -> WriteRequest {
    let tape = &mut Tape::new(tape);
    let timeseries = tape.many(5, |tape| TimeSeries {
        labels: draw_labels(tape),
        samples: tape.many(3, |tape| Sample {
            value: if tape.one_in(5) { f64::from_bits(0x7ff0_0000_0000_0002) } else { tape.double() },
            timestamp: draw_time(tape),
            start_timestamp: if tape.one_in(3) { NOW_MILLIS - 1 } else { 0 },
        }),
        exemplars: tape.many(2, |tape| Exemplar {
            labels: draw_labels(tape),
            value: tape.double(),
            timestamp: draw_time(tape),
        }),
        histograms: tape.many(3, draw_histogram),
    });
    let metadata = tape.many(4, |tape| MetricMetadata {
        r#type: tape.below(10) as i32,
        metric_family_name: ["", "up", "x_seconds"][tape.below(3)].to_owned(),
        help: ["", "helps"][tape.below(2)].to_owned(),
        unit: ["", "seconds"][tape.below(2)].to_owned(),
    });
    WriteRequest { timeseries, metadata }
}

fn draw_time(tape: &mut Tape<'_>) -> i64 {
    match tape.below(8) {
        0 => 0,
        1 => tape.number() as i64,
        n => NOW_MILLIS - 1000 + n as i64,
    }
}

fn draw_labels(tape: &mut Tape<'_>) -> Vec<Label> {
    let names = ["__name__", "a", "code", "instance", "job", "le", "service.name", "trace_id", "zone", ""];
    let values = ["", "1", "+Inf", "up", "x_seconds_bucket", "4bf92f3577b34da6a3ce929d0e0e4736", "한국어"];
    let (few, in_order) = (tape.below(5) as u8, !tape.one_in(4));
    let mut chosen: Vec<usize> = (0..few).map(|_| tape.below(names.len() as u8)).collect();
    if in_order {
        chosen.push(0);
        chosen.sort_unstable();
        chosen.dedup();
    }
    let mut label =
        |place: usize| Label { name: names[place].into(), value: values[tape.below(values.len() as u8)].into() };
    chosen.into_iter().map(&mut label).collect()
}

fn draw_histogram(tape: &mut Tape<'_>) -> Histogram {
    let is_float = tape.one_in(3);
    let schema = [0, 3, -4, 8, -53, 9][tape.below(6)];
    let side = |tape: &mut Tape<'_>| {
        let spans = tape.many(3, |tape| BucketSpan { offset: tape.below(9) as i32 - 2, length: tape.below(4) as u32 });
        let sent: u32 = spans.iter().map(|span| span.length).sum::<u32>() + u32::from(tape.one_in(9));
        let deltas: Vec<i64> = (0..sent).map(|_| tape.below(20) as i64 - 3).collect();
        (spans, deltas)
    };
    let (positive_spans, positive) = side(tape);
    let (negative_spans, negative) = if tape.one_in(2) { side(tape) } else { Default::default() };
    let floats = |deltas: &[i64], tape: &mut Tape<'_>| -> Vec<f64> {
        let part = if tape.one_in(6) { 0.5 } else { 0.0 };
        deltas.iter().map(|delta| *delta as f64 + part).collect()
    };
    let count = tape.byte();
    Histogram {
        count_int: (!is_float).then_some(count.into()),
        count_float: is_float.then_some(count.into()),
        sum: tape.double(),
        schema,
        zero_threshold: if tape.one_in(2) { 0.001 } else { 0.0 },
        zero_count_int: (!is_float && schema != -53).then_some(2),
        zero_count_float: (is_float && schema != -53).then_some(2.0),
        positive_counts: if is_float { floats(&positive, tape) } else { Vec::new() },
        positive_deltas: if is_float { Vec::new() } else { positive },
        negative_counts: if is_float { floats(&negative, tape) } else { Vec::new() },
        negative_deltas: if is_float { Vec::new() } else { negative },
        positive_spans,
        negative_spans,
        reset_hint: tape.below(5) as i32,
        timestamp: draw_time(tape),
        custom_values: if schema == -53 { (0..tape.below(6)).map(|i| i as f64).collect() } else { Vec::new() },
        start_timestamp: 0,
    }
}
