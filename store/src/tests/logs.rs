//! Log records: searched by words, read newest first, and counted, wherever they are.

use model::{Attrs, LogRecord, Nanos, Resource, Scope, TimeRange};
use proptest::prelude::*;

use super::{Bytes, Request, Rows, Store, open};
use crate::text::{Phrase, query_tokens};
use crate::{DamageKind, LogCount, Order, Scan};

const WORDS: [&str; 8] = ["alpha", "Beta", "gamma", "deadbeef01", "8080", "결제실패", "결제", "delta"];

/// A record of these tests; what it says follows from its number.
fn body(number: u64) -> String {
    let pick = |n: u64| WORDS[(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(n as u32 * 7) % 8) as usize];
    match number % 5 {
        0 => format!("{} {}", pick(1), pick(2)),
        1 => format!("id {:016x} {}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15), pick(3)),
        _ => format!("GET /{} {} {}ms", pick(1), number % 7, number % 1000),
    }
}

fn severity(number: u64) -> (u8, &'static str) {
    [(9, "INFO"), (0, "WARN"), (17, "ERROR"), (0, ""), (200, "odd")][(number % 5) as usize]
}

/// Times go back and forth a little, and several records share one.
fn time(number: u64) -> Nanos {
    (number / 3 * 10 + number % 4 * 7) as Nanos * 1_000_000_000
}

fn append(store: &Store, numbers: std::ops::Range<u64>) {
    let mut rows = Rows::default();
    for number in numbers.clone() {
        let (severity_number, severity_text) = severity(number);
        rows.logs.push(&LogRecord {
            time: time(number),
            observed_time: number as Nanos,
            severity_number,
            severity_text,
            body: &body(number),
            body_value: &[],
            event_name: "",
            trace_id: None,
            span_id: None,
            flags: 0,
            attrs: Attrs::default(),
            dropped_attributes: 0,
            service: "shop",
            resource: Resource::default(),
            scope: Scope::default(),
        });
    }
    let body = Bytes::from(numbers.start.to_le_bytes().to_vec());
    store.append_blocking(Request { kind: 1, received_at: 0, body, dedup: false, rows }).unwrap();
}

/// 3,000 records: some compacted, in one segment or in two, some in small segments, some in memory.
fn filled(dir: &std::path::Path) -> std::sync::Arc<Store> {
    let (store, _) = open(dir);
    for (first, last) in [(0, 800), (800, 1900), (1900, 2400)] {
        append(&store, first..last);
        store.flush().unwrap();
        if last == 1900 {
            store.compact_all().unwrap();
        }
    }
    append(&store, 2400..3000);
    store
}

fn holds(number: u64, words: &[String]) -> bool {
    crate::text::HoldsAll::new(words).matches(&body(number))
}

/// The numbers of the records that a scan yields, sorted.
fn scanned(store: &Store, scan: Scan) -> Vec<u64> {
    let mut numbers = Vec::new();
    for chunk in store.snapshot().logs(scan) {
        let chunk = chunk.unwrap();
        numbers.extend((0..chunk.len()).map(|row| chunk.row(row).observed_time as u64));
    }
    numbers.sort_unstable();
    numbers
}

fn range(bounds: (u64, u64)) -> TimeRange {
    TimeRange::new(bounds.0 as Nanos * 1_000_000_000, bounds.1 as Nanos * 1_000_000_000)
}

#[test]
fn a_scan_yields_exactly_the_records_with_all_words_in_the_range() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    for phrase in ["", "alpha", "beta gamma", "8080", "deadbeef01", "결제", "결제실패", "absent", "get 5", "get 123ms"]
    {
        let words = query_tokens(phrase);
        for bounds in [(0, 1 << 30), (2000, 2001), (1234, 7777), (9000, 9900)] {
            let expected: Vec<u64> =
                (0..3000).filter(|it| range(bounds).contains(time(*it)) && holds(*it, &words)).collect();
            for first in [None, Some(1), Some(100)] {
                for order in [Order::NewestFirst, Order::OldestFirst] {
                    let scan = Scan { first, ..Scan::new(range(bounds)).order(order).words(words.clone()) };
                    assert_eq!(scanned(&store, scan), expected, "{phrase:?} {bounds:?} {first:?} {order:?}");
                }
            }
        }
    }
}

#[test]
fn a_reader_of_few_records_is_given_few_and_a_bound_that_tells_when_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0..30_000);
    store.flush().unwrap();
    store.compact_all().unwrap();
    for (order, words) in [(Order::NewestFirst, ""), (Order::OldestFirst, ""), (Order::NewestFirst, "get")] {
        let scan = Scan::new(TimeRange::ALL).order(order).words(query_tokens(words)).first(100);
        let mut chunks = store.snapshot().logs(scan);
        let mut times: Vec<Nanos> = Vec::new();
        while let Some(bound) = chunks.bound() {
            times.sort_unstable_by_key(|time| if order == Order::NewestFirst { -time } else { *time });
            let beyond = |time: Nanos| if order == Order::NewestFirst { time > bound } else { time < bound };
            if times.len() >= 100 && beyond(times[99]) {
                break;
            }
            let Some(chunk) = chunks.next() else { break };
            let chunk = chunk.unwrap();
            assert!((0..chunk.len()).all(|row| !beyond(chunk.time(row))), "{order:?} {words}");
            times.extend((0..chunk.len()).map(|row| chunk.time(row)));
        }
        let mut all: Vec<Nanos> = (0..30_000).filter(|it| holds(*it, &query_tokens(words))).map(time).collect();
        all.sort_unstable_by_key(|time| if order == Order::NewestFirst { -time } else { *time });
        assert_eq!(times[..100], all[..100], "{order:?} {words}");
        assert!(times.len() < 1000, "{} read for 100: {order:?} {words}", times.len());
    }
}

/// What a count must come to, by looking at each record.
fn counted(bounds: (u64, u64), phrase: &Phrase, width: u64, n_steps: usize, by_severity: bool) -> Vec<[u64; 26]> {
    let mut counts = vec![[0; 26]; n_steps];
    for number in (0..3000).filter(|it| range(bounds).contains(time(*it)) && phrase.matches(&body(*it))) {
        let severity = match severity(number) {
            _ if !by_severity => 0,
            (0, "WARN") => 13,
            (number, _) => usize::from(number.min(25)),
        };
        counts[((time(number) / 1_000_000_000) as u64 - bounds.0) as usize / width as usize][severity] += 1;
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn counts_are_those_of_a_look_at_each_record(start in 0u64..9_000, length in 1u64..11_000, width in 1u64..9_000) {
        let dir = tempfile::tempdir().unwrap();
        let store = filled(dir.path());
        for bounds in [(start, start + length), (0, 20_000)] {
            for text in ["", "alpha", "8080", "deadbeef01", "결제", "결제실패", "get alpha", "absent", "5", "get 8080"] {
                for by_severity in [false, true] {
                    let phrase = Phrase::new(text);
                    let n_steps = ((bounds.1 - bounds.0) / width + 1) as usize;
                    let matches = |body: &str| phrase.matches(body);
                    let count = LogCount {
                        range: range(bounds),
                        words: query_tokens(text),
                        body: if text.is_empty() || phrase.is_one_token() { None } else { Some(&matches) },
                        step_of: &|time| ((time / 1_000_000_000) as u64 - bounds.0) as usize / width as usize,
                        n_steps,
                        by_severity,
                    };
                    let mut counter = store.snapshot().count_logs(count);
                    while let Some(result) = counter.step() {
                        result.unwrap();
                    }
                    let expected = counted(bounds, &phrase, width, n_steps, by_severity);
                    prop_assert_eq!(counter.counts(), &expected[..], "{:?} {:?} {}", text, bounds, by_severity);
                }
            }
        }
    }
}

#[test]
fn a_damaged_index_costs_time_and_no_records() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    for entry in std::fs::read_dir(dir.path().join("segments/logs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "text") {
            let mut bytes = std::fs::read(&path).unwrap();
            (8..bytes.len()).for_each(|at| bytes[at] ^= 0xff);
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let words = query_tokens("alpha");
    let expected: Vec<u64> = (0..3000).filter(|it| holds(*it, &words)).collect();
    assert_eq!(scanned(&store, Scan::new(TimeRange::ALL).words(words.clone())), expected);
    let step_of = |_| 0;
    let (n_steps, by_severity) = (1, false);
    let count = LogCount { range: TimeRange::ALL, words, body: None, step_of: &step_of, n_steps, by_severity };
    let mut counter = store.snapshot().count_logs(count);
    while let Some(result) = counter.step() {
        result.unwrap();
    }
    assert_eq!(counter.counts()[0][0], expected.len() as u64);
    let damage = store.stats().damage;
    assert_eq!(
        (damage.counts[DamageKind::TextIndex as usize] > 0, damage.counts[DamageKind::Segment as usize]),
        (true, 0),
        "{damage:?}"
    );
    assert!(damage.places.iter().all(|it| it.to_string().contains(".text: ")), "{damage:?}");
}
