//! The two files of a manifest as they are found, and what they say together.
//!
//! A publication writes both, and nothing that the state before names is removed until both are durable. So each of two
//! files that differ says a state that holds, and a whole one is all that is needed.

use std::io;
use std::path::{Path, PathBuf};

use super::file::{Decoded, decode};
use super::{FORMAT, ManifestError, Record, State};
use crate::error::ReadError;
use crate::files;

/// The files in the order they are renamed.
pub(super) const NAMES: [&str; 2] = ["manifest", "manifest-copy"];

/// What is wrong with a manifest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    /// Where in the file, and what.
    pub(crate) message: String,
}

impl From<&Damage> for ReadError {
    fn from(damage: &Damage) -> Self {
        ReadError::new(&damage.path, &damage.message)
    }
}

/// What a look for a file found.
pub(super) enum Found {
    Missing,
    Unreadable(io::Error),
    Bytes(Vec<u8>),
}

/// One of the files.
pub(super) struct Copy {
    pub(super) path: PathBuf,
    pub(super) found: Found,
    decoded: Decoded,
    /// The number of its publication; 0 of a file that has none.
    pub(super) publication: u64,
    /// Whether it is all that was written.
    pub(super) whole: bool,
}

impl Copy {
    fn read(path: PathBuf) -> Self {
        let (found, decoded) = match std::fs::read(&path) {
            Ok(bytes) => {
                let decoded = decode(&bytes);
                (Found::Bytes(bytes), decoded)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Found::Missing, Decoded::default()),
            Err(error) => (Found::Unreadable(error), Decoded::default()),
        };
        let publication = decoded.records.iter().filter_map(|record| record.publication).max().unwrap_or(0);
        let mut copy = Copy { path, found, decoded, publication, whole: false };
        let records = || copy.records(publication);
        // The last record names no segment, so that a file without its end is known as such. Format 1 had none.
        let ends = format(records()) == Some(1) || records().last().is_some_and(|last| last.add.is_empty());
        copy.whole = copy.decoded.damage.is_empty() && ends && is_complete(records(), &fold(records()));
        copy
    }

    /// The records of this publication.
    fn records(&self, publication: u64) -> impl DoubleEndedIterator<Item = &Record> + Clone {
        self.decoded.records.iter().filter(move |record| record.publication.unwrap_or(0) == publication)
    }

    /// Adds what is wrong with the file. `newest` is the greatest number of a publication in any file.
    fn tell(&self, newest: u64, damage: &mut Vec<Damage>) {
        let mut wrong = |message: String| damage.push(Damage { path: self.path.clone(), message });
        match &self.found {
            // A crash may have come between the first two names, and older formats had one file.
            Found::Missing if newest <= 1 => {}
            Found::Missing => wrong("is missing".to_owned()),
            Found::Unreadable(error) => wrong(error.to_string()),
            Found::Bytes(_) if self.whole => {}
            Found::Bytes(bytes) if self.decoded.damage.is_empty() => {
                wrong(format!("ends at {} before its last record", bytes.len()));
            }
            Found::Bytes(_) => {
                for (offset, length) in &self.decoded.damage {
                    wrong(format!("{length} bytes at {offset} are no record of the manifest"));
                }
            }
        }
    }

    /// Keeps what is damaged under a name that no earlier one has; by a link where that is possible, which a full disk does not
    /// refuse.
    pub(super) fn keep(&self) -> io::Result<()> {
        let bytes = match &self.found {
            Found::Bytes(bytes) if !self.whole && !bytes.is_empty() => Some(bytes),
            Found::Unreadable(_) => None,
            _ => return Ok(()),
        };
        let mut number = 1;
        let kept = loop {
            let kept = self.path.with_extension(format!("damaged-{number}"));
            if !kept.exists() {
                break kept;
            }
            number += 1;
        };
        match (std::fs::hard_link(&self.path, &kept), bytes) {
            (Ok(()), _) => kept.parent().map_or(Ok(()), files::sync_dir),
            (Err(_), Some(bytes)) => files::replace(&kept, bytes),
            (Err(_), None) => files::rename(&self.path, &kept),
        }
    }
}

/// What the files say together.
pub(crate) struct Loaded {
    pub(crate) state: State,
    /// Whether the state is all that was published. If not, files that it does not name may be segments whose records are lost.
    pub(crate) whole: bool,
    /// What is wrong with the files.
    pub(crate) damage: Vec<Damage>,
    /// The greatest number of a publication in any file.
    pub(super) newest: u64,
    pub(super) copies: [Copy; 2],
}

/// Reads the manifest in `dir`: the whole file of the newest publication, or where there is none, every record of the newest
/// one that either file has. Changes nothing.
pub(super) fn load(dir: &Path) -> Result<Loaded, ManifestError> {
    let copies = NAMES.map(|name| Copy::read(dir.join(name)));
    let newer = copies.iter().filter_map(|copy| format(&copy.decoded.records)).find(|format| *format > FORMAT);
    if let Some(format) = newer {
        return Err(ManifestError::NewerFormat(format));
    }
    if !copies.iter().any(|copy| matches!(copy.found, Found::Bytes(_))) {
        for copy in &copies {
            if let Found::Unreadable(error) = &copy.found {
                return Err(io::Error::new(error.kind(), error.to_string()).into());
            }
        }
    }
    let newest = copies.iter().map(|copy| copy.publication).max().unwrap_or(0);
    let mut damage = Vec::new();
    copies.iter().for_each(|copy| copy.tell(newest, &mut damage));
    let [first, second] = &copies;
    let best = match (first.whole, second.whole) {
        (true, true) if second.publication > first.publication => Some(second),
        (true, _) => Some(first),
        (false, true) => Some(second),
        (false, false) => None,
    };
    if let Some(best) = best {
        let state = fold(best.records(best.publication));
        let same = first.whole && second.whole && first.publication == second.publication;
        if same && fold(second.records(second.publication)) != state {
            let message = format!("says something else than {}, of the same publication", NAMES[0]);
            damage.push(Damage { path: second.path.clone(), message });
        }
        return Ok(Loaded { state, whole: true, damage, newest, copies });
    }
    let records = || first.records(newest).chain(second.records(newest));
    let state = fold(records());
    // Of format 1 nobody knows what damage took.
    let whole = counted(records()) == Some(state.segments.len());
    if let Some(counted) = counted(records()).filter(|counted| *counted > state.segments.len()) {
        let n_lost = counted - state.segments.len();
        let message = format!("the records of {n_lost} of {counted} segments are damaged in every file");
        damage.push(Damage { path: first.path.clone(), message });
    }
    Ok(Loaded { state, whole, damage, newest, copies })
}

fn format<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<u32> {
    records.into_iter().filter_map(|record| record.format).max()
}

fn fold<'a>(records: impl Iterator<Item = &'a Record>) -> State {
    let mut state = State { next_segment: 1, ..State::default() };
    records.for_each(|record| state.apply(record));
    state
}

/// How many segments the records should name.
fn counted<'a>(records: impl DoubleEndedIterator<Item = &'a Record>) -> Option<usize> {
    records.filter_map(|record| record.segments).next_back()
}

/// Whether `state`, the fold of `records`, names all segments that it should.
fn is_complete<'a>(records: impl DoubleEndedIterator<Item = &'a Record> + Clone, state: &State) -> bool {
    // A file of format 1 has no count.
    format(records.clone()) == Some(1) || counted(records) == Some(state.segments.len())
}
