//! The main pages in a real browser, over a box with data. The script is `ui/web/e2e/run.mjs`.

use std::path::Path;
use std::process::Command;

use crate::otlp::{self, SECOND};
use crate::process::Haechi;

/// Where the browser is, unless `CHROMIUM` says otherwise.
const CHROMIUM: &str = "/usr/bin/chromium";

/// Fires over what [`send_a_ledger`] sends, which is an hour old.
const LEDGER: &str = "
name: ledger-availability
service: ledger
indicator: availability
objective: 99
window: 24h
alerting:
  tiers:
    - {severity: page, long: 6h, short: 3h, burn_rate: 2}
";

/// Runs a script of `ui/web/e2e` over the box at `ui`.
fn run(script: &str, ui: &str) {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("ui/web");
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| CHROMIUM.to_owned());
    if !Path::new(&chromium).exists() || !web.join("node_modules/playwright-core").exists() {
        println!("skipped: needs {chromium} and the packages of ui/web; `cargo xtask test` installs both");
        return;
    }
    let mut node = Command::new("node");
    let output = node.args([script, ui]).env("CHROMIUM", &chromium).current_dir(web).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    println!("{said}");
}

/// The receiver answers while the script runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn main_pages_work_in_a_browser() {
    let dir = tempfile::tempdir().unwrap();
    let slos = dir.path().join("slos");
    std::fs::create_dir(&slos).unwrap();
    let slo = "name: shop-availability\nservice: shop\nindicator: availability\nobjective: 99.5\nwindow: 24h\n";
    std::fs::write(slos.join("shop.yaml"), slo).unwrap();
    std::fs::write(slos.join("ledger.yaml"), LEDGER).unwrap();
    let (webhook, _told) = crate::slos::receiver().await;
    let flags = ["--slos", slos.to_str().unwrap(), "--webhook", &webhook];
    let haechi = Haechi::start_with(&dir.path().join("data"), &flags);
    send_a_shop(&haechi.otlp_http).await;
    send_a_ledger(&haechi.otlp_http).await;
    run("e2e/run.mjs", &haechi.ui);
}

#[tokio::test]
async fn pages_over_damaged_files_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start(dir.path());
    send_a_shop(&haechi.otlp_http).await;
    assert_eq!(haechi.terminate(), Some(0));
    for table in ["spans", "logs", "points"] {
        for entry in std::fs::read_dir(dir.path().join("segments").join(table)).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|it| it.to_str()) {
                Some("parquet") => {
                    let mut bytes = std::fs::read(&path).unwrap();
                    bytes[20] ^= 1;
                    std::fs::write(&path, bytes).unwrap();
                }
                // It would restore the rows.
                Some("repair") => std::fs::remove_file(&path).unwrap(),
                _ => {}
            }
        }
    }
    run("e2e/damaged.mjs", &Haechi::start(dir.path()).ui);
}

/// Twenty traces of two services with logs, and two metrics, over the last ten minutes.
async fn send_a_shop(base: &str) {
    let now = otlp::now();
    for n in 1..=20u64 {
        let (trace, start) = (u128::from(n) << 64 | 1, now - 600 * SECOND + n * 25 * SECOND);
        let mut root = otlp::span(trace, n * 10, 0, "POST /orders", start, start + n * SECOND / 20);
        if n % 5 == 0 {
            root = otlp::failed(root, "payment declined");
        }
        let child = otlp::span(trace, n * 10 + 1, n * 10, "charge", start + SECOND / 100, start + n * SECOND / 25);
        assert_eq!(otlp::post(base, "traces", &otlp::traces("shop", vec![root])).await.unwrap(), 200);
        assert_eq!(otlp::post(base, "traces", &otlp::traces("payment", vec![child])).await.unwrap(), 200);
        let line = otlp::log(trace, n * 10, start + SECOND / 50, &format!("order {n} placed by customer c-42"));
        assert_eq!(otlp::post(base, "logs", &otlp::logs("shop", vec![line])).await.unwrap(), 200);
    }
    let points: Vec<_> = (0..40).map(|i| (now - 600 * SECOND + i * 15 * SECOND, (i * 3) as i64)).collect();
    let buckets: Vec<_> = (0..40).map(|i| (now - 600 * SECOND + i * 15 * SECOND, [i * 3, i, i / 4])).collect();
    let metrics =
        vec![otlp::counter("shop.orders", &points, vec![]), otlp::histogram("http.server.request.duration", &buckets)];
    assert_eq!(otlp::post(base, "metrics", &otlp::metrics("shop", metrics)).await.unwrap(), 200);
}

/// Sixty traces of one service, an hour ago and older than those of the shop. Every fourth is slow and fails: those that write to
/// one of three replicas.
async fn send_a_ledger(base: &str) {
    let now = otlp::now();
    for n in 1..=60u64 {
        let (trace, start) = (u128::from(n) << 64 | 2, now - 5_400 * SECOND + n * 30 * SECOND);
        let is_bad = n % 4 == 0;
        let lasts = if is_bad { SECOND * 2 / 5 } else { SECOND / 200 + n * 10_000 };
        let replica = if is_bad { "replica-3" } else { ["replica-1", "replica-2"][n as usize % 2] };
        let mut root = otlp::span(trace, n * 10, 0, "POST /entries", start, start + lasts);
        let mut child = otlp::span(trace, n * 10 + 1, n * 10, "write", start + 1_000, start + lasts - 1_000);
        for span in [&mut root, &mut child] {
            span.attributes.push(otlp::text("db.replica", replica));
            span.attributes.push(otlp::text("customer", &format!("c-{}", n * 7 % 40)));
        }
        if is_bad {
            (root, child) = (otlp::failed(root, "write timed out"), otlp::failed(child, "write timed out"));
        }
        assert_eq!(otlp::post(base, "traces", &otlp::traces("ledger", vec![root, child])).await.unwrap(), 200);
    }
}
