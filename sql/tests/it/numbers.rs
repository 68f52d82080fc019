//! Attributes that are compared with numbers, whatever rows say: no value fails a query.

use model::{AttrsBuf, LogRecord, Resource, Scope, Value};
use store::Rows;

use crate::fixture::{Fixture, SECOND, START, append};

/// Log records of which the attribute `n` counts from 0 and `x` says these values, in order; the last one has no `x`.
fn odd_values() -> Rows {
    let list = Value::parse(&[0x2a, 0]); // AnyValue { array_value: [] }
    let values = [
        Value::Int(7),
        Value::Double(99.5),
        Value::Str("n/a"),
        Value::Str(""),
        Value::Double(f64::NAN),
        Value::Double(f64::INFINITY), // 5
        Value::Bool(true),
        list,
        Value::Empty,
        Value::Double(1e300),
        Value::Int(i64::MAX), // 10
        Value::Str("500"),
        Value::Str("500.0"),
        Value::Int(500),
        Value::Double(500.0),
        Value::Int(9_007_199_254_740_993), // 15
        Value::Double(9_007_199_254_740_992.0),
        Value::Str("18446744073709551615"),
        Value::Int(-500),
        Value::Double(-0.0),
    ];
    let mut rows = Rows::default();
    for (number, value) in (0..).zip(values.into_iter().map(Some).chain([None])) {
        let mut attrs = AttrsBuf::new();
        attrs.push("n", Value::Int(number));
        value.into_iter().for_each(|value| attrs.push("x", value));
        rows.logs.push(&LogRecord {
            time: START + number * SECOND,
            observed_time: 0,
            severity_number: 9,
            severity_text: "",
            body: "odd",
            body_value: &[],
            event_name: "",
            trace_id: None,
            span_id: None,
            flags: 0,
            attrs: attrs.as_attrs(),
            dropped_attributes: 0,
            service: "odd",
            resource: Resource::default(),
            scope: Scope::default(),
        });
    }
    rows
}

/// (condition, the `n` of the rows for which it is true).
const CONDITIONS: &[(&str, &[u8])] = &[
    ("attributes['x'] = 500", &[11, 12, 13, 14]),
    ("500 = attributes['x']", &[11, 12, 13, 14]),
    ("attr(attributes, 'x') = 500.0", &[11, 12, 13, 14]),
    ("attributes['x'] = '500'", &[11, 13, 14]),
    ("attributes['x'] = -500", &[18]),
    ("attributes['x'] = 0", &[19]),
    ("attributes['x'] = 99.5", &[1]),
    ("attributes['x'] = 1e300", &[9]),
    ("attributes['x'] = 9007199254740993", &[15]),
    ("attributes['x'] = 9007199254740992", &[16]),
    ("attributes['x'] = 18446744073709551615", &[17]),
    ("attributes['x'] <> 500", &[0, 1, 5, 9, 10, 15, 16, 17, 18, 19]),
    ("NOT attributes['x'] = 500", &[0, 1, 5, 9, 10, 15, 16, 17, 18, 19]),
    ("attributes['x'] > 50", &[1, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
    ("50 < attributes['x']", &[1, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
    ("attributes['x'] > 50.5", &[1, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
    ("attributes['x'] >= 500", &[5, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
    ("attributes['x'] > 500", &[5, 9, 10, 15, 16, 17]),
    ("attributes['x'] > 9007199254740992", &[5, 9, 10, 15, 17]),
    ("attributes['x'] >= 9223372036854775807", &[5, 9, 10, 17]),
    ("attributes['x'] > 9223372036854775807", &[5, 9, 17]),
    ("attributes['x'] < 99.5", &[0, 18, 19]),
    ("attributes['x'] <= 99.5", &[0, 1, 18, 19]),
    ("attributes['x'] BETWEEN 7 AND 499", &[0, 1]),
    ("attributes['x'] NOT BETWEEN 7 AND 9007199254740992", &[5, 9, 10, 15, 17, 18, 19]),
    ("attributes['x'] IN (7, 500)", &[0, 11, 12, 13, 14]),
    ("attributes['x'] IN (7, 99.5, 1e300, 500, 8)", &[0, 1, 9, 11, 12, 13, 14]),
    ("attributes['x'] IN (7, 'n/a')", &[0, 2]),
    ("attributes['x'] NOT IN (7, 500)", &[1, 5, 9, 10, 15, 16, 17, 18, 19]),
    ("attributes['x'] NOT IN (1, 2, 3, 4, 5, 6, 7, 500)", &[1, 5, 9, 10, 15, 16, 17, 18, 19]),
    ("attributes['x'] IS NOT DISTINCT FROM 7", &[0]),
    ("attributes['x'] >= 500 AND attributes['x'] < 9007199254740993", &[11, 12, 13, 14, 16]),
    ("attributes['x'] = 7 OR attributes['x'] > 1e299", &[0, 5, 9]),
    ("attributes['x'] > severity_number", &[1, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
    ("CASE attributes['x'] WHEN 500 THEN true WHEN 7 THEN true ELSE false END", &[0, 11, 12, 13, 14]),
    ("CASE WHEN attributes['x'] > 1e299 THEN true ELSE false END", &[5, 9]),
    ("attributes['x'] + 1 = 501", &[11, 12, 13, 14]),
    ("2 * attributes['x'] = 199", &[1]),
    ("attributes['x'] % 2 = 1", &[0]),
    ("attributes['x'] / attributes['x'] = 1 AND attributes['n'] < 3", &[0, 1]),
    ("CAST(attributes['x'] AS BIGINT) = 500", &[11, 13, 14]),
    ("CAST(attributes['x'] AS DOUBLE) = 99.5", &[1]),
    ("attributes['x']::int > 7", &[11, 13, 14]),
    ("attributes['x'] IN (SELECT 500 UNION SELECT 7)", &[0, 11, 12, 13, 14]),
    ("500 IN (SELECT attributes['x'] FROM logs) AND attributes['n'] < 2", &[0, 1]),
    ("attributes['x'] > (SELECT avg(severity_number) FROM logs)", &[1, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
    ("EXISTS (SELECT 1 FROM (VALUES (7), (500)) v(y) WHERE y = attributes['x'])", &[0, 11, 12, 13, 14]),
    ("coalesce(attributes['x'], 0) = 0", &[2, 3, 4, 6, 7, 8, 19, 20]),
    ("greatest(attributes['x'], 100) = 100", &[0, 1, 2, 3, 4, 6, 7, 8, 18, 19, 20]),
    ("attributes['x'] = true", &[6]),
    ("attributes['x'] <> true AND attributes['n'] < 9", &[0, 1, 2, 3, 4, 5, 7]),
    ("attributes['x'] < now() OR attributes['n'] = 0", &[0]),
    ("attr_number(attributes, 'x') IS NULL", &[2, 3, 4, 6, 7, 8, 20]),
];

#[tokio::test]
async fn no_value_fails_a_comparison() {
    let fixture = Fixture::empty();
    append(&fixture.store, odd_values());
    let mut wrong = Vec::new();
    // In memory, in a segment as it was flushed, and in a compacted one.
    for place in ["memory", "flushed", "compacted"] {
        match place {
            "flushed" => fixture.store.flush().unwrap(),
            "compacted" => fixture.store.compact_all().unwrap(),
            _ => {}
        }
        for (condition, expected) in CONDITIONS {
            let text = format!(
                "SELECT CAST(attributes['n'] AS BIGINT) AS n FROM logs WHERE {condition} ORDER BY attributes['n'] + 0"
            );
            let expected: Vec<String> = expected.iter().map(|number| format!("[{number}]")).collect();
            let expected = format!("[{}]", expected.join(","));
            match fixture.query(&text).await {
                Ok(result) if result.rows_json().unwrap() == expected => {}
                Ok(result) => wrong.push(format!("{place}: {condition}: {}", result.rows_json().unwrap())),
                Err(error) => wrong.push(format!("{place}: {condition}: {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_is_no_number_is_null_in_what_is_computed() {
    let fixture = Fixture::empty();
    append(&fixture.store, odd_values());
    let finite = "attributes['n'] IN (0, 1, 2, 3, 4, 6, 7, 8, 13, 20)"; // 7, 99.5 and 500 are numbers
    let cases = [
        ("SELECT sum(attributes['x']), avg(attributes['x']), count(attributes['x'])", "[[606.5,202.16666666666666,8]]"),
        ("SELECT median(attributes['x']), max(attributes['x'] + 0)", "[[99.5,500.0]]"),
        ("SELECT approx_percentile_cont(1.0) WITHIN GROUP (ORDER BY attributes['x'])", "[[500.0]]"),
        ("SELECT sum(attributes['x']) FILTER (WHERE attributes['x'] > 8)", "[[599.5]]"),
        ("SELECT sum(CASE WHEN attributes['x'] >= 99.5 THEN 1 ELSE 0 END)", "[[2]]"),
        ("SELECT attributes['x'] > 8 AS more, count(*) AS n GROUP BY more ORDER BY n", "[[false,1],[true,2],[null,7]]"),
        ("SELECT count(*) AS n GROUP BY attributes['x'] >= 7 HAVING max(attributes['n']) <= 8", "[[7]]"),
        ("SELECT attributes['x'] ORDER BY attributes['x'] - 0 DESC NULLS LAST LIMIT 2", r#"[["500"],["99.5"]]"#),
        ("SELECT DISTINCT sum(attributes['x']) OVER ()", "[[606.5]]"),
    ];
    for (text, expected) in cases {
        let (select, rest) = match text.find(" GROUP BY").or_else(|| text.find(" ORDER BY attributes['x'] -")) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let text = format!("{select} FROM logs WHERE {finite}{rest}");
        assert_eq!(fixture.rows(&text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn text_joins_numbers() {
    let fixture = Fixture::empty();
    append(&fixture.store, odd_values());
    let joins = [
        "FROM logs JOIN (VALUES (7, 'a'), (500, 'b'), (9007199254740993, 'c')) v(y, z) ON attributes['x'] = y",
        "FROM logs, (VALUES (7, 'a'), (500, 'b'), (9007199254740993, 'c')) v(y, z) WHERE y = attributes['x']",
        "FROM (SELECT attributes, attributes['x'] AS y FROM logs) JOIN \
         (VALUES (7, 'a'), (500, 'b'), (9007199254740993, 'c')) v(y, z) USING (y)",
    ];
    for join in joins {
        let text = format!("SELECT attributes['n'], z {join} ORDER BY attributes['n'] + 0");
        let expected = r#"[["0","a"],["11","b"],["12","b"],["13","b"],["14","b"],["15","c"]]"#;
        assert_eq!(fixture.rows(&text).await, expected, "{text}");
        let plan = fixture.rows(&format!("EXPLAIN FORMAT INDENT {text}")).await;
        assert!(plan.contains("HashJoinExec"), "{text}: {plan}");
    }
    let names =
        fixture.query("SELECT attributes['x'] > 5, attributes['x'] = 7 AS seven FROM logs LIMIT 1").await.unwrap();
    let names: Vec<&str> = names.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, [r#"attr(logs.attributes,Utf8("x")) > Int64(5)"#, "seven"]);
}

/// What the query itself says is held to its types.
#[tokio::test]
async fn a_literal_that_is_no_number_is_an_error() {
    let fixture = Fixture::new();
    for text in [
        "SELECT CAST('n/a' AS BIGINT)",
        "SELECT * FROM spans WHERE duration_ns > 'long'",
        "SELECT * FROM spans WHERE start_time > 'yesterday'",
    ] {
        assert!(fixture.query(text).await.is_err(), "{text}");
    }
}
