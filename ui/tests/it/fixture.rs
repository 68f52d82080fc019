//! A box without a collector: a real store with the telemetry of a small shop, an SLO that burns, and the state that the
//! pages need. The tests and `examples/fixture.rs` share it.

// Named, because the example includes this file from another directory.
#[path = "fixture/random.rs"]
mod random;
#[path = "fixture/receiving.rs"]
pub(crate) mod receiving;
#[path = "fixture/shop.rs"]
pub(crate) mod shop;
#[path = "fixture/slo_status.rs"]
mod slo_status;
#[path = "fixture/traces.rs"]
pub(crate) mod traces;

use std::sync::Arc;

use bytes::Bytes;
use model::Nanos;
use store::{Request, Rows, Store, StoreConfig};
use tempfile::TempDir;
use ui::{Endpoints, IngestStats, SenderStats, SignalStats, SqlColumn, SqlTable, StorageStats, UiState};

use shop::{SERVICES, Shop};

/// A store in a directory that goes away with it.
pub(crate) struct Fixture {
    pub(crate) store: Arc<Store>,
    pub(crate) state: UiState,
    _dir: TempDir,
}

impl Fixture {
    /// A box to which nothing has been sent.
    pub(crate) fn empty(clock: fn() -> Nanos) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let decode = Box::new(|rows: Rows, _: u8, _: &[u8], _: Nanos| Ok(rows));
        let (store, _) = Store::open(StoreConfig::new(dir.path()), decode).expect("a new store opens");
        let engine = query::Engine::new(Arc::clone(&store), query::EngineConfig::default()).expect("threads start");
        let state = UiState {
            engine: Arc::new(engine),
            slo_status: Arc::new(Arc::default),
            silences: ui::Silencing::none(),
            deliveries: ui::Deliveries::none(),
            backtests: ui::Backtests::none(),
            ingest: Arc::new(move || IngestStats { since: clock(), ..IngestStats::default() }),
            report: Arc::new(move || receiving::nothing(clock())),
            attempts: Arc::new(Vec::new),
            attempts_version: Arc::new(|| 1),
            stopping: Arc::new(|| false),
            n_damaged: Arc::new(|| (0, 0)),
            sql: None,
            clock,
            endpoints: Endpoints {
                otlp_grpc: "http://127.0.0.1:4317".to_owned(),
                otlp_http: "http://127.0.0.1:4318".to_owned(),
                ui: "http://127.0.0.1:4319".to_owned(),
            },
            version: "0.1.0",
        };
        Fixture { store, state, _dir: dir }
    }

    /// A box that has watched the shop for 40 minutes.
    pub(crate) fn shop(clock: fn() -> Nanos) -> Self {
        let now = clock();
        let mut fixture = Fixture::empty(clock);
        let shop = Shop::open(now);
        let judged = shop.judged.clone();
        for (i, rows) in shop.into_requests().into_iter().enumerate() {
            fixture.append(i, rows);
        }
        let status = slo_status::of(&judged, now);
        fixture.state.slo_status =
            Arc::new(move || Arc::new(slo::Status { evaluated_at: clock() - 2_000_000_000, ..status.clone() }));
        fixture.state.n_damaged = Arc::new(|| (3, 1));
        let stats = ingest(now);
        fixture.state.ingest = Arc::new(move || stats.clone());
        fixture.state.report = Arc::new(move || receiving::receiving(now, &SERVICES));
        fixture.state.attempts =
            Arc::new(move || vec![receiving::stopped(now), receiving::stored(now, "booking", model::TraceId([9; 16]))]);
        fixture.state.sql = Some(Arc::new(|statement| Box::pin(async move { sql(&statement) })));
        fixture
    }

    pub(crate) fn append(&self, i: usize, rows: Rows) {
        let body = Bytes::copy_from_slice(&i.to_be_bytes());
        let request = Request { kind: 0, received_at: 0, body, dedup: false, rows };
        // On a thread of its own, since tests call this from within a runtime, where blocking is not allowed.
        let append = || self.store.append_blocking(request).expect("rows are stored");
        std::thread::scope(|scope| scope.spawn(append).join().expect("the thread ends"));
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.store.close();
    }
}

/// Stands for the runner of the box: it answers one statement and refuses all others.
fn sql(statement: &str) -> Result<SqlTable, String> {
    if !statement.to_ascii_lowercase().starts_with("select") {
        return Err(format!("only SELECT is allowed, not {:?}", statement.split(' ').next().unwrap_or_default()));
    }
    let column = |name: &str, data_type: &str, is_number| SqlColumn {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        is_number,
    };
    let rows = SERVICES.iter().enumerate().map(|(i, service)| {
        let p95 = (i != 3).then(|| format!("{:.2}", 12.5 * (i + 1) as f64));
        vec![Some((*service).to_owned()), Some((1200 - 170 * i).to_string()), p95]
    });
    Ok(SqlTable {
        columns: vec![
            column("service", "Utf8", false),
            column("spans", "Int64", true),
            column("p95_ms", "Float64", true),
        ],
        rows: rows.collect(),
        truncated: false,
        took: 14_200_000,
    })
}

fn ingest(now: Nanos) -> IngestStats {
    const SECOND: Nanos = 1_000_000_000;
    let signal = |signal, n_accepted: u64, n_rejected| SignalStats {
        signal,
        n_requests: n_accepted / 300,
        n_accepted,
        n_rejected,
        n_refused: u64::from(n_rejected > 0),
        n_bytes: n_accepted * 431,
        last_received: Some(now - SECOND),
    };
    let senders = SERVICES.iter().enumerate().map(|(i, service)| SenderStats {
        service: (*service).to_owned(),
        user_agent: if i % 2 == 0 { "OTel-OTLP-Exporter-Rust/0.33.0" } else { "OTel-OTLP-Exporter-Python/1.38.0" }
            .to_owned(),
        protocol: if i % 2 == 0 { "grpc" } else { "http/protobuf" },
        n_spans: 12_000 / (i as u64 + 1),
        n_points: 3_400 / (i as u64 + 1),
        n_logs: 5_100 / (i as u64 + 1),
        last_seen: now - (i as Nanos) * SECOND,
    });
    let storage = StorageStats {
        segment_bytes: 412 << 20,
        n_segments: 96,
        log_bytes: 33 << 20,
        memory_bytes: 21 << 20,
        n_series: 1_904,
        disk_free: 700 << 20,
        disk_total: 20 << 30,
        notices: vec![
            "The disk has little space left: 700 MiB are free. Below 256 MiB requests are refused.".to_owned(),
        ],
        damage: receiving::damage(now),
    };
    IngestStats {
        storage,
        since: now - 2_400 * SECOND,
        signals: vec![signal("traces", 41_822, 3), signal("metrics", 18_204, 0), signal("logs", 12_011, 0)],
        senders: senders.collect(),
    }
}
