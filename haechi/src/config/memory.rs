//! The memory budget: one number, and what it gives to each part of the box that grows with the data, with what is sent or
//! with what is asked. Where a part has no more, requests are refused for now, and queries end with an error.

use std::path::Path;

use collector::Limits;
use store::StoreConfig;

/// The process itself takes some 60 MiB, and one request of the greatest size is to fit.
pub(super) const MIN: u64 = 384 << 20;

/// How large the greatest request may be: what SDKs batch fits into the least, and [`MIN`] is for the greatest, which is what
/// the OTLP specification recommends.
pub(super) const REQUEST: std::ops::RangeInclusive<usize> = 1 << 20..=64 << 20;

/// Bytes that a request in progress takes for each of its own: the columns that are made of it are about twice as large.
const BYTES_OF_A_REQUEST_BYTE: usize = 3;

/// Bytes that a series takes in the index of series, with its attributes and postings.
const BYTES_OF_A_SERIES: usize = 512;

/// The most memory that the box is to take, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory(pub(super) usize);

impl Memory {
    /// A store in the directory `dir`.
    pub(crate) fn store(self, dir: &Path) -> StoreConfig {
        StoreConfig::with_memory(dir, self.0 / 5 * 2)
    }

    /// Series, when the configuration does not say how many.
    pub(super) fn series(self) -> usize {
        self.0 / 6 / BYTES_OF_A_SERIES
    }

    /// Requests of up to `max_request` bytes after decompression.
    pub(crate) fn receiver(self, max_request: usize) -> Limits {
        let limits = Limits { max_body: max_request, ..Limits::default() };
        // A request of the greatest size fits, and what it was compressed from.
        let least = limits.max_body + limits.max_body / 2;
        Limits { max_in_progress: (self.0 / 8 / BYTES_OF_A_REQUEST_BYTE).max(least), ..limits }
    }

    /// Operators of SQL queries.
    #[cfg(feature = "sql")]
    pub(crate) fn sql(self) -> sql::SqlConfig {
        sql::SqlConfig { memory: self.0 / 8, ..sql::SqlConfig::default() }
    }
}
