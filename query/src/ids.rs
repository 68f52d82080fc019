//! Id columns of a chunk, for loops that need nothing else of its rows.

use arrow::array::{Array, AsArray, FixedSizeBinaryArray, RecordBatch};

/// A column of ids of `N` bytes.
pub(crate) struct Ids<'a, const N: usize>(Option<&'a FixedSizeBinaryArray>);

impl<'a, const N: usize> Ids<'a, N> {
    /// The column `name`; when the scan left it out, one of nulls.
    pub(crate) fn of(batch: &'a RecordBatch, name: &str) -> Self {
        Ids(batch.column_by_name(name).and_then(|column| column.as_fixed_size_binary_opt()))
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<[u8; N]> {
        let ids = self.0.filter(|ids| ids.is_valid(row))?;
        ids.value(row).try_into().ok()
    }
}
