//! Pushes the samples, histograms and exemplars of one series, both versions alike.

use model::metric::{Identity, NO_RECORDED_VALUE, STALE};
use model::prometheus::MetricType;
use model::time::MILLISECOND;
use model::wire::{Raw, Reader, WireError};
use model::{MetricKind, Nanos, Point, PointValue, Series, SeriesId, Temporality};

use super::exemplar::Exemplar;
use super::histogram::NativeHistogram;
use super::texts::Texts;
use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{double, varint};
use crate::otlp::{Context, Counted, Decoded};

const TIME: &str = "timestamp must be after 1970 and before 2262, in milliseconds";
const TOO_OLD: &str = "timestamp is older than the retention of this server";
const UNIT: &str =
    "timestamp is before the year 2000, older than the retention of this server; it must be in milliseconds since 1970";
const COUNT: &str = "the count of a histogram is not the sum of its buckets; it was stored as sent";
const AHEAD: &str = "timestamp is more than a day ahead of this server's clock; check the clock of the sender";
/// The reason of items that are left out because there are as many series as the server takes.
pub(crate) const SERIES_LIMIT: &str = "the series is new and the server has as many as it takes (max_series); drop labels that differ with each request or user, or raise max_series";
const TOO_MANY: &str = "a request may have 4194304 samples, histograms or exemplars; send smaller batches";

/// Samples and histograms of one request. A sample may have nine bytes where its row has fifty, so that the size of a
/// body alone would not bound its rows.
const MAX_ITEMS: u64 = 4 << 20;

/// A float sample: `Sample` of either version.
pub(super) struct Sample {
    value: f64,
    time: i64,
    /// 0 when unknown.
    start_time: i64,
}

impl Scratch {
    /// For a body of so many bytes.
    pub(super) fn of_body(size: usize) -> Self {
        Scratch { texts: Texts::of_body(size), ..Scratch::default() }
    }
}

impl Sample {
    pub(super) fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut it = Sample { value: 0.0, time: 0, start_time: 0 };
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                1 => it.value = double(raw).within("value")?,
                2 => it.time = varint(raw).within("timestamp")? as i64,
                3 => it.start_time = varint(raw).within("start_timestamp")? as i64,
                _ => {}
            }
        }
        Ok(it)
    }
}

/// Memory that one series after another uses, and what they have used of the limits of a request.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) texts: Texts,
    identity: Identity,
    histogram: NativeHistogram,
    distribution: Vec<u8>,
    /// Of all histograms of the request: see [`NativeHistogram::distribution`].
    empty_buckets: usize,
}

/// Where the items of a series go.
pub(super) struct SeriesRows<'s> {
    pub(super) decoded: &'s mut Decoded,
    pub(super) scratch: &'s mut Scratch,
    pub(super) context: Context,
    /// In milliseconds, of samples that have no start time of their own; 0 when unknown.
    pub(super) start_time: i64,
    /// The series of these labels, or why all of it is rejected.
    pub(super) series: Result<Series<'s>, &'static str>,
    pub(super) metric_type: MetricType,
    /// Bytes of labels and description, which [`Scratch::texts`] counts once.
    pub(super) n_bytes: usize,
    /// The kind of the native histograms that come with it, if any do.
    pub(super) histograms: Option<MetricKind>,
    /// `job`, or that there is none, also when the labels are not proper.
    pub(super) service: &'s str,
    /// The id of the series of numbers, and of those of the two kinds of histograms.
    pub(super) ids: [Option<SeriesId>; 3],
    /// The place of the series in the body.
    pub(super) index: usize,
}

impl SeriesRows<'_> {
    pub(super) fn sample(&mut self, number: usize, sample: &Sample) {
        let time = self.count_item().and_then(|()| self.time(sample.time));
        match time.and_then(|time| Ok((self.admit(self.number_kind(), time)?, time))) {
            Err(reason) => self.reject(reason, "samples", number),
            Ok((series, time)) => {
                let start_time = self.start_time(sample.start_time);
                let (flags, value) = match sample.value.to_bits() == STALE.to_bits() {
                    true => (NO_RECORDED_VALUE, PointValue::None),
                    false => (0, PointValue::Double(sample.value)),
                };
                self.decoded.rows.metrics.push(&Point { series, time, start_time, flags, value });
                self.decoded.written.samples += 1;
            }
        }
    }

    /// Reads and pushes the histogram in `message`.
    pub(super) fn histogram(&mut self, number: usize, message: &[u8]) -> Result<(), Malformed> {
        let counted = self.count_item();
        self.scratch.histogram.read(message)?;
        let NativeHistogram { time, start_time, sum, .. } = self.scratch.histogram;
        let is_stale = sum.to_bits() == STALE.to_bits();
        // Buckets last: what is rejected for another reason costs no more than its bytes.
        let time = counted.and_then(|()| self.time(time));
        let kind = time.and_then(|_| {
            let Scratch { histogram, distribution, empty_buckets, .. } = &mut *self.scratch;
            if is_stale { Ok(histogram.kind()) } else { histogram.distribution(distribution, empty_buckets) }
        });
        match kind.and_then(|kind| Ok((self.admit(kind, time?)?, time?))) {
            Err(reason) => self.reject(reason, "histograms", number),
            Ok((series, time)) => {
                let start_time = self.start_time(start_time);
                let (flags, value) = match is_stale {
                    true => (NO_RECORDED_VALUE, PointValue::None),
                    false => (0, PointValue::Distribution(&self.scratch.distribution)),
                };
                self.decoded.rows.metrics.push(&Point { series, time, start_time, flags, value });
                self.decoded.written.histograms += 1;
                if !is_stale && !self.scratch.histogram.counts_agree() {
                    let index = self.index;
                    self.decoded.report.warn(COUNT, || format!("timeseries[{index}].histograms[{number}]"));
                }
            }
        }
        Ok(())
    }

    /// Pushes an exemplar, which is no item: what is lost of them is counted apart.
    pub(super) fn exemplar(&mut self, number: usize, exemplar: &Exemplar<'_>) {
        let few = self.decoded.written.exemplars < MAX_ITEMS;
        let admitted = if few { exemplar.problem.map_or(Ok(()), Err) } else { Err(TOO_MANY) };
        let time = admitted.and_then(|()| self.time(exemplar.time));
        let admitted = time.and_then(|time| {
            self.scratch.texts.take(exemplar.n_bytes)?;
            Ok((self.admit(self.exemplar_kind(), time)?, time))
        });
        match admitted {
            Ok((series, time)) => {
                exemplar.push_row(series, time, self.decoded);
                self.decoded.written.exemplars += 1;
            }
            Err(reason) => {
                self.decoded.written.lost_exemplars += 1;
                let index = self.index;
                let place = || format!("timeseries[{index}].exemplars[{number}]");
                self.decoded.report.warn(format!("an exemplar was left out: {reason}"), place);
            }
        }
    }

    /// The items that the request has had so far, and those of them that were accepted.
    pub(super) fn counted(&self) -> (u64, u64) {
        let written = &self.decoded.written;
        (self.decoded.n_items, written.samples + written.histograms)
    }

    /// Counts what came since `before` for the service of this series, of which the message has so many bytes.
    pub(super) fn count_service(&mut self, before: (u64, u64), n_bytes: usize) {
        let (n_items, accepted) = self.counted();
        let accepted = accepted - before.1;
        let counts = Counted { accepted, rejected: n_items - before.0 - accepted, bytes: n_bytes as u64 };
        self.decoded.count_series(self.service, self.series.map_or("", |series| series.name), counts);
    }

    /// Of the series' numbers.
    fn number_kind(&self) -> MetricKind {
        let counts = self.series.is_ok_and(|it| self.metric_type.counts(it.name));
        if counts { MetricKind::Sum } else { MetricKind::Gauge }
    }

    /// Of the series that an exemplar belongs to: of the histograms beside it, or else of numbers. Prometheus sends exemplars
    /// apart; in 2.0 the type says what a series is that has the name of a histogram and not that of one of its parts.
    fn exemplar_kind(&self) -> MetricKind {
        let is_histogram = matches!(self.metric_type, MetricType::Histogram | MetricType::GaugeHistogram)
            && self.series.is_ok_and(|it| self.metric_type.family(it.name) == it.name);
        let by_type = if is_histogram { MetricKind::ExponentialHistogram } else { self.number_kind() };
        self.histograms.unwrap_or(by_type)
    }

    fn reject(&mut self, reason: &'static str, field: &'static str, number: usize) {
        let index = self.index;
        self.decoded.report.reject(reason, 1, || format!("timeseries[{index}].{field}[{number}]"));
    }

    fn count_item(&mut self) -> Result<(), &'static str> {
        self.decoded.n_items += 1;
        if self.decoded.n_items > MAX_ITEMS { Err(TOO_MANY) } else { Ok(()) }
    }

    /// The time of an item in nanoseconds, or why the item is rejected for it or for the labels of the series.
    fn time(&self, millis: i64) -> Result<Nanos, &'static str> {
        self.series?;
        let time = nanos(millis).ok_or(TIME)?;
        self.context.check_age(time, UNIT, TOO_OLD)?;
        if time > self.context.newest_accepted() {
            return Err(AHEAD);
        }
        Ok(time)
    }

    /// The id of the series of `kind`, for a point or exemplar at `time`, or why there is none.
    fn admit(&mut self, kind: MetricKind, time: Nanos) -> Result<SeriesId, &'static str> {
        let series = self.series?;
        let place = match kind {
            MetricKind::Histogram => 1,
            MetricKind::ExponentialHistogram => 2,
            _ => 0,
        };
        let series = match kind {
            MetricKind::Gauge => series,
            kind => Series { kind, temporality: Temporality::Cumulative, monotonic: kind == MetricKind::Sum, ..series },
        };
        let id = match self.ids[place] {
            Some(id) => id,
            None => {
                if self.ids != [None; 3] {
                    // Each kind is a series, with all of the labels.
                    self.scratch.texts.take(self.n_bytes)?;
                }
                let identity = &mut self.scratch.identity;
                identity.set(&series);
                *self.ids[place].insert(identity.id(series.attr_bytes))
            }
        };
        if !self.decoded.rows.metrics.admit(id, &series, time) {
            return Err(SERIES_LIMIT);
        }
        self.decoded.has_time = true;
        Ok(id)
    }

    fn start_time(&self, own: i64) -> Nanos {
        nanos(if own == 0 { self.start_time } else { own }).unwrap_or(0)
    }
}

/// Nanoseconds of a time in milliseconds; `None` when it is not between 1970 and 2262.
fn nanos(millis: i64) -> Option<Nanos> {
    millis.checked_mul(MILLISECOND).filter(|time| *time > 0)
}

/// Feeds the values of a repeated `uint32`, packed or not.
pub(super) fn each_varint(raw: Raw<'_>, mut each: impl FnMut(u64)) -> Result<(), Malformed> {
    match raw {
        Raw::Varint(value) => each(value),
        Raw::Bytes(packed) => {
            let mut packed = Reader::new(packed);
            while !packed.rest().is_empty() {
                each(packed.varint().map_err(|error: WireError| Malformed::from(error))?);
            }
        }
        other => drop(varint(other)?),
    }
    Ok(())
}
