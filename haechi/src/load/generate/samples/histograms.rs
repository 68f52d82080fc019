//! Histograms of latencies, explicit and exponential, with exemplars that name traces.

use model::Nanos;
use model::wire::{put_bytes_field, put_fixed64_field, put_varint, put_varint_field};

use super::super::dice::{Stream, mix};
use super::super::encode::{field_len, put_header, put_text};
use super::super::ids::Ids;
use super::curves::Curves;

/// Seconds; those that the semantic conventions advise for HTTP.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// For each bucket a rate of `curves`, and the seconds that a request in it takes.
const BUCKETS: [(u64, f64); 15] = [
    (1, 0.003),
    (2, 0.008),
    (4, 0.018),
    (5, 0.037),
    (5, 0.062),
    (5, 0.087),
    (4, 0.16),
    (3, 0.35),
    (2, 0.6),
    (2, 0.85),
    (1, 1.6),
    (0, 3.5),
    (0, 6.0),
    (0, 8.5),
    (0, 12.0),
];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const ROUTES: [&str; 4] = ["/api/products/{id}", "/api/search", "/api/cart", "/api/checkout"];

/// The most histograms of a resource: a method and a route each.
pub(in crate::load) const MAX_HISTOGRAMS: u64 = (METHODS.len() * ROUTES.len()) as u64;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u64 = 2;

/// What the histograms of one export have in common.
pub(super) struct Export {
    pub(super) time: Nanos,
    pub(super) start_time: Nanos,
    pub(super) tick: u64,
    /// The tick at which counts were zero.
    pub(super) born: u64,
    /// For exemplars: the trace to name.
    pub(super) example: Option<(Ids, u64)>,
}

/// Memory that is used again.
#[derive(Default)]
pub(super) struct Scratch {
    point: Vec<u8>,
    data: Vec<u8>,
    packed: Vec<u8>,
}

/// Whether histogram `index` is an exponential one.
fn is_exponential(index: u64) -> bool {
    index % 4 == 3
}

/// Appends `count` histograms, whose random numbers `key` gives, as fields `metrics` of a `ScopeMetrics`.
pub(super) fn put(
    out: &mut Vec<u8>,
    curves: &Curves,
    export: &Export,
    count: u64,
    key: impl Fn(u64) -> u64,
    scratch: &mut Scratch,
) {
    let kinds = [(false, "http.server.request.duration", 9), (true, "http.client.request.duration", 10)];
    for (exponential, name, field) in kinds {
        scratch.data.clear();
        for index in (0..count).filter(|index| is_exponential(*index) == exponential) {
            put_point(curves, export, index, key(index), scratch);
        }
        let Scratch { point: message, data, .. } = scratch;
        if data.is_empty() {
            continue;
        }
        put_varint_field(data, 2, CUMULATIVE);
        message.clear();
        put_bytes_field(message, 1, name.as_bytes());
        put_bytes_field(message, 3, b"s");
        put_bytes_field(message, field, data);
        put_bytes_field(out, 2, message);
    }
}

/// Appends a `HistogramDataPoint` or an `ExponentialHistogramDataPoint` to the data.
fn put_point(curves: &Curves, export: &Export, index: u64, key: u64, scratch: &mut Scratch) {
    let Scratch { point, data, packed } = scratch;
    let exponential = is_exponential(index);
    let mut counts = [0; BUCKETS.len()];
    let (mut total, mut sum) = (0, 0.0);
    for ((rate, seconds), (slot, at)) in BUCKETS.iter().zip(counts.iter_mut().zip(0..)) {
        // Each bucket reads the tables at places of its own.
        let count = curves.count(*rate, mix(key.wrapping_add(at)), export.tick, export.born);
        *slot = count as u64;
        total += count as u64;
        sum += count as f64 * seconds;
    }
    let put_attributes = |point: &mut Vec<u8>, field| {
        put_text(point, field, "http.request.method", METHODS[(index / 4) as usize % METHODS.len()]);
        put_text(point, field, "http.route", ROUTES[(index % 4) as usize]);
    };
    point.clear();
    if exponential {
        put_attributes(point, 1);
    }
    put_fixed64_field(point, 2, export.start_time as u64);
    put_fixed64_field(point, 3, export.time as u64);
    if total > 0 {
        put_fixed64_field(point, 4, total);
    }
    put_fixed64_field(point, 5, f64::to_bits(sum));
    packed.clear();
    if exponential {
        counts.iter().for_each(|count| put_varint(packed, *count));
        // Scale 0, the default: a bucket for each power of two, (2^-9, 2^-8] to (2^5, 2^6] seconds. zigzag(-9) is 17.
        put_header(point, 8, 2 + field_len(packed.len()));
        put_varint_field(point, 1, 17);
        put_bytes_field(point, 2, packed);
    } else {
        counts.iter().for_each(|count| packed.extend_from_slice(&count.to_le_bytes()));
        put_bytes_field(point, 6, packed);
        packed.clear();
        BOUNDS.iter().for_each(|bound| packed.extend_from_slice(&bound.to_le_bytes()));
        put_bytes_field(point, 7, packed);
    }
    if let Some((ids, trace)) = export.example {
        // Measured within the ten seconds before the export.
        let mut dice = Stream::new(key, "exemplar").dice(export.tick);
        let (_, seconds) = dice.pick(&BUCKETS);
        put_header(point, if exponential { 11 } else { 8 }, 9 + 9 + 10 + 18);
        put_fixed64_field(point, 2, export.time as u64 - dice.below(10_000_000_000));
        put_fixed64_field(point, 3, seconds.to_bits());
        put_bytes_field(point, 4, &ids.span(trace, 0));
        put_bytes_field(point, 5, &ids.trace(trace));
    }
    if !exponential {
        put_attributes(point, 9);
    }
    put_bytes_field(data, 1, point);
}
