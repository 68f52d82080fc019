use query::promql::{SampleKind, SeriesData};

use super::*;

/// A counter, or a gauge, with a sample every `step` seconds for an hour.
fn series(name: &str, labels: &[(&str, &str)], step: i64, value: impl Fn(i64) -> f64) -> SeriesData {
    let seconds: Vec<i64> = (0..=3600).step_by(step as usize).collect();
    let pairs = labels.iter().copied().chain([("__name__", name)]).collect::<Vec<_>>();
    SeriesData {
        labels: Labels::new(pairs),
        kind: SampleKind::Counter,
        times: seconds.iter().map(|second| second * 1000).collect(),
        floats: seconds.iter().map(|second| value(*second)).collect(),
        ..SeriesData::default()
    }
}

fn slo(keys: &str) -> Slo {
    let text = format!("service: s\nobjective: 99\n{keys}");
    slo::spec::parse("f.yaml", &text).unwrap_or_else(|errors| panic!("{errors}")).remove(0)
}

type Counted = BTreeMap<(String, i64), (u64, u64)>;

/// What is counted of minutes `range` at minute `now`: by group and minute, good and total.
fn counted(slo: &Slo, series: Vec<SeriesData>, range: std::ops::Range<i64>, now: i64) -> Result<Counted, String> {
    let engine = Engine { source: Source::memory(series), limits: Limits::default(), by: slo.by.as_ref() };
    let range = TimeRange::new(range.start * MINUTE, range.end * MINUTE);
    let tally = match &slo.indicator {
        Indicator::Ratio(ratio) => engine.ratio(ratio, range, slo.bucket_width(), now * MINUTE),
        Indicator::Slices(slices) => {
            let known = [Group::of(["gone"])];
            let known = if slo.by.is_some() { &known[..] } else { &[] };
            engine.slices(slices, range, slo.bucket_width(), now * MINUTE, known)
        }
        _ => panic!("not over metrics"),
    }?;
    let name = |place: u32| tally.groups[place as usize].words(slo.by.as_ref()).unwrap_or_default();
    Ok(tally.cells.iter().map(|(place, bucket, count)| ((name(*place), *bucket), (count.good, count.total))).collect())
}

const RATIO: &str = "indicator: {promql: {bad: 'sum(increase(bad[$window]))', total: 'sum(increase(all[$window]))'}}\n";

#[test]
fn a_counter_is_counted_whatever_lies_between_its_samples() {
    let slo = slo(RATIO);
    // One event a second, every tenth bad; samples that come often, at the width of a bucket, and more rarely.
    for (step, now, counted_until) in [(15, 23, 23), (60, 23, 20), (60, 25, 25), (120, 25, 25)] {
        let both = || {
            vec![
                series("all", &[], step, |second| second as f64),
                series("bad", &[], step, |second| (second / 10) as f64),
            ]
        };
        let found = counted(&slo, both(), 10..now, now).unwrap();
        let minutes: Vec<i64> = found.keys().map(|(_, minute)| *minute).collect();
        assert_eq!(minutes, (10..counted_until).collect::<Vec<_>>(), "every {step} s at {now}");
        for ((_, minute), (good, total)) in &found {
            let bad = total - good;
            assert!(
                (59..=61).contains(total) && (5..=7).contains(&bad),
                "minute {minute} every {step} s: {good} of {total}"
            );
        }
        // A piece of it, on its own, comes to the same.
        let piece = counted(&slo, both(), 11..14, now).unwrap();
        assert!((11..14).all(|minute| piece.get(&(String::new(), minute)) == found.get(&(String::new(), minute))));
    }
}

#[test]
fn a_counter_that_begins_again_neither_loses_nor_invents_events() {
    let slo = slo(RATIO);
    let reset = |second: i64| (if second >= 900 { second - 900 } else { second + 5_000 }) as f64;
    let series = vec![series("all", &[], 15, reset)];
    let found = counted(&slo, series, 10..20, 20).unwrap();
    // Of the interval in which it began again what came after is known.
    let total: u64 = found.values().map(|(_, total)| total).sum();
    assert!((575..=600).contains(&total), "{found:?}");
    assert!(found.values().all(|(good, total)| good == total));
}

#[test]
fn series_are_told_apart_by_their_labels_and_added_up_otherwise() {
    let text = "indicator: {promql: {good: 'increase(ok[$window])', total: 'increase(all[$window])'}}\n";
    let series = || {
        let label = |route| [("http_route", route), ("pod", "x")];
        vec![
            series("all", &label("/a"), 15, |second| second as f64),
            series("all", &[("http_route", "/a"), ("pod", "y")], 15, |second| second as f64),
            series("all", &label("/b"), 15, |second| second as f64),
            series("ok", &label("/b"), 15, |second| second as f64),
        ]
    };
    let grouped = counted(&slo(&format!("by: http.route\n{text}")), series(), 10..11, 20).unwrap();
    let of = |route: &str| grouped[&(format!("http.route={route}"), 10)];
    assert_eq!((of("/a"), of("/b")), ((0, 120), (60, 60)));
    let together = counted(&slo(text), series(), 10..11, 20).unwrap();
    assert_eq!(together[&(String::new(), 10)], (60, 180));
}

#[test]
fn an_error_ratio_is_one_number() {
    let ratio = "indicator: {promql: {error_ratio: 'rate(bad[$window]) / on() rate(all[$window])'}}\n";
    let series = |pods: &[&str]| {
        let bad = pods.iter().map(|pod| series("bad", &[("pod", pod)], 15, |second| second as f64 / 4.0));
        bad.chain([series("all", &[], 15, |second| second as f64)]).collect::<Vec<_>>()
    };
    let found = counted(&slo(ratio), series(&["x"]), 10..12, 20).unwrap();
    assert_eq!(found.into_values().collect::<Vec<_>>()[..2], [(7_500, 10_000); 2]);
    let several = "indicator: {promql: {error_ratio: 'rate(bad[$window])'}}\n";
    let error = counted(&slo(several), series(&["x", "y"]), 10..12, 20).unwrap_err();
    assert_eq!(error, "the error ratio has 2 series where one is expected: add them up");
}

#[test]
fn a_slice_is_an_event_at_its_end() {
    let slices =
        |more: &str| slo(&format!("indicator: {{slices: {{query: lag, op: <, value: 1000, slice: 5m{more}}}}}\n"));
    let lag = || vec![series("lag", &[("queue", "x")], 30, |second| second as f64)];
    // 1,000 s are between the minutes 15 and 20.
    let found = counted(&slices(""), lag(), 0..30, 30).unwrap();
    let at = |minute: i64| (String::new(), minute);
    assert_eq!(found.keys().cloned().collect::<Vec<_>>(), [4, 9, 14, 19, 24, 29].map(at));
    assert_eq!((found[&at(14)], found[&at(19)]), ((1, 1), (0, 1)));
    // Nothing of the future, and no value is no event or a bad one.
    assert_eq!(counted(&slices(""), lag(), 0..30, 12).unwrap().len(), 2);
    assert!(counted(&slices(""), lag(), 70..80, 80).unwrap().is_empty());
    assert_eq!(counted(&slices(", absent: bad"), lag(), 70..80, 80).unwrap()[&at(74)], (0, 1));
    let mut by_queue = slices(", absent: bad");
    by_queue.by = Some(GroupBy { keys: vec!["queue".to_owned()], max: 5 });
    let found = counted(&by_queue, lag(), 0..5, 30).unwrap();
    let found: Vec<_> = found.into_iter().map(|((name, _), count)| (name, count)).collect();
    assert_eq!(found, [("queue=gone".to_owned(), (0, 1)), ("queue=x".to_owned(), (1, 1))]);
}

#[test]
fn an_expression_that_fails_says_why() {
    let slo = slo("indicator: {promql: {good: 'ok[$window] + 1', total: 'sum(increase(all[$window]))'}}\n");
    let error = counted(&slo, vec![series("all", &[], 15, |second| second as f64)], 0..5, 9).unwrap_err();
    assert!(error.contains("binary expression"), "{error}");
}
