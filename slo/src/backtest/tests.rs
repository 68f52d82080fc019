//! Histories by hand: traffic in, firings out.

use model::time::{DAY, HOUR, MINUTE};

use super::*;
use crate::spec::parse;

/// A moment at a whole day, at which the trouble of a test begins.
const T: Nanos = 20_000 * DAY;

fn slo(more: &str) -> Slo {
    let text = format!("service: s\nindicator: availability\nobjective: 99.9\n{more}");
    parse("f.yaml", &text).unwrap_or_else(|errors| panic!("{errors}")).remove(0)
}

/// Minutes of traffic, `before` of them without a mistake until [`T`], then (minutes, bad, all events of each).
fn history(slo: &Slo, before: i64, traffic: &[(i64, u64, u64)]) -> Buckets {
    assert_eq!(slo.bucket_width(), MINUTE);
    let minutes =
        |(minutes, bad, total): &(i64, u64, u64)| vec![Count { good: total - bad, total: *total }; *minutes as usize];
    let mut counts = minutes(&(before, 0, 100));
    counts.extend(traffic.iter().flat_map(minutes));
    let mut buckets = Buckets::new(MINUTE, 100_000);
    buckets.replace(T / MINUTE - before, &counts);
    buckets
}

/// Tier, minutes from [`T`] to the beginning and to the end, bad and all events, by alert.
fn firings(result: &Backtest) -> Vec<(&str, i64, Option<i64>, u64, u64)> {
    let minutes = |time: Nanos| (time - T) / MINUTE;
    let mut rows = Vec::new();
    for Firing { tier, since, until, events, .. } in &result.firings {
        rows.push((tier.as_str(), minutes(*since), until.map(minutes), events.bad(), events.total));
    }
    rows
}

fn around(from: Nanos, to: Nanos) -> TimeRange {
    TimeRange::new(T + from, T + to)
}

/// Ten minutes in which all of 100 requests a minute fail, after four good days.
///
/// 1h/5m fires above 86.4 bad of 6,000: after a minute; its short window is clean five minutes after the last bad one.
/// 6h/30m above 216 of 36,000: after three, 1d/2h and 3d/6h above 432: after five.
#[test]
fn an_outage_fires_and_resolves_when_the_arithmetic_says() {
    let slo = slo("");
    let buckets = history(&slo, 4 * 1440, &[(10, 100, 100), (1_430, 0, 100)]);
    let result = run(&slo, &buckets, around(-DAY, DAY), true, || true);
    assert_eq!(result.range, around(-DAY, DAY));
    assert_eq!(
        firings(&result),
        [
            ("page/1h/5m", 1, Some(15), 1_000, 7_400),
            ("page/6h/30m", 3, Some(40), 1_000, 39_700),
            ("ticket/1d/2h", 5, Some(130), 1_000, 156_500),
            ("ticket/3d/6h", 5, Some(370), 1_000, 468_500),
        ]
    );
    let page = &result.firings[0];
    assert_eq!((page.lasted, page.severity), (14 * MINUTE, Severity::Page));
    // Four days and 15 minutes of 100 a minute allow 577.5; a total outage burns at 1,000.
    assert!((page.budget_spent - 1_000.0 / 577.5).abs() < 1e-9, "{}", page.budget_spent);
    assert!((page.peak - 1_000.0).abs() < 1e-9, "{}", page.peak);
    assert_eq!((result.count(Severity::Page), result.count(Severity::Ticket)), (2, 2));
    assert_eq!((result.held_back, result.unknown), (0, 0));
    // Right after the outage 1,000 of 577 are spent.
    let (lowest, at) = result.lowest.unwrap();
    assert!((lowest - (1.0 - 1_000.0 / 577.0)).abs() < 1e-9 && at == T + 10 * MINUTE, "{lowest} {at}");
}

#[test]
fn what_still_fires_at_the_end_has_no_end() {
    let slo = slo("");
    let buckets = history(&slo, 4 * 1440, &[(10, 100, 100), (1_430, 0, 100)]);
    let result = run(&slo, &buckets, around(0, 20 * MINUTE), true, || true);
    let ends: Vec<_> = firings(&result).into_iter().map(|(tier, since, until, ..)| (tier, since, until)).collect();
    assert_eq!(
        ends,
        [("page/1h/5m", 1, Some(15)), ("page/6h/30m", 3, None), ("ticket/1d/2h", 5, None), ("ticket/3d/6h", 5, None)]
    );
    assert_eq!(result.firings[1].lasted, 17 * MINUTE);
}

#[test]
fn two_troubles_are_two_firings() {
    let slo = slo(
        "alerting: {tiers: [{severity: page, long: 1h, short: 5m, burn_rate: 14.4, for: 2m, keep_firing_for: 3m}]}\n",
    );
    let buckets = history(&slo, 1440, &[(4, 100, 100), (60, 0, 100), (4, 100, 100), (60, 0, 100)]);
    let result = run(&slo, &buckets, around(0, 3 * HOUR), true, || true);
    // Two minutes of `for` after the first reading, three of `keep_firing_for` after the short window is clean.
    let times: Vec<_> =
        result.firings.iter().map(|f| ((f.since - T) / MINUTE, (f.until.unwrap() - T) / MINUTE)).collect();
    assert_eq!(times, [(3, 12), (67, 76)]);
    assert_eq!(result.range.end, T + 128 * MINUTE);
}

#[test]
fn guards_and_exclusions_are_part_of_it() {
    let few = [(1, 1, 1), (59, 0, 1)];
    let guarded = slo("alerting: {tiers: [{severity: page, long: 1h, short: 5m, burn_rate: 14.4}]}\n");
    let mut buckets = Buckets::new(MINUTE, 100_000);
    let minutes =
        |(minutes, bad, total): &(i64, u64, u64)| vec![Count { good: total - bad, total: *total }; *minutes as usize];
    buckets.replace(T / MINUTE, &few.iter().flat_map(minutes).collect::<Vec<_>>());
    let result = run(&guarded, &buckets, around(0, HOUR), true, || true);
    assert_eq!((result.firings.len(), result.held_back), (0, 5 * MINUTE));
    let open = slo("alerting: {min_bad_events: 1, tiers: [{severity: page, long: 1h, short: 5m, burn_rate: 14.4}]}\n");
    assert_eq!(run(&open, &buckets, around(0, HOUR), true, || true).firings.len(), 1);

    // 20000 days after 1970-01-01 are 2024-10-04.
    let excluded = slo("exclusions: [{from: 2024-10-04T00:00:00Z, to: 2024-10-04T00:10:00Z}]\n");
    let buckets = history(&excluded, 4 * 1440, &[(10, 100, 100), (1_430, 0, 100)]);
    let result = run(&excluded, &buckets, around(-DAY, DAY), true, || true);
    assert!(result.firings.is_empty(), "{:?}", result.firings);
    // The five minutes of the fastest tier are wholly excluded from the fifth minute to the tenth.
    assert_eq!((result.unknown, result.lowest.unwrap().0), (6 * MINUTE, 1.0));
}

#[test]
fn tiers_wait_for_their_windows_unless_nothing_was_before() {
    let slo = slo("");
    let buckets = history(&slo, 120, &[(10, 100, 100)]);
    let known = run(&slo, &buckets, around(-2 * HOUR, DAY), false, || true);
    assert_eq!(firings(&known).iter().map(|firing| firing.0).collect::<Vec<_>>(), ["page/1h/5m"]);
    assert_eq!(known.unknown, (59 + 3 * 130) * MINUTE);
    let young = run(&slo, &buckets, around(-2 * HOUR, DAY), true, || true);
    assert_eq!(young.firings.len(), 4);
}

#[test]
fn nothing_counted_is_no_backtest() {
    let slo = slo("");
    let buckets = Buckets::new(MINUTE, 10);
    let empty = run(&slo, &buckets, around(0, DAY), true, || true);
    assert!(empty.range.is_empty() && empty.firings.is_empty() && empty.budget.is_none() && empty.lowest.is_none());
    let buckets = history(&slo, 10, &[]);
    assert!(run(&slo, &buckets, around(DAY, 2 * DAY), true, || true).range.is_empty());
    assert!(run(&slo, &buckets, TimeRange::ALL, true, || true).range.length() == 10 * MINUTE);
}

/// Thirty days by the minute with an exclusion each night, as the command line would run it.
#[test]
fn a_month_is_evaluated_minute_by_minute() {
    let slo = slo("exclusions: [{every: day, at: \"03:00\", for: 30m, time_zone: Europe/Berlin}]\n");
    let day = [(180, 0, 100), (1, 90, 100), (1_259, 0, 100)];
    let month: Vec<(i64, u64, u64)> = (0..30).flat_map(|_| day).collect();
    let result = run(&slo, &history(&slo, 3 * 1440, &month), around(0, 30 * DAY), true, || true);
    // 90 of 6,000 are 1.5 %, above 1.44 %: each night a page of six minutes less one.
    let pages: Vec<_> = result.firings.iter().filter(|firing| firing.tier == "page/1h/5m").collect();
    assert_eq!(pages.len(), 30);
    assert!(pages.iter().all(|page| page.lasted == 5 * MINUTE), "{pages:?}");
}

#[test]
fn a_backtest_that_is_stopped_ends_where_it_was() {
    let slo = slo("");
    let buckets = history(&slo, 4 * 1440, &[(10, 100, 100), (1_430, 0, 100)]);
    let asked = std::cell::Cell::new(0);
    let goes_on = || {
        asked.set(asked.get() + 1);
        asked.get() < 7
    };
    // A day before the outage are 1,440 buckets: at the seventh question 1,536 are evaluated.
    let result = run(&slo, &buckets, around(-DAY, DAY), true, goes_on);
    assert_eq!(result.range, around(-DAY, 96 * MINUTE));
    assert_eq!(result, run(&slo, &buckets, around(-DAY, 96 * MINUTE), true, || true));
    assert_eq!(result.firings.len(), 4);
}
