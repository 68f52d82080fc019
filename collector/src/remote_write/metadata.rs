//! The descriptions of metrics that 1.0 sends apart from their samples.
//!
//! Each becomes a series of its own, marked as a description, with a point without a value at the time of arrival: so it is
//! stored, found and dropped with the metric's samples.

use model::metric::{Identity, NO_RECORDED_VALUE};
use model::prometheus::{Mark, MetricType};
use model::wire::Reader;
use model::{Attrs, MetricKind, Point, PointValue, Resource, Scope, Series, Temporality};

use super::labels::MAX_VALUE;
use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{text, varint};
use crate::otlp::{Context, Decoded};

const LARGE: &str = "metadata with a name, help or unit of more than 32768 bytes was left out";
const NO_NAME: &str = "metadata without a metric_family_name was left out";
const NO_ROOM: &str =
    "metadata of a new metric was left out, since the server has as many series as it takes (max_series)";

/// Reads and pushes a `MetricMetadata` message. What cannot be kept of them is no loss of data, and only warned about.
pub(super) fn push(message: &[u8], index: usize, context: Context, decoded: &mut Decoded) -> Result<(), Malformed> {
    let (mut metric_type, mut name, mut help, mut unit) = (MetricType::Unknown, "", "", "");
    let mut reader = Reader::new(message);
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => metric_type = MetricType::from_number(varint(raw).within("type")?),
            2 => name = text(raw).within("metric_family_name")?,
            4 => help = text(raw).within("help")?,
            5 => unit = text(raw).within("unit")?,
            _ => {}
        }
    }
    let place = || format!("metadata[{index}]");
    if name.is_empty() {
        decoded.report.warn(NO_NAME, place);
        return Ok(());
    }
    if name.len().max(help.len()).max(unit.len()) > MAX_VALUE {
        decoded.report.warn(LARGE, place);
        return Ok(());
    }
    let mut scope = Vec::new();
    Mark { metric_type, is_metadata: true }.scope(&mut scope);
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
    if !decoded.rows.metrics.admit(id, &series, time) {
        decoded.report.warn(NO_ROOM, place);
        return Ok(());
    }
    let point = Point { series: id, time, start_time: 0, flags: NO_RECORDED_VALUE, value: PointValue::None };
    decoded.rows.metrics.push(&point);
    Ok(())
}
