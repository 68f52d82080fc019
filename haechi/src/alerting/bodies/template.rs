//! Bodies by a template that users write, in Jinja's language. What it is given is the stored form, with its names.

use std::io;
use std::path::Path;

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use super::Stored;

/// Largest file of a template.
const MAX_FILE: u64 = 64 << 10;
/// Largest body.
const MAX_BODY: usize = 1 << 20;
/// Steps of a template, or 64 bytes each that it makes: about 32 MiB, which takes some hundredths of a second.
const FUEL: u64 = 500_000;
/// Calls of macros and includes within each other; each takes some of the thread's stack.
const DEPTH: usize = 50;

/// The names that a template can use.
const NAMES: [&str; 10] = [
    "receiver",
    "status",
    "alerts",
    "groupLabels",
    "commonLabels",
    "commonAnnotations",
    "externalURL",
    "version",
    "groupKey",
    "truncatedAlerts",
];

/// The template in a file: its text.
pub(in crate::alerting) fn read(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text));
    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if text.len() as u64 > MAX_FILE {
        return Err(format!("{} is larger than {} KiB", path.display(), MAX_FILE >> 10));
    }
    Ok(text)
}

/// The body that a template makes. With `json` each value is written as JSON, text with its quotes, and all of it must be JSON.
///
/// A label that is not there is empty, or `null` in JSON: a notification is worth more than one of its fields. The error has the
/// line, and nothing of the notification.
pub(in crate::alerting) fn body(template: &str, json: bool, stored: &Stored) -> Result<Vec<u8>, String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(move |_| if json { AutoEscape::Json } else { AutoEscape::None });
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH);
    let template = environment.template_from_str(template).map_err(|error| said(&error))?;
    let unknown = template.undeclared_variables(false).into_iter().filter(|name| !NAMES.contains(&name.as_str()));
    // `range`, `namespace` and the like are no variables.
    let mut unknown: Vec<String> = unknown.filter(|name| !environment.globals().any(|(it, _)| it == name)).collect();
    unknown.sort();
    if let Some(name) = unknown.first() {
        return Err(format!("there is no {name:?}; a template has {}", NAMES.join(", ")));
    }
    let mut out = Limited(Vec::new());
    let rendered = template.render_captured_to(Value::from(Serde(stored)), &mut out).map(drop);
    rendered.map_err(|error| match error.kind() {
        ErrorKind::WriteFailure => format!("makes more than {} KiB", MAX_BODY >> 10),
        ErrorKind::OutOfFuel => "takes too many steps, or makes too much text".to_owned(),
        _ => said(&error),
    })?;
    if json && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&out.0) {
        let (line, column) = (error.line(), error.column());
        return Err(format!(
            "makes no JSON: line {line}, column {column} of its output; values stand there without quotes, as in {{\"text\": {{{{ status }}}}}}"
        ));
    }
    Ok(out.0)
}

/// The kind of mistake and its line; the detail only of mistakes in the template itself, since others can quote values.
fn said(error: &minijinja::Error) -> String {
    let line = error.line().map_or(String::new(), |line| format!("line {line}: "));
    let detail = match error.kind() {
        ErrorKind::SyntaxError | ErrorKind::UnknownFilter | ErrorKind::UnknownFunction | ErrorKind::UnknownTest => {
            error.detail().map_or(String::new(), |detail| format!(": {detail}"))
        }
        _ => String::new(),
    };
    format!("{line}{}{detail}", error.kind())
}

struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BODY {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
