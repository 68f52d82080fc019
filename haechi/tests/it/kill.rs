//! Sudden death: the process is killed at random moments while clients send all three signals. Every request that was
//! acknowledged is found after the restart, whole and once; one that was not is found whole and once after its retry.
//!
//! `HAECHI_KILL_CYCLES` sets the number of kills (3 unless given; the release figure in docs/benchmarks.md is of 50),
//! `HAECHI_KILL_SEED` the seed of the moments, which is printed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prost::Message;
use rand::{Rng, SeedableRng};

use crate::otlp::{self, SECOND};
use crate::process::Haechi;

/// Items in each request.
const ITEMS: u64 = 5;
const SIGNALS: [&str; 3] = ["traces", "logs", "metrics"];

/// A request and what became of it.
struct Batch {
    signal: &'static str,
    body: Vec<u8>,
}

#[derive(Default)]
struct Ledger {
    next: AtomicU64,
    acked: Mutex<BTreeMap<u64, &'static str>>,
    /// Sent without an answer: an exporter sends them again.
    open: Mutex<BTreeMap<u64, Batch>>,
}

/// The request number `n`: five items that carry the number.
fn batch(n: u64) -> Batch {
    let signal = SIGNALS[(n % 3) as usize];
    let time = otlp::now();
    let tag = otlp::text("batch", &n.to_string());
    let body = match signal {
        "traces" => {
            let mut spans = Vec::new();
            for item in 0..ITEMS {
                let mut span = otlp::span(n.into(), n * ITEMS + item + 1, 0, "work", time, time + 1000);
                span.trace_id[0] = 1;
                span.attributes = vec![tag.clone()];
                spans.push(span);
            }
            otlp::traces("killed", spans).encode_to_vec()
        }
        "logs" => {
            let mut records = Vec::new();
            for item in 0..ITEMS {
                let mut record = otlp::log(1, 1, time, &format!("item {item} of {n}"));
                record.attributes = vec![tag.clone()];
                records.push(record);
            }
            otlp::logs("killed", records).encode_to_vec()
        }
        _ => {
            let points: Vec<_> = (0..ITEMS).map(|item| (time + item * SECOND / 1000, item as i64)).collect();
            otlp::metrics("killed", vec![otlp::counter("work.done", &points, vec![tag])]).encode_to_vec()
        }
    };
    Batch { signal, body }
}

/// Sends until `stop`: first what is open from before, then new requests.
async fn client(base: String, ledger: Arc<Ledger>, stop: Arc<AtomicU64>) {
    while stop.load(Ordering::Relaxed) == 0 {
        let retry = ledger.open.lock().unwrap().pop_first();
        let (n, batch) = retry.unwrap_or_else(|| {
            let n = ledger.next.fetch_add(1, Ordering::Relaxed);
            (n, batch(n))
        });
        match otlp::post_bytes(&base, batch.signal, "application/x-protobuf", batch.body.clone()).await {
            Ok(200) => drop(ledger.acked.lock().unwrap().insert(n, batch.signal)),
            Ok(status) => panic!("request {n} is answered {status}"),
            Err(_) => {
                ledger.open.lock().unwrap().insert(n, batch);
                return; // the process is gone
            }
        }
    }
}

/// The number of stored items of each request, by signal.
async fn stored(haechi: &Haechi) -> BTreeMap<(&'static str, u64), u64> {
    let mut found = BTreeMap::new();
    for (signal, table) in [("traces", "spans"), ("logs", "logs"), ("metrics", "metrics")] {
        // A page at a time: an answer has at most 10,000 rows.
        for page in 0.. {
            let rows = haechi
                .sql(&format!(
                    "SELECT CAST(attributes['batch'] AS BIGINT) AS batch, count(*) AS n FROM {table} \
                     WHERE service = 'killed' GROUP BY 1 ORDER BY 1 LIMIT 5000 OFFSET {}",
                    page * 5000
                ))
                .await;
            let rows = rows["rows"].as_array().unwrap().clone();
            for row in &rows {
                found.insert((signal, row["batch"].as_u64().unwrap()), row["n"].as_u64().unwrap());
            }
            if rows.len() < 5000 {
                break;
            }
        }
    }
    found
}

async fn check(haechi: &Haechi, ledger: &Ledger) -> usize {
    let found = stored(haechi).await;
    let acked = ledger.acked.lock().unwrap().clone();
    for (n, signal) in &acked {
        assert_eq!(found.get(&(*signal, *n)), Some(&ITEMS), "acknowledged request {n} of {signal}");
    }
    for ((signal, n), items) in &found {
        assert_eq!(*items, ITEMS, "request {n} of {signal} is stored in part or twice");
    }
    acked.len()
}

async fn cycle(dir: &Path, ledger: &Arc<Ledger>, alive: Duration) -> Duration {
    // Segments are written every second, so that kills hit that too.
    let haechi = Haechi::start_with(dir, &["--flush-age", "1s"]);
    check(&haechi, ledger).await;
    let stop = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> =
        (0..6).map(|_| tokio::spawn(client(haechi.otlp_http.clone(), Arc::clone(ledger), Arc::clone(&stop)))).collect();
    tokio::time::sleep(alive).await;
    let ready_after = haechi.ready_after;
    haechi.kill();
    for client in clients {
        client.await.unwrap();
    }
    ready_after
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_requests_survive_kill_9_whole_and_once() {
    let number = |name: &str, default: u64| std::env::var(name).ok().map_or(default, |text| text.parse().unwrap());
    let cycles = number("HAECHI_KILL_CYCLES", 3);
    let seed = number("HAECHI_KILL_SEED", otlp::now());
    println!("{cycles} kills, seed {seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::default());
    let mut slowest = Duration::ZERO;
    for _ in 0..cycles {
        let alive = Duration::from_millis(random.random_range(20..3000));
        slowest = slowest.max(cycle(dir.path(), &ledger, alive).await);
    }
    let haechi = Haechi::start(dir.path());
    let stop = Arc::new(AtomicU64::new(0));
    let last = tokio::spawn(client(haechi.otlp_http.clone(), Arc::clone(&ledger), Arc::clone(&stop)));
    while !ledger.open.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.store(1, Ordering::Relaxed);
    last.await.unwrap();
    let acked = check(&haechi, &ledger).await;
    assert!(acked > 0, "no request was acknowledged");
    println!("{acked} requests of {ITEMS} items acknowledged and found; slowest start {} ms", slowest.as_millis());
    assert_eq!(haechi.terminate(), Some(0));
}
