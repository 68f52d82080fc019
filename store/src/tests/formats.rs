//! Data directories of earlier formats, kept as they were written, and of formats unknown.

use std::fs;
use std::path::Path;

use model::TimeRange;

use super::{SECOND, append, open, seconds, trace};
use crate::{Scan, Table};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_directory_of_format_1_is_read_whole_and_written_on() {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v1"), dir.path());
    let old: Vec<i64> = (0..5).chain(7_198..7_202).chain(20_000..20_003).collect();
    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.damage, recovery.segments, recovery.replayed_requests), (vec![], 7, 1));
    for table in [Table::Spans, Table::Logs, Table::Points] {
        assert_eq!(seconds(&store, table), old, "{table:?}");
    }
    let snapshot = store.snapshot();
    let found = snapshot.spans(Scan::new(TimeRange::ALL).trace(trace(7_199))).map(Result::unwrap);
    assert_eq!(found.map(|chunk| chunk.row(0).start / SECOND).collect::<Vec<_>>(), [7_199]);
    let words = Scan::new(TimeRange::ALL).words(vec!["7200".to_owned()]);
    assert!(snapshot.logs(words).map(Result::unwrap).any(|chunk| chunk.body(0) == "order 7200 accepted"));
    assert_eq!(snapshot.series().by_name("orders").len(), 1);
    drop(snapshot);
    append(&store, 30_000, 1);
    store.close();
    drop(store);
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.damage, Vec::<String>::new());
    assert_eq!(seconds(&store, Table::Spans), [old, vec![30_000]].concat());
}

#[test]
fn a_segment_of_an_unknown_layout_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 3);
    store.close();
    drop(store);
    let path = dir.path().join("manifest");
    let manifest = fs::read(&path).unwrap();
    fs::write(&path, renamed(&manifest, br#""table":"spans","level":0,"layout":"rows""#, b"dots")).unwrap();
    let files = || fs::read_dir(dir.path().join("segments/spans")).unwrap().count();
    let n_files = files();
    for _ in 0..2 {
        let (store, recovery) = open(dir.path());
        assert_eq!(recovery.damage, ["segment 1 of spans has the unknown layout \"dots\""]);
        assert_eq!((seconds(&store, Table::Spans), seconds(&store, Table::Logs)), (vec![], vec![0, 1, 2]));
        assert_eq!(files(), n_files);
    }
}

/// `manifest` with `layout` in place of the one that `entry` ends in.
fn renamed(mut manifest: &[u8], entry: &[u8], layout: &[u8; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((length, rest)) = manifest.split_first_chunk::<4>() {
        let (json, rest) = rest[4..].split_at(u32::from_le_bytes(*length) as usize);
        let mut json = json.to_vec();
        if let Some(at) = json.windows(entry.len()).position(|it| it == entry) {
            json[at + entry.len() - 5..][..4].copy_from_slice(layout);
        }
        bytes.extend_from_slice(length);
        bytes.extend_from_slice(&crc32fast::hash(&json).to_le_bytes());
        bytes.extend_from_slice(&json);
        manifest = rest;
    }
    bytes
}
