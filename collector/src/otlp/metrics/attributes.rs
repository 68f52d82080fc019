//! The attributes of data points, checked and in canonical form: what they are to a series.

use hashbrown::HashMap;
use model::metric::canonical;
use model::wire::{Raw, Reader};
use model::{Attrs, Value};

use crate::otlp::anyvalue::check_key_value;
use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{INT_VALUE, short_field};

/// On a point that stands for all series beyond a limit that the SDK has of its own, true.
const OVERFLOW: &str = "otel.metric.overflow";

/// The canonical form of the attributes of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Canonical<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) is_overflow: bool,
}

/// Canonical forms by the bytes as sent, with [`Canonical::is_overflow`]: a request repeats few attribute sets many times, once
/// for each metric.
#[derive(Default)]
pub(super) struct AttributeCache {
    canonical_of: HashMap<Vec<u8>, (Vec<u8>, bool)>,
}

impl AttributeCache {
    /// The canonical form of the `KeyValueList` `sent`, whose entries have not been checked.
    pub(super) fn canonical<'a>(&'a mut self, sent: &'a [u8]) -> Result<Canonical<'a>, Malformed> {
        if is_canonical(sent) {
            // It has no booleans.
            return Ok(Canonical { bytes: sent, is_overflow: false });
        }
        if !self.canonical_of.contains_key(sent) {
            check(sent)?;
            let mut out = Vec::with_capacity(sent.len());
            canonical(Attrs::new(sent), &mut out);
            let is_overflow = matches!(Attrs::new(&out).get(OVERFLOW), Some(Value::Bool(true)));
            self.canonical_of.insert(sent.to_vec(), (out, is_overflow));
        }
        let (bytes, is_overflow) = self.canonical_of.get(sent).map_or((&[][..], false), |(out, it)| (&out[..], *it));
        Ok(Canonical { bytes, is_overflow })
    }
}

fn check(sent: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(sent);
    let mut index = 0;
    while let Some((_, raw)) = reader.next_field()? {
        if let Raw::Bytes(entry) = raw {
            check_key_value(entry).within_item("attributes", index)?;
            index += 1;
        }
    }
    Ok(())
}

/// Whether `sent` is valid and canonical as it is, to be seen at a glance: texts and small numbers, each field once and in
/// order, lengths of one byte, keys that increase. So it comes from SDKs that sort their attributes. False says nothing.
fn is_canonical(sent: &[u8]) -> bool {
    let mut before: Option<&[u8]> = None;
    let mut left = sent;
    while !left.is_empty() {
        let Some((entry, rest)) = short_field(1, left) else { return false };
        let Some((key, entry)) = short_field(1, entry) else { return false };
        let Some((any, [])) = short_field(2, entry) else { return false };
        let plain = match any {
            [INT_VALUE, value] => *value < 0x80,
            _ => matches!(short_field(1, any), Some((_, []))),
        };
        if !plain || before.is_some_and(|before| before >= key) {
            return false;
        }
        before = Some(key);
        left = rest;
    }
    // What is between the texts is less than 128, and so a character of its own: all is UTF-8 if each text is.
    std::str::from_utf8(sent).is_ok()
}

#[cfg(test)]
mod tests {
    use model::AttrsBuf;
    use model::wire::put_bytes_field;

    use super::*;

    fn set(attributes: &[(&str, Value<'_>)]) -> Vec<u8> {
        let mut set = AttrsBuf::new();
        attributes.iter().for_each(|(key, value)| set.push(key, *value));
        set.as_bytes().to_vec()
    }

    #[test]
    fn what_is_canonical_at_a_glance_is_what_canonical_gives() {
        let long = "l".repeat(200);
        let mut with_unknown_field = set(&[("a", Value::Str("x"))]);
        put_bytes_field(&mut with_unknown_field, 9, b"");
        let overlong_int = [0x0a, 8, 0x0a, 1, b'a', 0x12, 3, INT_VALUE, 0x81, 0];
        let cases: [(Vec<u8>, bool); 11] = [
            (Vec::new(), true),
            (set(&[("", Value::Str(""))]), true),
            (set(&[("a", Value::Str("x")), ("b", Value::Int(5)), ("ba", Value::Str("é"))]), true),
            (set(&[("b", Value::Str("x")), ("a", Value::Str("x"))]), false),
            (set(&[("a", Value::Str("x")), ("a", Value::Str("y"))]), false),
            (set(&[("a", Value::Int(-1))]), false),
            (set(&[("a", Value::Bool(true))]), false),
            (set(&[("a", Value::Empty)]), false),
            (set(&[("a", Value::Str(&long))]), false),
            (with_unknown_field, false),
            (overlong_int.to_vec(), false),
        ];
        for (sent, at_a_glance) in cases {
            assert_eq!(is_canonical(&sent), at_a_glance, "{sent:?}");
            let mut expected = Vec::new();
            canonical(Attrs::new(&sent), &mut expected);
            let mut cache = AttributeCache::default();
            for _ in 0..2 {
                let found = cache.canonical(&sent).unwrap();
                assert_eq!((found.bytes, found.is_overflow), (&expected[..], false), "{sent:?}");
            }
        }
    }

    #[test]
    fn a_point_beyond_the_limit_of_the_sdk_says_so() {
        let cases = [
            (set(&[(OVERFLOW, Value::Bool(true))]), true),
            (set(&[("host", Value::Str("a")), (OVERFLOW, Value::Bool(true))]), true),
            (set(&[(OVERFLOW, Value::Bool(false))]), false),
            (set(&[(OVERFLOW, Value::Str("true"))]), false),
            (set(&[("overflow", Value::Bool(true))]), false),
        ];
        for (sent, expected) in cases {
            let mut cache = AttributeCache::default();
            for _ in 0..2 {
                assert_eq!(cache.canonical(&sent).unwrap().is_overflow, expected, "{sent:?}");
            }
        }
    }

    #[test]
    fn names_the_attribute_that_is_no_text() {
        for bad in [[0x0a, 2, b'b', 0xff].as_slice(), &[0x0a, 1, b'b', 0x12, 3, 0x0a, 1, 0xff]] {
            let mut sent = set(&[("a", Value::Str("x"))]);
            put_bytes_field(&mut sent, 1, bad);
            assert!(!is_canonical(&sent));
            let error = AttributeCache::default().canonical(&sent).unwrap_err().to_string();
            assert!(error.starts_with("attributes[1].") && error.ends_with("not valid UTF-8"), "{error}");
        }
    }
}
