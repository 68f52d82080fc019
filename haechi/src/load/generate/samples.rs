//! Exports of metrics: every resource sends all its series at one time, as SDKs do.

use model::Nanos;

use super::dice::{Stream, mix};
use super::encode::{SCHEMA_URL, put_group_header};
use super::ids::Ids;
use super::topology::resource;
use super::{Exported, SeriesName};
use crate::load::workload::{SERIES_PER_RESOURCE, Workload};

mod catalog;
mod curves;
mod histograms;
mod template;

use catalog::METRICS;
use curves::Curves;
pub(in crate::load) use curves::Number;
pub(in crate::load) use histograms::MAX_HISTOGRAMS;
use template::Template;

pub(super) struct Samples {
    seed: u64,
    curves: Curves,
    template: Template,
    series: Stream,
    jitter: Stream,
    lives: Stream,
    /// The encoded resources in their first generation.
    resources: Vec<Vec<u8>>,
}

/// Which export is wanted.
pub(super) struct Export {
    pub(super) resource: u64,
    pub(super) tick: u64,
    /// It is earlier than its tick says by this.
    pub(super) lateness: Nanos,
    /// For exemplars: the trace to name.
    pub(super) example: Option<(Ids, u64)>,
}

/// Memory that is used again from export to export.
#[derive(Default)]
pub(super) struct Scratch {
    metrics: Vec<u8>,
    histograms: histograms::Scratch,
}

/// How long a pod runs before it restarts, and its counters with it, when none are replaced: three days and up to as many
/// more.
const LIFE: Nanos = 3 * model::time::DAY;

/// The life of a pod that an export is in.
struct Life {
    /// Its number; the first is 0.
    generation: u64,
    /// The tick at which it began. Ticks are counted from long before the workload's start, see [`Samples::EPOCH`].
    born: u64,
}

/// The time of export `tick` of resource `index`, if it does not stray.
fn regular(workload: &Workload, index: u64, tick: u64) -> Nanos {
    workload.start + tick as Nanos * workload.interval + workload.phase(index)
}

impl Samples {
    /// Ticks are moved by this, so that pods that were born before the start have a tick of birth. The tables of `curves`
    /// are read at ticks plus a phase, so nothing else depends on it.
    const EPOCH: u64 = 1 << 40;

    pub(super) fn new(workload: &Workload) -> Self {
        let seed = workload.seed;
        let cached = if workload.requests[1] == 0 { 0 } else { workload.resources as usize };
        Samples {
            seed,
            curves: Curves::new(seed),
            template: Template::new(),
            series: Stream::new(seed, "series"),
            jitter: Stream::new(seed, "jitter"),
            lives: Stream::new(seed, "lives"),
            resources: (0..cached).map(|index| resource(seed, index, 0)).collect(),
        }
    }

    /// The time of export `tick` of resource `index`.
    pub(super) fn time(&self, workload: &Workload, index: u64, tick: u64) -> Nanos {
        let regular = regular(workload, index, tick);
        if workload.jitter == 0 {
            return regular;
        }
        let roll = self.jitter.at(index << 40 | tick);
        regular + (roll % (2 * workload.jitter as u64 + 1)) as Nanos - workload.jitter
    }

    fn life(&self, workload: &Workload, index: u64, tick: u64) -> Life {
        let roll = self.lives.at(index);
        let nanos = if workload.churn > 0 { workload.churn } else { LIFE + (roll % LIFE as u64) as Nanos };
        let length = (nanos / workload.interval).max(1) as u64;
        // Pods do not begin together.
        let phase = (roll >> 16) % length;
        let lives = (tick + phase) / length;
        let born = Self::EPOCH + lives * length - phase;
        Life { generation: if workload.churn > 0 { lives } else { 0 }, born }
    }

    /// Appends an export as a `ResourceMetrics`. Returns its points.
    pub(super) fn put(
        &self,
        workload: &Workload,
        export: Export,
        scope: &[u8],
        out: &mut Vec<u8>,
        scratch: &mut Scratch,
    ) -> u64 {
        let Export { resource: index, tick, lateness, example } = export;
        let life = self.life(workload, index, tick);
        let time = self.time(workload, index, tick) - lateness;
        let at = Self::EPOCH + tick;
        // Of the process, which began at one moment, however the times of its exports stray.
        let began = regular(workload, index, tick) - (at - life.born) as Nanos * workload.interval;
        let start_time = began.min(time); // a late export, or the first one where times stray, may be before
        let metrics = &mut scratch.metrics;
        metrics.clear();
        let keys = self.keys(index, life.generation);
        self.template.fill(metrics, time, start_time, |series, curve| {
            self.curves.value(curve, self.key(keys, series as u64), at, life.born)
        });
        if workload.histograms > 0 {
            let export = histograms::Export { time, start_time, tick: at, born: life.born, example };
            let key = |series| self.key(keys, SERIES_PER_RESOURCE + series);
            histograms::put(metrics, &self.curves, &export, workload.histograms, key, &mut scratch.histograms);
        }
        let replaced;
        let resource = match self.resources.get(index as usize) {
            Some(known) if life.generation == 0 => known,
            _ => {
                replaced = resource(self.seed, index as usize, life.generation);
                &replaced
            }
        };
        put_group_header(out, resource, scope, metrics.len());
        out.extend_from_slice(metrics);
        model::wire::put_bytes_field(out, 3, SCHEMA_URL.as_bytes());
        SERIES_PER_RESOURCE + workload.histograms
    }

    /// The random number that those of a resource's series are made of.
    #[inline]
    fn keys(&self, index: u64, generation: u64) -> u64 {
        self.series.at(index << 24 | generation & 0xff_ffff)
    }

    #[inline]
    fn key(&self, keys: u64, series: u64) -> u64 {
        mix(keys.wrapping_add(series))
    }

    /// What export `tick` of resource `index` holds, as a query must find it.
    pub(super) fn exported(&self, workload: &Workload, index: u64, tick: u64) -> Exported {
        let life = self.life(workload, index, tick);
        let keys = self.keys(index, life.generation);
        let value = |(series, point): (usize, &template::Place)| {
            self.curves.value(point.curve, self.key(keys, series as u64), Self::EPOCH + tick, life.born)
        };
        Exported {
            time: self.time(workload, index, tick),
            resource: resource(self.seed, index as usize, life.generation),
            values: self.template.points.iter().enumerate().map(value).collect(),
        }
    }
}

pub(super) fn names() -> Vec<SeriesName> {
    let names = |metric: &catalog::Metric| -> Vec<SeriesName> {
        metric.series().into_iter().map(|attributes| (metric.name, metric.unit, attributes)).collect()
    };
    METRICS.iter().flat_map(names).collect()
}
