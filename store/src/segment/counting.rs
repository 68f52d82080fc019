//! Counting rows without reading them: by the footer, by the statistics in it, or by an index. None of these says of rows
//! that they can still be read.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use super::Segment;
use crate::error::ReadError;
use crate::files;

impl Segment {
    /// Fails when row group `index` cannot be read and that is known: since a read has met the damage, or since the file is not as
    /// long as it was. What failed is read again, so that an error of the disk that has passed costs no rows.
    pub(crate) fn check_countable(&self, index: usize) -> Result<(), ReadError> {
        if !self.failed().contains(&index) && self.has_its_length() {
            return Ok(());
        }
        self.read(index, &None, None, Vec::new())?;
        self.failed().remove(&index);
        Ok(())
    }

    /// Whether that holds for every row group, as far as is known.
    pub(crate) fn is_countable(&self) -> bool {
        self.failed().is_empty() && self.has_its_length()
    }

    fn has_its_length(&self) -> bool {
        self.entry.file(".parquet").is_some_and(|file| files::wrong_length(&self.path(), file.bytes).is_none())
    }

    /// The row groups that a read has failed for.
    pub(super) fn failed(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
