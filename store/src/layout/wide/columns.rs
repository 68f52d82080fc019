//! The columns of frequent attributes: their names, types, and which attributes get one.
//!
//! `attr.<key>:<type>`, nullable. A key that comes with values of two types gets two columns.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use hashbrown::{HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

use super::coding::Coding;
use super::entry::{self, Entry, Scalar};

/// The most promoted columns in a file: each costs a footer entry and a few bytes in every row group.
pub(super) const MAX_COLUMNS: usize = 256;
/// A key gets a column when one row in so many has it, or one byte in so many is its.
const MIN_SHARE: usize = 100;
/// Keys counted; a sender may make up a new one for every row.
const MAX_COUNTED_KEYS: usize = 16 << 10;
/// Longer keys get no column.
const MAX_KEY_BYTES: usize = 256;
/// Longer attributes stay with the rest.
pub(super) const MAX_ENTRY_BYTES: usize = 32 << 10;

/// The type of a promoted column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Str,
    Int,
    Double,
    Bool,
}

impl Kind {
    pub(super) const ALL: [Kind; 4] = [Kind::Str, Kind::Int, Kind::Double, Kind::Bool];

    pub(super) fn of(value: Scalar<'_>) -> Self {
        match value {
            Scalar::Str(_) => Kind::Str,
            Scalar::Int(_) => Kind::Int,
            Scalar::Double(_) => Kind::Double,
            Scalar::Bool(_) => Kind::Bool,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Str => "str",
            Kind::Int => "int",
            Kind::Double => "f64",
            Kind::Bool => "bool",
        }
    }
}

/// One promoted column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) coding: Coding,
}

impl Column {
    pub(super) fn field(&self) -> Field {
        let data_type = match self.kind {
            Kind::Str if self.coding == Coding::Dictionary => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            Kind::Str => DataType::Utf8,
            Kind::Int => DataType::Int64,
            Kind::Double => DataType::Float64,
            Kind::Bool => DataType::Boolean,
        };
        Field::new(format!("attr.{}:{}", self.key, self.kind.name()), data_type, true)
    }

    /// The key and the type of the values in a column with this name; `None` when it is no promoted column.
    pub(super) fn parse(name: &str) -> Option<(&str, Kind)> {
        let (key, kind) = name.strip_prefix("attr.")?.rsplit_once(':')?;
        Some((key, Kind::ALL.into_iter().find(|it| it.name() == kind)?))
    }
}

/// The key of the attribute that the column `name` of a file is of; `None` when it is no promoted column.
pub(crate) fn attribute_of(name: &str) -> Option<&str> {
    Column::parse(name).map(|(key, _)| key)
}

#[derive(Clone, Copy, Default)]
struct Count {
    rows: usize,
    bytes: usize,
}

/// The columns that are worth their while for rows like these, in order of their keys. How they are coded is not known yet.
pub(super) fn choose(attributes: &BinaryArray) -> Vec<Column> {
    let mut counts: HashMap<&str, [Count; 4]> = HashMap::new();
    for list in attributes.iter().flatten() {
        for (key, value) in entry::entries(list).map_while(Result::ok).filter_map(Entry::parse) {
            let bytes = entry::written_length(key, value);
            if key.len() > MAX_KEY_BYTES || bytes > MAX_ENTRY_BYTES {
                continue;
            }
            if counts.len() >= MAX_COUNTED_KEYS && !counts.contains_key(key) {
                continue;
            }
            let count = &mut counts.entry(key).or_default()[Kind::of(value) as usize];
            count.rows += 1;
            count.bytes += bytes;
        }
    }
    let n_rows = attributes.len();
    let n_bytes: usize = attributes.iter().flatten().map(<[u8]>::len).sum();
    let frequent =
        |count: &Count| count.rows > 0 && (count.rows * MIN_SHARE >= n_rows || count.bytes * MIN_SHARE >= n_bytes);
    let typed = counts.iter().flat_map(|(key, counts)| Kind::ALL.map(|kind| (*key, kind, counts[kind as usize])));
    let mut chosen: Vec<(&str, Kind, Count)> = typed.filter(|(_, _, count)| frequent(count)).collect();
    chosen.sort_unstable_by_key(|(key, kind, count)| (std::cmp::Reverse(count.bytes), *key, *kind));
    chosen.truncate(MAX_COLUMNS);
    chosen.sort_unstable_by_key(|(key, kind, _)| (*key, *kind));
    chosen.into_iter().map(|(key, kind, _)| Column { key: key.to_owned(), kind, coding: Coding::Dictionary }).collect()
}

/// The most that a dictionary may take whatever the values take without: whoever reads one row reads all of it.
const SMALL_DICTIONARY: usize = 16 << 10;

/// How a column with values like these is written.
pub(super) fn coding(column: &ArrayRef) -> Coding {
    let mut distinct: HashSet<u64> = HashSet::new();
    let mut n_bytes = 0;
    match column.data_type() {
        DataType::Utf8 => {
            for text in column.as_string::<i32>().iter().flatten() {
                if distinct.insert(xxh3_64(text.as_bytes())) {
                    n_bytes += size_of::<u32>() + text.len();
                }
            }
        }
        DataType::Int64 => distinct.extend(column.as_primitive::<Int64Type>().iter().flatten().map(|it| it as u64)),
        DataType::Float64 => {
            distinct.extend(column.as_primitive::<Float64Type>().iter().flatten().map(f64::to_bits));
        }
        _ => return Coding::Dictionary,
    }
    let n_bytes = n_bytes.max(distinct.len() * size_of::<u64>());
    let present = column.len() - column.null_count();
    match distinct.len() * 3 <= present && n_bytes <= SMALL_DICTIONARY {
        true => Coding::Dictionary,
        false => Coding::of(column),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use model::{AttrsBuf, Value};

    use super::*;

    fn sets(n: usize, fill: impl Fn(usize, &mut AttrsBuf)) -> BinaryArray {
        let sets: Vec<AttrsBuf> = (0..n)
            .map(|row| {
                let mut attrs = AttrsBuf::new();
                fill(row, &mut attrs);
                attrs
            })
            .collect();
        BinaryArray::from_iter_values(sets.iter().map(AttrsBuf::as_bytes))
    }

    fn names(columns: &[Column]) -> Vec<String> {
        columns.iter().map(|column| column.field().name().clone()).collect()
    }

    #[test]
    fn names_tell_key_and_type() {
        for (key, kind) in [("a", Kind::Str), ("a:str", Kind::Int), ("a.b.c", Kind::Double), ("", Kind::Bool)] {
            let column = Column { key: key.to_owned(), kind, coding: Coding::Zstd };
            assert_eq!(Column::parse(column.field().name()), Some((key, kind)));
        }
        for name in ["attributes", "attr.a", "attr.a:map", "name"] {
            assert_eq!(Column::parse(name), None);
        }
    }

    #[test]
    fn frequent_keys_and_large_ones_get_a_column_for_each_type() {
        let long = "x".repeat(5_000);
        let columns = choose(&sets(1_000, |row, attrs| {
            attrs.push("always", Value::Int(row as i64));
            if row % 100 == 0 {
                attrs.push("one in a hundred", Value::Bool(true));
            }
            if row % 120 == 7 {
                attrs.push("rarer", Value::Bool(true));
            }
            if row == 3 {
                attrs.push("large", Value::Str(&long));
            }
            attrs.push("mixed", if row % 2 == 0 { Value::Str("a") } else { Value::Double(0.5) });
            attrs.push("list", Value::Map(attrs.clone().as_attrs()));
        }));
        let expected =
            ["attr.always:int", "attr.large:str", "attr.mixed:str", "attr.mixed:f64", "attr.one in a hundred:bool"];
        assert_eq!(names(&columns), expected);
    }

    #[test]
    fn of_too_many_keys_those_with_most_bytes_get_columns() {
        let columns = choose(&sets(10, |_, attrs| {
            for key in 0..300 {
                attrs.push(&format!("key{key:03}"), Value::Str(&"x".repeat(key)));
            }
        }));
        assert_eq!(columns.len(), MAX_COLUMNS);
        assert_eq!(columns[0].key, "key044");
    }

    #[test]
    fn no_rows_no_columns() {
        assert_eq!(choose(&sets(0, |_, _| {})), []);
    }

    #[test]
    fn a_dictionary_is_for_values_that_repeat() {
        let texts = |distinct: usize| {
            Arc::new(StringArray::from_iter_values((0..9_000).map(|it| (it * 7_919 % distinct).to_string())))
                as ArrayRef
        };
        assert_eq!(coding(&texts(300)), Coding::Dictionary);
        assert_ne!(coding(&texts(9_000)), Coding::Dictionary);
        let ints = Arc::new(Int64Array::from_iter((0..900).map(|it| (it % 3 == 0).then_some(it)))) as ArrayRef;
        assert_ne!(coding(&ints), Coding::Dictionary);
    }
}
