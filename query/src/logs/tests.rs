//! Log search on a real store.

use model::{TimeRange, Value};
use proptest::prelude::*;
use store::Order;

use crate::testing::{TestLog, TestStore, span_id, trace_id};
use crate::{Budget, QueryError};

use super::{LogBucket, LogHistogram, LogHits, LogSearch, SeverityClass, around, histogram, of_trace, search};

fn find(store: &TestStore, wanted: &LogSearch) -> LogHits {
    search(&store.snapshot(), &Budget::unlimited(), wanted).unwrap()
}

fn times(hits: &LogHits) -> Vec<i64> {
    hits.records.iter().map(|it| it.time).collect()
}

/// A hundred records at times 0 to 99; every third says `refused`, every tenth is an error of `payment`.
fn hundred() -> TestStore {
    let logs: Vec<TestLog> = (0..100)
        .map(|n| {
            let log = TestLog::new(n, if n % 3 == 0 { "connection refused" } else { "all is well" });
            let log = log.at(u128::from(n as u64 / 10) + 1, n as u64 + 1).attr("n", Value::Int(n));
            if n % 10 == 0 { log.of("payment", 17) } else { log }
        })
        .collect();
    TestStore::of_logs(&logs)
}

#[test]
fn finds_records_by_every_part_of_a_search() {
    let store = hundred();
    let all = || LogSearch { limit: 3, ..LogSearch::new(TimeRange::ALL) };
    let table: [(&str, LogSearch, &[i64]); 8] = [
        ("newest", all(), &[99, 98, 97]),
        ("oldest", LogSearch { order: Order::OldestFirst, ..all() }, &[0, 1, 2]),
        ("words", LogSearch { query: "refused".to_owned(), ..all() }, &[99, 96, 93]),
        ("range", LogSearch { range: TimeRange::new(10, 13), limit: 9, ..all() }, &[12, 11, 10]),
        ("trace", LogSearch { trace_id: Some(trace_id(2)), ..all() }, &[19, 18, 17]),
        ("service", LogSearch { service: Some("payment".to_owned()), ..all() }, &[90, 80, 70]),
        ("severity", LogSearch { min_severity: Some(13), query: "n<40".to_owned(), ..all() }, &[30, 20, 10]),
        ("nothing", LogSearch { limit: 0, ..all() }, &[]),
    ];
    for (name, wanted, expected) in table {
        assert_eq!(times(&find(&store, &wanted)), expected, "{name}");
    }
}

#[test]
fn ends_early_and_says_whether_there_is_more() {
    let store = hundred();
    let hits = find(&store, &LogSearch { limit: 5, ..LogSearch::new(TimeRange::ALL) });
    assert!(hits.truncated && hits.n_scanned <= 50, "{}", hits.n_scanned);
    let hits = find(&store, &LogSearch { limit: 100, ..LogSearch::new(TimeRange::ALL) });
    assert!(!hits.truncated && hits.n_scanned == 100);
    let exactly = LogSearch { limit: 10, query: "service=payment".to_owned(), ..LogSearch::new(TimeRange::ALL) };
    assert!(!find(&store, &exactly).truncated);
    assert!(find(&store, &LogSearch { limit: 9, ..exactly }).truncated);
}

#[test]
fn records_of_one_time_come_in_the_same_order_wherever_they_are_stored() {
    let logs: Vec<TestLog> = ["c", "a", "d", "b", "e", "f"].iter().map(|body| TestLog::new(5, body)).collect();
    let mut reversed = logs.clone();
    reversed.reverse();
    for limit in 1..=6 {
        let wanted = LogSearch { limit, ..LogSearch::new(TimeRange::ALL) };
        let [found, other] = [&logs, &reversed].map(|logs| find(&TestStore::of_logs(logs), &wanted).records);
        assert_eq!(found, other);
        assert_eq!(found.len(), limit);
    }
}

#[test]
fn a_record_comes_whole() {
    let store = TestStore::of_logs(&[
        TestLog::new(1, "x"),
        TestLog { event_name: "e", severity_text: "Fehler", ..TestLog::new(2, "body").of("payment", 17) }
            .at(3, 4)
            .attr("k", Value::Str("v"))
            .resource_attr("host.name", Value::Str("node")),
    ]);
    let record = find(&store, &LogSearch { limit: 1, ..LogSearch::new(TimeRange::ALL) }).records.remove(0);
    assert_eq!((record.time, record.service.as_str(), record.body.as_str()), (2, "payment", "body"));
    assert_eq!((record.severity(), record.severity_number, record.event_name.as_str()), ("Fehler", 17, "e"));
    assert_eq!((record.trace_id, record.span_id), (Some(trace_id(3)), Some(span_id(4))));
    assert_eq!(record.attrs().get_str("k"), Some("v"));
    assert_eq!(record.resource().attrs().get_str("host.name"), Some("node"));
    assert_eq!(record.body_value().to_string(), "body");
}

#[test]
fn counts_by_time_and_severity() {
    let store = hundred();
    let wanted = LogSearch { range: TimeRange::new(0, 100), ..LogSearch::new(TimeRange::ALL) };
    let counted = histogram(&store.snapshot(), &Budget::unlimited(), &wanted, 4, true).unwrap();
    assert_eq!((counted.width, counted.n_total, counted.truncated), (25, 100, false));
    let errors: Vec<u64> = counted.buckets.iter().map(|it| it.count(SeverityClass::Error)).collect();
    assert_eq!(errors, [3, 2, 3, 2]);
    assert_eq!(counted.buckets.iter().map(|it| it.start).collect::<Vec<_>>(), [0, 25, 50, 75]);

    let refused = LogSearch { query: "refused".to_owned(), ..LogSearch::new(TimeRange::ALL) };
    let counted = histogram(&store.snapshot(), &Budget::unlimited(), &refused, 2, true).unwrap();
    assert_eq!((counted.n_total, counted.buckets[0].start), (34, 0));
    let empty = histogram(&TestStore::new().snapshot(), &Budget::unlimited(), &wanted, 4, true).unwrap();
    assert_eq!((empty.n_total, empty.buckets.len()), (0, 4));
}

#[test]
fn gives_the_records_of_a_trace_and_around_a_moment() {
    let store = hundred();
    let budget = Budget::unlimited();
    let hits = of_trace(&store.snapshot(), &budget, trace_id(3), None, 50).unwrap();
    assert_eq!(times(&hits), (20..30).collect::<Vec<_>>());
    let hits = of_trace(&store.snapshot(), &budget, trace_id(3), Some(span_id(23)), 50).unwrap();
    assert_eq!(times(&hits), [22]);

    let context = around(&store.snapshot(), &budget, Some("payment"), 50, 25, 2).unwrap();
    let times = |rows: &[super::LogRow]| rows.iter().map(|it| it.time).collect::<Vec<_>>();
    assert_eq!((times(&context.before), times(&context.after)), (vec![30, 40], vec![50, 60]));
}

#[test]
fn a_search_whose_time_is_up_answers_with_what_it_has() {
    let store = hundred();
    let budget = Budget::unlimited();
    budget.end_time();
    let wanted = LogSearch::new(TimeRange::ALL);
    let hits = search(&store.snapshot(), &budget, &wanted).unwrap();
    assert!(hits.truncated && hits.warnings[0].contains("time limit"), "{hits:?}");
    assert!(histogram(&store.snapshot(), &budget, &wanted, 4, true).unwrap().truncated);
    budget.cancel();
    assert_eq!(search(&store.snapshot(), &budget, &wanted).unwrap_err(), QueryError::Cancelled);
}

#[test]
fn what_can_be_read_is_found_beside_what_cannot() {
    let store = hundred();
    store.damage_segments();
    let hits = find(&store, &LogSearch::new(TimeRange::ALL));
    assert_eq!((hits.records.len(), hits.warnings.len()), (50, 1));
    assert!(hits.warnings[0].contains("rows are missing") && hits.warnings[0].contains(".parquet"), "{hits:?}");
}

fn any_log() -> impl Strategy<Value = TestLog> {
    let words = ["connection", "Refused", "time_out", "10.0.0.7", "결제", "실패", "ok", "-", "---", "🔥"];
    let words = prop::sample::select(words.to_vec());
    let services = prop::sample::select(vec!["gateway", "booking"]);
    (0..60i64, prop::collection::vec(words, 0..6), services, 0..25u8, 0..4i64).prop_map(
        |(time, words, service, severity, code)| {
            TestLog::new(time, &words.join(" ")).of(service, severity).attr("code", Value::Int(code))
        },
    )
}

/// Whether the words of `phrase` follow one another in the body, where nothing is joined. What it does not name may stand
/// between them, if it is no word.
fn has(body: &str, phrase: &[&str]) -> bool {
    let counts = |word: &&str| !word.is_empty() && (*word != "🔥" || phrase.contains(word));
    let words: Vec<String> = body.split([' ', '.', '-']).filter(counts).map(str::to_lowercase).collect();
    words.windows(phrase.len()).any(|window| window == phrase)
}

/// A condition as a query and as a test of a record.
type Condition = (&'static str, fn(&TestLog) -> bool);

const CONDITIONS: [Condition; 13] = [
    ("refused", |it| has(&it.body, &["refused"])),
    ("\"connection refused\"", |it| has(&it.body, &["connection", "refused"])),
    ("TIME_OUT", |it| has(&it.body, &["time_out"])),
    ("10.0.0.7", |it| has(&it.body, &["10", "0", "0", "7"])),
    ("결제", |it| it.body.contains("결제")),
    ("🔥", |it| it.body.contains("🔥")),
    ("\"ok 🔥\"", |it| has(&it.body, &["ok", "🔥"])),
    ("---", |it| it.body.contains("---")),
    ("body:\"---\"", |it| it.body.contains("---")),
    ("severity>=warn", |it| it.severity >= 13),
    ("severity=debug", |it| (5..=8).contains(&it.severity)),
    ("code!=2", |it| it.attrs.as_attrs().get("code").and_then(|it| it.as_f64()) != Some(2.0)),
    ("service=booking", |it| it.service == "booking"),
];

type Naive = Box<dyn Fn(&TestLog) -> bool>;

/// Two or three conditions joined in one of four ways.
fn joined((a, b, c, way): (usize, usize, usize, usize)) -> (String, Naive) {
    let (a, b, c) = (CONDITIONS[a], CONDITIONS[b], CONDITIONS[c]);
    match way {
        0 => (format!("{} {}", a.0, b.0), Box::new(move |it| a.1(it) && b.1(it))),
        1 => (format!("{} OR {} {}", a.0, b.0, c.0), Box::new(move |it| a.1(it) || b.1(it) && c.1(it))),
        2 => (format!("NOT ({} OR {})", a.0, b.0), Box::new(move |it| !(a.1(it) || b.1(it)))),
        _ => (format!("{} -({} {})", a.0, b.0, c.0), Box::new(move |it| a.1(it) && !(b.1(it) && c.1(it)))),
    }
}

proptest! {
    // Each case writes a store; each store is asked many questions.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_search_equals_a_naive_filter_over_all_records(
        logs in prop::collection::vec(any_log(), 1..80),
        questions in prop::collection::vec(
            ((0..13usize, 0..13usize, 0..13usize, 0..4usize), 0..40i64, 1..60i64, 1..20usize),
            30,
        ),
    ) {
        let store = TestStore::of_logs(&logs);
        for (picks, from, length, limit) in questions {
            let (query, test) = joined(picks);
            let range = TimeRange::new(from, from + length);
            let mut expected: Vec<i64> =
                logs.iter().filter(|log| range.contains(log.time) && test(log)).map(|log| log.time).collect();
            expected.sort_unstable();
            let n_expected = expected.len();
            let wanted = LogSearch { query: query.clone(), limit, ..LogSearch::new(range) };

            let oldest = find(&store, &LogSearch { order: Order::OldestFirst, ..wanted.clone() });
            prop_assert_eq!(times(&oldest), &expected[..limit.min(n_expected)], "{}", &query);
            prop_assert!(oldest.truncated || n_expected <= limit);
            expected.reverse();
            let newest = find(&store, &wanted);
            prop_assert_eq!(times(&newest), &expected[..limit.min(n_expected)], "{}", &query);

            let counted = histogram(&store.snapshot(), &Budget::unlimited(), &wanted, 7, true).unwrap();
            let totals = histogram(&store.snapshot(), &Budget::unlimited(), &wanted, 7, false).unwrap();
            let of_buckets = |it: &LogHistogram| it.buckets.iter().map(LogBucket::n_total).collect::<Vec<_>>();
            assert_eq!(of_buckets(&totals), of_buckets(&counted));
            prop_assert_eq!(counted.n_total, n_expected as u64);
            // A condition on anything but body and severity needs the records themselves.
            let by_record = LogSearch { query: format!("({query}) (code=* OR NOT code=*)"), ..wanted };
            let read = histogram(&store.snapshot(), &Budget::unlimited(), &by_record, 7, true).unwrap();
            prop_assert_eq!(counted.buckets, read.buckets, "{}", &query);
        }
    }
}
