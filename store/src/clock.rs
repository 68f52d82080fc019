//! What the store makes of the clock that its callers read.
//!
//! A clock that jumps must neither delete data nor have it refused. So a jump of more than an hour, against a clock that only
//! counts on, is not believed at once: for an hour nothing is deleted by age, and limits of time are the laxer of what the clock
//! says and what it would say had it not jumped. Then it was no mistake.
//!
//! The last time that was believed is kept in a file, so that a restart does not end a doubt.

use std::path::Path;
use std::time::Duration;

use model::Nanos;
use model::time::{HOUR, MINUTE};

use crate::error::ReadError;
use crate::files;

/// A difference below this is drift, a correction, or a machine that was asleep for a moment.
const MAX_STEP: Nanos = HOUR;
/// How long a jump is doubted.
const DOUBT: Duration = Duration::from_secs(3600);

/// How old the time in the file may become: much less than what counts as a jump.
const SAVE_AFTER: Nanos = 10 * MINUTE;
const MAGIC: &[u8; 8] = b"HAECHIC1";

/// Compares each reading of the clock with the last one.
#[derive(Debug, Default)]
pub(crate) struct ClockGuard {
    last: Option<At>,
    doubt: Option<Doubt>,
    /// What the file has, as far as this guard knows.
    saved: Option<Nanos>,
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
        ClockGuard { last: known.map(|now| At { now, counted: Duration::ZERO }), ..ClockGuard::default() }
    }

    /// Keeps the time of a reading in the file at `path` if it is believed, and the file's has become old. An error leaves that
    /// for the next reading.
    pub(crate) fn save(&mut self, path: &Path, reading: Reading) {
        let fresh = self.saved.is_some_and(|saved| distance(reading.latest, saved) < SAVE_AFTER);
        if reading.jump.is_some() || fresh {
            return;
        }
        match save(path, reading.latest) {
            Ok(()) => self.saved = Some(reading.latest),
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot note the time"),
        }
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

    /// How far the clock had jumped at the last reading, if that is doubted.
    pub(crate) fn jump(&self) -> Option<Nanos> {
        let (doubt, last) = (self.doubt.as_ref()?, self.last?);
        Some(last.now.saturating_sub(doubt.before.expected(last.counted)))
    }
}

/// `magic | time i64 | crc32`, in nanoseconds since the epoch.
fn save(path: &Path, time: Nanos) -> std::io::Result<()> {
    let mut bytes = [MAGIC.as_slice(), &time.to_le_bytes()].concat();
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    files::replace(path, &bytes)
}

/// The time that was believed last, out of the file at `path`; `None` when there is no such file.
pub(crate) fn load(path: &Path) -> Result<Option<Nanos>, ReadError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ReadError::new(path, error)),
    };
    let checked = bytes.split_last_chunk::<4>().filter(|(it, crc)| crc32fast::hash(it) == u32::from_le_bytes(**crc));
    let time = checked.and_then(|(bytes, _)| bytes.strip_prefix(MAGIC)?.try_into().ok()).map(Nanos::from_le_bytes);
    time.map(Some)
        .ok_or_else(|| ReadError::new(path, format!("its {} bytes are no time with its checksum", bytes.len())))
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
    fn the_time_before_a_jump_is_what_the_file_keeps_until_the_jump_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = &dir.path().join("clock");
        assert_eq!(load(path).unwrap(), None);
        let mut guard = ClockGuard::default();
        let mut round = |now, counted| {
            let reading = guard.read(now, seconds(counted));
            guard.save(path, reading);
            load(path).unwrap().unwrap()
        };
        assert_eq!(round(START, 0), START);
        assert_eq!(round(START + MINUTE, 60), START);
        assert_eq!(round(START + 10 * MINUTE, 600), START + 10 * MINUTE);
        let jumped = START + 3650 * DAY;
        assert_eq!(round(jumped, 660), START + 10 * MINUTE);
        assert_eq!(round(jumped + HOUR, 4260), jumped + HOUR);
        let bytes = std::fs::read(path).unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(path, &bytes[..cut]).unwrap();
            assert!(load(path).is_err(), "{cut}");
        }
    }

    #[test]
    fn no_reading_overflows() {
        let mut guard = ClockGuard::default();
        for now in [Nanos::MIN, Nanos::MAX, 0, Nanos::MIN, -1, Nanos::MAX] {
            guard.read(now, Duration::MAX / 2);
        }
    }
}
