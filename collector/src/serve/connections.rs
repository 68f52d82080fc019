//! The open connections of all listeners: no more than there may be, and when there is no room, who has least right to stay goes.
//!
//! A thousand clients that send a byte now and then would otherwise keep everybody out for as long as they like.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// How long a connection may take to its first answer before it has to make room for another.
const TO_FIRST_ANSWER: Duration = Duration::from_secs(1);
/// How long a connection may be idle between requests before it has to make room for another.
const BETWEEN_REQUESTS: Duration = Duration::from_secs(10);

/// All open connections.
pub(crate) struct Connections {
    limit: usize,
    open: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    next: u64,
    /// Closed to make room.
    displaced: u64,
    by_number: HashMap<u64, Arc<Open>>,
}

/// One open connection.
pub(super) struct Open {
    since: Instant,
    last_answer: Mutex<Option<Instant>>,
    in_progress: AtomicUsize,
    /// The body of a request has come whole.
    has_whole_request: AtomicBool,
    is_http2: AtomicBool,
    must_go: Notify,
}

/// The place of a connection; given back on drop.
pub(super) struct Place {
    all: Arc<Connections>,
    number: u64,
    pub(super) connection: Arc<Open>,
}

impl Connections {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Connections { limit, open: Mutex::default() })
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.registry().by_number.len()
    }

    /// How many were closed to make room for others.
    pub(crate) fn displaced(&self) -> u64 {
        self.registry().displaced
    }

    /// A place for a new connection; `None` when all are taken by connections that are in use.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut registry = self.registry();
        if registry.by_number.len() >= self.limit {
            let now = Instant::now();
            let rights = registry.by_number.iter().filter_map(|(number, it)| Some((it.right(now)?, *number)));
            let (_, number) = rights.min()?;
            if let Some(least) = registry.by_number.remove(&number) {
                least.must_go.notify_one();
                registry.displaced += 1;
            }
        }
        let number = registry.next;
        registry.next += 1;
        let connection = Arc::new(Open {
            since: Instant::now(),
            last_answer: Mutex::new(None),
            in_progress: AtomicUsize::new(0),
            has_whole_request: AtomicBool::new(false),
            is_http2: AtomicBool::new(false),
            must_go: Notify::new(),
        });
        registry.by_number.insert(number, Arc::clone(&connection));
        Some(Place { all: Arc::clone(self), number, connection })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.registry().by_number.remove(&self.number);
    }
}

/// A request of a connection. A client that resets its stream drops the request unanswered, which must not leave the connection
/// in use for ever.
pub(super) struct InProgress(Arc<Open>);

impl InProgress {
    pub(super) fn answered(self) {
        *self.0.last_answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Open {
    /// How much right to stay a connection has that could go: first go those that have never been answered, oldest first, then those
    /// that have been idle longest. `None` when it is in use: whoever has sent a request whole, once, waits for us.
    fn right(&self, now: Instant) -> Option<(bool, Instant)> {
        let last_answer = *self.last_answer.lock().unwrap_or_else(PoisonError::into_inner);
        let has_sent = last_answer.is_some() || self.has_whole_request.load(Ordering::Relaxed);
        let (patience, since) = match last_answer {
            _ if has_sent && self.in_progress.load(Ordering::Relaxed) > 0 => return None,
            None => (TO_FIRST_ANSWER, self.since),
            Some(last) => (BETWEEN_REQUESTS, last),
        };
        (now.duration_since(since) > patience).then_some((last_answer.is_some(), since))
    }

    /// Ready when the connection has to go.
    pub(super) async fn told_to_go(&self) {
        self.must_go.notified().await;
    }

    /// Notes a request, which is in progress until what is returned is dropped.
    pub(super) fn begins(self: &Arc<Self>, is_http2: bool) -> InProgress {
        self.is_http2.store(is_http2, Ordering::Relaxed);
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        InProgress(Arc::clone(self))
    }

    /// `body`, whose end is noted.
    pub(super) fn watch<B>(self: &Arc<Self>, body: B) -> Watched<B> {
        Watched { body, connection: Arc::clone(self) }
    }

    pub(super) fn is_http2(&self) -> bool {
        self.is_http2.load(Ordering::Relaxed)
    }
}

/// A request body that tells its connection when it has come whole.
pub(super) struct Watched<B> {
    body: B,
    connection: Arc<Open>,
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() {
            self.connection.has_whole_request.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[test]
    fn a_request_that_is_dropped_unanswered_leaves_its_connection_idle() {
        let all = Connections::new(1);
        let place = all.admit().unwrap();
        place.connection.begins(true).answered();
        drop(place.connection.begins(true));
        let in_use = place.connection.begins(true);
        let later = Instant::now() + 2 * BETWEEN_REQUESTS;
        assert!(place.connection.right(later).is_none(), "a request is in progress");
        drop(in_use);
        assert!(place.connection.right(later).is_some(), "none is");
        assert!(all.admit().is_none(), "but it was answered just now");
    }

    #[tokio::test]
    async fn a_first_request_that_has_come_whole_is_waited_for_as_long_as_it_takes() {
        let all = Connections::new(1);
        let place = all.admit().unwrap();
        let request = place.connection.begins(false);
        let later = Instant::now() + 2 * TO_FIRST_ANSWER;
        let mut body = place.connection.watch(Full::new(Bytes::from_static(b"all of it")));
        assert!(body.frame().await.is_some());
        assert!(place.connection.right(later).is_some(), "more of it might come");
        assert!(body.frame().await.is_none());
        assert!(place.connection.right(later).is_none(), "it is being answered");
        drop(request);
        assert!(place.connection.right(later).is_some(), "its client reset it");
    }
}
