//! `haechi store`: looks at a data directory.

use std::error::Error;
use std::path::Path;

use serde_json::json;
use store::inspect::{self, Finding, LevelStat, Report, Stat};

use crate::api::time;
use crate::logging::say;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Checks the data directory `dir` and says what is wrong with it; an error when anything is.
pub(crate) fn verify(dir: &Path, deep: bool) -> Result<()> {
    let report = inspect::verify(dir, deep)?;
    let line = |finding: &Finding| format!("{}: {}", finding.path.display(), printable(&finding.message));
    report.findings.iter().for_each(|finding| say(line(finding)));
    report.notes.iter().for_each(|note| say(format_args!("note: {}", line(note))));
    say(summary(&report));
    match report.findings.len() {
        0 => Ok(()),
        n => Err(format!("{}: {}", dir.display(), many(n as u64, "finding")).into()),
    }
}

fn summary(report: &Report) -> String {
    format!(
        "checked {} with {} and {} series ({}, {}), {} in {}",
        many(report.segments as u64, "segment"),
        many(report.rows, "row"),
        count(report.series as u64),
        many(report.files as u64, "file"),
        bytes(report.bytes),
        many(report.log_records, "request"),
        many(report.log_files as u64, "log file"),
    )
}

/// `text` on one line that does nothing to a terminal, whatever the damaged file has put into it.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\'' | '"' => printable.push(char),
            _ => printable.extend(char.escape_debug()),
        }
    }
    printable
}

/// Says what the data directory `dir` holds; as JSON if `as_json`.
pub(crate) fn stat(dir: &Path, as_json: bool) -> Result<()> {
    let stat = inspect::stat(dir)?;
    if as_json {
        say(to_json(&stat));
    } else {
        print(&stat);
    }
    for error in &stat.damage {
        crate::logging::complain(&printable(&error.to_string()));
    }
    if stat.damage.is_empty() { Ok(()) } else { Err(format!("{}: not all of it could be read", dir.display()).into()) }
}

fn print(stat: &Stat) {
    for level in &stat.levels {
        say(format_args!(
            "{}, level {}: {} in {}, {}, {:.2} B/row, {} to {}",
            level.table.name(),
            level.level,
            many(level.rows, "row"),
            many(level.segments as u64, "segment"),
            bytes(level.bytes),
            per_row(level, level.bytes),
            time::format(level.times.0),
            time::format(level.times.1),
        ));
        for (name, of_part) in &level.parts {
            let share = *of_part as f64 * 100.0 / level.bytes.max(1) as f64;
            let (size, each) = (bytes(*of_part), per_row(level, *of_part));
            say(format_args!("    {name:<32} {size:>10} {each:>10.2} B/row {share:>5.1} %"));
        }
    }
    say(format_args!("{} series", count(stat.series as u64)));
    for (name, size) in &stat.others {
        say(format_args!("{name}: {}", bytes(*size)));
    }
}

fn to_json(stat: &Stat) -> serde_json::Value {
    let levels = stat.levels.iter().map(|level| {
        let parts = level.parts.iter().map(|(name, bytes)| json!({"name": name, "bytes": bytes}));
        json!({
            "table": level.table.name(),
            "level": level.level,
            "segments": level.segments,
            "rows": level.rows,
            "bytes": level.bytes,
            "bytes_per_row": per_row(level, level.bytes),
            "min_time": time::format(level.times.0),
            "max_time": time::format(level.times.1),
            "parts": parts.collect::<Vec<_>>(),
        })
    });
    let others = stat.others.iter().map(|(name, bytes)| json!({"name": name, "bytes": bytes}));
    let damage = stat.damage.iter().map(ToString::to_string);
    json!({
        "levels": levels.collect::<Vec<_>>(),
        "series": stat.series,
        "others": others.collect::<Vec<_>>(),
        "damage": damage.collect::<Vec<_>>(),
    })
}

fn per_row(level: &LevelStat, bytes: u64) -> f64 {
    bytes as f64 / level.rows.max(1) as f64
}

/// A number with a comma at every thousand.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join(",")
}

/// A number of things.
pub(crate) fn many(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Bytes in the largest decimal unit that gives at least one.
pub(crate) fn bytes(number: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| number >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", number as f64 / unit as f64),
        None => format!("{number} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_stay_as_they_are_and_control_characters_do_not() {
        assert_eq!(printable("the file's \"größe\""), "the file's \"größe\"");
        assert_eq!(printable("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(count), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(bytes), ["0 B", "999 B", "1.0 kB", "1.2 MB"]);
        assert_eq!([0, 1, 2_000].map(|n| many(n, "row")), ["0 rows", "1 row", "2,000 rows"]);
    }
}
