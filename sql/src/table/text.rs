//! Text columns: ids in hexadecimal, attributes as JSON, words from dictionaries.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, DictionaryArray, FixedSizeBinaryArray, Int32Array, StringArray,
    StringBuilder, StringViewArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;
use arrow::temporal_conversions::timestamp_ns_to_datetime;
use model::attrs::write_json_string;
use model::span::{Events, Links};
use model::{Attrs, Nanos, Resource, Scope};

/// Ids as lower-case hexadecimal digits; null stays null.
pub(super) fn hex(ids: &FixedSizeBinaryArray) -> StringArray {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = Vec::with_capacity(ids.len() * ids.value_length() as usize * 2);
    let lengths = (0..ids.len()).map(|row| {
        if ids.is_null(row) {
            return 0;
        }
        let id = ids.value(row);
        digits.extend(id.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
        id.len() * 2
    });
    let offsets = OffsetBuffer::from_lengths(lengths.collect::<Vec<_>>());
    StringArray::new(offsets, digits.into(), ids.nulls().cloned())
}

/// One text per row, written by `write`; null where `bytes` is.
pub(super) fn written(bytes: &BinaryArray, write: impl Fn(&[u8], &mut String)) -> StringArray {
    let mut texts = StringBuilder::with_capacity(bytes.len(), bytes.value_data().len());
    let mut text = String::new();
    for value in bytes {
        let Some(value) = value else {
            texts.append_null();
            continue;
        };
        text.clear();
        write(value, &mut text);
        texts.append_value(&text);
    }
    texts.finish()
}

pub(super) fn attributes(message: &[u8], out: &mut String) {
    Attrs::new(message).write_sorted_json(out);
}

/// A view column in which rows with equal keys share the text that `write` makes of their dictionary's value.
pub(super) fn of_dictionary(column: &ArrayRef, write: impl Fn(&[u8], &mut String)) -> Result<ArrayRef, ArrowError> {
    let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() else {
        return Err(ArrowError::SchemaError("column is not a dictionary".to_owned()));
    };
    let Some(values) = dictionary.values().as_binary_opt::<i32>() else {
        return Err(ArrowError::SchemaError("column is not a dictionary of bytes".to_owned()));
    };
    // Scans may slice a dictionary's keys and leave its values: only values that occur are worth writing.
    let mut used = vec![false; values.len()];
    for key in dictionary.keys().iter().flatten() {
        used[key as usize] = true;
    }
    let mut text = String::new();
    let texts: StringArray = (0..values.len())
        .map(|index| {
            text.clear();
            if used[index] {
                write(values.value(index), &mut text);
            }
            Some(text.clone())
        })
        .collect();
    views(dictionary.keys().clone(), Arc::new(texts))
}

/// The text `values[key]` of each row, without a copy per row.
pub(super) fn views(keys: Int32Array, values: ArrayRef) -> Result<ArrayRef, ArrowError> {
    cast(&DictionaryArray::try_new(keys, values)?, &DataType::Utf8View)
}

pub(super) fn resource(message: &[u8], out: &mut String) {
    Resource::new(message).attrs().write_sorted_json(out);
}

pub(super) fn scope_name(message: &[u8], out: &mut String) {
    out.push_str(Scope::new(message).name());
}

pub(super) fn scope_version(message: &[u8], out: &mut String) {
    out.push_str(Scope::new(message).version());
}

pub(super) fn scope_attributes(message: &[u8], out: &mut String) {
    Scope::new(message).attrs().write_sorted_json(out);
}

/// One word per row from a byte column: `word(byte)`.
pub(super) fn words_of_bytes(bytes: &[u8], word: impl Fn(u8) -> &'static str) -> StringViewArray {
    bytes.iter().map(|byte| Some(word(*byte))).collect()
}

/// Events as a JSON array of `{"time", "name", "attributes"}`.
pub(super) fn events(message: &[u8], out: &mut String) {
    list(out, Events::new(message).iter(), |event, out| {
        out.push_str("{\"time\":");
        write_json_string(out, &rfc3339(event.time));
        out.push_str(",\"name\":");
        write_json_string(out, event.name);
        out.push_str(",\"attributes\":");
        event.attrs.write_sorted_json(out);
        out.push('}');
    });
}

/// Links as a JSON array of `{"trace_id", "span_id", "trace_state", "attributes"}`.
pub(super) fn links(message: &[u8], out: &mut String) {
    list(out, Links::new(message).iter(), |link, out| {
        let id = |id: Option<String>| id.map_or_else(|| "null".to_owned(), |id| format!("\"{id}\""));
        let (trace_id, span_id) =
            (id(link.trace_id.map(|id| id.to_string())), id(link.span_id.map(|id| id.to_string())));
        write!(out, "{{\"trace_id\":{trace_id},\"span_id\":{span_id},\"trace_state\":").expect("writing to a String");
        write_json_string(out, link.trace_state);
        out.push_str(",\"attributes\":");
        link.attrs.write_sorted_json(out);
        out.push('}');
    });
}

/// Appends a JSON array of `items`.
pub(super) fn list<T>(out: &mut String, items: impl Iterator<Item = T>, write: impl Fn(T, &mut String)) {
    out.push('[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

/// A time as RFC 3339 in UTC, with as many digits after the second as it needs.
pub(crate) fn rfc3339(time: Nanos) -> String {
    timestamp_ns_to_datetime(time).map_or_else(|| time.to_string(), |time| format!("{time:?}Z"))
}

#[cfg(test)]
mod tests {
    use model::wire::put_bytes_field;

    use super::*;

    #[test]
    fn links_keep_their_trace_state() {
        let mut link = Vec::new();
        put_bytes_field(&mut link, 1, &[0x11; 16]);
        put_bytes_field(&mut link, 2, &[0x22; 8]);
        put_bytes_field(&mut link, 3, b"vendor=\"one\"");
        let mut message = Vec::new();
        put_bytes_field(&mut message, 1, &link);
        let mut text = String::new();
        links(&message, &mut text);
        let expected = r#"[{"trace_id":"11111111111111111111111111111111","span_id":"2222222222222222","trace_state":"vendor=\"one\"","attributes":{}}]"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn scopes_show_their_attributes() {
        let mut attrs = model::AttrsBuf::new();
        attrs.push("n", model::Value::Int(7));
        let mut message = Vec::new();
        // A scope has its attributes in field 3, a set alone in field 1.
        put_bytes_field(&mut message, 3, &attrs.as_bytes()[2..]);
        let mut text = String::new();
        scope_attributes(&message, &mut text);
        assert_eq!(text, r#"{"n":7}"#);
    }

    #[test]
    fn hex_keeps_nulls() {
        let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(
            [Some([0x0a, 0xff]), None, Some([0, 1])].into_iter(),
            2,
        )
        .unwrap();
        assert_eq!(hex(&ids), StringArray::from(vec![Some("0aff"), None, Some("0001")]));
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_354_440_000_000_001), "2026-11-22T13:34:00.000000001Z");
    }
}
