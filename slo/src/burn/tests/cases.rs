//! Whole readings computed by hand: minutes of traffic in, the two windows of a tier and its condition out.

use model::time::MINUTE;

use super::*;
use Condition::{Acceptable, Critical, Excluded, Increasing, NoTraffic, NotCounted, Recovering};

/// 2026-03-29T12:00:00Z, on the day on which Berlin skips the hour from 02:00.
const NOW: Nanos = 1_774_785_600 * 1_000_000_000;

/// 99.9 % over 30 days; its tiers fire above 1.44 %, 0.6 %, 0.3 % and 0.1 %.
const USUAL: &str = "objective: 99.9\n";
const LAX: &str = "objective: 95\n";
/// A total outage burns at 10: the tier of 14.4 is left out and the first one is 6h/30m.
const VERY_LAX: &str = "objective: 90\n";
const FEW: &str = "objective: 99.9\nalerting: {min_events: 100}\n";
const NO_GUARD: &str = "objective: 99.9\nalerting: {min_bad_events: 1}\n";
/// 02:30 in Berlin is 01:30 in UTC on the day before, and on the day itself too, where it stands for 03:30.
const NIGHTLY: &str = "objective: 99.9\nexclusions: [{every: day, at: \"02:30\", for: 1h, time_zone: Europe/Berlin}]\n";

/// The usual SLO without the time of today between two clock times in UTC.
const WITHOUT: [(&str, &str); 5] = [
    ("11:30-11:40", "objective: 99.9\nexclusions: [{from: 2026-03-29T11:30:00Z, to: 2026-03-29T11:40:00Z}]\n"),
    ("10:50-11:10", "objective: 99.9\nexclusions: [{from: 2026-03-29T10:50:00Z, to: 2026-03-29T11:10:00Z}]\n"),
    ("11:53-11:57", "objective: 99.9\nexclusions: [{from: 2026-03-29T11:53:00Z, to: 2026-03-29T11:57:00Z}]\n"),
    ("11:50-12:10", "objective: 99.9\nexclusions: [{from: 2026-03-29T11:50:00Z, to: 2026-03-29T12:10:00Z}]\n"),
    ("11:00-11:55", "objective: 99.9\nexclusions: [{from: 2026-03-29T11:00:00Z, to: 2026-03-29T11:55:00Z}]\n"),
];

struct Case {
    what: &'static str,
    slo: &'static str,
    /// Minutes, bad and all events in each of them; the last minute ends at [`NOW`].
    traffic: &'static [(i64, u64, u64)],
    tier: usize,
    /// Bad and all events of the long and of the short window.
    long: (u64, u64),
    short: (u64, u64),
    condition: Condition,
}

const fn case(
    what: &'static str,
    slo: &'static str,
    traffic: &'static [(i64, u64, u64)],
    tier: usize,
    long: (u64, u64),
    short: (u64, u64),
    condition: Condition,
) -> Case {
    Case { what, slo, traffic, tier, long, short, condition }
}

const fn few(guard: Guard, counted: u64, needed: u64) -> Condition {
    Condition::Suppressed { guard, counted, needed }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("all is well", USUAL, &[(4320, 0, 100)], 0, (0, 6_000), (0, 500), Acceptable),
    // 14.4 × 0.001 of 10,000 events a minute are 144.
    case("exactly at 14.4", USUAL, &[(60, 144, 10_000)], 0, (8_640, 600_000), (720, 50_000), Acceptable),
    case("one more than 14.4", USUAL, &[(59, 144, 10_000), (1, 145, 10_000)], 0, (8_641, 600_000), (721, 50_000), Critical),
    case("only the short one is above 14.4", USUAL, &[(54, 144, 10_000), (1, 143, 10_000), (4, 144, 10_000), (1, 145, 10_000)], 0, (8_640, 600_000), (721, 50_000), Increasing),
    case("only the long one is above 14.4", USUAL, &[(54, 144, 10_000), (1, 145, 10_000), (5, 144, 10_000)], 0, (8_641, 600_000), (720, 50_000), Recovering),
    case("exactly at 6", USUAL, &[(360, 60, 10_000)], 1, (21_600, 3_600_000), (1_800, 300_000), Acceptable),
    case("one more than 6", USUAL, &[(359, 60, 10_000), (1, 61, 10_000)], 1, (21_601, 3_600_000), (1_801, 300_000), Critical),
    case("exactly at 3", USUAL, &[(1440, 30, 10_000)], 2, (43_200, 14_400_000), (3_600, 1_200_000), Acceptable),
    case("one more than 3", USUAL, &[(1439, 30, 10_000), (1, 31, 10_000)], 2, (43_201, 14_400_000), (3_601, 1_200_000), Critical),
    case("exactly at 1", USUAL, &[(4320, 10, 10_000)], 3, (43_200, 43_200_000), (3_600, 3_600_000), Acceptable),
    case("one more than 1", USUAL, &[(4319, 10, 10_000), (1, 11, 10_000)], 3, (43_201, 43_200_000), (3_601, 3_600_000), Critical),
    case("what is older than the long window is forgotten", USUAL, &[(60, 100, 100), (60, 0, 100)], 0, (0, 6_000), (0, 500), Acceptable),
    case("the last minute of the long window still counts", USUAL, &[(1, 100, 100), (59, 0, 100)], 0, (100, 6_000), (0, 500), Recovering),
    case("the short one recovered while the long one is hot", USUAL, &[(55, 50, 100), (5, 0, 100)], 0, (2_750, 6_000), (0, 500), Recovering),
    case("the slower tier is still hot in both", USUAL, &[(55, 50, 100), (5, 0, 100)], 1, (2_750, 6_000), (1_250, 3_000), Critical),
    case("one bad minute of five is enough for the short one", USUAL, &[(55, 50, 100), (4, 0, 100), (1, 8, 100)], 0, (2_758, 6_000), (8, 500), Critical),
    // 80 of 60,000 are 0.13 %, of 5,000 they are 1.6 %.
    case("it has just begun", USUAL, &[(58, 0, 1_000), (2, 40, 1_000)], 0, (80, 60_000), (80, 5_000), Increasing),
    case("no traffic at all", USUAL, &[(60, 0, 0)], 0, (0, 0), (0, 0), NoTraffic),
    case("traffic ended with the outage", USUAL, &[(55, 50, 100), (5, 0, 0)], 0, (2_750, 5_500), (0, 0), NoTraffic),
    case("traffic ended a minute ago", USUAL, &[(59, 50, 100), (1, 0, 0)], 0, (2_950, 5_900), (200, 400), Critical),
    case("traffic begins again, and well", USUAL, &[(30, 50, 100), (29, 0, 0), (1, 0, 100)], 0, (1_500, 3_100), (0, 100), Recovering),
    case("no traffic does not thin out the ratio", USUAL, &[(50, 0, 0), (10, 2, 100)], 0, (20, 1_000), (10, 500), Critical),
    case("a total outage from the first second", USUAL, &[(1, 60, 60)], 0, (60, 60), (60, 60), Critical),
    case("and in the slowest tier too", USUAL, &[(1, 60, 60)], 3, (60, 60), (60, 60), Critical),
    case("the very first request fails", USUAL, &[(1, 1, 1)], 0, (1, 1), (1, 1), few(Guard::BadEvents, 1, 2)),
    case("the first two fail", USUAL, &[(1, 2, 2)], 0, (2, 2), (2, 2), Critical),
    // 1 of 10 burns at 100.
    case("one of ten an hour", USUAL, &[(54, 0, 0), (1, 0, 9), (1, 1, 1), (4, 0, 0)], 0, (1, 10), (1, 1), few(Guard::BadEvents, 1, 2)),
    case("one of ten without a guard", NO_GUARD, &[(54, 0, 0), (1, 0, 9), (1, 1, 1), (4, 0, 0)], 0, (1, 10), (1, 1), Critical),
    case("too few events", FEW, &[(60, 1, 1)], 0, (60, 60), (5, 5), few(Guard::Events, 60, 100)),
    case("just enough events", FEW, &[(40, 1, 1), (20, 3, 3)], 0, (100, 100), (15, 15), Critical),
    case("too few events that are well", FEW, &[(60, 0, 1)], 0, (0, 60), (0, 5), Acceptable),
    // 14.4 × 5 % = 72 %.
    case("95 %, exactly at 14.4", LAX, &[(60, 72, 100)], 0, (4_320, 6_000), (360, 500), Acceptable),
    case("95 %, above 14.4", LAX, &[(60, 73, 100)], 0, (4_380, 6_000), (365, 500), Critical),
    case("95 %, a total outage", LAX, &[(60, 100, 100)], 0, (6_000, 6_000), (500, 500), Critical),
    case("90 %, exactly at 6", VERY_LAX, &[(360, 60, 100)], 0, (21_600, 36_000), (1_800, 3_000), Acceptable),
    case("90 %, above 6", VERY_LAX, &[(360, 61, 100)], 0, (21_960, 36_000), (1_830, 3_000), Critical),
    case("the outage is excluded", WITHOUT[0].1, &[(30, 0, 100), (10, 100, 100), (20, 0, 100)], 0, (0, 5_000), (0, 500), Acceptable),
    // Of the outage from 10:50 to 11:20 the first ten minutes are before the window, the next ten excluded.
    case("an exclusion across the start of the long window", WITHOUT[1].1, &[(30, 100, 100), (40, 0, 100)], 0, (1_000, 5_000), (0, 500), Recovering),
    // Of the short window from 11:55 two minutes are excluded, of the long one four; 150 of 5,600 are 2.7 %.
    case("an exclusion across the start of the short window", WITHOUT[2].1, &[(53, 0, 100), (4, 100, 100), (3, 50, 100)], 0, (150, 5_600), (150, 300), Critical),
    case("all of the short window is excluded", WITHOUT[3].1, &[(60, 100, 100)], 0, (5_000, 5_000), (0, 0), Excluded),
    case("an exclusion that ends where the short window begins", WITHOUT[4].1, &[(55, 100, 100), (5, 0, 100)], 0, (0, 500), (0, 500), Acceptable),
    // From 01:30 to 02:30 in UTC: 23 hours of 6,000 events.
    case("a nightly job on the day that clocks skip it", NIGHTLY, &[(810, 0, 100), (60, 100, 100), (570, 0, 100)], 2, (0, 138_000), (0, 12_000), Acceptable),
    case("an outage in the hour before it", NIGHTLY, &[(750, 0, 100), (60, 100, 100), (630, 0, 100)], 2, (6_000, 138_000), (0, 12_000), Recovering),
    case("numbers of a large service", USUAL, &[(60, 57_600_001, 4_000_000_000)], 0, (3_456_000_060, 240_000_000_000), (288_000_005, 20_000_000_000), Critical),
];

fn buckets(slo: &Slo, traffic: &[(i64, u64, u64)]) -> Buckets {
    let minutes = |(minutes, bad, total): &(i64, u64, u64)| vec![count(*bad, *total); *minutes as usize];
    let counts: Vec<Count> = traffic.iter().flat_map(minutes).collect();
    assert_eq!(slo.bucket_width(), MINUTE);
    let mut buckets = Buckets::new(MINUTE, slo.bucket_count() as usize);
    buckets.replace(NOW / MINUTE - counts.len() as i64, &counts);
    buckets
}

fn slo_of(text: &str) -> Slo {
    parse("f.yaml", &format!("service: s\nindicator: availability\n{text}")).unwrap().remove(0)
}

#[test]
fn readings_are_those_computed_by_hand() {
    assert!(CASES.len() >= 40, "{}", CASES.len());
    for Case { what, slo, traffic, tier, long, short, condition } in CASES {
        let slo = slo_of(slo);
        let reading = read(&slo, &buckets(&slo, traffic), NOW - 1, true)[*tier];
        let pair = |window: WindowCount| (window.count.bad(), window.count.total);
        assert_eq!((pair(reading.long), pair(reading.short)), (*long, *short), "{what}");
        assert_eq!(reading.condition, *condition, "{what}");
    }
}

/// While stored data are counted: (minutes that are, tier) and what the tier says of a total outage.
#[test]
fn a_window_that_is_not_counted_yet_says_nothing() {
    let slo = slo_of(USUAL);
    for (minutes, tier, condition) in
        [(59, 0, NotCounted), (60, 0, Critical), (60, 1, NotCounted), (360, 1, Critical), (4_319, 3, NotCounted)]
    {
        let counted = buckets(&slo, &[(minutes, 100, 100)]);
        assert_eq!(read(&slo, &counted, NOW - 1, false)[tier].condition, condition, "{minutes} {tier}");
        assert_eq!(read(&slo, &counted, NOW - 1, true)[tier].condition, Critical, "{minutes} {tier}");
    }
}

/// An error ratio has no events, so that no guard holds it back.
#[test]
fn the_guard_is_for_events_only() {
    let text = "service: s\nobjective: 99.9\nindicator: {promql: {error_ratio: 'a[$window]'}}\n";
    let slo = parse("f.yaml", text).unwrap().remove(0);
    let one = crate::values::of_error_ratio(Some(0.0001));
    assert_eq!(judge(&slo, &slo.alerting.tiers[0], one, one), Acceptable);
    let one = Count { good: 0, total: 1 };
    assert_eq!(judge(&slo, &slo.alerting.tiers[0], one, one), Critical);
}

/// The window, minutes of traffic until noon in UTC, and then: events that are allowed, what is left, when it is gone.
#[test]
fn budgets_of_calendar_windows() {
    let tier = "alerting: {tiers: [{severity: page, long: 1h, short: 5m, burn_rate: 14.4}]}\n";
    let berlin = |unit: &str| format!("window: {{calendar: {unit}, time_zone: Europe/Berlin}}\n");
    let utc_day = "window: {calendar: day}\n".to_owned();
    let around_noon = format!("{utc_day}exclusions: [{{from: 2026-03-29T11:00:00Z, to: 2026-03-29T13:00:00Z}}]\n");
    type Traffic = &'static [(i64, u64, u64)];
    let table: [(String, Traffic, f64, Option<f64>, Exhaustion); 12] = [
        // A day of 24 hours: 720 minutes are gone, 720 to come, 144,000 events in all.
        (utc_day.clone(), &[(720, 0, 100)], 144.0, Some(1.0), Exhaustion::NotAtThisRate),
        (utc_day.clone(), &[(60, 1, 100), (660, 0, 100)], 144.0, Some(1.0 - 60.0 / 144.0), Exhaustion::NotAtThisRate),
        // 72 bad of 6,000 in the last hour burn at 12: half of a day's budget lasts for 0.5 × 24 h / 12.
        (utc_day.clone(), &[(708, 0, 100), (12, 6, 100)], 144.0, Some(0.5), Exhaustion::In(HOUR)),
        // 6 of 6,000 burn at 1: 23/24 of the budget last for 23 hours, and the day ends in twelve.
        (utc_day.clone(), &[(714, 0, 100), (6, 1, 100)], 144.0, Some(23.0 / 24.0), Exhaustion::NotAtThisRate),
        (
            utc_day.clone(),
            &[(719, 0, 100), (1, 100, 100)],
            144.0,
            Some(44.0 / 144.0),
            Exhaustion::In(1_583_999_999_999),
        ),
        (utc_day.clone(), &[(718, 0, 100), (2, 100, 100)], 144.0, Some(-56.0 / 144.0), Exhaustion::Exhausted),
        (utc_day.clone(), &[(720, 0, 0)], 0.0, None, Exhaustion::Unknown),
        // What happened yesterday is of another budget.
        (utc_day, &[(60, 100, 100), (720, 0, 100)], 144.0, Some(1.0), Exhaustion::NotAtThisRate),
        // Berlin's day of 23 hours began at 23:00 in UTC: 780 minutes are gone, 600 to come.
        (berlin("day"), &[(780, 0, 100)], 138.0, Some(1.0), Exhaustion::NotAtThisRate),
        // An SLO of an hour: its hour stands for the ten to come, and nothing for the twelve before it.
        (berlin("day"), &[(60, 0, 100)], 66.0, Some(1.0), Exhaustion::NotAtThisRate),
        // March has 743 hours there, 41,100 minutes are gone of 44,580.
        (berlin("month"), &[(41_100, 0, 100)], 4_458.0, Some(1.0), Exhaustion::NotAtThisRate),
        // An hour before noon and one after are left out: 660 minutes are gone, 660 to come.
        (around_noon, &[(660, 0, 100), (60, 100, 100)], 132.0, Some(1.0), Exhaustion::Unknown),
    ];
    for (window, traffic, allowed, remaining, exhaustion) in table {
        let slo = slo_of(&format!("objective: 99.9\n{window}{tier}"));
        let budget = budget(&slo, &buckets(&slo, traffic), NOW - 1);
        let round = |value: f64| (value * 1e6).round() / 1e6;
        assert_eq!(round(budget.allowed), round(allowed), "{window} {traffic:?}");
        assert_eq!(budget.remaining.map(round), remaining.map(round), "{window} {traffic:?}");
        match (budget.exhaustion, exhaustion) {
            (Exhaustion::In(got), Exhaustion::In(expected)) => assert!((got - expected).abs() < 1_000_000, "{got}"),
            (got, expected) => assert_eq!(got, expected, "{window} {traffic:?}"),
        }
        assert_eq!(budget.renewed_at, Some(slo.window.range(NOW - 1).end));
    }
}
