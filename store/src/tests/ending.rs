//! A store that ends: its last owner lets go of it or closes it, whatever its threads do at that moment, and from then on the
//! directory is free.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::{SECOND, append, check, decode, open};
use crate::files::faults::{How, Op, heal, inject};
use crate::{Recovery, Retention, Store, StoreConfig};

const SLOW: How = How::Slowly(Duration::from_millis(200));

/// Every file of the directory with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { [(path.clone(), fs::read(path).unwrap())].into() })
        .collect()
}

fn is_clean(recovery: &Recovery) {
    assert_eq!((recovery.orphans, &recovery.damage), (0, &Vec::new()));
}

#[test]
fn a_store_dropped_during_a_flush_in_the_background_has_let_go_of_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { flush_bytes: 1, compact_automatically: false, ..StoreConfig::new(dir.path()) };
    let (store, _) = Store::open(config, decode()).unwrap();
    inject(dir.path(), "segments/", Op::Sync, SLOW, 0, 2);
    append(&store, 0, 5);
    while store.shared.frozen().is_none() {
        sleep(Duration::from_millis(1));
    }
    drop(store);
    let (store, recovery) = open(dir.path());
    is_clean(&recovery);
    check(&store, 0..5);
}

#[test]
fn a_store_dropped_during_a_compaction_in_the_background_has_let_go_of_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { retention: Retention::of_age(None), ..StoreConfig::new(dir.path()) };
    let (store, _) = Store::open(config, decode()).unwrap();
    for number in 0..3 {
        append(&store, number, 1);
        store.flush().unwrap();
    }
    inject(dir.path(), "segments/", Op::Write, SLOW, 0, 2);
    store.maintain(100 * 3600 * SECOND);
    sleep(Duration::from_millis(50));
    drop(store);
    heal(dir.path());
    let (store, recovery) = open(dir.path());
    is_clean(&recovery);
    check(&store, 0..3);
}

#[test]
fn a_closed_store_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let hour = 3600 * SECOND;
    let config = StoreConfig { retention: Retention::of_age(Some(hour)), ..StoreConfig::new(dir.path()) };
    let (store, _) = Store::open(config, decode()).unwrap();
    append(&store, 0, 5);
    store.flush().unwrap();
    append(&store, 5, 5);
    store.close();
    let before = files(dir.path());
    store.flush().unwrap();
    store.compact_all().unwrap();
    store.maintain_at(1000 * hour, Duration::from_nanos(1000 * hour as u64));
    store.close();
    let (other, recovery) = Store::open(StoreConfig::new(dir.path()), decode()).unwrap();
    is_clean(&recovery);
    other.close();
    drop(store);
    assert_eq!(files(dir.path()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert_eq!(
        files(&dir.path().join("segments")),
        before.into_iter().filter(|(path, _)| path.starts_with(dir.path().join("segments"))).collect()
    );
    check(&open(dir.path()).0, 0..10);
}
