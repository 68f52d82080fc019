//! `/connect/events`: the ladder as server-sent events, again whenever something has happened.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use askama::Template;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;

use super::ladder::Ladder;
use crate::app::App;

/// Streams at once; a page beyond them asks now and then.
const MAX_STREAMS: usize = 32;
/// How often is looked whether there is news.
const LOOK: Duration = Duration::from_millis(300);
/// Without news the ladder is drawn again after so many looks: it says how long ago things were.
const AGAIN: u32 = 33;
/// A stream ends after so many looks, about ten minutes. The browser then asks for another.
const LAST: u32 = 2_000;

/// Counts one stream for as long as it is there.
struct Stream {
    app: App,
    service: String,
    n_looks: u32,
    since_drawn: u32,
    version: u64,
    drawn: String,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.app.n_streams.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn answer(app: App, service: String) -> Response {
    if app.n_streams.fetch_add(1, Ordering::Relaxed) >= MAX_STREAMS {
        app.n_streams.fetch_sub(1, Ordering::Relaxed);
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages watch the ladder at once\n").into_response();
    }
    // Any version but the current one: the first look draws.
    let version = (app.state.attempts_version)().wrapping_sub(1);
    let stream = Stream { app, service, n_looks: 0, since_drawn: 0, version, drawn: String::new() };
    let body = Body::from_stream(stream::unfold(stream, |mut stream| async move {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    }));
    ([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

impl Stream {
    /// The next event; `None` when the stream is to end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.n_looks > 0 {
                tokio::time::sleep(LOOK).await;
            }
            self.n_looks += 1;
            self.since_drawn += 1;
            if self.n_looks > LAST || (self.app.state.stopping)() {
                return None;
            }
            let version = (self.app.state.attempts_version)();
            if version == self.version && self.since_drawn < AGAIN {
                continue;
            }
            (self.version, self.since_drawn) = (version, 0);
            let html = Ladder::new(&self.app, &self.service).await.render().ok()?;
            if html != self.drawn {
                let event = event(&html);
                self.drawn = html;
                return Some(event);
            }
        }
    }
}

/// A carriage return would end a line of the stream as well.
fn event(html: &str) -> String {
    let mut event = String::from("event: ladder\n");
    for line in html.replace('\r', " ").lines() {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_event() {
        assert_eq!(event("<ol>\r\ndata: x\n</ol>"), "event: ladder\ndata: <ol> \ndata: data: x\ndata: </ol>\n\n");
        assert_eq!(event("a\rb"), "event: ladder\ndata: a b\n\n");
    }
}
