//! OpenSLO's `SLO`, `openslo/v1`, with its indicator and its alert policies written in place.

use super::{Lost, boolean, list, map, number, pairs, queries, text};
use crate::duration;
use crate::formats::promql::summed_selector;
use crate::spec::parse::slug;
use crate::spec::yaml::Node;
use crate::spec::{CalendarUnit, Comparison, Indicator, RatioSli, Slo, Window};

pub(super) fn document(slo: &Slo, lost: &mut Lost<'_>) -> Option<Node> {
    let share = (slo.objective.percent() * 1e7).round() / 1e9;
    let mut objective = vec![("displayName", text(slo.name.as_str())), ("target", number(share))];
    let (method, indicator) = match &slo.indicator {
        Indicator::Slices(slices) => {
            let op = match slices.op {
                Comparison::Less => "lt",
                Comparison::LessOrEqual => "lte",
                Comparison::Greater => "gt",
                Comparison::GreaterOrEqual => "gte",
            };
            objective.push(("op", text(op)));
            objective.push(("value", number(slices.value)));
            objective.push(("timeSliceTarget", number(1.0)));
            objective.push(("timeSliceWindow", text(duration::format(slices.slice))));
            ("Timeslices", map(vec![("thresholdMetric", source(&slices.query))]))
        }
        _ => ("Occurrences", map(vec![("ratioMetric", ratio(queries::of(slo, lost)?))])),
    };
    lost.common(slo);
    if slo.by.is_some() {
        lost.add("groups are left out: OpenSLO has none");
    }
    let mut metadata = vec![("name", text(slug(&slo.name).replace(['.', '_'], "-")))];
    if slo.name.contains(['.', '_']) {
        lost.add("the name has `-` for what is not allowed in one of OpenSLO");
    }
    let owner = "owner".to_owned();
    let labels = slo.labels.iter().chain(slo.owner.as_ref().map(|name| (&owner, name)));
    metadata.extend(pairs(labels, "").map(|labels| ("labels", labels)));
    metadata.extend(pairs(&slo.annotations, "").map(|annotations| ("annotations", annotations)));
    let mut spec = Vec::new();
    if !slo.description.is_empty() {
        spec.push(("description", text(slo.description.as_str())));
    }
    let name = |suffix: &str| map(vec![("name", text(format!("{}-{suffix}", slo.name)))]);
    spec.extend([
        ("service", text(slo.service.as_str())),
        ("indicator", map(vec![("metadata", name("sli")), ("spec", indicator)])),
        ("timeWindow", list(vec![window(&slo.window)])),
        ("budgetingMethod", text(method)),
        ("objectives", list(vec![map(objective)])),
        ("alertPolicies", list(policies(slo, lost))),
    ]);
    Some(map(vec![
        ("apiVersion", text("openslo/v1")),
        ("kind", text("SLO")),
        ("metadata", map(metadata)),
        ("spec", map(spec)),
    ]))
}

fn source(query: &str) -> Node {
    let spec = map(vec![("query", text(query.replace("$window", "{{.window}}")))]);
    map(vec![("metricSource", map(vec![("type", text("Prometheus")), ("spec", spec)]))])
}

fn ratio(ratio: RatioSli) -> Node {
    let (key, part, total) = match ratio {
        RatioSli::GoodOfTotal { good, total } => ("good", good, total),
        RatioSli::BadOfTotal { bad, total } => ("bad", bad, total),
        RatioSli::ErrorRatio(ratio) => {
            let raw = source(&ratio);
            return map(vec![("counter", boolean(false)), ("rawType", text("failure")), ("raw", raw)]);
        }
    };
    // A counter is what OpenSLO knows of; its increase is left to the one who reads.
    let counter = |query: &str| match summed_selector(query) {
        Some((selector, by)) if by.is_empty() => source(&format!("sum({selector})")),
        _ => source(query),
    };
    map(vec![("counter", boolean(true)), (key, counter(&part)), ("total", counter(&total))])
}

fn window(window: &Window) -> Node {
    match window {
        Window::Rolling(length) => {
            map(vec![("duration", text(duration::format(*length))), ("isRolling", boolean(true))])
        }
        Window::Calendar(calendar) => {
            let length = match calendar.unit {
                CalendarUnit::Day => "1d",
                CalendarUnit::Week => "1w",
                CalendarUnit::Month => "1M",
                CalendarUnit::Quarter => "1Q",
                CalendarUnit::Year => "1Y",
            };
            let zone = calendar.zone.iana_name().unwrap_or("UTC");
            let begin = map(vec![("startTime", text(format!("{} 00:00:00", calendar.from))), ("timeZone", text(zone))]);
            map(vec![("duration", text(length)), ("isRolling", boolean(false)), ("calendar", begin)])
        }
    }
}

fn policies(slo: &Slo, lost: &mut Lost<'_>) -> Vec<Node> {
    if slo.alerting.tiers.iter().any(|tier| tier.short != tier.long / 12) {
        lost.add("the short windows are left out: a condition of OpenSLO has one window");
    } else if !slo.alerting.tiers.is_empty() {
        lost.add("the short windows, a twelfth of the long ones, are left out: a condition of OpenSLO has one window");
    }
    let policy = |tier: &crate::spec::Tier| {
        let long = duration::format(tier.long);
        let name = format!("{}-{}-{long}", slo.name, tier.severity);
        let metadata = |suffix: &str| map(vec![("name", text(format!("{name}{suffix}")))]);
        let condition = map(vec![
            ("kind", text("burnrate")),
            ("op", text("gt")),
            ("threshold", number(tier.burn_rate.value())),
            ("lookbackWindow", text(long)),
            ("alertAfter", text(duration::format(tier.hold))),
        ]);
        let spec = map(vec![("severity", text(tier.severity.name())), ("condition", condition)]);
        let condition =
            map(vec![("kind", text("AlertCondition")), ("metadata", metadata("-condition")), ("spec", spec)]);
        let spec = map(vec![
            ("alertWhenBreaching", boolean(true)),
            ("alertWhenResolved", boolean(true)),
            ("alertWhenNoData", boolean(false)),
            ("conditions", list(vec![condition])),
            ("notificationTargets", list(Vec::new())),
        ]);
        map(vec![("kind", text("AlertPolicy")), ("metadata", metadata("")), ("spec", spec)])
    };
    slo.alerting.tiers.iter().map(policy).collect()
}
