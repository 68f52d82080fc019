//! The counted events of every SLO on disk: `<dir>/counts/<name>.counts`, format in `slo::buckets`.
//! They outlive the data they were counted from, so a 30-day budget works with 7 days of stored spans.

use std::io;
use std::path::{Path, PathBuf};

use slo::buckets::DecodeError;
use slo::{Counts, Slo};

use super::track::Track;

/// The directory of counts.
pub(super) struct StoredCounts {
    dir: PathBuf,
}

impl StoredCounts {
    /// Makes the directory if it is missing.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// The stored counts of `slo`, or empty ones if there are none that fit, and a sentence if the stored ones are damaged.
    ///
    /// A damaged file stays where it is, under another name, for whoever wants to look at it.
    pub(super) fn load(&self, slo: &Slo) -> (Counts, Option<String>) {
        let ahead = Track::ahead(slo);
        let path = self.path(slo);
        let problem = match std::fs::read(&path) {
            Ok(bytes) => match Counts::decode(&bytes, slo, ahead) {
                Ok(counts) => return (counts, None),
                Err(DecodeError::OtherDefinition) => None,
                Err(error) => Some((error.to_string(), set_aside(&path, &bytes))),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some((error.to_string(), Ok(()))),
        };
        let problem = problem.map(|(error, kept)| {
            let kept =
                kept.map_or_else(|error| format!(", and no copy of it could be kept: {error}"), |()| String::new());
            format!("{}: {error}; counting again from stored data{kept}", path.display())
        });
        (Counts::new(slo, ahead), problem)
    }

    /// Stores the counts of `slo`; gives the number of bytes.
    pub(super) fn save(&self, slo: &Slo, counts: &Counts) -> io::Result<usize> {
        let bytes = counts.encode(slo);
        store::files::replace(&self.path(slo), &bytes)?;
        Ok(bytes.len())
    }

    fn path(&self, slo: &Slo) -> PathBuf {
        self.dir.join(format!("{}.counts", slo.name))
    }
}

fn set_aside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    store::files::replace(&path.with_extension("damaged"), bytes)
}

#[cfg(test)]
mod tests {
    use slo::groups::Group;
    use slo::{Count, Tally};

    use super::*;

    fn slo(service: &str) -> Slo {
        let text = format!("name: a.b\nservice: {service}\nindicator: availability\nobjective: 99\nwindow: 24h\n");
        slo::spec::parse("f.yaml", &text).unwrap().remove(0)
    }

    #[test]
    fn keeps_counts_until_the_slo_counts_differently() {
        let dir = tempfile::tempdir().unwrap();
        let counts = StoredCounts::open(&dir.path().join("counts")).unwrap();
        let (mut loaded, problem) = counts.load(&slo("s"));
        assert!(loaded.all().covered().is_empty() && problem.is_none());
        loaded.extend(7, 9);
        let tally = Tally { groups: vec![Group::All], cells: vec![(0, 7, Count { good: 1, total: 2 })] };
        loaded.add(&tally, &|_| false);
        counts.save(&slo("s"), &loaded).unwrap();
        assert_eq!(counts.load(&slo("s")).0.all().sum(0..10), Count { good: 1, total: 2 });
        let (other, problem) = counts.load(&slo("t"));
        assert!(other.all().covered().is_empty() && problem.is_none());
    }

    #[test]
    fn damaged_counts_are_set_aside_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let counts = StoredCounts::open(dir.path()).unwrap();
        std::fs::write(dir.path().join("a.b.counts"), b"rubbish").unwrap();
        let (loaded, problem) = counts.load(&slo("s"));
        assert!(loaded.all().covered().is_empty());
        assert!(
            problem
                .unwrap()
                .ends_with("a.b.counts: the counts are damaged: not a file of counts; counting again from stored data")
        );
        assert_eq!(std::fs::read(dir.path().join("a.b.damaged")).unwrap(), b"rubbish");
    }
}
