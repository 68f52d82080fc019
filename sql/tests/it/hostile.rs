//! Queries that would end a process without limits. Each must end in words, and leave the engine working.

use std::time::{Duration, Instant};

use sql::{SqlConfig, SqlError, SqlOptions};

use crate::fixture::{Fixture, START, append, rows};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nesting_and_length_end_in_words() {
    let fixture = Fixture::new();
    let nest = |open: &str, close: &str, n: usize| format!("SELECT {}1{}", open.repeat(n), close.repeat(n));
    let cases = [
        format!("SELECT {}", vec!["1"; 100_000].join("+")),
        format!("SELECT {}", vec!["1"; 2_000].join("+")),
        format!("SELECT {}", vec!["service = 'a'"; 1_500].join(" OR ")),
        nest("(", ")", 10_000),
        nest("abs(", ")", 5_000),
        nest("(SELECT ", ")", 1_000),
        nest("CASE WHEN true THEN ", " END", 1_200),
        format!("SELECT {} 1", "NOT ".repeat(5_000)),
        format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(2_000)),
        format!("SELECT * FROM spans {}", ", spans".repeat(200)),
        format!("{}SELECT 1", "EXPLAIN ".repeat(3_000)),
    ];
    for text in cases {
        let shown = &text[..40];
        let error = fixture.query(&text).await.unwrap_err();
        assert!(matches!(error, SqlError::BadQuery { .. }), "{shown}: {error:?}");
    }
    assert_eq!(fixture.rows("SELECT 1").await, "[[1]]");
}

/// As near to the limits as the guard lets through, in a debug build, whose frames are largest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deepest_allowed_query_fits_the_stack() {
    let fixture = Fixture::new();
    let cases = [
        format!("SELECT {}", vec!["1"; 900].join("+")),
        format!("SELECT count(*) FROM spans WHERE {}", vec!["name = 'GET'"; 450].join(" OR ")),
        format!("SELECT {}1{}", "(".repeat(60), ")".repeat(60)),
        format!("SELECT {}1{}", "abs(".repeat(60), ")".repeat(60)),
        format!("SELECT {} true", "NOT ".repeat(900)),
        (0..64).map(|i| format!("spans s{i}")).collect::<Vec<_>>().join(", ").replacen(
            "spans",
            "EXPLAIN SELECT count(*) FROM spans",
            1,
        ),
        format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(99)),
        format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(400), " END".repeat(400)),
    ];
    for text in cases {
        let shown = &text[..40];
        let outcome = fixture.query(&text).await;
        // Some are too deep for the parser's own limit, which is an answer too.
        assert!(
            matches!(outcome, Ok(_) | Err(SqlError::BadQuery { .. } | SqlError::Timeout(_))),
            "{shown}: {outcome:?}"
        );
    }
    assert_eq!(fixture.rows("SELECT 1").await, "[[1]]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_but_queries_is_run() {
    let fixture = Fixture::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    let cases = [
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "DROP TABLE spans".to_owned(),
        "INSERT INTO spans (name) VALUES ('x')".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        format!("COPY (SELECT 1) TO '{path}' STORED AS CSV"),
        format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{path}'"),
        format!("SELECT * FROM '{path}'"),
        "SELECT * FROM '/etc/passwd'".to_owned(),
        "EXPLAIN ANALYZE INSERT INTO spans (name) VALUES ('x')".to_owned(),
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r".to_owned(),
        "SELECT repeat('x', 2000000000)".to_owned(),
        "SELECT rpad('x', 2000000000, 'y')".to_owned(),
    ];
    for text in cases {
        let error = fixture.query(&text).await.unwrap_err();
        assert!(matches!(error, SqlError::BadQuery { .. }), "{text}: {error:?}");
    }
    assert_eq!(file.as_file().metadata().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_runs_on_is_ended_at_its_deadline() {
    let fixture = Fixture::new();
    for text in [
        "SELECT count(*) FROM generate_series(1, 1000000000000)",
        "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b",
        "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
        "SELECT count(*) FROM generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y) WHERE x + y < 0",
        "SELECT count(*) FROM generate_series(1, 300000) a(x) JOIN generate_series(1, 300000) b(y) ON x % 2 = y % 2",
        "SELECT count(*) FROM generate_series(1, 1000000) a(x) LEFT JOIN generate_series(1, 1000000) b(y) ON x < -y",
    ] {
        let options = SqlOptions { now: START, max_rows: None, deadline: Some(Duration::from_millis(300)) };
        let started = Instant::now();
        let result = fixture.engine.query(fixture.store.snapshot(), text.to_owned(), options).await;
        // The cross join may meet the memory limit first.
        assert!(matches!(result, Err(SqlError::Timeout(_) | SqlError::Memory { .. })), "{text}: {result:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{text}");
    }
    assert_eq!(fixture.rows("SELECT 1").await, "[[1]]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded() {
    let config = SqlConfig { memory: 16 << 20, ..SqlConfig::default() };
    let fixture = Fixture::with(config);
    append(&fixture.store, rows(100, 2_100));
    for text in [
        "SELECT a.body, b.body FROM logs a, logs b, logs c ORDER BY a.body || b.body || c.body",
        "SELECT value, count(*) FROM (SELECT value * 7 % 100000007 AS value FROM generate_series(1, 100000000)) GROUP BY value",
        "SELECT value FROM generate_series(1, 100000000) ORDER BY value % 1000, value",
    ] {
        let error = fixture.query(text).await.unwrap_err();
        assert!(matches!(error, SqlError::Memory { .. }), "{text}: {error:?}");
    }
    assert_eq!(fixture.rows("SELECT count(*) FROM logs").await, "[[2020]]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_results_are_cut_off() {
    let fixture = Fixture::new();
    let result = fixture.query("SELECT * FROM generate_series(1, 1000000000000)").await.unwrap();
    assert!(result.truncated);
    assert_eq!(result.n_rows(), 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_at_once_are_refused_and_a_leaving_caller_frees_its_place() {
    let config = SqlConfig { max_concurrent: 1, queue_wait: Duration::from_millis(100), ..SqlConfig::default() };
    let fixture = Fixture::with(config);
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000000)";
    let running =
        tokio::spawn(fixture.engine.query(fixture.store.snapshot(), endless.to_owned(), SqlOptions::default()));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(fixture.query("SELECT 1").await.unwrap_err(), SqlError::Busy(1));
    running.abort();
    let mut answer = fixture.query("SELECT 1").await;
    for _ in 0..50 {
        if answer.is_ok() {
            break;
        }
        answer = fixture.query("SELECT 1").await;
    }
    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_attribute_text_is_only_text() {
    let fixture = Fixture::new();
    for text in ["{\"a\":", "{{{{", "[1", "{\"a\":\"\\u12\"}", "{\"a\":\"\\", "\u{1F600}{\"a\"}"] {
        let quoted = text.replace('\'', "''");
        let query = format!("SELECT attr(column1, 'a') FROM (VALUES ('{quoted}'), ('{{\"a\":1}}'))");
        assert_eq!(fixture.rows(&query).await, r#"[[null],["1"]]"#, "{text}");
    }
}

/// Text that grows tenfold or doubles per call, in every way there is to grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_does_not_grow_without_bound() {
    let fixture = Fixture::new();
    let nest =
        |open: &str, close: &str, n: usize| format!("SELECT length({}'aaaaaaaaaa'{})", open.repeat(n), close.repeat(n));
    let twice = |from: &str| {
        (0..40).fold(format!("SELECT 'aaaaaaaaaa' AS x{from}"), |inner, _| format!("SELECT x || x AS x FROM ({inner})"))
    };
    let cases = [
        nest("replace(", ", 'a', 'aaaaaaaaaa')", 12),
        nest("regexp_replace(", ", '(a)', '\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1', 'g')", 12),
        twice(""),
        twice(" FROM spans"),
        twice("").replace("x || x", "concat(x, x, x, x)"),
        twice(" FROM spans").replace("x || x", "concat_ws(x, x, x)"),
        twice("").replace("x || x", "overlay(x PLACING x FROM 5 FOR 1)"),
    ];
    for text in cases {
        let shown = &text[text.len() - 60..];
        let error = fixture.query(&text).await.unwrap_err();
        assert!(error.to_string().contains("are allowed"), "{shown}: {error}");
    }
    let expected = r#"[["GET on shop 1",null,"a-b"]]"#;
    let text = "SELECT name || ' on ' || service || ' ' || flags, name || parent_span_id, concat_ws('-', 'a', 'b') \
                FROM spans WHERE kind = 'server' LIMIT 1";
    assert_eq!(fixture.rows(text).await, expected);
    assert_eq!(fixture.rows("SELECT replace('a.b', '.', '/'), concat('a', 1, NULL)").await, r#"[["a/b","a1"]]"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pattern_that_is_too_large_is_the_writers_mistake() {
    let fixture = Fixture::new();
    let error =
        fixture.query("SELECT count(*) FROM spans WHERE regexp_like(name, '(\\w{500}){20}')").await.unwrap_err();
    assert!(matches!(error, SqlError::BadQuery { .. }), "{error:?}");
}
