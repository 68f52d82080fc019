//! Each page, full and empty.

use axum::http::{StatusCode, header};
use model::{SpanId, TraceId};

use crate::fixture::Fixture;
use crate::payload::Data;
use crate::{clock, get, get_with};

/// Every page, and words that it shows when the shop has been open.
const PAGES: [(&str, &[&str]); 10] = [
    ("/", &["booking-availability burns its budget", "payment", "2 at once", "p95", "Burning"]),
    ("/services/booking", &["hold seats", "POST /v1/bookings", "Share of time"]),
    ("/traces", &["POST /v1/bookings", "Newest", "ticketing"]),
    ("/logs", &["confirmation mail sent", "ERROR", "records over time"]),
    ("/metrics", &["http_server_request_duration_seconds", "histogram", "process_memory_usage_bytes"]),
    ("/slos", &["booking-availability", "catalogue-latency", "critical"]),
    ("/slos/booking-availability", &["Requests that burned the budget", "payment › ", "Short window", "Who"]),
    (
        "/alerts",
        &[
            "firing",
            "connection refused",
            "delivered, HTTP 200",
            "127.0.0.1:9093",
            "Nothing is silenced",
            "New silence",
        ],
    ),
    (
        "/ingest",
        &[
            "sort=bytes",
            "3 spans rejected: trace_id must be 16 bytes",
            "the client speaks TLS",
            "python opentelemetry 1.38.0",
            "p50 2.1 ms, p99 14.8 ms",
            "Full in about 9 days",
            "http.server.request.duration",
            "user.id",
            "1,000 or more",
            "1,904 of 2,000,000 (max_series)",
        ],
    ),
    (
        "/connect",
        &[
            "127.0.0.1:4318/v1/traces",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "/v1/trace is not the path; it is /v1/traces.",
            "data-state=\"failed\"",
            "127.0.0.1:51234",
            "OTel-OTLP-Exporter-Rust",
            "little space left",
            "700 MiB of 20 GiB",
            "412 MiB in 96",
            "1 in the write-ahead log, 2 in segments",
            "16384 bytes at 2097152",
            "and 1 more",
            "1,904",
        ],
    ),
];

#[tokio::test]
async fn every_page_shows_what_there_is() {
    let fixture = Fixture::shop(clock);
    let router = ui::router(fixture.state.clone());
    for (path, words) in PAGES {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header(header::CONTENT_TYPE), "text/html; charset=utf-8", "{path}");
        for word in words {
            assert!(answer.text().contains(word), "{path} lacks {word:?}");
        }
        assert_eq!(answer.text().matches("<h1").count(), 1, "{path} has one heading");
        let hint = "3 places on disk could not be read: what was there may be missing from pages and answers. <a href=\"/connect#damage\">";
        assert!(answer.text().contains(hint), "{path} has no hint at the damage");
    }
}

#[tokio::test]
async fn nothing_is_said_of_damage_where_there_is_none() {
    let fixture = Fixture::empty(clock);
    let router = ui::router(fixture.state.clone());
    for (path, _) in PAGES {
        let answer = get(&router, path).await;
        let text = answer.text();
        assert!(!text.contains("could not be read") && !text.contains("id=\"damage\""), "{path}");
    }
}

#[tokio::test]
async fn an_empty_box_says_what_to_do() {
    let fixture = Fixture::empty(clock);
    let router = ui::router(fixture.state.clone());
    let table = [
        ("/", "Nothing has arrived yet"),
        ("/traces", "No traces in this time range"),
        ("/traces?service=x", "No trace matches"),
        ("/logs", "No log records in this time range"),
        ("/logs?q=x", "No record matches"),
        ("/metrics", "No metric has been received"),
        ("/slos", "No SLO is defined"),
        ("/alerts", "Nothing is firing"),
        ("/ingest", "Nothing has been received yet"),
        ("/connect", "Nothing has been received"),
        ("/connect", "No client has connected in the last hour"),
    ];
    for (path, words) in table {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.text().contains(words), "{path} lacks {words:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let fixture = Fixture::empty(clock);
    let router = ui::router(fixture.state.clone());
    let service = get(&router, "/services/nope?from=now-3h").await;
    assert!(service.text().contains("This service is not known in this time range"), "{}", service.text());
    assert!(service.text().contains("href=\"/?from=now-3h\">All services"), "{}", service.text());
    let unknown = "5b8efff798038103d269b633813fc60c";
    let paths = [
        "/nope",
        "/sql",
        "/slos/nope",
        "/services/nope",
        "/traces/xyz",
        "/assets/nope.js",
        &format!("/traces/{unknown}"),
        &format!("/traces/{unknown}/data"),
        &format!("/traces/{unknown}/spans/eee19b7ec3c1b174"),
    ];
    for path in paths {
        assert_eq!(get(&router, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn every_answer_forbids_foreign_and_inline_code() {
    let fixture = Fixture::shop(clock);
    let router = ui::router(fixture.state.clone());
    for path in [
        "/",
        "/traces",
        "/logs",
        "/metrics?metric=process_memory_usage_bytes",
        "/slos/booking-availability",
        "/connect",
        "/nope",
        "/connect/received",
        "/connect/ladder",
        "/ingest",
        "/ingest/now?sort=bytes",
    ] {
        let answer = get(&router, path).await;
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.contains("default-src 'none'") && policy.contains("script-src 'self'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "{path}");
        let html = answer.text();
        assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains("javascript:"), "{path}");
        for (at, _) in html.match_indices("<script") {
            let tag = &html[at..at + html[at..].find('>').unwrap()];
            assert!(tag.contains("src=\"/assets/") || tag.contains("application/json"), "{path}: {tag}");
        }
        assert!(!html.contains(" onclick=") && !html.contains(" onload="), "{path}");
    }
}

#[tokio::test]
async fn a_trace_is_a_page_columns_and_panels() {
    let fixture = Fixture::shop(clock);
    let router = ui::router(fixture.state.clone());
    let list = get(&router, "/traces?errors=1&order=slowest").await;
    let path = list
        .text()
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|href| href.starts_with("/traces/"));
    let path = path.unwrap().to_owned();

    let page = get(&router, &path).await;
    for words in ["POST /v1/bookings", "first in", "payment › POST /authorize", "Waterfall"] {
        assert!(page.text().contains(words), "{words}");
    }
    let data = Data::get(&router, TraceId::parse(path.trim_start_matches("/traces/")).unwrap()).await;
    assert!(data.n_rows() > 10);
    assert!(!data.numbers("markRow").is_empty());
    // The critical path covers the root without a gap or an overlap.
    assert_eq!(data.times("pathLength").iter().sum::<f64>(), data.times("length")[0]);

    let last_error = data.bytes("flags").iter().rposition(|flags| flags & 1 == 1).unwrap();
    let id = &data.bytes("id")[8 * last_error..8 * last_error + 8];
    let span = SpanId(id.try_into().unwrap());
    let panel = get(&router, &format!("{path}/spans/{span}")).await;
    for words in [
        "boxoffice.PspUnavailable",
        "psp::client::authorize",
        "Resource",
        "http://psp.example/authorize",
        "authorisation failed after 3 attempts",
    ] {
        assert!(panel.text().contains(words), "{words}");
    }
    let with_panel = get(&router, &format!("{path}?span={span}")).await;
    assert!(with_panel.text().contains("psp::client::authorize"));
    assert!(get(&router, &format!("{path}?view=logs")).await.text().contains("booking of"));
    assert!(get(&router, &format!("{path}?view=statistics")).await.text().contains("Critical path"));
}

#[tokio::test]
async fn search_narrows_and_pages_through() {
    let fixture = Fixture::shop(clock);
    let router = ui::router(fixture.state.clone());
    let failed = get(&router, "/traces?errors=1&from=now-6h").await;
    assert!(!failed.text().contains("GET /v1/shows</bdi>"));
    let slow = get(&router, "/traces?min=700ms&service=payment&from=now-6h").await;
    assert!(slow.text().contains("POST /v1/bookings</bdi>"));
    // The newest are chosen without a look at all that match; how many these are is said all the same.
    let mut totals = Vec::new();
    for order in ["newest", "slowest"] {
        let list = get(&router, &format!("/traces?service=payment&from=now-6h&order={order}")).await;
        totals.push(list.text().split(" traces</h2>").next().unwrap().rsplit('>').next().unwrap().to_owned());
    }
    assert!(totals[0].starts_with("50 of ") && totals[0] == totals[1], "{totals:?}");
    let logs = get(&router, "/logs?q=attempt+failed&severity=warn").await;
    assert!(logs.text().contains("trying again") && !logs.text().contains("confirmation mail sent"));

    // Following "older" from page to page meets every record once.
    let (mut path, mut seen, mut n_pages) = ("/logs?from=now-6h".to_owned(), Vec::new(), 0);
    loop {
        let page = get(&router, &path).await;
        let text = page.text();
        seen.extend(text.split("<dt>Time</dt><dd>").skip(1).map(|rest| rest[..30].to_owned()));
        n_pages += 1;
        let Some(older) = text.split("rel=\"next\"").next().filter(|_| text.contains("rel=\"next\"")) else { break };
        path = older.rsplit("href=\"").next().unwrap().split('"').next().unwrap().replace("&amp;", "&");
        assert!(n_pages < 100);
    }
    assert!(n_pages > 5 && seen.is_sorted_by(|a, b| a >= b));
    let total = get(&router, "/logs?from=now-6h").await;
    let count: usize = total
        .text()
        .split(" records</h2>")
        .next()
        .unwrap()
        .rsplit('>')
        .next()
        .unwrap()
        .replace(',', "")
        .parse()
        .unwrap();
    assert_eq!(seen.len(), count);
}

#[tokio::test]
async fn mistakes_are_pointed_at() {
    let fixture = Fixture::shop(clock);
    let router = ui::router(fixture.state.clone());
    let table = [
        ("/traces?q=duration+%3E+%3E", "Query not understood"),
        ("/logs?q=(unclosed", "Query not understood"),
        ("/traces?min=fast", "is not a duration"),
        ("/logs?trace=xyz", "up to 32 hex digits"),
        ("/metrics?q=sum(", "Query not understood"),
        ("/?from=tomorrow", "is not a time"),
        ("/sql?q=DROP+TABLE+spans", "only SELECT is allowed"),
    ];
    for (path, words) in table {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.text().contains(words), "{path} lacks {words:?}");
    }
}

#[tokio::test]
async fn a_metric_is_drawn_and_tabled() {
    let fixture = Fixture::shop(clock);
    let router = ui::router(fixture.state.clone());
    let answer = get(&router, "/metrics?metric=http_server_request_duration_seconds&by=http_route").await;
    let text = answer.text();
    assert!(text.contains("histogram_quantile(0.95, sum by (le, http_route)"));
    let json = text.split("<script type=\"application/json\">").nth(1).unwrap().split("</script>").next().unwrap();
    let chart: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(chart["lines"].as_array().unwrap().len(), 2);
    assert_eq!(chart["unit"], "s");
    assert_eq!(chart["lines"][0]["values"].as_array().unwrap().len(), chart["times"].as_array().unwrap().len());
    assert!(text.contains("http_route=&#34;/v1/bookings&#34;"));
    let sql = get(&router, "/sql?q=select+1").await;
    assert!(sql.text().contains("p95_ms") && sql.text().contains("null"));
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_compressed_once() {
    let fixture = Fixture::empty(clock);
    let router = ui::router(fixture.state.clone());
    let home = get(&router, "/").await;
    let script = home
        .text()
        .split("src=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.ends_with(".js"))
        .unwrap()
        .to_owned();
    let plain = get(&router, &script).await;
    assert!(plain.header(header::CACHE_CONTROL).contains("immutable"));
    assert!(plain.header(header::CONTENT_TYPE).starts_with("text/javascript"));
    let zipped = get_with(&router, &script, &[(header::ACCEPT_ENCODING, "gzip")]).await;
    assert_eq!(zipped.header(header::CONTENT_ENCODING), "gzip");
    let mut unzipped = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped.body[..]), &mut unzipped).unwrap();
    assert_eq!(unzipped, plain.body);
    let page = get_with(&router, "/", &[(header::ACCEPT_ENCODING, "gzip")]).await;
    assert_eq!(page.header(header::CONTENT_ENCODING), "gzip");
}

#[tokio::test]
async fn the_theme_of_the_cookie_is_in_the_page() {
    let fixture = Fixture::empty(clock);
    let router = ui::router(fixture.state.clone());
    let dark = get_with(&router, "/", &[(header::COOKIE, "theme=dark")]).await;
    assert!(dark.text().contains("<html lang=\"en\" data-theme=\"dark\">"));
    assert!(get(&router, "/").await.text().contains("<html lang=\"en\">"));
}

#[tokio::test]
async fn the_search_box_opens_traces_by_id() {
    let fixture = Fixture::empty(clock);
    let router = ui::router(fixture.state.clone());
    let answer = get(&router, "/go?q=5b8efff798038103d269b633813fc60c").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header(header::LOCATION), "/traces/5b8efff798038103d269b633813fc60c");
}

#[tokio::test]
async fn traces_are_searched_in_either_language() {
    let fixture = Fixture::shop(clock);
    let router = ui::router(fixture.state.clone());
    let encoded = "%7B%20name%20%3D%20%22POST%20%2Fv1%2Fbookings%22%20%7D";
    let page = get(&router, &format!("/traces?lang=traceql&q={encoded}")).await;
    assert!(page.text().contains("data-row-link") && page.text().contains("selected>TraceQL"), "{}", page.text());
    // What is right in one is a mistake in the other.
    let page = get(&router, "/traces?lang=traceql&q=service%3Dbooking").await;
    assert!(page.text().contains("Query not understood"), "{}", page.text());
    let page = get(&router, "/traces?q=service%3Dbooking").await;
    // What is said of a row is text, where an attribute says it too.
    assert!(page.text().contains("aria-label=\"Compare ") && !page.text().contains("=\"Compare <"), "{}", page.text());
    assert!(!page.text().contains("\"&gt;") && !page.text().contains(">\">"), "{}", page.text());
    assert!(page.text().contains("data-row-link") && !page.text().contains("Query not understood"));
}

#[tokio::test]
async fn an_attribute_that_is_not_there_is_named_also_where_something_is_found() {
    let fixture = Fixture::shop(clock);
    let router = ui::router(fixture.state.clone());
    let misspelt = "the attribute `http.rout`; did you mean `http.route`?";
    for (query, is_found, is_told) in [
        ("http.rout!%3Dx", true, true),
        ("http.rout%3Dx", false, true),
        ("http.route!%3Dx", true, false),
        ("duration%3E1ms", true, false),
    ] {
        let page = get(&router, &format!("/traces?q={query}&from=now-6h")).await;
        let (finds, tells) = (page.text().contains("data-row-link"), page.text().contains(misspelt));
        assert_eq!((finds, tells), (is_found, is_told), "{query}");
    }
}
