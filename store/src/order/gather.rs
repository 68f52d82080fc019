//! Copies rows of several batches into one, column by column.
//!
//! As `arrow::compute::interleave_record_batch`, but quick where the tables of the store are wide: ids of fixed width are
//! copied by the array, and of dictionaries only the values in use are joined, each once.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, BooleanBufferBuilder, DictionaryArray,
    FixedSizeBinaryArray, GenericByteArray, PrimitiveArray, RecordBatch, new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    BinaryType, ByteArrayType, DataType, Float64Type, Int32Type, Int64Type, SchemaRef, TimestampNanosecondType,
    UInt8Type, UInt32Type, Utf8Type,
};
use arrow::error::ArrowError;
use hashbrown::HashMap;

use super::RowKey;

/// The rows that `keys` name, in that order. All batches have the same schema.
pub(crate) fn gather(batches: &[RecordBatch], keys: &[RowKey]) -> Result<RecordBatch, ArrowError> {
    Gather::new(batches)?.rows(keys)
}

/// Batches to gather from, again and again: what all rows have in common is found out once.
pub(crate) struct Gather<'a> {
    schema: SchemaRef,
    columns: Vec<Column<'a>>,
}

enum Column<'a> {
    /// Null, or zero, in every row.
    Same(Same),
    Text(Joined<'a, Utf8Type>),
    Bytes(Joined<'a, BinaryType>),
    Other(Vec<&'a ArrayRef>),
}

impl<'a> Gather<'a> {
    /// All of `batches` have the same schema.
    pub(crate) fn new(batches: &'a [RecordBatch]) -> Result<Self, ArrowError> {
        let none = || ArrowError::ComputeError("no batches to gather from".into());
        let schema = batches.first().ok_or_else(none)?.schema();
        let columns = (0..schema.fields().len()).map(|index| {
            let sources: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(index)).collect();
            Column::new(schema.field(index).data_type(), sources)
        });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Gather { schema, columns })
    }

    /// The rows that `keys` name, in that order.
    pub(crate) fn rows(&mut self, keys: &[RowKey]) -> Result<RecordBatch, ArrowError> {
        let columns = self.columns.iter_mut().map(|column| column.rows(keys)).collect::<Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

impl<'a> Column<'a> {
    fn new(data_type: &DataType, sources: Vec<&'a ArrayRef>) -> Result<Self, ArrowError> {
        if sources.iter().all(|source| source.null_count() == source.len()) {
            return Ok(Column::Same(Same::new(data_type, new_null_array)));
        }
        let zeros = match data_type {
            DataType::Int64 => Same::zeros::<Int64Type>(&sources),
            DataType::UInt8 => Same::zeros::<UInt8Type>(&sources),
            DataType::UInt32 => Same::zeros::<UInt32Type>(&sources),
            DataType::Timestamp(..) => Same::zeros::<TimestampNanosecondType>(&sources),
            _ => None,
        };
        if let Some(zeros) = zeros {
            return Ok(Column::Same(zeros));
        }
        Ok(match data_type {
            DataType::Dictionary(_, values) if **values == DataType::Utf8 => Column::Text(Joined::new(&sources)?),
            DataType::Dictionary(_, values) if **values == DataType::Binary => Column::Bytes(Joined::new(&sources)?),
            _ => Column::Other(sources),
        })
    }

    fn rows(&mut self, keys: &[RowKey]) -> Result<ArrayRef, ArrowError> {
        let sources = match self {
            Column::Same(same) => return Ok(same.rows(keys.len())),
            Column::Text(joined) => return joined.rows(keys),
            Column::Bytes(joined) => return joined.rows(keys),
            Column::Other(sources) => sources.as_slice(),
        };
        match sources[0].data_type() {
            DataType::Int64 => primitives::<Int64Type>(sources, keys),
            DataType::UInt8 => primitives::<UInt8Type>(sources, keys),
            DataType::UInt32 => primitives::<UInt32Type>(sources, keys),
            DataType::Float64 => primitives::<Float64Type>(sources, keys),
            DataType::Timestamp(..) => primitives::<TimestampNanosecondType>(sources, keys),
            DataType::Boolean => booleans(sources, keys),
            DataType::FixedSizeBinary(width) => fixed_size(sources, keys, *width),
            DataType::Utf8 => bytes::<Utf8Type>(sources, keys),
            DataType::Binary => bytes::<BinaryType>(sources, keys),
            other => Err(ArrowError::NotYetImplemented(format!("gathering a column of {other}"))),
        }
    }
}

/// A column of which all rows are the same. It is made once: memory that is asked for zeroed, part after part, costs a call of
/// the kernel and a fault of each page every time.
struct Same {
    data_type: DataType,
    make: fn(&DataType, usize) -> ArrayRef,
    longest: ArrayRef,
}

impl Same {
    fn new(data_type: &DataType, make: fn(&DataType, usize) -> ArrayRef) -> Self {
        Same { data_type: data_type.clone(), make, longest: make(data_type, 0) }
    }

    /// A column that is zero in every row of `sources`; `None` when it is not.
    fn zeros<T: ArrowPrimitiveType>(sources: &[&ArrayRef]) -> Option<Self> {
        fn make<T: ArrowPrimitiveType>(data_type: &DataType, n: usize) -> ArrayRef {
            let values = ScalarBuffer::from(vec![T::Native::default(); n]);
            Arc::new(PrimitiveArray::<T>::new(values, None).with_data_type(data_type.clone()))
        }
        let is_zero = |source: &&PrimitiveArray<T>| {
            source.null_count() == 0 && source.values().iter().all(|value| *value == T::Native::default())
        };
        let zeros = typed::<PrimitiveArray<T>>(sources).is_ok_and(|sources| sources.iter().all(is_zero));
        zeros.then(|| Same::new(sources[0].data_type(), make::<T>))
    }

    fn rows(&mut self, n: usize) -> ArrayRef {
        if self.longest.len() < n {
            self.longest = (self.make)(&self.data_type, n);
        }
        self.longest.slice(0, n)
    }
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
    let valid: Vec<Option<&NullBuffer>> = sources.iter().map(|source| source.nulls()).collect();
    let is_valid = |index: usize| {
        let key = &keys[index];
        valid[key.batch as usize].is_none_or(|valid| valid.is_valid(key.row as usize))
    };
    Some(NullBuffer::new(BooleanBuffer::collect_bool(keys.len(), is_valid)))
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

/// Dictionaries of several arrays joined while rows are gathered: each value once, in the order of its first row. A value that
/// no row has had is not among them.
struct Joined<'a, T: ByteArrayType> {
    sources: Vec<&'a DictionaryArray<Int32Type>>,
    values: Vec<&'a GenericByteArray<T>>,
    /// For each source, what has become of its keys.
    joined_keys: Vec<Vec<i32>>,
    key_of: HashMap<&'a [u8], i32>,
    distinct: Vec<&'a [u8]>,
    /// The distinct values so far.
    array: Option<Arc<GenericByteArray<T>>>,
}

const NEW: i32 = -1;

impl<'a, T: ByteArrayType<Offset = i32>> Joined<'a, T> {
    fn new(sources: &[&'a ArrayRef]) -> Result<Self, ArrowError> {
        let sources = typed::<DictionaryArray<Int32Type>>(sources)?;
        let values: Vec<&'a ArrayRef> = sources.iter().map(|source| source.values()).collect();
        let values = typed::<GenericByteArray<T>>(&values)?;
        let joined_keys = values.iter().map(|values| vec![NEW; values.len()]).collect();
        Ok(Joined { sources, values, joined_keys, key_of: HashMap::new(), distinct: Vec::new(), array: None })
    }

    fn rows(&mut self, keys: &[RowKey]) -> Result<ArrayRef, ArrowError> {
        if self.distinct.len() > keys.len() {
            self.forget(); // values that are many are seldom those of the rows before
        }
        let n_before = self.distinct.len();
        let nulls = nulls(&self.sources, keys);
        let sources: Vec<&[i32]> = self.sources.iter().map(|source| &**source.keys().values()).collect();
        let mut out = Vec::with_capacity(keys.len());
        for (index, key) in keys.iter().enumerate() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(index)) {
                out.push(0);
                continue;
            }
            let (batch, old) = (key.batch as usize, sources[key.batch as usize][key.row as usize] as usize);
            let joined = match self.joined_keys[batch][old] {
                NEW => self.join(batch, old),
                joined => joined,
            };
            out.push(joined);
        }
        let values = match &self.array {
            Some(array) if self.distinct.len() == n_before => Arc::clone(array),
            _ => {
                // As bytes first: text was valid where it came from, and is checked again on the way in.
                let (offsets, bytes, _) = BinaryArray::from_iter_values(&self.distinct).into_parts();
                let array = Arc::new(GenericByteArray::<T>::try_new(offsets, bytes, None)?);
                Arc::clone(self.array.insert(array))
            }
        };
        let keys = PrimitiveArray::<Int32Type>::try_new(out.into(), nulls)?;
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
    }

    /// The key of a value that no row has had, of the source `batch`.
    fn join(&mut self, batch: usize, old: usize) -> i32 {
        let value: &'a [u8] = self.values[batch].value(old).as_ref();
        let distinct = &mut self.distinct;
        let joined = *self.key_of.entry(value).or_insert_with(|| {
            distinct.push(value);
            distinct.len() as i32 - 1
        });
        self.joined_keys[batch][old] = joined;
        joined
    }

    fn forget(&mut self) {
        self.joined_keys.iter_mut().for_each(|keys| keys.fill(NEW));
        self.key_of.clear();
        self.distinct.clear();
        self.array = None;
    }
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
    fn parts_gathered_one_after_another_are_those_gathered_alone() {
        let many: Vec<String> = (0..90).map(|number| format!("value {number}")).collect();
        let many: Vec<Option<&str>> = many.iter().map(|word| Some(word.as_str())).collect();
        let batches = [batch(&[Some("a"), None, Some("bcd")]), batch(&many), batch(&[Some("bcd"), Some("value 7")])];
        let keys: Vec<RowKey> = (0..200)
            .map(|index| (index % 3, [index % 3, index * 11 % 90, index % 2]))
            .map(|(batch, rows)| RowKey { id: 0, time: 0, batch, row: rows[batch as usize] })
            .collect();
        let text = |batch: &RecordBatch| arrow::compute::cast(batch.column(0), &DataType::Utf8).unwrap();
        let mut gather_all = Gather::new(&batches).unwrap();
        for part in keys.chunks(16) {
            let (together, alone) = (gather_all.rows(part).unwrap(), gather(&batches, part).unwrap());
            assert_eq!(&text(&together), &text(&alone));
            assert_eq!(together.columns()[1..], alone.columns()[1..]);
        }
    }

    #[test]
    fn a_column_of_zeros_keeps_its_type_and_one_with_a_null_its_null() {
        let times = |values: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(arrow::array::TimestampNanosecondArray::from(values).with_timezone("UTC"))
        };
        for (values, expected) in [
            (vec![Some(0), Some(0)], vec![Some(0), Some(0), Some(0)]),
            (vec![Some(0), None], vec![None, Some(0), None]),
            (vec![Some(0), Some(5)], vec![Some(5), Some(0), Some(5)]),
        ] {
            let batch = RecordBatch::try_from_iter_with_nullable([("time", times(values), true)]).unwrap();
            let keys = [1, 0, 1].map(|row| RowKey { id: 0, time: 0, batch: 0, row });
            assert_eq!(gather(&[batch], &keys).unwrap().column(0), &times(expected));
        }
    }

    #[test]
    fn no_batches_and_unknown_types_are_errors() {
        assert!(gather(&[], &[]).is_err());
        let column: ArrayRef = Arc::new(arrow::array::Int16Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("short", column)]).unwrap();
        let key = RowKey { id: 0, time: 0, batch: 0, row: 0 };
        assert!(gather(&[batch], &[key]).is_err());
    }
}
