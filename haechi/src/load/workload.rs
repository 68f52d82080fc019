//! What is generated, completely: equal workloads give equal bytes.
//!
//! A workload is divided into requests, numbered for each signal; what is in one, and the times it carries, follow from
//! its number alone.

use std::ops::Range;

use collector::Signal;
use model::Nanos;
use model::time::{MINUTE, SECOND};
use serde::{Deserialize, Serialize};

/// Of the generator. Raised when the same workload gives other bytes, so that a ledger or a file of another version is
/// not taken for one of this.
pub(crate) const VERSION: u32 = 2;

/// Series of a resource that are gauges and sums.
pub(crate) const SERIES_PER_RESOURCE: u64 = 100;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workload {
    pub(crate) version: u32,
    pub(crate) seed: u64,
    /// The time of the first item.
    pub(crate) start: Nanos,
    /// From the start of a trace to that of the next. Log records take part in traces, so this counts without spans too.
    pub(crate) trace_period: Nanos,
    pub(crate) spans_per_trace: u64,
    /// Shops side by side, between which the traces and log records are divided.
    #[serde(default = "one")]
    pub(crate) shops: u64,
    pub(crate) traces_per_request: u64,
    pub(crate) log_period: Nanos,
    pub(crate) logs_per_request: u64,
    /// From one export of a resource's metrics to the next.
    pub(crate) interval: Nanos,
    /// Times of exports stray by up to this much in both directions, to the nanosecond; 0 keeps them regular, in
    /// milliseconds.
    pub(crate) jitter: Nanos,
    /// Resources that send metrics, [`SERIES_PER_RESOURCE`] series each and the histograms.
    pub(crate) resources: u64,
    pub(crate) resources_per_request: u64,
    /// Histograms of each resource besides; every fourth is exponential.
    pub(crate) histograms: u64,
    /// Whether the points of histograms have exemplars.
    pub(crate) exemplars: bool,
    /// How long a pod lives before another takes its place, with series of its own; 0 is for ever.
    pub(crate) churn: Nanos,
    /// Every body of a log record is made of words that occur nowhere else.
    pub(crate) unique_bodies: bool,
    /// Of a hundred requests, how many carry times up to two hours earlier than the others'.
    pub(crate) late_percent: u64,
    /// Requests of traces, metrics and logs, in this order; `u64::MAX` for no end.
    pub(crate) requests: [u64; 3],
    /// Traces, exports of a resource, and log records in all: the last request of a signal has what is left. `u64::MAX` fills
    /// every request.
    #[serde(default = "endless")]
    pub(crate) totals: [u64; 3],
}

/// Ledgers and files that were written before there were totals.
fn one() -> u64 {
    1
}

fn endless() -> [u64; 3] {
    [u64::MAX; 3]
}

/// How late late items are: from ten minutes on, and up to this much more.
const LATEST: Nanos = 110 * MINUTE;

impl Workload {
    /// How many requests of `signal` there are.
    pub(crate) fn requests(&self, signal: Signal) -> u64 {
        self.requests[Self::place(signal)]
    }

    fn place(signal: Signal) -> usize {
        usize::from(signal.kind()) - 1
    }

    /// Requests that together hold one export of every resource.
    pub(crate) fn requests_per_export(&self) -> u64 {
        self.resources.div_ceil(self.resources_per_request).max(1)
    }

    /// The numbers of the traces in a request.
    pub(crate) fn traces_in(&self, request: u64) -> Range<u64> {
        let first = request.saturating_mul(self.traces_per_request);
        first..first.saturating_add(self.traces_per_request).min(self.totals[0].max(first))
    }

    /// The numbers of the log records in a request.
    pub(crate) fn logs_in(&self, request: u64) -> Range<u64> {
        let first = request.saturating_mul(self.logs_per_request);
        first..first.saturating_add(self.logs_per_request).min(self.totals[2].max(first))
    }

    /// The tick at which the exports of a request are made, and the resources that make them.
    pub(crate) fn exports_in(&self, request: u64) -> (u64, Range<u64>) {
        let per_export = self.requests_per_export();
        let (tick, first) = (request / per_export, request % per_export * self.resources_per_request);
        let left = self.totals[1].saturating_sub(tick.saturating_mul(self.resources));
        (tick, first..(first + self.resources_per_request).min(self.resources).min(left))
    }

    /// Nanoseconds after the start at which request `index` is complete and would be sent by a live system.
    pub(crate) fn due(&self, signal: Signal, index: u64) -> Nanos {
        let after = |period: Nanos, count: u64| period.saturating_mul(Nanos::try_from(count).unwrap_or(Nanos::MAX));
        match signal {
            Signal::Traces => after(self.trace_period, self.traces_in(index).end),
            Signal::Logs => after(self.log_period, self.logs_in(index).end),
            Signal::Metrics => {
                let (tick, resources) = self.exports_in(index);
                after(self.interval, tick).saturating_add(self.phase(resources.end.saturating_sub(1))) + self.jitter
            }
        }
    }

    /// When within each interval the resource `index` exports: spread evenly, in whole milliseconds.
    pub(crate) fn phase(&self, index: u64) -> Nanos {
        let phase = i128::from(self.interval) * i128::from(index) / i128::from(self.resources.max(1));
        phase as Nanos / 1_000_000 * 1_000_000
    }

    /// How much earlier than its place in the order the items of a late request are, given a random number of its own.
    pub(crate) fn lateness(&self, roll: u64) -> Nanos {
        if roll % 100 < self.late_percent {
            10 * MINUTE + (roll >> 32) as Nanos % (LATEST / SECOND) * SECOND
        } else {
            0
        }
    }

    /// The most that items can be earlier than their place in the order.
    pub(crate) fn max_lateness(&self) -> Nanos {
        if self.late_percent == 0 { 0 } else { 10 * MINUTE + LATEST }
    }
}

#[cfg(test)]
impl Workload {
    /// A thousand spans, log records and points or so in each of two requests per signal, in 2025.
    pub(crate) fn sample() -> Self {
        Workload {
            version: VERSION,
            seed: 1,
            start: 1_735_689_600 * SECOND,
            trace_period: 12_500_000,
            spans_per_trace: 25,
            shops: 1,
            traces_per_request: 40,
            log_period: 200_000,
            logs_per_request: 1000,
            interval: 15 * SECOND,
            jitter: 0,
            resources: 20,
            resources_per_request: 10,
            histograms: 0,
            exemplars: false,
            churn: 0,
            unique_bodies: false,
            late_percent: 0,
            requests: [2; 3],
            totals: endless(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_when_their_last_item_is() {
        let workload = Workload::sample();
        assert_eq!(workload.due(Signal::Traces, 0), 40 * 12_500_000);
        assert_eq!(workload.due(Signal::Logs, 1), 2000 * 200_000);
        // 20 resources in 15 s: the tenth exports after 6.75 s.
        assert_eq!(workload.due(Signal::Metrics, 0), 6_750_000_000);
        assert_eq!(workload.due(Signal::Metrics, 2), 21_750_000_000);
        // What is left goes into the last one.
        let short = Workload { totals: [50, 15, 1100], ..workload.clone() };
        assert_eq!((short.traces_in(1), short.logs_in(1), short.exports_in(1)), (40..50, 1000..1100, (0, 10..15)));
        let dues = Signal::ALL.map(|signal| short.due(signal, 1));
        assert_eq!(dues, [50 * 12_500_000, 10_500_000_000, 1100 * 200_000]);
        let endless = Workload { requests: [u64::MAX; 3], ..workload };
        assert_eq!(endless.due(Signal::Logs, u64::MAX - 1), Nanos::MAX);
    }

    #[test]
    fn a_share_of_requests_is_late() {
        let workload = Workload { late_percent: 30, ..Workload::sample() };
        let late: Vec<Nanos> =
            (0..10_000).map(|index| workload.lateness(super::super::generate::dice::mix(index))).collect();
        let n_late = late.iter().filter(|late| **late > 0).count();
        assert!((2_800..3_200).contains(&n_late), "{n_late}");
        assert!(late.iter().all(|late| *late == 0 || (10 * MINUTE..workload.max_lateness()).contains(late)));
    }
}
