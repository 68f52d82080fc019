//! What the receiver counted, as the Connect page shows it.

use collector::{Collector, Signal};
use model::Nanos;
use model::time::HOUR;
use store::{DiskState, DiskStats, StoreStats};
use ui::{IngestStats, SenderStats, SignalStats, StorageStats};

use super::damage;

pub(super) fn stats(collector: &Collector, store: &StoreStats, now: Nanos) -> IngestStats {
    let counted = collector.stats();
    let signals = counted.signals.iter().map(|it| SignalStats {
        signal: it.signal.name(),
        n_requests: it.requests,
        n_accepted: it.accepted,
        n_rejected: it.rejected,
        n_refused: it.refused,
        n_bytes: it.bytes,
        last_received: it.last_received,
    });
    let senders = counted.senders.iter().map(|it| {
        let accepted = |signal: Signal| {
            let position = Signal::ALL.iter().position(|other| *other == signal);
            position.map_or(0, |position| it.accepted[position])
        };
        SenderStats {
            service: it.service.clone(),
            user_agent: it.user_agent.clone(),
            protocol: it.protocol.name(),
            n_spans: accepted(Signal::Traces),
            n_points: accepted(Signal::Metrics),
            n_logs: accepted(Signal::Logs),
            last_seen: it.last_seen,
        }
    });
    IngestStats {
        since: counted.since,
        signals: signals.collect(),
        senders: senders.collect(),
        storage: storage(store, now),
    }
}

fn storage(store: &StoreStats, now: Nanos) -> StorageStats {
    let DiskStats { state, free, total, full, .. } = store.disk;
    let mut notices = Vec::new();
    match state {
        DiskState::Enough => {}
        DiskState::Low => notices.push(format!(
            "The disk has little space left: {} MiB are free. Below {} MiB requests are refused.",
            free >> 20,
            full >> 20
        )),
        DiskState::Full => notices.push(format!(
            "The disk is nearly full: requests are refused, senders try again, and nothing stored is lost. {} MiB are free \
             and {} MiB must be. Free space, or keep less by retention or max_disk.",
            free >> 20,
            full >> 20
        )),
    }
    if let Some(jump) = store.clock_jump {
        let (hours, direction) = (jump.unsigned_abs() / HOUR.unsigned_abs(), if jump > 0 { "forward" } else { "back" });
        notices.push(format!(
            "The clock of this machine has jumped {direction} by {hours} hours. For an hour nothing is dropped by age."
        ));
    }
    StorageStats {
        segment_bytes: store.tables.iter().map(|table| table.bytes).sum(),
        n_segments: store.tables.iter().map(|table| table.segments).sum(),
        log_bytes: store.log_bytes,
        memory_bytes: store.memory_bytes as u64,
        n_series: store.series as u64,
        disk_free: free,
        disk_total: total,
        notices,
        damage: damage::report(&store.damage, now),
    }
}
