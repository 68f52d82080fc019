//! Puts attribute sets together again, out of promoted columns and the rest.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use arrow::error::ArrowError;

use super::columns::{Column, Kind};
use super::entry::{self, Scalar};

/// A promoted column ready to be written as attributes.
pub(super) struct Source<'a> {
    key: &'a str,
    values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
}

enum Values<'a> {
    Str(&'a StringArray),
    /// By dictionary key, the whole attribute as it is written.
    Written {
        keys: &'a [i32],
        entries: Vec<Vec<u8>>,
    },
    /// Of a dictionary that has more values than there are rows.
    Shared {
        keys: &'a [i32],
        texts: &'a StringArray,
    },
    Int(&'a [i64]),
    Double(&'a [f64]),
    Bool(&'a BooleanArray),
}

impl<'a> Source<'a> {
    /// `None` when a column of this name is no promoted one, or has no value.
    pub(super) fn new(name: &'a str, array: &'a ArrayRef) -> Option<Self> {
        let (key, kind) = Column::parse(name)?;
        if array.null_count() == array.len() {
            return None;
        }
        let values = match kind {
            Kind::Str => match array.as_dictionary_opt::<Int32Type>() {
                Some(shared) => {
                    let texts = shared.values().as_string_opt::<i32>()?;
                    let keys = &shared.keys().values()[..];
                    if texts.len() <= array.len() {
                        Values::Written { keys, entries: texts.iter().map(|text| written(key, text)).collect() }
                    } else {
                        Values::Shared { keys, texts }
                    }
                }
                None => Values::Str(array.as_string_opt::<i32>()?),
            },
            Kind::Int => Values::Int(array.as_primitive_opt::<Int64Type>()?.values()),
            Kind::Double => Values::Double(array.as_primitive_opt::<Float64Type>()?.values()),
            Kind::Bool => Values::Bool(array.as_boolean_opt()?),
        };
        Some(Source { key, values, nulls: array.nulls() })
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return;
        }
        let value = match &self.values {
            Values::Written { keys, entries } => return out.extend_from_slice(&entries[keys[row] as usize]),
            Values::Shared { keys, texts } => Scalar::Str(texts.value(keys[row] as usize)),
            Values::Str(texts) => Scalar::Str(texts.value(row)),
            Values::Int(ints) => Scalar::Int(ints[row]),
            Values::Double(doubles) => Scalar::Double(doubles[row].to_bits()),
            Values::Bool(bits) => Scalar::Bool(bits.value(row)),
        };
        entry::write(out, self.key, value);
    }
}

fn written(key: &str, text: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    entry::write(&mut out, key, Scalar::Str(text.unwrap_or_default()));
    out
}

/// The attribute sets of `n_rows` rows.
pub(super) fn join(
    n_rows: usize,
    sources: &[Source<'_>],
    rest: Option<&BinaryArray>,
) -> Result<BinaryArray, ArrowError> {
    let mut bytes = Vec::new();
    let mut offsets: Vec<i32> = Vec::with_capacity(n_rows + 1);
    offsets.push(0);
    for row in 0..n_rows {
        sources.iter().for_each(|source| source.write(row, &mut bytes));
        if let Some(rest) = rest.filter(|rest| rest.is_valid(row)) {
            bytes.extend_from_slice(rest.value(row));
        }
        let end = i32::try_from(bytes.len());
        offsets.push(end.map_err(|_| ArrowError::OffsetOverflowError(bytes.len()))?);
    }
    BinaryArray::try_new(OffsetBuffer::new(offsets.into()), Buffer::from_vec(bytes), None)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::DictionaryArray;
    use model::{AttrsBuf, Value};

    use super::super::columns;
    use super::super::split::Splitter;
    use super::*;

    /// The entries of a set, sorted: order within a set does not count. Bytes that are no entries come last.
    fn entries(mut set: &[u8]) -> Vec<&[u8]> {
        let mut found = Vec::new();
        for entry in entry::entries(set).map_while(Result::ok) {
            found.push(entry.list);
            set = &set[entry.list.len()..];
        }
        // Of a key that occurs twice the order counts: the last one is valid.
        found.sort_by_key(|list| model::Attrs::new(list).iter().next().map(|(key, _)| key.to_owned()));
        found.push(set);
        found
    }

    /// Promotes, splits and joins `sets`; returns the promoted columns.
    fn round_trip(sets: &[Vec<u8>]) -> Vec<String> {
        let sets = BinaryArray::from_iter_values(sets);
        let columns = columns::choose(&sets);
        let split = Splitter::new(&columns).split(&sets);
        let names: Vec<String> = columns.iter().map(|column| column.field().name().clone()).collect();
        let shared: Vec<ArrayRef> = split.columns.iter().map(as_dictionary).collect();
        for arrays in [&split.columns, &shared] {
            let sources: Vec<Source<'_>> =
                names.iter().zip(arrays).filter_map(|(name, array)| Source::new(name, array)).collect();
            let joined = join(sets.len(), &sources, Some(&split.rest)).unwrap();
            for row in 0..sets.len() {
                assert_eq!(entries(joined.value(row)), entries(sets.value(row)), "row {row}");
            }
        }
        names
    }

    /// A column of texts as it is read when the file has a dictionary of it.
    fn as_dictionary(array: &ArrayRef) -> ArrayRef {
        match array.as_string_opt::<i32>() {
            Some(texts) => Arc::new(texts.iter().collect::<DictionaryArray<Int32Type>>()),
            None => Arc::clone(array),
        }
    }

    fn set(fill: impl FnOnce(&mut AttrsBuf)) -> Vec<u8> {
        let mut attrs = AttrsBuf::new();
        fill(&mut attrs);
        attrs.as_bytes().to_vec()
    }

    #[test]
    fn sets_of_every_type_come_back() {
        let names = round_trip(&[
            set(|attrs| {
                attrs.push("s", Value::Str("a"));
                attrs.push("i", Value::Int(-1));
                attrs.push("d", Value::Double(f64::NAN));
                attrs.push("b", Value::Bool(true));
                attrs.push("bytes", Value::Bytes(&[0, 255]));
                attrs.push("empty", Value::Empty);
            }),
            set(|attrs| attrs.push("s", Value::Str(""))),
            set(|_| {}),
        ]);
        assert_eq!(names, ["attr.b:bool", "attr.d:f64", "attr.i:int", "attr.s:str"]);
    }

    #[test]
    fn a_key_of_two_types_has_two_columns() {
        let names = round_trip(&[
            set(|attrs| attrs.push("k", Value::Int(1))),
            set(|attrs| attrs.push("k", Value::Str("1"))),
            set(|attrs| attrs.push("k", Value::Empty)),
        ]);
        assert_eq!(names, ["attr.k:str", "attr.k:int"]);
    }

    #[test]
    fn of_a_repeated_key_the_last_one_still_counts() {
        let nested = set(|attrs| attrs.push("x", Value::Int(1)));
        let sets = [
            set(|attrs| {
                attrs.push("k", Value::Int(1));
                attrs.push("other", Value::Int(5));
                attrs.push("k", Value::Int(2));
            }),
            set(|attrs| {
                attrs.push("k", Value::Str("a"));
                attrs.push("k", Value::Map(model::Attrs::new(&nested)));
            }),
            set(|attrs| {
                (0..3).for_each(|_| attrs.push("k", Value::Int(7)));
            }),
            set(|attrs| attrs.push("k", Value::Int(3))),
        ];
        assert!(round_trip(&sets).contains(&"attr.k:int".to_owned()));
    }

    #[test]
    fn hostile_sets_come_back_as_they_came() {
        let long = "x".repeat(100_000);
        let mut sets: Vec<Vec<u8>> = vec![
            set(|attrs| attrs.push("", Value::Str("no key"))),
            set(|attrs| attrs.push(&long, Value::Int(1))),
            set(|attrs| attrs.push("huge", Value::Str(&long))),
            set(|attrs| (0..300).for_each(|key| attrs.push(&format!("key {key}"), Value::Int(key)))),
            set(|attrs| attrs.push("a:str", Value::Int(1))),
            set(|attrs| attrs.push("a", Value::Str("x"))),
        ];
        let plain = set(|attrs| attrs.push("k", Value::Int(1)));
        for tail in
            [&[0x10, 1][..], &[0x0a], &[0x0a, 0x81, 0, 0], &[0x0a, 0], &[0x0a, 4, 0x12, 2, 0x18, 1], &[0xff; 12]]
        {
            sets.push([&plain, tail].concat());
            sets.push(tail.to_vec());
        }
        round_trip(&sets);
    }

    #[test]
    fn any_bytes_come_back() {
        use proptest::prelude::*;
        let piece = prop_oneof![
            3 => ("[abc]{0,2}", any::<i64>()).prop_map(|(key, int)| set(|attrs| attrs.push(&key, Value::Int(int)))),
            3 => ("[abc]{0,2}", ".{0,5}").prop_map(|(key, text)| set(|attrs| attrs.push(&key, Value::Str(&text)))),
            1 => ("[abc]", any::<bool>()).prop_map(|(key, bit)| set(|attrs| attrs.push(&key, Value::Bool(bit)))),
            1 => ("[abc]", any::<f64>()).prop_map(|(key, double)| set(|attrs| attrs.push(&key, Value::Double(double)))),
            1 => proptest::collection::vec(any::<u8>(), 0..6),
        ];
        let sets = proptest::collection::vec(proptest::collection::vec(piece, 0..6), 1..8);
        proptest!(|(sets in sets)| {
            round_trip(&sets.into_iter().map(|pieces| pieces.concat()).collect::<Vec<_>>());
        });
    }
}
