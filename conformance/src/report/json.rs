//! The report as JSON.

use serde_json::{Map, Value, json};

use super::{Report, Verdict};
use crate::protocol::Protocol;
use crate::rule::Level;

pub(super) fn report(report: &Report) -> String {
    let entries: Vec<Value> = report
        .entries
        .iter()
        .map(|entry| {
            json!({
                "id": entry.id(),
                "rule": entry.rule.id,
                "protocol": entry.protocol.name(),
                "level": entry.rule.level.to_string(),
                "source": entry.rule.source,
                "text": entry.rule.text,
                "verdict": entry.verdict.word(),
                "why": entry.why,
                "sent": entry.sent,
                "got": entry.got,
            })
        })
        .collect();
    let mut totals = Map::new();
    for level in Level::ALL {
        let of_level: Map<String, Value> = Protocol::ALL
            .iter()
            .map(|protocol| {
                let count = |verdict| report.count(level, Some(*protocol), verdict);
                let counts = json!({
                    "pass": count(Verdict::Pass),
                    "fail": count(Verdict::Fail),
                    "miss": count(Verdict::Miss),
                    "no": count(Verdict::No),
                    "not_applicable": count(Verdict::NotApplicable),
                });
                (protocol.name().to_owned(), counts)
            })
            .collect();
        totals.insert(level.to_string(), Value::Object(of_level));
    }
    let report = json!({
        "grpc": report.target.grpc,
        "http": report.target.http,
        "conforms": report.conforms(),
        "seconds": report.took.as_secs_f64(),
        "totals": totals,
        "entries": entries,
    });
    format!("{report:#}\n")
}
