//! The clock. Everything below gets the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Nanos;

/// Nanoseconds since the Unix epoch by the system's clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub(crate) fn now() -> Nanos {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX),
        Err(before) => -Nanos::try_from(before.duration().as_nanos()).unwrap_or(Nanos::MAX),
    }
}
