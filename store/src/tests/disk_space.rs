//! A disk that fills up: requests are refused while there is still room for what frees space, and everything goes on by itself.

use std::time::Duration;

use super::{append, check, half_flushed, open, open_with, seconds, try_append};
use crate::files::Space;
use crate::files::faults::{How, Op, heal, inject, pretend_space};
use crate::{AppendError, DiskState, Retention, StoreConfig, Table};

const GIB: u64 = 1 << 30;

/// Longer than a look at the file system is good for.
fn wait_for_a_look() {
    std::thread::sleep(Duration::from_millis(1100));
}

#[test]
fn a_full_disk_refuses_requests_and_nothing_else_and_heals() {
    let dir = tempfile::tempdir().unwrap();
    pretend_space(dir.path(), Space { free: 9 * GIB, total: 10 * GIB });
    let (store, _) = open(dir.path());
    append(&store, 0, 5);
    pretend_space(dir.path(), Space { free: GIB / 8, total: 10 * GIB });
    wait_for_a_look();
    assert_eq!(store.stats().disk.state, DiskState::Full);
    let refused = try_append(&store, 5, 5).unwrap_err();
    assert_eq!(refused, AppendError::Full { free: GIB / 8, reserve: GIB / 4 });
    assert!(refused.to_string().starts_with("the disk is nearly full: 128 MiB are free and 256 MiB must stay free"));
    check(&store, 0..5);
    store.flush().unwrap();
    check(&store, 0..5);
    pretend_space(dir.path(), Space { free: GIB / 2, total: 10 * GIB });
    wait_for_a_look();
    append(&store, 5, 5);
    assert_eq!(store.stats().disk.state, DiskState::Low);
    drop(store);
    check(&open(dir.path()).0, 0..10);
}

#[test]
fn a_store_opens_on_a_full_disk_and_answers() {
    let dir = tempfile::tempdir().unwrap();
    half_flushed(dir.path());
    // A torn record, which asks for the manifest to be written anew.
    let path = dir.path().join("manifest");
    let mut torn = std::fs::read(&path).unwrap();
    torn.extend_from_slice(b"torn");
    std::fs::write(&path, &torn).unwrap();
    pretend_space(dir.path(), Space { free: 0, total: 10 * GIB });
    inject(dir.path(), "", Op::Write, How::Error(std::io::ErrorKind::StorageFull), 0, usize::MAX);
    let (store, _) = open(dir.path());
    check(&store, 0..10);
    assert!(matches!(try_append(&store, 10, 1), Err(AppendError::Full { free: 0, .. })));
    assert!(store.flush().is_err());
    assert_eq!(std::fs::read(&path).unwrap(), torn);
    heal(dir.path());
    pretend_space(dir.path(), Space { free: 9 * GIB, total: 10 * GIB });
    wait_for_a_look();
    append(&store, 10, 1);
    store.flush().unwrap();
    assert_eq!(std::fs::read(dir.path().join("manifest.damaged-1")).unwrap(), torn);
    drop(store);
    check(&open(dir.path()).0, 0..11);
}

#[test]
fn a_retention_on_a_full_disk_takes_the_space_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { max_bytes: Some(1), ..Retention::default() };
    let (store, _) = open_with(StoreConfig { retention, ..StoreConfig::new(dir.path()) });
    append(&store, 0, 5);
    store.flush().unwrap();
    assert!(dir.path().join("reserve").exists());
    inject(dir.path(), "manifest", Op::Write, How::Error(std::io::ErrorKind::StorageFull), 0, 2);
    pretend_space(dir.path(), Space { free: 0, total: 10 * GIB });
    wait_for_a_look();
    store.maintain_at(60, Duration::ZERO);
    assert_eq!(seconds(&store, Table::Logs), Vec::<i64>::new());
    assert!(!dir.path().join("reserve").exists());
    pretend_space(dir.path(), Space { free: 9 * GIB, total: 10 * GIB });
    wait_for_a_look();
    store.maintain_at(61, Duration::from_secs(1));
    assert!(dir.path().join("reserve").exists(), "it is set aside again");
}

#[test]
fn a_disk_with_little_space_compacts_only_what_was_flushed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_with(StoreConfig { compact_automatically: false, ..StoreConfig::new(dir.path()) });
    let segments = || store.stats().tables.iter().find(|table| table.table == Table::Logs).map_or(0, |it| it.segments);
    let flush = |numbers: std::ops::Range<u64>| {
        for number in numbers {
            append(&store, number, 1);
            store.flush().unwrap();
        }
    };
    flush(0..4);
    pretend_space(dir.path(), Space { free: GIB / 8, total: 10 * GIB });
    wait_for_a_look();
    store.compact_all().unwrap();
    assert_eq!(segments(), 4, "a full disk compacts nothing");
    pretend_space(dir.path(), Space { free: GIB / 2, total: 10 * GIB });
    wait_for_a_look();
    store.compact_all().unwrap();
    assert_eq!(segments(), 1);
    let disk = &store.shared.disk;
    assert!(disk.allows_compaction(1000, true) && !disk.allows_compaction(1000, false));
    assert!(!disk.allows_compaction(GIB, true), "its output may not fit");
    check(&store, 0..4);
}
