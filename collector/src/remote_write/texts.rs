//! What the labels of a request come to, written out.
//!
//! In 2.0 a reference of a byte or two stands for a text of up to 32 KiB, as often as it is there, and each new series has its
//! labels in columns of its own. So the size of a body alone would not bound its rows, neither when it arrives nor when the log
//! is replayed, where several bodies share columns. The limits are constants, so that replay agrees.

use super::labels::MAX_BYTES;

/// Bytes of labels of one request: as many as the largest request of 1.0 could have.
const MAX_TEXTS: usize = 64 << 20;
/// Bytes of labels to a byte of the body. A series with a sample has thirty bytes at least and, even of Kubernetes, rarely more
/// than 600 bytes of labels.
const RATIO: usize = 64;

const LARGE: &str = "the labels of the request, written out, take more than 64 MiB or 64 times its size; send smaller batches, or drop long labels";

/// How much of the limits a request has used.
#[derive(Debug, Default)]
pub(super) struct Texts {
    taken: usize,
    most: usize,
}

impl Texts {
    /// For a body of so many bytes.
    pub(super) fn of_body(size: usize) -> Self {
        // One series may always be as large as series may be.
        Texts { taken: 0, most: size.saturating_mul(RATIO).clamp(MAX_BYTES, MAX_TEXTS) }
    }

    /// Counts `bytes`, unless there is no room for them.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), &'static str> {
        let taken = self.taken.saturating_add(bytes);
        if taken > self.most {
            return Err(LARGE);
        }
        self.taken = taken;
        Ok(())
    }

    /// Bytes so far.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }
}
