//! How long to wait before a service is started again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// A process that has run this long did not end because of how it was started.
const STABLE: Duration = Duration::from_secs(60);

/// Doubling pauses.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// Returns the pause after a process that ran for `uptime`.
    pub(super) fn pause_after(&mut self, uptime: Duration) -> Duration {
        let pause = match self.last {
            Some(last) if uptime < STABLE => (last * 2).min(LONGEST),
            _ => FIRST,
        };
        self.last = Some(pause);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_start_anew_after_a_stable_run() {
        let mut backoff = Backoff::default();
        let short = Duration::from_secs(1);
        let pauses: Vec<_> = (0..7).map(|_| backoff.pause_after(short).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.pause_after(STABLE).as_secs(), 1);
    }
}
