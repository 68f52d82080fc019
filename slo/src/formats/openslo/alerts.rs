//! The alert policies of OpenSLO: a condition has one window, where a tier has two.

use super::find as object;
use crate::duration;
use crate::formats::{Reader, join};
use crate::spec::Place;
use crate::spec::yaml::{Node, Value};

/// The short window of the SRE workbook is this part of the long one.
const SHORT: i64 = 12;

/// The `alerting` of the SLO `spec`.
pub(super) fn read(reader: &mut Reader<'_>, spec: &Node, documents: &[Node]) -> Node {
    let policies = spec.get("alertPolicies").map_or(&[][..], Node::items);
    let mut tiers = Vec::new();
    for (index, policy) in policies.iter().enumerate() {
        let path = format!("spec.alertPolicies[{index}]");
        let Some((policy, path)) = resolve(reader, policy, &path, documents, "AlertPolicy", "alertPolicyRef") else {
            continue;
        };
        let keys = [
            "description",
            "alertWhenNoData",
            "alertWhenBreaching",
            "alertWhenResolved",
            "conditions",
            "notificationTargets",
        ];
        reader.known(policy, &path, &keys);
        reader.left_out(
            policy,
            &path,
            "alertWhenNoData",
            "without data an alert stays as it is here, and the SLO says no data",
        );
        reader.left_out(policy, &path, "notificationTargets", "receivers are settings of the box");
        for (index, condition) in policy.get("conditions").map_or(&[][..], Node::items).iter().enumerate() {
            let path = format!("{}[{index}]", join(&path, "conditions"));
            let found = resolve(reader, condition, &path, documents, "AlertCondition", "conditionRef");
            tiers.extend(found.and_then(|(condition, path)| tier(reader, condition, &path)));
        }
    }
    let entries = match tiers.is_empty() {
        true => {
            if policies.is_empty() {
                reader.unmapped(spec.place, "spec.alertPolicies", "there are none: the SLO is watched without alerts");
            }
            vec![("enabled", Node::new(spec.place, Value::Boolean(false)))]
        }
        false => vec![("tiers", Node::new(spec.place, Value::List(tiers)))],
    };
    Node::map(spec.place, entries)
}

/// The `spec` of an object that is written in place or named, by itself or by a key of its own.
fn resolve<'n>(
    reader: &mut Reader<'_>,
    node: &'n Node,
    path: &str,
    documents: &'n [Node],
    kind: &str,
    reference: &str,
) -> Option<(&'n Node, String)> {
    let name = node.as_text().or_else(|| node.get(reference).and_then(Node::as_text));
    let Some(name) = name else {
        return Some((reader.required(node, path, "spec")?, join(path, "spec")));
    };
    let Some(document) = object(documents, kind, name) else {
        reader.error(node.place, path, &format!("names the {kind} {name:?}, which is not in this file"));
        return None;
    };
    Some((reader.required(document, "", "spec")?, "spec".to_owned()))
}

fn tier(reader: &mut Reader<'_>, spec: &Node, path: &str) -> Option<Node> {
    reader.known(spec, path, &["description", "severity", "condition"]);
    let (severity, severity_place) = reader.text(spec, path, "severity")?;
    let severity = match severity.to_ascii_lowercase().as_str() {
        "page" | "critical" | "high" => "page",
        "ticket" | "warning" | "info" | "medium" | "low" => "ticket",
        other => {
            let message = format!("the severity {other:?} is read as page");
            reader.unmapped(severity_place, &join(path, "severity"), &message);
            "page"
        }
    };
    let condition = reader.required(spec, path, "condition")?;
    let path = join(path, "condition");
    reader.known(condition, &path, &["kind", "op", "threshold", "lookbackWindow", "alertAfter"]);
    if let Some(kind) =
        condition.get("kind").filter(|kind| kind.as_text().is_none_or(|kind| !kind.eq_ignore_ascii_case("burnrate")))
    {
        reader.unmapped(kind.place, &join(&path, "kind"), "only burnrate is known here; the condition is left out");
        return None;
    }
    if let Some(op) = condition.get("op").filter(|op| !matches!(op.as_text(), Some("gt" | "gte"))) {
        reader.unmapped(op.place, &join(&path, "op"), "only gt and gte are known here; the condition is left out");
        return None;
    }
    let threshold = reader.required(condition, &path, "threshold")?;
    let (long, place) = reader.text(condition, &path, "lookbackWindow")?;
    let Some(nanos) = duration::parse(long) else {
        reader.error(place, &join(&path, "lookbackWindow"), &format!("must be {}", duration::ALLOWED));
        return None;
    };
    let short = short_of(nanos);
    let message = format!("has one window; the short one of {} is made of it", duration::format(short));
    reader.unmapped(place, &join(&path, "lookbackWindow"), &message);
    let text = |place: Place, text: String| Node::text(place, text);
    let mut entries = vec![
        ("severity", Node::text(severity_place, severity)),
        ("long", Node::text(place, long)),
        ("short", text(place, duration::format(short))),
        ("burn_rate", threshold.clone()),
    ];
    if let Some(after) = condition.get("alertAfter") {
        entries.push(("for", after.clone()));
    }
    Some(Node::map(spec.place, entries))
}

/// A twelfth of the long window in whole seconds, and not less than the shortest that a tier can have.
fn short_of(long: i64) -> i64 {
    let second = model::time::SECOND;
    (long / SHORT / second * second).max(5 * second)
}
