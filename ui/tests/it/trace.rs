//! The page of a trace id that no span has.

use axum::http::StatusCode;
use model::{
    Attrs, AttrsBuf, Exemplar, LogRecord, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, SpanId,
    Temporality, TraceId, Value,
};
use store::Rows;

use crate::fixture::Fixture;
use crate::{clock, get};

const DAY: Nanos = 86_400_000_000_000;

/// A log record of `logged` and an exemplar of `measured`, of 20 days ago.
fn rows(logged: TraceId, measured: TraceId) -> Rows {
    let time = clock() - 20 * DAY;
    let mut rows = Rows::default();
    rows.logs.push(&LogRecord {
        time,
        observed_time: 0,
        severity_number: 17,
        severity_text: "",
        body: "no span was sampled",
        body_value: &[],
        event_name: "",
        trace_id: Some(logged),
        span_id: None,
        flags: 0,
        attrs: Attrs::default(),
        dropped_attributes: 0,
        service: "shop",
        resource: Resource::default(),
        scope: Scope::default(),
    });
    let series = Series {
        name: "queue.length",
        unit: "",
        description: "",
        kind: MetricKind::Gauge,
        temporality: Temporality::Unspecified,
        monotonic: false,
        attrs: Attrs::default(),
        attr_bytes: &[],
        service: "",
        resource: Resource::default(),
        scope: Scope::default(),
    };
    let series = rows.metrics.series(&series, time);
    rows.metrics.push(&Point { series, time, start_time: 0, flags: 0, value: PointValue::Int(6) });
    let mut attrs = AttrsBuf::new();
    attrs.push("of", Value::Str("seats"));
    rows.exemplars.push(&Exemplar {
        series,
        time,
        value: 6.5,
        trace_id: Some(measured),
        span_id: Some(SpanId([8; 8])),
        attrs: attrs.as_attrs(),
        attr_bytes: attrs.as_bytes(),
    });
    rows
}

#[tokio::test]
async fn an_id_without_spans_shows_its_logs_and_exemplars() {
    let fixture = Fixture::empty(clock);
    let router = ui::router(fixture.state.clone());
    let [logged, measured] = [1, 2].map(|number| TraceId([number; 16]));
    fixture.append(0, rows(logged, measured));
    let no_spans = "No span of this trace is stored";
    let cases = [
        (logged, "", [no_spans, "no span was sampled", "Logs<span class=\"n\">1</span>"], "Exemplars<span"),
        (measured, "", [no_spans, "queue.length", "Exemplars<span class=\"n\">1</span>"], "Logs<span"),
        (measured, "?view=waterfall", ["of=seats", "6.5", "0808080808080808"], "haechi-trace"),
    ];
    for (id, query, words, absent) in cases {
        let answer = get(&router, &format!("/traces/{id}{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{id}");
        let text = answer.text();
        words.iter().for_each(|words| assert!(text.contains(words), "{id} lacks {words}: {text}"));
        assert!(!text.contains(absent), "{id} has {absent}");
    }
    let none = get(&router, &format!("/traces/{}", TraceId([3; 16]))).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(none.text().contains("No span, log record or exemplar"), "{}", none.text());
}
