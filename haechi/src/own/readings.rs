//! The readings: every metric that the box has of itself, at one moment.

use collector::IngestStats;
use store::{DamageKind, DiskState, StoreStats};

use super::process::Process;

/// A metric and its samples. The kind and the unit follow from the name, as Prometheus recommends names: a counter's ends in
/// `_total`, and before that come `_bytes` or `_seconds`.
pub(crate) struct Metric {
    /// As a scraper sees it.
    pub(crate) name: &'static str,
    /// A sentence.
    pub(crate) help: &'static str,
    /// The name of the one label, empty when there is none.
    pub(crate) label: &'static str,
    /// Value of the label, and of the metric.
    pub(crate) samples: Vec<(&'static str, f64)>,
}

impl Metric {
    pub(crate) fn is_counter(&self) -> bool {
        self.name.ends_with("_total")
    }
}

#[derive(Default)]
struct Readings(Vec<Metric>);

impl Readings {
    fn one(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.0.push(Metric { name, help, label: "", samples: vec![("", value)] });
    }

    fn by_label(
        &mut self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        samples: impl Iterator<Item = (&'static str, u64)>,
    ) {
        let samples = samples.map(|(word, value)| (word, value as f64)).collect();
        self.0.push(Metric { name, help, label, samples });
    }
}

/// Everything that is counted, since the start of the box.
pub(crate) fn readings(store: &StoreStats, ingest: &IngestStats) -> Vec<Metric> {
    let mut all = Readings::default();
    receiver(&mut all, ingest);
    rows(&mut all, store);
    disk(&mut all, store);
    compaction(&mut all, store);
    process(&mut all, &Process::now());
    all.0
}

fn receiver(all: &mut Readings, ingest: &IngestStats) {
    let signals = || ingest.signals.iter().map(|it| (it.signal.name(), it));
    all.by_label(
        "haechi_requests_total",
        "Requests answered with success.",
        "signal",
        signals().map(|(l, it)| (l, it.requests)),
    );
    all.by_label(
        "haechi_requests_duplicate_total",
        "Of these, retries of what was stored.",
        "signal",
        signals().map(|(l, it)| (l, it.duplicates)),
    );
    all.by_label(
        "haechi_requests_refused_total",
        "Requests refused as a whole.",
        "signal",
        signals().map(|(l, it)| (l, it.refused)),
    );
    all.by_label(
        "haechi_items_accepted_total",
        "Spans, data points and log records stored.",
        "signal",
        signals().map(|(l, it)| (l, it.accepted)),
    );
    all.by_label(
        "haechi_items_rejected_total",
        "Items left out of requests that were stored.",
        "signal",
        signals().map(|(l, it)| (l, it.rejected)),
    );
    all.by_label(
        "haechi_request_bytes_total",
        "Bytes of successful requests, decompressed.",
        "signal",
        signals().map(|(l, it)| (l, it.bytes)),
    );
    all.one("haechi_connections", "Open connections of senders.", ingest.connections.open as f64);
    all.one(
        "haechi_connections_refused_total",
        "Connections closed at once because too many were open.",
        ingest.connections.refused as f64,
    );
    all.one(
        "haechi_connections_displaced_total",
        "Connections closed to make room for others, because too many were open.",
        ingest.connections.displaced as f64,
    );
    all.one(
        "haechi_in_progress_bytes",
        "Memory of requests being received or stored.",
        ingest.bytes_in_progress as f64,
    );
}

fn rows(all: &mut Readings, store: &StoreStats) {
    let tables = || store.tables.iter().map(|it| (it.table.name(), it));
    all.by_label(
        "haechi_rows",
        "Rows stored, in memory and in segments.",
        "table",
        tables().map(|(l, it)| (l, it.rows)),
    );
    all.by_label("haechi_segments", "Segments on disk.", "table", tables().map(|(l, it)| (l, it.segments as u64)));
    all.by_label("haechi_segment_bytes", "Bytes of segments on disk.", "table", tables().map(|(l, it)| (l, it.bytes)));
    let dropped = || store.tables.iter().map(|it| it.table.name()).zip(store.dropped);
    all.by_label(
        "haechi_retention_segments_total",
        "Segments dropped by the retention, by age or by size.",
        "table",
        dropped().map(|(l, it)| (l, it.segments)),
    );
    all.by_label(
        "haechi_retention_rows_total",
        "Rows in these segments.",
        "table",
        dropped().map(|(l, it)| (l, it.rows)),
    );
    all.by_label(
        "haechi_retention_bytes_total",
        "Bytes of these segments.",
        "table",
        dropped().map(|(l, it)| (l, it.bytes)),
    );
    all.one("haechi_series", "Series of metrics known.", store.series as f64);
    all.one("haechi_memory_rows", "Rows in memory and in the write-ahead log alone.", store.memory_rows as f64);
    all.one("haechi_memory_bytes", "Bytes of these rows in memory.", store.memory_bytes as f64);
    all.one("haechi_log_bytes", "Bytes of the write-ahead log, of files kept for reuse too.", store.log_bytes as f64);
}

fn disk(all: &mut Readings, store: &StoreStats) {
    let disk = &store.disk;
    all.one("haechi_disk_free_bytes", "Bytes free on the disk of the data directory.", disk.free as f64);
    all.one("haechi_disk_total_bytes", "Size of that disk.", disk.total as f64);
    all.one("haechi_disk_reserve_bytes", "With fewer bytes free, requests are refused.", disk.full as f64);
    let is = |state| f64::from(disk.state == state);
    all.one("haechi_disk_low", "1 when the disk has little space left.", is(DiskState::Low).max(is(DiskState::Full)));
    all.one("haechi_disk_full", "1 when requests are refused because the disk is nearly full.", is(DiskState::Full));
    let jump = store.clock_jump.unwrap_or(0) as f64 / 1e9;
    all.one("haechi_clock_jump_seconds", "How far the clock has jumped, while that is doubted.", jump);
    all.by_label(
        "haechi_damaged_places_total",
        "Places on disk that could not be read, at the start or since; each counts once.",
        "kind",
        DamageKind::ALL.iter().zip(store.damage.counts).map(|(kind, n)| (kind.name(), n)),
    );
}

fn compaction(all: &mut Readings, store: &StoreStats) {
    let compaction = &store.compaction;
    all.one("haechi_compactions_total", "Compactions published.", compaction.jobs as f64);
    all.one(
        "haechi_compaction_failures_total",
        "Compactions that could not be written or published.",
        compaction.failures as f64,
    );
    all.one(
        "haechi_compaction_unreadable_total",
        "Segments that could not be read and stay as they are.",
        compaction.unreadable as f64,
    );
    all.one("haechi_compaction_rows_total", "Rows read by compactions.", compaction.rows_in as f64);
    all.one(
        "haechi_compaction_duplicates_total",
        "Of these, rows left out because another stands for them.",
        compaction.duplicates as f64,
    );
    all.one("haechi_compaction_cpu_seconds_total", "Processor time of compactions.", compaction.cpu.as_secs_f64());
}

/// Under the names that every Prometheus client library gives them.
fn process(all: &mut Readings, process: &Process) {
    all.one("process_cpu_seconds_total", "Processor time of this process.", process.cpu.as_secs_f64());
    all.one("process_resident_memory_bytes", "Resident memory of this process.", process.resident as f64);
    all.one("process_open_fds", "Open file descriptors of this process.", process.open_files as f64);
    all.one("process_threads", "Threads of this process.", process.threads as f64);
}
