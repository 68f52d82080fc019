//! The ring against a plain map of buckets that is counted afresh for every question.

use std::collections::BTreeMap;

use super::*;

/// A small deterministic generator (Knuth's MMIX constants); failures name the seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn count(&mut self) -> Count {
        let total = if self.below(3) == 0 { 0 } else { self.below(5000) };
        Count { good: total - if total > 0 { self.below(total + 1) } else { 0 }, total }
    }
}

/// What [`Buckets`] promises, in the plainest form.
#[derive(Default)]
struct Naive {
    counts: BTreeMap<i64, Count>,
}

impl Naive {
    fn replace(&mut self, first: i64, counts: &[Count], capacity: usize) {
        let last = first + counts.len() as i64;
        if let (Some((&start, _)), Some((&end, _))) = (self.counts.first_key_value(), self.counts.last_key_value()) {
            if last < start {
                return;
            }
            if first > end + 1 {
                self.counts.clear();
            }
        }
        self.counts.extend((first..last).zip(counts.iter().copied()));
        while self.counts.last_key_value().unwrap().0 - self.counts.first_key_value().unwrap().0 >= capacity as i64 {
            self.counts.pop_first();
        }
    }

    fn sum(&self, range: Range<i64>) -> Count {
        self.counts
            .iter()
            .filter(|(bucket, _)| range.contains(bucket))
            .fold(Count::default(), |sum, (_, count)| sum + *count)
    }
}

#[test]
fn sums_equal_a_naive_recount_under_random_replacements() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let capacity = 1 + random.below(40) as usize;
        let mut buckets = Buckets::new(10, capacity);
        let mut naive = Naive::default();
        let mut front = -50_i64;
        for round in 0..60 {
            front += random.below(6) as i64;
            let first = if random.below(20) == 0 { front + 30 } else { front - random.below(12) as i64 };
            let counts: Vec<Count> = (0..1 + random.below(20)).map(|_| random.count()).collect();
            front = front.max(first + counts.len() as i64);
            buckets.replace(first, &counts);
            naive.replace(first, &counts, capacity);
            let covered = *naive.counts.first_key_value().unwrap().0..*naive.counts.last_key_value().unwrap().0 + 1;
            assert_eq!(buckets.covered(), covered.clone(), "seed {seed} round {round}");
            for _ in 0..10 {
                let start = front - random.below(60) as i64;
                let range = start..start + random.below(50) as i64;
                assert_eq!(buckets.sum(range.clone()), naive.sum(range.clone()), "seed {seed} round {round} {range:?}");
            }
            let decoded = Buckets::decode(&buckets.encode(7), 7, 10, capacity).unwrap();
            assert_eq!(decoded.covered(), buckets.covered(), "seed {seed} round {round}");
            let cells = |buckets: &Buckets| covered.clone().map(|bucket| buckets.cell(bucket)).collect::<Vec<_>>();
            assert_eq!(cells(&decoded), cells(&buckets), "seed {seed} round {round}");
        }
    }
}

fn filled(first: i64, totals: &[u64]) -> Buckets {
    let mut buckets = Buckets::new(10, 100);
    let counts: Vec<Count> = totals.iter().map(|total| Count { good: 0, total: *total }).collect();
    buckets.replace(first, &counts);
    buckets
}

/// Width 10; buckets 0..6 hold 1, 2, 4, 8, 16, 32 events.
#[test]
fn a_window_ends_with_the_bucket_of_now_and_is_rounded_up_to_whole_buckets() {
    let buckets = filled(0, &[1, 2, 4, 8, 16, 32]);
    let table = [
        (59, 10, 32, 1.0),
        (50, 10, 32, 1.0),
        (49, 10, 16, 1.0),
        (59, 11, 48, 1.0),
        (59, 60, 63, 1.0),
        (59, 120, 63, 0.5),
        (69, 20, 32, 0.5),
        (200, 20, 0, 0.0),
        (-100, 20, 0, 0.0),
        (59, 0, 32, 1.0),
    ];
    for (now, length, total, coverage) in table {
        let window = window(&buckets, now, length);
        assert_eq!((window.count.total, window.coverage), (total, coverage), "{length} before {now}");
    }
}

fn window(buckets: &Buckets, now: Nanos, length: Nanos) -> WindowCount {
    buckets.counted(&buckets.window_buckets(now, length))
}

#[test]
fn counted_zero_differs_from_not_counted() {
    let mut buckets = Buckets::new(10, 100);
    assert_eq!(window(&buckets, 95, 50), WindowCount::default());
    buckets.replace(5, &[Count::default(); 5]);
    assert_eq!(window(&buckets, 95, 50), WindowCount { coverage: 1.0, ..WindowCount::default() });
    assert_eq!(Count::default().error_ratio(), None);
    assert_eq!(Count { good: 3, total: 4 }.error_ratio(), Some(0.25));
}

#[test]
fn a_recount_of_recent_buckets_replaces_them() {
    let mut buckets = filled(0, &[1, 1, 1]);
    buckets.replace(1, &[Count { good: 5, total: 10 }, Count { good: 1, total: 1 }, Count { good: 2, total: 2 }]);
    assert_eq!(buckets.sum(0..10), Count { good: 8, total: 14 });
    assert_eq!(buckets.covered(), 0..4);
}

#[test]
fn a_bucket_that_overflows_keeps_its_bad_events() {
    let mut buckets = Buckets::new(10, 2);
    buckets.replace(0, &[Count { good: u64::MAX - 5, total: u64::MAX }]);
    assert_eq!(buckets.sum(0..1), Count { good: u64::from(u32::MAX) - 5, total: u32::MAX.into() });
}

#[test]
fn extreme_times_do_not_overflow() {
    let mut buckets = Buckets::new(1, 4);
    for first in [i64::MIN, 0, i64::MAX - 1] {
        buckets.replace(first, &[Count { good: 1, total: 1 }]);
        assert_eq!(window(&buckets, first, i64::MAX).count.total, 1, "{first}");
    }
    buckets.replace(i64::MAX, &[Count { good: 1, total: 1 }; 3]);
}

#[test]
fn stored_buckets_of_another_definition_are_refused() {
    let bytes = filled(0, &[1, 2]).encode(7);
    assert_eq!(Buckets::decode(&bytes, 8, 10, 5).unwrap_err(), DecodeError::OtherDefinition);
    assert_eq!(Buckets::decode(&bytes, 7, 20, 5).unwrap_err(), DecodeError::OtherDefinition);
}

#[test]
fn a_smaller_ring_keeps_the_newest_stored_buckets() {
    let decoded = Buckets::decode(&filled(3, &[1, 2, 4, 8]).encode(7), 7, 10, 2).unwrap();
    assert_eq!((decoded.covered(), decoded.sum(0..10).total), (5..7, 12));
}

#[test]
fn every_damaged_byte_and_every_cut_is_noticed() {
    let bytes = filled(-3, &[1, 0, 0, 300, 70_000, 0]).encode(7);
    for at in 0..bytes.len() {
        assert!(Buckets::decode(&bytes[..at], 7, 10, 10).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(Buckets::decode(&damaged, 7, 10, 10).is_err(), "byte {at} bit {bit}");
        }
    }
}

/// Bytes with a right checksum but wrong content: what only a hostile writer or a bug makes.
#[test]
fn forged_content_is_refused() {
    let forge = |count: u32, body: &[u8]| {
        let mut bytes = Buckets::new(10, 1).encode(7);
        bytes.truncate(HEADER_WITHOUT_COUNT);
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        Buckets::decode(&bytes, 7, 10, 10).unwrap_err().to_string()
    };
    let table: [(u32, &[u8], &str); 7] = [
        (u32::MAX, &[], "the counts are damaged: more buckets than any window has"),
        (1, &[], "the counts are damaged: ends in its header"),
        (1, &[5, 6], "the counts are damaged: more bad events than events"),
        (2, &[0, 9], "the counts are damaged: more buckets than it says"),
        (1, &[5, 0, 1], "the counts are damaged: bytes after its end"),
        (1, &[0xff, 0xff, 0xff, 0xff, 0x1f], "the counts are damaged: a number beyond 32 bits"),
        (1, &[0xff, 0xff, 0xff, 0xff, 0xff, 0], "the counts are damaged: a number beyond 32 bits"),
    ];
    for (count, body, expected) in table {
        assert_eq!(forge(count, body), expected);
    }
}

const HEADER_WITHOUT_COUNT: usize = 32;

#[test]
fn a_newer_format_is_named() {
    let mut bytes = filled(0, &[1]).encode(7);
    bytes[7] = 2;
    bytes.truncate(bytes.len() - 4);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    assert_eq!(Buckets::decode(&bytes, 7, 10, 5).unwrap_err(), DecodeError::OtherFormat(2));
}

#[test]
fn the_stored_form_is_compact() {
    let month = 30 * 24 * 60;
    let mut buckets = Buckets::new(60, month);
    buckets.replace(0, &vec![Count { good: 2999, total: 3000 }; month]);
    assert_eq!(buckets.encode(7).len(), 36 + 3 * month + 4);
    buckets.replace(0, &vec![Count::default(); month]);
    assert!(buckets.encode(7).len() < 50);
}

#[test]
fn events_are_added_where_buckets_are_covered() {
    let mut buckets = Buckets::new(10, 4);
    buckets.extend(3, 5);
    let one = Count { good: 0, total: 1 };
    for bucket in 0..10 {
        buckets.add(bucket, one);
        buckets.add(bucket, Count { good: 1, total: 1 });
    }
    assert_eq!((buckets.covered(), buckets.sum(0..10)), (3..5, Count { good: 2, total: 4 }));
    buckets.extend(4, 8);
    assert_eq!((buckets.covered(), buckets.sum(0..10)), (4..8, Count { good: 1, total: 2 }));
    assert_eq!((buckets.emptied().covered(), buckets.emptied().sum(0..10)), (4..8, Count::default()));
    assert_eq!(buckets.last_event(), Some(4));
    assert_eq!(buckets.emptied().last_event(), None);
    // Beyond a gap it begins anew.
    buckets.extend(20, 21);
    assert_eq!((buckets.covered(), buckets.sum(0..30)), (20..21, Count::default()));
}
