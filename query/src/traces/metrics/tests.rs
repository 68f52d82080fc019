//! Metrics of the spans of the known set of traces: trace N is in step N, each step a minute.

use model::TimeRange;
use model::time::MINUTE;

use crate::lang::FieldValue;
use crate::testing::TestStore;
use crate::traces::sets::tests::fixture;
use crate::{Budget, QueryError};

use super::{MetricsQuery, SpanMetrics, metrics};

fn query(text: &str) -> MetricsQuery {
    MetricsQuery { query: text.to_owned(), range: TimeRange::new(0, 13 * MINUTE), step: MINUTE, exemplars: 0 }
}

fn ask(store: &TestStore, text: &str) -> Result<SpanMetrics, QueryError> {
    metrics(&store.snapshot(), &Budget::unlimited(), &query(text))
}

fn label(value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::Text(text) => text.to_string(),
        FieldValue::Float(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// The series with their points but for zeros, as step:value.
fn series(store: &TestStore, text: &str) -> String {
    let found = ask(store, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(!found.truncated, "{text}");
    assert_eq!(found.starts.len(), 13);
    let of_series = found.series.iter().map(|series| {
        let labels = series.labels.iter().map(|(name, value)| format!("{name}={} ", label(value)));
        let points = series.values.iter().enumerate().filter(|(_, value)| **value != 0.0 && !value.is_nan());
        let points = points.map(|(step, value)| format!("{step}:{}", (value * 1_000.0).round() / 1_000.0));
        format!("{}{}", labels.collect::<String>(), points.collect::<Vec<_>>().join(" "))
    });
    of_series.collect::<Vec<_>>().join("; ")
}

#[test]
fn functions_over_time() {
    let store = fixture::store();
    let servers = "{ kind = server } | count_over_time() by (resource.service.name)";
    let table = [
        ("{ status = error } | count_over_time()", "1:3 7:2"),
        ("{ status = error } | rate()", "1:0.05 7:0.033"),
        ("{ name = \"nobody\" } | rate()", ""),
        (
            servers,
            "resource.service.name=booking 1:1 3:1; resource.service.name=gateway 1:1 2:1; \
             resource.service.name=payment 1:1; resource.service.name=slow 12:1; resource.service.name=twin 9:2",
        ),
        (
            "{ span.n != nil } | count_over_time() by (span.n)",
            "span.n=Bool(true) 11:1; span.n=5 11:1; span.n=Int(5) 11:1; span.n=5 11:1",
        ),
        ("{ name = \"leaf\" } | sum_over_time(span.item)", "7:10"),
        ("{ name = \"leaf\" } | min_over_time(span.item)", "7:1"),
        (
            "{ name = \"leaf\" } | max_over_time(span.item) by (status)",
            "status=Status(Error) 7:4; status=Status(Unset) 7:3",
        ),
        ("{ name = \"leaf\" } | avg_over_time(span.item)", "7:2.5"),
        ("{ kind = consumer } | max_over_time(duration)", "4:2"), // seconds
        ("{ } | sum_over_time(span.n)", "11:10"),
        ("{ } | sum_over_time(span.nobody)", ""),
        ("{ kind = consumer } | histogram_over_time(duration)", "__bucket=2.147483648 4:1"),
        ("{ name = \"leaf\" } | histogram_over_time(span.item)", "__bucket=1 7:1; __bucket=2 7:1; __bucket=4 7:2"),
        // Of sets and trees.
        ("{ name = \"spread\" } > { status = error } | count_over_time() by (name)", "name=leaf 7:2"),
        ("{ } | by(resource.service.name) | count() > 3 | count_over_time()", "7:5 8:6 11:5"),
        ("{ status = error } | count_over_time() by (rootName)", "rootName=GET /checkout 1:3; rootName=spread 7:2"),
        ("{ nestedSetParent < 0 } | count_over_time()", "1:1 2:1 4:1 5:1 6:1 7:1 8:1 9:2 10:1 11:1 12:1"),
        ("{ span:childCount = 4 } | count_over_time()", "7:1 11:1"),
        // Of series.
        (
            "{ kind = server } | count_over_time() by (resource.service.name) | topk(1)",
            "resource.service.name=booking 1:1 3:1; resource.service.name=gateway 2:1; \
             resource.service.name=slow 12:1; resource.service.name=twin 9:2",
        ),
        ("{ status = error } | count_over_time() by (name) | topk(1) > 1", "name=leaf 7:2"),
        ("{ name = \"leaf\" } | max_over_time(span.item) by (status) | bottomk(1)", "status=Status(Unset) 7:3"),
        ("{ status = error } | count_over_time() > 2", "1:3"),
        ("{ kind = consumer } | max_over_time(duration) < 2500ms", "4:2"),
        ("({ status = error } | count_over_time()) / ({ } | count_over_time())", "1:0.429 7:0.4"),
        ("100 * ({ status = error } | count_over_time()) / ({ } | count_over_time()) > 41", "1:42.857"),
        (
            "({ status = error } | count_over_time() by (name)) / ({ name = \"leaf\" } | count_over_time() by (name))",
            "name=leaf 7:0.5",
        ),
        (
            "({ status = error } | count_over_time() by (name)) / ({ } | count_over_time())",
            "name=POST /book 1:0.143; name=POST /charge 1:0.143; name=charge 1:0.143; name=leaf 7:0.4",
        ),
        ("({ status = error } | count_over_time()) * 2 - (1 + 2) * 2 > 0 - 3", "7:-2"),
        ("(({ kind = producer }) | count_over_time()) + 1 | topk(1) > 1", "5:2"),
        ("{ kind = producer } | count_over_time() with (exemplars=true)", "5:1"),
    ];
    for (text, expected) in table {
        assert_eq!(series(&store, text), expected, "{text}");
    }
    let found = series(&store, "{ name = \"leaf\" } | quantile_over_time(span.item, 0, .5, 1)");
    assert_eq!(found, "p=0 7:1.005; p=0.5 7:2.011; p=1 7:4.022");
    let empty = ask(&store, "{ name = \"leaf\" } | avg_over_time(span.item)").unwrap();
    assert!(empty.series[0].values[0].is_nan(), "there is no average of nothing");
    let zero = ask(&store, "({ name = \"leaf\" } | rate()) / ({ name = \"spread\" } | rate())").unwrap();
    assert!(zero.series[0].values[0].is_nan() && zero.series[0].values[7] == 4.0);
}

#[test]
fn comparisons_tell_selected_spans_from_the_others() {
    let store = fixture::store();
    let found = series(&store, "{ resource.service.name = \"fan\" } | compare({ status = error }, 1)");
    for expected in [
        "__meta_type=selection name=leaf 7:2",
        "__meta_type=selection_total name=Nil 7:2",
        "__meta_type=baseline name=leaf 7:2",
        "__meta_type=baseline_total name=Nil 7:3",
        "__meta_type=selection status=Status(Error) 7:2",
        "__meta_type=selection span.item=Int(2) 7:1",
        "__meta_type=selection_total span.item=Nil 7:2",
        "__meta_type=baseline resource.service.name=fan 7:3",
    ] {
        assert!(found.split("; ").any(|series| series == expected), "{expected}: {found}");
    }
    assert!(!found.contains("span.item=Int(4)"), "one value of each");
    let whole = series(&store, "{ name = \"spread\" } > { } | compare({ rootName = \"spread\" })");
    assert!(whole.contains("__meta_type=selection_total name=Nil 7:4") && !whole.contains("baseline"), "{whole}");
    let within = 7 * MINUTE + 2_500_000;
    let within = format!("{{ name = \"leaf\" }} | compare({{ }}, 10, 1, {within})");
    assert!(series(&store, &within).contains("__meta_type=selection_total name=Nil 7:2"));
}

#[test]
fn says_where_a_query_is_wrong() {
    let store = fixture::store();
    let table = [
        ("{ }", 3, "`| rate()` or another function of spans is expected"),
        ("rate()", 0, "makes a metric of spans"),
        ("{ } | topk(3)", 6, "topk() chooses among series"),
        ("{ } | rate() | topk(0)", 20, "a number of series from 1"),
        ("{ } | rate() | topk(-1)", 20, "a number of series from 1"),
        ("{ } | rate() | count() > 1", 15, "topk(…) or bottomk(…) is expected"),
        ("{ } | rate(duration)", 11, "`)` is expected"),
        ("{ } | rate() by ()", 17, "a field such as"),
        ("{ } | sum_over_time()", 20, "sum_over_time() is computed of a field"),
        ("{ } | sum_over_time(name)", 20, "is computed of numbers, not of a text"),
        ("{ } | quantile_over_time(duration)", 33, "`,` and a quantile is expected"),
        ("{ } | quantile_over_time(duration, 99)", 35, "a quantile from 0 to 1"),
        ("{ } | rate() + 5", 0, "parentheses are expected around"),
        ("5 + { } | rate()", 4, "parentheses are expected around"),
        ("({ } | rate()) % 10", 15, "metrics are computed with"),
        ("({ } | rate()) + 5 100", 19, "or the end is expected"),
        ("2 * 3", 0, "a function of spans is expected"),
        ("{ } | rate() == 42", 14, "a set of spans"),
        ("{ } | rate() > ({ } | rate())", 15, "a number or a duration"),
        ("{ } | compare(status = error)", 14, "the selected spans are expected"),
        ("{ } | compare({ status = error }) | topk(10)", 34, "nothing can follow compare()"),
        ("({ } | compare({ status = error })) * 2", 36, "compare() cannot be computed with"),
        ("{ } | compare({ status = error }, 0)", 35, "from 1 to 1000 values"),
        ("{ } | rate( | ", 10, "`(` is not closed"),
    ];
    for (text, at, expected) in table {
        let error = ask(&store, text).map(|found| found.series).expect_err(text);
        let QueryError::BadQuery { message, position, .. } = &error else { panic!("{text}: {error}") };
        assert!(message.contains(expected) && *position == at, "{text}: at {position}: {message}");
    }
    let many = MetricsQuery { step: 1, ..query("{ } | rate()") };
    let error = metrics(&store.snapshot(), &Budget::unlimited(), &many).map(|_| ()).unwrap_err();
    assert!(matches!(&error, QueryError::BadParameter(text) if text.contains("at most 11000")), "{error}");
}

#[test]
fn one_value_of_a_whole_range_and_what_is_left_out() {
    let store = fixture::store();
    let whole = MetricsQuery { step: 13 * MINUTE, ..query("{ status = error } | count_over_time()") };
    let found = metrics(&store.snapshot(), &Budget::unlimited(), &whole).unwrap();
    assert_eq!(found.series[0].values, [5.0]);
    // The others start elsewhere.
    let part = MetricsQuery { range: TimeRange::new(7 * MINUTE, 8 * MINUTE), ..whole };
    let found = metrics(&store.snapshot(), &Budget::unlimited(), &part).unwrap();
    assert_eq!(found.series[0].values, [2.0]);
    for text in ["{ } | rate()", "{ } > { } | rate()"] {
        let budget = Budget::unlimited();
        budget.end_time();
        let found = metrics(&store.snapshot(), &budget, &query(text)).unwrap();
        assert!(found.truncated && found.warnings[0].contains("time limit"), "{found:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in "(\\{ \\}|\\(|\\)| \\| |rate\\(\\)|topk\\(2\\)|sum_over_time\\(|duration|by \\(|name|>|\\+|/|5|-|compare\\(|,| ){0,30}"
    ) {
        let _outcome = crate::lang::compile_metrics(&text);
    }
}

#[test]
fn series_come_with_spans_that_they_are_of() {
    let store = fixture::store();
    let ask = |text: &str, exemplars| {
        let wanted = MetricsQuery { exemplars, ..query(text) };
        metrics(&store.snapshot(), &Budget::unlimited(), &wanted).unwrap().series
    };
    // As a rate, at the rate; of durations, the longest.
    let rate = &ask("{ status = error } | rate()", 100)[0];
    let found: Vec<(i64, f64)> = rate.exemplars.iter().map(|it| (it.time / MINUTE, it.value)).collect();
    assert_eq!(found, [(1, rate.values[1]), (7, rate.values[7])]);
    let longest = &ask("{ kind = server } | max_over_time(duration)", 100)[0];
    for exemplar in &longest.exemplars {
        assert_eq!(exemplar.value, longest.values[(exemplar.time / MINUTE) as usize]);
    }
    assert_eq!(longest.exemplars.len(), longest.values.iter().filter(|it| it.is_finite()).count());
    // Each leads to a trace that the query finds.
    let search = crate::traces::TraceSearch::new(TimeRange::ALL);
    let search = crate::traces::TraceSearch { query: "status=error".to_owned(), limit: 100, ..search };
    let failed = crate::traces::search(&store.snapshot(), &Budget::unlimited(), &search).unwrap().traces;
    assert!(rate.exemplars.iter().all(|it| failed.iter().any(|trace| trace.trace_id == it.trace_id)));
    // No more than wanted, and none unless asked for.
    assert!(ask("{ kind = server } | max_over_time(duration)", 2)[0].exemplars.len() <= 2);
    assert_eq!(ask("{ status = error } | rate()", 0)[0].exemplars, []);
}
