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

/// The messages about `text`, one a line.
fn errors(text: &str) -> String {
    parse("f.yaml", text).expect_err(text).to_string()
}

#[test]
fn every_bad_file_gives_its_message() {
    let added = ADDED.iter().map(|(lines, expected)| (format!("{GOOD}{lines}"), *lines, *expected));
    let whole = WHOLE.iter().map(|(text, expected)| ((*text).to_owned(), *text, *expected));
    let mut wrong = String::new();
    for (text, shown, expected) in added.chain(whole) {
        let expected =
            &expected.replace("{KEYS_OR}", &KEYS.replace(", alerting", " or alerting")).replace("{KEYS}", KEYS);
        let got = &errors(&text);
        if got != expected {
            wrong.push_str(&format!("--- {shown}\n    {expected}\n +  {got}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
