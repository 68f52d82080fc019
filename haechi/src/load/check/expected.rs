//! What must be there, in windows of time.
//!
//! The requests of a run overlap in time, and late ones come long after their items' times. So requests are taken in the
//! order of their first item's time, and a window ends before the first item of the next one that was not taken yet.

use collector::Signal;
use collector::otlp::{self, Context};
use model::{Nanos, PointValue, SeriesId, TimeRange};
use store::{LogChunk, PointChunk, SpanChunk, Table};
use xxhash_rust::xxh3::Xxh3;

use super::super::Error;
use super::super::generate::{Generator, Scratch};
use super::super::ledger::Ledger;

/// An item that must be found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) time: Nanos,
    /// A hash of its content.
    pub(super) content: u64,
    pub(super) request: u64,
    /// The request was not answered: it may be missing, as a whole.
    pub(super) in_doubt: bool,
}

pub(super) struct Expected {
    signal: Signal,
    generator: Generator,
    scratch: Scratch,
    /// Time of the first item, number, and whether it is in doubt; last first.
    requests: Vec<(Nanos, u64, bool)>,
    /// Taken and not given yet.
    pending: Vec<Row>,
    /// Before this everything was given.
    given: Nanos,
    /// Rows of a window, at least, if there are so many.
    window: usize,
}

impl Expected {
    pub(super) fn new(signal: Signal, ledger: &Ledger, window: usize) -> Self {
        let generator = Generator::new(&ledger.workload);
        let acked = ledger.acked.of(signal).iter().map(|number| (number, false));
        let unsure = ledger.unsure.of(signal).iter().map(|number| (number, true));
        let first = |(number, in_doubt)| (generator.first_time(signal, number), number, in_doubt);
        let mut requests: Vec<_> = acked.chain(unsure).map(first).collect();
        requests.sort_unstable_by(|one, two| two.cmp(one));
        let scratch = Scratch::default();
        Expected { signal, generator, scratch, requests, pending: Vec::new(), given: Nanos::MIN, window }
    }

    /// The next window with what must be in it; `None` at the end. The first begins and the last ends with all time.
    pub(super) fn next_window(&mut self) -> Result<Option<(TimeRange, Vec<Row>)>, Error> {
        if self.given == Nanos::MAX || (self.requests.is_empty() && self.pending.is_empty()) {
            return Ok(None);
        }
        loop {
            let next = self.requests.last().map_or(Nanos::MAX, |(first, ..)| *first);
            let n_ready = self.pending.iter().filter(|row| row.time < next).count();
            if next == Nanos::MAX || n_ready >= self.window {
                let (ready, rest) = std::mem::take(&mut self.pending).into_iter().partition(|row| row.time < next);
                self.pending = rest;
                let range = TimeRange::new(self.given, next);
                self.given = next;
                return Ok(Some((range, ready)));
            }
            // As many as may fill the window, so that what is pending is not counted after each.
            let mut taken = 0;
            while taken < self.window / 4
                && let Some((_, number, in_doubt)) = self.requests.pop()
            {
                taken += self.take(number, in_doubt)?;
            }
        }
    }

    /// Makes a request's rows pending; gives how many.
    fn take(&mut self, request: u64, in_doubt: bool) -> Result<usize, Error> {
        let body = self.generator.request(self.signal, request, &mut self.scratch);
        let context = Context { received_at: Nanos::MAX, oldest_accepted: Nanos::MIN };
        let decoded =
            otlp::decode(self.signal, &body.bytes, context).map_err(|error| Error::usage(error.to_string()))?;
        let before = self.pending.len();
        let mut push = |time, content| self.pending.push(Row { time, content, request, in_doubt });
        for (table, batch) in decoded.rows.finish() {
            match table {
                Table::Spans => {
                    let chunk = SpanChunk::from(batch);
                    for span in (0..chunk.len()).map(|row| chunk.row(row)) {
                        let parent = span.parent_span_id.map(|id| id.to_string());
                        let ids = [span.trace_id.to_string(), span.span_id.to_string(), parent.unwrap_or_default()];
                        let [trace, id, parent] = &ids;
                        push(span.start, of_span(trace, id, parent, span.name, span.service, span.duration));
                    }
                }
                Table::Logs => {
                    let chunk = LogChunk::from(batch);
                    for log in (0..chunk.len()).map(|row| chunk.row(row)) {
                        let trace = log.trace_id.map(|id| id.to_string()).unwrap_or_default();
                        let span = log.span_id.map(|id| id.to_string()).unwrap_or_default();
                        push(log.time, of_log(&trace, &span, log.body, log.service));
                    }
                }
                Table::Points => {
                    let chunk = PointChunk::from(batch);
                    for point in (0..chunk.len()).map(|row| chunk.row(row)) {
                        let SeriesId(series) = point.series;
                        let value = match point.value {
                            PointValue::Int(int) => Some(int as f64),
                            PointValue::Double(double) => Some(double),
                            PointValue::None | PointValue::Distribution(_) => None,
                        };
                        push(point.time, of_point(&format!("{series:032x}"), value));
                    }
                }
                Table::Series | Table::Exemplars => {}
            }
        }
        Ok(self.pending.len() - before)
    }
}

/// A hash of parts that cannot be mistaken for one of other parts.
fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = Xxh3::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.digest()
}

pub(super) fn of_span(trace: &str, id: &str, parent: &str, name: &str, service: &str, duration: Nanos) -> u64 {
    let texts = [trace, id, parent, name, service].map(str::as_bytes);
    let [trace, id, parent, name, service] = texts;
    hash(&[trace, id, parent, name, service, &duration.to_le_bytes()])
}

pub(super) fn of_log(trace: &str, span: &str, body: &str, service: &str) -> u64 {
    hash(&[trace.as_bytes(), span.as_bytes(), body.as_bytes(), service.as_bytes()])
}

/// A point without a value is one of a histogram.
pub(super) fn of_point(series: &str, value: Option<f64>) -> u64 {
    let bits = value.map(|value| value.to_bits().to_le_bytes());
    hash(&[series.as_bytes(), bits.as_ref().map_or(&[], |bits| bits)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::workload::Workload;

    #[test]
    fn windows_hold_each_item_once_in_order_of_time() {
        for late_percent in [0, 30] {
            let workload = Workload {
                late_percent,
                logs_per_request: 100,
                log_period: model::time::SECOND / 10,
                ..Workload::sample()
            };
            let mut ledger = Ledger::new(&workload);
            (0..250).for_each(|number| ledger.acked.of_mut(Signal::Logs).insert(number));
            ledger.unsure.of_mut(Signal::Logs).insert(300);
            let mut expected = Expected::new(Signal::Logs, &ledger, 5_000);
            let (mut n_rows, mut n_doubt, mut n_windows, mut until) = (0, 0, 0, Nanos::MIN);
            while let Some((range, rows)) = expected.next_window().unwrap() {
                assert_eq!(range.start, until);
                until = range.end;
                n_windows += 1;
                n_rows += rows.len();
                n_doubt += rows.iter().filter(|row| row.in_doubt).count();
                assert!(rows.iter().all(|row| range.contains(row.time)));
            }
            assert_eq!((n_rows, n_doubt, until), (25_100, 100, Nanos::MAX));
            assert!(n_windows > 1);
        }
    }
}
