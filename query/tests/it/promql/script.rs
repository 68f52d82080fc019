//! The commands of a script. Source of the language:
//! <https://github.com/prometheus/prometheus/blob/main/promql/promqltest/README.md>.

use query::promql::Millis;

use super::notation::{Entry, duration, entry};
use super::otlp::OtlpLoad;

pub(crate) enum Command {
    Clear,
    /// Series with a sample every `interval`, from time 0. With `native`, classic histograms come as native ones too.
    Load {
        interval: Millis,
        native: bool,
        series: Vec<Entry>,
    },
    /// Points that go through a store.
    LoadOtlp(OtlpLoad),
    Eval(Eval),
}

pub(crate) struct Eval {
    /// The line of the script, for failures.
    pub(crate) line: usize,
    pub(crate) query: String,
    pub(crate) times: Times,
    pub(crate) expected: Vec<Entry>,
    pub(crate) expectations: Expectations,
}

#[derive(Clone, Copy)]
pub(crate) enum Times {
    Instant(Millis),
    Range { start: Millis, end: Millis, step: Millis },
}

#[derive(Default)]
pub(crate) struct Expectations {
    pub(crate) ordered: bool,
    pub(crate) string: Option<String>,
    pub(crate) fail: Option<Text>,
    pub(crate) warn: Vec<Text>,
    pub(crate) info: Vec<Text>,
    pub(crate) no_warn: bool,
    pub(crate) no_info: bool,
}

/// What a message is to be.
pub(crate) enum Text {
    Any,
    Exactly(String),
    Matching(regex::Regex),
}

impl Text {
    pub(crate) fn accepts(&self, message: &str) -> bool {
        match self {
            Text::Any => true,
            Text::Exactly(text) => message == text,
            Text::Matching(regex) => regex.is_match(message),
        }
    }

    fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some(message) = text.strip_prefix("msg:") {
            Text::Exactly(message.trim().to_owned())
        } else if let Some(regex) = text.strip_prefix("regex:") {
            Text::Matching(regex::Regex::new(regex.trim()).unwrap())
        } else {
            Text::Any
        }
    }
}

pub(crate) fn parse(text: &str) -> Vec<Command> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).map(|line| if line.starts_with('#') { "" } else { line }).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (line, text) = (at + 1, lines[at]);
        at += 1;
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        // A block ends at the first empty line.
        let length = lines[at..].iter().position(|line| line.is_empty()).unwrap_or(lines.len() - at);
        let block = &lines[at..at + length];
        match word {
            "" => continue,
            "clear" => {
                commands.push(Command::Clear);
                continue;
            }
            "load" | "load_with_nhcb" => commands.push(Command::Load {
                interval: duration(rest),
                native: word == "load_with_nhcb",
                series: block.iter().map(|line| entry(line)).collect(),
            }),
            "load_otlp" => commands.push(Command::LoadOtlp(OtlpLoad::parse(rest, block))),
            _ if word.starts_with("eval") => commands.push(Command::Eval(eval(line, word, rest, block))),
            other => panic!("line {line}: unknown command {other:?}"),
        }
        at += length;
    }
    commands
}

fn eval(line: usize, word: &str, rest: &str, block: &[&str]) -> Eval {
    let (times, query) = if let Some(rest) = rest.strip_prefix("instant") {
        match rest.trim_start().strip_prefix("at ") {
            Some(rest) => {
                let (time, query) = rest.trim_start().split_once(char::is_whitespace).unwrap();
                (Times::Instant(duration(time)), query)
            }
            None => (Times::Instant(0), rest),
        }
    } else {
        let words: Vec<&str> = rest.split_whitespace().take(7).collect();
        let ["range", "from", start, "to", end, "step", step] = words[..] else { panic!("line {line}: {rest:?}") };
        let query = rest.splitn(8, char::is_whitespace).nth(7).unwrap();
        (Times::Range { start: duration(start), end: duration(end), step: duration(step) }, query)
    };
    let mut expectations = Expectations::default();
    match word {
        "eval" => {}
        "eval_fail" => expectations.fail = Some(Text::Any),
        "eval_ordered" => expectations.ordered = true,
        "eval_warn" => expectations.warn.push(Text::Any),
        "eval_info" => expectations.info.push(Text::Any),
        other => panic!("line {line}: unknown command {other:?}"),
    }
    let mut expected = Vec::new();
    for text in block {
        match text.strip_prefix("expect ") {
            Some(expectation) => expect(&mut expectations, expectation.trim()),
            None => expected.push(entry(text)),
        }
    }
    Eval { line, query: query.trim().to_owned(), times, expected, expectations }
}

fn expect(expectations: &mut Expectations, text: &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    match word {
        "ordered" => expectations.ordered = true,
        "fail" => expectations.fail = Some(Text::parse(rest)),
        "warn" => expectations.warn.push(Text::parse(rest)),
        "info" => expectations.info.push(Text::parse(rest)),
        "no_warn" => expectations.no_warn = true,
        "no_info" => expectations.no_info = true,
        "string" => expectations.string = Some(rest.trim().trim_matches(['"', '`']).to_owned()),
        other => panic!("unknown expectation {other:?}"),
    }
}
