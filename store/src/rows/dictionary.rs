//! A dictionary column under construction, for values of which a request has few: most rows have that of the row before.

use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{DictionaryArray, GenericByteArray, PrimitiveArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ByteArrayType, Int32Type};
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

const ROOM: &str = "a request has fewer than 2^31 bytes";

/// Texts or bytes, by `T`. Takes no memory before the first row.
pub(super) struct Dictionary<T> {
    keys: Vec<i32>,
    values: Values,
    key_of: HashTable<i32>,
    hasher: DefaultHashBuilder,
    kind: PhantomData<T>,
}

/// The distinct values, one after another.
#[derive(Default)]
struct Values {
    bytes: Vec<u8>,
    ends: Vec<i32>,
}

impl Values {
    fn get(&self, key: i32) -> &[u8] {
        let key = key as usize;
        let start = if key == 0 { 0 } else { self.ends[key - 1] };
        &self.bytes[start as usize..self.ends[key] as usize]
    }
}

impl<T> Default for Dictionary<T> {
    fn default() -> Self {
        Dictionary::with_capacity(0)
    }
}

impl<T> Dictionary<T> {
    /// With room for so many rows.
    pub(super) fn with_capacity(n: usize) -> Self {
        Dictionary {
            keys: Vec::with_capacity(n),
            values: Values::default(),
            key_of: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            kind: PhantomData,
        }
    }
}

impl<T: ByteArrayType<Offset = i32>> Dictionary<T> {
    pub(super) fn push(&mut self, value: &T::Native) {
        let value: &[u8] = value.as_ref();
        let key = match self.keys.last() {
            Some(last) if self.values.get(*last) == value => *last,
            _ => self.key(value),
        };
        self.keys.push(key);
    }

    /// The key of `value`, a new one for a new value.
    fn key(&mut self, value: &[u8]) -> i32 {
        let Dictionary { values, hasher, .. } = self;
        let is = |key: &i32| values.get(*key) == value;
        match self.key_of.entry(hasher.hash_one(value), is, |key| hasher.hash_one(values.get(*key))) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let key = values.ends.len() as i32;
                new.insert(key);
                values.bytes.extend_from_slice(value);
                values.ends.push(i32::try_from(values.bytes.len()).expect(ROOM));
                key
            }
        }
    }

    pub(super) fn finish(self) -> DictionaryArray<Int32Type> {
        let Values { bytes, ends } = self.values;
        let offsets = OffsetBuffer::new(ScalarBuffer::from_iter(std::iter::once(0).chain(ends)));
        let values = GenericByteArray::<T>::try_new(offsets, bytes.into(), None).expect("the values are of this type");
        let keys = PrimitiveArray::<Int32Type>::new(self.keys.into(), None);
        DictionaryArray::try_new(keys, Arc::new(values)).expect("each key has a value")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use arrow::datatypes::Utf8Type;

    use super::*;

    #[test]
    fn keeps_each_value_once_and_the_rows_in_order() {
        let words: Vec<String> = (0..2000).map(|row| "é".repeat(row / 3 % 70)).collect();
        let mut dictionary = Dictionary::<Utf8Type>::default();
        words.iter().for_each(|word| dictionary.push(word));
        let array = dictionary.finish();
        assert_eq!(array.values().len(), 70);
        let typed = array.downcast_dict::<StringArray>().unwrap();
        assert!(typed.into_iter().eq(words.iter().map(|word| Some(word.as_str()))));
        assert_eq!(Dictionary::<Utf8Type>::default().finish().len(), 0);
    }
}
