//! How much room there is: pressure, disk and cardinality.

use model::Nanos;

use crate::app::App;
use crate::format;
use crate::page_url::PageUrl;
use crate::parts::{Meter, Name, ServiceTag};
use crate::state::{IngestReport, NamesReport, OverflowReport};

/// Above this share of a limit it is told in another colour.
const HIGH: f64 = 0.8;

pub(super) struct Room {
    pub(super) pressure: Vec<Fact>,
    pub(super) disk: Vec<Fact>,
    pub(super) disk_word: &'static str,
    pub(super) disk_class: &'static str,
    pub(super) forecast: String,
    pub(super) series: Vec<Fact>,
    pub(super) n_metrics: String,
    pub(super) metrics: Vec<MetricRow>,
    /// The time in which metrics have grown; empty when it is not known yet.
    pub(super) grown_in: String,
    pub(super) n_labels: String,
    pub(super) labels: Vec<LabelRow>,
    pub(super) span_names: Vec<NamesRow>,
    pub(super) log_keys: Vec<NamesRow>,
    pub(super) overflows: Vec<OverflowRow>,
}

/// A figure, and its share of a limit where there is one.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) meter: Option<Meter>,
}

pub(super) struct MetricRow {
    pub(super) name: Name,
    pub(super) href: PageUrl,
    pub(super) series: String,
    pub(super) growth: String,
}

pub(super) struct LabelRow {
    pub(super) key: Name,
    pub(super) values: String,
    pub(super) series: String,
}

pub(super) struct NamesRow {
    pub(super) service: ServiceTag,
    pub(super) distinct: String,
    pub(super) newest: Name,
    pub(super) when: String,
}

/// A service whose SDK sums up what it no longer tells apart.
pub(super) struct OverflowRow {
    pub(super) service: ServiceTag,
    pub(super) points: String,
    pub(super) metric: Name,
    pub(super) last: String,
}

fn fact(name: &'static str, value: String) -> Fact {
    Fact { name, value, meter: None }
}

/// A figure in `words` that has a limit, with the share of it.
fn limited(name: &'static str, words: String, value: f64, limit: f64) -> Fact {
    if limit <= 0.0 {
        return fact(name, words);
    }
    let share = value / limit;
    let class = if share >= 1.0 {
        "error"
    } else if share >= HIGH {
        "warn"
    } else {
        "ok"
    };
    let label = format!("{name}: {} of the limit", format::percent(share));
    Fact { name, value: words, meter: Some(Meter::new(share, class, label)) }
}

impl Room {
    pub(super) fn new(app: &App, report: &IngestReport) -> Self {
        let (disk_word, disk_class) = match report.disk.state {
            "full" => ("Full: refusing", "error"),
            "low" => ("Low", "warn"),
            _ => ("Enough", "ok"),
        };
        let it = &report.cardinality;
        let metric = |metric: &crate::state::MetricReport| MetricRow {
            name: Name::new(&metric.name, 80),
            href: PageUrl::metric_as_sent(&metric.name),
            series: format::count(metric.series),
            growth: metric.growth.map_or("–".to_owned(), signed),
        };
        let label = |label: &crate::state::LabelReport| LabelRow {
            key: Name::new(&label.key, 80),
            values: format::count(label.values),
            series: format::count(label.series),
        };
        let names = |list: &[NamesReport]| {
            list.iter().take(10).map(|names| name_row(app, names, it.max_names, report.now)).collect()
        };
        let overflow = |it: &OverflowReport| OverflowRow {
            service: app.service(&it.service),
            points: if it.points == 1 {
                "1 data point".to_owned()
            } else {
                format!("{} data points", format::count(it.points))
            },
            metric: Name::new(&it.metric, 120),
            last: format::ago(it.last, report.now),
        };
        Room {
            pressure: pressure(report),
            disk: disk(report),
            disk_word,
            disk_class,
            forecast: report.disk.forecast.clone(),
            series: series(report),
            n_metrics: format::count(it.n_metrics as u64),
            metrics: it.metrics.iter().take(10).map(metric).collect(),
            grown_in: it.growth.map_or_else(String::new, |_| format::coarse((it.growth_seconds * 1e9) as Nanos)),
            n_labels: format::count(it.n_labels as u64),
            labels: it.labels.iter().take(10).map(label).collect(),
            span_names: names(&it.span_names),
            log_keys: names(&it.log_keys),
            overflows: it.overflows.iter().take(10).map(overflow).collect(),
        }
    }
}

fn name_row(app: &App, names: &NamesReport, most: usize, now: Nanos) -> NamesRow {
    let more = if names.distinct >= most { " or more" } else { "" };
    NamesRow {
        service: app.service(&names.service),
        distinct: format!("{}{more}", format::count(names.distinct as u64)),
        newest: Name::new(&names.newest, 80),
        when: format::ago(names.newest_at, now),
    }
}

fn pressure(report: &IngestReport) -> Vec<Fact> {
    let it = &report.pressure;
    let of = |value: usize, limit: usize| format!("{} of {}", format::bytes(value as u64), format::bytes(limit as u64));
    let count =
        |value: usize, limit: usize| format!("{} of {}", format::count(value as u64), format::count(limit as u64));
    let closed = |n: u64, how: &str| if n == 0 { String::new() } else { format!(", {} {how}", format::count(n)) };
    let refused = closed(it.refused_connections, "refused");
    let displaced = closed(it.displaced_connections, "closed to make room");
    let seconds = |seconds: f64| format::duration((seconds * 1e9) as Nanos);
    let syncs = match it.syncs {
        0 => "none in the last minutes".to_owned(),
        n => format!(
            "p50 {}, p99 {}, longest {}, of {}",
            seconds(it.sync_p50_seconds),
            seconds(it.sync_p99_seconds),
            seconds(it.sync_max_seconds),
            format::count(n)
        ),
    };
    let failures = match it.compaction_failures {
        0 => String::new(),
        n => format!(", {} compactions failed", format::count(n)),
    };
    vec![
        limited(
            "Requests in progress",
            format!(
                "{}, {}",
                format::count(it.requests_in_progress as u64),
                of(it.bytes_in_progress, it.max_bytes_in_progress)
            ),
            it.bytes_in_progress as f64,
            it.max_bytes_in_progress as f64,
        ),
        limited("Waiting for the log", count(it.queued, it.max_queued), it.queued as f64, it.max_queued as f64),
        limited(
            "Rows in memory",
            of(it.memory_bytes, it.max_memory_bytes),
            it.memory_bytes as f64,
            it.max_memory_bytes as f64,
        ),
        limited(
            "Connections",
            format!("{}{refused}{displaced}", count(it.open_connections, it.max_connections)),
            it.open_connections as f64,
            it.max_connections as f64,
        ),
        fact("Write-ahead log", format::bytes(it.log_bytes)),
        fact("Write and sync of the log", syncs),
        fact("To be compacted", format!("{} segments{failures}", format::count(it.uncompacted_segments as u64))),
    ]
}

fn disk(report: &IngestReport) -> Vec<Fact> {
    let it = &report.disk;
    let [traces, metrics, logs] = it.bytes.map(format::bytes);
    let growth = match it.growth_bytes {
        None => "not known yet".to_owned(),
        Some(bytes) => {
            let sign = if bytes < 0 { "−" } else { "+" };
            let over = format::coarse((it.growth_seconds * 1e9) as Nanos);
            format!("{sign}{} in {over}", format::bytes(bytes.unsigned_abs()))
        }
    };
    let mut facts = Vec::new();
    if it.total > 0 {
        let used = (it.total - it.free.min(it.total)) as f64;
        let words = format!("{} of {}", format::bytes(it.free), format::bytes(it.total));
        facts.push(limited("Free", words, used, (it.total - it.reserve.min(it.total)) as f64));
        facts.push(fact("Refused below", format!("{} free", format::bytes(it.reserve))));
    }
    facts.push(fact("Traces", traces));
    facts.push(fact("Metrics", metrics));
    facts.push(fact("Logs", logs));
    facts.push(fact("Write-ahead log", format::bytes(it.log_bytes)));
    if let Some(max) = it.max_bytes {
        facts.push(fact("max_disk", format::bytes(max)));
    }
    facts.push(fact("Growth without the log", growth));
    facts
}

fn series(report: &IngestReport) -> Vec<Fact> {
    let it = &report.cardinality;
    let growth = match it.growth {
        None => "not known yet".to_owned(),
        Some(growth) => format!("{} in {}", signed(growth), format::coarse((it.growth_seconds * 1e9) as Nanos)),
    };
    vec![
        limited(
            "Series",
            format!("{} of {} (max_series)", format::count(it.series), format::count(it.max_series)),
            it.series as f64,
            it.max_series as f64,
        ),
        fact("Growth", growth),
        fact("Left out by the limit", format!("{} data points", format::count(it.rejected_points))),
    ]
}

fn signed(n: i64) -> String {
    let sign = match n {
        0 => "±",
        _ if n < 0 => "−",
        _ => "+",
    };
    format!("{sign}{}", format::count(n.unsigned_abs()))
}
