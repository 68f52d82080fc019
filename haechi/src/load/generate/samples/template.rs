//! The hundred gauges and sums of an export as bytes, with the places where times and values go. All resources send the
//! same metrics, so there is one template, which is copied and filled in.

use model::Nanos;
use model::wire::{put_bytes_field, put_fixed64_field, put_varint_field};

use super::super::encode::put_text;
use super::catalog::{Data, METRICS, Metric};
use super::curves::{Curve, Number};

/// The fields `metrics` of a `ScopeMetrics`, and their points in order.
pub(super) struct Template {
    pub(super) bytes: Vec<u8>,
    pub(super) points: Vec<Place>,
}

/// Where a point's values are in the bytes, and what they are.
pub(super) struct Place {
    pub(super) curve: Curve,
    start_time: Option<usize>,
    time: usize,
    value: usize,
}

impl Template {
    pub(super) fn new() -> Self {
        let mut template = Template { bytes: Vec::new(), points: Vec::new() };
        METRICS.iter().for_each(|metric| template.push(metric));
        template
    }

    fn push(&mut self, metric: &Metric) {
        let is_sum = metric.data == Data::Sum;
        let is_double = matches!(metric.curve, Curve::Cents | Curve::Decimal { .. } | Curve::Noise);
        let (mut data, mut places) = (Vec::new(), Vec::new());
        for attributes in metric.series() {
            let mut point = Vec::new();
            if is_sum {
                put_fixed64_field(&mut point, 2, 0);
            }
            put_fixed64_field(&mut point, 3, 0);
            put_fixed64_field(&mut point, if is_double { 4 } else { 6 }, 0);
            attributes.iter().for_each(|(key, value)| put_text(&mut point, 7, key, value));
            put_bytes_field(&mut data, 1, &point);
            places.push(data.len() - point.len());
        }
        if is_sum {
            // Cumulative and monotonic.
            put_varint_field(&mut data, 2, 2);
            put_varint_field(&mut data, 3, 1);
        }
        let mut message = Vec::new();
        put_bytes_field(&mut message, 1, metric.name.as_bytes());
        put_bytes_field(&mut message, 3, metric.unit.as_bytes());
        put_bytes_field(&mut message, if is_sum { 7 } else { 5 }, &data);
        put_bytes_field(&mut self.bytes, 2, &message);
        let start_of_data = self.bytes.len() - data.len();
        for place in places {
            // A point begins with its start time if it has one, time and value, each a tag of one byte and eight bytes.
            let first = start_of_data + place + 1;
            let start_time = is_sum.then_some(first);
            let time = if is_sum { first + 9 } else { first };
            self.points.push(Place { curve: metric.curve, start_time, time, value: time + 9 });
        }
    }

    /// Appends the template with the values that `value` gives for each point.
    pub(super) fn fill(
        &self,
        out: &mut Vec<u8>,
        time: Nanos,
        start_time: Nanos,
        mut value: impl FnMut(usize, Curve) -> Number,
    ) {
        let at = out.len();
        out.extend_from_slice(&self.bytes);
        let message = &mut out[at..];
        let mut set = |place: usize, bytes: [u8; 8]| message[place..place + 8].copy_from_slice(&bytes);
        for (index, point) in self.points.iter().enumerate() {
            if let Some(place) = point.start_time {
                set(place, start_time.to_le_bytes());
            }
            set(point.time, time.to_le_bytes());
            match value(index, point.curve) {
                Number::Int(int) => set(point.value, int.to_le_bytes()),
                Number::Double(double) => set(point.value, double.to_le_bytes()),
            }
        }
    }
}
