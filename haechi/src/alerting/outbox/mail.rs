//! One mail to one server, and what its answer means.

use std::error::Error as _;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use model::Nanos;
use model::time::SECOND;
use slo::status::Exchange;
use xxhash_rust::xxh3::xxh3_64;

use super::Receiver;
use super::networks::resolve;
use super::prepare::Letter;
use super::send::{Answer, one_line};
use super::shown;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Ports of mail that is handed in: with STARTTLS, with TLS from the start (RFC 8314), and between servers.
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;
const RELAY: u16 = 25;

/// An error if `pem` has no certificate.
pub(in crate::alerting) fn check_authorities(pem: &[u8]) -> Result<(), String> {
    certificate(pem).map(drop)
}

fn certificate(pem: &[u8]) -> Result<Certificate, String> {
    let wrong = || "has no certificate in PEM".to_owned();
    if !pem.windows(27).any(|text| text == b"-----BEGIN CERTIFICATE-----") {
        return Err(wrong());
    }
    Certificate::from_pem(pem).map_err(|_| wrong())
}

pub(super) async fn send(receiver: &Receiver, letter: &Letter, key: &str, sent_at: Nanos) -> (Answer, Exchange) {
    let to: Vec<String> = letter.to.iter().map(ToString::to_string).collect();
    let (place, from, to) = (receiver.shown(&letter.url), &letter.from, to.join(", "));
    let head = format!("{place}\nFrom: {from}\nTo: {to}\nSubject: {}\n", letter.subject);
    let request_body = shown::text(letter.text.as_bytes(), shown::MAX_BODY);
    let mut exchange = Exchange { request_head: head, request_body, ..Exchange::default() };
    let answer = try_send(receiver, letter, key, sent_at, &mut exchange).await;
    (answer, exchange)
}

async fn try_send(receiver: &Receiver, letter: &Letter, key: &str, sent_at: Nanos, exchange: &mut Exchange) -> Answer {
    let message = match message(letter, key, sent_at) {
        Ok(message) => message,
        Err(error) => return Answer::Final { error: format!("the mail cannot be written: {error}"), code: None },
    };
    let again = |error: String| Answer::Again { error, code: None, after: None };
    // Names are resolved here, so that the connection goes to an address that was checked.
    let host = letter.url.host_str().unwrap_or_default();
    let port = letter.url.port().unwrap_or(match (letter.url.scheme(), letter.is_plain) {
        ("smtps", _) => SUBMISSIONS,
        (_, true) => RELAY,
        _ => SUBMISSION,
    });
    let talk = async {
        let addresses = resolve(host, port, receiver.networks).await.map_err(again)?;
        let mut failed = again(format!("{host} has no address"));
        for address in addresses {
            let transport =
                transport(letter, host, &address.ip().to_string(), port, receiver.timeout).map_err(again)?;
            match transport.send(message.clone()).await {
                Ok(response) => {
                    let said: Vec<&str> = response.message().collect();
                    exchange.answer_head = format!("{} {}", response.code(), one_line(&said.join(" ")));
                    return Ok(Answer::Delivered(u16::from(response.code())));
                }
                // The next address may be reached; what the server said is what it says.
                Err(error) if error.status().is_none() => failed = again(words(&error)),
                Err(error) => {
                    exchange.answer_head = words(&error);
                    return Ok(refused(&error));
                }
            }
        }
        Ok(failed)
    };
    match tokio::time::timeout(receiver.timeout, talk).await {
        Ok(Ok(answer) | Err(answer)) => answer,
        Err(_) => again(format!("no answer within {} s", receiver.timeout.as_secs())),
    }
}

fn transport(letter: &Letter, host: &str, address: &str, port: u16, timeout: Duration) -> Result<Transport, String> {
    let tls = if letter.is_plain {
        Tls::None
    } else {
        let mut parameters = TlsParameters::builder(host.trim_matches(['[', ']']).to_owned());
        if let Some(pem) = &letter.authorities {
            parameters = parameters.add_root_certificate(certificate(pem)?);
        }
        let parameters = parameters.build_rustls().map_err(|error| words(&error))?;
        if letter.url.scheme() == "smtps" { Tls::Wrapper(parameters) } else { Tls::Required(parameters) }
    };
    let hello = ClientId::Domain(letter.from.email.domain().to_owned());
    let mut builder =
        Transport::builder_dangerous(address).port(port).tls(tls).timeout(Some(timeout)).hello_name(hello);
    if let Some((user, password)) = &letter.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
    }
    Ok(builder.build())
}

/// The mail. Its id is that of the notification, the same over all attempts, so that one that came twice can be told.
fn message(letter: &Letter, key: &str, sent_at: Nanos) -> Result<Message, lettre::error::Error> {
    let domain = letter.from.email.domain();
    let seconds = u64::try_from(sent_at.div_euclid(SECOND)).unwrap_or_default();
    let mut builder = Message::builder()
        .from(letter.from.clone())
        .date(UNIX_EPOCH + Duration::from_secs(seconds))
        .message_id(Some(format!("<{key}@{domain}>")))
        .references(format!("<{:016x}@{domain}>", xxh3_64(letter.thread.as_bytes())))
        .subject(&letter.subject)
        .header(ContentType::TEXT_PLAIN)
        // RFC 3834: nobody's absence is to be told to us.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    for to in &letter.to {
        builder = builder.to(to.clone());
    }
    builder.body(letter.text.clone())
}

/// 4xx passes, 5xx does not (RFC 5321, 4.2.1).
fn refused(error: &lettre::transport::smtp::Error) -> Answer {
    let code = error.status().map(u16::from);
    let text = format!("the server answered: {}", words(error));
    if error.is_permanent() {
        Answer::Final { error: text, code }
    } else {
        Answer::Again { error: text, code, after: None }
    }
}

/// The error with its causes, on one line. lettre quotes what the server said, never what was sent.
fn words(error: &lettre::transport::smtp::Error) -> String {
    // Its own text has its first cause.
    let mut text = error.to_string();
    let mut source = error.source().and_then(std::error::Error::source);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    one_line(&text)
}

#[cfg(test)]
mod tests;
