//! `haechi load` against the real box: what it sends is there, once, and its own check can tell when it is not.

use std::path::Path;
use std::process::Output;

use crate::process::{Haechi, run};

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs the binary and expects this of its success.
fn expect(success: bool, args: &[&str]) -> String {
    let output = run(args);
    let text = text(&output);
    assert_eq!(output.status.success(), success, "{args:?}: {text}");
    text
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).to_str().unwrap().to_owned()
}

/// Every signal with every adversity, into the recent past.
const ADVERSE: [&str; 21] = [
    "--spans",
    "3000",
    "--logs",
    "4000",
    "--samples",
    "6k",
    "--span",
    "20m",
    "--batch",
    "500",
    "--seed",
    "7",
    "--histograms",
    "4",
    "--exemplars",
    "--jitter",
    "4ms",
    "--churn",
    "5m",
    "--late",
    "30",
];

#[test]
fn what_load_sends_is_found_once_and_as_sent() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start(&dir.path().join("data"));
    let ledger = path(dir.path(), "ledger");
    let check = ["load", "check", &ledger, "--ui", &haechi.ui, "--samples", "20"];

    let file = path(dir.path(), "requests");
    let start = ["--start", &(jiff::Timestamp::now() - jiff::SignedDuration::from_mins(30)).to_string()];
    expect(true, &[&["load", "--write", &file, "--compression", "gzip"], &ADVERSE[..], &start].concat());
    let replay = ["load", "--replay", &file, "--ledger", &ledger, "--max"];
    let said = expect(true, &[&replay[..], &["--to", &haechi.otlp_http, "--json"]].concat());
    let summary: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let sent = &summary["summary"];
    let spans = sent["traces"]["items"].as_u64().unwrap();
    assert!((3000..3250).contains(&spans), "traces are sent whole: {said}");
    assert_eq!((&sent["logs"]["items"], &sent["metrics"]["items"]), (&4000.into(), &6032.into()), "{said}");
    assert_eq!((&sent["metrics"]["lost"], &sent["metrics"]["retries"]), (&0.into(), &0.into()), "{said}");
    let said = expect(true, &check);
    assert!(said.contains("logs: 4000 acknowledged log records found once and as sent"), "{said}");
    assert!(said.contains("looked up 20 traces by id and 20 metrics by PromQL, 0 wrong"), "{said}");

    // The same requests once more, over the other protocol: retries, which change nothing.
    expect(true, &[&replay[..], &["--to", &haechi.otlp_grpc, "--protocol", "grpc"]].concat());
    expect(true, &check);

    // The check can fail: a ledger that promises more, and one that promises less.
    let whole = std::fs::read_to_string(&ledger).unwrap();
    let promised = |from: &str, to: &str| {
        assert!(whole.contains(from) && whole.contains(",4000]}"), "{whole}");
        // A ninth request would have nothing in it but for the second.
        std::fs::write(&ledger, whole.replace(from, to).replace(",4000]}", ",4500]}")).unwrap();
        expect(false, &check)
    };
    let said = promised("\"logs\":[[0,7]]", "\"logs\":[[0,8]]");
    assert!(said.contains("500 log records acknowledged, and not found"), "{said}");
    let said = promised("\"logs\":[[0,7]]", "\"logs\":[[1,7]]");
    assert!(said.contains("500 log records found that were not sent so"), "{said}");
    assert_eq!(haechi.terminate(), Some(0));
}

#[test]
fn what_does_not_fill_a_request_is_sent_and_what_differs_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start(&dir.path().join("data"));
    let (one, other) = (path(dir.path(), "one"), path(dir.path(), "other"));
    let live = ["load", "--duration", "1s", "--to", &haechi.otlp_http, "--logs", "1500", "--samples", "250"];
    let said = expect(true, &[&live[..], &["--ledger", &one]].concat());
    assert!(said.contains("logs: 1500 log records in 2 requests"), "{said}");
    assert!(said.contains("metrics: 250 data points were asked for and 300 sent: a resource sends"), "{said}");
    let said = expect(true, &["load", "check", &one, "--ui", &haechi.ui]);
    assert!(said.contains("logs: 1500 acknowledged log records found once and as sent"), "{said}");

    let live = ["load", "--duration", "1s", "--to", &haechi.otlp_http, "--logs", "100", "--seed", "2"];
    let said = expect(true, &[&live[..], &["--ledger", &other, "--json"]].concat());
    let summary: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&summary["summary"]["logs"]["items"], summary["summary"]["differences"].as_array().map(Vec::len)),
        (&100.into(), Some(0)),
        "{said}"
    );
    let said = expect(false, &["load", "check", &other, "--ui", &haechi.ui]);
    assert!(said.contains("1500 log records found that were not sent so"), "{said}");
    assert!(said.contains("a box is checked that holds nothing but the run"), "{said}");
    assert_eq!(haechi.terminate(), Some(0));
}

#[test]
fn an_open_loop_keeps_its_rate_and_counts_what_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start(dir.path());
    let live = ["load", "--logs", "2k/s", "--batch", "100", "--duration", "2s", "--json", "--every", "1s"];
    let said = expect(true, &[&live[..], &["--to", &haechi.otlp_http, "--compression", "gzip"]].concat());
    let summary: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let logs = &summary["summary"]["logs"];
    assert_eq!(logs["items"], 4000, "{said}");
    assert!(logs["latency_ms"]["p50"].as_f64() > Some(0.0), "{said}");
    assert!(said.lines().count() >= 2, "a line each second: {said}");

    let ui = haechi.ui.clone();
    let said = expect(false, &[&live[..], &["--to", &ui]].concat());
    assert!(said.contains("\"HTTP 404\":40") && said.contains("not every request was accepted"), "{said}");
    assert_eq!(haechi.terminate(), Some(0));
    let nobody = ["--to", "http://127.0.0.1:9", "--retry-for", "0"];
    let said = expect(false, &[&live[..], &nobody].concat());
    assert!(said.contains("cannot connect") && said.contains("\"lost\":40"), "{said}");
}
