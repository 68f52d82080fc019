//! Checks attributes and values before they are stored as they came.
//!
//! Readers of stored attributes trust this: keys and strings are UTF-8, every message parses, and no value is nested
//! deeper than [`MAX_VALUE_DEPTH`].

use model::attrs::MAX_VALUE_DEPTH;
use model::wire::Reader;

use super::malformed::{Malformed, Problem, Within};
use super::wire::{INT_VALUE, bytes, fixed64, short_field, text, varint};

/// Checks a `KeyValue`.
#[inline]
pub(super) fn check_key_value(entry: &[u8]) -> Result<(), Malformed> {
    if is_plain(entry) { Ok(()) } else { key_value(entry, 0) }
}

/// Whether `entry` is valid, to be seen at a glance: a key and a text in ASCII, or an integer of two bytes, lengths of one byte,
/// each field once and in order. Most attributes are of this form. False says nothing.
fn is_plain(entry: &[u8]) -> bool {
    let Some((key, rest)) = short_field(1, entry) else { return false };
    let Some((any, [])) = short_field(2, rest) else { return false };
    match any {
        [INT_VALUE, 0..0x80] | [INT_VALUE, 0x80..=0xff, 0..0x80] => key.is_ascii(),
        // Tags and lengths are less than 128, so key and text can be looked at in one go.
        _ => matches!(short_field(1, any), Some((_, []))) && entry.is_ascii(),
    }
}

/// Checks an `AnyValue`.
pub(super) fn check_value(message: &[u8]) -> Result<(), Malformed> {
    value(message, 0)
}

fn key_value(entry: &[u8], depth: usize) -> Result<(), Malformed> {
    let mut reader = Reader::new(entry);
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => drop(text(raw).within("key")?),
            2 => bytes(raw).and_then(|message| value(message, depth)).within("value")?,
            _ => {}
        }
    }
    Ok(())
}

/// `depth` counts the arrays and maps around this value.
fn value(message: &[u8], depth: usize) -> Result<(), Malformed> {
    let mut reader = Reader::new(message);
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => drop(text(raw).within("string_value")?),
            2 => drop(varint(raw).within("bool_value")?),
            3 => drop(varint(raw).within("int_value")?),
            4 => drop(fixed64(raw).within("double_value")?),
            5 | 6 if depth == MAX_VALUE_DEPTH => return Err(Problem::Depth.into()),
            5 => bytes(raw).and_then(|list| values(list, depth + 1, value)).within("array_value")?,
            6 => bytes(raw).and_then(|list| values(list, depth + 1, key_value)).within("kvlist_value")?,
            7 => drop(bytes(raw).within("bytes_value")?),
            _ => {}
        }
    }
    Ok(())
}

/// Checks an `ArrayValue` or a `KeyValueList`: both have their elements in field 1.
fn values(list: &[u8], depth: usize, check: fn(&[u8], usize) -> Result<(), Malformed>) -> Result<(), Malformed> {
    let mut reader = Reader::new(list);
    let mut index = 0;
    while let Some((number, raw)) = reader.next_field()? {
        if number == 1 {
            bytes(raw).and_then(|element| check(element, depth)).within_item("values", index)?;
            index += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::wire::put_bytes_field;

    use super::*;

    /// A value of `depth` arrays (or maps) around a string.
    fn nested(depth: usize, map: bool) -> Vec<u8> {
        let mut any = Vec::new();
        put_bytes_field(&mut any, 1, b"x");
        for _ in 0..depth {
            let mut element = any;
            if map {
                let mut entry = Vec::new();
                put_bytes_field(&mut entry, 2, &element);
                element = entry;
            }
            let mut list = Vec::new();
            put_bytes_field(&mut list, 1, &element);
            any = Vec::new();
            put_bytes_field(&mut any, if map { 6 } else { 5 }, &list);
        }
        any
    }

    #[test]
    fn what_is_plain_at_a_glance_is_valid() {
        let entry = |key: &[u8], any: &[u8]| {
            let mut entry = Vec::new();
            put_bytes_field(&mut entry, 1, key);
            put_bytes_field(&mut entry, 2, any);
            entry
        };
        let text = |bytes: &[u8]| {
            let mut any = Vec::new();
            put_bytes_field(&mut any, 1, bytes);
            any
        };
        let trailing = [text(b"v").as_slice(), &[0x18, 1]].concat();
        let (int, long) = ([INT_VALUE, 0xff, 0x7f], [b'l'; 200]);
        let cases: [(Vec<u8>, bool, bool); 12] = [
            (entry(b"k", &text(b"v")), true, true),
            (entry(b"", &text(b"")), true, true),
            (entry(b"k", &int[..1 + 2]), true, true),
            (entry(b"k", &[INT_VALUE, 5]), true, true),
            (entry(b"k", &[INT_VALUE, 0xff]), false, false),
            (entry(b"k", &[INT_VALUE, 0xff, 0xff, 1]), false, true),
            (entry(b"k", &text("é".as_bytes())), false, true),
            (entry(b"k", &text(b"\xff")), false, false),
            (entry(b"\xff", &[INT_VALUE, 5]), false, false),
            (entry(b"k", &text(&long)), false, true),
            (entry(b"k", &trailing), false, true),
            (entry(b"k", b""), false, true),
        ];
        for (entry, plain, valid) in cases {
            assert_eq!((is_plain(&entry), key_value(&entry, 0).is_ok()), (plain, valid), "{entry:?}");
            for length in 0..entry.len() {
                assert!(!is_plain(&entry[..length]) || key_value(&entry[..length], 0).is_ok(), "{length} of {entry:?}");
            }
        }
    }

    #[test]
    fn nesting_is_bounded() {
        for map in [false, true] {
            for (depth, accepted) in [(0, true), (49, true), (50, true), (51, false), (200, false), (5_000, false)] {
                assert_eq!(check_value(&nested(depth, map)).is_ok(), accepted, "depth {depth}, map {map}");
            }
        }
    }

    #[test]
    fn nesting_of_200_000_levels_is_refused_without_reading_it_all() {
        // Built from the inside out by prepending headers, because nesting by copies is quadratic.
        let mut reversed = Vec::new();
        for _ in 0..200_000 {
            for tag in [0x0a, 0x2a] {
                let mut header = vec![tag];
                model::wire::put_varint(&mut header, reversed.len() as u64);
                reversed.extend(header.iter().rev());
            }
        }
        reversed.reverse();
        assert!(check_value(&reversed).unwrap_err().to_string().contains("nested deeper than 50 levels"));
    }

    #[test]
    fn names_the_place_of_a_bad_string() {
        let mut list = Vec::new();
        for string in [&b"fine"[..], &[0xff]] {
            let mut any = Vec::new();
            put_bytes_field(&mut any, 1, string);
            put_bytes_field(&mut list, 1, &any);
        }
        let mut any = Vec::new();
        put_bytes_field(&mut any, 5, &list);
        assert_eq!(
            check_value(&any).unwrap_err().to_string(),
            "array_value.values[1].string_value: string is not valid UTF-8"
        );
    }

    #[test]
    fn refuses_a_known_field_of_another_wire_type() {
        assert_eq!(
            check_value(&[0x08, 1]).unwrap_err().to_string(),
            "string_value: wire type must be length-delimited"
        );
    }
}
