//! What goes out for a stored notification: the body that its receiver understands, and where it goes. Reads the files of secrets
//! and templates; sends nothing.

use lettre::message::Mailbox;
use model::Nanos;
use reqwest::Url;

use super::Receiver;
use super::signature::Keys;
use crate::alerting::bodies::{Stored, alertmanager, discord, email, pagerduty, slack};
use crate::alerting::receiver::{Email, Kind, Template};

/// Ready to be sent.
pub(super) enum Outgoing {
    Http(Post),
    Mail(Box<Letter>),
}

/// A request.
pub(super) struct Post {
    pub(super) url: Url,
    pub(super) keys: Option<Keys>,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
    /// What is not to be shown of the body, nor of an answer that repeats it.
    pub(super) secret: Option<String>,
}

/// A mail and the server that takes it.
pub(super) struct Letter {
    /// `smtp` takes TLS by STARTTLS, `smtps` from the start.
    pub(super) url: Url,
    pub(super) is_plain: bool,
    /// User and password.
    pub(super) login: Option<(String, String)>,
    /// PEM of certificates that are trusted besides.
    pub(super) authorities: Option<Vec<u8>>,
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    pub(super) subject: String,
    pub(super) text: String,
    /// The same for all notifications of one group, so that programs show them as one thread.
    pub(super) thread: String,
}

/// Why it cannot be sent now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unready {
    /// Files can be mended within the day.
    Again(String),
    /// The notification cannot be read.
    Final(String),
}

/// `stored` is the body of version 4 as it is in the outbox.
pub(super) fn prepare(receiver: &Receiver, stored: Vec<u8>, now: Nanos) -> Result<Outgoing, Unready> {
    let url = receiver.target().map_err(Unready::Again)?;
    let keys = receiver.keys().map_err(Unready::Again)?;
    let content_type = Template::JSON.to_owned();
    let post = |body: Vec<u8>| Post { url: url.clone(), keys, content_type, body, secret: None };
    if receiver.kind == Kind::Webhook(None) {
        return Ok(Outgoing::Http(post(stored)));
    }
    let read = Stored::read(&stored).map_err(Unready::Final)?;
    let json = |value: serde_json::Value| value.to_string().into_bytes();
    let body = match &receiver.kind {
        Kind::Webhook(None) => stored,
        Kind::Webhook(Some(template)) => {
            let body = template.body(&read).map_err(Unready::Again)?;
            let content_type = template.content_type.clone();
            return Ok(Outgoing::Http(Post { content_type, ..post(body) }));
        }
        Kind::Slack => json(slack::body(&read)),
        Kind::Discord => json(discord::body(&read)),
        Kind::PagerDuty { routing_key } => {
            let key = routing_key.read().map_err(Unready::Again)?;
            let body = json(pagerduty::body(&read, &key));
            return Ok(Outgoing::Http(Post { secret: Some(key), ..post(body) }));
        }
        Kind::Alertmanager => json(alertmanager::body(&read, now)),
        Kind::Email(email) => return letter(email, &read, url).map(Outgoing::Mail).map_err(Unready::Again),
    };
    Ok(Outgoing::Http(post(body)))
}

fn letter(email: &Email, stored: &Stored, url: Url) -> Result<Box<Letter>, String> {
    let password = email.login.as_ref().map(|(user, held)| Ok::<_, String>((user.clone(), held.read()?)));
    Ok(Box::new(Letter {
        url,
        is_plain: email.is_plain,
        login: password.transpose()?,
        authorities: email.authorities()?,
        from: email.from.clone(),
        to: email.to.clone(),
        subject: email::subject(stored),
        text: email::body(stored),
        thread: stored.group_key.clone(),
    }))
}
