//! The walker against prost: the same rows from any request, the same verdict on damaged ones. And the rules that only
//! concern some items, one signal in each file.

use model::resource::SCHEMA_URL_FIELD;
use model::time::DAY;
use model::wire::put_bytes_field;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, NumberDataPoint};
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;
use store::Rows;

use super::{Context, MAX_AHEAD, decode};
use crate::Signal;
use crate::fuzzing::{by_prost, request};
use crate::testing::{KEEP_ALL, NOW, dump, sample};

mod limits;
mod logs;
mod metrics;
mod traces;

/// Bytes of a linear congruential generator.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(step).take(3000).collect()
}

fn signals() -> impl Strategy<Value = Signal> {
    prop::sample::select(&Signal::ALL[..])
}

fn tape() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..2000)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_walker_gives_the_rows_that_prost_gives(signal in signals(), tape in tape()) {
        let body = request(signal, &tape);
        let (expected, n_items) = by_prost(signal, &body).unwrap();
        let expected = dump(expected);
        let decoded = decode(signal, &body, KEEP_ALL).unwrap();
        prop_assert_eq!(decoded.n_items, n_items);
        prop_assert_eq!(decoded.accepted() as usize, decoded.rows.spans.len() + decoded.rows.logs.len() + decoded.rows.metrics.len());
        prop_assert_eq!(decoded.services.iter().map(|sent| sent.accepted).sum::<u64>(), decoded.accepted());
        prop_assert_eq!(dump(decoded.rows), expected);
    }

    #[test]
    fn replay_gives_the_same_rows(signal in signals(), tape in tape()) {
        let body = request(signal, &tape);
        let first = dump(decode(signal, &body, KEEP_ALL).unwrap().rows);
        prop_assert_eq!(dump(crate::decode_for_replay(Rows::default(), signal.kind(), &body, NOW).unwrap()), first);
    }
}

#[test]
fn a_body_cut_anywhere_is_refused_or_decoded_but_never_panics() {
    for signal in Signal::ALL {
        let mut bodies = (1u64..).map(|seed| request(signal, &noise(seed)));
        let body = bodies.find(|body| body.len() > 1000).unwrap();
        let mut refused = 0;
        for length in 0..body.len() {
            let cut = decode(signal, &body[..length], KEEP_ALL);
            assert_eq!(cut.is_ok(), by_prost(signal, &body[..length]).is_some(), "{signal:?} cut at {length}");
            refused += usize::from(cut.is_err());
        }
        assert!(refused > body.len() / 2);
    }
}

#[test]
fn names_the_place_of_what_is_malformed() {
    let mut spans: Vec<_> = (1..=3).map(sample::span).collect();
    spans[2].name = "needle".into();
    let mut body = sample::traces(spans).encode_to_vec();
    let at = body.windows(6).position(|window| window == b"needle").unwrap();
    body[at] = 0xff;
    let error = decode(Signal::Traces, &body, KEEP_ALL).err().unwrap();
    assert_eq!(error.to_string(), "resource_spans[0].scope_spans[0].spans[2].name: string is not valid UTF-8");
}

#[test]
fn an_empty_body_is_an_empty_request() {
    for signal in Signal::ALL {
        let decoded = decode(signal, &[], KEEP_ALL).unwrap();
        assert!(decoded.rows.is_empty() && decoded.report.is_empty() && decoded.n_items == 0 && !decoded.has_time);
    }
}

#[test]
fn fields_may_come_in_any_order_and_a_message_field_twice() {
    // ResourceSpans with its fields reversed, the resource in two parts.
    let request = sample::traces(vec![sample::span(1)]);
    let group = &request.resource_spans[0];
    let parts = ["service.name", "service.version"].map(|key| {
        let attributes = vec![sample::attribute(key, sample::text("a"))];
        opentelemetry_proto::tonic::resource::v1::Resource { attributes, ..Default::default() }.encode_to_vec()
    });
    let mut message = Vec::new();
    model::wire::put_bytes_field(&mut message, 3, b"https://example.org/schema");
    model::wire::put_bytes_field(&mut message, 2, &group.scope_spans[0].encode_to_vec());
    for part in parts {
        model::wire::put_bytes_field(&mut message, 1, &part);
    }
    let mut body = Vec::new();
    model::wire::put_bytes_field(&mut body, 1, &message);
    let (expected, _) = by_prost(Signal::Traces, &body).unwrap();
    let rows = dump(decode(Signal::Traces, &body, KEEP_ALL).unwrap().rows);
    assert_eq!(rows, dump(expected));
    assert!(rows.contains(r#"resource={"service.name":"a","service.version":"a"} url="https://example.org/schema""#));
}

#[test]
fn items_older_than_the_retention_are_rejected_one_by_one() {
    for signal in Signal::ALL {
        let body = sample::body(signal);
        let at_the_limit = Context { oldest_accepted: NOW, ..KEEP_ALL };
        assert_eq!(decode(signal, &body, at_the_limit).unwrap().rejected(), 0);
        let decoded = decode(signal, &body, Context { oldest_accepted: NOW + 1, ..KEEP_ALL }).unwrap();
        assert_eq!((decoded.rejected(), decoded.rows.is_empty(), decoded.has_time), (1, true, false));
        assert!(decoded.report.message(signal).contains("nano is older than the retention"), "{signal:?}");
    }
}

#[test]
fn times_in_another_unit_are_told_from_old_ones() {
    let context = Context { oldest_accepted: NOW - DAY, ..KEEP_ALL };
    for divisor in [1_000, 1_000_000, 1_000_000_000] {
        let time = (NOW / divisor) as u64;
        let span = Span { start_time_unix_nano: time, end_time_unix_nano: time, ..sample::span(1) };
        let log = LogRecord { time_unix_nano: time, ..sample::log(sample::text("x")) };
        let gauge = Gauge { data_points: vec![NumberDataPoint { time_unix_nano: time, ..sample::number(1) }] };
        for (signal, body) in [
            (Signal::Traces, sample::traces(vec![span]).encode_to_vec()),
            (Signal::Logs, sample::logs(vec![log]).encode_to_vec()),
            (Signal::Metrics, sample::metrics(vec![sample::metric(Data::Gauge(gauge))]).encode_to_vec()),
        ] {
            let decoded = decode(signal, &body, context).unwrap();
            let told = decoded.report.message(signal);
            assert!(told.contains("before the year 2000, older than the retention"), "{signal:?}: {told}");
            assert_eq!(decoded.rejected(), 1);
        }
    }
}

#[test]
fn items_more_than_a_day_ahead_are_rejected_one_by_one_on_replay_too() {
    for signal in Signal::ALL {
        let body = sample::body(signal);
        let last = if signal == Signal::Traces { NOW + 5 } else { NOW };
        let at_the_limit = Context { received_at: last - MAX_AHEAD, ..KEEP_ALL };
        assert_eq!(decode(signal, &body, at_the_limit).unwrap().rejected(), 0);
        let received_at = last - MAX_AHEAD - 1;
        let decoded = decode(signal, &body, Context { received_at, ..KEEP_ALL }).unwrap();
        assert_eq!((decoded.rejected(), decoded.rows.is_empty(), decoded.has_time), (1, true, false));
        assert!(decoded.report.message(signal).contains("more than a day ahead"), "{signal:?}");
        assert!(crate::decode_for_replay(Rows::default(), signal.kind(), &body, received_at).unwrap().is_empty());
    }
}

#[test]
fn services_are_counted_by_resource() {
    let mut request = sample::traces(vec![sample::span(1), sample::span(2)]);
    for service in ["cart", "shop"] {
        let mut more = sample::traces(vec![sample::span(3)]);
        more.resource_spans[0].resource = Some(sample::resource(service));
        request.resource_spans.append(&mut more.resource_spans);
    }
    let decoded = decode(Signal::Traces, &request.encode_to_vec(), KEEP_ALL).unwrap();
    let services: Vec<_> =
        decoded.services.iter().map(|it| (it.service.as_str(), it.accepted, &it.names[..])).collect();
    assert_eq!(
        services,
        [("shop", 3, &["span 1", "span 2", "span 3"].map(str::to_owned)[..]), ("cart", 1, &["span 3".to_owned()])]
    );
    assert!(decoded.services.iter().all(|it| matches!(it.example, Some(super::Example::Span(_))) && it.bytes > 50));
}

#[test]
fn a_field_of_a_resource_or_scope_that_otlp_does_not_have_is_no_schema_url() {
    let message = |fields: &[(u32, &[u8])]| {
        let mut out = Vec::new();
        fields.iter().for_each(|(number, bytes)| put_bytes_field(&mut out, *number, bytes));
        out
    };
    let own = message(&[(SCHEMA_URL_FIELD, b"no url"), (9, b"unknown")]);
    for (url, expected) in [(None, r#"url="""#), (Some(b"https://schema".as_slice()), r#"url="https://schema""#)] {
        let with_url = |fields: &[(u32, &[u8])]| {
            let url = url.map(|url| (3, url));
            message(&fields.iter().copied().chain(url).collect::<Vec<_>>())
        };
        let scope = with_url(&[(1, &own), (2, b"")]);
        let body = message(&[(1, &with_url(&[(1, &own), (2, &scope)]))]);
        let rows = dump(decode(Signal::Logs, &body, KEEP_ALL).unwrap().rows);
        assert_eq!(rows.matches(expected).count(), 2, "{rows}");
    }
}
