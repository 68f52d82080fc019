//! OpenSLO's files, `openslo/v1` (OpenSLO/OpenSLO, `README.md` and `schemas/v1`). Objects that an SLO refers to are looked
//! up in the same file.

mod alerts;
mod sli;

use super::{Reader, is_nothing, join, map_of, yaml};
use crate::spec::Place;
use crate::spec::parse::slug;
use crate::spec::yaml::{Node, Value};

pub(super) fn read(reader: &mut Reader<'_>, documents: &[Node]) -> Vec<Node> {
    let mut slos = Vec::new();
    for document in documents {
        match kind(document) {
            "SLO" => slos.extend(slo(reader, document, documents)),
            // Named by others, and read with them.
            "SLI" | "AlertPolicy" | "AlertCondition" | "Service" => {}
            "DataSource" => reader.unmapped(document.place, "kind", "DataSource: data come from this box"),
            "AlertNotificationTarget" => {
                reader.unmapped(document.place, "kind", "AlertNotificationTarget: receivers are settings of the box");
            }
            other => {
                let message = format!(
                    "must be SLO, SLI, AlertPolicy, AlertCondition, AlertNotificationTarget, DataSource or Service, got {other:?}"
                );
                reader.error(document.place, "kind", &message);
            }
        }
    }
    slos
}

fn kind(document: &Node) -> &str {
    document.get("kind").and_then(Node::as_text).unwrap_or_default()
}

/// The object of a kind with that name.
fn find<'n>(documents: &'n [Node], wanted: &str, name: &str) -> Option<&'n Node> {
    let named = |document: &&Node| {
        let metadata = document.get("metadata");
        metadata.and_then(|metadata| metadata.get("name")).and_then(Node::as_text) == Some(name)
    };
    documents.iter().filter(|document| kind(document) == wanted).find(named)
}

/// One SLO of ours for each objective.
fn slo(reader: &mut Reader<'_>, document: &Node, documents: &[Node]) -> Vec<Node> {
    reader.known(document, "", &["apiVersion", "kind", "metadata", "spec"]);
    let Some(metadata) = reader.required(document, "", "metadata") else { return Vec::new() };
    let Some(spec) = reader.required(document, "", "spec") else { return Vec::new() };
    let keys = [
        "description",
        "service",
        "indicator",
        "indicatorRef",
        "timeWindow",
        "budgetingMethod",
        "objectives",
        "alertPolicies",
    ];
    reader.known(spec, "spec", &keys);
    let name = reader.text(metadata, "metadata", "name");
    let service = reader.text(spec, "spec", "service");
    let window = window(reader, spec);
    let objectives = reader.required(spec, "spec", "objectives");
    let (Some(name), Some(service), Some(window), Some(objectives)) = (name, service, window, objectives) else {
        return Vec::new();
    };
    let alerting = alerts::read(reader, spec, documents);
    let mut nodes = Vec::new();
    let many = objectives.items().len() > 1;
    for (index, objective) in objectives.items().iter().enumerate() {
        let path = format!("spec.objectives[{index}]");
        let keys = [
            "displayName",
            "op",
            "value",
            "target",
            "targetPercent",
            "timeSliceTarget",
            "timeSliceWindow",
            "indicator",
            "indicatorRef",
            "compositeWeight",
        ];
        reader.known(objective, &path, &keys);
        reader.left_out(
            objective,
            &path,
            "compositeWeight",
            "an SLO of several others is not known here; each is one of its own",
        );
        let own = objective.get("indicator").is_some() || objective.get("indicatorRef").is_some();
        let (holder, holder_path) = if own { (objective, path.as_str()) } else { (spec, "spec") };
        let Some(indicator) = sli::find(reader, holder, holder_path, documents) else { continue };
        let Some(indicator) = sli::read(reader, spec, objective, &path, &indicator) else { continue };
        let Some(target) = target(reader, objective, &path) else { continue };
        let suffix = match objective.get("displayName").and_then(Node::as_text) {
            _ if !many => String::new(),
            Some(display) if !slug(display).is_empty() => format!("-{display}"),
            _ => format!("-{index}"),
        };
        let mut entries = vec![
            ("name", Node::text(name.1, slug(&format!("{}{suffix}", name.0)))),
            ("service", Node::text(service.1, service.0)),
            ("indicator", indicator),
            ("objective", target),
            ("window", window.clone()),
            ("alerting", alerting.clone()),
        ];
        if let Some(text) =
            spec.get("description").filter(|text| text.as_text().is_some_and(|text| !text.trim().is_empty()))
        {
            entries.push(("description", text.clone()));
        }
        for (key, labels) in [("labels", true), ("annotations", false)] {
            let Some(pairs) = metadata.get(key) else { continue };
            let pairs = reader.pairs(&[(pairs, &join("metadata", key))], labels);
            entries.extend(map_of(metadata.place, pairs).map(|node| (key, node)));
        }
        nodes.push(Node::map(objective.place, entries));
    }
    nodes
}

/// The objective in percent.
fn target(reader: &mut Reader<'_>, objective: &Node, path: &str) -> Option<Node> {
    if let Some(percent) = objective.get("targetPercent") {
        return Some(percent.clone());
    }
    let target = reader.required(objective, path, "target")?;
    let Some(share) = yaml::number(target) else {
        reader.error(target.place, &join(path, "target"), "must be a number from 0 to 1");
        return None;
    };
    // Nine decimals, so that 0.999 is 99.9 and not its neighbour.
    Some(Node::new(target.place, Value::Float((share * 1e11).round() / 1e9)))
}

fn window(reader: &mut Reader<'_>, spec: &Node) -> Option<Node> {
    let windows = reader.required(spec, "spec", "timeWindow")?;
    let [window] = windows.items() else {
        reader.error(windows.place, "spec.timeWindow", "must be a list of one window");
        return None;
    };
    let path = "spec.timeWindow[0]";
    reader.known(window, path, &["duration", "isRolling", "calendar"]);
    let (duration, place) = reader.text(window, path, "duration")?;
    let Some(calendar) = window.get("calendar").filter(|calendar| !is_nothing(calendar)) else {
        return rolling(reader, duration, place, &join(path, "duration"));
    };
    let unit = match duration {
        "1d" => "day",
        "1w" | "7d" => "week",
        "1M" => "month",
        "1Q" | "3M" => "quarter",
        "1Y" | "12M" => "year",
        _ => {
            let message = "must be 1d, 1w, 1M, 1Q or 1Y where windows follow the calendar";
            reader.error(place, &join(path, "duration"), message);
            return None;
        }
    };
    let path = join(path, "calendar");
    reader.known(calendar, &path, &["startTime", "timeZone"]);
    let mut entries = vec![("calendar", Node::text(place, unit))];
    if let Some(zone) = calendar.get("timeZone") {
        entries.push(("time_zone", zone.clone()));
    }
    if let Some((start, place)) = reader.text(calendar, &path, "startTime") {
        let (day, clock) = start.split_once([' ', 'T']).unwrap_or((start, ""));
        if !clock.trim_matches(['0', ':', 'Z']).is_empty() {
            reader.unmapped(
                place,
                &join(&path, "startTime"),
                "windows begin at midnight here; the time of day is left out",
            );
        }
        entries.push(("from", Node::text(place, day)));
    }
    Some(Node::map(calendar.place, entries))
}

/// A rolling window; a month is 30 days, a quarter 90 and a year 365.
fn rolling(reader: &mut Reader<'_>, text: &str, place: Place, path: &str) -> Option<Node> {
    let days = match text.char_indices().next_back() {
        Some((end, 'M')) => text[..end].parse::<u32>().ok().map(|count| count.saturating_mul(30)),
        Some((end, 'Q')) => text[..end].parse::<u32>().ok().map(|count| count.saturating_mul(90)),
        Some((end, 'Y')) => text[..end].parse::<u32>().ok().map(|count| count.saturating_mul(365)),
        _ => return Some(Node::text(place, text)),
    };
    let Some(days) = days else {
        reader.error(place, path, "must be a number with one of m, h, d, w, M, Q and Y");
        return None;
    };
    reader.unmapped(place, path, &format!("is read as {days} days, since a rolling window has one length"));
    Some(Node::text(place, format!("{days}d")))
}
