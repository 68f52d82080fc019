//! The segment that a merge writes, and what it counts on the way.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use crate::error::ReadError;
use crate::segment::SegmentWriter;

/// Why a merge ended early.
#[derive(Debug)]
pub(super) enum MergeError {
    /// An input cannot be read; its number and why.
    Input(u64, ReadError),
    Output(ReadError),
    /// The inputs can be read, but not merged.
    Inputs(String),
    /// The store closes.
    Closed,
}

impl From<ArrowError> for MergeError {
    fn from(error: ArrowError) -> Self {
        MergeError::Inputs(error.to_string())
    }
}

pub(super) struct Output<'a> {
    pub(super) writer: SegmentWriter,
    /// Whether to go on; asked at each row group.
    pub(super) may_go_on: &'a dyn Fn() -> bool,
    /// Rows left out because another stands for them.
    pub(super) duplicates: u64,
    /// Of those, points that had another value.
    pub(super) conflicts: u64,
}

impl Output<'_> {
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<(), MergeError> {
        if !(self.may_go_on)() {
            return Err(MergeError::Closed);
        }
        self.writer.write_group(rows).map_err(MergeError::Output)
    }
}
