//! What came in during the last hour, in buckets of ten seconds: the live rates of the Ingest page.

use model::Nanos;
use model::time::SECOND;

/// The length of a bucket.
pub const BUCKET: Nanos = 10 * SECOND;
/// An hour of them, and the one that is being filled.
const N_BUCKETS: usize = 361;
/// The live rate is that of the bucket being filled and of so many before it.
const LIVE: i64 = 5;

/// What came in during ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Its place in time: the start is this times [`BUCKET`].
    number: i64,
    pub accepted: u64,
    pub rejected: u64,
    /// Requests refused as a whole.
    pub refused: u64,
    /// Of successful requests, decompressed.
    pub bytes: u64,
}

/// The buckets of one signal, in a ring.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    ring: Box<[Bucket; N_BUCKETS]>,
}

impl Default for Rates {
    fn default() -> Self {
        Rates { ring: Box::new([Bucket { number: i64::MIN, ..Bucket::default() }; N_BUCKETS]) }
    }
}

/// The last minute and the last hour of one signal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastHour {
    /// Items and bytes of the last minute, per second.
    pub items_per_second: f64,
    pub bytes_per_second: f64,
    /// Items left out and requests refused in the last minute.
    pub rejected: u64,
    pub refused: u64,
    /// The hour before, oldest first, without the bucket that is being filled.
    pub buckets: Vec<Bucket>,
}

impl Rates {
    pub(super) fn at(&mut self, now: Nanos) -> &mut Bucket {
        let number = now.div_euclid(BUCKET);
        let bucket = &mut self.ring[number.rem_euclid(N_BUCKETS as i64) as usize];
        if bucket.number != number {
            *bucket = Bucket { number, ..Bucket::default() };
        }
        bucket
    }

    fn bucket(&self, number: i64) -> Bucket {
        let bucket = self.ring[number.rem_euclid(N_BUCKETS as i64) as usize];
        if bucket.number == number { bucket } else { Bucket { number, ..Bucket::default() } }
    }

    /// As of `now`, of counts that began at `since`.
    pub(super) fn last_hour(&self, since: Nanos, now: Nanos) -> LastHour {
        let current = now.div_euclid(BUCKET);
        let live = (current - LIVE..=current).map(|number| self.bucket(number));
        let sum = live.fold(Bucket::default(), |sum, it| Bucket {
            number: 0,
            accepted: sum.accepted + it.accepted,
            rejected: sum.rejected + it.rejected,
            refused: sum.refused + it.refused,
            bytes: sum.bytes + it.bytes,
        });
        // Of the bucket being filled only what is over, and nothing of before the start.
        let length = (now - (current - LIVE) * BUCKET).min(now.saturating_sub(since)).max(SECOND);
        let seconds = length as f64 / SECOND as f64;
        LastHour {
            items_per_second: sum.accepted as f64 / seconds,
            bytes_per_second: sum.bytes as f64 / seconds,
            rejected: sum.rejected,
            refused: sum.refused,
            buckets: (current - N_BUCKETS as i64 + 1..current).map(|number| self.bucket(number)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::time::HOUR;

    use super::*;

    #[test]
    fn the_live_rate_is_of_the_last_minute_and_of_what_is_over_of_it() {
        let mut rates = Rates::default();
        let start = 1_000 * HOUR;
        for second in 0..600 {
            let bucket = rates.at(start + second * SECOND);
            bucket.accepted += 20;
            bucket.bytes += 1_000;
        }
        let hour = rates.last_hour(start, start + 599 * SECOND);
        // 60 seconds have come in the 59 that are over.
        assert!((hour.items_per_second - 20.0 * 60.0 / 59.0).abs() < 1e-9, "{}", hour.items_per_second);
        assert_eq!(hour.buckets.len(), 360);
        assert_eq!(hour.buckets.iter().filter(|bucket| bucket.accepted == 200).count(), 59);
        let young = rates.last_hour(start + 598 * SECOND, start + 599 * SECOND);
        assert!(young.items_per_second > 1_000.0, "counts of one second are divided by one");
    }

    #[test]
    fn an_hour_later_nothing_is_left_and_a_clock_that_goes_back_starts_anew() {
        let mut rates = Rates::default();
        rates.at(5 * HOUR).accepted = 7;
        let count = |rates: &Rates, now| rates.last_hour(0, now).buckets.iter().map(|it| it.accepted).sum::<u64>();
        assert_eq!(count(&rates, 5 * HOUR + BUCKET), 7);
        assert_eq!(count(&rates, 6 * HOUR), 7);
        assert_eq!(count(&rates, 6 * HOUR + BUCKET), 0);
        rates.at(HOUR).accepted = 3;
        assert_eq!((count(&rates, HOUR + BUCKET), count(&rates, 5 * HOUR + BUCKET)), (3, 7));
    }
}
