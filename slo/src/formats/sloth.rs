//! Sloth's files: `prometheus/v1` and its Kubernetes form `sloth.slok.dev/v1` (slok/sloth, `pkg/prometheus/api/v1` and
//! `pkg/kubernetes/api/sloth/v1`). The window is Sloth's default of 30 days: files do not name it.

use model::time::DAY;

use super::promql::{counts_of_rates, window_of_template};
use super::{Reader, is_true, join, map_of, yaml};
use crate::ratio::Objective;
use crate::spec::parse::slug;
use crate::spec::tiers::default_tiers;
use crate::spec::yaml::{Node, Value};
use crate::spec::{Place, Severity};

pub(super) fn read(reader: &mut Reader<'_>, documents: &[Node]) -> Vec<Node> {
    let mut slos = Vec::new();
    for document in documents {
        let spec = match document.get("spec") {
            Some(spec) => {
                reader.known(document, "", &["apiVersion", "kind", "metadata", "spec"]);
                (spec, "spec")
            }
            None => (document, ""),
        };
        slos.extend(service(reader, spec.0, spec.1));
    }
    slos
}

fn service(reader: &mut Reader<'_>, spec: &Node, path: &str) -> Vec<Node> {
    reader.known(spec, path, &["version", "service", "labels", "slos", "slo_plugins", "sloPlugins"]);
    for key in ["slo_plugins", "sloPlugins"] {
        reader.left_out(spec, path, key, "plugins are programs of Sloth and change nothing here");
    }
    let Some((name, place)) = reader.text(spec, path, "service") else { return Vec::new() };
    let Some(slos) = reader.required(spec, path, "slos") else { return Vec::new() };
    let mut nodes = Vec::new();
    for (index, slo) in slos.items().iter().enumerate() {
        let path = format!("{}[{index}]", join(path, "slos"));
        nodes.extend(one(reader, spec, (name, place), slo, &path));
    }
    nodes
}

fn one(reader: &mut Reader<'_>, spec: &Node, service: (&str, Place), slo: &Node, path: &str) -> Option<Node> {
    reader.known(slo, path, &["name", "description", "objective", "labels", "sli", "alerting", "plugins"]);
    reader.left_out(slo, path, "plugins", "plugins are programs of Sloth and change nothing here");
    let (name, name_place) = reader.text(slo, path, "name")?;
    let objective = reader.required(slo, path, "objective")?;
    let sli = reader.required(slo, path, "sli")?;
    let indicator = indicator(reader, sli, &join(path, "sli"))?;
    let mut entries = vec![
        // Sloth's own id of an SLO.
        ("name", Node::text(name_place, slug(&format!("{}-{name}", service.0)))),
        ("service", Node::text(service.1, service.0)),
        ("indicator", indicator),
        ("objective", objective.clone()),
        ("window", Node::text(name_place, "30d")),
    ];
    if let Some(description) =
        slo.get("description").filter(|text| text.as_text().is_some_and(|text| !text.trim().is_empty()))
    {
        entries.push(("description", description.clone()));
    }
    let nothing = Node::new(slo.place, Value::Null);
    let alerting = slo.get("alerting").unwrap_or(&nothing);
    let alerting_path = join(path, "alerting");
    let labels = [
        (spec.get("labels").unwrap_or(&nothing), "labels".to_owned()),
        (slo.get("labels").unwrap_or(&nothing), join(path, "labels")),
        (alerting.get("labels").unwrap_or(&nothing), join(&alerting_path, "labels")),
    ];
    let labels: Vec<(&Node, &str)> = labels.iter().map(|(node, path)| (*node, path.as_str())).collect();
    entries.extend(map_of(slo.place, reader.pairs(&labels, true)).map(|node| ("labels", node)));
    let annotations = alerting.get("annotations").unwrap_or(&nothing);
    let annotations = reader.pairs(&[(annotations, &join(&alerting_path, "annotations"))], false);
    entries.extend(map_of(slo.place, annotations).map(|node| ("annotations", node)));
    entries.extend(self::alerting(reader, alerting, &alerting_path, objective).map(|node| ("alerting", node)));
    Some(Node::map(slo.place, entries))
}

fn indicator(reader: &mut Reader<'_>, sli: &Node, path: &str) -> Option<Node> {
    reader.known(sli, path, &["raw", "events", "plugin"]);
    if let Some(plugin) = sli.get("plugin") {
        reader.unmapped(
            plugin.place,
            &join(path, "plugin"),
            "an SLI that a plugin makes is a program; the SLO is left out",
        );
        return None;
    }
    if let Some(raw) = sli.get("raw") {
        let path = join(path, "raw");
        for key in ["error_ratio_query", "errorRatioQuery"] {
            if raw.get(key).is_some() {
                let query = query(reader, raw, &path, key)?;
                return Some(promql(raw.place, vec![("error_ratio", query)]));
            }
        }
        reader.text(raw, &path, "error_ratio_query");
        return None;
    }
    let Some(events) = sli.get("events") else {
        reader.error(sli.place, path, "must have raw, events or plugin");
        return None;
    };
    let path = join(path, "events");
    let key = |snake: &'static str, camel: &'static str| if events.get(camel).is_some() { camel } else { snake };
    let bad = query(reader, events, &path, key("error_query", "errorQuery"));
    let total = query(reader, events, &path, key("total_query", "totalQuery"));
    let (bad, total) = (bad?, total?);
    let texts = (bad.as_text().unwrap_or_default(), total.as_text().unwrap_or_default());
    // Rates tell no number of events. Where they can be counted instead the ratio is the same; elsewhere it is all there is.
    Some(match (counts_of_rates(texts.0), counts_of_rates(texts.1)) {
        (Some(bads), Some(totals)) => {
            promql(events.place, vec![("bad", Node::text(bad.place, bads)), ("total", Node::text(total.place, totals))])
        }
        _ if texts.0.contains("increase(") && texts.1.contains("increase(") => {
            promql(events.place, vec![("bad", bad), ("total", total)])
        }
        _ => {
            let ratio = format!("({}) / ({})", texts.0.trim(), texts.1.trim());
            promql(events.place, vec![("error_ratio", Node::text(bad.place, ratio))])
        }
    })
}

fn promql(place: Place, entries: Vec<(&str, Node)>) -> Node {
    Node::map(place, vec![("promql", Node::map(place, entries))])
}

/// A query with our name of the window.
fn query(reader: &mut Reader<'_>, node: &Node, path: &str, key: &str) -> Option<Node> {
    let (text, place) = reader.text(node, path, key)?;
    let text = window_of_template(text.trim());
    if text.contains("{{") {
        reader.error(place, &join(path, key), "has a template other than {{.window}}, which only Sloth can fill in");
        return None;
    }
    Some(Node::text(place, text))
}

fn alerting(reader: &mut Reader<'_>, alerting: &Node, path: &str, objective: &Node) -> Option<Node> {
    let keys = ["name", "labels", "annotations", "page_alert", "ticket_alert", "pageAlert", "ticketAlert"];
    reader.known(alerting, path, &keys);
    let mut enabled = Vec::new();
    let severities =
        [(Severity::Page, ["page_alert", "pageAlert"]), (Severity::Ticket, ["ticket_alert", "ticketAlert"])];
    for (severity, keys) in severities {
        let alert = keys.into_iter().find_map(|key| Some((key, alerting.get(key)?)));
        let Some((key, alert)) = alert else {
            enabled.push(severity);
            continue;
        };
        let path = join(path, key);
        reader.known(alert, &path, &["disable", "labels", "annotations"]);
        for key in ["labels", "annotations"] {
            reader.left_out(alert, &path, key, "alerts of all severities have the same here; left out");
        }
        if !is_true(alert, "disable") {
            enabled.push(severity);
        }
    }
    let mut entries = Vec::new();
    if let Some(name) = alerting.get("name").filter(|name| name.as_text().is_some_and(|name| !name.is_empty())) {
        entries.push(("name", name.clone()));
    }
    match enabled[..] {
        [_, _] => {}
        [] => entries.push(("enabled", Node::new(alerting.place, Value::Boolean(false)))),
        [only, ..] => {
            let percent = yaml::number(objective).and_then(Objective::from_percent)?;
            let (mut tiers, _) = default_tiers(30 * DAY, percent);
            tiers.retain(|tier| tier.severity == only);
            entries.push(("tiers", yaml::tiers(alerting.place, &tiers)));
        }
    }
    (!entries.is_empty()).then(|| Node::map(alerting.place, entries))
}
