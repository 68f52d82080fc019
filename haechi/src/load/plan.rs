//! From what is asked on the command line to a workload and a pace.

use std::time::Duration;

use model::Nanos;
use model::time::{DAY, MILLISECOND, SECOND};

use super::Error;
use super::amount::Amount;
use super::generate::{MAX_HISTOGRAMS, MAX_SPANS, mean_spans, traces_with_spans};
use super::report::Asked;
use super::send::Pace;
use super::workload::{SERIES_PER_RESOURCE, VERSION, Workload};

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) seed: u64,
    pub(super) spans: Option<Amount>,
    pub(super) logs: Option<Amount>,
    pub(super) samples: Option<Amount>,
    /// How long to send live.
    pub(super) duration: Nanos,
    /// How much of history to fill instead.
    pub(super) span: Option<Nanos>,
    pub(super) start: Option<Nanos>,
    pub(super) speed: Option<f64>,
    /// As fast as requests are answered.
    pub(super) max: bool,
    /// Items in a request.
    pub(super) batch: u64,
    pub(super) spans_per_trace: u64,
    pub(super) shops: u64,
    pub(super) interval: Nanos,
    pub(super) jitter: Nanos,
    pub(super) histograms: u64,
    pub(super) exemplars: bool,
    pub(super) churn: Nanos,
    pub(super) unique_bodies: bool,
    pub(super) late_percent: u64,
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) workload: Workload,
    pub(super) pace: Pace,
    /// After this no new request is sent.
    pub(super) limit: Duration,
    pub(super) asked: Asked,
}

/// Rates when nothing is said: what a small fleet sends.
const SPANS: Amount = Amount::Rate(2_000.0);
const LOGS: Amount = Amount::Rate(5_000.0);
const SAMPLES: Amount = Amount::Rate(10_000.0);

impl Wish {
    /// The plan, with `now` as the end or the beginning of time.
    pub(super) fn plan(&self, now: Nanos) -> Result<Plan, Error> {
        let allowed = |holds: bool, what: &str| if holds { Ok(()) } else { Err(Error::usage(what)) };
        allowed((1..=1_000_000).contains(&self.batch), "--batch: from 1 to 1000000 items are allowed")?;
        allowed(
            (1..=MAX_SPANS as u64).contains(&self.spans_per_trace),
            "--spans-per-trace: from 1 to 250 are allowed",
        )?;
        allowed((1..=100).contains(&self.shops), "--shops: from 1 to 100 are allowed")?;
        allowed(self.interval > 0, "--interval: a duration above zero is needed")?;
        allowed(2 * self.jitter < self.interval, "--jitter: less than half of the interval is allowed")?;
        allowed(self.histograms <= MAX_HISTOGRAMS, "--histograms: at most 20 are allowed")?;
        allowed(self.late_percent <= 100, "--late: at most 100 percent are allowed")?;
        allowed(self.duration > 0 && self.span != Some(0), "--duration, --span: a duration above zero is needed")?;
        let [spans, logs, samples] = self.amounts();
        let is_nothing = [spans, logs, samples].iter().all(|amount| *amount == Amount::NONE);
        allowed(!is_nothing, "--spans, --logs, --samples: all of them are 0, and nothing would be sent")?;
        let (covered, live) = match self.span {
            Some(span) => (span, false),
            None => (self.duration, true),
        };
        // In a closed loop the times run ahead of the clock, so they begin well before it.
        let start = self.start.unwrap_or(now - self.span.unwrap_or(if self.max { DAY } else { 0 }));
        allowed(start > 0, "--start: a time after 1970 is needed")?;
        let pace = match (self.max, self.speed, live) {
            (true, ..) | (false, None, false) => Pace::Closed,
            (false, speed, _) => Pace::Open { speed: speed.unwrap_or(1.0) },
        };
        // A closed loop over rates ends by the clock, everything else by itself.
        let endless = live && pace == Pace::Closed;
        let limit = if endless { Duration::from_nanos(covered as u64) } else { Duration::MAX };
        let covered = covered as f64 / SECOND as f64;

        let mean = mean_spans(self.spans_per_trace);
        let span_rate = rate(spans, covered).unwrap_or(2_000.0);
        let traces_per_request = (self.batch as f64 / mean).round().max(1.0);
        let log_rate = rate(logs, covered).unwrap_or(5_000.0);
        let per_resource = (SERIES_PER_RESOURCE + self.histograms) as f64;
        let interval = self.interval as f64 / SECOND as f64;
        let resources = rate(samples, covered).unwrap_or(0.0) * interval / per_resource;
        // So many that a total is sent within the time.
        let resources = if matches!(samples, Amount::Total(_)) { resources.ceil() } else { resources.round() }.max(1.0);
        let resources_per_request = (self.batch as f64 / per_resource).floor().clamp(1.0, resources);
        // So many as come closest to what is asked for.
        let total = |amount: Amount, rate_of_units: f64, items_in_unit: f64| match amount {
            Amount::Total(0) => 0,
            Amount::Total(items) => (items as f64 / items_in_unit).round().max(1.0) as u64,
            Amount::Rate(_) if endless => u64::MAX,
            Amount::Rate(_) => (covered * rate_of_units).round().max(1.0) as u64,
        };
        let traces = match spans {
            Amount::Total(spans) => traces_with_spans(self.seed, self.spans_per_trace, spans),
            Amount::Rate(_) => total(spans, span_rate / mean, mean),
        };
        let totals = [traces, total(samples, resources / interval, per_resource), total(logs, log_rate, 1.0)];
        let interval = match samples {
            Amount::Total(_) => stretched(self.interval, covered, totals[1], resources as u64),
            Amount::Rate(_) => self.interval,
        };
        let [traces_per_request, resources, resources_per_request] =
            [traces_per_request, resources, resources_per_request].map(|count| count as u64);
        let requests = |total: u64, in_request: u64| if total == u64::MAX { total } else { total.div_ceil(in_request) };
        let exports = |total: u64| match total {
            u64::MAX => u64::MAX,
            _ => {
                total / resources * requests(resources, resources_per_request)
                    + requests(total % resources, resources_per_request)
            }
        };
        let requests = [requests(totals[0], traces_per_request), exports(totals[1]), requests(totals[2], self.batch)];
        let workload = Workload {
            version: VERSION,
            seed: self.seed,
            start,
            trace_period: period(span_rate / mean),
            spans_per_trace: self.spans_per_trace,
            shops: self.shops,
            traces_per_request,
            log_period: period(log_rate),
            logs_per_request: self.batch,
            interval,
            jitter: self.jitter,
            resources,
            resources_per_request,
            histograms: self.histograms,
            exemplars: self.exemplars,
            churn: self.churn,
            unique_bodies: self.unique_bodies,
            late_percent: self.late_percent,
            requests,
            totals,
        };
        let seconds = (live && !endless).then_some(covered);
        let asked = Asked { amounts: [spans, samples, logs].map(|it| (!endless).then_some(it)), seconds, covered };
        Ok(Plan { workload, pace, limit, asked })
    }

    /// Amounts of spans, log records and samples. Who names one wants no other.
    fn amounts(&self) -> [Amount; 3] {
        match (self.spans, self.logs, self.samples) {
            (None, None, None) => [SPANS, LOGS, SAMPLES],
            named => [named.0, named.1, named.2].map(|amount| amount.unwrap_or(Amount::NONE)),
        }
    }
}

/// The interval at which so many resources export for all of `covered` seconds, `exports` in all: `interval`, or longer by what
/// resources that are whole are too many, in whole milliseconds.
fn stretched(interval: Nanos, covered: f64, exports: u64, resources: u64) -> Nanos {
    let ticks = exports.div_ceil(resources.max(1)).max(1);
    let longest = (covered * SECOND as f64) as Nanos / Nanos::try_from(ticks).unwrap_or(Nanos::MAX);
    interval.max(longest / MILLISECOND * MILLISECOND)
}

/// Items per second when the amount is spread over so many seconds; `None` for nothing.
fn rate(amount: Amount, seconds: f64) -> Option<f64> {
    match amount {
        Amount::Rate(rate) => Some(rate),
        Amount::Total(0) => None,
        Amount::Total(total) => Some(total as f64 / seconds),
    }
}

/// From one to the next, in nanoseconds.
fn period(per_second: f64) -> Nanos {
    ((SECOND as f64 / per_second).round() as Nanos).max(1)
}

#[cfg(test)]
mod tests {
    use model::time::{HOUR, MINUTE};

    use super::*;

    fn wish() -> Wish {
        Wish {
            seed: 1,
            spans: None,
            logs: None,
            samples: None,
            duration: MINUTE,
            span: None,
            start: None,
            speed: None,
            max: false,
            batch: 1000,
            spans_per_trace: 25,
            shops: 1,
            interval: 15 * SECOND,
            jitter: 0,
            histograms: 0,
            exemplars: false,
            churn: 0,
            unique_bodies: false,
            late_percent: 0,
        }
    }

    const NOW: Nanos = 100 * DAY;

    #[test]
    fn live_load_begins_now_and_has_its_rates() {
        let plan = wish().plan(NOW).unwrap();
        let workload = plan.workload;
        assert_eq!((plan.pace, plan.limit), (Pace::Open { speed: 1.0 }, Duration::MAX));
        assert_eq!((workload.start, workload.log_period), (NOW, 200_000));
        assert_eq!(workload.requests[2], 300);
        // 2,000 spans/s are 80 traces/s or so; 10,000 samples/s every 15 s are 1,500 resources.
        assert!((12_000_000..13_000_000).contains(&workload.trace_period), "{}", workload.trace_period);
        assert_eq!((workload.resources, workload.resources_per_request, workload.requests[1]), (1500, 10, 600));
    }

    #[test]
    fn a_total_is_spread_over_the_time_that_is_covered() {
        let wish = Wish { span: Some(24 * HOUR), logs: Some(Amount::Total(20_000_000)), ..wish() };
        let plan = wish.plan(NOW).unwrap();
        assert_eq!((plan.pace, plan.workload.start), (Pace::Closed, NOW - 24 * HOUR));
        assert_eq!(plan.workload.requests, [0, 0, 20_000]);
        let end = plan.workload.start + plan.workload.due(collector::Signal::Logs, 19_999);
        assert!((end - NOW).abs() < SECOND, "{} ns from now", end - NOW);
        let samples = Wish { logs: None, samples: Some(Amount::Total(20_000_000)), ..wish };
        let workload = samples.plan(NOW).unwrap().workload;
        // 5,760 exports a day.
        assert_eq!((workload.resources, workload.resources_per_request), (35, 10));
        assert_eq!(workload.totals[1], 200_000, "exports of 100 points");
        assert_eq!(workload.requests[1], 200_000 / 35 * 4 + 1, "10 exports of the last tick are left");
        // Whatever the amount, its points are of all of the time.
        for (samples, interval) in [("20M", 15), ("1M", 15), ("1234500", 15), ("1000", 15), ("100", 15), ("5M", 60)] {
            let wish = Wish { samples: Amount::parse(samples).ok(), interval: interval * SECOND, ..samples_of_a_day() };
            let workload = wish.plan(NOW).unwrap().workload;
            let last = workload.due(collector::Signal::Metrics, workload.requests[1] - 1);
            assert!(workload.interval >= interval * SECOND && last <= 24 * HOUR, "{samples}: {last}");
            assert!(last >= 24 * HOUR - 2 * workload.interval, "{samples} end after {last} ns");
        }
    }

    fn samples_of_a_day() -> Wish {
        Wish { span: Some(24 * HOUR), ..wish() }
    }

    #[test]
    fn less_than_a_request_is_sent_in_time() {
        let few = [("100", 100), ("1", 1), ("1500", 1500), ("2.5/s", 150)];
        for (logs, expected) in few {
            let wish = Wish { logs: Amount::parse(logs).ok(), ..wish() };
            let Workload { requests, totals, .. } = &wish.plan(NOW).unwrap().workload;
            let workload = wish.plan(NOW).unwrap().workload;
            assert_eq!(
                (requests[2], totals[2]),
                (workload.logs_in(requests[2] - 1).end.div_ceil(1000), expected),
                "{logs}"
            );
            let due = workload.due(collector::Signal::Logs, requests[2] - 1);
            assert!(due <= MINUTE + SECOND, "{logs}: due after {due} ns");
        }
        for (samples, exports) in [("100", 1), ("40", 1), ("1000", 10), ("12345", 123), ("10k/s", 6000)] {
            let wish = Wish { samples: Amount::parse(samples).ok(), ..wish() };
            let workload = wish.plan(NOW).unwrap().workload;
            let sent: u64 = (0..workload.requests[1]).map(|it| workload.exports_in(it).1.count() as u64).sum();
            assert_eq!((sent, workload.totals[1]), (exports, exports), "{samples}");
            let due = workload.due(collector::Signal::Metrics, workload.requests[1] - 1);
            assert!(due <= MINUTE, "{samples}: due after {due} ns");
        }
    }

    #[test]
    fn a_closed_loop_over_rates_ends_by_the_clock() {
        let plan = Wish { max: true, spans: Some(Amount::Rate(1e4)), ..wish() }.plan(NOW).unwrap();
        assert_eq!(plan.workload.requests, [u64::MAX, 0, 0]);
        assert_eq!((plan.pace, plan.limit, plan.workload.start), (Pace::Closed, Duration::from_secs(60), NOW - DAY));
        let plan = Wish { speed: Some(60.0), span: Some(HOUR), ..wish() }.plan(NOW).unwrap();
        assert_eq!((plan.pace, plan.limit), (Pace::Open { speed: 60.0 }, Duration::MAX));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_is_allowed() {
        let nothing = Some(Amount::NONE);
        let table: [(Wish, &str); 9] = [
            (Wish { spans: nothing, logs: nothing, samples: nothing, ..wish() }, "--spans, --logs, --samples"),
            (Wish { batch: 0, ..wish() }, "--batch"),
            (Wish { spans_per_trace: 300, ..wish() }, "--spans-per-trace"),
            (Wish { shops: 0, ..wish() }, "--shops"),
            (Wish { interval: 0, ..wish() }, "--interval"),
            (Wish { jitter: 10 * SECOND, ..wish() }, "--jitter"),
            (Wish { histograms: 21, ..wish() }, "--histograms"),
            (Wish { late_percent: 101, ..wish() }, "--late"),
            (Wish { start: Some(-1), ..wish() }, "--start"),
        ];
        for (wish, flag) in table {
            let error = wish.plan(NOW).unwrap_err().to_string();
            assert!(error.starts_with(flag), "{error}");
        }
    }
}
