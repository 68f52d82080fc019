//! A summary of the attributes that have no column: by block of rows, which keys and values occur.
//!
//! A condition on a rare key so reads only the blocks that may hold it. The summary stands in the first row of each block
//! in a column of its own, null where no row of the block has such attributes.

use arrow::array::{Array, BinaryArray, BinaryBuilder};
use hashbrown::HashSet;
use model::{Attrs, Value};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::bloom::Bloom;
use crate::filter::Wanted;

/// Rows that share a summary.
pub(super) const BLOCK_ROWS: usize = 8 << 10;
/// Bits per key or value: one false positive in about a hundred look-ups.
const BITS_PER_ENTRY: usize = 10;
/// Of a block with more distinct values only the keys are kept: 10 KiB for 8,192 rows is the most.
const MAX_VALUES: usize = 8 << 10;

/// What the first byte of a summary says.
const KEYS_AND_VALUES: u8 = 0;
const KEYS: u8 = 1;

/// Stands for the values that are no scalars.
const COMPOUND: u64 = 0;

fn key_hash(key: &str) -> u64 {
    xxh3_64(key.as_bytes())
}

/// The hash of the string form of a value.
fn value_hash(key: u64, form: &str) -> u64 {
    xxh3_64_with_seed(form.as_bytes(), key)
}

fn compound_hash(key: u64) -> u64 {
    xxh3_64_with_seed(&COMPOUND.to_le_bytes(), !key)
}

/// The column of summaries for a row group whose attributes without a column are `rest`.
pub(super) fn summarize(rest: &BinaryArray) -> BinaryArray {
    let mut summaries = BinaryBuilder::new();
    for first in (0..rest.len()).step_by(BLOCK_ROWS) {
        let block = rest.slice(first, BLOCK_ROWS.min(rest.len() - first));
        summaries.append_option((block.null_count() < block.len()).then(|| summary(&block)));
        summaries.append_nulls(block.len() - 1);
    }
    summaries.finish()
}

fn summary(block: &BinaryArray) -> Vec<u8> {
    let (mut keys, mut values) = (HashSet::new(), HashSet::new());
    for (key, value) in block.iter().flatten().flat_map(|set| Attrs::new(set).iter()) {
        let key = key_hash(key);
        keys.insert(key);
        if values.len() <= MAX_VALUES {
            match value {
                Value::Empty => {}
                Value::Str(text) => _ = values.insert(value_hash(key, text)),
                Value::Bool(_) | Value::Int(_) | Value::Double(_) => {
                    values.insert(value_hash(key, &value.to_string()));
                    if matches!(value, Value::Double(0.0)) {
                        values.insert(value_hash(key, "0")); // equal to it as a number
                    }
                }
                Value::Bytes(_) | Value::Array(_) | Value::Map(_) => _ = values.insert(compound_hash(key)),
            }
        }
    }
    let with_values = values.len() <= MAX_VALUES;
    if with_values {
        keys.extend(values);
    }
    let mut bytes = vec![if with_values { KEYS_AND_VALUES } else { KEYS }];
    Bloom::of(keys.into_iter(), BITS_PER_ENTRY).write(&mut bytes);
    bytes
}

/// The summary of one block.
pub(super) struct Summary {
    bloom: Bloom,
    with_values: bool,
}

impl Summary {
    /// `None` when the bytes are not a summary.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (kind, blocks) = bytes.split_first()?;
        let with_values = match *kind {
            KEYS_AND_VALUES => true,
            KEYS => false,
            _ => return None,
        };
        Some(Summary { bloom: Bloom::read(blocks)?, with_values })
    }

    /// Whether a row of the block may have an attribute with this key.
    pub(super) fn may_hold_key(&self, key: &str) -> bool {
        self.bloom.may_hold(key_hash(key))
    }

    /// Whether a row of the block may have an attribute with this key and a wanted value.
    pub(super) fn may_hold(&self, key: &str, wanted: &Wanted) -> bool {
        let key = key_hash(key);
        // Many texts are one number, and any may be in a range.
        let is_one_form = !wanted.texts.ignore_case && wanted.numbers.is_empty();
        if !self.bloom.may_hold(key) || !self.with_values || !is_one_form {
            return self.bloom.may_hold(key);
        }
        let form = |form: &str| self.bloom.may_hold(value_hash(key, form));
        self.bloom.may_hold(compound_hash(key))
            || wanted.texts.texts.iter().any(|text| form(text))
            || wanted.ints.iter().any(|int| form(&int.to_string()))
            // -0 is written as such, and equal to 0.
            || wanted.doubles.iter().any(|double| form(&Value::Double(double + 0.0).to_string()))
    }
}

#[cfg(test)]
mod tests {
    use model::AttrsBuf;

    use super::*;

    fn texts(text: &str) -> Wanted {
        Wanted::texts([text.to_owned()])
    }

    fn summary_of(fill: impl FnOnce(&mut AttrsBuf)) -> Summary {
        let mut attrs = AttrsBuf::new();
        fill(&mut attrs);
        let column = summarize(&BinaryArray::from_iter_values([attrs.as_bytes()]));
        Summary::parse(column.value(0)).unwrap()
    }

    #[test]
    fn what_a_filter_takes_is_in_the_summary() {
        let map = AttrsBuf::new();
        let values = [
            Value::Str("x"),
            Value::Str(""),
            Value::Bool(true),
            Value::Int(-7),
            Value::Double(0.5),
            Value::Double(-0.0),
            Value::Double(0.0),
            Value::Double(f64::NAN),
            Value::Double(f64::INFINITY),
            Value::Double(200.0),
            Value::Bytes(b"b"),
            Value::Map(map.as_attrs()),
        ];
        let wanted = [
            texts("x"),
            texts(""),
            texts("true"),
            texts("-7"),
            texts("0.5"),
            texts("-0"),
            texts("0"),
            texts("NaN"),
            texts("Infinity"),
            texts("200"),
            texts("Yg=="),
            texts("{}"),
            Wanted { ints: vec![-7], ..Wanted::default() },
            Wanted { doubles: vec![0.0, 0.5, 200.0], ..Wanted::default() },
            Wanted { doubles: vec![-0.0], ..Wanted::default() },
            Wanted { arrays: true, ..Wanted::default() },
            Wanted::numbers([-7.0..=-7.0]),
            Wanted::numbers([0.25..=f64::INFINITY]),
        ];
        for value in values {
            let summary = summary_of(|attrs| attrs.push("k", value));
            for wanted in &wanted {
                assert!(!wanted.takes(&value) || summary.may_hold("k", wanted), "{wanted:?} {value:?}");
            }
            assert!(summary.may_hold_key("k") && !summary.may_hold_key("l") && !summary.may_hold("l", &texts("x")));
        }
    }

    #[test]
    fn other_values_are_not() {
        let summary = summary_of(|attrs| (0..1_000).for_each(|value| attrs.push("k", Value::Int(value))));
        let wrong = (1_000..2_000).filter(|value: &i32| summary.may_hold("k", &texts(&value.to_string()))).count();
        assert!(wrong < 50, "{wrong} of 1,000");
    }

    #[test]
    fn of_too_many_values_the_keys_are_left() {
        let summary = summary_of(|attrs| (0..10_000).for_each(|value| attrs.push("k", Value::Int(value))));
        assert!(summary.may_hold("k", &texts("no such value")) && !summary.may_hold("l", &texts("1")));
    }

    #[test]
    fn a_block_has_its_summary_in_its_first_row() {
        let mut attrs = AttrsBuf::new();
        attrs.push("k", Value::Int(1));
        let rest: BinaryArray =
            (0..3 * BLOCK_ROWS).map(|row| (row / BLOCK_ROWS != 1).then_some(attrs.as_bytes())).collect();
        let column = summarize(&rest.slice(0, 2 * BLOCK_ROWS + 5));
        let with: Vec<usize> = (0..column.len()).filter(|row| column.is_valid(*row)).collect();
        assert_eq!((column.len(), with), (2 * BLOCK_ROWS + 5, vec![0, 2 * BLOCK_ROWS]));
    }

    #[test]
    fn bytes_that_are_no_summary_are_none() {
        assert!(Summary::parse(&[]).is_none() && Summary::parse(&[0]).is_none() && Summary::parse(&[9; 33]).is_none());
    }
}
