//! Copies rows of several batches into one, column by column.
//!
//! As `arrow::compute::interleave_record_batch`, but quick where the tables of the store are wide: ids of fixed width are
//! copied by the array, and of dictionaries only the values in use are joined, each once.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, BooleanBufferBuilder, DictionaryArray,
    FixedSizeBinaryArray, GenericByteArray, PrimitiveArray, RecordBatch, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    BinaryType, ByteArrayType, DataType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt8Type,
    UInt32Type, Utf8Type,
};
use arrow::error::ArrowError;
use hashbrown::HashMap;

use super::RowKey;

/// The rows that `keys` name, in that order. All batches have the same schema.
pub(crate) fn gather(batches: &[RecordBatch], keys: &[RowKey]) -> Result<RecordBatch, ArrowError> {
    let schema = batches.first().ok_or_else(|| ArrowError::ComputeError("no batches to gather from".into()))?.schema();
    let columns = (0..schema.fields().len()).map(|index| {
        let sources: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(index)).collect();
        let data_type = schema.field(index).data_type();
        if sources.iter().all(|source| source.null_count() == source.len()) {
            return Ok(new_null_array(data_type, keys.len()));
        }
        match data_type {
            DataType::Int64 => primitives::<Int64Type>(&sources, keys),
            DataType::UInt8 => primitives::<UInt8Type>(&sources, keys),
            DataType::UInt32 => primitives::<UInt32Type>(&sources, keys),
            DataType::Float64 => primitives::<Float64Type>(&sources, keys),
            DataType::Timestamp(..) => primitives::<TimestampNanosecondType>(&sources, keys),
            DataType::Boolean => booleans(&sources, keys),
            DataType::FixedSizeBinary(width) => fixed_size(&sources, keys, *width),
            DataType::Utf8 => bytes::<Utf8Type>(&sources, keys),
            DataType::Binary => bytes::<BinaryType>(&sources, keys),
            DataType::Dictionary(_, values) if **values == DataType::Utf8 => dictionary::<Utf8Type>(&sources, keys),
            DataType::Dictionary(_, values) if **values == DataType::Binary => dictionary::<BinaryType>(&sources, keys),
            other => Err(ArrowError::NotYetImplemented(format!("gathering a column of {other}"))),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
}

/// The columns as arrays of type `T`.
fn typed<'a, T: Array + 'static>(sources: &[&'a ArrayRef]) -> Result<Vec<&'a T>, ArrowError> {
    let typed = sources.iter().copied().map(|source| source.as_any().downcast_ref::<T>()).collect::<Option<_>>();
    typed.ok_or_else(|| ArrowError::SchemaError("batches to gather from differ in a column's type".into()))
}

fn nulls<T: Array>(sources: &[&T], keys: &[RowKey]) -> Option<NullBuffer> {
    if sources.iter().all(|source| source.null_count() == 0) {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(keys.len());
    keys.iter().for_each(|key| valid.append(sources[key.batch as usize].is_valid(key.row as usize)));
    Some(NullBuffer::new(valid.finish()))
}

fn primitives<T: ArrowPrimitiveType>(sources: &[&ArrayRef], keys: &[RowKey]) -> Result<ArrayRef, ArrowError> {
    let sources = typed::<PrimitiveArray<T>>(sources)?;
    let slices: Vec<&[T::Native]> = sources.iter().map(|source| &**source.values()).collect();
    let values: Vec<T::Native> = keys.iter().map(|key| slices[key.batch as usize][key.row as usize]).collect();
    let array = PrimitiveArray::<T>::try_new(values.into(), nulls(&sources, keys))?;
    Ok(Arc::new(array.with_data_type(sources[0].data_type().clone())))
}

fn booleans(sources: &[&ArrayRef], keys: &[RowKey]) -> Result<ArrayRef, ArrowError> {
    let sources = typed::<BooleanArray>(sources)?;
    let mut values = BooleanBufferBuilder::new(keys.len());
    keys.iter().for_each(|key| values.append(sources[key.batch as usize].value(key.row as usize)));
    Ok(Arc::new(BooleanArray::new(values.finish(), nulls(&sources, keys))))
}

fn fixed_size(sources: &[&ArrayRef], keys: &[RowKey], width: i32) -> Result<ArrayRef, ArrowError> {
    let sources = typed::<FixedSizeBinaryArray>(sources)?;
    let values = match width {
        16 => chunks::<16>(&sources, keys),
        8 => chunks::<8>(&sources, keys),
        _ => keys.iter().flat_map(|key| sources[key.batch as usize].value(key.row as usize)).copied().collect(),
    };
    Ok(Arc::new(FixedSizeBinaryArray::try_new(width, values.into(), nulls(&sources, keys))?))
}

fn chunks<const N: usize>(sources: &[&FixedSizeBinaryArray], keys: &[RowKey]) -> Vec<u8> {
    let slices: Vec<&[[u8; N]]> = sources.iter().map(|source| source.value_data().as_chunks::<N>().0).collect();
    let values: Vec<[u8; N]> = keys.iter().map(|key| slices[key.batch as usize][key.row as usize]).collect();
    values.into_flattened()
}

fn bytes<T: ByteArrayType<Offset = i32>>(sources: &[&ArrayRef], keys: &[RowKey]) -> Result<ArrayRef, ArrowError> {
    let sources = typed::<GenericByteArray<T>>(sources)?;
    let parts: Vec<(&[i32], &[u8])> =
        sources.iter().map(|source| (source.value_offsets(), source.value_data())).collect();
    let mut offsets = Vec::with_capacity(keys.len() + 1);
    offsets.push(0);
    let mut total = 0usize;
    for key in keys {
        let offsets_of = parts[key.batch as usize].0;
        let row = key.row as usize;
        total += (offsets_of[row + 1] - offsets_of[row]) as usize;
        offsets.push(i32::try_from(total).map_err(|_| ArrowError::OffsetOverflowError(total))?);
    }
    let mut values = Vec::with_capacity(total);
    for key in keys {
        let (offsets, data) = parts[key.batch as usize];
        let row = key.row as usize;
        values.extend_from_slice(&data[offsets[row] as usize..offsets[row + 1] as usize]);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(GenericByteArray::<T>::try_new(offsets, values.into(), nulls(&sources, keys))?))
}

/// Dictionaries of the sources joined: each value in use once, in the order of its first row.
fn dictionary<T: ByteArrayType<Offset = i32>>(sources: &[&ArrayRef], keys: &[RowKey]) -> Result<ArrayRef, ArrowError> {
    const NEW: i32 = -1;
    let sources = typed::<DictionaryArray<Int32Type>>(sources)?;
    let values: Vec<&ArrayRef> = sources.iter().map(|source| source.values()).collect();
    let values = typed::<GenericByteArray<T>>(&values)?;
    let mut joined_keys: Vec<Vec<i32>> = values.iter().map(|values| vec![NEW; values.len()]).collect();
    let mut joined: HashMap<&[u8], i32> = HashMap::new();
    let mut distinct: Vec<&[u8]> = Vec::new();
    let mut out = Vec::with_capacity(keys.len());
    for key in keys {
        let (batch, row) = (key.batch as usize, key.row as usize);
        if sources[batch].is_null(row) {
            out.push(0);
            continue;
        }
        let old = sources[batch].keys().value(row) as usize;
        if joined_keys[batch][old] == NEW {
            let value: &[u8] = values[batch].value(old).as_ref();
            joined_keys[batch][old] = *joined.entry(value).or_insert_with(|| {
                distinct.push(value);
                distinct.len() as i32 - 1
            });
        }
        out.push(joined_keys[batch][old]);
    }
    // As bytes first: text was valid where it came from, and is checked again on the way in.
    let distinct = BinaryArray::from_iter_values(distinct);
    let (offsets, bytes, _) = distinct.into_parts();
    let values = GenericByteArray::<T>::try_new(offsets, bytes, None)?;
    let nulls = nulls(&sources, keys);
    let keys = PrimitiveArray::<Int32Type>::try_new(out.into(), nulls)?;
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values))?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, BooleanBuilder, Float64Array, StringArray, StringDictionaryBuilder};
    use arrow::compute::interleave_record_batch;

    use super::*;

    /// A batch with a column of each kind, some of its rows null.
    fn batch(words: &[Option<&str>]) -> RecordBatch {
        let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
        let mut flags = BooleanBuilder::new();
        let ids = words.iter().map(|word| word.map(|word| [word.len() as u8; 16]));
        for word in words {
            dictionary.append_option(*word);
            flags.append_option(word.map(|word| word.len() % 2 == 0));
        }
        let floats: Float64Array = words.iter().map(|word| word.map(|word| word.len() as f64)).collect();
        let columns: [(&str, ArrayRef); 5] = [
            ("words", Arc::new(dictionary.finish())),
            ("flags", Arc::new(flags.finish())),
            ("ids", Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, 16).unwrap())),
            ("text", Arc::new(words.iter().copied().collect::<StringArray>())),
            ("floats", Arc::new(floats)),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    }

    #[test]
    fn gives_the_rows_that_interleaving_gives() {
        let batches = [
            batch(&[Some("a"), None, Some("bcd"), Some("a")]),
            batch(&[Some("bcd"), Some("ef"), None]),
            batch(&[Some("ghij")]).slice(0, 1),
            batch(&[Some("x"), Some("yz"), None, Some("a")]).slice(1, 3),
        ];
        let picks = [(3, 2), (0, 0), (2, 0), (1, 2), (3, 0), (0, 2), (0, 1), (1, 0), (3, 1), (1, 1), (0, 0)];
        let keys: Vec<RowKey> = picks.iter().map(|&(batch, row)| RowKey { id: 0, time: 0, batch, row }).collect();
        let indices: Vec<_> = picks.iter().map(|&(batch, row)| (batch as usize, row as usize)).collect();
        let expected = interleave_record_batch(&batches.iter().collect::<Vec<_>>(), &indices).unwrap();
        let gathered = gather(&batches, &keys).unwrap();
        assert_eq!(gathered.schema(), expected.schema());
        for (gathered, expected) in gathered.columns().iter().zip(expected.columns()).skip(1) {
            assert_eq!(gathered, expected);
        }
        let text = |batch: &RecordBatch| arrow::compute::cast(batch.column(0), &DataType::Utf8).unwrap();
        assert_eq!(&text(&gathered), &text(&expected));
        let values = gathered.column(0).as_dictionary::<Int32Type>().values().len();
        assert_eq!(values, 5, "each value in use once, those not in use left out");
    }

    #[test]
    fn no_batches_and_unknown_types_are_errors() {
        assert!(gather(&[], &[]).is_err());
        let column: ArrayRef = Arc::new(arrow::array::Int16Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("short", column)]).unwrap();
        assert!(gather(&[batch], &[]).is_err());
    }
}
