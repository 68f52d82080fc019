//! Crashes at bad moments, flipped bits, missing files: what can be read is there, the rest is named, nothing is deleted.

mod counts;
mod every_file;

use std::fs;
use std::path::Path;

use super::{append, check, decode, half_flushed, open, seconds};
use crate::{DamageKind, Scan, Store, StoreConfig, Table, inspect};
use model::TimeRange;

#[test]
fn a_log_of_a_newer_version_is_refused_and_a_damaged_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 1);
    drop(store);
    let path = dir.path().join("wal/000000000001.wal");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 9;
    let crc = crc32fast::hash(&bytes[..36]);
    let newer = [&bytes[..36], &crc.to_le_bytes(), &bytes[40..]].concat();
    fs::write(&path, &newer).unwrap();
    let error = Store::open(StoreConfig::new(dir.path()), decode()).err().unwrap().to_string();
    assert!(error.contains("000000000001.wal has format version 9"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), newer);
    fs::write(&path, &bytes).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.damage, [format!("{}: 40 bytes at 0 are no header of the log", path.display())]);
    check(&store, 0..1);
}

#[test]
fn a_damaged_header_of_a_log_file_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..3 {
        append(&open(dir.path()).0, number, 1);
    }
    let path = |number: u64| dir.path().join(format!("wal/{number:012}.wal"));
    let whole = fs::read(path(2)).unwrap();
    for at in [0, 4096] {
        let mut bytes = whole.clone();
        bytes[at..at + 40].fill(0xff);
        fs::write(path(2), &bytes).unwrap();
        let (store, recovery) = open(dir.path());
        assert_eq!(recovery.damage, [format!("{}: 40 bytes at {at} are no header of the log", path(2).display())]);
        check(&store, 0..3);
    }
    // Without both, the file is lost, and no other.
    let mut bytes = whole.clone();
    bytes[..4136].fill(0xff);
    fs::write(path(2), &bytes).unwrap();
    let (store, recovery) = open(dir.path());
    assert!(recovery.damage[0].contains("bytes at 0 are no header"), "{:?}", recovery.damage);
    assert_eq!(seconds(&store, Table::Logs), [0, 2]);
}

#[test]
fn the_numbers_of_a_log_file_that_cannot_be_read_are_not_given_out_again() {
    for unread in [1, 2, 3] {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..3 {
            append(&open(dir.path()).0, number, 1);
        }
        let path = dir.path().join(format!("wal/{unread:012}.wal"));
        let hidden = dir.path().join("hidden");
        fs::copy(&path, &hidden).unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let (store, recovery) = open(dir.path());
        assert_eq!(recovery.damage.len(), 1, "{:?}", recovery.damage);
        let aside = path.with_extension("wal-unread");
        assert!(
            recovery.damage[0].ends_with(&format!("it is set aside as {}", aside.display())),
            "{:?}",
            recovery.damage
        );
        let left: Vec<i64> = (0..3).filter(|number| *number != unread - 1).collect();
        assert_eq!(seconds(&store, Table::Logs), left);
        append(&store, 3, 1);
        drop(store);
        // It can be read again, and nothing was flushed since: nothing is missing, nothing is there twice.
        fs::remove_dir(&aside).unwrap();
        fs::copy(&hidden, &aside).unwrap();
        let (store, _) = open(dir.path());
        check(&store, 0..4);
        assert!(!aside.exists() && path.is_file());
    }
}

#[test]
fn a_log_file_that_could_not_be_read_is_kept_when_later_requests_are_in_segments() {
    let dir = tempfile::tempdir().unwrap();
    append(&open(dir.path()).0, 0, 1);
    let path = dir.path().join("wal/000000000001.wal");
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let (store, _) = open(dir.path());
    append(&store, 1, 1);
    store.close();
    drop(store);
    let aside = path.with_extension("wal-unread");
    fs::remove_dir(&aside).unwrap();
    fs::write(&aside, &bytes).unwrap();
    let (store, recovery) = open(dir.path());
    check(&store, 1..2);
    append(&store, 2, 1);
    store.close();
    assert!(fs::read(&aside).unwrap() == bytes);
    let told = format!("{}: {}", aside.display(), crate::wal::SET_ASIDE);
    assert_eq!(recovery.damage, [told], "each start says so");
}

#[test]
fn hashes_saved_before_a_flush_that_was_never_published_hide_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 5);
    drop(store);
    let manifests = ["manifest", "manifest-copy"].map(|name| dir.path().join(name));
    let old = manifests.each_ref().map(|path| fs::read(path).unwrap());
    let (store, _) = open(dir.path());
    let log = fs::read(dir.path().join("wal/000000000001.wal")).unwrap();
    store.close();
    drop(store);
    // As a crash leaves it between the hashes and the manifest.
    manifests.iter().zip(old).for_each(|(path, old)| fs::write(path, old).unwrap());
    fs::write(dir.path().join("wal/000000000001.wal"), log).unwrap();
    let (store, recovery) = open(dir.path());
    check(&store, 0..5);
    assert_eq!((recovery.replayed_requests, recovery.orphans > 0), (1, true));
    assert!(append(&store, 0, 5));
}

#[test]
fn a_file_of_the_manifest_that_cannot_be_read_is_set_aside_and_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 5);
    store.flush().unwrap();
    drop(store);
    for name in ["manifest", "manifest-copy"] {
        let path = dir.path().join(name);
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let (store, recovery) = open(dir.path());
        assert!(recovery.damage[0].starts_with(path.to_str().unwrap()), "{:?}", recovery.damage);
        assert!(recovery.damage[0].contains("Is a directory"), "{:?}", recovery.damage);
        check(&store, 0..5);
        drop(store);
        assert!(path.with_extension("damaged-1").is_dir());
        assert_eq!(fs::read(&path).unwrap(), whole, "it is written anew");
        assert_eq!(open(dir.path()).1.damage, Vec::<String>::new());
    }
}

#[test]
fn without_any_manifest_no_segment_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 5);
    store.close();
    drop(store);
    let n_files = walk(&dir.path().join("segments"));
    ["manifest", "manifest-copy"].iter().for_each(|name| fs::remove_file(dir.path().join(name)).unwrap());
    let (_store, recovery) = open(dir.path());
    assert!(recovery.damage[0].contains("segment files that the manifest does not name"), "{:?}", recovery.damage);
    assert_eq!(walk(&dir.path().join("segments")), n_files);
}

/// The number of files below `dir`.
fn walk(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}

#[test]
fn a_log_file_with_damage_outlives_flushes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 5);
    drop(store);
    let path = dir.path().join("wal/000000000001.wal");
    let mut bytes = fs::read(&path).unwrap();
    bytes[15] ^= 1; // of the salt, …
    bytes[4096 + 15] ^= 1; // … in both places
    fs::write(&path, &bytes).unwrap();
    let (store, recovery) = open(dir.path());
    let [header, lost] = recovery.damage.as_slice() else { panic!("{:?}", recovery.damage) };
    assert!(header.contains("000000000001.wal") && header.ends_with("are no header of the log"), "{header}");
    assert!(lost.ends_with("requests 1 to 1 were acknowledged and are not in the log"), "{lost}");
    append(&store, 9, 1);
    store.close();
    assert!(fs::read(&path).unwrap() == bytes);
}

#[test]
fn an_orphan_of_a_cut_flush_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 1);
    store.close();
    drop(store);
    let orphan = dir.path().join("segments/spans/000000009999.parquet");
    fs::write(&orphan, b"half").unwrap();
    let (_store, recovery) = open(dir.path());
    assert_eq!(recovery.orphans, 1);
    assert!(!orphan.exists());
}

#[test]
fn the_lost_end_of_a_log_file_is_named_when_another_follows() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let (store, _) = open(dir.path());
        append(&store, number, 1);
    }
    // Each start begins a file: one is emptied, one is gone.
    let path = |number: u64| dir.path().join(format!("wal/{number:012}.wal"));
    let bytes = fs::read(path(2)).unwrap();
    fs::write(path(2), &bytes[..4136]).unwrap();
    fs::remove_file(path(4)).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!(seconds(&store, Table::Spans), [0, 2, 4, 5]);
    let expected = |first: u64, file: u64| {
        let path = path(file);
        format!("{}: requests {first} to {first} should be in the log before this file and are not", path.display())
    };
    assert_eq!(recovery.damage, [expected(2, 3), expected(4, 5)]);
}

#[test]
fn a_check_names_the_requests_of_a_first_log_file_that_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let (store, _) = open(dir.path());
        append(&store, number, 1);
    }
    let path = |number: u64| dir.path().join(format!("wal/{number:012}.wal"));
    assert_eq!(inspect::verify(dir.path(), false).unwrap().findings, []);
    fs::remove_file(path(1)).unwrap();
    let message = "requests 1 to 1 are missing before request 2".to_owned();
    let findings = inspect::verify(dir.path(), false).unwrap().findings;
    assert_eq!(findings, [inspect::Finding { path: path(2), message }]);
    // What is in segments is not missed.
    let (store, _) = open(dir.path());
    store.flush().unwrap();
    append(&store, 3, 1);
    assert_eq!(inspect::verify(dir.path(), false).unwrap().findings, []);
}

#[test]
fn a_log_file_renamed_to_be_used_again_and_never_begun_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 1);
    append(&store, 1, 1);
    drop(store);
    fs::copy(dir.path().join("wal/000000000001.wal"), dir.path().join("wal/000000000002.wal")).unwrap();
    let (store, recovery) = open(dir.path());
    check(&store, 0..2);
    assert_eq!(recovery.damage, Vec::<String>::new());
}

#[test]
fn damage_is_counted_by_kind_at_the_start_and_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    half_flushed(dir.path());
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[20] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let file = |table: &str, suffix: &str| {
        let paths = fs::read_dir(dir.path().join("segments").join(table)).unwrap().map(|it| it.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|it| it == suffix)).min().unwrap()
    };
    let (log, spans) = (dir.path().join("wal/000000000001.wal"), file("spans", "parquet"));
    [&dir.path().join("manifest-copy"), &log, &spans].into_iter().for_each(|path| flip(path));
    // The parity of the spans is damaged where they are; that of the log records is not.
    [file("spans", "repair"), file("logs", "parquet")].iter().for_each(|path| flip(path));
    let (store, recovery) = open(dir.path());
    let counts = |store: &Store| DamageKind::ALL.map(|kind| (kind.name(), store.stats().damage.counts[kind as usize]));
    let expected = |segment, restored| {
        let count = |name: &str| match name {
            "manifest" | "log" => 1,
            "segment" => segment,
            "restored" => restored,
            _ => 0,
        };
        DamageKind::ALL.map(|kind| (kind.name(), count(kind.name()))).to_vec()
    };
    assert_eq!((recovery.damage.len(), counts(&store).to_vec(), store.n_damaged()), (2, expected(0, 0), (2, 0)));
    for _ in 0..3 {
        let errors = store.snapshot().spans(Scan::new(TimeRange::ALL)).filter_map(Result::err);
        assert_eq!(errors.map(|error| error.path).collect::<Vec<_>>(), [spans.as_path()]);
        assert_eq!((counts(&store).to_vec(), store.n_damaged()), (expected(1, 0), (3, 0)), "a place counts once");
    }
    let places = store.stats().damage.places;
    assert_eq!(
        places.iter().map(|it| it.kind).collect::<Vec<_>>(),
        [DamageKind::Segment, DamageKind::Log, DamageKind::Manifest]
    );
    assert!(places[0].path == spans && places[0].offset == Some(0), "{places:?}");
    for _ in 0..3 {
        check_logs(&store, 0..10);
        assert_eq!((counts(&store).to_vec(), store.n_damaged()), (expected(1, 1), (3, 1)));
    }
}

fn check_logs(store: &Store, expected: std::ops::Range<i64>) {
    assert_eq!(seconds(store, Table::Logs), expected.collect::<Vec<_>>());
}
