use std::sync::Arc;

use super::{append, open};
use crate::{News, Store};

/// The seconds of the new spans; `None` when it is not known which are new.
fn spans(news: &mut News) -> Option<Vec<i64>> {
    let chunks = news.take_spans()?;
    let seconds = chunks.iter().flat_map(|chunk| (0..chunk.len()).map(|row| chunk.start(row) / 1_000_000_000));
    Some(seconds.collect())
}

fn news(store: &Arc<Store>) -> Option<Vec<i64>> {
    spans(&mut store.news())
}

#[test]
fn every_row_is_in_the_news_once_whatever_is_merged_repeated_or_flushed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 3);
    // The first look knows nothing of before.
    assert_eq!(news(&store), None);
    let (mut next, mut seen) = (3, Vec::new());
    for round in 0..60_u64 {
        for _ in 0..round % 4 {
            append(&store, next, 7);
            next += 7;
        }
        append(&store, 0, 3);
        if round % 5 == 1 {
            store.flush().unwrap();
        }
        seen.extend(news(&store).unwrap());
    }
    assert_eq!(seen, (3..next as i64).collect::<Vec<_>>());
    assert_eq!(news(&store), Some(Vec::new()));
}

#[test]
fn the_news_are_those_of_the_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store.news();
    append(&store, 10, 5);
    let mut news = store.news();
    append(&store, 20, 5);
    let scan = crate::Scan::new(model::TimeRange::ALL);
    let stored: usize = news.snapshot.spans(scan).map(|chunk| chunk.unwrap().len()).sum();
    assert_eq!((stored, spans(&mut news).unwrap().len()), (5, 5));
    assert_eq!(news.take_logs().unwrap().iter().map(|chunk| chunk.len()).sum::<usize>(), 5);
}

#[test]
fn what_is_flushed_twice_before_a_look_is_not_known() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store.news();
    append(&store, 0, 5);
    store.flush().unwrap();
    append(&store, 5, 5);
    assert_eq!(news(&store), Some((0..10).collect()));
    append(&store, 10, 5);
    store.flush().unwrap();
    append(&store, 15, 5);
    store.flush().unwrap();
    assert_eq!(news(&store), None);
    append(&store, 20, 5);
    assert_eq!(news(&store), Some((20..25).collect()));
}
