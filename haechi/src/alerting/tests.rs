//! The whole of it on the real runtime: a file, a stream of spans, a receiver on a socket.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use model::time::SECOND;
use slo::status::Health;
use tokio::net::TcpListener;

use super::paper::Paper;
use super::*;

const FILE: &str = "
name: booking
service: booking
indicator: availability
objective: 99
window: 24h
alerting:
  tiers:
    - {severity: page, long: 20s, short: 5s, burn_rate: 10}
";

type Bodies = Arc<Mutex<Vec<serde_json::Value>>>;

async fn receive(Shared(bodies): Shared<Bodies>, body: Bytes) {
    bodies.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
}

#[expect(clippy::disallowed_methods, reason = "the test runs in real time, as the box does")]
fn real_now() -> Nanos {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as Nanos
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} did not happen within a minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_told_to_the_receiver_and_so_is_its_end() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("slos")).unwrap();
    std::fs::write(dir.path().join("slos/booking.yaml"), FILE).unwrap();
    let bodies = Bodies::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(receive).with_state(Arc::clone(&bodies));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    // An event a tenth of a second, for the last minutes too; all are bad while the fault is on.
    let fault = Arc::new(AtomicBool::new(true));
    let since = real_now();
    let paper = Arc::new(Paper::new(Arc::new(real_now)));
    paper.events.lock().unwrap().extend((0..1000).map(|tenth| (since - (1000 - tenth) * SECOND / 10, true, "")));
    let (switch, written) = (Arc::clone(&fault), Arc::clone(&paper));
    let writer = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let good = !switch.load(Ordering::Relaxed);
            written.events.lock().unwrap().push((real_now(), good, ""));
        }
    });
    let events = Arc::clone(&paper) as Arc<dyn crate::counting::Events>;
    let series = Arc::clone(&paper) as Arc<dyn Series>;
    let sources = Sources { now: Arc::new(real_now), events, series };
    let config = Config {
        dir: dir.path().join("alerts"),
        slo_dir: dir.path().join("slos"),
        routes: None,
        rules: RuleFiles::new("", SECOND).unwrap(),
        receivers: vec![Receiver::new("team", &url)],
        heartbeat: None,
        external_url: "http://127.0.0.1:4319".to_owned(),
    };
    let evaluator = Evaluator::open(config, sources).unwrap();
    let status = evaluator.status();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(evaluator.run(async move { drop(stopped.await) }));

    until("firing", || bodies.lock().unwrap().len() == 1).await;
    // Receivers may hear of it before the pages do.
    until("burning", || status.borrow().slos[0].health == Health::Burning).await;
    until("the delivery log", || status.borrow().delivery.attempts.len() == 1).await;
    fault.store(false, Ordering::Relaxed);
    until("resolved", || bodies.lock().unwrap().len() == 2).await;
    until("the budget to be spent", || status.borrow().slos[0].health == Health::BudgetSpent).await;
    drop(stop);
    running.await.unwrap();
    server.abort();
    writer.abort();

    let bodies = bodies.lock().unwrap();
    let fields = |index: usize| {
        let body: &serde_json::Value = &bodies[index];
        ["version", "status", "receiver", "notification_reason"].map(|name| body[name].as_str().unwrap().to_owned())
    };
    assert_eq!(fields(0), ["4", "firing", "team", "first notification"]);
    assert_eq!(fields(1), ["4", "resolved", "team", "all alerts resolved"]);
    assert_eq!(bodies[0]["alerts"][0]["fingerprint"], bodies[1]["alerts"][0]["fingerprint"]);
    assert_eq!(bodies[0]["alerts"][0]["startsAt"], bodies[1]["alerts"][0]["startsAt"]);
    assert!(dir.path().join("alerts/counts/booking.counts").exists());
}
