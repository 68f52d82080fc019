//! Rows on their way out: a batch of one table with typed access to its columns.
//!
//! A column that a scan did not ask for, or that an old segment lacks, reads as empty, zero or `None`.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampNanosecondType, UInt8Type, UInt32Type};
use model::Nanos;

mod logs;
mod metrics;
mod spans;

pub use logs::LogChunk;
pub use metrics::{ExemplarChunk, PointChunk, SeriesChunk};
pub use spans::SpanChunk;

/// The column `name` of a batch, if it is there.
fn column(batch: &RecordBatch, name: &str) -> Option<ArrayRef> {
    batch.column_by_name(name).cloned()
}

/// A column of times.
pub(crate) struct Times(Option<ArrayRef>);

impl Times {
    pub(crate) fn of(batch: &RecordBatch, name: &str) -> Self {
        Times(column(batch, name).filter(|it| it.as_primitive_opt::<TimestampNanosecondType>().is_some()))
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> Nanos {
        self.0.as_ref().map_or(0, |it| it.as_primitive::<TimestampNanosecondType>().value(row))
    }

    /// The first and the last of all; `(MAX, MIN)` of none.
    pub(crate) fn bounds(&self) -> (Nanos, Nanos) {
        let times: &[Nanos] = self.0.as_ref().map_or(&[], |it| it.as_primitive::<TimestampNanosecondType>().values());
        times.iter().fold((Nanos::MAX, Nanos::MIN), |(first, last), time| (first.min(*time), last.max(*time)))
    }
}

struct Int64s(Option<ArrayRef>);

impl Int64s {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        Int64s(column(batch, name).filter(|it| it.as_primitive_opt::<Int64Type>().is_some()))
    }

    #[inline]
    fn get(&self, row: usize) -> Option<i64> {
        let array = self.0.as_ref()?;
        array.is_valid(row).then(|| array.as_primitive::<Int64Type>().value(row))
    }
}

struct UInt8s(Option<ArrayRef>);

impl UInt8s {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        UInt8s(column(batch, name).filter(|it| it.as_primitive_opt::<UInt8Type>().is_some()))
    }

    #[inline]
    fn get(&self, row: usize) -> u8 {
        self.0.as_ref().map_or(0, |it| it.as_primitive::<UInt8Type>().value(row))
    }
}

struct UInt32s(Option<ArrayRef>);

impl UInt32s {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        UInt32s(column(batch, name).filter(|it| it.as_primitive_opt::<UInt32Type>().is_some()))
    }

    #[inline]
    fn get(&self, row: usize) -> u32 {
        self.0.as_ref().map_or(0, |it| it.as_primitive::<UInt32Type>().value(row))
    }
}

/// A column of ids of `N` bytes.
pub(crate) struct Ids<const N: usize>(Option<ArrayRef>);

impl<const N: usize> Ids<N> {
    pub(crate) fn of(batch: &RecordBatch, name: &str) -> Self {
        Ids(column(batch, name)
            .filter(|it| it.as_fixed_size_binary_opt().is_some_and(|ids| ids.value_length() as usize == N)))
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<[u8; N]> {
        let array = self.0.as_ref()?;
        if array.is_null(row) {
            return None;
        }
        array.as_fixed_size_binary().value(row).try_into().ok()
    }
}

/// A dictionary-encoded column of text.
struct Words(Option<ArrayRef>);

impl Words {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        Words(column(batch, name).filter(|it| {
            it.as_dictionary_opt::<Int32Type>().is_some_and(|it| it.values().as_string_opt::<i32>().is_some())
        }))
    }

    #[inline]
    fn get(&self, row: usize) -> &str {
        let Some(array) = &self.0 else { return "" };
        let words = array.as_dictionary::<Int32Type>();
        words.key(row).map_or("", |key| words.values().as_string::<i32>().value(key))
    }

    /// The distinct values, of which some may not occur, and of each row its value's index.
    fn dictionary(&self) -> Option<(&arrow::array::StringArray, &[i32])> {
        let words = self.0.as_ref()?.as_dictionary::<Int32Type>();
        Some((words.values().as_string::<i32>(), words.keys().values()))
    }
}

/// A dictionary-encoded column of bytes.
struct SharedBytes(Option<ArrayRef>);

impl SharedBytes {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        SharedBytes(column(batch, name).filter(|it| {
            it.as_dictionary_opt::<Int32Type>().is_some_and(|it| it.values().as_binary_opt::<i32>().is_some())
        }))
    }

    #[inline]
    fn get(&self, row: usize) -> &[u8] {
        let Some(array) = &self.0 else { return &[] };
        let bytes = array.as_dictionary::<Int32Type>();
        bytes.key(row).map_or(&[], |key| bytes.values().as_binary::<i32>().value(key))
    }
}

struct Bytes(Option<ArrayRef>);

impl Bytes {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        Bytes(column(batch, name).filter(|it| it.as_binary_opt::<i32>().is_some()))
    }

    #[inline]
    fn get(&self, row: usize) -> &[u8] {
        self.get_option(row).unwrap_or_default()
    }

    #[inline]
    fn get_option(&self, row: usize) -> Option<&[u8]> {
        let array = self.0.as_ref()?;
        array.is_valid(row).then(|| array.as_binary::<i32>().value(row))
    }
}

struct Strings(Option<ArrayRef>);

impl Strings {
    fn of(batch: &RecordBatch, name: &str) -> Self {
        Strings(column(batch, name).filter(|it| it.as_string_opt::<i32>().is_some()))
    }

    #[inline]
    fn get(&self, row: usize) -> &str {
        self.0.as_ref().map_or("", |it| it.as_string::<i32>().value(row))
    }
}
