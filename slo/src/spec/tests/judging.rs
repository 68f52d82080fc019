//! Which spans count, and which of those are good.

use model::{Attrs, AttrsBuf, Resource, Scope, SpanId, SpanKind, StatusCode, TraceId, Value};

use super::*;

#[test]
fn judges_spans_by_status_and_duration() {
    let latency = |errors| GoodSpan::Faster { threshold: 100, errors };
    let table = [
        (GoodSpan::NoError, false, 1_000, Some(true)),
        (GoodSpan::NoError, true, 1, Some(false)),
        (latency(ErrorsAre::Bad), false, 99, Some(true)),
        (latency(ErrorsAre::Bad), false, 100, Some(false)),
        (latency(ErrorsAre::Bad), true, 1, Some(false)),
        (latency(ErrorsAre::Excluded), true, 1, None),
        (latency(ErrorsAre::Excluded), false, 100, Some(false)),
        (latency(ErrorsAre::Timed), true, 99, Some(true)),
        (latency(ErrorsAre::Timed), true, 100, Some(false)),
    ];
    for (good, is_error, duration, expected) in table {
        let Indicator::Spans(sli) = spans(None, good) else { unreachable!() };
        for status in [None, Some(200), Some(404), Some(429), Some(500)] {
            assert_eq!(sli.judge(is_error, duration, status), expected, "{good:?} {is_error} {duration} {status:?}");
        }
    }
}

/// (client_errors, rate_limited), then for 404 and 429 of a fast span: without and with status error.
#[test]
fn client_errors_and_rate_limits_count_as_the_file_says() {
    use Answer::{Bad, ByStatus, Excluded, Good};
    let (yes, no) = (Some(true), Some(false));
    let table = [
        (ByStatus, ByStatus, [yes, no], [yes, no]),
        (Good, Good, [yes, yes], [yes, yes]),
        (Good, Bad, [yes, yes], [no, no]),
        (Bad, Excluded, [no, no], [None, None]),
        (Excluded, ByStatus, [None, None], [yes, no]),
    ];
    for good in [GoodSpan::NoError, GoodSpan::Faster { threshold: 100, errors: ErrorsAre::Bad }] {
        for (client_errors, rate_limited, of_404, of_429) in table {
            let http = HttpAnswers { client_errors, rate_limited };
            let Indicator::Spans(sli) = spans(None, good) else { unreachable!() };
            let sli = SpanSli { http, ..sli };
            let judge = |status| [false, true].map(|is_error| sli.judge(is_error, 1, Some(status)));
            assert_eq!((judge(404), judge(429)), (of_404, of_429), "{http:?}");
            assert_eq!((judge(500), judge(302)), ([yes, no], [yes, no]), "{http:?}");
        }
    }
    // A good answer must still be fast where that is what is promised.
    let Indicator::Spans(sli) = spans(None, GoodSpan::Faster { threshold: 100, errors: ErrorsAre::Bad }) else {
        unreachable!()
    };
    let sli = SpanSli { http: HttpAnswers { client_errors: Good, rate_limited: Good }, ..sli };
    assert_eq!(sli.judge(true, 100, Some(404)), no);
}

/// A failed server span `GET /` of service `shop` that took 50 ns, on a resource with environment `prod`.
fn with_span(attributes: &[(&str, Value<'_>)], check: impl Fn(&Span<'_>)) {
    let mut attrs = AttrsBuf::new();
    attributes.iter().for_each(|(key, value)| attrs.push(key, *value));
    let mut resource = AttrsBuf::new();
    resource.push("deployment.environment.name", Value::Str("prod"));
    check(&Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([1; 8]),
        parent_span_id: None,
        trace_state: "",
        flags: 0,
        name: "GET /",
        kind: SpanKind::Server,
        start: 0,
        duration: 50,
        status: StatusCode::Error,
        status_message: "",
        attrs: Attrs::new(attrs.as_bytes()),
        events: Default::default(),
        links: Default::default(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        service: "shop",
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    });
}

#[test]
fn selects_spans_by_service_operation_kind_and_attributes() {
    let table = [
        ("service: shop", true),
        ("service: Shop", false),
        ("service: shop\noperation: GET /", true),
        ("service: shop\noperation: GET", false),
        ("service: shop\nkind: any", true),
        ("service: shop\nkind: client", false),
        ("service: shop\nattributes: {http.response.status_code: 500}", true),
        ("service: shop\nattributes: {http.response.status_code: '500'}", true),
        ("service: shop\nattributes: {http.response.status_code: 501}", false),
        ("service: shop\nattributes: {http.response.status_code: 500, cached: false}", true),
        ("service: shop\nattributes: {http.response.status_code: 500, cached: true}", false),
        ("service: shop\nattributes: {ratio: 0.5}", true),
        ("service: shop\nattributes: {absent: ''}", false),
        ("service: shop\nattributes: {deployment.environment.name: prod}", true),
        ("service: shop\nattributes: {deployment.environment.name: demo}", false),
        ("service: shop\nattributes: {zone: a}", true),
    ];
    let attributes = [
        ("http.response.status_code", Value::Int(500)),
        ("cached", Value::Bool(false)),
        ("ratio", Value::Double(0.5)),
        ("zone", Value::Str("a")),
    ];
    for (selector, expected) in table {
        let slo = one(&format!("name: a\n{selector}\nindicator: availability\nwindow: 30d\nobjective: 99\n"));
        with_span(&attributes, |span| {
            assert_eq!(slo.judge(span), expected.then_some(false), "{selector}");
        });
    }
    // The span's own attribute hides that of its resource.
    let own = one(
        "name: a\nservice: shop\nattributes: {deployment.environment.name: prod}\nindicator: availability\nwindow: 30d\nobjective: 99\n",
    );
    with_span(&[("deployment.environment.name", Value::Str("demo"))], |span| assert_eq!(own.judge(span), None));
}
