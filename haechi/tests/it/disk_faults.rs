//! A disk that fails under the running box, and a clock that jumps.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use faults::{Action, Control, Error, Fault, Kinds};

use crate::ledger::Ledger;
use crate::otlp;
use crate::process::Haechi;

struct Setup {
    _folder: tempfile::TempDir,
    dir: PathBuf,
    control: Control,
    ledger: Arc<Ledger>,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("data");
        fs::create_dir(&dir).unwrap();
        let control = Control::create(&folder.path().join("control"), &dir).unwrap();
        Setup { _folder: folder, dir, control, ledger: Arc::default() }
    }

    fn start(&self) -> Haechi {
        Haechi::start_under(&self.control, &self.dir, &["--flush-age", "1s"]).unwrap_or_else(|log| panic!("{log}"))
    }

    /// Sends with three clients for a while; queries are answered meanwhile.
    async fn load(&self, haechi: &Haechi, length: Duration) {
        self.ledger.stop.store(false, Ordering::Relaxed);
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let (ledger, base) = (Arc::clone(&self.ledger), haechi.otlp_http.clone());
                tokio::spawn(async move { ledger.client(&base).await })
            })
            .collect();
        let end = tokio::time::Instant::now() + length;
        while tokio::time::Instant::now() < end {
            haechi.sql("SELECT count(*) AS n FROM logs").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.ledger.stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.unwrap();
        }
    }

    fn refused(&self) -> u64 {
        self.ledger.refused.load(Ordering::Relaxed)
    }

    /// All that was sent is acknowledged, and there: at once, and after a kill.
    async fn settle(&self, haechi: Haechi) {
        self.ledger.settle(&haechi, Duration::from_secs(30)).await;
        self.ledger.check(&haechi).await;
        haechi.kill();
        let haechi = self.start();
        self.ledger.check(&haechi).await;
        self.ledger.one_more(&haechi).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_refuses_its_requests_and_no_others() {
    let it = Setup::new();
    let haechi = it.start();
    it.ledger.one_more(&haechi).await;
    for error in [Error::Eio, Error::Enospc] {
        let fault = Fault { path: "wal/", ..Fault::once(Action::Fail(error), Kinds::SYNC, 1) };
        it.control.arm(&fault).unwrap();
        let body = otlp::logs("refused", vec![otlp::log(1, 1, otlp::now(), "once")]);
        assert_eq!(otlp::post(&haechi.otlp_http, "logs", &body).await.unwrap(), 503);
        assert_eq!(it.control.fired().unwrap(), 1, "{}", it.control.hit().unwrap());
        it.ledger.one_more(&haechi).await;
        assert_eq!(otlp::post(&haechi.otlp_http, "logs", &body).await.unwrap(), 200);
        it.control.heal().unwrap();
    }
    let count = "SELECT count(*) AS n FROM logs WHERE service = 'refused'";
    assert_eq!(haechi.sql(count).await["rows"][0]["n"], 2);
    haechi.kill();
    let haechi = it.start();
    assert_eq!(haechi.sql(count).await["rows"][0]["n"], 2);
    it.settle(haechi).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_nothing_for_a_while_costs_nothing_acknowledged_and_no_restart() {
    let it = Setup::new();
    let haechi = it.start();
    it.load(&haechi, Duration::from_millis(500)).await;
    let refusals = it.refused();
    let faults = [
        Fault::from(Action::FailHalfway(Error::Enospc), Kinds::GROWTH, 1),
        Fault::from(Action::Fail(Error::Eio), Kinds::WRITE | Kinds::SYNC, 20),
    ];
    for fault in &faults {
        it.control.arm(fault).unwrap();
        it.load(&haechi, Duration::from_millis(1500)).await;
        it.control.heal().unwrap();
        assert!(it.refused() > refusals, "nothing was refused");
        it.load(&haechi, Duration::from_millis(500)).await;
        it.ledger.settle(&haechi, Duration::from_secs(30)).await;
    }
    it.settle(haechi).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_deletes_nothing_and_refuses_nothing() {
    const HOUR: i64 = 3600 * 1_000_000_000;
    let it = Setup::new();
    let haechi = it.start();
    for jump in [-HOUR, HOUR, 10 * 365 * 24 * HOUR, -20 * 365 * 24 * HOUR, 0] {
        it.load(&haechi, Duration::from_millis(300)).await;
        it.control.set_clock(jump).unwrap();
        it.load(&haechi, Duration::from_millis(700)).await;
        it.ledger.check(&haechi).await;
    }
    assert_eq!(it.refused(), 0);
    it.settle(haechi).await;
}
