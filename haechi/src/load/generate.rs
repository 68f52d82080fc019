//! The generator: a shop of twelve services under load, as OTLP requests.
//!
//! A request is a function of the workload and its number. Traces share their customers, pods and ids with the log records
//! and the exemplars that belong to them, although each is made without the others.

use bytes::Bytes;
use collector::Signal;
use model::wire::{Raw, Reader};
use model::{Attrs, Nanos};

pub(super) mod customers;
pub(super) mod dice;
mod encode;
mod ids;
mod latency;
mod logs;
mod operations;
mod samples;
mod shapes;
mod spans;
#[cfg(test)]
mod tests;
mod topology;
mod traces;

use dice::Stream;
use encode::Groups;
use logs::Logs;
use samples::Samples;
pub(super) use samples::{MAX_HISTOGRAMS, Number};
pub(super) use shapes::MAX_SPANS;
use traces::Traces;

use super::workload::Workload;

/// Makes the requests of a workload. Shared by threads; each has a [`Scratch`] of its own.
pub(super) struct Generator {
    workload: Workload,
    traces: Traces,
    logs: Logs,
    samples: Samples,
    lateness: [Stream; 3],
    /// The encoded resources of those pods that send spans and logs.
    resources: Vec<Vec<u8>>,
    scope: Vec<u8>,
}

/// Memory that is used again from request to request.
#[derive(Default)]
pub(super) struct Scratch {
    groups: Groups,
    spans: spans::Scratch,
    logs: logs::Scratch,
    samples: samples::Scratch,
}

/// A request in protobuf, not compressed.
#[derive(Clone)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) items: u64,
}

/// One export of a resource as a query must find it.
pub(super) struct Exported {
    pub(super) time: Nanos,
    /// The encoded field `resource`.
    pub(super) resource: Vec<u8>,
    /// Of the gauges and sums, in the order of [`series_names`].
    pub(super) values: Vec<Number>,
}

impl Generator {
    pub(super) fn new(workload: &Workload) -> Self {
        let seed = workload.seed;
        Generator {
            traces: Traces::new(seed, workload.spans_per_trace).of_shops(workload.shops),
            logs: Logs::new(seed, workload.log_period, workload.trace_period, workload.unique_bodies),
            samples: Samples::new(workload),
            lateness: Signal::ALL.map(|signal| Stream::new(seed, signal.name())),
            resources: topology::shops(seed, workload.shops),
            scope: encode::scope("shop.telemetry", "1.4.0"),
            workload: workload.clone(),
        }
    }

    /// How much earlier the items of a request are than its place in the order says.
    pub(super) fn lateness(&self, signal: Signal, request: u64) -> Nanos {
        let stream = self.lateness[usize::from(signal.kind()) - 1];
        let lateness = self.workload.lateness(stream.at(request));
        if signal != Signal::Metrics || lateness == 0 {
            return lateness;
        }
        // Moved by whole seconds, an export could meet another of its resource, and of two points of a series at one time a
        // receiver keeps one. What is on time is at whole milliseconds, and what is late within one by its tick.
        let (tick, _) = self.workload.exports_in(request);
        lateness + 1 + (tick % 999_999) as Nanos
    }

    /// Request `request` of `signal`.
    pub(super) fn request(&self, signal: Signal, request: u64, scratch: &mut Scratch) -> Body {
        let mut out = Vec::new();
        let items = match signal {
            Signal::Traces => self.spans(request, &mut out, scratch),
            Signal::Logs => self.log_records(request, &mut out, scratch),
            Signal::Metrics => self.exports(request, &mut out, scratch),
        };
        Body { bytes: out.into(), items }
    }

    fn spans(&self, request: u64, out: &mut Vec<u8>, scratch: &mut Scratch) -> u64 {
        let Scratch { groups, spans, .. } = scratch;
        let starts = self.trace_starts(request);
        let items = starts.map(|(number, start)| self.traces.put(number, start, groups, spans)).sum();
        groups.finish(out, |index| &self.resources[index], &self.scope);
        items
    }

    /// Number and start of each trace in a request.
    fn trace_starts(&self, request: u64) -> impl Iterator<Item = (u64, Nanos)> + use<> {
        let Workload { start, trace_period, .. } = self.workload;
        let start = start - self.lateness(Signal::Traces, request);
        self.workload.traces_in(request).map(move |number| (number, start + number as Nanos * trace_period))
    }

    fn log_records(&self, request: u64, out: &mut Vec<u8>, scratch: &mut Scratch) -> u64 {
        let Scratch { groups, logs, .. } = scratch;
        let start = self.workload.start - self.lateness(Signal::Logs, request);
        let numbers = self.workload.logs_in(request);
        for number in numbers.clone() {
            self.logs.put(&self.traces, number, start + self.logs.after(number), groups, logs);
        }
        groups.finish(out, |index| &self.resources[index], &self.scope);
        numbers.end - numbers.start
    }

    fn exports(&self, request: u64, out: &mut Vec<u8>, scratch: &mut Scratch) -> u64 {
        let lateness = self.lateness(Signal::Metrics, request);
        let mut items = 0;
        for (resource, tick) in self.exports_in(request) {
            let example = self.workload.exemplars.then(|| (self.traces.ids, self.trace_at(resource, tick)));
            let export = samples::Export { resource, tick, lateness, example };
            items += self.samples.put(&self.workload, export, &self.scope, out, &mut scratch.samples);
        }
        items
    }

    /// Resource and tick of each export in a request.
    pub(super) fn exports_in(&self, request: u64) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (tick, resources) = self.workload.exports_in(request);
        resources.map(move |resource| (resource, tick))
    }

    /// The trace that begins when a resource exports.
    fn trace_at(&self, resource: u64, tick: u64) -> u64 {
        let after = tick as Nanos * self.workload.interval + self.workload.phase(resource);
        (after / self.workload.trace_period) as u64
    }

    /// The time of the earliest item in a request, as its sender sees it.
    pub(super) fn first_time(&self, signal: Signal, request: u64) -> Nanos {
        let Workload { start, trace_period, .. } = self.workload;
        let first = match signal {
            Signal::Traces => start + self.workload.traces_in(request).start as Nanos * trace_period,
            Signal::Logs => start + self.logs.after(self.workload.logs_in(request).start),
            Signal::Metrics => {
                let times =
                    self.exports_in(request).map(|(resource, tick)| self.samples.time(&self.workload, resource, tick));
                times.min().unwrap_or(start)
            }
        };
        first - self.lateness(signal, request)
    }

    /// What the export of a resource at a tick holds.
    pub(super) fn exported(&self, resource: u64, tick: u64) -> Exported {
        self.samples.exported(&self.workload, resource, tick)
    }

    /// The id of the trace that log record `number` belongs to.
    pub(super) fn trace_of_log(&self, number: u64) -> [u8; 16] {
        self.traces.ids.trace(self.logs.trace_of(number))
    }

    /// The id of trace `number` and those of its spans.
    pub(super) fn trace(&self, number: u64) -> ([u8; 16], Vec<[u8; 8]>) {
        let ids = self.traces.ids;
        let n_spans = self.traces.trace(number).shape.nodes.len();
        (ids.trace(number), (0..n_spans).map(|ordinal| ids.span(number, ordinal)).collect())
    }
}

impl Exported {
    /// An attribute of the resource; empty when there is none of the name.
    pub(super) fn resource_attribute(&self, key: &str) -> &str {
        self.resource_attributes().get_str(key).unwrap_or_default()
    }

    pub(super) fn resource_attributes(&self) -> Attrs<'_> {
        match Reader::new(&self.resource).next_field() {
            Ok(Some((_, Raw::Bytes(message)))) => Attrs::new(message),
            _ => Attrs::default(),
        }
    }
}

/// An id as it is written.
pub(super) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Spans of a trace in the mean, when `spans_per_trace` are asked for: shapes have whole spans.
pub(super) fn mean_spans(spans_per_trace: u64) -> f64 {
    Traces::new(0, spans_per_trace).shapes.mean()
}

/// Beyond so many spans the mean is near enough; adding up their traces would take seconds.
const MAX_ADDED_UP: u64 = 50_000_000;

/// The least number of traces, from the first, that have so many spans together.
pub(super) fn traces_with_spans(seed: u64, spans_per_trace: u64, spans: u64) -> u64 {
    let traces = Traces::new(seed, spans_per_trace);
    if spans > MAX_ADDED_UP {
        return (spans as f64 / traces.shapes.mean()).ceil() as u64;
    }
    let (mut number, mut sum) = (0, 0);
    while sum < spans {
        sum += traces.trace(number).shape.nodes.len() as u64;
        number += 1;
    }
    number
}

/// A series' name, unit and attributes.
pub(super) type SeriesName = (&'static str, &'static str, Vec<(&'static str, &'static str)>);

/// Those of a resource's gauges and sums.
pub(super) fn series_names() -> Vec<SeriesName> {
    samples::names()
}
