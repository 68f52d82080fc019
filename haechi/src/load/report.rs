//! What a run says: a line for each signal every few seconds, and a summary.

use std::time::Duration;

use collector::Signal;
use serde_json::{Value, json};

use super::amount::Short;
use super::cpu;
use super::histogram::Histogram;
use super::send::{Counts, Run};
use crate::logging::say;

mod asked;

pub(super) use asked::Asked;

/// Tells of a run.
pub(super) struct Report {
    json: bool,
    asked: Asked,
    lines: u64,
    cpu_at_start: Duration,
    last: Duration,
}

/// After so many lines the heading is repeated.
const HEADING_EVERY: u64 = 30;

/// A latency as people read it.
pub(super) fn latency(it: Duration) -> String {
    let millis = it.as_secs_f64() * 1e3;
    match millis {
        0.0..10.0 => format!("{millis:.1} ms"),
        10.0..10_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1e3),
    }
}

impl Report {
    pub(super) fn new(json: bool, asked: Asked) -> Self {
        Report { json, asked, lines: 0, cpu_at_start: cpu::process(), last: Duration::ZERO }
    }

    /// What happened since the last call.
    pub(super) fn interval(&mut self, run: &Run) {
        let now = run.elapsed();
        let seconds = (now - self.last).as_secs_f64().max(1e-9);
        self.last = now;
        for signal in Signal::ALL {
            let counts = run.take_recent(signal);
            if counts.requests == 0 && counts.errors.is_empty() && run.total(signal).requests == 0 {
                continue;
            }
            if self.json {
                let mut line = of_counts(&counts, seconds);
                line["at"] = json!(now.as_secs_f64());
                line["signal"] = json!(signal.name());
                say(line);
                continue;
            }
            if self.lines.is_multiple_of(HEADING_EVERY) {
                say(heading());
            }
            self.lines += 1;
            say(format_args!("{:>8}  {}", format!("{:.1} s", now.as_secs_f64()), row(signal, &counts, seconds)));
        }
    }

    /// What happened in all, which may have been stopped. Returns whether every request was accepted whole.
    pub(super) fn summary(&mut self, run: &Run, stopped: bool) -> bool {
        let seconds = run.elapsed().as_secs_f64().max(1e-9);
        let totals = Signal::ALL.map(|signal| (signal, run.total(signal)));
        let items: u64 = totals.iter().map(|(_, counts)| counts.items).sum();
        let (own, making) = ((cpu::process() - self.cpu_at_start).as_secs_f64(), run.making().as_secs_f64());
        let sentences = totals.iter().flat_map(|(signal, it)| {
            let difference = self.asked.difference(*signal, it, seconds, stopped);
            difference.into_iter().chain(impatience(*signal, it, run.retry_for()))
        });
        let differences: Vec<String> = sentences.collect();
        if self.json {
            let mut line = json!({ "seconds": seconds, "differences": differences, "cpu_seconds": own, "making_cpu_seconds": making });
            for (signal, counts) in &totals {
                line[signal.name()] = of_counts(counts, seconds);
            }
            say(json!({ "summary": line }));
        } else {
            say("");
            say(heading());
            for (signal, counts) in totals.iter().filter(|(_, it)| it.requests > 0 || !it.errors.is_empty()) {
                say(format_args!("{:>8}  {}", "in all", row(*signal, counts, seconds)));
            }
            say("");
            for (signal, counts) in &totals {
                let name = signal.name();
                if counts.requests > 0 {
                    say(format_args!(
                        "{name}: {} {} in {} requests",
                        counts.items,
                        signal.item(counts.items),
                        counts.requests
                    ));
                }
                if counts.rejected > 0 {
                    let why = if counts.why_rejected.is_empty() { "without a word" } else { &counts.why_rejected };
                    say(format_args!("{name}: {} {} rejected: {why}", counts.rejected, signal.item(counts.rejected)));
                }
                for (kind, count) in &counts.errors {
                    say(format_args!("{name}: {count} times {kind}"));
                }
                if counts.lost > 0 {
                    say(format_args!("{name}: {} requests refused or given up", counts.lost));
                }
            }
            differences.iter().for_each(say);
            let each = making * 1e9 / (items.max(1) as f64);
            say(format_args!(
                "{seconds:.1} s; processor time of this tool {own:.2} s, of which {making:.2} s made requests ({each:.0} ns an item)"
            ));
        }
        totals.iter().all(|(_, counts)| counts.lost == 0 && counts.rejected == 0)
    }

    /// How long the disk took to sync meanwhile.
    pub(super) fn syncs(&self, syncs: &Histogram) {
        let quantiles = [0.5, 0.9, 0.99, 1.0].map(|share| syncs.quantile(share));
        if self.json {
            let [p50, p90, p99, max] = quantiles.map(|it| it.as_secs_f64() * 1e3);
            say(json!({ "fdatasync_ms": { "p50": p50, "p90": p90, "p99": p99, "max": max } }));
        } else {
            let [p50, p90, p99, max] = quantiles.map(latency);
            say(format_args!("fdatasync of a page meanwhile: p50 {p50}, p90 {p90}, p99 {p99}, at most {max}"));
        }
    }
}

/// A sentence on requests that were given up while the receiver wanted them later.
fn impatience(signal: Signal, counts: &Counts, retry_for: Duration) -> Option<String> {
    (counts.impatient > 0).then(|| {
        format!(
            "{}: {} of the requests given up were not tried again: the receiver asked for a pause of up to {}, and --retry-for is {}",
            signal.name(),
            counts.impatient,
            latency(counts.longest_pause),
            latency(retry_for),
        )
    })
}

fn heading() -> String {
    format!(
        "{:>8}  {:<8}{:>10}{:>10}{:>11}{:>10}{:>10}{:>10}{:>9}{:>8}{:>11}",
        "", "signal", "items/s", "MB/s", "p50", "p90", "p99", "max", "retries", "errors", "behind"
    )
}

fn row(signal: Signal, counts: &Counts, seconds: f64) -> String {
    let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| latency(counts.latencies.quantile(share)));
    format!(
        "{:<8}{:>10}{:>10.1}{p50:>11}{p90:>10}{p99:>10}{:>10}{:>9}{:>8}{:>11}",
        signal.name(),
        Short(counts.items as f64 / seconds),
        counts.bytes as f64 / 1e6 / seconds,
        latency(counts.latencies.max()),
        counts.retries,
        counts.errors.values().sum::<u64>(),
        latency(counts.behind),
    )
}

fn of_counts(counts: &Counts, seconds: f64) -> Value {
    let millis = |it: Duration| it.as_secs_f64() * 1e3;
    let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| millis(counts.latencies.quantile(share)));
    json!({
        "requests": counts.requests,
        "items": counts.items,
        "items_per_second": counts.items as f64 / seconds,
        "bytes": counts.bytes,
        "bytes_per_second": counts.bytes as f64 / seconds,
        "latency_ms": { "p50": p50, "p90": p90, "p99": p99, "max": millis(counts.latencies.max()) },
        "behind_ms": millis(counts.behind),
        "rejected": counts.rejected,
        "why_rejected": counts.why_rejected,
        "retries": counts.retries,
        "lost": counts.lost,
        "given_up_in_pause": counts.impatient,
        "errors": counts.errors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_two_digits_or_more() {
        for (nanos, expected) in
            [(0, "0.0 ms"), (1_234_000, "1.2 ms"), (123_456_000, "123 ms"), (12_340_000_000, "12.3 s")]
        {
            assert_eq!(latency(Duration::from_nanos(nanos)), expected);
        }
    }

    #[test]
    fn what_was_not_tried_again_is_said_with_the_pause_that_was_asked_for() {
        let ten = Duration::from_secs(10);
        let counts = Counts { lost: 3, impatient: 2, longest_pause: ten, ..Counts::default() };
        let said = impatience(Signal::Logs, &counts, Duration::from_secs(8)).unwrap();
        assert!(
            said.starts_with("logs: 2 of the requests") && said.contains("10.0 s, and --retry-for is 8000 ms"),
            "{said}"
        );
        assert_eq!(impatience(Signal::Logs, &Counts { lost: 3, ..Counts::default() }, ten), None);
    }

    #[test]
    fn columns_stand_below_their_headings() {
        let mut counts = Counts { items: 123_456, requests: 124, ..Counts::default() };
        counts.latencies.record(Duration::from_millis(3));
        let row = format!("{:>8}  {}", "5.0 s", row(Signal::Logs, &counts, 5.0));
        assert_eq!(row.len(), heading().len(), "{}\n{row}", heading());
        assert!(row.contains("24.7k"), "{row}");
    }
}
