//! What the store makes of the clock that its callers read.
//!
//! A clock that jumps must neither delete data nor have it refused. So a jump of more than an hour, against a clock that only
//! counts on, is not believed at once: for an hour nothing is deleted by age, and limits of time are the laxer of what the clock
//! says and what it would say had it not jumped. Then it was no mistake.

use std::time::Duration;

use model::Nanos;
use model::time::HOUR;

/// A difference below this is drift, a correction, or a machine that was asleep for a moment.
const MAX_STEP: Nanos = HOUR;
/// How long a jump is doubted.
const DOUBT: Duration = Duration::from_secs(3600);

/// Compares each reading of the clock with the last one.
#[derive(Debug, Default)]
pub(crate) struct ClockGuard {
    last: Option<At>,
    doubt: Option<Doubt>,
}

/// A reading of both clocks.
#[derive(Clone, Copy, Debug)]
struct At {
    now: Nanos,
    /// By the clock that only counts on.
    counted: Duration,
}

impl At {
    /// What the clock says at `counted` if it has not jumped since.
    fn expected(&self, counted: Duration) -> Nanos {
        let passed = counted.saturating_sub(self.counted).as_nanos();
        self.now.saturating_add(Nanos::try_from(passed).unwrap_or(Nanos::MAX))
    }
}

#[derive(Debug)]
struct Doubt {
    /// The last reading before the jump.
    before: At,
    ends: Duration,
}

/// What to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The time is between these two: equal, but while a jump is doubted.
    pub(crate) earliest: Nanos,
    pub(crate) latest: Nanos,
    /// How far the clock has jumped, and that it is doubted.
    pub(crate) jump: Option<Nanos>,
}

impl ClockGuard {
    /// A guard that knows of a time before the first reading: that of the last request in the log, say.
    pub(crate) fn since(known: Option<Nanos>) -> Self {
        ClockGuard { last: known.map(|now| At { now, counted: Duration::ZERO }), doubt: None }
    }

    /// Takes a reading: the clock says `now`, and `counted` by the one that only counts on.
    pub(crate) fn read(&mut self, now: Nanos, counted: Duration) -> Reading {
        let last = self.last.replace(At { now, counted });
        let jumped = last.filter(|last| distance(now, last.expected(counted)) > MAX_STEP);
        let before = self.doubt.as_ref().map(|doubt| doubt.before).or(jumped);
        match before {
            Some(before) if jumped.is_some() => {
                let back = distance(now, before.expected(counted)) <= MAX_STEP;
                let by = now.saturating_sub(before.expected(counted)) / model::time::SECOND;
                if back {
                    tracing::warn!("the clock is back where it was before its jump");
                } else {
                    tracing::warn!(seconds = by, "the clock has jumped; nothing is deleted by age for an hour");
                }
                self.doubt = (!back).then(|| Doubt { before, ends: counted + DOUBT });
            }
            _ => {}
        }
        if self.doubt.as_ref().is_some_and(|doubt| counted >= doubt.ends) {
            tracing::info!("the clock has stayed where it jumped to for an hour, and is believed");
            self.doubt = None;
        }
        match &self.doubt {
            Some(doubt) => {
                let expected = doubt.before.expected(counted);
                let (earliest, latest) = (now.min(expected), now.max(expected));
                Reading { earliest, latest, jump: Some(now.saturating_sub(expected)) }
            }
            None => Reading { earliest: now, latest: now, jump: None },
        }
    }
}

fn distance(a: Nanos, b: Nanos) -> Nanos {
    a.saturating_sub(b).saturating_abs()
}

#[cfg(test)]
mod tests {
    use model::time::{DAY, MINUTE, SECOND};

    use super::*;

    const START: Nanos = 1_700_000_000 * SECOND;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn sure(now: Nanos) -> Reading {
        Reading { earliest: now, latest: now, jump: None }
    }

    #[test]
    fn time_that_passes_is_no_jump_and_neither_are_small_steps() {
        let mut guard = ClockGuard::default();
        assert_eq!(guard.read(START, seconds(5)), sure(START));
        assert_eq!(guard.read(START + 30 * DAY, seconds(5 + 30 * 86_400)), sure(START + 30 * DAY));
        let steps = [59 * MINUTE, -59 * MINUTE, 30 * MINUTE];
        let mut now = START + 30 * DAY;
        for step in steps {
            now += step;
            assert_eq!(guard.read(now, seconds(5 + 30 * 86_400)), sure(now));
        }
    }

    #[test]
    fn a_jump_is_doubted_for_an_hour_and_then_believed() {
        for by in [2 * HOUR, 3650 * DAY, -2 * HOUR, -START] {
            let mut guard = ClockGuard::default();
            guard.read(START, seconds(0));
            let (expected, now) = (START + 10 * SECOND, START + by + 10 * SECOND);
            let doubted = Reading { earliest: now.min(expected), latest: now.max(expected), jump: Some(by) };
            assert_eq!(guard.read(now, seconds(10)), doubted, "{by}");
            assert_eq!(guard.read(now + 3599 * SECOND, seconds(3609)).jump, Some(by));
            assert_eq!(guard.read(now + HOUR, seconds(3610)), sure(now + HOUR));
        }
    }

    #[test]
    fn a_clock_that_comes_back_is_believed_at_once() {
        let mut guard = ClockGuard::default();
        guard.read(START, seconds(0));
        guard.read(START + 10 * DAY, seconds(0));
        guard.read(START + 20 * DAY, seconds(60));
        assert_eq!(guard.read(START + MINUTE, seconds(60)), sure(START + MINUTE));
    }

    #[test]
    fn a_start_long_after_the_last_request_counts_as_a_jump() {
        let reading = ClockGuard::since(Some(START)).read(START + 2 * HOUR, seconds(1));
        assert_eq!(reading.jump, Some(2 * HOUR - SECOND));
        assert_eq!(ClockGuard::since(Some(START)).read(START + MINUTE, seconds(1)).jump, None);
        assert_eq!(ClockGuard::since(None).read(START, seconds(1)).jump, None);
    }

    #[test]
    fn no_reading_overflows() {
        let mut guard = ClockGuard::default();
        for now in [Nanos::MIN, Nanos::MAX, 0, Nanos::MIN, -1, Nanos::MAX] {
            guard.read(now, Duration::MAX / 2);
        }
    }
}
