//! What the receiver counted, as the Connect page shows it.

use collector::{Collector, Signal};
use ui::{IngestStats, Reject, SenderStats, SignalStats};

pub(super) fn stats(collector: &Collector) -> IngestStats {
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
    let rejections = counted.rejections.iter().map(|it| Reject {
        time: it.at,
        signal: Some(it.signal.name()),
        user_agent: it.user_agent.clone(),
        n_items: it.rejected,
        http_status: None,
        message: it.message.clone(),
    });
    let refusals = counted.refusals.iter().map(|it| Reject {
        time: it.at,
        signal: it.signal.map(Signal::name),
        user_agent: it.user_agent.clone(),
        n_items: 0,
        http_status: Some(it.http_status),
        message: it.message.clone(),
    });
    let mut rejects: Vec<Reject> = rejections.chain(refusals).collect();
    rejects.sort_by_key(|reject| std::cmp::Reverse(reject.time));
    IngestStats { since: counted.since, signals: signals.collect(), senders: senders.collect(), rejects }
}
