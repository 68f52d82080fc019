//! Files that must be refused, each with the message it must give.

mod added;
mod whole;

use super::parse;
use added::ADDED;
use whole::WHOLE;

/// A correct SLO to which a case adds its lines; the objective is on line 5.
const GOOD: &str = "name: a\nservice: s\nindicator: availability\nwindow: 30d\nobjective: 99.9\n";

/// All keys of an SLO, for `{KEYS}` in the messages below.
const KEYS: &str = "name, description, owner, labels, annotations, service, operation, kind, attributes, filter, indicator, by, max_groups, objective, window, exclusions, alerting";

/// Each file with its message.
pub(crate) fn bad_files() -> impl Iterator<Item = (String, String)> {
    let added = ADDED.iter().map(|(lines, message)| (format!("{GOOD}{lines}"), *message));
    let whole = WHOLE.iter().map(|(text, message)| ((*text).to_owned(), *message));
    let message = |message: &str| {
        message.replace("{KEYS_OR}", &KEYS.replace(", alerting", " or alerting")).replace("{KEYS}", KEYS)
    };
    added.chain(whole).map(move |(text, expected)| (text, message(expected)))
}

#[test]
fn every_bad_file_gives_its_message() {
    let mut wrong = String::new();
    for (text, expected) in bad_files() {
        let got = parse("f.yaml", &text).expect_err(&text).to_string();
        if got != expected {
            wrong.push_str(&format!("--- {text}\n    {expected}\n +  {got}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
