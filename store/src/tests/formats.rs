//! Data directories with segments that a later version wrote.

use std::fs;

use super::{append, open, seconds};
use crate::Table;

#[test]
fn a_segment_of_an_unknown_layout_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 3);
    store.close();
    drop(store);
    for name in ["manifest", "manifest-copy"] {
        let path = dir.path().join(name);
        let manifest = fs::read(&path).unwrap();
        fs::write(&path, renamed(&manifest, br#""table":"spans","level":0,"layout":"rows""#, b"dots")).unwrap();
    }
    let files = || fs::read_dir(dir.path().join("segments/spans")).unwrap().count();
    let n_files = files();
    for _ in 0..2 {
        let (store, recovery) = open(dir.path());
        let path = dir.path().join("manifest");
        let told = format!("{}: segment 1 of spans has the unknown layout \"dots\"", path.display());
        assert_eq!(recovery.damage, [told]);
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
