//! 64-bit FNV-1a, the hash by which Prometheus and Alertmanager name label sets.

use std::collections::BTreeMap;

/// Separates names and values in the hashed text; no UTF-8 text contains it.
const SEPARATOR: u8 = 0xff;

/// A running 64-bit FNV-1a hash (offset basis and prime from the FNV specification, draft-eastlake-fnv).
#[derive(Debug, Clone)]
pub struct Fnv(u64);

impl Fnv {
    /// The hash of nothing.
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Adds a text and the separator, so that `ab, c` and `a, bc` differ.
    pub fn field(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[SEPARATOR]);
    }

    /// The hash of all that was added.
    pub fn finish(&self) -> u64 {
        self.0
    }
}

impl Default for Fnv {
    fn default() -> Self {
        Self::new()
    }
}

/// The fingerprint of a label set as Alertmanager prints it, 16 hex digits.
///
/// Names in byte order, each name and value followed by the separator: `LabelSet.Fingerprint` of prometheus/common.
pub fn of_labels(labels: &BTreeMap<String, String>) -> String {
    let mut hash = Fnv::new();
    for (name, value) in labels {
        hash.field(name);
        hash.field(value);
    }
    format!("{:016x}", hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors are those of the FNV authors (fnv64a of "", "a", "foobar").
    #[test]
    fn hashes_the_published_vectors() {
        for (text, expected) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut hash = Fnv::new();
            hash.bytes(text.as_bytes());
            assert_eq!(hash.finish(), expected, "{text:?}");
        }
    }

    #[test]
    fn label_fingerprint_tells_names_from_values() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(of_labels(&labels(&[])), "cbf29ce484222325");
        assert_ne!(of_labels(&labels(&[("ab", "c")])), of_labels(&labels(&[("a", "bc")])));
        assert_eq!(of_labels(&labels(&[("a", "1"), ("b", "2")])), of_labels(&labels(&[("b", "2"), ("a", "1")])));
    }
}
