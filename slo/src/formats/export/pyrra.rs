//! Pyrra's `ServiceLevelObjective`, `pyrra.dev/v1alpha1`.

use super::{Lost, boolean, list, map, pairs, queries, text};
use crate::duration;
use crate::formats::promql::summed_selector;
use crate::spec::yaml::Node;
use crate::spec::{Indicator, RatioSli, Slo, Window};

pub(super) fn document(slo: &Slo, lost: &mut Lost<'_>) -> Option<Node> {
    if matches!(slo.indicator, Indicator::Slices(_)) {
        lost.add("left out: Pyrra has no time slices");
        return None;
    }
    let indicator = indicator(slo, queries::of(slo, lost)?, lost)?;
    lost.common(slo);
    if matches!(slo.window, Window::Calendar(_)) {
        let length = duration::format(slo.window.nominal());
        lost.add(&format!("the window of {} is a rolling one of {length}", slo.window));
    }
    if !slo.alerting.tiers.is_empty() {
        lost.add("the tiers are left out: Pyrra has its own");
    }
    let (service, owner) = ("service".to_owned(), "owner".to_owned());
    let labels = slo.labels.iter().chain([(&service, &slo.service)]);
    let labels = labels.chain(slo.owner.as_ref().map(|name| (&owner, name)));
    let mut metadata = vec![("name", text(slo.name.as_str()))];
    metadata.extend(pairs(labels, "pyrra.dev/").map(|labels| ("labels", labels)));
    metadata.extend(pairs(&slo.annotations, "pyrra.dev/").map(|annotations| ("annotations", annotations)));
    let mut spec = vec![
        // A text in Pyrra, so that a number is not read as another.
        ("target", text(slo.objective.percent().to_string())),
        ("window", text(duration::format(slo.window.nominal()))),
    ];
    if !slo.description.is_empty() {
        spec.push(("description", text(slo.description.as_str())));
    }
    spec.push(("indicator", indicator));
    let mut alerting = vec![("name", text(slo.alerting.name.as_str()))];
    if slo.alerting.tiers.is_empty() {
        alerting.push(("disabled", boolean(true)));
    }
    spec.push(("alerting", map(alerting)));
    Some(map(vec![
        ("apiVersion", text("pyrra.dev/v1alpha1")),
        ("kind", text("ServiceLevelObjective")),
        ("metadata", map(metadata)),
        ("spec", map(spec)),
    ]))
}

/// Pyrra sums up the increase of plain selectors, and of successes those of a histogram's bucket only.
fn indicator(slo: &Slo, ratio: RatioSli, lost: &mut Lost<'_>) -> Option<Node> {
    let (kind, key, part, total) = match &ratio {
        RatioSli::BadOfTotal { bad, total } => ("ratio", "errors", bad, total),
        RatioSli::GoodOfTotal { good, total } => ("latency", "success", good, total),
        RatioSli::ErrorRatio(_) => {
            lost.add("left out: Pyrra divides by itself and takes no error ratio");
            return None;
        }
    };
    let (Some((part, by)), Some((total, _))) = (summed_selector(part), summed_selector(total)) else {
        lost.add("left out: Pyrra takes only the sum of the increase of a selector");
        return None;
    };
    if kind == "latency" && !part.contains("le=\"") {
        lost.add("left out: Pyrra counts bad events, and successes only of a histogram's bucket");
        return None;
    }
    let metric = |selector: &str| map(vec![("metric", text(selector))]);
    let mut entries = vec![(key, metric(part)), ("total", metric(total))];
    if slo.by.is_some() {
        entries.push(("grouping", list(by.into_iter().map(text).collect())));
    }
    Some(map(vec![(kind, map(entries))]))
}
