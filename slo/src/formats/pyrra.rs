//! Pyrra's files: `ServiceLevelObjective` of `pyrra.dev/v1alpha1` (pyrra-dev/pyrra, `kubernetes/api/v1alpha1`).

use model::time::{DAY, HOUR, MINUTE};

use super::promql::{is_selector, sum_of_increase};
use super::{Reader, is_false, is_true, join, map_of, yaml};
use crate::duration;
use crate::ratio::{BurnRate, Objective};
use crate::spec::parse::slug;
use crate::spec::tiers::scaled;
use crate::spec::yaml::{Node, Value};
use crate::spec::{Place, Severity, Tier};

/// Labels and annotations with this prefix are those that Pyrra puts on alerts, without it.
const PREFIX: &str = "pyrra.dev/";

pub(super) fn read(reader: &mut Reader<'_>, documents: &[Node]) -> Vec<Node> {
    let mut slos = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        if document.get("kind").and_then(Node::as_text) != Some("ServiceLevelObjective") {
            reader.unmapped(document.place, &format!("[{index}]"), "is no ServiceLevelObjective and is left out");
            continue;
        }
        slos.extend(one(reader, document));
    }
    slos
}

fn one(reader: &mut Reader<'_>, document: &Node) -> Option<Node> {
    reader.known(document, "", &["apiVersion", "kind", "metadata", "spec", "status"]);
    let metadata = reader.required(document, "", "metadata")?;
    let spec = reader.required(document, "", "spec")?;
    let keys = ["description", "target", "window", "indicator", "alerting", "performanceOverAccuracy"];
    reader.known(spec, "spec", &keys);
    reader.left_out(
        spec,
        "spec",
        "performanceOverAccuracy",
        "windows are sums of counted minutes here, fast and exact",
    );
    let (name, place) = reader.text(metadata, "metadata", "name")?;
    let target = reader.required(spec, "spec", "target")?;
    let (window, window_place) = reader.text(spec, "spec", "window")?;
    let indicator = reader.required(spec, "spec", "indicator")?;
    let (sli, grouping) = self::indicator(reader, indicator)?;
    let percent = yaml::number(target);
    let objective = percent.map_or_else(|| target.clone(), |percent| Node::new(target.place, Value::Float(percent)));
    let labels = prefixed(metadata, "labels");
    let service = labels.get("service").cloned();
    if service.is_none() {
        reader.unmapped(
            place,
            "metadata.name",
            "stands for the service too, which the label pyrra.dev/service would name",
        );
    }
    let mut entries = vec![
        ("name", Node::text(place, slug(name))),
        ("service", service.unwrap_or_else(|| Node::text(place, name))),
        ("indicator", sli),
        ("objective", objective),
        ("window", Node::text(window_place, window)),
    ];
    if let Some(text) =
        spec.get("description").filter(|text| text.as_text().is_some_and(|text| !text.trim().is_empty()))
    {
        entries.push(("description", text.clone()));
    }
    if !grouping.is_empty() {
        entries.push(("by", Node::new(indicator.place, Value::List(grouping))));
    }
    let mut owner = None;
    let mut others: Vec<(&str, Node)> = Vec::new();
    for (key, value) in labels.entries() {
        match key.name.as_str() {
            "service" => {}
            "owner" => owner = Some(value.clone()),
            other => others.push((other, value.clone())),
        }
    }
    entries.extend(owner.map(|owner| ("owner", owner)));
    let labels = Node::map(metadata.place, others);
    entries.extend(map_of(place, reader.pairs(&[(&labels, "metadata.labels")], true)).map(|node| ("labels", node)));
    let annotations = prefixed(metadata, "annotations");
    let annotations = reader.pairs(&[(&annotations, "metadata.annotations")], false);
    entries.extend(map_of(place, annotations).map(|node| ("annotations", node)));
    let objective = percent.and_then(Objective::from_percent);
    entries.extend(alerting(reader, spec, window, objective).map(|node| ("alerting", node)));
    Some(Node::map(document.place, entries))
}

/// The entries of a mapping of `metadata` that are meant for alerts.
fn prefixed(metadata: &Node, key: &str) -> Node {
    let all = metadata.get(key).map_or(&[][..], Node::entries);
    let entries = all.iter().filter_map(|(key, node)| Some((key.name.strip_prefix(PREFIX)?, node.clone())));
    Node::map(metadata.place, entries.collect())
}

/// The SLI in our terms, and the labels by which it is grouped.
fn indicator(reader: &mut Reader<'_>, indicator: &Node) -> Option<(Node, Vec<Node>)> {
    let path = "spec.indicator";
    reader.known(indicator, path, &["ratio", "latency", "latencyNative", "bool_gauge"]);
    let kinds = ["ratio", "latency", "latencyNative", "bool_gauge"];
    let Some((kind, node)) = kinds.into_iter().find_map(|kind| Some((kind, indicator.get(kind)?))) else {
        reader.error(indicator.place, path, "must have ratio, latency, latencyNative or bool_gauge");
        return None;
    };
    let path = join(path, kind);
    let grouping: Vec<Node> = node.get("grouping").map_or(&[][..], Node::items).to_vec();
    let by: Vec<&str> = grouping.iter().filter_map(Node::as_text).collect();
    let entries = match kind {
        "ratio" => {
            reader.known(node, &path, &["errors", "total", "grouping"]);
            let (bad, total) = (metric(reader, node, &path, "errors"), metric(reader, node, &path, "total"));
            let (bad, total) = (bad?, total?);
            vec![
                ("bad", Node::text(bad.1, sum_of_increase(bad.0, &by))),
                ("total", Node::text(total.1, sum_of_increase(total.0, &by))),
            ]
        }
        "latency" => {
            reader.known(node, &path, &["success", "total", "grouping"]);
            let (good, total) = (metric(reader, node, &path, "success"), metric(reader, node, &path, "total"));
            let (good, total) = (good?, total?);
            vec![
                ("good", Node::text(good.1, sum_of_increase(good.0, &by))),
                ("total", Node::text(total.1, sum_of_increase(total.0, &by))),
            ]
        }
        "latencyNative" => {
            reader.known(node, &path, &["latency", "total", "grouping"]);
            let total = metric(reader, node, &path, "total")?;
            let (latency, place) = reader.text(node, &path, "latency")?;
            let Some(nanos) = duration::parse(latency) else {
                reader.error(place, &join(&path, "latency"), &format!("must be {}", duration::ALLOWED));
                return None;
            };
            let histogram = sum_of_increase(total.0, &by);
            let count = format!("histogram_count({histogram})");
            let good = format!("histogram_fraction(0, {}, {histogram}) * {count}", nanos as f64 / 1e9);
            vec![("good", Node::text(place, good)), ("total", Node::text(total.1, count))]
        }
        _ => {
            reader.known(node, &path, &["metric", "grouping"]);
            let (selector, place) = selector(reader, node, &path)?;
            let by = if by.is_empty() { String::new() } else { format!(" by ({}) ", by.join(", ")) };
            // Every sample is an event; it is good if it is 1.
            let over = |function: &str| Node::text(place, format!("sum{by}({function}({selector}[$window]))"));
            vec![("good", over("sum_over_time")), ("total", over("count_over_time"))]
        }
    };
    let node = Node::map(node.place, vec![("promql", Node::map(node.place, entries))]);
    Some((node, grouping))
}

fn metric<'n>(reader: &mut Reader<'_>, node: &'n Node, path: &str, key: &str) -> Option<(&'n str, Place)> {
    let inner = reader.required(node, path, key)?;
    selector(reader, inner, &join(path, key))
}

/// The selector of `metric`: Pyrra takes nothing else.
fn selector<'n>(reader: &mut Reader<'_>, node: &'n Node, path: &str) -> Option<(&'n str, Place)> {
    let (text, place) = reader.text(node, path, "metric")?;
    if !is_selector(text) {
        reader.error(
            place,
            &join(path, "metric"),
            "must be a selector of series, such as requests_total{code=~\"5..\"}",
        );
        return None;
    }
    Some((text.trim(), place))
}

fn alerting(reader: &mut Reader<'_>, spec: &Node, window: &str, objective: Option<Objective>) -> Option<Node> {
    let nothing = Node::new(spec.place, Value::Null);
    let alerting = spec.get("alerting").unwrap_or(&nothing);
    let path = "spec.alerting";
    let keys = ["disabled", "name", "burnrates", "absent", "absentName", "severities", "exemplars"];
    reader.known(alerting, path, &keys);
    for key in ["absent", "absentName"] {
        reader.left_out(alerting, path, key, "without data an alert stays as it is here, and the SLO says no data");
    }
    reader.left_out(alerting, path, "severities", "severities are page (Pyrra's critical) and ticket (warning) here");
    let mut entries = Vec::new();
    if let Some(name) = alerting.get("name").filter(|name| name.as_text().is_some_and(|name| !name.is_empty())) {
        entries.push(("name", name.clone()));
    }
    if is_true(alerting, "disabled") || is_false(alerting, "burnrates") {
        entries.push(("enabled", Node::new(alerting.place, Value::Boolean(false))));
    } else {
        let (tiers, notes) = scaled(&tiers(), 28 * DAY, duration::parse(window)?, objective?);
        for note in notes {
            reader.unmapped(spec.place, "spec", &note);
        }
        entries.push(("tiers", yaml::tiers(spec.place, &tiers)));
    }
    Some(Node::map(alerting.place, entries))
}

/// Pyrra's alerts for a window of 28 days (`slo/rules.go`, "Windows").
fn tiers() -> [Tier; 4] {
    let tier = |severity, long, short, rate: u64, hold| {
        let burn_rate = BurnRate::from_thousandths(rate * 1000);
        Tier { severity, long, short, burn_rate, hold, keep_firing_for: 0 }
    };
    [
        tier(Severity::Page, HOUR, 5 * MINUTE, 14, 2 * MINUTE),
        tier(Severity::Page, 6 * HOUR, 30 * MINUTE, 7, 15 * MINUTE),
        tier(Severity::Ticket, DAY, 2 * HOUR, 2, HOUR),
        tier(Severity::Ticket, 4 * DAY, 6 * HOUR, 1, 3 * HOUR),
    ]
}
