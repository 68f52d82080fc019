//! Columns with one value in all of a row group: the footer has it, so that they are not read.
//!
//! Flags, counts of what was dropped and scopes are the same in millions of records. A column that has one value in the first
//! row group of a file gets statistics, and where its least and its greatest value are the same, that is the value.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt8Array,
    UInt32Array,
};
use arrow::datatypes::{DataType, Int32Type, UInt8Type, UInt32Type};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;

/// Longer values stay out of the footer, which has them twice.
pub(super) const MAX_BYTES: usize = 256;

/// Whether the column `name` of `rows` has one value, of a kind that [`value`] gives back.
pub(super) fn is_constant(rows: &RecordBatch, name: &str) -> bool {
    let Some(column) = rows.column_by_name(name).filter(|column| column.null_count() == 0) else { return false };
    match column.data_type() {
        DataType::UInt8 => all_equal(column.as_primitive::<UInt8Type>().values()),
        DataType::UInt32 => all_equal(column.as_primitive::<UInt32Type>().values()),
        DataType::Dictionary(..) => {
            let Some(shared) = column.as_dictionary_opt::<Int32Type>() else { return false };
            if !all_equal(shared.keys().values()) {
                return false;
            }
            let Some(key) = shared.key(0) else { return false };
            let texts = shared.values().as_string_opt::<i32>().map(|texts| texts.value(key).len());
            let bytes = shared.values().as_binary_opt::<i32>().map(|bytes| bytes.value(key).len());
            texts.or(bytes).is_some_and(|length| length <= MAX_BYTES)
        }
        _ => false,
    }
}

fn all_equal<T: PartialEq>(values: &[T]) -> bool {
    values.first().is_some_and(|first| values.iter().all(|value| value == first))
}

/// `n_rows` times the one value that `column`, of this type and without nulls, has by its statistics; `None` when it may have
/// several.
pub(super) fn value(data_type: &DataType, column: &ColumnChunkMetaData, n_rows: usize) -> Option<ArrayRef> {
    let statistics = column.statistics()?;
    let exact = statistics.min_is_exact() && statistics.max_is_exact() && statistics.null_count_opt() == Some(0);
    if !exact || statistics.min_bytes_opt()? != statistics.max_bytes_opt()? {
        return None;
    }
    match (data_type, statistics) {
        (DataType::UInt8, Statistics::Int32(it)) => {
            Some(Arc::new(UInt8Array::from_value(u8::try_from(*it.min_opt()?).ok()?, n_rows)))
        }
        (DataType::UInt32, Statistics::Int32(it)) => {
            Some(Arc::new(UInt32Array::from_value((*it.min_opt()?).cast_unsigned(), n_rows)))
        }
        (DataType::Dictionary(_, values), Statistics::ByteArray(it)) => {
            let bytes = it.min_opt()?.data();
            let value: ArrayRef = match **values {
                DataType::Utf8 => Arc::new(StringArray::from_iter_values([std::str::from_utf8(bytes).ok()?])),
                DataType::Binary => Arc::new(BinaryArray::from_iter_values([bytes])),
                _ => return None,
            };
            Some(Arc::new(DictionaryArray::try_new(Int32Array::from_value(0, n_rows), value).ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn columns_with_one_value_are_told_from_others() {
        let long = "x".repeat(MAX_BYTES + 1);
        let texts =
            |texts: &[&str]| Arc::new(texts.iter().copied().collect::<DictionaryArray<Int32Type>>()) as ArrayRef;
        let cases: [(ArrayRef, bool); 9] = [
            (Arc::new(UInt8Array::from(vec![3, 3])), true),
            (Arc::new(UInt8Array::from(vec![3, 4])), false),
            (Arc::new(UInt8Array::from(vec![Some(3), None])), false),
            (Arc::new(UInt32Array::from(vec![u32::MAX; 2])), true),
            (Arc::new(Int64Array::from(vec![3, 3])), false),
            (texts(&["a", "a"]), true),
            (texts(&["", ""]), true),
            (texts(&["a", "b"]), false),
            (texts(&[&long, &long]), false),
        ];
        for (column, expected) in cases {
            let rows = RecordBatch::try_from_iter([("column", Arc::clone(&column))]).unwrap();
            assert_eq!(is_constant(&rows, "column"), expected, "{column:?}");
            assert!(!is_constant(&rows, "another") && !is_constant(&rows.slice(0, 0), "column"));
        }
    }
}
