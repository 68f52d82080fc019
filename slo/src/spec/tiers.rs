//! The default alert tiers: table 5-8 of the SRE workbook ("Alerting on SLOs") with its 24-hour ticket tier, scaled to
//! the window of the SLO. Scaling keeps the burn rate and with it the share of the budget that is gone at detection
//! (2, 5, 10 and 10 %), so that a 24-hour window is watched like a 30-day one, only thirty times as fast.

use model::Nanos;
use model::time::{DAY, HOUR, MINUTE, SECOND};

use super::{Severity, Tier};
use crate::duration;
use crate::ratio::{BurnRate, Objective};

/// The window for which the workbook gives its tiers.
const WORKBOOK_WINDOW: Nanos = 30 * DAY;

/// Severity, long window, short window, burn rate in thousandths.
const WORKBOOK_TIERS: [(Severity, Nanos, Nanos, u64); 4] = [
    (Severity::Page, HOUR, 5 * MINUTE, 14_400),
    (Severity::Page, 6 * HOUR, 30 * MINUTE, 6_000),
    (Severity::Ticket, DAY, 2 * HOUR, 3_000),
    (Severity::Ticket, 3 * DAY, 6 * HOUR, 1_000),
];

/// Shortest default short window: exporters send every 5 s (the batch span processor's default), so 30 s hold six batches.
const SHORTEST: Nanos = 30 * SECOND;

/// A long window that was cut off below is kept at least this many times its short window, or the pair says nothing more
/// than one window does.
const LONG_TO_SHORT: Nanos = 4;

/// The tiers for an SLO without its own, most urgent first, and a sentence about each that was altered or left out.
pub(crate) fn default_tiers(window: Nanos, objective: Objective) -> (Vec<Tier>, Vec<String>) {
    let tier = |(severity, long, short, thousandths)| {
        let burn_rate = BurnRate::from_thousandths(thousandths);
        Tier { severity, long, short, burn_rate, hold: 0, keep_firing_for: 0 }
    };
    scaled(&WORKBOOK_TIERS.map(tier), WORKBOOK_WINDOW, window, objective)
}

/// `table`, which is for windows of the length `of`, fitted to `window` and `objective`; and a sentence about each tier
/// that was altered beyond that, or left out.
pub(crate) fn scaled(table: &[Tier], of: Nanos, window: Nanos, objective: Objective) -> (Vec<Tier>, Vec<String>) {
    let mut tiers: Vec<Tier> = Vec::new();
    let mut notes = Vec::new();
    for Tier { severity, long, short, burn_rate, hold, keep_firing_for } in table.iter().cloned() {
        let scale = |length: Nanos| scale(length, of, window);
        let (scaled_long, scaled_short, hold) = (scale(long), scale(short), scale(hold));
        let short = scaled_short.max(SHORTEST);
        let long = scaled_long.max(LONG_TO_SHORT * short);
        let title =
            format!("{severity} tier {}/{} at burn rate {burn_rate}", duration::format(long), duration::format(short));
        if !burn_rate.is_reachable(objective) {
            let most = round(1.0 / objective.error_budget());
            notes.push(format!("{title} left out: at an objective of {objective} a total outage burns at {most}"));
            continue;
        }
        if tiers.iter().any(|tier| (tier.severity, tier.long, tier.short) == (severity, long, short)) {
            notes.push(format!("{title} left out: another {severity} tier has the same windows"));
            continue;
        }
        if short != scaled_short || long != scaled_long {
            let (from_long, from_short) = (duration::format(scaled_long), duration::format(scaled_short));
            notes.push(format!("{title}: windows lengthened from {from_long}/{from_short}"));
        }
        tiers.push(Tier { severity, long, short, burn_rate, hold, keep_firing_for });
    }
    (tiers, notes)
}

/// `length`, a part of the window `of`, as the same share of `window`, in whole seconds.
fn scale(length: Nanos, of: Nanos, window: Nanos) -> Nanos {
    // Below 3 days × 366 days in nanoseconds squared, about 2^103; divided by weeks it fits again.
    let exact = i128::from(length) * i128::from(window) / i128::from(of);
    let seconds = (exact + i128::from(SECOND) / 2) / i128::from(SECOND);
    Nanos::try_from(seconds).map_or(window, |seconds| seconds * SECOND)
}

/// Two decimals, without trailing zeros.
pub(super) fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Window;

    fn ids(window: Nanos, percent: f64) -> (Vec<String>, Vec<String>) {
        let (tiers, notes) = default_tiers(window, Objective::from_percent(percent).unwrap());
        (tiers.iter().map(|tier| format!("{} {}", tier.id(), tier.burn_rate)).collect(), notes)
    }

    #[test]
    fn thirty_days_give_the_workbook_table() {
        let (tiers, notes) = ids(30 * DAY, 99.9);
        assert_eq!(tiers, ["page/1h/5m 14.4", "page/6h/30m 6", "ticket/1d/2h 3", "ticket/3d/6h 1"]);
        assert!(notes.is_empty());
    }

    #[test]
    fn other_windows_are_scaled() {
        let table: [(Nanos, [&str; 4]); 4] = [
            (DAY, ["page/2m/30s 14.4", "page/12m/1m 6", "ticket/48m/4m 3", "ticket/2h24m/12m 1"]),
            (7 * DAY, ["page/14m/1m10s 14.4", "page/1h24m/7m 6", "ticket/5h36m/28m 3", "ticket/16h48m/1h24m 1"]),
            (28 * DAY, ["page/56m/4m40s 14.4", "page/5h36m/28m 6", "ticket/22h24m/1h52m 3", "ticket/2d19h12m/5h36m 1"]),
            (90 * DAY, ["page/3h/15m 14.4", "page/18h/1h30m 6", "ticket/3d/6h 3", "ticket/9d/18h 1"]),
        ];
        for (window, expected) in table {
            assert_eq!(ids(window, 99.9).0, expected);
        }
    }

    #[test]
    fn short_windows_are_floored_with_a_note() {
        let (tiers, notes) = ids(HOUR, 99.0);
        assert_eq!(tiers, ["page/2m/30s 14.4", "ticket/2m/30s 3", "ticket/6m/30s 1"]);
        assert_eq!(
            notes,
            [
                "page tier 2m/30s at burn rate 14.4: windows lengthened from 5s/0s",
                "page tier 2m/30s at burn rate 6 left out: another page tier has the same windows",
                "ticket tier 2m/30s at burn rate 3: windows lengthened from 2m/10s",
            ]
        );
    }

    #[test]
    fn tiers_that_can_never_fire_are_left_out_with_a_note() {
        let (tiers, notes) = ids(30 * DAY, 90.0);
        assert_eq!(tiers, ["page/6h/30m 6", "ticket/1d/2h 3", "ticket/3d/6h 1"]);
        assert_eq!(
            notes,
            ["page tier 1h/5m at burn rate 14.4 left out: at an objective of 90% a total outage burns at 10"]
        );
    }

    /// 2, 5, 10 and 10 % in the workbook.
    #[test]
    fn budget_consumed_at_detection_is_that_of_the_workbook_for_every_window() {
        for window in [DAY, 7 * DAY, 30 * DAY, 90 * DAY] {
            let (tiers, _) = default_tiers(window, Objective::from_percent(99.9).unwrap());
            let consumed: Vec<f64> =
                tiers.iter().map(|tier| round(tier.budget_consumed(&Window::Rolling(window)))).collect();
            assert_eq!(consumed, [0.02, 0.05, 0.1, 0.1]);
        }
    }
}
