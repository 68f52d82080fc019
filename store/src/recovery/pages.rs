//! Memory by small pages while the log is replayed.
//!
//! A replay takes columns and gives them back all the time. Each time the kernel zeroes what is taken anew: with transparent
//! huge pages 2 MiB where a few KiB are used, which was a fifth of the time on the processor with
//! metrics.

use rustix::thread::{disable_transparent_huge_pages, transparent_huge_pages_are_disabled};

/// While it is there, the process gets no huge pages that it did not ask for.
pub(super) struct SmallPages;

impl SmallPages {
    /// `None` where the kernel refuses, and where there are none already.
    pub(super) fn begin() -> Option<Self> {
        if transparent_huge_pages_are_disabled().unwrap_or(true) {
            return None;
        }
        disable_transparent_huge_pages(true).ok().map(|()| SmallPages)
    }
}

impl Drop for SmallPages {
    fn drop(&mut self) {
        _ = disable_transparent_huge_pages(false); // it could be done, so it can be undone
    }
}
