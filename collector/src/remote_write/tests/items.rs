//! Series, samples, exemplars and metadata one by one: what is stored, and what is rejected with which reason.

use model::time::{DAY, HOUR};
use prost::Message;
use store::Rows;

use super::prompb::{
    Exemplar, Exemplar2, Histogram, MetricMetadata, NOW_MILLIS, Request, Sample, TimeSeries, TimeSeries2, WriteRequest,
    labels, one, sample, v2,
};
use crate::BodyKind;
use crate::otlp::{Context, Decoded};
use crate::remote_write::{Version, decode};
use crate::testing::{KEEP_ALL, NOW, dump};

const NAMED: &[(&str, &str)] = &[("__name__", "up"), ("job", "api")];

fn both(request: &WriteRequest, context: Context) -> [Decoded; 2] {
    [
        decode(Version::V1, &request.encode_to_vec(), context).unwrap(),
        decode(Version::V2, &v2(request).encode_to_vec(), context).unwrap(),
    ]
}

/// The reason of the one finding.
fn reason(decoded: &Decoded) -> &str {
    assert_eq!(decoded.report.findings().len(), 1, "{:?}", decoded.report);
    &decoded.report.findings()[0].reason
}

#[test]
fn labels_and_values_arrive_as_they_were_sent() {
    let pairs = [("__name__", "http_requests_total"), ("code", "200"), ("instance", "h:9090"), ("job", "api")];
    for decoded in both(&one(&pairs, vec![sample(1.5)]), KEEP_ALL) {
        assert_eq!((decoded.written.samples, decoded.n_items, decoded.has_time), (1, 1, true));
        let services: Vec<_> = decoded.services.iter().map(|it| (it.service.as_str(), it.accepted)).collect();
        assert_eq!(services, [("api", 1)]);
        assert!(decoded.report.is_empty());
        let dump = dump(decoded.rows);
        assert!(dump.contains(&format!("time={NOW} start=0 flags=0 Double(1.5)")), "{dump}");
        assert!(dump.contains(r#""http_requests_total" unit="" description="" gauge"#), "{dump}");
        assert!(dump.contains(r#"{"code":"200"} service="api""#), "{dump}");
        assert!(dump.contains(r#"resource={"service.name":"api","service.instance.id":"h:9090"}"#), "{dump}");
    }
}

#[test]
fn a_bad_series_or_sample_costs_itself_and_the_reason_says_what_is_allowed() {
    let bad_labels: [(&[(&str, &str)], &str); 4] = [
        (&[("job", "api")], "no label __name__"),
        (&[("__name__", "up"), ("a", "1"), ("a", "2")], "there twice"),
        (&[("__name__", "up"), ("", "2")], "a label has no name"),
        (&[], "no label __name__"),
    ];
    for (bad, expected) in bad_labels {
        let mut request = one(bad, vec![sample(1.0), sample(2.0)]);
        request.timeseries.extend(one(NAMED, vec![sample(3.0)]).timeseries);
        for decoded in both(&request, KEEP_ALL) {
            assert_eq!((decoded.rejected(), decoded.written.samples), (2, 1), "{expected}");
            assert!(reason(&decoded).contains(expected), "{}", reason(&decoded));
        }
    }
    let context = Context { received_at: NOW, oldest_accepted: NOW - HOUR };
    let bad_times = [
        (0, "after 1970 and before 2262"),
        (-5, "after 1970 and before 2262"),
        (i64::MAX, "after 1970 and before 2262"),
        (NOW_MILLIS - 3_600_001, "timestamp is older than the retention"),
        (
            NOW_MILLIS / 1000,
            "before the year 2000, older than the retention of this server; it must be in milliseconds",
        ),
        (NOW_MILLIS + DAY / 1_000_000 + 1, "more than a day ahead"),
    ];
    for (timestamp, expected) in bad_times {
        let request = one(NAMED, vec![Sample { timestamp, ..sample(1.0) }, sample(2.0)]);
        for decoded in both(&request, context) {
            assert_eq!((decoded.rejected(), decoded.written.samples), (1, 1), "{timestamp}");
            assert!(reason(&decoded).contains(expected), "{}", reason(&decoded));
            assert_eq!(decoded.report.findings()[0].first, "timeseries[0].samples[0]");
        }
    }
}

#[test]
fn labels_may_come_in_any_order_and_are_one_series() {
    let request = WriteRequest {
        timeseries: vec![
            TimeSeries {
                labels: labels(&[("z", "1"), ("__name__", "up"), ("a", "2")]),
                samples: vec![sample(1.0)],
                ..Default::default()
            },
            TimeSeries {
                labels: labels(&[("__name__", "up"), ("a", "2"), ("b", ""), ("z", "1")]),
                samples: vec![sample(2.0)],
                ..Default::default()
            },
        ],
        metadata: Vec::new(),
    };
    for decoded in both(&request, KEEP_ALL) {
        assert_eq!(decoded.written.samples, 2);
        assert_eq!(dump(decoded.rows).matches("series SeriesId").count(), 1);
    }
}

#[test]
fn text_that_is_none_costs_its_series_alone() {
    let mut good = one(NAMED, vec![sample(1.0)]).encode_to_vec();
    let bad = one(&[("__name__", "up"), ("a", "NEEDLE")], vec![sample(1.0)]).encode_to_vec();
    let at = bad.windows(6).position(|it| it == b"NEEDLE").unwrap();
    good.extend_from_slice(&bad);
    let at = good.len() - bad.len() + at;
    good[at] = 0xff;
    let decoded = decode(Version::V1, &good, KEEP_ALL).unwrap();
    assert_eq!((decoded.rejected(), decoded.written.samples), (1, 1));
    assert_eq!(reason(&decoded), "a label is not valid UTF-8");

    let mut request = one(NAMED, vec![sample(1.0)]);
    request.timeseries.extend(one(&[("__name__", "up"), ("a", "NEEDLE")], vec![sample(1.0)]).timeseries);
    let mut body = v2(&request).encode_to_vec();
    let at = body.windows(6).position(|it| it == b"NEEDLE").unwrap();
    body[at] = 0xff;
    let decoded = decode(Version::V2, &body, KEEP_ALL).unwrap();
    assert_eq!((decoded.rejected(), decoded.written.samples), (1, 1));
    assert_eq!(reason(&decoded), "a label is not valid UTF-8");
}

#[test]
fn references_must_be_to_symbols_and_in_pairs() {
    let symbols: Vec<String> = ["", "__name__", "up"].map(str::to_owned).into();
    for (labels_refs, expected) in [
        (vec![1, 3], "a reference is to no symbol"),
        (vec![u32::MAX, 1], "a reference is to no symbol"),
        (vec![1, 2, 1], "must be pairs"),
    ] {
        let bad = TimeSeries2 { labels_refs, samples: vec![sample(1.0)], ..Default::default() };
        let good = TimeSeries2 { labels_refs: vec![1, 2], samples: vec![sample(1.0)], ..Default::default() };
        let body = Request { symbols: symbols.clone(), timeseries: vec![bad, good] }.encode_to_vec();
        let decoded = decode(Version::V2, &body, KEEP_ALL).unwrap();
        assert_eq!((decoded.rejected(), decoded.written.samples), (1, 1), "{expected}");
        assert!(reason(&decoded).contains(expected), "{}", reason(&decoded));
    }
    // The table is bounded, since an entry in memory is larger than a symbol in the body.
    let body = [0x22, 0].repeat((1 << 20) + 1);
    let error = decode(Version::V2, &body, KEEP_ALL).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("more than 1048576"), "{error}");
    // A body of the other version says nothing at all.
    let decoded = decode(Version::V1, &v2(&one(NAMED, vec![sample(1.0)])).encode_to_vec(), KEEP_ALL).unwrap();
    assert_eq!((decoded.n_items, decoded.rows.is_empty()), (0, true));
}

/// Series with these references and a sample. Symbol 3 has 32 KiB, those from 4 on are `names` short ones.
fn of_long_symbol(refs: impl Iterator<Item = Vec<u32>>, names: u32) -> Request {
    let texts = ["", "__name__", "up"].map(str::to_owned).into_iter().chain(["v".repeat(32 << 10)]);
    let symbols = texts.chain((0..names).map(|n| format!("n{n}"))).collect();
    let series = refs.map(|labels_refs| TimeSeries2 { labels_refs, samples: vec![sample(1.0)], ..Default::default() });
    Request { symbols, timeseries: series.collect() }
}

#[test]
fn a_symbol_that_is_referred_to_again_and_again_does_not_swell_a_series() {
    let many: Vec<u32> = (0..255).flat_map(|n| [4 + n, 3]).collect();
    let mut request = of_long_symbol([[&[1, 2], &many[..]].concat(), vec![1, 2, 4, 3]].into_iter(), 255);
    request.timeseries[1].exemplars =
        [many, vec![4, 3]].map(|labels_refs| Exemplar2 { labels_refs, value: 1.0, timestamp: NOW_MILLIS }).into();
    let decoded = decode(Version::V2, &request.encode_to_vec(), KEEP_ALL).unwrap();
    let written = decoded.written;
    assert_eq!((decoded.rejected(), written.samples, written.exemplars, written.lost_exemplars), (1, 1, 1, 1));
    let findings = decoded.report.findings();
    assert_eq!(findings[0].reason, "the labels of the series take more than 64 KiB");
    assert!(findings[1].reason.contains("or more than 64 KiB of labels"), "{}", findings[1].reason);
}

#[test]
fn what_references_stand_for_is_bounded_by_the_size_of_the_body() {
    let body_of = |n: u32| of_long_symbol((0..n).map(|n| vec![1, 2, 4 + n, 3]), n).encode_to_vec();
    // (series, how many of them are stored)
    for (n, expected) in [(10, 10), (200, 76), (30_000, 2_047)] {
        let body = body_of(n);
        let decoded = decode(Version::V2, &body, KEEP_ALL).unwrap();
        let bytes = decoded.n_text_bytes;
        assert!(bytes <= (64 * body.len()).min(64 << 20), "{bytes} of {}", body.len());
        assert_eq!(
            (decoded.written.samples, decoded.rejected()),
            (expected, u64::from(n) - expected),
            "{}",
            body.len()
        );
        if expected < u64::from(n) {
            assert!(reason(&decoded).contains("64 MiB or 64 times its size; send smaller"), "{}", reason(&decoded));
        }
        // The log has the body; replay gives no more.
        let kind = BodyKind::RemoteWrite(Version::V2).number();
        let replayed = crate::decode_for_replay(Rows::default(), kind, &body, NOW).unwrap();
        assert_eq!(replayed.metrics.len() as u64, expected);
    }
    // Exemplars count too, and each kind of histogram is a series with all of the labels.
    let mut request = of_long_symbol([vec![1, 2]].into_iter(), 1);
    let exemplar = Exemplar2 { labels_refs: vec![4, 3], value: 1.0, timestamp: NOW_MILLIS };
    request.timeseries[0].exemplars = vec![exemplar; 200];
    let decoded = decode(Version::V2, &request.encode_to_vec(), KEEP_ALL).unwrap();
    assert_eq!((decoded.written.exemplars, decoded.written.lost_exemplars), (72, 128));
    let mut request = of_long_symbol([vec![1, 2, 4, 3]].into_iter(), 1);
    let histogram = Histogram { timestamp: NOW_MILLIS, ..Default::default() };
    request.timeseries[0].histograms = vec![histogram.clone(), Histogram { schema: -53, ..histogram }];
    let decoded = decode(Version::V2, &request.encode_to_vec(), KEEP_ALL).unwrap();
    assert_eq!((decoded.written.histograms, decoded.n_text_bytes), (2, 3 * ("__name__upn0".len() + (32 << 10))));
}

#[test]
fn stale_marks_are_points_without_a_value() {
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    for decoded in both(&one(NAMED, vec![sample(stale), sample(f64::NAN)]), KEEP_ALL) {
        let dump = dump(decoded.rows);
        assert!(dump.contains("flags=1 None") && dump.contains("flags=0 Double(NaN)"), "{dump}");
    }
}

#[test]
fn exemplars_have_the_ids_in_their_labels() {
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let exemplar = |pairs: &[(&str, &str)], timestamp| Exemplar { labels: labels(pairs), value: 0.3, timestamp };
    let mut request = one(NAMED, vec![sample(1.0)]);
    request.timeseries[0].exemplars = vec![
        exemplar(&[("span_id", span), ("trace_id", trace), ("user", "u")], NOW_MILLIS),
        exemplar(&[("traceID", trace)], NOW_MILLIS),
        exemplar(&[("trace_id", "abc")], NOW_MILLIS),
        exemplar(&[], 0),
    ];
    for decoded in both(&request, KEEP_ALL) {
        assert_eq!((decoded.written.exemplars, decoded.written.lost_exemplars, decoded.rejected()), (3, 1, 0));
        assert!(reason(&decoded).starts_with("an exemplar was left out: timestamp must be"), "{}", reason(&decoded));
        let dump = dump(decoded.rows);
        assert!(dump.contains(&format!("value=0.3 {trace} {span} {{\"user\":\"u\"}}")), "{dump}");
        assert!(dump.contains(&format!("value=0.3 {trace}  {{}}")), "{dump}");
        assert!(dump.contains("value=0.3   {\"trace_id\":\"abc\"}"), "{dump}");
    }
    // They may come in a series of their own.
    request.timeseries[0].samples.clear();
    for decoded in both(&request, KEEP_ALL) {
        assert_eq!((decoded.n_items, decoded.written.exemplars, decoded.has_time), (0, 3, true));
        assert!(!decoded.rows.is_empty());
    }
}

#[test]
fn metadata_makes_counters_and_descriptions() {
    let about = |r#type, name: &str| MetricMetadata {
        r#type,
        metric_family_name: name.into(),
        help: "Helps.".into(),
        unit: "seconds".into(),
    };
    let mut request = one(&[("__name__", "x_total")], vec![sample(1.0)]);
    request.metadata = vec![about(1, "x_total"), about(3, ""), about(99, "y")];
    let [first, second] = both(&request, KEEP_ALL);
    assert_eq!((first.n_items, first.rows.metrics.len()), (1, 3));
    assert!(reason(&first).contains("without a metric_family_name"));
    let dumped = dump(first.rows);
    assert!(dumped.contains(r#""x_total" unit="seconds" description="Helps." gauge"#), "{dumped}");
    assert!(dumped.contains(&format!("time={NOW} start=0 flags=1 None")), "{dumped}");
    let dumped = dump(second.rows);
    let start = NOW - 5_000_000;
    assert!(dumped.contains(&format!("start={start} flags=0 Double(1.0)")), "{dumped}");
    assert!(dumped.contains(r#"description="Helps." sum Cumulative monotonic=true"#), "{dumped}");
    // Metadata alone is stored, and may be again: it has no time of its own.
    request.timeseries.clear();
    let alone = decode(Version::V1, &request.encode_to_vec(), KEEP_ALL).unwrap();
    assert_eq!((alone.n_items, alone.has_time, alone.rows.is_empty()), (0, false, false));
}

#[test]
fn metadata_is_stored_once_for_each_description_and_not_without_end() {
    let about = |name: String| MetricMetadata { metric_family_name: name, ..Default::default() };
    let repeated = WriteRequest { metadata: vec![about("x".to_owned()); 70_000], ..Default::default() };
    let many = WriteRequest { metadata: (0..70_000).map(|n| about(format!("x{n}"))).collect(), ..Default::default() };
    for (request, n_points) in [(repeated, 1), (many, 65_536)] {
        let decoded = decode(Version::V1, &request.encode_to_vec(), KEEP_ALL).unwrap();
        assert_eq!(decoded.rows.metrics.len(), n_points);
        let [finding] = decoded.report.findings() else { panic!("{:?}", decoded.report) };
        assert!(finding.reason.contains("beyond 65536") && !finding.rejected, "{finding:?}");
        assert_eq!((finding.count, &*finding.first), (70_000 - 65_536, "metadata[65536]"));
    }
}

#[test]
fn a_help_that_is_no_text_costs_itself_alone() {
    let mut request = one(NAMED, vec![sample(1.0)]);
    let about = |name: &str, help: &str| MetricMetadata {
        metric_family_name: name.to_owned(),
        help: help.to_owned(),
        ..Default::default()
    };
    request.metadata = vec![about("x", "NEEDLE"), about("y", "Helps.")];
    let mut body = request.encode_to_vec();
    let at = body.windows(6).position(|it| it == b"NEEDLE").unwrap();
    body[at] = 0xff;
    let decoded = decode(Version::V1, &body, KEEP_ALL).unwrap();
    assert_eq!((decoded.written.samples, decoded.rows.metrics.len()), (1, 2));
    assert_eq!(reason(&decoded), "metadata that is not valid UTF-8 was left out");
}

#[test]
fn a_request_has_no_more_rows_than_memory_is_counted_for() {
    // Nine bytes each: a value of 0 is not sent.
    let samples = vec![Sample { value: 0.0, ..sample(0.0) }; (4 << 20) + 3];
    let decoded = decode(Version::V1, &one(NAMED, samples).encode_to_vec(), KEEP_ALL).unwrap();
    assert_eq!((decoded.written.samples, decoded.rejected()), (4 << 20, 3));
    assert!(reason(&decoded).contains("send smaller batches"));
}
