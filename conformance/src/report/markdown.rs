//! The report and the list of rules as Markdown.

use super::{Report, Verdict};
use crate::protocol::Protocol;
use crate::rule::Level;
use crate::rules::SECTIONS;

pub(super) fn report(report: &Report) -> String {
    let mut text =
        String::from("| rule | level | grpc | http-protobuf | http-json |\n| --- | --- | --- | --- | --- |\n");
    for rule in SECTIONS.iter().flat_map(|section| section.rules()) {
        let entries: Vec<_> = report.of(rule).collect();
        if entries.is_empty() {
            continue;
        }
        let words = Protocol::ALL.map(|protocol| {
            entries.iter().find(|entry| entry.protocol == protocol).map_or("", |entry| entry.verdict.word())
        });
        text.push_str(&format!("| `{}` | {} | {} |\n", rule.id, rule.level, words.join(" | ")));
    }
    text.push_str("\n| level | protocol | pass | not | n/a |\n| --- | --- | --- | --- | --- |\n");
    for level in Level::ALL {
        for protocol in Protocol::ALL {
            let count = |verdict| report.count(level, Some(protocol), verdict);
            let not = count(Verdict::Fail) + count(Verdict::Miss) + count(Verdict::No);
            let (pass, none) = (count(Verdict::Pass), count(Verdict::NotApplicable));
            text.push_str(&format!("| {level} | {protocol} | {pass} | {not} | {none} |\n"));
        }
    }
    for entry in report.entries.iter().filter(|entry| matches!(entry.verdict, Verdict::Fail | Verdict::Miss)) {
        text.push_str(&format!("\n- `{}`: {} (rule: {})", entry.id(), escape(&entry.why), entry.rule.text));
    }
    text.push('\n');
    text
}

/// All rules by section, as tables.
pub fn list() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        text.push_str(&format!("### {}\n\n| rule | level | over | what must hold | source |\n", section.title));
        text.push_str("| --- | --- | --- | --- | --- |\n");
        for rule in section.rules() {
            let over: Vec<&str> = rule.protocols.iter().map(|protocol| protocol.name()).collect();
            let over = if over.len() == Protocol::ALL.len() { "all".to_owned() } else { over.join(", ") };
            let (what, source) = (escape(rule.text), escape(rule.source));
            text.push_str(&format!("| `{}` | {} | {over} | {what} | {source} |\n", rule.id, rule.level));
        }
        text.push('\n');
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
