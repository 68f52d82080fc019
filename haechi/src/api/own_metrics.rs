//! `/-/metrics`: what the box counts of itself, in the text format of Prometheus (version 0.0.4).

use std::fmt::{Display, Write};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use collector::IngestStats;
use store::{DamageKind, DiskState, StoreStats};

use super::ApiState;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/-/metrics", get(answer))
}

async fn answer(State(state): State<ApiState>) -> impl IntoResponse {
    let text = render(&state.engine.store().stats(), &state.collector.stats());
    ([(CONTENT_TYPE, TEXT_FORMAT)], text)
}

fn render(store: &StoreStats, ingest: &IngestStats) -> String {
    let mut text = Text::default();
    let signals = || ingest.signals.iter().map(|it| (it.signal.name(), it));
    text.by_label(
        "requests_total",
        "Requests answered with success.",
        "signal",
        signals().map(|(l, it)| (l, it.requests)),
    );
    text.by_label(
        "requests_duplicate_total",
        "Of these, retries of what was stored.",
        "signal",
        signals().map(|(l, it)| (l, it.duplicates)),
    );
    text.by_label(
        "requests_refused_total",
        "Requests refused as a whole.",
        "signal",
        signals().map(|(l, it)| (l, it.refused)),
    );
    text.by_label(
        "items_accepted_total",
        "Spans, data points and log records stored.",
        "signal",
        signals().map(|(l, it)| (l, it.accepted)),
    );
    text.by_label(
        "items_rejected_total",
        "Items left out of requests that were stored.",
        "signal",
        signals().map(|(l, it)| (l, it.rejected)),
    );
    text.by_label(
        "request_bytes_total",
        "Bytes of successful requests, decompressed.",
        "signal",
        signals().map(|(l, it)| (l, it.bytes)),
    );
    text.one("connections", "Open connections of senders.", ingest.open_connections);
    text.one(
        "connections_refused_total",
        "Connections closed at once because too many were open.",
        ingest.refused_connections,
    );
    text.one("in_progress_bytes", "Memory of requests being received or stored.", ingest.bytes_in_progress);

    let tables = || store.tables.iter().map(|it| (it.table.name(), it));
    text.by_label("rows", "Rows stored, in memory and in segments.", "table", tables().map(|(l, it)| (l, it.rows)));
    text.by_label("segments", "Segments on disk.", "table", tables().map(|(l, it)| (l, it.segments as u64)));
    text.by_label("segment_bytes", "Bytes of segments on disk.", "table", tables().map(|(l, it)| (l, it.bytes)));
    text.one("series", "Series of metrics known.", store.series);
    text.one("memory_rows", "Rows in memory and in the write-ahead log alone.", store.memory_rows);
    text.one("memory_rows_bytes", "Bytes of these rows in memory.", store.memory_bytes);
    text.one("log_bytes", "Bytes of the write-ahead log, of files kept for reuse too.", store.log_bytes);
    let disk = &store.disk;
    text.one("disk_free_bytes", "Bytes free on the disk of the data directory.", disk.free);
    text.one("disk_total_bytes", "Size of that disk.", disk.total);
    text.one("disk_reserve_bytes", "With fewer bytes free, requests are refused.", disk.full);
    let is = |state| u8::from(disk.state == state);
    text.one("disk_low", "1 when the disk has little space left.", is(DiskState::Low) | is(DiskState::Full));
    text.one("disk_full", "1 when requests are refused because the disk is nearly full.", is(DiskState::Full));
    let jump = store.clock_jump.unwrap_or(0) as f64 / 1e9;
    text.one("clock_jump_seconds", "How far the clock has jumped, while that is doubted.", jump);
    text.by_label(
        "damaged_places_total",
        "Places on disk that could not be read, at the start or since; each counts once.",
        "kind",
        DamageKind::ALL.iter().zip(store.damage.counts).map(|(kind, n)| (kind.name(), n)),
    );
    let compaction = &store.compaction;
    text.one("compactions_total", "Compactions published.", compaction.jobs);
    text.one("compaction_failures_total", "Compactions that could not be written or published.", compaction.failures);
    text.one(
        "compaction_unreadable_total",
        "Segments that could not be read and stay as they are.",
        compaction.unreadable,
    );
    text.one("compaction_rows_total", "Rows read by compactions.", compaction.rows_in);
    text.one(
        "compaction_duplicates_total",
        "Of these, rows left out because another stands for them.",
        compaction.duplicates,
    );
    text.one("compaction_cpu_seconds_total", "Processor time of compactions.", compaction.cpu.as_secs_f64());
    text.0
}

/// Metrics in the text format. The kind of a metric follows from its name: a counter's ends in `_total`.
#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, help: &str) {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        self.line(format_args!("# HELP haechi_{name} {help}"));
        self.line(format_args!("# TYPE haechi_{name} {kind}"));
    }

    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help);
        self.line(format_args!("haechi_{name} {value}"));
    }

    /// A metric with one label, whose values are plain words.
    fn by_label(&mut self, name: &str, help: &str, label: &str, samples: impl Iterator<Item = (&'static str, u64)>) {
        self.head(name, help);
        for (word, value) in samples {
            self.line(format_args!("haechi_{name}{{{label}=\"{word}\"}} {value}"));
        }
    }

    fn line(&mut self, line: impl Display) {
        writeln!(self.0, "{line}").expect("writing to a String cannot fail");
    }
}
