//! Prometheus Remote-Write 1.0 and 2.0 in, PromQL out: the same labels and values, also after sudden death, and each body once.

use prost::Message;
use serde_json::{Value, json};

use crate::otlp;
use crate::process::Haechi;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<MetricMetadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct MetricMetadata {
    #[prost(int32, tag = "1")]
    r#type: i32,
    #[prost(string, tag = "2")]
    metric_family_name: String,
    #[prost(string, tag = "4")]
    help: String,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// Of version 2.0.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<TimeSeries2>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries2 {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<Histogram>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<Metadata>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    r#type: i32,
    #[prost(uint32, tag = "3")]
    help_ref: u32,
}

const STEP: i64 = 15_000;
const TARGET: [(&str, &str); 2] = [("instance", "h:9090"), ("job", "api")];

fn series(pairs: &[(&str, &str)], samples: Vec<Sample>) -> TimeSeries {
    let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
    TimeSeries { labels: pairs.iter().map(label).collect(), samples, histograms: Vec::new() }
}

/// Five samples up to `end`, in milliseconds.
fn samples(end: i64, value: impl Fn(i64) -> f64) -> Vec<Sample> {
    (0..5).map(|i| Sample { value: value(i), timestamp: end - (4 - i) * STEP }).collect()
}

fn version_1(end: i64) -> Vec<u8> {
    let bucket = |le, factor: f64| {
        let labels = [("__name__", "latency_seconds_bucket"), TARGET[0], TARGET[1], ("le", le)];
        series(&labels, samples(end, |i| i as f64 * factor))
    };
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let mut gone = samples(end, |_| 1.0);
    gone[4].value = stale;
    let timeseries = vec![
        series(
            &[("__name__", "http_requests_total"), ("code", "200"), TARGET[0], TARGET[1]],
            samples(end, |i| 30.0 * i as f64),
        ),
        series(&[("__name__", "queue_depth")], samples(end, |i| i as f64)),
        series(&[("__name__", "gone"), ("job", "api")], gone),
        bucket("0.1", 8.0),
        bucket("1.0", 10.0),
        bucket("+Inf", 10.0),
    ];
    let about = |r#type, name: &str| MetricMetadata { r#type, metric_family_name: name.into(), help: "Helps.".into() };
    let metadata = vec![about(1, "http_requests_total"), about(3, "latency_seconds")];
    WriteRequest { timeseries, metadata }.encode_to_vec()
}

/// The counter goes on, now with its type, and a native histogram of the same labels as one in the other version would have.
fn version_2(end: i64) -> Vec<u8> {
    let symbols = [
        "",
        "__name__",
        "http_requests_total",
        "code",
        "200",
        "instance",
        "h:9090",
        "job",
        "api",
        "native_seconds",
        "Helps.",
    ];
    let histogram = |i: i64| Histogram {
        count: 4 * i as u64,
        sum: 6.0 * i as f64,
        positive_spans: vec![BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![4 * i],
        timestamp: end - (4 - i) * STEP,
    };
    let counter = TimeSeries2 {
        labels_refs: vec![1, 2, 3, 4, 5, 6, 7, 8],
        samples: vec![Sample { value: 150.0, timestamp: end + 1 }],
        metadata: Some(Metadata { r#type: 1, help_ref: 10 }),
        ..Default::default()
    };
    let native = TimeSeries2 {
        labels_refs: vec![1, 9, 5, 6, 7, 8],
        histograms: (0..5).map(histogram).collect(),
        metadata: Some(Metadata { r#type: 3, help_ref: 10 }),
        ..Default::default()
    };
    Request { symbols: symbols.map(str::to_owned).into(), timeseries: vec![counter, native] }.encode_to_vec()
}

/// Status, and the samples and histograms that were written.
async fn write(base: &str, version: &str, body: &[u8]) -> (u16, String, String) {
    let request = reqwest::Client::new()
        .post(format!("{base}/api/v1/write"))
        .header("content-type", format!("application/x-protobuf;proto={version}"))
        .header("content-encoding", "snappy")
        .header("user-agent", "Prometheus/3.0.0")
        .body(snap::raw::Encoder::new().compress_vec(body).unwrap());
    let response = request.send().await.unwrap();
    let header = |name: &str| {
        response.headers()[format!("x-prometheus-remote-write-{name}-written")].to_str().unwrap().to_owned()
    };
    (response.status().as_u16(), header("samples"), header("histograms"))
}

const V1: &str = "prometheus.WriteRequest";
const V2: &str = "io.prometheus.write.v2.Request";

async fn write_both(haechi: &Haechi, end: i64) {
    let counted = |samples: &str, histograms: &str| (204, samples.to_owned(), histograms.to_owned());
    assert_eq!(write(&haechi.ui, V1, &version_1(end)).await, counted("30", "0"));
    assert_eq!(write(&haechi.otlp_http, V2, &version_2(end)).await, counted("1", "5"));
}

/// The results of an instant query at `end`: `(labels, value)`.
async fn query(haechi: &Haechi, end: i64, promql: &str) -> Vec<(Value, Value)> {
    let time = (end + 1) as f64 / 1e3;
    let path = format!("/api/v1/query?time={time}&query={}", escaped(promql));
    let (status, answer) = haechi.get(&path).await;
    assert_eq!(status, 200, "{promql}: {answer}");
    let results = answer["data"]["result"].as_array().unwrap();
    results.iter().map(|it| (it["metric"].clone(), it["value"][1].clone())).collect()
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

async fn check(haechi: &Haechi, end: i64) {
    let counter = json!({ "__name__": "http_requests_total", "code": "200", "instance": "h:9090", "job": "api" });
    assert_eq!(query(haechi, end, "http_requests_total").await, [(counter.clone(), json!("150"))]);
    assert_eq!(query(haechi, end, r#"{job="api",instance="h:9090",code="200"}"#).await, [(counter, json!("150"))]);
    assert_eq!(
        query(haechi, end, "count_over_time(http_requests_total[5m])").await[0].1,
        json!("6"),
        "two versions, one series"
    );
    assert_eq!(query(haechi, end, "queue_depth").await, [(json!({ "__name__": "queue_depth" }), json!("4"))]);
    assert_eq!(query(haechi, end, "gone").await, []);
    assert_eq!(query(haechi, end, "count_over_time(gone[5m])").await[0].1, json!("4"));
    let classic = query(haechi, end, "histogram_quantile(0.5, rate(latency_seconds_bucket[5m]))").await;
    assert_eq!(classic, [(json!({ "instance": "h:9090", "job": "api" }), json!("0.0625"))]);
    assert_eq!(query(haechi, end, r#"latency_seconds_bucket{le="1.0"}"#).await[0].1, json!("40"), "le as it was sent");
    assert_eq!(query(haechi, end, "histogram_avg(native_seconds)").await[0].1, json!("1.5"));
    assert_eq!(query(haechi, end, "histogram_count(native_seconds)").await[0].1, json!("16"));
    assert_eq!(query(haechi, end, "native_seconds_count").await, [], "what was not sent is not there");
    assert_eq!(query(haechi, end, "target_info").await, []);

    let lists = |path: &'static str| async move { haechi.get(path).await.1["data"].clone() };
    let names = ["gone", "http_requests_total", "latency_seconds_bucket", "native_seconds", "queue_depth"];
    assert_eq!(lists("/api/v1/label/__name__/values").await, json!(names));
    assert_eq!(lists("/api/v1/label/job/values").await, json!(["api"]));
    assert_eq!(lists("/api/v1/label/le/values").await, json!(["+Inf", "0.1", "1.0"]));
    assert_eq!(lists("/api/v1/labels").await, json!(["__name__", "code", "instance", "job", "le"]));
    assert_eq!(lists("/api/v1/series?match[]=queue_depth").await, json!([{ "__name__": "queue_depth" }]));
    let metadata = lists("/api/v1/metadata").await;
    let types = ["gone", "http_requests_total", "latency_seconds", "native_seconds", "queue_depth"]
        .map(|name| metadata[name][0]["type"].as_str().unwrap_or_default().to_owned());
    assert_eq!(types, ["unknown", "counter", "histogram", "histogram", "unknown"], "{metadata}");
    assert_eq!(metadata.as_object().unwrap().len(), 5, "{metadata}");
    assert_eq!(metadata["latency_seconds"][0]["help"], "Helps.");
    let page = reqwest::Client::new()
        .get(format!("{}/metrics?metric=latency_seconds", haechi.ui))
        .header("accept", "text/html")
        .send();
    let page = page.await.unwrap().text().await.unwrap();
    assert!(page.contains("http_requests_total") && page.contains("latency_seconds_bucket"), "the page of metrics");
}

#[tokio::test]
async fn what_prometheus_writes_is_what_promql_shows() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let end = otlp::now() as i64 / 1_000_000 - 10_000;
    let haechi = Haechi::start(&data);
    for _ in 0..2 {
        write_both(&haechi, end).await; // the second time as a retry
        check(&haechi, end).await;
    }
    let page = reqwest::get(format!("{}/connect/received", haechi.ui)).await.unwrap().text().await.unwrap();
    assert!(page.contains("remote-write/") && page.contains("Prometheus/3.0.0"), "{page}");

    haechi.kill();
    let haechi = Haechi::start(&data);
    check(&haechi, end).await;
    write_both(&haechi, end).await;
    check(&haechi, end).await;
    assert_eq!(haechi.terminate(), Some(0));

    // From segments.
    let haechi = Haechi::start(&data);
    check(&haechi, end).await;
}

#[tokio::test]
async fn a_part_that_is_rejected_costs_itself() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start(&dir.path().join("data"));
    let end = otlp::now() as i64 / 1_000_000;
    let nameless = series(&[("job", "api")], samples(end, |_| 1.0));
    let good = series(&[("__name__", "up"), ("job", "api")], samples(end, |_| 1.0));
    let body = WriteRequest { timeseries: vec![nameless, good], metadata: Vec::new() }.encode_to_vec();
    assert_eq!(write(&haechi.ui, V1, &body).await, (400, "5".to_owned(), "0".to_owned()));
    assert_eq!(query(&haechi, end, "up").await, [(json!({ "__name__": "up", "job": "api" }), json!("1"))]);
    assert_eq!(write(&haechi.ui, "prometheus.Other", &body).await.0, 415);
    let (_, report) = haechi.get("/api/v1/ingest").await;
    let told: Vec<_> =
        report["data"]["reasons"].as_array().unwrap().iter().map(|it| (&it["fate"], &it["peer"])).collect();
    assert!(told.contains(&(&json!("refused"), &json!("127.0.0.1"))), "who was refused on this port: {report}");
}
