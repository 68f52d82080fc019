//! The search language on real rows, and what it says of queries that are none.

use model::{AttrsBuf, SpanKind, TimeRange, Value};
use store::Scan;

use crate::QueryError;
use crate::testing::{TestLog, TestSpan, TestStore};

use super::{LogFilter, LogTerms, Plan, SpanFilter, SpanTerms};

mod errors;

/// The filter of a query about one span.
pub(super) fn span_filter(query: &str) -> Result<SpanFilter, QueryError> {
    Plan::search(&SpanTerms { query, ..SpanTerms::default() }).map(|plan| plan.single().unwrap().clone())
}

/// The ids of the spans that `query` lets through, whatever part of it the scan does.
fn span_ids(store: &TestStore, query: &str) -> Vec<u8> {
    let filter = span_filter(query).unwrap();
    let all = || Scan::new(TimeRange::ALL);
    let scans = [all(), filter.with_columns(filter.with_hints(all())), filter.with_trace_ids(filter.with_hints(all()))];
    let [expected, listed, chosen] = scans.map(|scan| {
        let mut times = Vec::new();
        for chunk in store.snapshot().spans(scan) {
            let chunk = chunk.unwrap();
            let mut bound = filter.bind(&chunk);
            times.extend((0..chunk.len()).filter(|&row| bound.matches(row)).map(|row| chunk.start(row) as u8));
        }
        times.sort_unstable();
        times
    });
    assert_eq!(expected, listed, "{query}: as read for a list");
    assert_eq!(expected, chosen, "{query}: as read for the trace ids");
    expected
}

/// The times of the records that `query` lets through, whatever part of it the scan does.
fn log_times(store: &TestStore, query: &str) -> Vec<u8> {
    let filter = LogFilter::new(&LogTerms { query, ..LogTerms::default() }).unwrap();
    let all = || Scan::new(TimeRange::ALL);
    let scans = [all(), filter.with_hints(all()), filter.with_columns(filter.with_hints(all()))];
    let [expected, whole, counted] = scans.map(|scan| {
        let mut times = Vec::new();
        for chunk in store.snapshot().logs(scan) {
            let chunk = chunk.unwrap();
            let mut bound = filter.bind(&chunk);
            times.extend((0..chunk.len()).filter(|&row| bound.matches(row)).map(|row| chunk.time(row) as u8));
        }
        times.sort_unstable();
        times
    });
    assert_eq!(expected, whole, "{query}: as read for a search");
    assert_eq!(expected, counted, "{query}: as read for a count");
    expected
}

/// Spans whose start is their id.
fn spans() -> TestStore {
    let mut exception = AttrsBuf::new();
    exception.push("exception.type", Value::Str("Timeout"));
    TestStore::in_thirds(
        &[
            TestSpan::new(1, 1, 1).of("gateway", "GET /v1/shows", SpanKind::Server).lasting(700_000_000),
            TestSpan::new(1, 2, 2)
                .below(1)
                .of("booking", "POST /v1/bookings", SpanKind::Client)
                .attr("http.response.status_code", Value::Int(503))
                .attr("name", Value::Str("own name"))
                .failed("connection refused by payment"),
            TestSpan::new(2, 3, 3)
                .of("booking", "reserve seat", SpanKind::Internal)
                .attr("http.response.status_code", Value::Str("404"))
                .attr("venue.id", Value::Str("V-17"))
                .attr("cached", Value::Bool(true)),
            TestSpan::new(2, 4, 4)
                .of("Booking", "publish", SpanKind::Producer)
                .attr("ratio", Value::Double(0.5))
                .attr("size", Value::Int(9_007_199_254_740_993))
                .resource_attr("venue.id", Value::Str("V-99"))
                .resource_attr("cloud.region", Value::Str("eu-1")),
            TestSpan::new(3, 5, 5)
                .of("payment", "charge card", SpanKind::Consumer)
                .lasting(1_500_000_000)
                .event(6, "exception", &exception)
                .scope("my.tracer")
                .resource_attr("cloud.region", Value::Str("us-2"))
                .attr("resource.kind", Value::Str("odd key")),
            TestSpan::new(4, 6, 6).of("payment", "결제 실패", SpanKind::Server).lasting(0).attr("empty", Value::Empty),
        ],
        TestStore::add_spans,
    )
}

#[test]
fn span_queries_find_exactly_what_they_say() {
    let store = spans();
    let table: &[(&str, &[u8])] = &[
        ("", &[1, 2, 3, 4, 5, 6]),
        ("  ", &[1, 2, 3, 4, 5, 6]),
        // Services and names.
        ("service.name=booking", &[2, 3]),
        ("service=\"booking\"", &[2, 3]),
        ("service:booking", &[2, 3, 4]),
        ("service!=booking", &[1, 4, 5, 6]),
        ("service=pay*", &[5, 6]),
        ("service =~ \"^(gate|pay)\"", &[1, 5, 6]),
        ("service !~ way", &[2, 3, 4, 5, 6]),
        ("service:(gateway OR payment)", &[1, 5, 6]),
        ("service!=(gateway OR payment)", &[2, 3, 4]),
        ("name=publish", &[4]),
        ("name=PUBLISH", &[]),
        ("name:PUBLISH", &[4]),
        ("name:\"v1 bookings\"", &[2]),
        ("name=\"charge*\"", &[]),
        ("name=charge*", &[5]),
        ("name:*", &[1, 2, 3, 4, 5, 6]),
        ("service>\"gateway\"", &[5, 6]),
        // Words are looked for in the name and the status message.
        ("seat", &[3]),
        ("refused", &[2]),
        ("\"connection refused\"", &[2]),
        ("\"refused connection\"", &[]),
        ("refuse", &[]),
        ("refus*", &[2]),
        ("결제", &[6]),
        // Kinds, status, duration, ids.
        ("kind=server", &[1, 6]),
        ("kind:SERVER", &[1, 6]),
        ("kind!=internal", &[1, 2, 4, 5, 6]),
        ("status=error", &[2]),
        ("status=unset status!=ok", &[1, 3, 4, 5, 6]),
        ("duration > 500ms", &[1, 5]),
        ("duration>=1.5s", &[5]),
        ("duration<=10ns", &[2, 3, 4, 6]),
        ("duration=0", &[6]),
        ("span.duration > 1s", &[5]),
        ("trace_id=2", &[3, 4]),
        ("trace_id=00000000000000000000000000000003", &[5]),
        ("trace_id!=1 trace_id!=2", &[5, 6]),
        ("span_id=2 OR span_id=0000000000000003", &[2, 3]),
        ("parent_span_id:*", &[2]),
        ("-parent_span_id:*", &[1, 3, 4, 5, 6]),
        ("parent_span_id=1", &[2]),
        // Attributes: of the span, else of its resource, else of its scope.
        ("venue.id=V-17", &[3]),
        ("venue.id=V-99", &[4]),
        ("venue.id:v-99", &[4]),
        ("venue.id:*", &[3, 4]),
        ("NOT venue.id:*", &[1, 2, 5, 6]),
        ("venue.id!=V-17", &[1, 2, 4, 5, 6]),
        ("venue.id=(V-17 OR V-99)", &[3, 4]),
        ("span.venue.id:*", &[3]),
        ("resource.venue.id:*", &[4]),
        ("resource.cloud.region=~\"^(eu|us)-\\d$\"", &[4, 5]),
        ("cloud.region>=\"f\"", &[5]),
        ("resource.kind=\"odd key\"", &[5]),
        ("otel.scope.name=my.tracer", &[5]),
        ("scope.name:*", &[5]),
        ("\"name\"=\"own name\"", &[2]),
        ("span.name=publish", &[4]),
        ("empty:*", &[6]),
        // Numbers, whatever type they were sent as.
        ("http.response.status_code>=500", &[2]),
        ("http.response.status_code<500", &[3]),
        ("http.response.status_code=503", &[2]),
        ("http.response.status_code=503.0", &[2]),
        ("http.response.status_code=404", &[3]),
        ("http.response.status_code=\"404\"", &[3]),
        ("http.response.status_code=4*", &[3]),
        ("http.response.status_code=~\"^[45]0\"", &[2, 3]),
        ("ratio=0.5", &[4]),
        ("ratio<0.75 ratio>0.25", &[4]),
        ("size=9007199254740993", &[4]),
        ("size=9007199254740992", &[]),
        ("size>8000TB", &[4]),
        ("cached=true", &[3]),
        ("cached=false", &[]),
        // Events.
        ("event_name=exception", &[5]),
        ("event.exception.type=Timeout", &[5]),
        ("event.exception.type:timeout", &[5]),
        // Combinations.
        ("service=booking AND status=error", &[2]),
        ("service=booking status=error", &[2]),
        ("service=booking OR service=payment AND kind=server", &[2, 3, 6]),
        ("(service=booking OR service=payment) AND kind=server", &[6]),
        ("NOT (service=booking OR service=payment)", &[1, 4]),
        ("NOT NOT service=booking", &[2, 3]),
        ("-service=booking -\"charge card\" -publish", &[1, 6]),
        ("service=booking && (status=error || venue.id:*)", &[2, 3]),
        ("unknown.field=1", &[]),
        ("unknown.field!=1", &[1, 2, 3, 4, 5, 6]),
    ];
    for (query, expected) in table {
        assert_eq!(span_ids(&store, query), *expected, "{query}");
    }
}

#[test]
fn the_first_place_that_has_a_key_decides() {
    let key = |it: TestSpan| it.resource_attr("k", Value::Str("resource")).of("s", "n", SpanKind::Internal);
    let store = TestStore::in_thirds(
        &[key(TestSpan::new(1, 1, 1).attr("k", Value::Str("own"))), key(TestSpan::new(1, 2, 2))],
        TestStore::add_spans,
    );
    let table: [(&str, &[u8]); 4] =
        [("k=own", &[1]), ("k=resource", &[2]), ("resource.k=resource", &[1, 2]), ("span.k=own", &[1])];
    for (query, expected) in table {
        assert_eq!(span_ids(&store, query), expected, "{query}");
    }
}

/// Records whose time is their number.
fn logs() -> TestStore {
    let mut user = AttrsBuf::new();
    user.push("id", Value::Int(7));
    let mut body = AttrsBuf::new();
    body.push("user", Value::Map(user.as_attrs()));
    body.push("a.b", Value::Str("dotted"));
    let mut tags = Vec::new();
    for tag in ["red", "blue"] {
        let mut value = Vec::new();
        model::wire::put_bytes_field(&mut value, 1, tag.as_bytes());
        model::wire::put_bytes_field(&mut tags, 1, &value);
    }
    let mut array = Vec::new();
    model::wire::put_bytes_field(&mut array, 5, &tags);
    TestStore::in_thirds(
        &[
            TestLog::new(1, "connection refused: dial tcp 10.0.0.1:5432").of("booking", 17),
            TestLog::new(2, "Connection was REFUSED").of("payment", 13).at(9, 4),
            TestLog::new(3, "order_id=42 retry=3").of("booking", 9).attr("order.id", Value::Int(42)),
            TestLog::new(4, "GET /v1/shows 200").of("gateway", 0).attr("log.file.name", Value::Str("access.log")),
            TestLog { severity_text: "Warning", ..TestLog::new(5, "결제실패 발생").of("payment", 0) },
            TestLog::new(6, "").of("payment", 21).map_body(&body),
            TestLog { event_name: "cart.emptied", ..TestLog::new(7, "std::io::Error and the rest").of("gateway", 5) }
                .attr("tags", Value::parse(&array))
                .at(10, 0)
                .resource_attr("host.name", Value::Str("node-1")),
        ],
        TestStore::add_logs,
    )
}

#[test]
fn log_queries_find_exactly_what_they_say() {
    let store = logs();
    let table: &[(&str, &[u8])] = &[
        ("", &[1, 2, 3, 4, 5, 6, 7]),
        // Words and phrases.
        ("refused", &[1, 2]),
        ("REFUSED connection", &[1, 2]),
        ("\"connection refused\"", &[1]),
        ("connection -tcp", &[2]),
        ("refuse", &[]),
        ("refus*", &[1, 2]),
        ("10.0.0.1", &[1]),
        ("10.0.0.1:5432", &[1]),
        ("order_id", &[3]),
        ("order", &[]),
        ("error: refused", &[]),
        ("connection refused:", &[1, 2]),
        ("/v1/shows", &[4]),
        ("std::io::Error", &[7]),
        ("\"and the\"", &[7]),
        ("and the rest", &[7]),
        ("결제", &[5]),
        ("실패", &[5]),
        ("결제 실패", &[5]),
        ("\"a - b\"", &[6]),
        // What is no word is found as it stands, and does not find everything.
        ("refused - !", &[]),
        ("refused *", &[1, 2]),
        ("\"=\"", &[3]),
        ("\"::\"", &[7]),
        ("{", &[6]),
        ("🔥", &[]),
        ("\"refused 🔥\"", &[]),
        ("NOT 🔥", &[1, 2, 3, 4, 5, 6, 7]),
        // The body as a field.
        ("body=\"Connection was REFUSED\"", &[2]),
        ("body:\"connection refused\"", &[1]),
        ("body=~\"retry=\\d\"", &[3]),
        ("body=~`(?i)refused$`", &[2]),
        ("body!~\"[a-z]\"", &[5]),
        ("body=GET*", &[4]),
        ("body.user.id=7", &[6]),
        ("body.user.id>6", &[6]),
        ("body.a.b=dotted", &[6]),
        ("body.user:*", &[6]),
        ("body.none:*", &[]),
        // Severity: a name is a range of numbers; the text counts when there is no number.
        ("severity=error", &[1]),
        ("severity>=warn", &[1, 2, 5, 6]),
        ("severity>warn", &[1, 6]),
        ("severity<warn", &[3, 7]),
        ("severity<=debug", &[7]),
        ("severity:Error", &[1]),
        ("severity=17", &[1]),
        ("severity=18", &[]),
        ("severity!=error", &[2, 3, 4, 5, 6, 7]),
        ("severity=unspecified", &[4]),
        ("severity:*", &[1, 2, 3, 5, 6, 7]),
        ("level=(error OR fatal)", &[1, 6]),
        ("severity_text=Warning", &[5]),
        // Ids, events, attributes.
        ("trace_id=9", &[2]),
        ("trace_id:*", &[2, 7]),
        ("span_id:*", &[2]),
        ("span_id=4", &[2]),
        ("event_name=cart.emptied", &[7]),
        ("event.name:*", &[7]),
        ("order.id=42", &[3]),
        ("order.id>41 order.id<43", &[3]),
        ("log.order.id=42", &[3]),
        ("log.file.name=access.log", &[4]),
        ("log.file.name:ACCESS.LOG", &[4]),
        ("host.name=node-1", &[7]),
        ("log.host.name=node-1", &[]),
        ("tags=blue", &[7]),
        ("tags=b*", &[7]),
        ("tags=green", &[]),
        ("service=payment AND severity>=error", &[6]),
        ("service=payment refused OR service=gateway 200", &[2, 4]),
        ("NOT refused", &[3, 4, 5, 6, 7]),
    ];
    for (query, expected) in table {
        assert_eq!(log_times(&store, query), *expected, "{query}");
    }
}

#[test]
fn the_deepest_allowed_query_is_evaluated() {
    let store = spans();
    let query = format!("{}service=booking{}", "NOT (".repeat(50), ")".repeat(50));
    assert_eq!(span_ids(&store, &query), [2, 3]);
}
