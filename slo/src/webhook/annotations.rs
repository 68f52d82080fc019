//! What an alert says besides its labels: how bad it is, what is left, and where to look.

use std::collections::BTreeMap;

use model::TraceId;

use crate::buckets::{Count, WindowCount};
use crate::burn::{Budget, Exhaustion, TierReading, burn_rate};
use crate::duration;
use crate::groups::Group;
use crate::spec::{Slo, Tier};

/// The numbers behind one alert at the moment of its notification.
#[derive(Debug, Clone)]
pub struct Evidence<'e> {
    pub slo: &'e Slo,
    pub tier: &'e Tier,
    /// Whose events the numbers are of.
    pub group: &'e Group,
    pub reading: TierReading,
    pub budget: Budget,
    /// Traces of bad events of the long window, newest first; may be empty.
    pub traces: &'e [TraceId],
}

/// The annotations of an alert; those of the SLO file win over ours of the same name.
pub fn annotations(evidence: &Evidence<'_>) -> BTreeMap<String, String> {
    let Evidence { slo, tier, group, reading, budget, traces } = evidence;
    let (long, short) = (duration::format(tier.long), duration::format(tier.short));
    let rate = |window: &WindowCount| {
        burn_rate(window.count, slo.objective).map_or("unknown (no traffic)".to_owned(), two_decimals)
    };
    let (long_rate, short_rate) = (rate(&reading.long), rate(&reading.short));
    let remaining = budget.remaining.map_or("unknown".to_owned(), |share| format!("{}%", two_decimals(share * 100.0)));
    let exhaustion = match budget.exhaustion {
        Exhaustion::Exhausted => "exhausted".to_owned(),
        Exhaustion::In(left) => duration::format(left / model::time::SECOND * model::time::SECOND),
        Exhaustion::NotAtThisRate => format!("not within {}", slo.window),
        Exhaustion::Unknown => "unknown".to_owned(),
    };
    let mut annotations = BTreeMap::new();
    let mut set = |name: &str, text: String| {
        annotations.insert(name.to_owned(), text);
    };
    let of_group = group.words(slo.by.as_ref()).map_or(String::new(), |words| format!(" for {words}"));
    set("summary", format!("{}{of_group} burns its error budget at {long_rate} times the sustainable rate", slo.name));
    set(
        "description",
        format!(
            "Objective: {}. Bad in the last {long}: {}; in the last {short}: {}. The alert fires above a burn rate of {} in both.",
            slo.sentence(),
            share(reading.long.count),
            share(reading.short.count),
            tier.burn_rate,
        ),
    );
    set("burn_rate_long", long_rate);
    set("burn_rate_short", short_rate);
    set("burn_rate_threshold", tier.burn_rate.to_string());
    set("bad_events", reading.long.count.bad().to_string());
    set("total_events", reading.long.count.total.to_string());
    set("error_budget_remaining", remaining);
    set("time_to_exhaustion", exhaustion);
    if !traces.is_empty() {
        let ids: Vec<String> = traces.iter().map(TraceId::to_string).collect();
        set("trace_ids", ids.join(","));
    }
    annotations.extend(slo.annotations.clone());
    annotations
}

fn share(count: Count) -> String {
    match count.error_ratio() {
        Some(ratio) => format!("{} of {} ({}%)", count.bad(), count.total, two_decimals(ratio * 100.0)),
        None => "no events".to_owned(),
    }
}

/// At most two decimals, without zeros at the end.
fn two_decimals(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    // Adding zero turns the -0 that rounding leaves into 0.
    format!("{}", rounded + 0.0)
}
