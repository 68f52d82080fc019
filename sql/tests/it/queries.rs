//! What queries give.

use sql::{Position, SqlError, SqlOptions};

use crate::fixture::{Fixture, START, append, rows};

/// (query, rows as JSON).
async fn check(cases: &[(&str, &str)]) {
    let fixture = Fixture::new();
    for (text, expected) in cases {
        assert_eq!(&fixture.rows(text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn spans_read_as_a_person_writes_them() {
    check(&[
        (
            "SELECT start_time, end_time, duration_ns, duration_ms, trace_id, span_id, parent_span_id, service, name, kind, \
             status, status_message FROM spans WHERE span_id = '0000000000000002'",
            r#"[["2026-11-22T00:00:00Z","2026-11-22T00:00:00.001Z",1000000,1.0,"000000000000abc00000000000000001","0000000000000002","0000000000000001","payment","charge","client","error","late"]]"#,
        ),
        (
            "SELECT attributes, resource FROM spans WHERE span_id = '0000000000000001'",
            r#"[["{\"http.response.status_code\":503,\"http.route\":\"/cart\",\"ratio\":0.5}","{\"service.name\":\"shop\",\"service.version\":\"1.2.3\"}"]]"#,
        ),
        (
            "SELECT events, links, parent_span_id FROM spans WHERE span_id = '0000000000000001'",
            r#"[["[{\"time\":\"2026-11-22T00:00:00Z\",\"name\":\"exception\",\"attributes\":{\"exception.type\":\"Timeout\"}}]","[]",null]]"#,
        ),
        (
            "SELECT service, count(*) AS n, max(duration_ms) FROM spans GROUP BY service ORDER BY service",
            r#"[["payment",20,20.0],["shop",20,20.0]]"#,
        ),
        ("SELECT count(*) FROM spans", "[[40]]"),
        ("SELECT count(*) FROM spans WHERE kind = 'server' AND status = 'error'", "[[4]]"),
    ])
    .await;
}

#[tokio::test]
async fn attributes_are_read_by_key() {
    check(&[
        (
            "SELECT attributes['http.route'] AS route, count(*) FROM spans GROUP BY route ORDER BY route",
            r#"[["/cart",20],["/order/{id}",20]]"#,
        ),
        ("SELECT count(*) FROM spans WHERE attributes['http.route'] = '/cart'", "[[20]]"),
        ("SELECT count(*) FROM spans WHERE attr(attributes, 'http.route') = '/cart' AND service = 'shop'", "[[10]]"),
        ("SELECT count(*) FROM spans WHERE attributes['http.response.status_code'] = '503'", "[[8]]"),
        ("SELECT count(*) FROM spans WHERE attributes['http.response.status_code'] = 503", "[[8]]"),
        ("SELECT count(*) FROM spans WHERE attributes['http.response.status_code'] >= 500", "[[8]]"),
        ("SELECT count(*) FROM spans WHERE attributes['ratio'] = '0.5'", "[[40]]"),
        ("SELECT sum(attr_number(attributes, 'ratio')) FROM spans", "[[20.0]]"),
        ("SELECT count(*) FROM spans WHERE resource['service.name'] = 'payment'", "[[20]]"),
        ("SELECT DISTINCT resource['service.version'] FROM spans", r#"[["1.2.3"]]"#),
        ("SELECT count(*) FROM spans WHERE attributes['absent'] IS NULL", "[[40]]"),
        ("SELECT count(*) FROM spans WHERE attributes['absent'] = 'x'", "[[0]]"),
        // Integers are whole as text, in a cast and in comparisons with integers; `attr_number` gives a double.
        ("SELECT CAST(attr('{\"a\":9007199254740993}', 'a') AS BIGINT)", "[[9007199254740993]]"),
        ("SELECT attr('{\"a\":9007199254740993}', 'a') = '9007199254740992'", "[[false]]"),
        ("SELECT attr('{\"a\":9007199254740993}', 'a') = 9007199254740992", "[[false]]"),
        ("SELECT attr('{\"a\":9007199254740993}', 'a') > 9007199254740992", "[[true]]"),
        ("SELECT attr_number('{\"a\":9007199254740993}', 'a')", "[[9007199254740992.0]]"),
        ("SELECT attr('{\"a\":{\"b\":1}}', 'a')", r#"[["{\"b\":1}"]]"#),
        (
            "SELECT attr(column1, 'a')['b'] FROM (VALUES ('{\"a\":{\"b\":1}}'), ('no object'), (NULL))",
            r#"[["1"],[null],[null]]"#,
        ),
    ])
    .await;
}

#[tokio::test]
async fn logs_and_spans_join_by_trace_id() {
    check(&[
        (
            "SELECT l.body, s.service FROM logs l JOIN spans s ON l.trace_id = s.trace_id \
             WHERE l.severity = 'ERROR' AND s.kind = 'client' ORDER BY l.time",
            r#"[["order 0 \"accepted\"","payment"],["order 10 \"accepted\"","payment"]]"#,
        ),
        (
            "SELECT severity, severity_number, observed_time, trace_id IS NULL, attributes['order'] FROM logs \
             WHERE body LIKE 'order 7 %'",
            r#"[["INFO",9,null,true,"7"]]"#,
        ),
        ("SELECT count(*) FROM logs WHERE trace_id IN (SELECT trace_id FROM spans WHERE status = 'error')", "[[2]]"),
    ])
    .await;
}

#[tokio::test]
async fn metrics_carry_their_series() {
    check(&[
        (
            "SELECT time, start_time, name, unit, kind, temporality, monotonic, service, attributes, value, count \
             FROM metrics WHERE name = 'queue.length' ORDER BY time DESC LIMIT 1",
            r#"[["2026-11-22T00:00:19Z",null,"queue.length","{order}","gauge","",false,"shop","{\"http.route\":\"/cart\"}",19.0,null]]"#,
        ),
        (
            "SELECT value, count, sum, min, distribution, start_time FROM metrics WHERE name = 'request.duration' AND count = 3",
            r#"[[null,3,1.0,null,"{\"bounds\":[0.25],\"counts\":[2,1]}","2026-11-22T00:00:00Z"]]"#,
        ),
        ("SELECT count(*) FROM metrics WHERE name IN ('queue.length', 'other') AND service = 'shop'", "[[20]]"),
        ("SELECT count(*) FROM metrics WHERE attributes['http.route'] = '/cart'", "[[40]]"),
        ("SELECT count(*) FROM metrics WHERE attributes['http.route'] = '/x' OR kind = 'gauge'", "[[20]]"),
        ("SELECT count(*) FROM metrics WHERE name = 'absent'", "[[0]]"),
        (
            "SELECT name, kind, description FROM series ORDER BY name",
            r#"[["queue.length","gauge","orders that wait"],["request.duration","histogram","orders that wait"]]"#,
        ),
        (
            "SELECT e.name, e.value, s.service FROM exemplars e JOIN spans s USING (trace_id) \
             WHERE s.kind = 'server' AND e.time < '2026-11-22T00:00:01Z'",
            r#"[["request.duration",0.125,"shop"]]"#,
        ),
    ])
    .await;
}

#[tokio::test]
async fn times_compare_with_text_and_with_now() {
    check(&[
        ("SELECT count(*) FROM logs WHERE time >= '2026-11-22T00:00:05Z' AND time < '2026-11-22T00:00:12Z'", "[[7]]"),
        ("SELECT count(*) FROM logs WHERE time > now() - INTERVAL '50 seconds'", "[[9]]"),
        ("SELECT count(*) FROM logs WHERE time BETWEEN '2026-11-22T00:00:01Z' AND '2026-11-22T00:00:03Z'", "[[3]]"),
        ("SELECT count(*) FROM logs WHERE time = '2026-11-22T00:00:03Z' OR time = '2026-11-22T00:00:04Z'", "[[2]]"),
        ("SELECT count(*) FROM logs WHERE time < '2026-11-22T00:00:05Z' OR severity = 'ERROR'", "[[8]]"),
        (
            "SELECT date_bin(INTERVAL '10 seconds', start_time) AS slot, count(*) FROM spans GROUP BY slot ORDER BY slot",
            r#"[["2026-11-22T00:00:00Z",20],["2026-11-22T00:00:10Z",20]]"#,
        ),
        ("SELECT now()", r#"[["2026-11-22T00:01:00Z"]]"#),
    ])
    .await;
}

#[tokio::test]
async fn the_scan_answers_conditions_itself() {
    let fixture = Fixture::new();
    let cases = [
        (
            "SELECT name FROM spans WHERE start_time >= '2026-11-22T00:00:05Z' AND trace_id = '000000000000abc00000000000000001'",
            "from=2026-11-22T00:00:05Z, trace_id=000000000000abc00000000000000001",
        ),
        ("SELECT name FROM spans WHERE attributes['k'] = 'v'", r#"attributes["k"] in ["v"]"#),
        ("SELECT value FROM metrics WHERE name = 'a' AND service IN ('b', 'c')", r#"series Service in ["b", "c"]"#),
        ("SELECT * FROM logs LIMIT 3", "limit=3"),
        ("SELECT body FROM logs ORDER BY time DESC LIMIT 3", "stops_early=true"),
    ];
    for (text, expected) in cases {
        let plan = fixture.rows(&format!("EXPLAIN FORMAT INDENT {text}")).await.replace("\\\"", "\"");
        assert!(plan.contains(expected), "{text}: {plan}");
        assert!(!plan.contains("FilterExec"), "{text}: {plan}");
    }
    let plan = fixture.rows("EXPLAIN FORMAT INDENT SELECT count(*) FROM spans WHERE status_message LIKE '%a'").await;
    assert!(plan.contains("columns=[status_message]"), "{plan}");
}

#[tokio::test]
async fn the_newest_rows_come_without_reading_the_oldest() {
    let fixture = Fixture::new();
    for hour in 1..20 {
        append(&fixture.store, rows(hour * 3600, hour * 3600 + 5));
        fixture.store.flush().unwrap();
    }
    assert_eq!(
        fixture.rows("SELECT time FROM logs ORDER BY time DESC LIMIT 2").await,
        r#"[["2026-11-22T19:00:04Z"],["2026-11-22T19:00:03Z"]]"#
    );
    let plan = fixture.rows("EXPLAIN ANALYZE SELECT body FROM logs ORDER BY time DESC LIMIT 2").await;
    let (_, scan) = plan.split_once("ScanExec").unwrap();
    assert!(scan.contains("output_rows=5,") || scan.contains("output_rows=10,"), "{scan}");
}

#[tokio::test]
async fn tables_and_columns_describe_themselves() {
    let fixture = Fixture::new();
    let tables = fixture.rows("SHOW TABLES").await;
    for table in ["spans", "logs", "metrics", "exemplars", "series"] {
        assert!(tables.contains(&format!("\"public\",\"{table}\"")), "{tables}");
    }
    assert!(fixture.rows("DESCRIBE logs").await.contains(r#"["body","Utf8","YES"]"#));
    assert!(fixture.rows("SHOW COLUMNS FROM spans").await.contains("duration_ms"));
}

#[tokio::test]
async fn results_come_as_objects_and_as_arrow() {
    let fixture = Fixture::new();
    let result = fixture
        .query("SELECT service, count(*) AS n, 0.0/0.0 AS nan, true AS yes FROM spans GROUP BY service ORDER BY 1")
        .await;
    let result = result.unwrap();
    let types: Vec<_> = result.columns.iter().map(|column| (column.name.as_str(), column.type_name.as_str())).collect();
    assert_eq!(types, [("service", "string"), ("n", "integer"), ("nan", "double"), ("yes", "boolean")]);
    assert_eq!(
        result.objects_json().unwrap(),
        r#"[{"service":"payment","n":20,"nan":"NaN","yes":true},{"service":"shop","n":20,"nan":"NaN","yes":true}]"#
    );
    let stream = result.arrow_stream().unwrap();
    let reader = arrow::ipc::reader::StreamReader::try_new(std::io::Cursor::new(stream), None).unwrap();
    let batches: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
    assert_eq!(batches, result.batches);
    assert_eq!(batches[0].schema().field(0).data_type(), &arrow::datatypes::DataType::Utf8);
    let lists = fixture.rows("SELECT array_agg(n ORDER BY n) FROM (VALUES (2), (1)) AS t(n)").await;
    assert_eq!(lists, "[[[1,2]]]");
}

#[tokio::test]
async fn rows_beyond_the_limit_are_cut_off_and_said_to_be() {
    let fixture = Fixture::new();
    let ask = async |max_rows| {
        let options = SqlOptions { now: START, max_rows: Some(max_rows), deadline: None };
        let result =
            fixture.engine.query(fixture.store.snapshot(), "SELECT * FROM spans".to_owned(), options).await.unwrap();
        (result.n_rows(), result.truncated)
    };
    assert_eq!(ask(7).await, (7, true));
    assert_eq!(ask(40).await, (40, false));
    assert_eq!(ask(0).await, (0, true));
}

/// DataFusion 55.2 alone gives 2 for the first: see `sql/src/aliases.rs`.
#[tokio::test]
async fn nested_subqueries_of_the_same_form_are_each_computed() {
    check(&[
        ("SELECT x + x AS x FROM (SELECT x + x AS x FROM (SELECT 1 AS x))", "[[4]]"),
        ("SELECT a.x, b.x FROM (SELECT 1 AS x) a, (SELECT 2 AS x) b", "[[1,2]]"),
        ("SELECT * FROM (SELECT 1 AS x), (SELECT 2 AS y)", "[[1,2]]"),
        ("SELECT * FROM (VALUES (1), (2)) WHERE column1 > 1", "[[2]]"),
        (
            "SELECT count(*) FROM (SELECT * FROM spans WHERE trace_id IN (SELECT trace_id FROM (SELECT * FROM logs)))",
            "[[20]]",
        ),
    ])
    .await;
}

#[tokio::test]
async fn errors_say_where() {
    let fixture = Fixture::new();
    let cases = [
        ("SELEC 1", Some((1, 1)), "Expected"),
        ("SELECT *\nFROM spans WHERE (", Some((2, 19)), "Expected"),
        ("SELECT wrong FROM spans", Some((1, 8)), "wrong"),
        ("SELECT * FROM\nnothing", Some((2, 1)), "nothing"),
        ("SELECT attributes[1] FROM spans", None, "single quotes"),
        ("SELECT 1; SELECT 2", None, "2 statements"),
        ("SELECT frobnicate(1)", None, "frobnicate"),
    ];
    for (text, expected, part) in cases {
        let error = fixture.query(text).await.unwrap_err();
        let SqlError::BadQuery { message, position } = &error else { panic!("{text}: {error:?}") };
        assert!(message.contains(part), "{text}: {message}");
        if let Some((line, column)) = expected {
            assert_eq!(*position, Some(Position { line, column }), "{text}: {error}");
        }
    }
}
