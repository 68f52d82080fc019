//! `ExportMetricsServiceRequest` to series, points and exemplars.

use std::borrow::Cow;

use model::metric::{Identity, NO_RECORDED_VALUE};
use model::wire::Reader;
use model::{Attrs, MetricKind, Nanos, Point, PointValue, Series, Temporality};

use super::anyvalue::check_key_value;
use super::groups::{Names, Owner, Place, walk};
use super::limited::{MAX_ITEMS, TOO_MANY};
use super::malformed::{Malformed, Within};
use super::wire::{bytes, text, varint};
use super::{Context, Decoded};

mod attributes;
mod exemplar;
mod point;

use attributes::{AttributeCache, Canonical};
use point::PointReader;

const NAMES: Names = Names { resources: "resource_metrics", scopes: "scope_metrics", items: "metrics" };

/// Bytes of a large point in a request, so that no more room is made than is needed.
const USUAL_POINT: usize = 256;

const NO_NAME: &str = "the metric has no name";
const TEMPORALITY: &str = "aggregation_temporality must be 1 (delta) or 2 (cumulative)";
const NO_TIME: &str = "time_unix_nano is 0; it is required, in nanoseconds since 1970";
const TIME: &str = "time_unix_nano or start_time_unix_nano is after the year 2262";
const TOO_OLD: &str = "time_unix_nano is older than the retention of this server";
const UNIT: &str = "time_unix_nano is before the year 2000, older than the retention of this server; it must be in nanoseconds since 1970";
const AHEAD: &str = "time_unix_nano is more than a day ahead of this server's clock; check the clock of the sender";
/// The reason of points that are left out because there are as many series as the server takes.
pub(crate) const SERIES_LIMIT: &str = "the series is new and the server has as many as it takes (max_series); leave out attributes that differ with each request or user, or raise max_series";

const NO_DATA: &str = "the metric has no gauge, sum, histogram, exponential_histogram or summary, so nothing to store";

// A series is in memory for as long as it has points, with all that describes it.
const MAX_TEXTS: usize = 4 << 10;
const LONG_TEXTS: &str = "the name, unit and description of the metric take more than 4 KiB";
const MAX_OWNER: usize = 64 << 10;
const LARGE_OWNER: &str = "the resource takes more than 64 KiB, or the scope does";
const LARGE_ATTRIBUTES: &str = "the attributes of the data point take more than 64 KiB";

pub(super) fn decode(body: &[u8], context: Context, decoded: &mut Decoded) -> Result<(), Malformed> {
    decoded.rows.metrics.reserve(body.len() / USUAL_POINT);
    let mut scratch = Scratch::default();
    walk(body, &NAMES, decoded, |decoded, owner, place, message| {
        let metric = Metric::read(message)?;
        let Some(data) = &metric.data else {
            decoded.report.warn(NO_DATA, || place.path());
            return Ok(());
        };
        decoded.gathered.metric(metric.name);
        MetricRows { metric: &metric, kind: data.kind, owner, place, context }
            .push(data, decoded, &mut scratch)
            .within(data.kind.name())
    })
}

/// Memory that one metric after another uses.
#[derive(Default)]
struct Scratch {
    points: PointReader,
    attributes: AttributeCache,
    identity: Identity,
}

/// The fields of a `Metric` message.
#[derive(Default)]
struct Metric<'a> {
    name: &'a str,
    description: &'a str,
    unit: &'a str,
    data: Option<Data<'a>>,
}

/// The member of the `data` oneof: `Gauge`, `Sum`, `Histogram`, `ExponentialHistogram` or `Summary`.
struct Data<'a> {
    kind: MetricKind,
    message: Cow<'a, [u8]>,
}

impl<'a> Metric<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut it = Metric::default();
        let mut n_metadata = 0;
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            let kind = match number {
                1 => {
                    it.name = text(raw).within("name")?;
                    continue;
                }
                2 => {
                    it.description = text(raw).within("description")?;
                    continue;
                }
                3 => {
                    it.unit = text(raw).within("unit")?;
                    continue;
                }
                12 => {
                    bytes(raw).and_then(check_key_value).within_item("metadata", n_metadata)?;
                    n_metadata += 1;
                    continue;
                }
                5 => MetricKind::Gauge,
                7 => MetricKind::Sum,
                9 => MetricKind::Histogram,
                10 => MetricKind::ExponentialHistogram,
                11 => MetricKind::Summary,
                _ => continue,
            };
            let message = bytes(raw).within(kind.name())?;
            match &mut it.data {
                // A message field given twice is the two merged: one after the other.
                Some(data) if data.kind == kind => data.message.to_mut().extend_from_slice(message),
                data => *data = Some(Data { kind, message: Cow::Borrowed(message) }),
            }
        }
        Ok(it)
    }
}

/// What the points of one metric have in common.
struct MetricRows<'a> {
    metric: &'a Metric<'a>,
    kind: MetricKind,
    owner: &'a Owner<'a>,
    place: Place,
    context: Context,
}

impl MetricRows<'_> {
    fn push(&self, data: &Data<'_>, decoded: &mut Decoded, scratch: &mut Scratch) -> Result<(), Malformed> {
        let Scratch { points, attributes, identity } = scratch;
        let (temporality, monotonic) = self.aggregation(&data.message)?;
        let refused = if self.metric.name.is_empty() {
            Some(NO_NAME)
        } else if temporality == Temporality::Unspecified && has_temporality(self.kind) {
            Some(TEMPORALITY)
        } else if self.metric.name.len() + self.metric.unit.len() + self.metric.description.len() > MAX_TEXTS {
            Some(LONG_TEXTS)
        } else if self.owner.resource.as_bytes().len().max(self.owner.scope.as_bytes().len()) > MAX_OWNER {
            Some(LARGE_OWNER)
        } else {
            None
        };
        let metric = Series {
            name: self.metric.name,
            unit: self.metric.unit,
            description: self.metric.description,
            kind: self.kind,
            temporality,
            monotonic,
            attrs: Attrs::default(),
            attr_bytes: &[],
            service: self.owner.service,
            resource: self.owner.resource,
            scope: self.owner.scope,
        };
        identity.set(&metric);
        let mut index = 0;
        let mut reader = Reader::new(&data.message);
        while let Some((number, raw)) = reader.next_field()? {
            if number != 1 {
                continue;
            }
            let place = || format!("{}.{}.data_points[{index}]", self.place.path(), self.kind.name());
            let fields = bytes(raw).and_then(|it| points.read(self.kind, it)).within_item("data_points", index)?;
            let Canonical { bytes: attr_bytes, is_overflow } =
                attributes.canonical(points.attributes()).within_item("data_points", index)?;
            decoded.n_items += 1;
            let valid = match refused {
                _ if decoded.n_items > MAX_ITEMS => Err(TOO_MANY),
                Some(reason) => Err(reason),
                None if attr_bytes.len() > MAX_OWNER => Err(LARGE_ATTRIBUTES),
                None => {
                    self.times(fields.time, fields.start_time).and_then(|times| Ok((times, points.value(&fields)?)))
                }
            };
            match valid {
                Err(reason) => decoded.report.reject(reason, 1, place),
                Ok(((time, start_time), value)) => {
                    let id = identity.id(attr_bytes);
                    let series = Series { attrs: Attrs::new(attr_bytes), attr_bytes, ..metric };
                    if decoded.rows.metrics.admit(id, &series, time) {
                        let value = if fields.flags & NO_RECORDED_VALUE != 0 { PointValue::None } else { value };
                        let point = Point { series: id, time, start_time, flags: fields.flags, value };
                        decoded.rows.metrics.push(&point);
                        decoded.has_time = true;
                        if is_overflow {
                            decoded.gathered.overflow(self.metric.name);
                        }
                        for warning in points.warnings(&fields) {
                            decoded.report.warn(warning, place);
                        }
                        for exemplar in &fields.exemplars {
                            exemplar.push(id, time, self.context, decoded, place);
                        }
                    } else {
                        decoded.report.reject(SERIES_LIMIT, 1, place);
                    }
                }
            }
            index += 1;
        }
        Ok(())
    }
}

impl MetricRows<'_> {
    /// Temporality and monotonicity from the fields of the data message; defaults for kinds that have none.
    fn aggregation(&self, data: &[u8]) -> Result<(Temporality, bool), Malformed> {
        // A summary has no temporality of its own; its count and sum are cumulative (metrics data model, "Summary").
        let default = if self.kind == MetricKind::Summary { Temporality::Cumulative } else { Temporality::Unspecified };
        let (mut temporality, mut monotonic) = (default, false);
        if has_temporality(self.kind) {
            let mut reader = Reader::new(data);
            while let Some((number, raw)) = reader.next_field()? {
                match number {
                    2 => temporality = Temporality::from_number(varint(raw).within("aggregation_temporality")?),
                    3 if self.kind == MetricKind::Sum => monotonic = varint(raw).within("is_monotonic")? != 0,
                    _ => {}
                }
            }
        }
        Ok((temporality, monotonic))
    }

    /// Time and start time of a point, or why it is rejected.
    fn times(&self, time: u64, start_time: u64) -> Result<(Nanos, Nanos), &'static str> {
        let (Ok(time), Ok(start_time)) = (Nanos::try_from(time), Nanos::try_from(start_time)) else { return Err(TIME) };
        match time {
            0 => Err(NO_TIME),
            time if time > self.context.newest_accepted() => Err(AHEAD),
            time => self.context.check_age(time, UNIT, TOO_OLD).map(|()| (time, start_time)),
        }
    }
}

fn has_temporality(kind: MetricKind) -> bool {
    matches!(kind, MetricKind::Sum | MetricKind::Histogram | MetricKind::ExponentialHistogram)
}
