//! A disk that fills up under the running box: senders are told to come again, queries are answered, and nobody has to do
//! anything once there is space.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use prost::Message;
use tempfile::TempDir;

use crate::otlp;
use crate::process::Haechi;

const MIB: u64 = 1 << 20;
/// What the test adds to the disk. Others may be writing to it as well.
const FILLER: u64 = 256 * MIB;

/// Where others write least.
fn tempdir() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// One of the box's own metrics.
async fn metric(haechi: &Haechi, name: &str) -> u64 {
    let text = reqwest::get(format!("{}/-/metrics", haechi.ui)).await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

async fn post(haechi: &Haechi, body: &str) -> reqwest::Response {
    let log = otlp::logs("full", vec![otlp::log(1, 1, otlp::now(), body)]).encode_to_vec();
    let request = reqwest::Client::new().post(format!("{}/v1/logs", haechi.otlp_http));
    request.header("content-type", "application/x-protobuf").body(log).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_refused_while_the_disk_is_full_and_taken_again_after() {
    let dir = tempdir();
    let data = dir.path().join("data");
    let haechi = Haechi::start_with(&data, &["--disk-reserve", "0"]);
    let free = metric(&haechi, "haechi_disk_free_bytes").await;
    assert_eq!(haechi.terminate(), Some(0));
    let reserve = format!("{}MiB", (free - FILLER / 2) / MIB);
    let haechi = Haechi::start_with(&data, &["--disk-reserve", &reserve]);
    assert_eq!(post(&haechi, "before").await.status(), 200);

    let filler = dir.path().join("filler");
    fs::write(&filler, vec![1; FILLER as usize]).unwrap();
    let filled = Instant::now();
    let refusal = loop {
        let response = post(&haechi, "during").await;
        if response.status() != 200 {
            break response;
        }
        assert!(filled.elapsed() < Duration::from_secs(30), "the full disk is not noticed");
    };
    assert_eq!(refusal.status(), 503);
    assert_eq!(refusal.headers()["retry-after"], "10");
    let message = String::from_utf8_lossy(&refusal.bytes().await.unwrap()).into_owned();
    assert!(message.contains("the disk is nearly full"), "{message}");
    assert_eq!(metric(&haechi, "haechi_disk_full").await, 1);
    let found = haechi.sql("SELECT count(*) AS n FROM logs WHERE body = 'before'").await;
    assert_eq!(found["rows"][0]["n"], 1);
    let page = reqwest::get(format!("{}/connect", haechi.ui)).await.unwrap().text().await.unwrap();
    assert!(page.contains("The disk is nearly full: requests are refused"), "{page}");

    let (status, report) = haechi.get("/api/v1/ingest").await;
    assert_eq!((status, &report["data"]["disk"]["state"]), (200, &"full".into()));
    assert!(report["data"]["refusing"].as_str().is_some_and(|why| why.contains("nearly full")), "{report}");
    assert_eq!(report["data"]["reasons"][0]["http_status"], 503);
    let page = reqwest::get(format!("{}/ingest", haechi.ui)).await.unwrap().text().await.unwrap();
    assert!(page.contains("Refusing now") && page.contains("the disk is nearly full"), "{page}");

    fs::remove_file(&filler).unwrap();
    let freed = Instant::now();
    while post(&haechi, "after").await.status() != 200 {
        assert!(freed.elapsed() < Duration::from_secs(30), "requests are still refused");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(haechi.terminate(), Some(0));
}
