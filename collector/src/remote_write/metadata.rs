//! The descriptions of metrics that 1.0 sends apart from their samples.
//!
//! Each becomes a series of its own, marked as a description, with a point without a value at the time of arrival: so it is
//! stored, found and dropped with the metric's samples.

use hashbrown::HashSet;
use model::metric::{Identity, NO_RECORDED_VALUE};
use model::prometheus::{Mark, MetricType};
use model::wire::Reader;
use model::{Attrs, MetricKind, Point, PointValue, Resource, Scope, Series, SeriesId, Temporality};

use super::labels::MAX_VALUE;
use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{bytes, varint};
use crate::otlp::{Context, Decoded};

const LARGE: &str = "metadata with a name, help or unit of more than 32768 bytes was left out";
const UTF8: &str = "metadata that is not valid UTF-8 was left out";
const NO_NAME: &str = "metadata without a metric_family_name was left out";
const NO_ROOM: &str =
    "metadata of a new metric was left out, since the server has as many series as it takes (max_series)";
const TOO_MANY: &str = "metadata beyond 65536 of a request was left out; send smaller batches";

/// Messages of a request. One may have four bytes, and each is a series of its own.
const MAX_MESSAGES: usize = 64 << 10;

/// The descriptions of one request.
#[derive(Default)]
pub(super) struct Metadata {
    n_messages: usize,
    seen: HashSet<SeriesId>,
}

impl Metadata {
    /// Reads and pushes a `MetricMetadata` message, once where the request repeats it. What cannot be kept of them is no loss of
    /// data, and only warned about.
    pub(super) fn push(&mut self, message: &[u8], context: Context, decoded: &mut Decoded) -> Result<(), Malformed> {
        let index = self.n_messages;
        self.n_messages += 1;
        let place = || format!("metadata[{index}]");
        if index >= MAX_MESSAGES {
            decoded.report.warn(TOO_MANY, place);
            return Ok(());
        }
        let fields = Fields::read(message).within_item("metadata", index)?;
        let (name, help, unit) = match fields.texts() {
            Ok(texts) => texts,
            Err(reason) => {
                decoded.report.warn(reason, place);
                return Ok(());
            }
        };
        let mut scope = Vec::new();
        Mark { metric_type: fields.metric_type, is_metadata: true }.scope(&mut scope);
        let resource = Resource::default();
        let series = Series {
            name,
            unit,
            description: help,
            kind: MetricKind::Gauge,
            temporality: Temporality::Unspecified,
            monotonic: false,
            attrs: Attrs::default(),
            attr_bytes: &[],
            service: resource.service_name(),
            resource,
            scope: Scope::new(&scope),
        };
        let mut identity = Identity::default();
        identity.set(&series);
        let (id, time) = (identity.id(&[]), context.received_at);
        if !self.seen.insert(id) {
            return Ok(());
        }
        if !decoded.rows.metrics.admit(id, &series, time) {
            decoded.report.warn(NO_ROOM, place);
            return Ok(());
        }
        let point = Point { series: id, time, start_time: 0, flags: NO_RECORDED_VALUE, value: PointValue::None };
        decoded.rows.metrics.push(&point);
        Ok(())
    }
}

/// A `MetricMetadata` message.
struct Fields<'a> {
    metric_type: MetricType,
    name: &'a [u8],
    help: &'a [u8],
    unit: &'a [u8],
}

impl<'a> Fields<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut it = Fields { metric_type: MetricType::Unknown, name: &[], help: &[], unit: &[] };
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                1 => it.metric_type = MetricType::from_number(varint(raw).within("type")?),
                2 => it.name = bytes(raw).within("metric_family_name")?,
                4 => it.help = bytes(raw).within("help")?,
                5 => it.unit = bytes(raw).within("unit")?,
                _ => {}
            }
        }
        Ok(it)
    }

    /// Name, help and unit, or why the message is left out.
    fn texts(&self) -> Result<(&'a str, &'a str, &'a str), &'static str> {
        let Fields { name, help, unit, .. } = *self;
        if name.is_empty() {
            return Err(NO_NAME);
        }
        if name.len().max(help.len()).max(unit.len()) > MAX_VALUE {
            return Err(LARGE);
        }
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| UTF8);
        Ok((text(name)?, text(help)?, text(unit)?))
    }
}
