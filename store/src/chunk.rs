//! Rows on their way out: a batch of one table with typed access to its columns.
//!
//! A column that a scan did not ask for, or that an old segment lacks, reads as empty, zero or `None`.

use arrow::array::{
    Array, BinaryArray, DictionaryArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray, UInt8Array, UInt32Array,
};
use arrow::datatypes::Int32Type;
use model::Nanos;

mod logs;
mod metrics;
mod spans;

pub use logs::LogChunk;
pub use metrics::{ExemplarChunk, PointChunk, SeriesChunk};
pub use spans::SpanChunk;

/// The column `name` of a batch, if it is there and of type `A`. Taken out of `dyn Array` here, once, and not at each row.
fn column<A: Array + Clone + 'static>(batch: &RecordBatch, name: &str) -> Option<A> {
    batch.column_by_name(name)?.as_any().downcast_ref::<A>().cloned()
}

/// A column of times.
pub(crate) struct Times(Option<TimestampNanosecondArray>);

impl Times {
    pub(crate) fn of(batch: &RecordBatch, name: &str) -> Self {
        Times(column(batch, name))
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> Nanos {
        self.0.as_ref().map_or(0, |it| it.value(row))
    }

    /// The first and the last of all; `(MAX, MIN)` of none.
    pub(crate) fn bounds(&self) -> (Nanos, Nanos) {
        let times: &[Nanos] = self.0.as_ref().map_or(&[], |it| it.values());
        times.iter().fold((Nanos::MAX, Nanos::MIN), |(first, last), time| (first.min(*time), last.max(*time)))
    }
}

struct Int64s(Option<Int64Array>);

impl Int64s {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        Int64s(column(batch, name))
    }

    #[inline]
    fn get(&self, row: usize) -> Option<i64> {
        let array = self.0.as_ref()?;
        array.is_valid(row).then(|| array.value(row))
    }
}

struct UInt8s(Option<UInt8Array>);

impl UInt8s {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        UInt8s(column(batch, name))
    }

    #[inline]
    fn get(&self, row: usize) -> u8 {
        self.0.as_ref().map_or(0, |it| it.value(row))
    }
}

struct UInt32s(Option<UInt32Array>);

impl UInt32s {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        UInt32s(column(batch, name))
    }

    #[inline]
    fn get(&self, row: usize) -> u32 {
        self.0.as_ref().map_or(0, |it| it.value(row))
    }
}

/// A column of ids of `N` bytes.
pub(crate) struct Ids<const N: usize>(Option<FixedSizeBinaryArray>);

impl<const N: usize> Ids<N> {
    pub(crate) fn of(batch: &RecordBatch, name: &str) -> Self {
        Ids(column(batch, name).filter(|ids: &FixedSizeBinaryArray| ids.value_length() as usize == N))
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<[u8; N]> {
        let array = self.0.as_ref()?;
        if array.is_null(row) {
            return None;
        }
        array.value(row).try_into().ok()
    }
}

/// A dictionary-encoded column of text.
struct Words(Option<(DictionaryArray<Int32Type>, StringArray)>);

impl Words {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        Words(dictionary(batch, name))
    }

    #[inline]
    fn get(&self, row: usize) -> &str {
        let Some((array, words)) = &self.0 else { return "" };
        array.key(row).map_or("", |key| words.value(key))
    }

    /// The distinct values, of which some may not occur, and of each row its value's index.
    fn dictionary(&self) -> Option<(&StringArray, &[i32])> {
        let (array, words) = self.0.as_ref()?;
        Some((words, array.keys().values()))
    }
}

/// A dictionary-encoded column, and its dictionary.
fn dictionary<A: Array + Clone + 'static>(batch: &RecordBatch, name: &str) -> Option<(DictionaryArray<Int32Type>, A)> {
    let array: DictionaryArray<Int32Type> = column(batch, name)?;
    let values = array.values().as_any().downcast_ref::<A>()?.clone();
    Some((array, values))
}

/// A dictionary-encoded column of bytes.
struct SharedBytes(Option<(DictionaryArray<Int32Type>, BinaryArray)>);

impl SharedBytes {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        SharedBytes(dictionary(batch, name))
    }

    #[inline]
    fn key(&self, row: usize) -> Option<usize> {
        self.0.as_ref()?.0.key(row)
    }

    #[inline]
    fn get(&self, row: usize) -> &[u8] {
        let Some((array, values)) = &self.0 else { return &[] };
        array.key(row).map_or(&[], |key| values.value(key))
    }
}

struct Bytes(Option<BinaryArray>);

impl Bytes {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        Bytes(column(batch, name))
    }

    #[inline]
    fn get(&self, row: usize) -> &[u8] {
        self.get_option(row).unwrap_or_default()
    }

    #[inline]
    fn get_option(&self, row: usize) -> Option<&[u8]> {
        let array = self.0.as_ref()?;
        array.is_valid(row).then(|| array.value(row))
    }
}

struct Strings(Option<StringArray>);

impl Strings {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        Strings(column(batch, name))
    }

    #[inline]
    fn get(&self, row: usize) -> &str {
        self.0.as_ref().map_or("", |it| it.value(row))
    }
}
