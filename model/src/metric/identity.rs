//! The ids of series. What the series of a metric share is gathered once, since a request has many of them.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::{Series, SeriesId};

/// Bits of a series' id that bring the series of a metric, and of a resource within it, together. That others may come
/// to the same bits does no harm: the rest tells them apart.
const PLACE_BITS: u32 = 24;
const REST_BITS: u32 = 128 - 2 * PLACE_BITS;

/// Makes the ids of series that differ in their attributes alone. Keeps its memory from metric to metric.
#[derive(Default)]
pub struct Identity {
    /// What is hashed: up to `shared` bytes of all series of the metric, then the attributes of one.
    hashed: Vec<u8>,
    shared: usize,
    /// The leading bits of the ids, in their place.
    place: u128,
}

impl Identity {
    pub(super) fn of(series: &Series<'_>) -> Self {
        let mut identity = Identity::default();
        identity.set(series);
        identity
    }

    /// Takes from `series` all that counts but its attributes.
    pub fn set(&mut self, series: &Series<'_>) {
        let (name, resource) = (series.name.as_bytes(), series.resource.as_bytes());
        let parts = [name, series.unit.as_bytes(), resource, series.scope.as_bytes()];
        let kind = [series.kind as u8, series.temporality as u8, u8::from(series.monotonic)];
        if self.is(parts, kind) {
            return;
        }
        self.hashed.clear();
        for part in parts {
            self.hashed.extend_from_slice(&(part.len() as u64).to_le_bytes());
            self.hashed.extend_from_slice(part);
        }
        self.hashed.extend(kind);
        self.shared = self.hashed.len();
        let place = |bytes: &[u8]| u128::from(xxh3_64(bytes) >> (64 - PLACE_BITS));
        self.place = place(name) << (128 - PLACE_BITS) | place(resource) << REST_BITS;
    }

    /// Whether this is what was set last. Comparing is cheaper than hashing, and some send a metric for each point.
    fn is(&self, parts: [&[u8]; 4], kind: [u8; 3]) -> bool {
        let mut rest = &self.hashed[..self.shared];
        for part in parts {
            let Some((length, after)) = rest.split_first_chunk::<8>() else { return false };
            if u64::from_le_bytes(*length) != part.len() as u64 || !after.starts_with(part) {
                return false;
            }
            rest = &after[part.len()..];
        }
        rest == kind
    }

    /// [`Series::id`] of the series with these attributes, sorted as [`super::canonical`] leaves them.
    pub fn id(&mut self, attr_bytes: &[u8]) -> SeriesId {
        SeriesId(self.place | self.id_of_format_1(attr_bytes).0 & ((1 << REST_BITS) - 1))
    }

    pub(super) fn id_of_format_1(&mut self, attr_bytes: &[u8]) -> SeriesId {
        self.hashed.truncate(self.shared);
        self.hashed.extend_from_slice(attr_bytes);
        SeriesId(xxh3_128(&self.hashed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attrs, MetricKind, Resource, Scope, Temporality};

    /// Ids are on disk: these must never change.
    #[test]
    fn ids_are_what_they_were() {
        let (long, longer) = ([b'r'; 200], [b'a'; 300]);
        let series = Series {
            name: "http.server.duration",
            unit: "s",
            description: "",
            kind: MetricKind::Sum,
            temporality: Temporality::Cumulative,
            monotonic: true,
            attrs: Attrs::default(),
            attr_bytes: b"",
            service: "",
            resource: Resource::new(b"resource"),
            scope: Scope::new(b"scope"),
        };
        let expected: [(&[u8], &[u8], u128); 4] = [
            (b"resource", b"", 0xdaca_4a1f_58ce_9b4f_e367_c8a2_68e6_41ae),
            (b"resource", b"attributes", 0xdaca_4a1f_58ce_0863_b214_2017_4462_ffde),
            (&long, b"attributes", 0xdaca_4a3e_354f_405f_bdd2_a1f7_0cc5_41d7),
            (&long, &longer, 0xdaca_4a3e_354f_dcd4_1374_fedb_8342_08f2),
        ];
        let mut identity = Identity::default();
        for (resource, attr_bytes, id) in expected {
            let series = Series { resource: Resource::new(resource), attr_bytes, ..series };
            identity.set(&series);
            assert_eq!(identity.id(attr_bytes), series.id());
            assert_eq!(series.id(), SeriesId(id), "{:?}", series.id());
        }
        let resource = Resource::new(&long);
        for series in [
            series,
            Series { resource, ..series },
            Series { resource, unit: "", ..series },
            Series { resource, unit: "", monotonic: false, ..series },
            Series { resource, unit: "", monotonic: false, name: "http.server.duratio", ..series },
            Series { resource: Resource::new(&[]), unit: "", monotonic: false, ..series },
        ] {
            for _ in 0..2 {
                identity.set(&series);
                assert_eq!(identity.id(b"attributes"), Series { attr_bytes: b"attributes", ..series }.id());
            }
        }
    }
}
