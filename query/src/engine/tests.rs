//! The engine under load, slow queries and callers who leave.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use model::TimeRange;
use store::{Scan, Table};

use crate::QueryError;
use crate::testing::{TestSpan, TestStore};

use super::{Engine, EngineConfig};

fn engine(store: &TestStore, config: EngineConfig) -> Engine {
    Engine::new(store.store.clone(), config).unwrap()
}

#[tokio::test]
async fn a_query_sees_what_was_stored_before_it() {
    let mut store = TestStore::new();
    let engine = engine(&store, EngineConfig::default());
    assert_eq!(engine.run(|snapshot, _| Ok(snapshot.n_rows(Table::Spans))).await, Ok(0));
    let store = tokio::task::spawn_blocking(move || {
        store.add_spans(&[TestSpan::new(1, 1, 1)]);
        store
    });
    let _store = store.await.unwrap();
    let chunks = engine.run(|snapshot, _| Ok(snapshot.spans(Scan::new(TimeRange::ALL)).count())).await;
    assert_eq!(chunks, Ok(1));
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_no_thread() {
    let store = TestStore::new();
    let engine = engine(&store, EngineConfig { threads: 1, ..EngineConfig::default() });
    let failed = engine.run::<(), _>(|_, _| panic!("row 7 is odd")).await;
    assert_eq!(failed, Err(QueryError::Internal("row 7 is odd".to_owned())));
    assert_eq!(engine.run(|_, _| Ok(1)).await, Ok(1));
}

#[tokio::test]
async fn a_deep_recursion_fits_the_stack() {
    fn depth(n: u64) -> u64 {
        let frame = std::hint::black_box([n; 64]);
        if n == 0 { frame[0] } else { depth(n - 1) + frame[63] - n + 1 }
    }
    let store = TestStore::new();
    let engine = engine(&store, EngineConfig::default());
    // More than the 2 MiB that threads have by default.
    assert_eq!(engine.run(|_, _| Ok(depth(8_000))).await, Ok(8_000));
}

#[tokio::test]
async fn a_slow_query_is_told_and_may_answer_with_what_it_has() {
    let store = TestStore::new();
    let engine = engine(&store, EngineConfig { deadline: Duration::from_millis(20), ..EngineConfig::default() });
    let partial = engine.run(|_, budget| {
        while !budget.is_out_of_time()? {
            thread::sleep(Duration::from_millis(1));
        }
        Ok("half")
    });
    assert_eq!(partial.await, Ok("half"));
    let strict = engine.run::<(), _>(|_, budget| {
        loop {
            budget.check()?;
            thread::sleep(Duration::from_millis(1));
        }
    });
    assert_eq!(strict.await, Err(QueryError::Timeout));
}

#[tokio::test]
async fn dropping_the_future_cancels_the_query() {
    let store = TestStore::new();
    let engine = engine(&store, EngineConfig { threads: 1, ..EngineConfig::default() });
    let (told, ended) = channel();
    let query = engine.run::<(), _>(move |_, budget| {
        loop {
            if let Err(error) = budget.check() {
                told.send(error.clone()).unwrap();
                return Err(error);
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
    assert!(tokio::time::timeout(Duration::from_millis(20), query).await.is_err());
    assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Ok(QueryError::Cancelled));
}

#[tokio::test]
async fn one_query_too_many_is_refused_at_once() {
    let store = TestStore::new();
    let engine = engine(&store, EngineConfig { threads: 1, queue: 1, ..EngineConfig::default() });
    let (started, has_started) = channel();
    let (release, wait) = channel::<()>();
    let running = engine.run(move |_, _| {
        started.send(()).unwrap();
        wait.recv().unwrap();
        Ok(1)
    });
    let waiting = engine.run(|_, _| Ok(2));
    let refused = async {
        tokio::task::yield_now().await;
        has_started.recv_timeout(Duration::from_secs(10)).unwrap();
        // One runs; one more may wait, and a third may not.
        let mut results = Vec::new();
        for _ in 0..3 {
            let query = engine.run(|_, _| Ok(3));
            results.push(tokio::time::timeout(Duration::from_millis(5), query).await);
        }
        release.send(()).unwrap();
        results
    };
    let (first, second, results) = tokio::join!(running, waiting, refused);
    assert_eq!(first, Ok(1));
    assert!(matches!(second, Ok(2) | Err(QueryError::Overloaded)), "{second:?}");
    assert!(results.iter().any(|result| matches!(result, Ok(Err(QueryError::Overloaded)))), "{results:?}");
}
