//! All that the Ingest page and `/api/v1/ingest` tell, from what the receiver and the store count. Nothing is read from disk.

use collector::Collector;
use collector::stats::{LastHour, MAX_NAMES, NameStats, OverflowStats, ReasonStats, SenderStats, SignalStats, Status};
use model::Nanos;
use model::time::SECOND;
use store::{DiskState, Retention, Store, StoreStats};
use ui::{
    CardinalityReport, DiskReport, IngestReport, LabelReport, MetricReport, NamesReport, OverflowReport,
    PressureReport, ReasonReport, SenderReport, SignalReport,
};

use super::damage;
use super::forecast::{self, forecast};
use super::history::{History, N_METRICS, bytes_by_signal};

/// Metrics and labels listed.
const TOP: usize = 20;
/// A refusal counts as going on for this long.
const NOW: Nanos = 30 * SECOND;
/// Buckets of the receiver to a minute.
const BUCKETS: usize = 6;

/// Where a report comes from.
pub(super) struct Sources<'a> {
    pub(super) collector: &'a Collector,
    pub(super) store: &'a Store,
    pub(super) history: &'a History,
    pub(super) retention: &'a Retention,
}

pub(super) fn report(sources: &Sources<'_>, now: Nanos) -> IngestReport {
    let Sources { collector, store, history, retention } = sources;
    let (counted, stored) = (collector.stats(), store.stats());
    let pressure = PressureReport {
        requests_in_progress: counted.requests_in_progress,
        bytes_in_progress: counted.bytes_in_progress,
        max_bytes_in_progress: counted.max_bytes_in_progress,
        queued: stored.queued,
        max_queued: stored.max_queued,
        memory_bytes: stored.memory_bytes,
        max_memory_bytes: stored.max_memory_bytes,
        log_bytes: stored.log_bytes,
        syncs: stored.sync.count,
        sync_p50_seconds: stored.sync.p50.as_secs_f64(),
        sync_p99_seconds: stored.sync.p99.as_secs_f64(),
        sync_max_seconds: stored.sync.max.as_secs_f64(),
        uncompacted_segments: stored.tables.iter().map(|table| table.uncompacted).sum(),
        compaction_failures: stored.compaction.failures,
        open_connections: counted.connections.open,
        max_connections: counted.connections.most,
        refused_connections: counted.connections.refused,
        displaced_connections: counted.connections.displaced,
    };
    let rejected_points = counted.signals.iter().map(|it| it.rejected_by_series_limit).sum();
    let cardinality = CardinalityReport {
        rejected_points,
        span_names: counted.span_names.into_iter().map(names).collect(),
        log_keys: counted.log_keys.into_iter().map(names).collect(),
        max_names: MAX_NAMES,
        overflows: counted.overflows.into_iter().map(overflow).collect(),
        ..cardinality(store, &stored, history)
    };
    IngestReport {
        now,
        since: counted.since,
        refusing: refusing(&stored, &pressure, &counted.reasons, now),
        signals: counted.signals.into_iter().map(signal).collect(),
        of_service: None,
        n_hidden_reasons: 0,
        reasons: counted.reasons.into_iter().map(reason).collect(),
        displaced_reasons: counted.displaced_reasons,
        senders: counted.senders.into_iter().map(sender).collect(),
        displaced_senders: counted.displaced_senders,
        pressure,
        disk: disk(&stored, history, retention),
        damage: damage::report(&stored.damage, now),
        cardinality,
    }
}

/// Why requests are refused for now.
fn refusing(store: &StoreStats, pressure: &PressureReport, reasons: &[ReasonStats], now: Nanos) -> Option<String> {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    if store.disk.state == DiskState::Full {
        let (free, full) = (mib(store.disk.free), mib(store.disk.full));
        return Some(format!(
            "The disk is nearly full: {free} are free and {full} must be. Senders try again, and nothing stored is lost."
        ));
    }
    if pressure.memory_bytes > pressure.max_memory_bytes {
        return Some(
            "More rows wait in memory for the disk than the memory budget has room for. Senders try again.".to_owned(),
        );
    }
    // What one sender is refused, for its pace or its measure, says nothing of the others.
    let passing = |it: &&ReasonStats| it.is_of_box && now.saturating_sub(it.last) < NOW;
    reasons.iter().find(passing).map(|it| format!("Requests were refused within the last seconds: {}.", it.message))
}

fn signal(it: SignalStats) -> SignalReport {
    let LastHour { items_per_second, bytes_per_second, rejected, refused, buckets } = it.last_hour;
    let by_minute = |value: fn(&collector::stats::Bucket) -> u64| -> Vec<u64> {
        buckets.chunks(BUCKETS).map(|minute| minute.iter().map(value).sum()).collect()
    };
    SignalReport {
        signal: it.signal.name(),
        items_per_second,
        bytes_per_second,
        accepted: it.accepted,
        rejected: it.rejected,
        requests: it.requests,
        refused: it.refused,
        duplicates: it.duplicates,
        bytes: it.bytes,
        rejected_last_minute: rejected,
        refused_last_minute: refused,
        last_received: it.last_received,
        last_refused: it.last_refused,
        items_by_minute: by_minute(|it| it.accepted),
        bytes_by_minute: by_minute(|it| it.bytes),
    }
}

pub(super) fn reason(it: ReasonStats) -> ReasonReport {
    ReasonReport {
        fate: it.fate.name(),
        signal: it.signal.map(collector::Signal::name),
        protocol: it.protocol.map(collector::stats::Protocol::name),
        service: it.service,
        user_agent: it.user_agent,
        peer: it.peer,
        http_status: it.status.and_then(Status::http),
        grpc_status: it.status.and_then(Status::grpc),
        is_passing: it.is_passing,
        message: it.message,
        fix: it.fix,
        times: it.times,
        items: it.items,
        first: it.first,
        last: it.last,
    }
}

fn sender(it: SenderStats) -> SenderReport {
    SenderReport {
        service: it.service,
        user_agent: it.user_agent,
        sdk: it.sdk,
        protocol: it.protocol.name(),
        accepted: it.accepted,
        rejected: it.rejected,
        bytes: it.bytes,
        first_seen: it.first_seen,
        last_seen: it.last_seen,
    }
}

fn names(it: NameStats) -> NamesReport {
    NamesReport { service: it.service, distinct: it.distinct, newest: it.newest, newest_at: it.newest_at }
}

fn overflow(it: OverflowStats) -> OverflowReport {
    OverflowReport { service: it.service, points: it.points, metric: it.metric, last: it.last }
}

fn disk(store: &StoreStats, history: &History, retention: &Retention) -> DiskReport {
    let bytes = bytes_by_signal(store);
    let before = history.oldest(|reading| (reading.bytes, reading.at.elapsed().as_secs_f64()));
    let before = before.filter(|(_, seconds)| *seconds >= 60.0);
    // Without the log, whose files are used again: what is in it becomes segments.
    let grown = |now: u64, then: u64| now as i64 - then as i64;
    let growth = before.map(|(then, seconds)| ([0, 1, 2].map(|i| grown(bytes[i], then[i])), seconds));
    let stats = &store.disk;
    DiskReport {
        state: match stats.state {
            DiskState::Enough => "enough",
            DiskState::Low => "low",
            DiskState::Full => "full",
        },
        free: stats.free,
        total: stats.total,
        low: stats.low,
        reserve: stats.full,
        bytes,
        log_bytes: store.log_bytes,
        growth_bytes: growth.map(|(segments, _)| segments.iter().sum()),
        growth_seconds: growth.map_or(0.0, |(_, seconds)| seconds),
        max_bytes: retention.max_bytes,
        forecast: forecast(&forecast::Disk { stats, retention, bytes, log_bytes: store.log_bytes, growth }),
    }
}

fn cardinality(store: &Store, stats: &StoreStats, history: &History) -> CardinalityReport {
    let found = store.snapshot().series().cardinality(N_METRICS);
    let top = found.metrics.iter().take(TOP);
    // The oldest reading had the largest metrics alone: one that was not among them may have been small or not there.
    let then = history.oldest(|reading| {
        let metrics: Vec<_> = top.clone().map(|it| reading.series_of(&it.name)).collect();
        (reading.series, reading.at.elapsed().as_secs_f64(), metrics)
    });
    let (series_then, seconds, mut of_metrics) = match then {
        Some((series, seconds, metrics)) => (Some(series), seconds, metrics.into_iter()),
        None => (None, 0.0, Vec::new().into_iter()),
    };
    let growth = |now: u64, then: u64| now as i64 - then as i64;
    CardinalityReport {
        series: stats.series as u64,
        max_series: stats.max_series as u64,
        growth: series_then.map(|then| growth(stats.series as u64, then)),
        growth_seconds: seconds,
        n_metrics: found.n_metrics,
        metrics: top
            .map(|it| MetricReport {
                name: it.name.to_string(),
                series: it.series,
                growth: of_metrics.next().flatten().map(|then| growth(it.series, then)),
            })
            .collect(),
        n_labels: found.n_labels,
        labels: found
            .labels
            .iter()
            .take(TOP)
            .map(|it| LabelReport { key: it.key.to_string(), values: it.values, series: it.series })
            .collect(),
        ..CardinalityReport::default()
    }
}

#[cfg(test)]
mod tests {
    use collector::stats::Fate;

    use super::*;

    #[test]
    fn the_box_refuses_when_it_has_no_room_and_not_when_one_sender_is_refused() {
        let (store, pressure) = (StoreStats::default(), PressureReport::default());
        let reason = |is_of_box, last| ReasonStats {
            fate: Fate::Refused,
            signal: None,
            protocol: None,
            service: String::new(),
            user_agent: String::new(),
            peer: String::new(),
            status: Some(Status::Http(503)),
            is_of_box,
            is_passing: true,
            message: "why".to_owned(),
            fix: String::new(),
            times: 1,
            items: 0,
            first: last,
            last,
        };
        let now = 100 * SECOND;
        let told = |reasons: &[ReasonStats]| refusing(&store, &pressure, reasons, now);
        assert_eq!(told(&[reason(false, now)]), None);
        assert_eq!(told(&[reason(true, now - NOW)]), None, "it has passed");
        let words = told(&[reason(false, now), reason(true, now - SECOND)]);
        assert_eq!(words.as_deref(), Some("Requests were refused within the last seconds: why."));
    }
}
