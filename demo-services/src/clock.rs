//! The clock of the demo processes. They are applications of their own, not parts of the box: they may ask for the
//! time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the seconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the one place where a demo process reads the clock")]
pub(crate) fn unix_seconds() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}
