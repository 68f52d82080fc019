//! A trace: which customer and pods take part, when each span runs, and how it ends.

use model::Nanos;

use super::customers::Customer;
use super::dice::{Dice, Stream};
use super::ids::Ids;
use super::latency::{Latencies, Spread};
use super::shapes::{Field, MAX_SPANS, Node, Shape, Shapes};
use super::topology::{CANARY, PAYMENT, PODS, RESOURCES, SERVICES, SLOW_POD};

/// Makes traces by their number.
pub(super) struct Traces {
    pub(super) ids: Ids,
    pub(super) shapes: Shapes,
    latencies: Latencies,
    traces: Stream,
    spans: Stream,
    shops: u64,
}

/// One trace. Its spans are in the order of its shape's nodes.
pub(super) struct Trace<'a> {
    pub(super) number: u64,
    pub(super) shape: &'a Shape,
    pub(super) customer: Customer,
    /// Five random bits for each service.
    pods: u64,
    shop: usize,
}

/// When a span runs, and how it ends.
#[derive(Clone, Copy, Default)]
pub(super) struct Timing {
    pub(super) start: Nanos,
    pub(super) duration: Nanos,
    pub(super) outcome: Outcome,
    /// From its start to that of its next child.
    next_child: Nanos,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Outcome {
    #[default]
    Success,
    /// Something that it called failed.
    Failed,
    /// It failed by itself.
    Origin,
}

/// Time that a message waits for its consumer, median in nanoseconds.
const QUEUEING: u64 = 14_000_000;

/// How often a caller copes with the failure of what it called, in millionths.
const FALLBACK: u32 = 150_000;

impl Trace<'_> {
    /// The pod of `service` that takes part.
    #[inline]
    pub(super) fn pod(&self, service: usize) -> usize {
        (((self.pods >> (5 * service) & 31) * PODS as u64) >> 5) as usize
    }

    /// The resource of that pod.
    #[inline]
    pub(super) fn resource(&self, service: usize) -> usize {
        RESOURCES * self.shop + service + SERVICES.len() * self.pod(service)
    }
}

/// Whether a look-up in a cache finds something: eleven of twelve do.
pub(super) fn is_cache_hit(roll: u64) -> bool {
    roll >> 56 >= 21
}

impl Traces {
    pub(super) fn new(seed: u64, spans_per_trace: u64) -> Self {
        let wanted = usize::try_from(spans_per_trace).unwrap_or(MAX_SPANS).clamp(1, MAX_SPANS);
        Traces {
            ids: Ids::new(seed),
            shapes: Shapes::new(wanted),
            latencies: Latencies::new(seed),
            traces: Stream::new(seed, "traces"),
            spans: Stream::new(seed, "spans"),
            shops: 1,
        }
    }

    /// The same traces, divided between so many shops.
    pub(super) fn of_shops(self, shops: u64) -> Self {
        Traces { shops: shops.max(1), ..self }
    }

    #[inline]
    pub(super) fn trace(&self, number: u64) -> Trace<'_> {
        let mut dice = self.traces.dice(number);
        let shape = self.shapes.pick(dice.roll());
        let shop = (number % self.shops) as usize;
        Trace { number, shape, pods: dice.roll(), shop, customer: Customer::new(&mut dice) }
    }

    /// The dice of a span. The first roll decides its latency and whether a cache was hit, the second its failure.
    #[inline]
    pub(super) fn dice(&self, number: u64, ordinal: usize) -> Dice {
        self.spans.dice(number << 8 | ordinal as u64)
    }

    /// Runs the spans of a trace that starts at `start`.
    pub(super) fn run(&self, trace: &Trace<'_>, start: Nanos, timings: &mut Vec<Timing>) {
        let nodes = &trace.shape.nodes;
        timings.clear();
        timings.resize(nodes.len(), Timing::default());
        // Children come after their parents in this order, so from the end each span knows how long those below it take: they
        // run one after another.
        for (ordinal, node) in nodes.iter().enumerate().rev() {
            let mut dice = self.dice(trace.number, ordinal);
            let (own, failures) = self.odds(trace, node, dice.roll());
            let below = timings[ordinal].next_child;
            let duration = own + below;
            timings[ordinal].duration = duration;
            timings[ordinal].next_child = own / 3;
            if let (Some(parent), false) = (node.parent, node.is_consumer) {
                timings[parent].next_child += duration;
            }
            if dice.chance(failures) {
                fail(nodes, timings, ordinal, &mut dice);
            }
        }
        timings[0].start = start;
        for (ordinal, node) in nodes.iter().enumerate().skip(1) {
            let parent = &mut timings[node.parent.unwrap_or_default()];
            let start = if node.is_consumer {
                let roll = self.dice(trace.number, ordinal).roll().rotate_left(20);
                parent.start + parent.duration + self.latencies.sample(QUEUEING, Spread::Wide, roll) as Nanos
            } else {
                parent.start + parent.next_child
            };
            if !node.is_consumer {
                let duration = timings[ordinal].duration;
                timings[node.parent.unwrap_or_default()].next_child += duration;
            }
            timings[ordinal].start = start;
        }
    }

    /// A span's own work in nanoseconds and its chance of failure in millionths.
    #[inline]
    fn odds(&self, trace: &Trace<'_>, node: &Node, roll: u64) -> (Nanos, u32) {
        let (mut work, mut failures) = (node.work, node.failures);
        let here = (node.service, trace.pod(node.service));
        if here == CANARY {
            failures *= 25;
        }
        if here == SLOW_POD && node.spread == Spread::Usual {
            work *= 6;
        }
        if node.service == PAYMENT && trace.customer.provider() == "acme-pay" {
            failures *= 4;
        }
        if node.fields.first() == Some(&Field::CacheHit) && !is_cache_hit(roll) {
            work *= 5;
        }
        (self.latencies.sample(work, node.spread, roll) as Nanos, failures)
    }
}

/// Fails a span, and those that called it as far as nobody copes. Who sent a message does not learn of its fate.
fn fail(nodes: &[Node], timings: &mut [Timing], ordinal: usize, dice: &mut Dice) {
    timings[ordinal].outcome = Outcome::Origin;
    let mut at = ordinal;
    while let (Some(parent), false) = (nodes[at].parent, nodes[at].is_consumer) {
        if timings[parent].outcome == Outcome::Success {
            timings[parent].outcome = Outcome::Failed;
        }
        if nodes[parent].service != nodes[at].service && dice.chance(FALLBACK) {
            return;
        }
        at = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed_share(traces: &Traces, keep: impl Fn(&Trace<'_>) -> bool) -> f64 {
        let (mut n, mut failed, mut timings) = (0, 0, Vec::new());
        for number in 0..40_000 {
            let trace = traces.trace(number);
            if !trace.shape.nodes.iter().any(|node| node.service == PAYMENT) || !keep(&trace) {
                continue;
            }
            traces.run(&trace, 0, &mut timings);
            n += 1;
            failed += usize::from(timings[0].outcome != Outcome::Success);
        }
        failed as f64 / f64::from(n)
    }

    #[test]
    fn children_run_within_their_parents_and_consumers_after_them() {
        let traces = Traces::new(1, 25);
        let mut timings = Vec::new();
        for number in 0..500 {
            let trace = traces.trace(number);
            traces.run(&trace, 1_000, &mut timings);
            assert_eq!(timings[0].start, 1_000);
            for (ordinal, node) in trace.shape.nodes.iter().enumerate().skip(1) {
                let (it, parent) = (timings[ordinal], timings[node.parent.unwrap()]);
                let parent_end = parent.start + parent.duration;
                if node.is_consumer {
                    assert!(it.start > parent_end);
                } else {
                    assert!(it.start >= parent.start && it.start + it.duration <= parent_end, "{number}.{ordinal}");
                }
            }
        }
    }

    #[test]
    fn failures_have_causes_to_be_found() {
        let traces = Traces::new(1, 25);
        let canary = failed_share(&traces, |trace| (PAYMENT, trace.pod(PAYMENT)) == CANARY);
        let others = failed_share(&traces, |trace| (PAYMENT, trace.pod(PAYMENT)) != CANARY);
        assert!(canary > 0.05 && canary > 4.0 * others, "{canary} against {others}");
        let acme = failed_share(&traces, |trace| trace.customer.provider() == "acme-pay");
        let north = failed_share(&traces, |trace| trace.customer.provider() == "northbank");
        assert!(acme > 1.5 * north, "{acme} against {north}");
    }

    #[test]
    fn a_trace_is_a_function_of_seed_and_number() {
        let run = |seed, number| {
            let traces = Traces::new(seed, 25);
            let mut timings = Vec::new();
            traces.run(&traces.trace(number), 0, &mut timings);
            timings.iter().map(|it| (it.start, it.duration)).collect::<Vec<_>>()
        };
        assert_eq!(run(1, 7), run(1, 7));
        assert_ne!(run(1, 7), run(2, 7));
        assert_ne!(run(1, 7), run(1, 8));
    }
}
