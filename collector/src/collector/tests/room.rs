//! Who is refused when the store has nearly no room.

use std::net::SocketAddr;
use std::time::Duration;

use http::Request as HttpRequest;

use super::*;

fn peer(host: u8) -> Peer {
    SocketAddr::from(([10, 0, 0, host], 1)).into()
}

/// A request of `n` log records.
fn logs(n: usize, number: u64) -> Bytes {
    let mut log = sample::log(sample::text(
        "noise of a hundred bytes, or a few more than that, so that the body is not small at all",
    ));
    log.observed_time_unix_nano = number;
    Bytes::from(sample::logs(vec![log; n]).encode_to_vec())
}

async fn ingest(collector: &Arc<Collector>, body: Bytes, admission: Admission) -> Result<Reply, Refusal> {
    let sender = Sender::of(&HttpRequest::new(()), Some(Signal::Logs), Some(Protocol::HttpProtobuf));
    let (signal, protocol) = (Signal::Logs, Protocol::HttpProtobuf);
    let envelope = Envelope { signal, protocol, coding: Coding::Identity, sender: &sender };
    collector.ingest(&envelope, body, admission).await
}

async fn send(collector: &Arc<Collector>, peer: Peer, body: Bytes) -> Result<Reply, Refusal> {
    let mut admission = collector.admission(peer)?;
    admission.cover(body.len())?;
    ingest(collector, body, admission).await
}

#[tokio::test]
async fn bodies_that_begin_together_leave_room_for_those_who_send_little() {
    const RECORDS: usize = 5_000;
    let (_dir, store, measured) = collector_over(|dir| StoreConfig::new(dir), Limits::default());
    let body = logs(RECORDS, 0);
    send(&measured, peer(1), body).await.unwrap();
    let of_a_body = store.stats().memory_bytes;

    // Three bodies fit, and nothing is flushed.
    let config = |dir: &Path| StoreConfig {
        max_memory_bytes: 7 * of_a_body / 2,
        flush_bytes: usize::MAX,
        flush_age: Duration::from_secs(3_600),
        ..StoreConfig::new(dir)
    };
    let (_dir, store, collector) = collector_over(config, Limits::default());
    let modest = async |number: u64| send(&collector, peer(2), logs(1, 1_000_000 + number)).await;
    modest(0).await.unwrap();
    // All begin while the store is empty, and then all bodies arrive.
    let mut begun: Vec<_> =
        (0..8).map(|number| (logs(RECORDS, number), collector.admission(peer(1)).unwrap())).collect();
    for (body, admission) in &mut begun {
        admission.cover(body.len()).unwrap();
    }
    let (mut n_taken, mut n_greedy) = (0, 0);
    for (body, admission) in begun {
        match ingest(&collector, body, admission).await {
            Ok(_) => n_taken += 1,
            Err(Refusal::Greedy) => n_greedy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(n_taken > 0 && n_greedy > 0 && n_taken + n_greedy == 8, "{n_taken} taken, {n_greedy} refused");
    for number in 1..100 {
        modest(number).await.unwrap();
    }
    assert!(store.pressure_with(0) <= 1.0, "{}", store.pressure_with(0));
}

#[tokio::test]
async fn a_sender_alone_may_have_all_there_is() {
    let config = |dir: &Path| StoreConfig { max_memory_bytes: 1, ..StoreConfig::new(dir) };
    let (_dir, _store, collector) = collector_over(config, Limits::default());
    send(&collector, peer(1), logs(100, 0)).await.unwrap();
}
