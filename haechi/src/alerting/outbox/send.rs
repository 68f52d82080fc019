//! One request to one receiver, and what its answer means.

use std::error::Error as _;
use std::time::Duration;

use jiff::fmt::rfc2822;
use model::Nanos;
use model::time::SECOND;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, RequestBuilder, StatusCode, Url, redirect};
use slo::status::Exchange;

use super::networks::{check_literal, public_only};
use super::prepare::Post;
use super::shown::{self, Hides, READ};
use super::signature::{ID, SIGNATURE, TIMESTAMP};
use super::{LONGEST_RETRY_AFTER, Receiver};
use crate::alerting::receiver::Networks;

/// As much of an answer as is shown in a line.
const EXCERPT: usize = 300;
/// How long it is waited for what an answer says that is good anyway.
const SAYS: Duration = Duration::from_secs(1);
/// Redirects that are followed.
const REDIRECTS: usize = 3;

/// Receivers and the firewalls before them know Alertmanager's webhooks by this prefix (PagerDuty, Opsgenie and others
/// route by it), and the body is Alertmanager's; the comment says who it is, as browsers do with `Mozilla/5.0 (…)`.
const AGENT: &str = concat!("Alertmanager/0.34.0 (compatible; Haechi/", env!("CARGO_PKG_VERSION"), ")");

/// The HTTP clients of all receivers.
#[derive(Clone)]
pub(in crate::alerting) struct Clients {
    any: Client,
    public: Client,
}

impl Clients {
    /// No proxy from the environment, as in Alertmanager: a proxy would connect to what is not allowed here.
    pub(in crate::alerting) fn new() -> Result<Self, reqwest::Error> {
        let builder = || Client::builder().redirect(redirect::Policy::custom(follow)).no_proxy();
        Ok(Self { any: builder().build()?, public: builder().dns_resolver(public_only()).build()? })
    }

    fn of(&self, networks: Networks) -> &Client {
        match networks {
            Networks::Any => &self.any,
            Networks::Public => &self.public,
        }
    }
}

/// Follows a redirect that sends the same request again to the same host: a receiver must not be able to send alerts
/// elsewhere, and after any other redirect the request would be a GET without them.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let is_same = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let stays = attempt.previous().first().is_some_and(|first| is_same_host(first, attempt.url()));
    if is_same && stays && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// Whether both have the same scheme, host and port, or the second is the first with TLS.
fn is_same_host(first: &Url, second: &Url) -> bool {
    let is_plain = |url: &Url, scheme: &str| url.scheme() == scheme && url.port().is_none();
    let gains_tls = first.host() == second.host() && is_plain(first, "http") && is_plain(second, "https");
    first.origin() == second.origin() || gains_tls
}

/// What a receiver made of a notification.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Delivered(u16),
    Again { error: String, code: Option<u16>, after: Option<Nanos> },
    Final { error: String, code: Option<u16> },
}

/// Sends `post`; `id` is the idempotency key, the same over all attempts.
pub(super) async fn send(
    clients: &Clients,
    receiver: &Receiver,
    post: Post,
    id: &str,
    sent_at: Nanos,
) -> (Answer, Exchange) {
    let mut exchange = Exchange::default();
    let answer = try_send(clients, receiver, post, id, sent_at, &mut exchange).await;
    (answer, exchange)
}

async fn try_send(
    clients: &Clients,
    receiver: &Receiver,
    post: Post,
    id: &str,
    sent_at: Nanos,
    exchange: &mut Exchange,
) -> Answer {
    let (url, secret) = (post.url.clone(), post.secret.clone());
    let hides = Hides { url: receiver.url.is_secret().then_some(&url), secret: secret.as_deref() };
    if let Err(error) = check_literal(&url, receiver.networks) {
        return Answer::Again { error, code: None, after: None };
    }
    let client = clients.of(receiver.networks);
    let request = match request(client, post, id, sent_at).timeout(receiver.timeout).build() {
        Ok(request) => request,
        // The request itself is wrong; it will not get better.
        Err(error) => return Answer::Final { error: chain(&error, receiver), code: None },
    };
    exchange.request_head = format!("POST {}\n{}", receiver.shown(&url), shown::headers(request.headers()));
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    exchange.request_body = hides.secret_of(&shown::text(body, shown::MAX_BODY));
    let response = match client.execute(request).await {
        Ok(response) => response,
        Err(error) => return Answer::Again { error: chain(&error, receiver), code: None, after: None },
    };
    let status = response.status();
    let after = retry_after(response.headers());
    exchange.answer_head = hides.all(&format!("{status}\n{}", shown::headers(response.headers())));
    if status.is_success() {
        // What it says does not matter, and the rest is not read, whatever its length.
        let text = tokio::time::timeout(SAYS, read(response)).await.unwrap_or_default();
        exchange.answer_body = hides.all(&text);
        return Answer::Delivered(status.as_u16());
    }
    exchange.answer_body = hides.all(&read(response).await);
    let code = Some(status.as_u16());
    if status.is_redirection() {
        let error = format!("the receiver answered {status}; only 307 and 308 to the same host are followed");
        return Answer::Final { error, code };
    }
    let line = one_line(&exchange.answer_body);
    let said = if line.is_empty() { String::new() } else { format!(": {line}") };
    let error = format!("the receiver answered {status}{said}");
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::TOO_MANY_REQUESTS {
        Answer::Again { error, code, after }
    } else {
        Answer::Final { error, code }
    }
}

fn request(client: &Client, post: Post, id: &str, sent_at: Nanos) -> RequestBuilder {
    let Post { url, keys, content_type, body, secret: _ } = post;
    let mut request =
        client.post(url).header(CONTENT_TYPE, content_type).header(USER_AGENT, AGENT).header("Idempotency-Key", id);
    if let Some(keys) = keys {
        let seconds = sent_at.div_euclid(SECOND);
        request = request.header(ID, id).header(TIMESTAMP, seconds).header(SIGNATURE, keys.sign(id, seconds, &body));
    }
    request.body(body)
}

/// The pause that a `Retry-After` asks for. A date is taken as of the `Date` of the same answer: both are of the clock of the
/// receiver, which may differ from ours.
fn retry_after(headers: &HeaderMap) -> Option<Nanos> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    // Discord has parts of seconds.
    let number = asked.parse::<f64>().ok().filter(|_| asked.starts_with(|first: char| first.is_ascii_digit()));
    let seconds: Nanos = match number {
        // A cast saturates.
        Some(seconds) => seconds.ceil() as Nanos,
        None => {
            let time = |text| rfc2822::parse(text).ok().map(|time| time.timestamp().as_second());
            time(asked)?.saturating_sub(time(text(DATE)?)?).max(0)
        }
    };
    Some(seconds.saturating_mul(SECOND).min(LONGEST_RETRY_AFTER))
}

/// The beginning of an answer.
async fn read(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < READ {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk[..chunk.len().min(READ - bytes.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The beginning of a text, without breaks.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(EXCERPT).collect()
}

/// The error with its causes; reqwest's own text stops before the one that helps. The URL is left out: it may hold a secret.
fn chain(error: &reqwest::Error, receiver: &Receiver) -> String {
    let mut text = if error.is_timeout() {
        format!("no answer within {} s", receiver.timeout.as_secs())
    } else if error.is_connect() {
        "cannot connect".to_owned()
    } else {
        "the request failed".to_owned()
    };
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
