//! Ids of traces and spans: they look random, and are a function of the trace's number.

use super::dice::Stream;

/// Makes ids. Distinct numbers give distinct ids.
#[derive(Clone, Copy)]
pub(in crate::load) struct Ids {
    high: Stream,
    low: Stream,
    span: Stream,
}

impl Ids {
    pub(in crate::load) fn new(seed: u64) -> Self {
        Ids {
            high: Stream::new(seed, "trace id, high"),
            low: Stream::new(seed, "trace id, low"),
            span: Stream::new(seed, "span id"),
        }
    }

    #[inline]
    pub(in crate::load) fn trace(self, number: u64) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.high.at(number).to_be_bytes());
        id[8..].copy_from_slice(&self.low.at(number).to_be_bytes());
        id
    }

    /// The id of span `ordinal`, below 256, of trace `number`. It is zero, which means "none", for one span in 2^64.
    #[inline]
    pub(in crate::load) fn span(self, number: u64, ordinal: usize) -> [u8; 8] {
        self.span.at(number << 8 | ordinal as u64).to_be_bytes()
    }
}
