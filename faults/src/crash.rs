//! What a power cut may leave of files: a disk that keeps what was synced, and of the rest whatever it likes.
//!
//! The rules are POSIX' and harsher than those of any file system in use. Of a file, what was written before its last sync
//! is there; of later writes any sectors may be, and the length may have grown or not. Of a folder, the names as of
//! its last sync are there, and later changes of names up to any of them. That a file's own sync makes its name durable, or that
//! one folder's names come before another's, is not assumed.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rand::Rng;
use rand::rngs::StdRng;

use crate::recording::Event;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

type NodeId = usize;

/// A change of a file that no sync has made durable.
#[derive(Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize(usize),
}

/// A change of the names in a folder: names that go, then one that comes.
#[derive(Clone)]
struct Renaming {
    gone: Option<OsString>,
    there: Option<(OsString, NodeId)>,
}

enum Node {
    File { durable: Vec<u8>, pending: Vec<Change> },
    Folder { durable: BTreeMap<OsString, NodeId>, pending: Vec<Renaming> },
}

/// The files below one folder, as a process has changed them so far.
pub struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    by_inode: HashMap<u64, NodeId>,
    /// What the process sees.
    live: BTreeMap<PathBuf, NodeId>,
}

/// A recording does not fit what was recorded before.
fn unfit(event: &Event) -> io::Error {
    let shown: String = format!("{event:?}").chars().take(200).collect();
    io::Error::other(format!("the recording has a gap before {shown}"))
}

impl Disk {
    /// A disk on which the folder `root`, of this inode number, is empty and durable.
    pub fn new(root: impl Into<PathBuf>, inode: u64) -> Self {
        let root = root.into();
        let live = BTreeMap::from([(root.clone(), 0)]);
        let nodes = vec![Node::Folder { durable: BTreeMap::new(), pending: Vec::new() }];
        Disk { root, nodes, by_inode: HashMap::from([(inode, 0)]), live }
    }

    /// Carries out what was recorded. An error says that something before it was not.
    pub fn apply(&mut self, event: &Event) -> io::Result<()> {
        self.try_apply(event).ok_or_else(|| unfit(event))
    }

    fn try_apply(&mut self, event: &Event) -> Option<()> {
        match event {
            Event::Mark(_) => {}
            Event::Open { inode, truncate, path } => {
                let node = match self.live.get(path) {
                    Some(node) => *node,
                    None => self.create(path, Node::File { durable: Vec::new(), pending: Vec::new() })?,
                };
                self.by_inode.insert(*inode, node);
                if *truncate {
                    self.change(*inode, Change::Resize(0))?;
                }
            }
            Event::MakeFolder { inode, path } => {
                let node = self.create(path, Node::Folder { durable: BTreeMap::new(), pending: Vec::new() })?;
                self.by_inode.insert(*inode, node);
            }
            Event::Write { inode, offset, bytes } => {
                self.change(*inode, Change::Write { offset: *offset, bytes: bytes.clone() })?;
            }
            Event::Resize { inode, length } => self.change(*inode, Change::Resize(*length))?,
            Event::Allocate { inode, length } => {
                if *length > self.content(*inode)?.len() {
                    self.change(*inode, Change::Resize(*length))?;
                }
            }
            Event::Sync { inode } => self.sync(*inode)?,
            Event::Rename { from, to } => {
                // Between folders it would change two lists at once; nothing here does that.
                if from.parent() != to.parent() {
                    return None;
                }
                let node = self.live.remove(from)?;
                self.live.insert(to.clone(), node);
                let there = Some((to.file_name()?.to_owned(), node));
                self.rename_in(to.parent()?, Renaming { gone: Some(from.file_name()?.to_owned()), there })?;
            }
            Event::Link { from, to } => {
                let node = *self.live.get(from)?;
                self.live.insert(to.clone(), node);
                self.rename_in(to.parent()?, Renaming { gone: None, there: Some((to.file_name()?.to_owned(), node)) })?;
            }
            Event::Remove { path } => {
                self.live.remove(path)?;
                self.rename_in(path.parent()?, Renaming { gone: Some(path.file_name()?.to_owned()), there: None })?;
            }
        }
        Some(())
    }

    fn create(&mut self, path: &Path, node: Node) -> Option<NodeId> {
        let id = self.nodes.len();
        self.nodes.push(node);
        self.live.insert(path.to_owned(), id);
        self.rename_in(path.parent()?, Renaming { gone: None, there: Some((path.file_name()?.to_owned(), id)) })?;
        Some(id)
    }

    fn rename_in(&mut self, folder: &Path, renaming: Renaming) -> Option<()> {
        let id = *self.live.get(folder)?;
        let Node::Folder { pending, .. } = &mut self.nodes[id] else { return None };
        pending.push(renaming);
        Some(())
    }

    fn change(&mut self, inode: u64, change: Change) -> Option<()> {
        let id = *self.by_inode.get(&inode)?;
        let Node::File { pending, .. } = &mut self.nodes[id] else { return None };
        pending.push(change);
        Some(())
    }

    fn content(&self, inode: u64) -> Option<Vec<u8>> {
        match &self.nodes[*self.by_inode.get(&inode)?] {
            Node::File { durable, pending } => Some(all_of(durable, pending)),
            Node::Folder { .. } => None,
        }
    }

    fn sync(&mut self, inode: u64) -> Option<()> {
        let id = *self.by_inode.get(&inode)?;
        match &mut self.nodes[id] {
            Node::File { durable, pending } => {
                *durable = all_of(durable, pending);
                pending.clear();
            }
            Node::Folder { durable, pending } => {
                pending.drain(..).for_each(|renaming| rename(durable, renaming));
            }
        }
        Some(())
    }

    /// Writes what the process sees to the empty folder `into`.
    pub fn write_live(&self, into: &Path) -> io::Result<()> {
        for (path, node) in &self.live {
            let below = path.strip_prefix(&self.root).map_err(io::Error::other)?;
            match &self.nodes[*node] {
                Node::Folder { .. } => fs::create_dir_all(into.join(below))?,
                Node::File { durable, pending } => fs::write(into.join(below), all_of(durable, pending))?,
            }
        }
        Ok(())
    }

    /// Writes to the empty folder `into` what a power cut at this moment may leave.
    pub fn write_crashed(&self, into: &Path, random: &mut StdRng) -> io::Result<()> {
        // Files with several names must have one content.
        let mut contents = HashMap::new();
        self.write_crashed_folder(0, into, random, &mut contents)
    }

    fn write_crashed_folder(
        &self,
        id: NodeId,
        into: &Path,
        random: &mut StdRng,
        contents: &mut HashMap<NodeId, Vec<u8>>,
    ) -> io::Result<()> {
        fs::create_dir_all(into)?;
        let Node::Folder { durable, pending } = &self.nodes[id] else { return Ok(()) };
        let mut names = durable.clone();
        let kept = amount(random, pending.len());
        pending[..kept].iter().for_each(|renaming| rename(&mut names, renaming.clone()));
        for (name, node) in names {
            match &self.nodes[node] {
                Node::Folder { .. } => self.write_crashed_folder(node, &into.join(name), random, contents)?,
                Node::File { durable, pending } => {
                    let content = contents.entry(node).or_insert_with(|| crashed(durable, pending, random));
                    fs::write(into.join(name), content)?;
                }
            }
        }
        Ok(())
    }
}

/// None, all, or any number up to `all`, a third each.
fn amount(random: &mut StdRng, all: usize) -> usize {
    match random.random_range(0..3) {
        0 => 0,
        1 => all,
        _ => random.random_range(0..=all),
    }
}

fn rename(names: &mut BTreeMap<OsString, NodeId>, renaming: Renaming) {
    if let Some(gone) = renaming.gone {
        names.remove(&gone);
    }
    if let Some((name, node)) = renaming.there {
        names.insert(name, node);
    }
}

fn overwrite(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if content.len() < offset + bytes.len() {
        content.resize(offset + bytes.len(), 0);
    }
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn all_of(durable: &[u8], pending: &[Change]) -> Vec<u8> {
    let mut content = durable.to_vec();
    for change in pending {
        match change {
            Change::Write { offset, bytes } => overwrite(&mut content, *offset, bytes),
            Change::Resize(length) => content.resize(*length, 0),
        }
    }
    content
}

/// What is left of a file: all that was synced, and of each later write some sectors. A change of length that was lost
/// takes the later changes with it, since they went to places that only the new length names.
fn crashed(durable: &[u8], pending: &[Change], random: &mut StdRng) -> Vec<u8> {
    let mut content = durable.to_vec();
    if pending.is_empty() {
        return content;
    }
    let kept = [0.0, 0.5, 1.0][random.random_range(0..3)];
    let mut longest = 0;
    for change in pending {
        match change {
            Change::Resize(length) if random.random_bool(kept) => {
                content.resize(*length, 0);
                longest = 0;
            }
            Change::Resize(_) => break,
            Change::Write { offset, bytes } => {
                longest = longest.max(offset + bytes.len());
                let mut at = *offset;
                while at < offset + bytes.len() {
                    let end = ((at / SECTOR + 1) * SECTOR).min(offset + bytes.len());
                    if random.random_bool(kept) {
                        overwrite(&mut content, at, &bytes[at - offset..end - offset]);
                    }
                    at = end;
                }
            }
        }
    }
    // The length may be durable although the bytes are not: zeros are read then.
    if longest > content.len() && random.random_bool(0.5) {
        content.resize(longest, 0);
    }
    content
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::*;

    /// The states that a hundred power cuts leave, each as the files' names and contents.
    fn states(events: &[Event]) -> BTreeSet<Vec<(String, String)>> {
        let mut disk = Disk::new("/d", 1);
        events.iter().for_each(|event| disk.apply(event).unwrap());
        let mut random = StdRng::seed_from_u64(7);
        let state = |_| {
            let dir = tempfile::tempdir().unwrap();
            disk.write_crashed(dir.path(), &mut random).unwrap();
            let files = fs::read_dir(dir.path()).unwrap().map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, String::from_utf8(fs::read(path).unwrap()).unwrap().replace('\0', "0"))
            });
            let mut files: Vec<_> = files.collect();
            files.sort();
            files
        };
        (0..100).map(state).collect()
    }

    fn open(inode: u64, name: &str) -> Event {
        Event::Open { inode, truncate: true, path: Path::new("/d").join(name) }
    }

    fn write(inode: u64, text: &str) -> Event {
        Event::Write { inode, offset: 0, bytes: text.into() }
    }

    const ROOT: Event = Event::Sync { inode: 1 };

    fn set(states: &[&[(&str, &str)]]) -> BTreeSet<Vec<(String, String)>> {
        let state = |files: &&[(&str, &str)]| files.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        states.iter().map(state).collect()
    }

    #[test]
    fn only_what_is_synced_is_sure_to_be_there() {
        let (file, text, sync) = (open(2, "a"), write(2, "xy"), Event::Sync { inode: 2 });
        let unsynced = [file.clone(), text.clone()];
        assert_eq!(states(&unsynced), set(&[&[], &[("a", "")], &[("a", "00")], &[("a", "xy")]]));
        let named = [file.clone(), text.clone(), ROOT];
        assert_eq!(states(&named), set(&[&[("a", "")], &[("a", "00")], &[("a", "xy")]]));
        let written = [file.clone(), text.clone(), sync.clone()];
        assert_eq!(states(&written), set(&[&[], &[("a", "xy")]]));
        assert_eq!(states(&[file, text, sync, ROOT]), set(&[&[("a", "xy")]]));
    }

    #[test]
    fn a_rename_is_there_whole_or_not_at_all() {
        let rename = Event::Rename { from: "/d/b".into(), to: "/d/a".into() };
        let sync = |inode| Event::Sync { inode };
        let replaced = [open(2, "a"), write(2, "old"), sync(2), open(3, "b"), write(3, "new"), sync(3), ROOT, rename];
        assert_eq!(states(&replaced), set(&[&[("a", "old"), ("b", "new")], &[("a", "new")]]));
    }

    #[test]
    fn a_write_may_be_torn_between_sectors_only() {
        let bytes = vec![b'x'; 3 * SECTOR];
        let torn = [open(2, "a"), Event::Sync { inode: 2 }, ROOT, Event::Write { inode: 2, offset: 0, bytes }];
        let states = states(&torn);
        assert!(states.len() > 6, "{}", states.len());
        for state in states {
            let sectors: Vec<&[u8]> = state[0].1.as_bytes().chunks(SECTOR).collect();
            assert!(sectors.iter().all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        }
    }

    #[test]
    fn a_gap_is_an_error() {
        let mut disk = Disk::new("/d", 1);
        assert!(disk.apply(&write(9, "x")).is_err());
        assert!(disk.apply(&Event::Rename { from: "/d/x".into(), to: "/d/y".into() }).is_err());
        assert!(disk.apply(&Event::Remove { path: "/d/x".into() }).is_err());
    }
}
