//! The conformance suite of OTLP against the binary: every MUST and SHOULD holds, over each protocol.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use conformance::{Level, Options, Target, Verdict};
use tempfile::TempDir;

use crate::process::Haechi;

/// The official examples, where they are at hand; `HAECHI_TESTDATA` names another place.
fn examples() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/testdata");
    let folder = std::env::var_os("HAECHI_TESTDATA").map_or_else(beside, PathBuf::from).join("otlp");
    if folder.exists() {
        return Some(folder);
    }
    println!("skipped: the official examples are not in {}; set HAECHI_TESTDATA", folder.display());
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_must_and_should_of_otlp_holds() {
    let dir = TempDir::new().unwrap();
    // The limit makes no other difference than its number, and bodies of 8 MiB do not take a debug build's time. With a smaller one
    // there are no requests that could have a reply over 4 MiB.
    let haechi = Haechi::start_with(dir.path(), &["--max-request", "8MiB"]);
    let address = |url: &str| Some(url.trim_start_matches("http://").to_owned());
    let (grpc, http) = (address(&haechi.otlp_grpc), address(&haechi.otlp_http));
    #[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let options = Options { examples: examples(), max_body: 8 << 20, ..Options::at(now) };
    let report = conformance::run(Target { grpc, http, ..Target::default() }, options).await;
    let broken = report.entries.iter().filter(|entry| match entry.rule.level {
        Level::Must | Level::Should | Level::Practice => matches!(entry.verdict, Verdict::Fail | Verdict::Miss),
        Level::May => false,
    });
    let broken: Vec<String> =
        broken.map(|it| format!("{}: {}\n  sent {}\n  got {}", it.id(), it.why, it.sent, it.got)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // Rules that say "if" apply here: the receiver rejects items and explains itself, and the limit lets long replies come up.
    for id in [
        "R3.spans",
        "R3.data-points",
        "R3.log-records",
        "R4.message",
        "R5.warning",
        "T6.status-details",
        "T9.many-rejected",
        "T9.long-value",
    ] {
        let mut entries = report.entries.iter().filter(|entry| entry.rule.id == id);
        assert!(entries.all(|entry| entry.verdict == Verdict::Pass), "{id} does not apply");
    }
    assert!(report.entries.len() > 500, "{}", report.entries.len());
}
