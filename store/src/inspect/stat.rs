//! What a data directory holds, and what takes its space.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use model::Nanos;

use super::Directory;
use crate::chunk::Ids;
use crate::error::{OpenError, ReadError};
use crate::schema::Table;

/// What of [`Stat::others`] is segments that a damaged manifest does not name any more.
const UNNAMED: &str = "segments that the manifest does not name";

/// What a data directory holds. Rows that are in the log only are not counted.
#[derive(Clone, Debug)]
pub struct Stat {
    /// By table and level; those without segments are left out.
    pub levels: Vec<LevelStat>,
    /// Distinct series.
    pub series: usize,
    /// Bytes of what is no segment, by name: the log, the manifest, what is set aside.
    pub others: Vec<(String, u64)>,
    /// What could not be read.
    pub damage: Vec<ReadError>,
}

/// The segments of one table and level.
#[derive(Clone, Debug)]
pub struct LevelStat {
    pub table: Table,
    /// 0 of what flushes wrote, 1 of what compactions wrote.
    pub level: u8,
    pub segments: usize,
    pub rows: u64,
    pub bytes: u64,
    /// Of the rows; both included.
    pub times: (Nanos, Nanos),
    /// What the bytes are: columns by name, `(footer)`, `(parity)`, `(bloom filter)`, `(text index)`, `(times)`, `(summary)`; the largest first.
    pub parts: Vec<(String, u64)>,
}

/// Reads the manifest and the footers of the data directory `dir`, and the ids of its series. Of segments that a damaged manifest
/// does not name any more, the bytes are told.
///
/// # Errors
/// When `dir` is no data directory, or of a newer format.
pub fn stat(dir: &Path) -> Result<Stat, OpenError> {
    let directory = Directory::open(dir)?;
    let mut damage: Vec<ReadError> = directory.damage.iter().map(ReadError::from).collect();
    let mut levels: BTreeMap<(Table, u8), (LevelStat, BTreeMap<String, u64>)> = BTreeMap::new();
    let mut series = HashSet::new();
    for entry in directory.state.segments.values() {
        let segment = match directory.segment(entry) {
            Ok((segment, _)) => segment,
            Err(error) => {
                damage.push(ReadError::new(dir.join("manifest"), format!("segment {}: {error}", entry.id)));
                continue;
            }
        };
        let table = segment.table();
        let (level, parts) = levels.entry((table, entry.level)).or_insert_with(|| {
            let (level, times) = (entry.level, segment.times());
            let empty = LevelStat { table, level, segments: 0, rows: 0, bytes: 0, times, parts: Vec::new() };
            (empty, BTreeMap::new())
        });
        level.segments += 1;
        level.rows += entry.rows;
        level.bytes += entry.files.iter().map(|file| file.bytes).sum::<u64>();
        level.times = (level.times.0.min(entry.min_time), level.times.1.max(entry.max_time));
        let mut add = |name: &str, bytes: u64| *parts.entry(name.to_owned()).or_default() += bytes;
        for file in &entry.files {
            match Path::new(&file.path).extension().and_then(|it| it.to_str()) {
                Some("bloom") => add("(bloom filter)", file.bytes),
                Some("text") => add("(text index)", file.bytes),
                Some("repair" | "footer") => add("(parity)", file.bytes),
                Some("summary") => add("(summary)", file.bytes),
                Some("times") => add("(times)", file.bytes),
                _ => match segment.column_bytes() {
                    Ok(columns) => {
                        let rows: u64 = columns.iter().map(|(_, bytes)| bytes).sum();
                        columns.iter().for_each(|(name, bytes)| add(name, *bytes));
                        add("(footer)", file.bytes.saturating_sub(rows));
                    }
                    Err(_) if !directory.still_has(entry.id) => {}
                    Err(error) => damage.push(error),
                },
            }
        }
        if table == Table::Series {
            for group in 0..segment.row_groups().map_or(0, |groups| groups.len()) {
                let batch = segment.read(group, &Some(vec!["series"]), None, Vec::new());
                let Ok(Some(batch)) = batch else { continue };
                let ids = Ids::<16>::of(&batch, "series");
                series.extend((0..batch.num_rows()).filter_map(|row| ids.get(row)));
            }
        }
    }
    let levels = levels.into_values().map(|(mut level, parts)| {
        level.parts = parts.into_iter().collect();
        level.parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        level
    });
    Ok(Stat { levels: levels.collect(), series: series.len(), others: others(&directory), damage })
}

/// Files and folders beside the segments that count, with their bytes.
fn others(directory: &Directory) -> Vec<(String, u64)> {
    let dir = &directory.dir;
    let mut others = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "segments" {
            others.push((name, bytes_below(&entry.path())));
        }
    }
    let lost = bytes_below(&dir.join("segments").join("lost"));
    if lost > 0 {
        others.push(("segments/lost".to_owned(), lost));
    }
    if !directory.whole {
        let entries = directory.state.segments.values();
        let named: u64 = entries.flat_map(|entry| &entry.files).map(|file| bytes_below(&dir.join(&file.path))).sum();
        let all = bytes_below(&dir.join("segments"));
        others.push((UNNAMED.to_owned(), all.saturating_sub(lost + named)));
    }
    others.sort();
    others
}

/// The bytes of the file at `path`, or of all files below the folder.
fn bytes_below(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| bytes_below(&entry.path())).sum()
}
