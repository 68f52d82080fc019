//! Receivers that behave badly beside one that does not.

use axum::body::Body;
use futures::stream;

use super::*;

/// A server that takes connections and does `with` each.
async fn raw<F: Future<Output = ()> + Send>(
    with: impl Fn(tokio::net::TcpStream) -> F + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let with = Arc::new(with);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let with = Arc::clone(&with);
            tokio::spawn(async move { with(stream).await });
        }
    });
    url
}

/// A server that answers with the status and 10 MiB.
async fn long(status: Status) -> String {
    let piece = |_| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1024]));
    let answer = move || async move { (status, Body::from_stream(stream::iter((0..10_240).map(piece)))) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

/// Each has notifications of three SLOs; the good one gets all of its own, whatever becomes of the others.
#[tokio::test]
async fn a_good_receiver_is_not_held_up_by_bad_ones() {
    let (good, good_url) = stub(&[(200, None)]).await;
    let (_failing, failing_url) = stub(&[(500, None)]).await;
    let (_busy, busy_url) = stub(&[(429, Some("3600"))]).await;
    let table = [
        ("good", good_url),
        ("fails", failing_url),
        ("is busy", busy_url),
        ("hangs", raw(|stream| async move { drop((stream, std::future::pending::<()>().await)) }).await),
        ("drops", raw(|stream| async move { drop(stream) }).await),
        ("long", long(Status::OK).await),
        ("long error", long(Status::BAD_GATEWAY).await),
    ];
    let dir = tempfile::tempdir().unwrap();
    let state = Arc::new(State::open(dir.path()).unwrap().0);
    let each = |name: &str| ["x", "y", "z"].map(|slo| NewEntry { receiver: name.to_owned(), ..entry(slo, slo) });
    let entries = table.iter().flat_map(|(name, _)| each(name)).collect();
    state.commit(Commit { entries, ..Commit::default() }, 0).unwrap();
    let clients = Clients::new().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for (name, url) in &table {
        let receiver = Receiver { timeout: Duration::from_secs(1), ..Receiver::new(name, url) };
        tasks.spawn(deliver(receiver, Arc::clone(&state), clients.clone(), Arc::new(|| 0)));
    }
    // Each has had its attempts: the clock stands, so none is made a second time.
    let mut changes = state.changes();
    while state.delivery(&[]).attempts.len() < 3 * table.len() {
        changes.changed().await.unwrap();
    }
    tasks.abort_all();
    let attempts = state.delivery(&[]).attempts;
    let of = |name: &str| -> Vec<String> {
        let own = attempts.iter().filter(|attempt| attempt.receiver == name);
        own.map(|attempt| match &attempt.outcome {
            AttemptOutcome::Delivered(code) => format!("delivered {code}"),
            AttemptOutcome::Retried { next, code, .. } => {
                let wait = if *next == HOUR { " in an hour" } else { " soon" };
                format!("again {}{wait}", code.unwrap_or(0))
            }
            AttemptOutcome::Silenced => "silenced".to_owned(),
            AttemptOutcome::GivenUp { error, .. } => error.clone(),
        })
        .collect()
    };
    assert_eq!(good.got.lock().unwrap().len(), 3);
    let expected = [
        ("good", "delivered 200"),
        ("fails", "again 500 soon"),
        ("is busy", "again 429 in an hour"),
        ("hangs", "again 0 soon"),
        ("drops", "again 0 soon"),
        ("long", "delivered 200"),
        ("long error", "again 502 soon"),
    ];
    for (name, outcome) in expected {
        assert_eq!(of(name), [outcome; 3], "{name}");
    }
    // What is kept of 10 MiB is not much.
    for attempt in attempts.iter().filter(|attempt| attempt.receiver.starts_with("long")) {
        assert!(state.exchange(attempt.exchange).unwrap().answer_body.len() <= 2048);
    }
    assert_eq!(state.delivery(&[]).pending, 15);
}
