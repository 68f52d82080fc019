//! Whether the clock of the box can be trusted.

use std::time::{Duration, Instant};

use model::Nanos;
use model::time::{HOUR, SECOND};

/// A clock that moves so much more or less than time has passed was set.
const JUMP: Nanos = HOUR;

/// Watches the clock against the time that has passed, so that one that was set does neither fire nor resolve anything,
/// nor push the history out of the buckets.
#[derive(Default)]
pub(super) struct Clock {
    /// When the clock was last trusted, and what it said.
    trusted: Option<(Instant, Nanos)>,
    jumped_at: Option<Instant>,
}

impl Clock {
    /// An error while the clock is not trusted: after a jump of more than an hour, for an hour or until it is back.
    pub(super) fn check(&mut self, now: Nanos, instant: Instant) -> Result<(), String> {
        if let Some((then, said)) = self.trusted {
            let passed = Nanos::try_from(instant.duration_since(then).as_nanos()).unwrap_or(Nanos::MAX);
            let ahead = now.saturating_sub(said.saturating_add(passed));
            if ahead.unsigned_abs() > JUMP.unsigned_abs() {
                let jumped_at = *self.jumped_at.get_or_insert(instant);
                if instant.duration_since(jumped_at) < Duration::from_nanos(JUMP.unsigned_abs()) {
                    let way = if ahead > 0 { "forward" } else { "back" };
                    let by = slo::duration::format(ahead.saturating_abs() / SECOND * SECOND);
                    return Err(format!(
                        "the clock jumped {way} by {by}; alerts stay as they are until it is back, or for an hour"
                    ));
                }
            }
        }
        self.trusted = Some((instant, now));
        self.jumped_at = None;
        Ok(())
    }
}
