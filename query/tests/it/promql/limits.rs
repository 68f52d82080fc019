//! Queries that would cost too much, and texts that are none.

use proptest::prelude::*;
use query::Budget;
use query::promql::{
    Labels, Limits, MAX_NESTING, MAX_OPERATORS, NAME, PromqlError, QueryValue, SeriesData, Source, instant, range,
};

const SECOND: i64 = 1_000_000_000;

/// `n` series of a sample each second for ten minutes.
fn source(n: usize) -> Source {
    let series = (0..n).map(|i| SeriesData {
        labels: Labels::new([(NAME, "x".to_owned()), ("i", i.to_string())]),
        times: (0..600).map(|second| second * 1000).collect(),
        floats: vec![1.0; 600],
        ..Default::default()
    });
    Source::memory(series.collect())
}

/// The answer to `query` on a thread with the stack that threads have by default.
fn on_a_small_stack(query: String) -> Result<QueryValue, PromqlError> {
    let run = move || instant(&source(2), &query, 599 * SECOND, &Limits::default()).map(|result| result.value);
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap()
}

#[test]
fn the_deepest_queries_that_are_allowed_fit_a_small_stack() {
    let wrap = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let cases = [
        wrap("(", "x", ")", MAX_NESTING),
        wrap("abs(", "x", ")", MAX_NESTING),
        wrap("sum by (i) (", "x", ")", MAX_NESTING),
        wrap("-", "x", "", MAX_NESTING),
        wrap("1 ^ ", "x", "", MAX_NESTING),
        wrap("1 + (", "x", ")", MAX_NESTING),
        wrap("max_over_time((", "x", ")[1s:1s])", MAX_NESTING / 2),
        wrap("x + ", "x", "", MAX_OPERATORS),
        wrap("", "x", " or x", MAX_OPERATORS),
        wrap("-(1 + ", "x", ")", MAX_NESTING),
        wrap("", "x", " and x > 0 unless x * 2 ^ 0 < 1", MAX_NESTING),
    ];
    for query in cases {
        let shown = query[..query.len().min(40)].to_owned();
        let answer = on_a_small_stack(query).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert!(matches!(&answer, QueryValue::Vector(rows) if rows.len() == 2), "{shown}: {answer:?}");
    }
}

#[test]
fn too_many_samples_are_refused_before_they_are_in_memory() {
    let source = source(100);
    let limits = Limits { max_samples: 100_000, ..Limits::default() };
    let ask = |query: &str| instant(&source, query, 599 * SECOND, &limits).map(|result| result.value);
    assert!(ask("sum(rate(x[10m]))").is_ok(), "60,000 samples fit");
    assert!(ask("rate(x[10m]) + rate(x[10m] offset 1s)").is_ok(), "the first 60,000 are gone when the others come");
    for query in [
        "sum(max_over_time(x[10m:100ms]))",
        "max_over_time(max_over_time(x[10m:1s])[10m:1ms])",
        "sum_over_time(vector(1)[1y:1ms])",
        "max_over_time(max_over_time(vector(1)[1y:1ms])[1y:1ms])",
    ] {
        let error = ask(query).unwrap_err();
        assert!(matches!(&error, PromqlError::Execution(text) if text.contains("100000")), "{query}: {error}");
    }
    // What an expression no longer needs does not count: each of these reads 10,000 samples, and there are 30 of them.
    let chain = vec!["max(rate(x[100s]))"; 30].join(" + ");
    assert!(ask(&chain).is_ok());
}

#[test]
fn too_many_series_are_refused() {
    let limits = Limits { max_series: 99, ..Limits::default() };
    let error = instant(&source(100), "x", 0, &limits).unwrap_err();
    assert_eq!(error.to_string(), "selector matches more than 99 series; add label matchers or raise the limit");
    assert!(instant(&source(100), "x{i=~\"1.*\"}", 0, &limits).is_ok());
}

#[test]
fn ranges_are_bounded() {
    let ask = |start, end, step| range(&source(1), "x", start, end, step, &Limits::default());
    let points = |end| ask(0, end, SECOND).map(|_| ());
    assert_eq!(points(10_999 * SECOND), Ok(()));
    let errors = [
        (0, 11_000 * SECOND, SECOND, "exceeded maximum resolution of 11,000 points"),
        (i64::MIN, i64::MAX, SECOND, "exceeded maximum resolution"),
        (0, SECOND, 0, "step must be at least one millisecond"),
        (0, SECOND, -SECOND, "step must be at least one millisecond"),
        (SECOND, 0, SECOND, "end timestamp must not be before start time"),
    ];
    for (start, end, step, expected) in errors {
        let error = ask(start, end, step).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!((error.error_type(), error.status()), ("bad_data", 400));
    }
}

#[test]
fn times_at_the_ends_of_what_can_be_told_do_not_overflow() {
    let source = source(1);
    for time in [i64::MIN, i64::MAX, 0] {
        for query in [
            "x",
            "rate(x[100y])",
            "x offset 100y",
            "x offset -100y",
            "x @ 1e300",
            "x @ -9e15",
            "rate(x[5m:1m] @ 9e15)",
            "max_over_time(x[5m:1m] offset -100y)",
            "hour(vector(1e300))",
            "predict_linear(x[5m], 1e300)",
        ] {
            // An error is fine, a panic is not.
            let _answer = instant(&source, query, time, &Limits::default());
        }
    }
}

#[test]
fn a_query_ends_when_its_budget_does() {
    let budget = Budget::unlimited();
    let limits = Limits { budget: budget.clone(), ..Limits::default() };
    budget.end_time();
    assert_eq!(instant(&source(1), "x", 0, &limits), Err(PromqlError::Timeout));
    budget.cancel();
    assert_eq!(instant(&source(1), "x", 0, &limits), Err(PromqlError::Canceled));
    assert_eq!(PromqlError::Canceled.error_type(), "canceled");
}

/// Pieces of queries; most sequences of them are none.
const PIECES: [&str; 64] = [
    "x",
    "{i=\"1\"}",
    "{i=~\"[0-9]+\"}",
    "{",
    "}",
    "(",
    ")",
    "[5m]",
    "[5m:1m]",
    "[5m:]",
    "[0]",
    "[1e400]",
    "offset",
    "-5m",
    "1d",
    "@",
    "start()",
    "end()",
    "1",
    "-1",
    "1e308",
    "0x1F",
    "017",
    "Inf",
    "NaN",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "atan2",
    "==",
    "!=",
    ">",
    "bool",
    "and",
    "or",
    "unless",
    "on(i)",
    "ignoring(i)",
    "group_left(i)",
    "group_right",
    "sum",
    "avg",
    "topk(2,",
    "quantile(.5,",
    "count_values(\"v\",",
    "limit_ratio(.5,",
    "by(i)",
    "without()",
    "rate(",
    "abs(",
    "label_replace(x,\"a\",\"$1\",\"i\",\"(.*)\")",
    "histogram_quantile(.9,",
    "time()",
    "vector(1)",
    "scalar(x)",
    "absent(",
    "\"text\"",
    "'\\xff'",
    ",",
    "fill(1)",
    "sort(",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_text_is_a_panic(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..12)) {
        let source = source(2);
        let query = pieces.join(" ");
        if let Ok(result) = instant(&source, &query, 300 * SECOND, &Limits::default()) {
            prop_assert!(!query::promql::json::query(&result).is_empty());
            let ranged = range(&source, &query, 290 * SECOND, 300 * SECOND, 5 * SECOND, &Limits::default());
            if let Err(error) = ranged {
                prop_assert!(error.error_type() == "bad_data" || error.error_type() == "execution");
            }
        }
    }

    #[test]
    fn no_bytes_are_a_panic(text in "\\PC{0,60}") {
        let _answer = instant(&source(1), &text, 0, &Limits::default());
    }
}
