//! The file of routes, read again when it changes; a bad one keeps the last good version in use.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use slo::routing::{self, Routing};
use slo::spec::{Place, SpecError, SpecErrors};

use super::bodies::alertmanager;
use super::{Kind, Receiver};

/// Largest file that is read; the parser refuses less.
const MAX_BYTES: u64 = 2 << 20;

pub(super) struct Routes {
    path: PathBuf,
    receivers: Vec<Receiver>,
    /// What was last read, or why it could not be; to notice changes.
    content: Result<String, String>,
    routing: Arc<Routing>,
    errors: Vec<SpecError>,
}

impl Routes {
    /// Errors: every mistake in the file.
    pub(super) fn open(path: &Path, receivers: Vec<Receiver>) -> Result<Self, SpecErrors> {
        let content = read(path);
        let routing = Arc::new(parse(path, &content, &receivers)?);
        Ok(Self { path: path.to_owned(), receivers, content, routing, errors: Vec::new() })
    }

    /// Reads the file again; says whether it has changed.
    pub(super) fn poll(&mut self) -> bool {
        let content = read(&self.path);
        if content == self.content {
            return false;
        }
        self.content = content;
        match parse(&self.path, &self.content, &self.receivers) {
            Ok(routing) => {
                self.routing = Arc::new(routing);
                self.errors.clear();
            }
            Err(errors) => self.errors = errors.0,
        }
        true
    }

    /// The last good version.
    pub(super) fn routing(&self) -> Arc<Routing> {
        Arc::clone(&self.routing)
    }

    /// The mistakes of the file as it is now.
    pub(super) fn errors(&self) -> &[SpecError] {
        &self.errors
    }
}

/// What a file of routes says, or every mistake in it; without `receivers` it may name any.
pub(crate) fn check_routes(path: &Path, receivers: Option<&[Receiver]>) -> Result<Routing, SpecErrors> {
    match (read(path), receivers) {
        (Ok(text), None) => routing::parse_for_any(&path.display().to_string(), &text),
        (content, receivers) => parse(path, &content, receivers.unwrap_or_default()),
    }
}

/// Lets `routing` tell those of `receivers` that are Alertmanagers at once and often: they take for resolved what they do not
/// hear of.
pub(super) fn repeat_to_forgetful(routing: &mut Routing, receivers: &[Receiver]) {
    let forgetful = receivers.iter().filter(|receiver| receiver.kind == Kind::Alertmanager);
    let names: Vec<String> = forgetful.map(|receiver| receiver.name.clone()).collect();
    routing.tell_at_once(&names, alertmanager::RESEND);
}

fn read(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    read.map(|_| text).map_err(|error| format!("cannot be read: {error}"))
}

fn parse(path: &Path, content: &Result<String, String>, receivers: &[Receiver]) -> Result<Routing, SpecErrors> {
    let file = path.display().to_string();
    match content {
        Ok(text) => {
            let names: Vec<String> = receivers.iter().map(|receiver| receiver.name.clone()).collect();
            let mut routing = routing::parse(&file, text, &names)?;
            repeat_to_forgetful(&mut routing, receivers);
            Ok(routing)
        }
        Err(error) => Err(SpecErrors(vec![SpecError::new(&file, Place::START, "", error.clone())])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_keeps_the_last_good_version() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("routes.yaml");
        let names = || vec![Receiver::new("a", ""), Receiver::new("b", "")];
        let error = Routes::open(&path, names()).err().unwrap().to_string();
        assert!(error.contains("routes.yaml:1:1: cannot be read: No such file"), "{error}");
        std::fs::write(&path, "route: {receiver: a}").unwrap();
        let mut routes = Routes::open(&path, names()).unwrap();
        assert!(!routes.poll());
        std::fs::write(&path, "route: {receiver: c}").unwrap();
        assert!(routes.poll() && routes.errors()[0].message.contains("no receiver \"c\""));
        assert_eq!(routes.routing().root.receiver, "a");
        std::fs::remove_file(&path).unwrap();
        assert!(routes.poll() && routes.errors().len() == 1);
        std::fs::write(&path, "route: {receiver: b}").unwrap();
        assert!(routes.poll() && routes.errors().is_empty());
        assert_eq!(routes.routing().root.receiver, "b");
    }
}
