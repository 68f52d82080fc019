//! Telemetry made to break the pages.

use axum::Router;
use axum::http::StatusCode;
use model::span::{Events, Links};
use model::{
    LogRecord, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, Span, SpanId, SpanKind,
    StatusCode as SpanStatus, Temporality, TraceId, Value,
};
use store::Rows;

use crate::fixture::Fixture;
use crate::fixture::shop::set;
use crate::payload::Data;
use crate::{NOW, clock, get};

const NASTY: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "' onmouseover='alert(3)",
    "</script><!--<script>",
    "\u{202e}evil\u{202c} \u{2066}rtl\u{2069}",
    "{{7*7}}%0d%0aSet-Cookie:a=b&amp;/../..",
];

/// A store in which every text is `text`.
fn rows_of(text: &str, i: u8) -> Rows {
    let mut rows = Rows::default();
    let resource =
        set(&[("service.name", Value::Str(text)), ("service.version", Value::Str(text)), (text, Value::Str(text))]);
    let attrs = set(&[(text, Value::Str(text)), ("k", Value::Bytes(text.as_bytes()))]);
    let trace_id = TraceId([i + 1; 16]);
    rows.spans.push(&Span {
        trace_id,
        span_id: SpanId([1; 8]),
        parent_span_id: None,
        trace_state: text,
        flags: 0,
        name: text,
        kind: SpanKind::Server,
        start: NOW - 5_000_000_000,
        duration: 1_000_000,
        status: SpanStatus::Error,
        status_message: text,
        attrs: attrs.as_attrs(),
        events: Events::default(),
        links: Links::default(),
        dropped_attributes: u32::MAX,
        dropped_events: u32::MAX,
        dropped_links: u32::MAX,
        service: text,
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    });
    rows.logs.push(&LogRecord {
        time: NOW - 4_000_000_000,
        observed_time: Nanos::MAX,
        severity_number: 17,
        severity_text: text,
        body: text,
        body_value: &[],
        event_name: text,
        trace_id: Some(trace_id),
        span_id: Some(SpanId([1; 8])),
        flags: 0,
        attrs: attrs.as_attrs(),
        dropped_attributes: 0,
        service: text,
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    });
    let series = Series {
        name: text,
        unit: text,
        description: text,
        kind: MetricKind::Gauge,
        temporality: Temporality::Unspecified,
        monotonic: false,
        attrs: attrs.as_attrs(),
        attr_bytes: attrs.as_bytes(),
        service: text,
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    };
    let time = NOW - 10_000_000_000;
    let id = rows.metrics.series(&series, time);
    rows.metrics.push(&Point { series: id, time, start_time: 0, flags: 0, value: PointValue::Double(f64::NAN) });
    rows
}

/// The pages that show telemetry of a trace with id `i`.
async fn pages(router: &Router, i: u8) -> Vec<(String, String)> {
    let id = TraceId([i + 1; 16]);
    let mut paths: Vec<String> = ["/", "/traces", "/logs", "/metrics", "/connect"].map(str::to_owned).into();
    for tail in ["", "?view=logs", "?view=statistics", "?span=0101010101010101", "/spans/0101010101010101"] {
        paths.push(format!("/traces/{id}{tail}"));
    }
    let metrics = get(router, "/metrics").await;
    let hrefs = metrics.text().split("class=\"metric-item\" href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    paths.extend(hrefs.map(|href| href.replace("&amp;", "&")));
    let home = get(router, "/").await;
    let hrefs = home.text().split("class=\"cover\" href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    paths.extend(hrefs.map(str::to_owned));
    let mut found = Vec::new();
    for path in paths {
        let answer = get(router, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        found.push((path, answer.text().to_owned()));
    }
    found
}

/// `html` without its elements of JSON, whose text must hold no `<`.
fn without_data(html: &str) -> String {
    let mut parts = html.split("<script type=\"application/json\">");
    let mut rest = parts.next().unwrap().to_owned();
    for part in parts {
        let (json, after) = part.split_once("</script>").unwrap();
        assert!(!json.contains('<'), "{json}");
        rest.push_str(after);
    }
    rest
}

/// `text` with what would turn other text round written out.
fn written_out(text: &str) -> String {
    let turns_round = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if turns_round(&c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

#[tokio::test]
async fn no_text_of_telemetry_becomes_markup() {
    let fixture = Fixture::empty(clock);
    for (i, text) in NASTY.iter().enumerate() {
        fixture.append(i, rows_of(text, i as u8));
    }
    let router = ui::router(fixture.state.clone());
    for (i, text) in NASTY.iter().enumerate() {
        for (path, html) in pages(&router, i as u8).await {
            // In the data of a chart quotes are those of JSON.
            let html = without_data(&html);
            for markup in ["<script>", "<img src=x", "' onmouseover='", "<!--<"] {
                assert!(!html.contains(markup), "{path} has {markup}");
            }
        }
        let data = Data::get(&router, TraceId([i as u8 + 1; 16])).await;
        assert_eq!(data.text(0), written_out(text));
    }
}

#[tokio::test]
async fn no_text_of_an_address_becomes_markup() {
    let fixture = Fixture::shop(clock);
    let router = ui::router(fixture.state.clone());
    let nasty = "%3Cscript%3Ealert(1)%3C/script%3E%22%27";
    for path in [
        "/traces?q=X",
        "/traces?service=X&operation=X&min=X",
        "/logs?q=X&service=X&severity=X&trace=X",
        "/metrics?q=X&metric=X&by=X&view=X",
        "/?from=X&to=X",
        "/services/X",
        "/slos/X",
        "/sql?q=X",
        "/connect?lang=X",
        "/X",
        "/traces/X",
        "/?X=X",
    ] {
        let path = path.replace('X', nasty);
        let answer = get(&router, &path).await;
        assert!(!answer.text().contains("<script>alert"), "{path}");
        assert!(!answer.text().contains("\"'\""), "{path}");
    }
}

#[tokio::test]
async fn long_texts_are_bounded_in_lists() {
    let fixture = Fixture::empty(clock);
    let long = "x".repeat(10_000);
    fixture.append(0, rows_of(&long, 0));
    let router = ui::router(fixture.state.clone());
    for path in ["/", "/traces"] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        // The links carry the name in full; what is shown is short, and its title has as much as can be read.
        let elements = answer.text().split("<bdi").skip(1).filter_map(|rest| rest.split("</bdi>").next());
        let (titles, shown): (Vec<&str>, Vec<&str>) = elements.filter_map(|element| element.split_once('>')).unzip();
        assert!(shown.iter().any(|text| text.ends_with('…')) && shown.iter().all(|text| text.len() < 400), "{path}");
        let whole = format!("title=\"{}…\"", "x".repeat(1_000));
        assert!(titles.iter().any(|title| title.trim() == whole), "{path}");
    }
    for (path, html) in pages(&router, 0).await {
        assert!(html.len() < 600_000, "{path}: {}", html.len());
    }
}
