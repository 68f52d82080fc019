//! The commands that look at a data directory from beside the box.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::otlp::{self, SECOND};
use crate::process::{Haechi, run};

/// Standard output of a command that must end with `code`, and what it says on standard error.
fn said(args: &[&str], code: i32) -> (String, String) {
    let output = run(args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{error}");
    (out, error)
}

/// A box with a span, a log record and two points, flushed and not.
async fn send(running: &Haechi) {
    let now = otlp::now();
    let span = otlp::span(7, 8, 0, "pay", now, now + SECOND);
    let point = |value| (now - SECOND * value as u64, value);
    let metrics =
        otlp::metrics("shop", vec![otlp::counter("orders", &[point(2), point(1)], vec![otlp::text("a", "b")])]);
    let logs = otlp::logs("shop", vec![otlp::log(7, 8, now, "order 17 paid")]);
    assert_eq!(otlp::post(&running.otlp_http, "traces", &otlp::traces("shop", vec![span])).await.unwrap(), 200);
    assert_eq!(otlp::post(&running.otlp_http, "metrics", &metrics).await.unwrap(), 200);
    assert_eq!(otlp::post(&running.otlp_http, "logs", &logs).await.unwrap(), 200);
}

fn exported(dir: &str, table: &str, more: &[&str]) -> String {
    let out = tempfile::tempdir().unwrap();
    let args = ["export", dir, "--table", table, "--out", out.path().to_str().unwrap()];
    let (said, _) = said(&[&args[..], more].concat(), 0);
    let bytes = fs::read(out.path().join(format!("{table}-000001.parquet"))).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    said
}

#[tokio::test]
async fn a_directory_is_checked_measured_and_exported_beside_the_box_and_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let mut running = Some(Haechi::start(dir.path()));
    send(running.as_ref().unwrap()).await;
    for state in ["running", "killed", "ended"] {
        let (out, _) = said(&["store", "verify", path, "--deep"], 0);
        assert!(
            out.contains(if state == "ended" { "4 segments with 5 rows" } else { "3 requests in 1 log file" }),
            "{out}"
        );
        for (table, rows) in [("spans", "1 row"), ("logs", "1 row"), ("metrics", "2 rows"), ("exemplars", "0 rows")] {
            assert!(exported(path, table, &[]).starts_with(&format!("{rows} of {table} in 1 file, ")), "{state}");
        }
        assert!(exported(path, "spans", &["--to", "2020-01-01T00:00:00Z"]).starts_with("0 rows"));
        match running.take() {
            Some(first) => first.kill(),
            None if state == "killed" => assert_eq!(Haechi::start(dir.path()).terminate(), Some(0)),
            None => {}
        }
    }
    let (out, _) = said(&["store", "stat", path], 0);
    assert!(out.contains("logs, level 0: 1 row in 1 segment, ") && out.contains("B/row"), "{out}");
    assert!(out.contains("    trace_id ") && out.contains("1 series"), "{out}");
    let (out, _) = said(&["store", "stat", path, "--json"], 0);
    let stat: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&stat["levels"][2]["table"], &stat["levels"][2]["rows"]), (&"points".into(), &2.into()));
}

#[test]
fn what_the_log_of_a_kept_sample_has_is_exported_too() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/testdata/formats/v1/data");
    // Format 1 gave its series other ids: what is replayed from its log is under those of today.
    let rows = [("spans", 56), ("logs", 67), ("metrics", 240), ("exemplars", 36), ("series", 30)];
    for (table, rows) in rows {
        let said = exported(sample.to_str().unwrap(), table, &[]);
        assert!(said.starts_with(&format!("{rows} rows of {table} in 1 file, ")), "{said}");
    }
}

#[test]
fn damage_is_named_and_ends_with_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (path, spans) = (dir.path().to_str().unwrap(), dir.path().join("segments/spans"));
    assert_eq!(Haechi::start(dir.path()).terminate(), Some(0));
    let (_, error) = said(&["store", "verify", dir.path().join("nowhere").to_str().unwrap()], 1);
    assert!(error.contains("nowhere"), "{error}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let running = Haechi::start(dir.path());
    runtime.block_on(send(&running));
    assert_eq!(running.terminate(), Some(0));
    let file = first(&spans);
    let mut bytes = fs::read(&file).unwrap();
    bytes[10] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (out, error) = said(&["store", "verify", path], 1);
    assert!(out.contains(file.to_str().unwrap()) && out.contains("bytes at 0 have checksum "), "{out}");
    assert!(error.contains(" finding"), "{error}");
    let export = |code| {
        let out = tempfile::tempdir().unwrap();
        said(&["export", path, "--table", "spans", "--out", out.path().to_str().unwrap()], code)
    };
    let (restored, _) = export(0);
    assert!(restored.starts_with("1 row of spans"), "{restored}");
    fs::remove_file(file.with_extension("repair")).unwrap();
    let (lost, error) = export(1);
    assert!(lost.starts_with("0 rows of spans") && error.contains("row group 0"), "{lost}{error}");
}

#[tokio::test]
async fn answers_say_that_series_are_missing_when_what_describes_them_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let running = Haechi::start(dir.path());
    send(&running).await;
    assert_eq!(running.terminate(), Some(0));
    let file = first(&dir.path().join("segments/series"));
    for lost in ["parquet", "repair"] {
        fs::remove_file(file.with_extension(lost)).unwrap();
        let running = Haechi::start(dir.path());
        let (sql, labels) = (
            running.sql("SELECT name FROM metrics WHERE name = 'orders'").await,
            running.get("/api/v1/labels").await.1,
        );
        let promql = running.get("/api/v1/query?query=orders_total").await.1;
        let (found, said) = if lost == "parquet" { (2, 0) } else { (0, 1) };
        assert_eq!(sql["rows"].as_array().map_or(0, Vec::len), found, "{sql}");
        let metadata = running.get("/api/v1/metadata").await.1;
        for answer in [&sql, &promql, &labels, &metadata] {
            let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
            let named =
                warnings.iter().filter(|it| it.as_str().is_some_and(|it| it.contains("series that had points")));
            assert_eq!(named.count(), said, "{answer}");
        }
        assert_eq!(running.terminate(), Some(0));
    }
    // Others have lost nothing.
    let out = tempfile::tempdir().unwrap();
    let export = |table, code| {
        let (dir, out) = (dir.path().to_str().unwrap(), out.path().join(table));
        said(&["export", dir, "--table", table, "--out", out.to_str().unwrap()], code).1
    };
    assert_eq!(export("spans", 0), "");
    assert!(export("metrics", 1).contains("1 place could not be read"));
}

fn first(folder: &Path) -> std::path::PathBuf {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|it| it == "parquet")).min().unwrap()
}

#[test]
fn a_folder_without_a_store_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_path_buf(), dir.path().join("absent")] {
        for command in ["verify", "stat"] {
            let (_, error) = said(&["store", command, path.to_str().unwrap()], 1);
            assert!(error.contains("is no data directory: it has neither a file manifest"), "{error}");
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
