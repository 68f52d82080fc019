//! Services whose SDK has reached a limit of series of its own, and sums up what it no longer tells apart.
//!
//! Source: the metrics SDK of the OpenTelemetry specification, "Overflow attribute".

use model::Nanos;

use super::kept::Kept;
use crate::otlp::Sent;

/// Services counted.
const MAX_SERVICES: usize = 128;

/// What came of a service with `otel.metric.overflow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverflowStats {
    pub service: String,
    /// Data points that stand for all series beyond the SDK's limit, since the first of them came.
    pub points: u64,
    /// The metric of one of the last.
    pub metric: String,
    pub last: Nanos,
}

struct Overflow {
    points: u64,
    metric: String,
}

/// The services of the last hour.
pub(super) struct Overflows(Kept<String, Overflow>);

impl Default for Overflows {
    fn default() -> Self {
        Overflows(Kept::new(MAX_SERVICES))
    }
}

impl Overflows {
    pub(super) fn note(&mut self, sent: &Sent, at: Nanos) {
        let Some(metric) = &sent.overflow_metric else { return };
        let new = || Overflow { points: 0, metric: String::new() };
        let overflow = &mut self.0.see(super::cut(&sent.service), at, new).value;
        overflow.points += sent.overflowed;
        overflow.metric.clone_from(metric);
    }

    /// The services of the hour before `now`, the last first.
    pub(super) fn recent(&self, now: Nanos) -> Vec<OverflowStats> {
        let stats = self.0.recent(now).into_iter().map(|(service, slot)| OverflowStats {
            service: service.clone(),
            points: slot.value.points,
            metric: slot.value.metric.clone(),
            last: slot.last,
        });
        stats.collect()
    }
}

#[cfg(test)]
mod tests {
    use model::time::HOUR;

    use super::*;

    #[test]
    fn points_are_counted_by_service_for_an_hour() {
        let mut overflows = Overflows::default();
        let sent = |service: &str, overflowed, metric: Option<&str>| Sent {
            service: service.to_owned(),
            overflowed,
            overflow_metric: metric.map(str::to_owned),
            ..Sent::default()
        };
        overflows.note(&sent("calm", 0, None), 1);
        overflows.note(&sent("shop", 2, Some("requests")), 1);
        overflows.note(&sent("shop", 3, Some("latency")), 2);
        overflows.note(&sent("cart", 1, Some("items")), 3);
        let recent: Vec<_> = overflows.recent(3).into_iter().map(|it| (it.service, it.points, it.metric)).collect();
        let expected = [("cart", 1, "items"), ("shop", 5, "latency")];
        assert_eq!(recent, expected.map(|(service, points, metric)| (service.into(), points, metric.into())));
        assert_eq!(overflows.recent(HOUR + 2).len(), 1);
        (0..10_000).for_each(|i| overflows.note(&sent(&format!("service {i}"), 1, Some("m")), HOUR));
        assert!(overflows.recent(HOUR).len() <= MAX_SERVICES);
    }
}
