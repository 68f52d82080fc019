//! The SLO files of one directory: read at the start, where a mistake stops the start, and again whenever their content
//! changes, where a bad file keeps its last good version.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use slo::Slo;
use slo::formats::{Loaded, load};
use slo::spec::{Place, SpecError, SpecErrors, reject_duplicates};

use crate::counting;

/// More than any team has, and few enough to be read every two seconds.
const MAX_FILES: usize = 1000;
/// A byte more than `slo::spec` takes, so that it is the one to refuse.
const MAX_BYTES: u64 = (1 << 20) + 1;

/// Why the SLO files cannot be used at the start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    #[error("cannot read SLO files {dir}: {error}")]
    Directory { dir: PathBuf, error: io::Error },
    #[error(transparent)]
    Spec(#[from] SpecErrors),
}

/// The SLO files with their last good versions.
pub(super) struct SloFiles {
    dir: PathBuf,
    /// What was last read, by file name; to notice changes.
    contents: BTreeMap<String, Content>,
    /// The SLOs in use, by file name.
    good: BTreeMap<String, Vec<Arc<Slo>>>,
    errors: Vec<SpecError>,
}

/// The text of a file, or why it cannot be read.
pub(super) type Content = Result<String, String>;

impl SloFiles {
    /// Reads the directory; any mistake in any file is an error.
    pub(super) fn open(dir: &Path) -> Result<Self, FilesError> {
        let contents = read(dir).map_err(|error| FilesError::Directory { dir: dir.to_owned(), error })?;
        let mut files = Self { dir: dir.to_owned(), contents, good: BTreeMap::new(), errors: Vec::new() };
        files.load();
        if files.errors.is_empty() { Ok(files) } else { Err(SpecErrors(files.errors).into()) }
    }

    /// Reads the directory again; whether SLOs or errors changed.
    pub(super) fn poll(&mut self) -> bool {
        match read(&self.dir) {
            Ok(contents) if contents == self.contents && !self.directory_failed() => return false,
            Ok(contents) => self.contents = contents,
            Err(error) => {
                // A directory that cannot be read for a moment must not resolve its alerts.
                let message = format!("cannot be read, its last good files stay in use: {error}");
                let errors = vec![self.error("", message)];
                let changed = errors != self.errors;
                self.errors = errors;
                return changed;
            }
        }
        let before = (self.good.clone(), self.errors.clone());
        self.load();
        before != (self.good.clone(), self.errors.clone())
    }

    /// The SLOs in use, by name.
    pub(super) fn slos(&self) -> Vec<Arc<Slo>> {
        let mut slos: Vec<Arc<Slo>> = self.good.values().flatten().cloned().collect();
        slos.sort_by(|left, right| left.name.cmp(&right.name));
        slos
    }

    /// The mistakes in files that are not in use as they are.
    pub(super) fn errors(&self) -> &[SpecError] {
        &self.errors
    }

    fn directory_failed(&self) -> bool {
        let dir = self.dir.display().to_string();
        self.errors.iter().any(|error| error.file == dir)
    }

    fn load(&mut self) {
        self.errors.clear();
        let mut parsed: BTreeMap<String, Vec<Arc<Slo>>> = BTreeMap::new();
        for (name, content) in &self.contents {
            let path = self.dir.join(name).display().to_string();
            let slos = match content {
                Ok(text) => load(&path, text).map_err(|errors| errors.0).and_then(counted),
                Err(reason) => Err(vec![unreadable(&path, reason)]),
            };
            match slos {
                Ok(slos) => {
                    parsed.insert(name.clone(), slos.into_iter().map(Arc::new).collect());
                }
                Err(errors) => {
                    self.errors.extend(errors);
                    self.keep_last_good(name, &mut parsed);
                }
            }
        }
        // A name that two files define: whichever of them is new goes back to its last good version. That may bring back
        // a name which another file took over, hence again, at most once per file.
        let mut reverted = BTreeSet::new();
        while let Some((name, errors)) = self.duplicate(&parsed, &reverted) {
            self.errors.extend(errors);
            parsed.remove(&name);
            self.keep_last_good(&name, &mut parsed);
            reverted.insert(name);
        }
        self.good = parsed;
    }

    fn keep_last_good(&self, name: &str, parsed: &mut BTreeMap<String, Vec<Arc<Slo>>>) {
        if let Some(slos) = self.good.get(name) {
            parsed.insert(name.to_owned(), slos.clone());
        }
    }

    /// A file to revert because of a name it shares with another one, with the errors about it.
    fn duplicate(
        &self,
        parsed: &BTreeMap<String, Vec<Arc<Slo>>>,
        reverted: &BTreeSet<String>,
    ) -> Option<(String, Vec<SpecError>)> {
        // What is in use comes first, so that the newcomer is the one at fault.
        let (mut kept, mut fresh): (Vec<_>, Vec<_>) =
            parsed.iter().partition(|(name, slos)| self.good.get(*name) == Some(*slos));
        kept.append(&mut fresh);
        let slos: Vec<Slo> = kept.iter().flat_map(|(_, slos)| slos.iter().map(|slo| Slo::clone(slo))).collect();
        let errors = reject_duplicates(&slos).err()?.0;
        let at_fault = kept.iter().rev().map(|(name, _)| *name).find(|name| {
            let path = self.dir.join(name).display().to_string();
            !reverted.contains(*name) && errors.iter().any(|error| error.file == path)
        })?;
        let path = self.dir.join(at_fault).display().to_string();
        Some((at_fault.clone(), errors.into_iter().filter(|error| error.file == path).collect()))
    }

    fn error(&self, name: &str, message: String) -> SpecError {
        let path = if name.is_empty() { self.dir.clone() } else { self.dir.join(name) };
        SpecError::new(&path.display().to_string(), Place::START, "", message)
    }
}

/// What of an SLO cannot be asked for: a search or an expression with a mistake.
pub(super) fn bad_queries(slo: &Slo) -> Option<SpecError> {
    let bad = counting::check(slo).err()?;
    Some(SpecError::new(&slo.file, slo.place, bad.key, bad.error.to_string()))
}

/// The SLOs of a file, if all of them can be counted.
fn counted(loaded: Loaded) -> Result<Vec<Slo>, Vec<SpecError>> {
    let errors: Vec<SpecError> = loaded.slos.iter().filter_map(bad_queries).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    for note in loaded.unmapped {
        tracing::warn!("SLO file: {note}");
    }
    Ok(loaded.slos)
}

/// The contents of a folder or of one file, by path.
pub(super) fn contents(path: &Path) -> Result<Vec<(String, Content)>, FilesError> {
    let failed = |error| FilesError::Directory { dir: path.to_owned(), error };
    if path.is_dir() {
        let found = read(path).map_err(failed)?.into_iter();
        return Ok(found.map(|(name, content)| (path.join(name).display().to_string(), content)).collect());
    }
    let text = read_text(path).map_err(failed)?;
    Ok(vec![(path.display().to_string(), Ok(text))])
}

pub(super) fn unreadable(file: &str, reason: &str) -> SpecError {
    SpecError::new(file, Place::START, "", format!("cannot be read: {reason}"))
}

/// The contents of the `.yaml` and `.yml` files in `dir`, by name; none if there is no such directory.
fn read(dir: &Path) -> io::Result<BTreeMap<String, Content>> {
    let mut contents = BTreeMap::new();
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(contents),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
        // Editors and Kubernetes keep their own files under names with a dot.
        if !is_yaml || name.starts_with('.') || path.is_dir() {
            continue;
        }
        if contents.len() == MAX_FILES {
            return Err(io::Error::other(format!("more than {MAX_FILES} files")));
        }
        contents.insert(name.to_owned(), read_text(&path).map_err(|error| error.to_string()));
    }
    Ok(contents)
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slo(name: &str, service: &str) -> String {
        format!("name: {name}\nservice: \"{service}\"\nindicator: availability\nobjective: 99\nwindow: 24h\n")
    }

    fn names(files: &SloFiles) -> Vec<String> {
        files.slos().iter().map(|slo| format!("{}@{}", slo.name, slo.service)).collect()
    }

    fn errors(files: &SloFiles) -> String {
        files.errors().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    struct Dir(tempfile::TempDir);

    impl Dir {
        fn new(files: &[(&str, &str)]) -> Self {
            let dir = Self(tempfile::tempdir().unwrap());
            files.iter().for_each(|(name, text)| dir.write(name, text));
            dir
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.0.path().join(name), text).unwrap();
        }

        fn remove(&self, name: &str) {
            std::fs::remove_file(self.0.path().join(name)).unwrap();
        }

        fn open(&self) -> SloFiles {
            SloFiles::open(self.0.path()).unwrap()
        }

        fn show(&self, text: &str) -> String {
            text.replace(&self.0.path().display().to_string(), "slos")
        }
    }

    #[test]
    fn reads_yaml_files_only_and_sorts_by_name() {
        let dir = Dir::new(&[("b.yaml", &slo("x", "1")), ("a.yml", &slo("y", "2")), (".c.yaml", "?"), ("d.txt", "?")]);
        std::fs::create_dir(dir.0.path().join("e.yaml")).unwrap();
        assert_eq!(names(&dir.open()), ["x@1", "y@2"]);
    }

    #[test]
    fn a_missing_directory_defines_nothing_until_it_is_there() {
        let dir = Dir::new(&[]);
        let path = dir.0.path().join("slos");
        let mut files = SloFiles::open(&path).unwrap();
        assert!(!files.poll() && files.slos().is_empty());
        std::fs::create_dir(&path).unwrap();
        dir.write("slos/a.yaml", &slo("a", "1"));
        assert!(files.poll());
        assert_eq!(names(&files), ["a@1"]);
    }

    #[test]
    fn mistakes_in_any_file_stop_the_start() {
        let dir = Dir::new(&[("a.yaml", &slo("A", "1")), ("b.yaml", "slos: 1\n"), ("c.yaml", &slo("c", "1"))]);
        let error = SloFiles::open(dir.0.path()).err().unwrap().to_string();
        assert_eq!(
            dir.show(&error),
            "slos/a.yaml:1:7: name: must be a name of 1 to 100 lower-case letters, digits, `.`, `_` or `-` that begins with a letter or digit, got \"A\"\nslos/b.yaml:1:7: slos: must be a list of SLOs, got the number 1"
        );
        let dir = Dir::new(&[("a.yaml", &slo("x", "1")), ("b.yaml", &slo("x", "2"))]);
        let error = SloFiles::open(dir.0.path()).err().unwrap().to_string();
        let expected = "slos/b.yaml:1:1: name: the name \"x\" is taken by the SLO at slos/a.yaml:1; names are unique";
        assert_eq!(dir.show(&error), expected);
    }

    #[test]
    fn a_bad_change_keeps_the_last_good_version_and_is_shown_until_mended() {
        let dir = Dir::new(&[("a.yaml", &slo("a", "1")), ("b.yaml", &slo("b", "1"))]);
        let mut files = dir.open();
        assert!(!files.poll());
        dir.write("a.yaml", "name: [");
        dir.write("b.yaml", &slo("b", "2"));
        assert!(files.poll());
        assert_eq!(names(&files), ["a@1", "b@2"]);
        assert_eq!(dir.show(&errors(&files)), "slos/a.yaml:1:7: not valid YAML: unclosed bracket '['");
        assert!(!files.poll());
        dir.write("a.yaml", &slo("a", "3"));
        assert!(files.poll());
        assert_eq!((names(&files), errors(&files)), (vec!["a@3".to_owned(), "b@2".to_owned()], String::new()));
    }

    #[test]
    fn a_removed_file_takes_its_slos_along() {
        let dir = Dir::new(&[("a.yaml", &slo("a", "1")), ("b.yaml", &slo("b", "1"))]);
        let mut files = dir.open();
        dir.remove("a.yaml");
        assert!(files.poll());
        assert_eq!(names(&files), ["b@1"]);
    }

    #[test]
    fn a_name_moves_from_file_to_file_in_either_order_of_saving() {
        for taker_first in [true, false] {
            let dir = Dir::new(&[("a.yaml", &slo("x", "1")), ("b.yaml", &slo("y", "1"))]);
            let mut files = dir.open();
            let take = || dir.write("b.yaml", &slo("x", "2"));
            let leave = || dir.write("a.yaml", &slo("z", "1"));
            if taker_first {
                take()
            } else {
                leave()
            }
            files.poll();
            if taker_first {
                assert_eq!(names(&files), ["x@1", "y@1"]);
                assert!(errors(&files).contains("b.yaml:1:1: name: the name \"x\" is taken"));
                leave();
            } else {
                take();
            }
            assert!(files.poll());
            assert_eq!((names(&files), errors(&files)), (vec!["x@2".to_owned(), "z@1".to_owned()], String::new()));
        }
    }

    #[test]
    fn two_files_may_swap_names_and_new_files_may_clash() {
        let dir = Dir::new(&[("a.yaml", &slo("x", "1")), ("b.yaml", &slo("y", "1"))]);
        let mut files = dir.open();
        dir.write("a.yaml", &slo("y", "2"));
        dir.write("b.yaml", &slo("x", "2"));
        assert!(files.poll());
        assert_eq!((names(&files), errors(&files)), (vec!["x@2".to_owned(), "y@2".to_owned()], String::new()));
        dir.write("c.yaml", &slo("n", "1"));
        dir.write("d.yaml", &slo("n", "2"));
        assert!(files.poll());
        assert_eq!(names(&files), ["n@1", "x@2", "y@2"]);
        assert!(errors(&files).contains("d.yaml:1:1: name: the name \"n\" is taken"));
    }

    #[test]
    fn an_unreadable_directory_keeps_what_was_read() {
        let dir = Dir::new(&[]);
        let path = dir.0.path().join("slos");
        std::fs::create_dir(&path).unwrap();
        dir.write("slos/a.yaml", &slo("a", "1"));
        let mut files = SloFiles::open(&path).unwrap();
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::write(&path, "a file in its place").unwrap();
        assert!(files.poll());
        assert_eq!(names(&files), ["a@1"]);
        assert!(errors(&files).contains("cannot be read"));
        assert!(!files.poll());
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        dir.write("slos/a.yaml", &slo("a", "1"));
        assert!(files.poll());
        assert_eq!((names(&files), errors(&files)), (vec!["a@1".to_owned()], String::new()));
    }

    #[test]
    fn a_file_that_is_not_text_is_named() {
        let dir = Dir::new(&[("a.yaml", &slo("a", "1"))]);
        let mut files = dir.open();
        std::fs::write(dir.0.path().join("a.yaml"), [0xff, 0xfe]).unwrap();
        assert!(files.poll());
        assert_eq!(names(&files), ["a@1"]);
        assert!(errors(&files).contains("a.yaml:1:1: cannot be read: stream did not contain valid UTF-8"));
    }
}
