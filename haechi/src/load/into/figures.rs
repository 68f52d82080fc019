//! What loading one signal took, and what it takes on disk.

use std::time::Duration;

use collector::Signal;
use serde_json::json;
use store::Table;

use super::super::amount::Short;
use crate::logging::say;

pub(super) struct Figures {
    pub(super) signal: Signal,
    pub(super) items: u64,
    /// Of the requests, not compressed.
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
    // Processor time from here on.
    pub(super) make: Duration,
    pub(super) decode: Duration,
    /// Arrow columns made of rows, the body's hash for the detection of retries, and the hand-over.
    pub(super) columns: Duration,
    /// Requests decoded again because memory was full.
    pub(super) again: Duration,
    pub(super) log: Duration,
    pub(super) flush: Duration,
    pub(super) compact: Duration,
    /// Of the whole process.
    pub(super) process: Duration,
    pub(super) sizes: Vec<Size>,
    pub(super) peak_memory: u64,
}

/// What a table has on disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    table: Table,
    rows: u64,
    bytes: u64,
    segments: usize,
}

impl Size {
    pub(super) fn new(table: Table, rows: u64, bytes: u64, segments: usize) -> Self {
        Size { table, rows, bytes, segments }
    }

    /// What came since.
    pub(super) fn since(&self, before: &Size) -> Size {
        let (rows, bytes) = (self.rows.saturating_sub(before.rows), self.bytes.saturating_sub(before.bytes));
        Size { rows, bytes, ..*self }
    }
}

impl Figures {
    /// From rows in memory to durable, compacted segments.
    fn storing(&self) -> Duration {
        self.columns + self.log + self.flush + self.compact
    }

    /// The whole of what a box does: that, and decoding.
    fn taking(&self) -> Duration {
        self.decode + self.storing()
    }

    fn per_second(&self, time: Duration) -> f64 {
        self.items as f64 / time.as_secs_f64().max(1e-9)
    }

    fn bytes_per_item(&self) -> f64 {
        self.sizes.iter().map(|size| size.bytes).sum::<u64>() as f64 / self.items.max(1) as f64
    }

    pub(super) fn say(&self, json: bool) {
        if json { say(self.json()) } else { self.say_table() }
    }

    fn say_table(&self) {
        let (name, items) = (self.signal.name(), self.signal.item(self.items));
        say(format_args!(
            "{name}: {} {items} of {:.0} bytes in {:.1} s",
            self.items,
            self.bytes as f64 / self.items.max(1) as f64,
            self.elapsed.as_secs_f64()
        ));
        let parts = [
            ("made", self.make),
            ("decoded", self.decode),
            ("made into columns", self.columns),
            ("logged and synced", self.log),
            ("flushed", self.flush),
            ("compacted", self.compact),
            ("decoded again", self.again),
        ];
        for (what, time) in parts.into_iter().filter(|(_, time)| !time.is_zero()) {
            let rate = Short(self.per_second(time));
            say(format_args!("  {what:<18} {:>8.2} CPU s {rate:>8}/s", time.as_secs_f64()));
        }
        let known: Duration = parts.iter().map(|(_, time)| *time).sum();
        say(format_args!("  {:<18} {:>8.2} CPU s", "anything else", self.process.saturating_sub(known).as_secs_f64()));
        let (storing, taking) = (Short(self.per_second(self.storing())), Short(self.per_second(self.taking())));
        say(format_args!(
            "  rows in memory to durable and compacted: {storing} {items} per CPU second; with decoding {taking}"
        ));
        for size in &self.sizes {
            let Size { table, rows, bytes, segments } = size;
            let each = *bytes as f64 / (*rows).max(1) as f64;
            say(format_args!(
                "  {}: {rows} rows, {bytes} bytes in {segments} segments, {each:.2} bytes a row",
                table.name()
            ));
        }
        say(format_args!("  {:.2} bytes on disk for each of the {items}", self.bytes_per_item()));
        say(format_args!("  at most {} MB resident so far", self.peak_memory / 1_000_000));
    }

    fn json(&self) -> serde_json::Value {
        let table = |size: &Size| json!({ "table": size.table.name(), "rows": size.rows, "bytes": size.bytes, "segments": size.segments });
        json!({
            "signal": self.signal.name(),
            "items": self.items,
            "request_bytes": self.bytes,
            "seconds": self.elapsed.as_secs_f64(),
            "cpu_seconds": {
                "make": self.make.as_secs_f64(),
                "decode": self.decode.as_secs_f64(),
                "columns": self.columns.as_secs_f64(),
                "log": self.log.as_secs_f64(),
                "flush": self.flush.as_secs_f64(),
                "compact": self.compact.as_secs_f64(),
                "again": self.again.as_secs_f64(),
                "process": self.process.as_secs_f64(),
            },
            "stored_per_cpu_second": self.per_second(self.storing()),
            "taken_per_cpu_second": self.per_second(self.taking()),
            "bytes_per_item": self.bytes_per_item(),
            "tables": self.sizes.iter().map(table).collect::<Vec<_>>(),
            "peak_memory_bytes": self.peak_memory,
        })
    }
}
