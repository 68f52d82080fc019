//! Label names, label values, series and metrics of a store.

use model::TimeRange;
use query::promql::{Limits, Listing, Source, json, label_names, label_values, metadata, series};

use super::otlp::{OtlpLoad, OtlpStore};

const NONE: [&str; 0] = [];

fn source() -> (Source, OtlpStore) {
    let mut store = OtlpStore::new();
    let loads = [
        (
            "1m sum cumulative monotonic unit={request}",
            r#"http.requests{"http.method"="GET", "resource.service.name"="web", "resource.host.name"="h"} 0+1x5"#,
        ),
        (
            "1m histogram cumulative unit=s",
            r#"request.duration{"resource.service.name"="web", "resource.host.name"="h"} {{schema:-53 count:3 sum:1 custom_values:[0.5] buckets:[1 2]}}x5"#,
        ),
        ("1h gauge", r#"late{"resource.service.name"="batch"} _ 1"#),
    ];
    for (head, line) in loads {
        store.load(&OtlpLoad::parse(head, &[line]));
    }
    (Source::store(store.snapshot()), store)
}

fn items<T>(listing: Result<Listing<T>, query::promql::PromqlError>) -> Vec<T> {
    let listing = listing.unwrap();
    assert!(listing.warnings.is_empty());
    listing.items
}

/// The first half hour.
const EARLY: TimeRange = TimeRange { start: 0, end: 1_800_000_000_000 };

#[test]
fn names_and_values_are_those_of_the_range() {
    let (source, _store) = source();
    let limits = Limits::default();
    let names = |range| items(label_values(&source, "__name__", &NONE, range, &limits));
    let early = [
        "http_requests_total",
        "request_duration_seconds",
        "request_duration_seconds_bucket",
        "request_duration_seconds_count",
        "request_duration_seconds_sum",
        "target_info",
    ];
    assert_eq!(names(EARLY), early);
    assert_eq!(names(TimeRange::ALL).len(), 7);
    assert_eq!(
        items(label_names(&source, &NONE, EARLY, &limits)),
        ["__name__", "host_name", "http_method", "instance", "job", "le"]
    );
    assert_eq!(items(label_values(&source, "le", &NONE, EARLY, &limits)), ["+Inf", "0.5"]);
    assert_eq!(items(label_values(&source, "job", &NONE, TimeRange::ALL, &limits)), ["batch", "web"]);
}

#[test]
fn selectors_choose_series_in_either_spelling() {
    let (source, _store) = source();
    let limits = Limits::default();
    let shown = |selectors: &[&str]| -> Vec<String> {
        items(series(&source, selectors, TimeRange::ALL, &limits)).iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        shown(&["http_requests_total", "http_requests_total{job=\"web\"}"]),
        [r#"{__name__="http_requests_total", http_method="GET", instance="h", job="web"}"#]
    );
    assert_eq!(
        shown(&[r#"{"http.requests"}"#]),
        [r#"{__name__="http.requests", "http.method"="GET", instance="h", job="web"}"#]
    );
    assert_eq!(shown(&[r#"request_duration_seconds_bucket{le="0.5"}"#]).len(), 1);
    assert!(series(&source, &["rate(x[5m])"], TimeRange::ALL, &limits).is_err());
}

#[test]
fn metrics_have_types_help_and_units() {
    let (source, _store) = source();
    let metrics = metadata(&source, None);
    let shown: Vec<_> =
        metrics.items.iter().map(|(name, entries)| (name.as_str(), entries[0].kind, &*entries[0].unit)).collect();
    let expected = [
        ("http_requests_total", "counter", "{request}"),
        ("late", "gauge", ""),
        ("request_duration_seconds", "histogram", "s"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        json::metadata(&metadata(&source, Some("late"))),
        r#"{"status":"success","data":{"late":[{"type":"gauge","help":"made up","unit":""}]}}"#
    );
}
