//! The report and the list of rules for people: aligned, at most 100 columns wide.

use super::{Entry, Report, Verdict};
use crate::protocol::Protocol;
use crate::rule::Level;
use crate::rules::{DOCUMENTS, SECTIONS};

const WIDTH: usize = 100;

/// The widest id of a rule; a test holds the rules to it.
pub(crate) const ID_WIDTH: usize = 28;

const HEADINGS: [&str; 3] = ["grpc", "proto", "json"];

struct Paint(bool);

impl Paint {
    fn verdict(&self, verdict: Verdict) -> String {
        let code = match verdict {
            Verdict::Pass => "32",
            Verdict::Fail => "1;31",
            Verdict::Miss => "33",
            Verdict::No | Verdict::NotApplicable => "2",
        };
        self.coloured(code, &format!("{:<6}", verdict.word()))
    }

    fn coloured(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

pub(super) fn report(report: &Report, colours: bool) -> String {
    let paint = Paint(colours);
    let mut text = String::from("OTLP receiver conformance\n");
    for (name, address) in [("gRPC", &report.target.grpc), ("HTTP", &report.target.http)] {
        text.push_str(&format!("  {name}  {}\n", address.as_deref().unwrap_or("not tested")));
    }
    for section in SECTIONS {
        let mut lines = String::new();
        for rule in section.rules() {
            let entries: Vec<&Entry> = report.of(rule).collect();
            if entries.is_empty() {
                continue;
            }
            let words = Protocol::ALL.map(|protocol| {
                let entry = entries.iter().find(|entry| entry.protocol == protocol);
                entry.map_or_else(|| format!("{:<6}", ""), |entry| paint.verdict(entry.verdict))
            });
            let (id, level, source) = (rule.id, rule.level, rule.source);
            lines.push_str(&format!("  {id:<ID_WIDTH$} {level:<9}{} {source}\n", words.concat()));
            let broken: Vec<_> =
                entries.iter().filter(|entry| matches!(entry.verdict, Verdict::Fail | Verdict::Miss)).collect();
            if !broken.is_empty() {
                lines.push_str(&wrapped("rule", rule.text));
            }
            broken.iter().for_each(|entry| lines.push_str(&explain(entry)));
        }
        if !lines.is_empty() {
            let [grpc, proto, json] = HEADINGS;
            let title = paint.coloured("1", &format!("{:<30}", section.title));
            text.push_str(&format!("\n{title} {:<9}{grpc:<6}{proto:<6}{json:<6} source\n{lines}", "level"));
        }
    }
    text.push_str(&totals(report, &paint));
    text
}

/// What was found wrong, what was sent and what came back.
fn explain(entry: &Entry) -> String {
    let rows = [(entry.protocol.name(), &*entry.why), ("sent", &*entry.sent), ("got", &*entry.got)];
    rows.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| wrapped(name, text)).collect()
}

/// `text` in lines beside `name`, at most four of them.
fn wrapped(name: &str, text: &str) -> String {
    const INDENT: usize = 20;
    const MOST_LINES: usize = 4;
    let width = WIDTH - INDENT;
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
        while !word.is_empty() {
            let line = lines.last_mut().map(|line| line.chars().count()).unwrap_or_default();
            let room = width.saturating_sub(line + usize::from(line > 0));
            if word.len() > room && line > 0 {
                lines.push(String::new());
                continue;
            }
            let rest = word.split_off(word.len().min(room));
            let Some(last) = lines.last_mut() else { break };
            if line > 0 {
                last.push(' ');
            }
            last.extend(word);
            word = rest;
        }
    }
    if lines.len() > MOST_LINES {
        lines.truncate(MOST_LINES);
        if let Some(last) = lines.last_mut() {
            last.truncate(last.floor_char_boundary(width - 4));
            last.push('…');
        }
    }
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        out.push_str(&format!("    {name:>14}  {line}\n"));
    }
    out
}

fn totals(report: &Report, paint: &Paint) -> String {
    let mut text = format!("\n{}\n", paint.coloured("1", "Totals (holds / applies)"));
    let [grpc, proto, json] = HEADINGS;
    text.push_str(&format!("  {:<10}{grpc:>10}{proto:>10}{json:>10}{:>10}{:>8}\n", "", "all", "n/a"));
    for level in Level::ALL {
        text.push_str(&format!("  {level:<10}"));
        for protocol in Protocol::ALL.map(Some).into_iter().chain([None]) {
            let count = |verdict| report.count(level, protocol, verdict);
            let holds = count(Verdict::Pass);
            let applies = holds + count(Verdict::Fail) + count(Verdict::Miss) + count(Verdict::No);
            text.push_str(&format!("{:>10}", format!("{holds}/{applies}")));
        }
        text.push_str(&format!("{:>8}\n", report.count(level, None, Verdict::NotApplicable)));
    }
    let outcome = match report.count(Level::Must, None, Verdict::Fail) {
        0 if report.says_nothing() => "No check applied: nothing was tested.".to_owned(),
        0 => paint.coloured("32", "No MUST is broken."),
        n => paint.coloured("1;31", &format!("{n} MUST broken.")),
    };
    text.push_str(&format!("\n{outcome} {} checks in {:.1} s.\n", report.entries.len(), report.took.as_secs_f64()));
    text
}

/// All rules with level and source, and what the names of the sources stand for.
pub fn list() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        text.push_str(&format!("{}\n", section.title));
        for rule in section.rules() {
            text.push_str(&format!("  {:<ID_WIDTH$} {:<9}{}\n", rule.id, rule.level, rule.source));
            text.push_str(&wrapped("", rule.text));
        }
        text.push('\n');
    }
    text.push_str("Sources\n");
    for (name, document) in DOCUMENTS {
        text.push_str(&format!("  {name:<10} {document}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_within_the_width() {
        let long = "word ".repeat(60) + &"x".repeat(300);
        for line in wrapped("sent", &long).lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert_eq!(wrapped("got", "a b"), "               got  a b\n");
        assert!(list().lines().all(|line| line.chars().count() <= WIDTH), "{}", list());
    }
}
