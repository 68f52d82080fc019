//! A real Alertmanager as receiver, and a webhook of ours beside it: both are told the same. It needs the binary, Debian's
//! `prometheus-alertmanager` or any other: `HAECHI_ALERTMANAGER` names it, or it is found in the path. Without one this says so.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::otlp::{self, SECOND};
use crate::process::Haechi;

const PATIENCE: Duration = Duration::from_secs(120);

const SLO: &str = "
name: shop
service: shop
indicator: availability
objective: 99
window: 24h
annotations: {runbook_url: 'https://example.org/shop'}
alerting:
  tiers:
    - {severity: page, long: 1m, short: 15s, burn_rate: 10}
    - {severity: ticket, long: 2m, short: 20s, burn_rate: 5}
";

fn binary() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("HAECHI_ALERTMANAGER") {
        return Some(named.into());
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["prometheus-alertmanager", "alertmanager"];
    folders.iter().flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// Killed when dropped.
struct Alertmanager(Child);

impl Drop for Alertmanager {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What receivers of `/ours` and `/theirs` were sent.
async fn receivers() -> (String, UnboundedReceiver<Value>, UnboundedReceiver<Value>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ((ours, our_bodies), (theirs, their_bodies)) =
        (tokio::sync::mpsc::unbounded_channel(), tokio::sync::mpsc::unbounded_channel());
    let take = |to: tokio::sync::mpsc::UnboundedSender<Value>| {
        axum::routing::post(move |axum::Json(body): axum::Json<Value>| async move { drop(to.send(body)) })
    };
    let app = axum::Router::new().route("/ours", take(ours)).route("/theirs", take(theirs));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, our_bodies, their_bodies)
}

/// Sends ten spans of the last seconds, good ones or failed ones.
async fn send(haechi: &Haechi, good: bool) {
    let now = otlp::now();
    let spans = (0..10).map(|number| {
        let start = now - number * SECOND / 10;
        let span = otlp::span(start.into(), start, 0, "GET /", start, start + 1000);
        if good { span } else { otlp::failed(span, "down") }
    });
    assert_eq!(otlp::post(&haechi.otlp_http, "traces", &otlp::traces("shop", spans.collect())).await.unwrap(), 200);
}

/// Goes on sending until a body has this status with so many alerts, and gives it.
async fn until(haechi: &Haechi, bodies: &mut UnboundedReceiver<Value>, status: &str, alerts: usize) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        send(haechi, status == "resolved").await;
        assert!(tokio::time::Instant::now() < deadline, "nothing is {status}");
        let next = tokio::time::timeout(Duration::from_secs(1), bodies.recv()).await;
        if let Ok(Some(body)) = next
            && body["status"] == status
            && body["alerts"].as_array().is_some_and(|found| found.len() == alerts)
        {
            return body;
        }
    }
}

/// The body with its alerts in the order of their fingerprints.
fn sorted(mut body: Value) -> Value {
    let key = |alert: &Value| alert["fingerprint"].as_str().unwrap_or_default().to_owned();
    body["alerts"].as_array_mut().unwrap().sort_by_key(key);
    body
}

/// All that Alertmanager says is said by us with the same words, but who says it and to whom.
fn assert_same(ours: Value, theirs: Value) {
    let (ours, theirs) = (sorted(ours), sorted(theirs));
    let fields = theirs.as_object().unwrap();
    assert!(fields.len() >= 10, "{theirs}");
    for (name, value) in fields.iter().filter(|(name, _)| !["receiver", "externalURL"].contains(&name.as_str())) {
        assert_eq!(&ours[name], value, "{name}");
    }
}

#[tokio::test]
async fn an_alertmanager_tells_what_our_webhook_does() {
    let Some(binary) = binary() else {
        println!("skipped: there is no prometheus-alertmanager; HAECHI_ALERTMANAGER can name one");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (url, mut ours, mut theirs) = receivers().await;
    let path = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let config = path(
        "alertmanager.yml",
        &format!(
            "route: {{receiver: a, group_by: [alertname, slo], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{url}/theirs'}}]}}]\n"
        ),
    );
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let args = [
        format!("--config.file={config}"),
        format!("--storage.path={}", dir.path().join("am").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--cluster.listen-address=".to_owned(),
    ];
    let log = dir.path().join("am.log");
    let stderr = std::fs::File::create(&log).unwrap();
    let child = Command::new(binary).args(args).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
    let _alertmanager = Alertmanager(child);
    let deadline = std::time::Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let said = std::fs::read_to_string(&log).unwrap();
        assert!(std::time::Instant::now() < deadline && !said.contains("level=error"), "it does not start: {said}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    std::fs::create_dir(dir.path().join("slos")).unwrap();
    path("slos/shop.yaml", SLO);
    let file = path(
        "haechi.yaml",
        &format!(
            "receivers:\n  - {{name: ours, url: '{url}/ours'}}\n  - {{name: am, kind: alertmanager, url: 'http://127.0.0.1:{port}'}}\n"
        ),
    );
    let slos = dir.path().join("slos").to_str().unwrap().to_owned();
    let haechi = Haechi::start_with(&dir.path().join("data"), &["--slos", &slos, "--config", &file]);
    let told = until(&haechi, &mut ours, "firing", 2).await;
    assert_same(told, until(&haechi, &mut theirs, "firing", 2).await);
    // The two end apart; what tells of the last one is what both have.
    let told = until(&haechi, &mut ours, "resolved", 1).await;
    let theirs = until(&haechi, &mut theirs, "resolved", 1).await;
    assert_same(told, theirs);
}
