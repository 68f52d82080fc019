//! A disk that fails: what is refused is refused in a way that is worth a retry, nothing acknowledged is lost, nothing comes
//! twice, and the store goes on by itself once the disk does.

use std::fs;
use std::io::ErrorKind::{Other, StorageFull};

use super::{append, check, half_flushed, open, seconds, try_append};
use crate::files::faults::{How, Op, heal, inject};
use crate::{AppendError, Table};

#[test]
fn a_failed_sync_refuses_the_group_and_the_next_request_goes_to_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 1);
    inject(dir.path(), "wal/", Op::Sync, How::Error(Other), 0, 1);
    assert!(matches!(try_append(&store, 1, 1), Err(AppendError::Disk(_))));
    append(&store, 2, 1);
    assert_eq!(seconds(&store, Table::Spans), [0, 2]);
    let given_up = fs::read(dir.path().join("wal/000000000001.wal")).unwrap();
    append(&store, 3, 1);
    assert_eq!(fs::read(dir.path().join("wal/000000000001.wal")).unwrap(), given_up);
    drop(store);
    // The refused request is whole in the file given up, and does not come back.
    let (store, recovery) = open(dir.path());
    assert_eq!(seconds(&store, Table::Spans), [0, 2, 3]);
    assert_eq!(recovery.damage, Vec::<String>::new());
    assert!(!append(&store, 1, 1));
    drop(store);
    check(&open(dir.path()).0, 0..4);
}

#[test]
fn a_disk_that_fails_for_a_while_costs_no_acknowledged_request() {
    for (op, how) in [(Op::Sync, Other), (Op::Write, StorageFull)] {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open(dir.path());
        append(&store, 0, 1);
        inject(dir.path(), "wal", op, How::Error(how), 0, usize::MAX);
        for _ in 0..3 {
            assert!(matches!(try_append(&store, 1, 1), Err(AppendError::Disk(_))));
        }
        assert_eq!(seconds(&store, Table::Logs), [0]);
        heal(dir.path());
        (1..4).for_each(|number| assert!(!append(&store, number, 1)));
        check(&store, 0..4);
        drop(store);
        let (store, recovery) = open(dir.path());
        check(&store, 0..4);
        assert_eq!(recovery.damage, Vec::<String>::new());
    }
}

#[test]
fn room_for_the_record_but_not_for_zeros_after_it_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    // Of the four writes of a first record: the header, twice, the record, the zeros.
    inject(dir.path(), "wal/", Op::Write, How::Error(StorageFull), 3, 1);
    append(&store, 0, 1);
    append(&store, 1, 1);
    drop(store);
    check(&open(dir.path()).0, 0..2);
}

#[test]
fn a_panic_of_the_committer_costs_its_requests_and_not_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 1);
    inject(dir.path(), "wal/", Op::Write, How::Panic, 0, 1);
    assert_eq!(try_append(&store, 1, 1), Err(AppendError::Failed));
    append(&store, 1, 2);
    inject(dir.path(), "wal/", Op::Sync, How::Panic, 0, 2); // of the record and of the next file's header
    assert_eq!(try_append(&store, 3, 1), Err(AppendError::Failed));
    append(&store, 3, 1);
    check(&store, 0..4);
    store.flush().unwrap();
    append(&store, 4, 1);
    drop(store);
    let (store, recovery) = open(dir.path());
    check(&store, 0..5);
    assert_eq!(recovery.damage, Vec::<String>::new());
}

#[test]
fn a_flush_that_fails_keeps_the_rows_and_is_repeated() {
    for (part, op) in [("segments/", Op::Write), ("segments/", Op::Sync), ("manifest", Op::Sync), ("dedup", Op::Write)]
    {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open(dir.path());
        append(&store, 0, 5);
        inject(dir.path(), part, op, How::Error(StorageFull), 0, usize::MAX);
        assert!(store.flush().is_err(), "{part}");
        check(&store, 0..5);
        append(&store, 5, 5);
        heal(dir.path());
        store.flush().unwrap();
        store.flush().unwrap();
        check(&store, 0..10);
        assert_eq!(store.stats().memory_rows, 0);
        drop(store);
        check(&open(dir.path()).0, 0..10);
    }
}

#[test]
fn a_store_opens_on_a_disk_that_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    half_flushed(dir.path());
    inject(dir.path(), "", Op::Write, How::Error(StorageFull), 0, usize::MAX);
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.damage, Vec::<String>::new());
    check(&store, 0..10);
    assert!(matches!(try_append(&store, 10, 1), Err(AppendError::Disk(_))));
    heal(dir.path());
    append(&store, 10, 1);
    check(&store, 0..11);
}
