//! Burn rates and budgets computed by hand.

use model::time::{DAY, HOUR, MINUTE};

use super::*;
use crate::spec::parse;

mod cases;

fn slo(window: &str, objective: f64, more: &str) -> Slo {
    let text =
        format!("name: a\nservice: s\nindicator: availability\nwindow: {window}\nobjective: {objective}\n{more}");
    parse("f.yaml", &text).unwrap().remove(0)
}

fn count(bad: u64, total: u64) -> Count {
    Count { good: total - bad, total }
}

/// 1 is the rate that spends the budget in exactly one window.
#[test]
fn burn_rate_is_error_ratio_over_allowed_ratio() {
    let table = [
        (99.9, 1, 1000, Some(1.0)),
        (99.9, 144, 10_000, Some(14.4)),
        (99.9, 1, 10, Some(100.0)),
        (99.9, 10, 10, Some(1000.0)),
        (99.5, 1, 100, Some(2.0)),
        (95.0, 1, 1, Some(20.0)),
        (99.9, 0, 10, Some(0.0)),
        (99.9, 0, 0, None),
    ];
    for (objective, bad, total, expected) in table {
        let objective = Objective::from_percent(objective).unwrap();
        let rounded = burn_rate(count(bad, total), objective).map(|rate| (rate * 1e9).round() / 1e9);
        assert_eq!(rounded, expected, "{bad}/{total} at {objective}");
    }
}

/// At 99.9 % the thresholds of the four tiers are the error ratios 1.44 %, 0.6 %, 0.3 % and 0.1 %.
#[test]
fn conditions_of_the_workbook_tiers() {
    use Condition::*;
    let slo = slo("30d", 99.9, "");
    let (fast, slow, ticket, leak) = (0, 1, 2, 3);
    let table = [
        // Exactly at the factor is not above it; one more is.
        (fast, (144, 10_000), (144, 10_000), Acceptable),
        (fast, (145, 10_000), (145, 10_000), Critical),
        (fast, (144, 10_000), (145, 10_000), Increasing),
        (fast, (145, 10_000), (144, 10_000), Recovering),
        (slow, (60, 10_000), (60, 10_000), Acceptable),
        (slow, (61, 10_000), (61, 10_000), Critical),
        (slow, (60, 10_000), (61, 10_000), Increasing),
        (slow, (61, 10_000), (60, 10_000), Recovering),
        (ticket, (30, 10_000), (30, 10_000), Acceptable),
        (ticket, (31, 10_000), (31, 10_000), Critical),
        (ticket, (31, 10_000), (0, 10_000), Recovering),
        (leak, (10, 10_000), (10, 10_000), Acceptable),
        (leak, (11, 10_000), (11, 10_000), Critical),
        (leak, (9, 10_000), (500, 1_000), Increasing),
        // The incident is over in the short window while the long one is still hot.
        (fast, (5_000, 10_000), (0, 800), Recovering),
        (fast, (5_000, 10_000), (1, 800), Recovering),
        // It has just begun: the short window is hot, the long one not yet.
        (fast, (100, 60_000), (100, 5_000), Increasing),
        // 100 % errors from the first second.
        (fast, (2, 2), (2, 2), Critical),
        (fast, (10_000, 10_000), (10_000, 10_000), Critical),
        // All good.
        (fast, (0, 1), (0, 1), Acceptable),
        (fast, (0, 10_000_000), (0, 800_000), Acceptable),
        // No traffic in one window or both is not good.
        (fast, (0, 0), (0, 0), NoTraffic),
        (fast, (500, 1_000), (0, 0), NoTraffic),
        (leak, (0, 1_000), (0, 0), NoTraffic),
        // One failed request of ten is burn 100, and chance: the low-traffic guard holds it back.
        (fast, (1, 10), (1, 2), Suppressed { guard: Guard::BadEvents, counted: 1, needed: 2 }),
        (fast, (1, 1), (1, 1), Suppressed { guard: Guard::BadEvents, counted: 1, needed: 2 }),
        (leak, (1, 500), (1, 20), Suppressed { guard: Guard::BadEvents, counted: 1, needed: 2 }),
        (fast, (2, 10), (1, 2), Critical),
        (fast, (1, 10), (0, 2), Recovering),
        // Numbers of a large service: 14.4 × 0.001 × 4e9 = 57,600,000.
        (fast, (57_600_000, 4_000_000_000), (57_600_000, 4_000_000_000), Acceptable),
        (fast, (57_600_001, 4_000_000_000), (57_600_001, 4_000_000_000), Critical),
    ];
    for (tier, (long_bad, long), (short_bad, short), expected) in table {
        let got = judge(&slo, &slo.alerting.tiers[tier], count(long_bad, long), count(short_bad, short));
        assert_eq!(got, expected, "tier {tier}: {long_bad}/{long} and {short_bad}/{short}");
    }
}

/// A total outage burns at 1 / (1 − objective): 20 at 95 %, 10 at 90 %, where the 14.4 tier does not exist.
#[test]
fn conditions_of_lax_objectives() {
    use Condition::*;
    let table = [
        (95.0, 0, (72, 100), (72, 100), Acceptable),
        (95.0, 0, (73, 100), (73, 100), Critical),
        (95.0, 0, (100, 100), (100, 100), Critical),
        (90.0, 0, (60, 100), (60, 100), Acceptable),
        (90.0, 0, (61, 100), (61, 100), Critical),
        (50.0, 0, (50, 100), (50, 100), Acceptable),
        (50.0, 0, (51, 100), (51, 100), Critical),
    ];
    for (objective, tier, (long_bad, long), (short_bad, short), expected) in table {
        let slo = slo("30d", objective, "");
        let tier = &slo.alerting.tiers[tier];
        assert_eq!(
            judge(&slo, tier, count(long_bad, long), count(short_bad, short)),
            expected,
            "{objective} {long_bad}"
        );
    }
}

#[test]
fn the_guard_can_be_raised_and_switched_off() {
    let raised = slo("30d", 99.9, "alerting: {min_bad_events: 10}\n");
    let off = slo("30d", 99.9, "alerting: {min_bad_events: 1}\n");
    let judge = |slo: &Slo, bad| judge(slo, &slo.alerting.tiers[0], count(bad, 20), count(bad, 20));
    assert_eq!(judge(&raised, 9), Condition::Suppressed { guard: Guard::BadEvents, counted: 9, needed: 10 });
    assert_eq!(judge(&raised, 10), Condition::Critical);
    assert_eq!(judge(&off, 1), Condition::Critical);
}

/// A bucket a minute, the last one at `now`; `counts[0]` is the oldest.
fn minutes(slo: &Slo, counts: &[Count]) -> Buckets {
    let mut buckets = Buckets::new(slo.bucket_width(), slo.bucket_count() as usize);
    buckets.replace(1_000_000, counts);
    buckets
}

#[test]
fn reads_the_windows_of_every_tier() {
    let slo = slo("30d", 99.9, "");
    let mut counts = vec![count(0, 100); 120];
    counts[118] = count(90, 100);
    counts[119] = count(90, 100);
    let buckets = minutes(&slo, &counts);
    let now = buckets.covered_time().end - 1;
    let readings = read(&slo, &buckets, now, true);
    // 5 m: 180 of 500; 1 h: 180 of 6,000 = 3 % > 1.44 %; 6 h holds two hours: 180 of 12,000 = 1.5 % > 0.6 %.
    assert_eq!(readings[0].short.count, count(180, 500));
    assert_eq!(readings[0].long, WindowCount { count: count(180, 6_000), coverage: 1.0, excluded: 0.0 });
    assert_eq!(readings[1].long, WindowCount { count: count(180, 12_000), coverage: 120.0 / 360.0, excluded: 0.0 });
    let conditions: Vec<_> = readings.iter().map(|reading| reading.condition).collect();
    assert_eq!(conditions, [Condition::Critical; 4]);
}

#[test]
fn a_tier_waits_until_its_long_window_is_counted() {
    let slo = slo("30d", 99.9, "");
    let buckets = minutes(&slo, &[count(50, 100); 120]);
    let conditions: Vec<_> =
        read(&slo, &buckets, buckets.covered_time().end - 1, false).iter().map(|reading| reading.condition).collect();
    use Condition::{Critical, NotCounted};
    assert_eq!(conditions, [Critical, NotCounted, NotCounted, NotCounted]);
}

/// 99.9 % of 100,000 events allow 100 bad ones; the last hour had 6,000 of them, with all that were bad.
#[test]
fn budget_counts_allowed_and_bad_events_and_may_be_overspent() {
    let table = [
        (0, Some(1.0), 100.0, Exhaustion::NotAtThisRate),
        // 40 / 6,000 / 0.001 = burn 6.667; 60 % of 30 days / 6.667 = 2.7 days.
        (40, Some(0.6), 60.0, Exhaustion::In(27 * DAY / 10)),
        (100, Some(0.0), 0.0, Exhaustion::Exhausted),
        (250, Some(-1.5), -150.0, Exhaustion::Exhausted),
    ];
    for (bad, remaining, left, exhaustion) in table {
        let slo = slo("30d", 99.9, "");
        let mut counts = vec![count(0, 1000); 94];
        counts.extend(vec![count(0, 0); 60]);
        counts[150] = count(bad, 6_000);
        let buckets = minutes(&slo, &counts);
        let budget = budget(&slo, &buckets, buckets.covered_time().end - 1);
        assert_eq!(budget.allowed.round(), 100.0);
        assert_eq!(budget.remaining.map(|share| (share * 1e6).round() / 1e6), remaining, "{bad}");
        assert_eq!(budget.bad_events_left().round(), left);
        match (budget.exhaustion, exhaustion) {
            (Exhaustion::In(got), Exhaustion::In(expected)) => assert!((got - expected).abs() < MINUTE, "{got}"),
            (got, expected) => assert_eq!(got, expected, "{bad}"),
        }
    }
}

#[test]
fn without_events_nothing_is_known_of_the_budget() {
    let slo = slo("30d", 99.9, "");
    let budget = budget(&slo, &minutes(&slo, &[Count::default(); 10]), 1_000_000 * MINUTE);
    assert_eq!((budget.remaining, budget.attained_percent(), budget.exhaustion), (None, None, Exhaustion::Unknown));
}

#[test]
fn time_to_exhaustion_uses_the_window_of_the_fastest_tier() {
    assert_eq!(recent_window(&slo("30d", 99.9, "")), HOUR);
    assert_eq!(recent_window(&slo("24h", 99.9, "")), 2 * MINUTE);
    assert_eq!(recent_window(&slo("30d", 99.9, "alerting: {enabled: false}\n")), HOUR);
    let table = [
        (Some(0.5), Some(1.0), Exhaustion::In(15 * DAY)),
        (Some(0.5), Some(0.5), Exhaustion::NotAtThisRate),
        (Some(1.0), Some(2.0), Exhaustion::In(15 * DAY)),
        (Some(0.02), Some(14.4), Exhaustion::In(HOUR)),
        (Some(0.5), Some(0.0), Exhaustion::NotAtThisRate),
        (Some(0.5), None, Exhaustion::Unknown),
        (None, Some(1.0), Exhaustion::Unknown),
        (Some(-0.1), None, Exhaustion::Exhausted),
    ];
    for (remaining, burn, expected) in table {
        assert_eq!(exhaustion(remaining, burn, 30 * DAY, 30 * DAY), expected, "{remaining:?} {burn:?}");
    }
}
