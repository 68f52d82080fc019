//! Sloth's `prometheus/v1`: one document for each service.

use model::time::DAY;

use super::{Lost, boolean, list, map, number, pairs, queries, text};
use crate::spec::parse::slug;
use crate::spec::tiers::default_tiers;
use crate::spec::yaml::Node;
use crate::spec::{RatioSli, Severity, Slo, Window};

pub(super) fn documents<'s>(slos: &'s [Slo], lost: &mut Lost<'s>) -> Vec<Node> {
    let mut services: Vec<(&str, Vec<Node>)> = Vec::new();
    for slo in slos {
        let Some(node) = one(slo, lost.of(slo)) else { continue };
        match services.iter_mut().find(|(service, _)| *service == slo.service) {
            Some((_, nodes)) => nodes.push(node),
            None => services.push((&slo.service, vec![node])),
        }
    }
    let document = |(service, slos): (&str, Vec<Node>)| {
        map(vec![("version", text("prometheus/v1")), ("service", text(service)), ("slos", list(slos))])
    };
    services.into_iter().map(document).collect()
}

fn one(slo: &Slo, lost: &mut Lost<'_>) -> Option<Node> {
    let sli = match queries::of(slo, lost)? {
        RatioSli::BadOfTotal { bad, total } => events(&bad, &total),
        RatioSli::GoodOfTotal { good, total } => events(&format!("({total}) - ({good})"), &total),
        RatioSli::ErrorRatio(ratio) => map(vec![("raw", map(vec![("error_ratio_query", template(&ratio))]))]),
    };
    lost.common(slo);
    if slo.window != Window::Rolling(30 * DAY) {
        lost.add(&format!("the window of {} is left out: Sloth's is a setting, 30 days by default", slo.window));
    }
    if slo.by.is_some() {
        lost.add("groups are left out: Sloth alerts on the sum");
    }
    // Sloth's id of an SLO is service and name.
    let prefix = format!("{}-", slug(&slo.service));
    let name = slo.name.strip_prefix(&prefix).unwrap_or(&slo.name);
    let mut entries = vec![("name", text(name)), ("objective", number(slo.objective.percent()))];
    if !slo.description.is_empty() {
        entries.push(("description", text(slo.description.as_str())));
    }
    let owner = "owner".to_owned();
    let labels = slo.labels.iter().chain(slo.owner.as_ref().map(|name| (&owner, name)));
    entries.extend(pairs(labels, "").map(|labels| ("labels", labels)));
    entries.push(("sli", sli));
    entries.push(("alerting", alerting(slo, lost)));
    Some(map(entries))
}

fn events(bad: &str, total: &str) -> Node {
    map(vec![("events", map(vec![("error_query", template(bad)), ("total_query", template(total))]))])
}

fn template(query: &str) -> Node {
    text(query.replace("$window", "{{.window}}"))
}

fn alerting(slo: &Slo, lost: &mut Lost<'_>) -> Node {
    let mut entries = vec![("name", text(slo.alerting.name.as_str()))];
    entries.extend(pairs(&slo.annotations, "").map(|annotations| ("annotations", annotations)));
    let (usual, _) = default_tiers(30 * DAY, slo.objective);
    let mut left = usual;
    for (key, severity) in [("page_alert", Severity::Page), ("ticket_alert", Severity::Ticket)] {
        if slo.alerting.tiers.iter().all(|tier| tier.severity != severity) {
            entries.push((key, map(vec![("disable", boolean(true))])));
            left.retain(|tier| tier.severity != severity);
        }
    }
    if slo.alerting.tiers != left {
        lost.add("the tiers are left out: Sloth has those of the SRE workbook");
    }
    map(entries)
}
