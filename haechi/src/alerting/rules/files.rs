//! Rule files by their patterns: read at the start, where a mistake stops the start, and again whenever their content changes,
//! where a bad file keeps its last good version.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use query::promql::outline;
use slo::rules::{RuleGroup, parse};
use slo::spec::{Place, SpecError, SpecErrors};

use super::RuleFiles;

const MAX_FILES: usize = 1000;
/// More than the parser takes, so that it is the one to refuse.
const MAX_BYTES: u64 = 2 << 20;

/// The files with their last good versions.
pub(super) struct Watched {
    files: RuleFiles,
    /// What was last read, by path, or why it cannot be.
    contents: BTreeMap<String, Result<String, String>>,
    good: BTreeMap<String, Vec<Arc<RuleGroup>>>,
    errors: Vec<SpecError>,
}

impl Watched {
    /// Reads the files; any mistake in any of them is an error.
    pub(super) fn open(files: RuleFiles) -> Result<Self, SpecErrors> {
        let mut watched = Self { files, contents: BTreeMap::new(), good: BTreeMap::new(), errors: Vec::new() };
        watched.poll();
        if watched.contents.is_empty() {
            tracing::warn!(patterns = watched.files.patterns.join(","), "no rule file is there yet");
        }
        if watched.errors.is_empty() { Ok(watched) } else { Err(SpecErrors(watched.errors)) }
    }

    /// Reads the files again; whether groups or errors changed.
    pub(super) fn poll(&mut self) -> bool {
        let contents = match self.read() {
            Ok(contents) => contents,
            Err(error) => {
                // What cannot be looked for must not resolve its alerts.
                let errors = vec![error];
                let changed = errors != self.errors;
                self.errors = errors;
                // The next look that works is one with news.
                self.contents.clear();
                return changed;
            }
        };
        if contents == self.contents {
            return false;
        }
        let before = (std::mem::take(&mut self.good), std::mem::take(&mut self.errors));
        for (path, content) in &contents {
            match self.load(path, content) {
                Ok(groups) => {
                    let groups = groups.into_iter().map(Arc::new).collect();
                    self.good.insert(path.clone(), groups);
                }
                Err(errors) => {
                    self.errors.extend(errors.0);
                    if let Some(groups) = before.0.get(path) {
                        self.good.insert(path.clone(), groups.clone());
                    }
                }
            }
        }
        self.contents = contents;
        before != (self.good.clone(), self.errors.clone())
    }

    /// The groups in use, in the order of their files.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Arc<RuleGroup>> {
        self.good.values().flatten()
    }

    pub(super) fn errors(&self) -> &[SpecError] {
        &self.errors
    }

    pub(super) fn patterns(&self) -> &[String] {
        &self.files.patterns
    }

    fn load(&self, path: &str, content: &Result<String, String>) -> Result<Vec<RuleGroup>, SpecErrors> {
        let unreadable = |reason: &String| {
            SpecErrors(vec![SpecError::new(path, Place::START, "", format!("cannot be read: {reason}"))])
        };
        parse(path, content.as_ref().map_err(unreadable)?, self.files.defaults, &check)
    }

    fn read(&self) -> Result<BTreeMap<String, Result<String, String>>, SpecError> {
        let mut contents = BTreeMap::new();
        for pattern in &self.files.patterns {
            let failed = |reason: String| SpecError::new(pattern, Place::START, "", reason);
            let is_plain = !pattern.contains(['*', '?', '[']);
            if is_plain {
                contents.insert(pattern.clone(), read(Path::new(pattern)));
                continue;
            }
            for found in glob::glob(pattern).map_err(|error| failed(error.to_string()))? {
                let path = found.map_err(|error| failed(format!("cannot be looked for: {error}")))?;
                if path.is_dir() {
                    continue;
                }
                if contents.len() == MAX_FILES {
                    return Err(failed(format!("more than {MAX_FILES} rule files")));
                }
                let name = path.display().to_string();
                contents.entry(name).or_insert_with(|| read(&path));
            }
        }
        Ok(contents)
    }
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// What is wrong with the expression of a rule.
fn check(expression: &str) -> Result<(), String> {
    let outline = outline(expression).map_err(|error| error.to_string())?;
    if outline.gives_samples {
        return Ok(());
    }
    Err("it gives neither an instant vector nor a number".to_owned())
}
