//! `Exemplar` messages of a data point.

use model::wire::Reader;
use model::{Attrs, Exemplar, Nanos, SeriesId, SpanId, TraceId};

use crate::otlp::anyvalue::check_key_value;
use crate::otlp::ids;
use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{bytes, double, fixed64};
use crate::otlp::{Context, Decoded};

const AHEAD: &str = "an exemplar is more than a day ahead of this server's clock and was left out";
const NO_VALUE: &str = "an exemplar has neither as_double nor as_int and was left out";

/// The fields of one exemplar.
pub(super) struct Fields<'a> {
    message: &'a [u8],
    time: u64,
    value: Option<f64>,
    trace_id: &'a [u8],
    span_id: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut it = Fields { message, time: 0, value: None, trace_id: &[], span_id: &[] };
        let mut n_attributes = 0;
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                2 => it.time = fixed64(raw).within("time_unix_nano")?,
                3 => it.value = Some(double(raw).within("as_double")?),
                4 => it.span_id = bytes(raw).within("span_id")?,
                5 => it.trace_id = bytes(raw).within("trace_id")?,
                6 => it.value = Some(fixed64(raw).within("as_int")? as i64 as f64),
                7 => {
                    bytes(raw).and_then(check_key_value).within_item("filtered_attributes", n_attributes)?;
                    n_attributes += 1;
                }
                _ => {}
            }
        }
        Ok(it)
    }

    /// Adds the exemplar to the rows of its point, which was accepted. One without a time has the point's. One older
    /// than the retention is left out silently: cumulative points carry the same exemplar for as long as no newer one
    /// comes, and an exemplar is not an item that the protocol counts.
    pub(super) fn push(
        &self,
        series: SeriesId,
        point_time: Nanos,
        context: Context,
        decoded: &mut Decoded,
        place: impl Fn() -> String,
    ) {
        let Some(value) = self.value else { return decoded.report.warn(NO_VALUE, place) };
        let time = Nanos::try_from(self.time).ok().filter(|time| *time != 0).unwrap_or(point_time);
        if time < context.oldest_accepted {
            return;
        }
        if time > context.newest_accepted() {
            return decoded.report.warn(AHEAD, place);
        }
        ids::OF_EXEMPLAR.check(self.trace_id, self.span_id, &mut decoded.report, place);
        let mut attr_bytes = Vec::new();
        Attrs::in_field(self.message, 7).copy_to(&mut attr_bytes);
        decoded.rows.exemplars.push(&Exemplar {
            series,
            time,
            value,
            trace_id: TraceId::from_bytes(self.trace_id),
            span_id: SpanId::from_bytes(self.span_id),
            attrs: Attrs::new(&attr_bytes),
            attr_bytes: &attr_bytes,
        });
    }
}
