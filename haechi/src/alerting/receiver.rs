//! Who is told of alerts, and where the secrets that this takes are kept.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use model::Nanos;
use reqwest::Url;

use super::bodies::{self, Stored, alertmanager, pagerduty, template};
use super::outbox::signature::Keys;

/// Who is told of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// Unique; the field `receiver` of the payload.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Where it is: `http://` or `https://`, of mail `smtp://` or `smtps://`.
    pub(crate) url: Held,
    /// The keys that its requests are signed with, one a line; `None` signs nothing.
    pub(crate) secret: Option<Held>,
    /// Whether it is told of resolved alerts too.
    pub(crate) send_resolved: bool,
    /// A receiver that has not answered by then counts as failed.
    pub(crate) timeout: Duration,
    pub(crate) networks: Networks,
}

/// What a receiver understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Alertmanager's body of version 4, or one that a template makes.
    Webhook(Option<Template>),
    /// Slack's incoming webhooks, and what takes the same.
    Slack,
    Discord,
    /// Events API v2.
    PagerDuty {
        routing_key: Held,
    },
    /// The API by which Prometheus tells it of alerts.
    Alertmanager,
    Email(Box<Email>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) file: PathBuf,
    pub(crate) content_type: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email {
    pub(crate) from: Mailbox,
    /// At least one.
    pub(crate) to: Vec<Mailbox>,
    /// The user and where the password is.
    pub(crate) login: Option<(String, Held)>,
    /// Certificates, in PEM, that are trusted besides those of the system.
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether it is sent without TLS; never with a password.
    pub(crate) is_plain: bool,
}

/// Where requests to a receiver may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Networks {
    Any,
    /// To globally reachable addresses only.
    Public,
}

/// A text, or where it is kept. What is kept elsewhere is a secret: it is read for each request, so that it can be
/// changed without a restart, and is in no error, log or page.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Held {
    Text(String),
    File(PathBuf),
    Variable(String),
}

/// As much of a file as is read for a secret.
const MAX_BYTES: u64 = 16 << 10;

impl Receiver {
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

    /// A receiver at `url` with the defaults for the rest.
    pub(crate) fn new(name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Webhook(None),
            url: Held::Text(url.to_owned()),
            secret: None,
            send_resolved: true,
            timeout: Self::TIMEOUT,
            networks: Networks::Any,
        }
    }

    /// Where its requests go. The error is a sentence without the address.
    pub(super) fn target(&self) -> Result<Url, String> {
        let text = self.url.read()?;
        let schemes = self.kind.schemes();
        let url = Url::parse(&text).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_host());
        let mut url = url.ok_or_else(|| {
            let allowed = format!("is not an address that starts with {}:// or {}://", schemes[0], schemes[1]);
            match &self.url {
                Held::Text(text) => format!("\"{text}\" {allowed}"),
                held => format!("{held} {allowed}"),
            }
        })?;
        let path = url.path().trim_end_matches('/');
        if self.kind == Kind::Alertmanager && !path.ends_with(alertmanager::PATH) {
            url.set_path(&format!("{path}{}", alertmanager::PATH));
        }
        Ok(url)
    }

    /// Its address as it can be shown: of chats, where nothing more is needed to write there, up to the host.
    pub(super) fn shown(&self, url: &Url) -> String {
        if self.url.is_secret() {
            return format!("({})", self.url);
        }
        let place = url.host_str().unwrap_or_default();
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        let path = match self.kind {
            Kind::Slack | Kind::Discord => "/…",
            _ => url.path(),
        };
        let query = if url.query().is_some() { "?…" } else { "" };
        format!("{}://{place}{port}{path}{query}", url.scheme())
    }

    /// What its requests are signed with. The error is a sentence without the secret.
    pub(super) fn keys(&self) -> Result<Option<Keys>, String> {
        let Some(secret) = &self.secret else { return Ok(None) };
        Keys::parse(&secret.read()?).map(Some).map_err(|error| format!("{secret} {error}"))
    }

    /// An error if anything of it cannot be used: the key, and a sentence. `now` is the time of a sample that a template is tried
    /// with.
    pub(crate) fn check(&self, now: Nanos) -> Result<(), (String, String)> {
        let of = |name: &str, held: &Held| {
            let key = format!("{name}{}", held.ending());
            move |error| (key, error)
        };
        let url = self.target().map_err(of("url", &self.url))?;
        super::outbox::networks::check_literal(&url, self.networks).map_err(of("url", &self.url))?;
        if let Some(secret) = &self.secret {
            self.keys().map_err(of("secret", secret))?;
        }
        match &self.kind {
            Kind::Webhook(Some(template)) => {
                template.check(&self.name, now).map_err(|error| ("template_file".to_owned(), error))
            }
            Kind::PagerDuty { routing_key } => routing_key.read().map(drop).map_err(of("routing_key", routing_key)),
            Kind::Email(email) => email.check(),
            Kind::Webhook(None) | Kind::Slack | Kind::Discord | Kind::Alertmanager => Ok(()),
        }
    }
}

impl Kind {
    /// The word for it in a file.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Kind::Webhook(_) => "webhook",
            Kind::Slack => "slack",
            Kind::Discord => "discord",
            Kind::PagerDuty { .. } => "pagerduty",
            Kind::Alertmanager => "alertmanager",
            Kind::Email(_) => "email",
        }
    }

    /// Those that addresses of it may have.
    fn schemes(&self) -> [&'static str; 2] {
        schemes(self.name())
    }

    /// The address that needs not be said.
    pub(crate) fn usual_url(&self) -> Option<&'static str> {
        match self {
            Kind::PagerDuty { .. } => Some(pagerduty::URL),
            _ => None,
        }
    }
}

/// The schemes that addresses of a kind may have, by its name.
pub(crate) fn schemes(kind: &str) -> [&'static str; 2] {
    if kind == "email" { ["smtp", "smtps"] } else { ["http", "https"] }
}

impl Template {
    pub(crate) const JSON: &str = "application/json";

    /// The body of a notification by the template as its file is now.
    pub(super) fn body(&self, stored: &Stored) -> Result<Vec<u8>, String> {
        let text = template::read(&self.file)?;
        let is_json = self.content_type.split(';').next().is_some_and(|kind| {
            let kind = kind.trim();
            kind.eq_ignore_ascii_case(Self::JSON) || kind.to_ascii_lowercase().ends_with("+json")
        });
        template::body(&text, is_json, stored).map_err(|error| format!("{}: {error}", self.file.display()))
    }

    /// An error if a firing or a resolved alert cannot be written by it.
    fn check(&self, receiver: &str, now: Nanos) -> Result<(), String> {
        [true, false].into_iter().try_for_each(|is_firing| {
            let stored = Stored::read(&bodies::sample(receiver, "http://localhost", is_firing, now))?;
            self.body(&stored).map(drop)
        })
    }
}

impl Email {
    fn check(&self) -> Result<(), (String, String)> {
        if let Some((_, password)) = &self.login {
            password.read().map_err(|error| (format!("password{}", password.ending()), error))?;
        }
        self.authorities().map(drop).map_err(|error| ("ca_file".to_owned(), error))
    }

    /// The PEM of what is trusted besides.
    pub(super) fn authorities(&self) -> Result<Option<Vec<u8>>, String> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let pem = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        super::outbox::mail::check_authorities(&pem).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Some(pem))
    }
}

impl Held {
    /// The text, without white space around it.
    pub(super) fn read(&self) -> Result<String, String> {
        use std::io::Read as _;
        let text = match self {
            Held::Text(text) => text.clone(),
            Held::File(path) => {
                let mut text = String::new();
                let read = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
                read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                text
            }
            Held::Variable(name) => {
                std::env::var(name).map_err(|_| format!("the variable {name} is not set to a text"))?
            }
        };
        match text.trim() {
            "" => Err(format!("{self} is empty")),
            text => Ok(text.to_owned()),
        }
    }

    /// The ending of the key that says it in a file.
    pub(crate) fn ending(&self) -> &'static str {
        match self {
            Held::Text(_) => "",
            Held::File(_) => "_file",
            Held::Variable(_) => "_env",
        }
    }

    /// The value of that key.
    pub(crate) fn value(&self) -> String {
        match self {
            Held::Text(text) | Held::Variable(text) => text.clone(),
            Held::File(path) => path.display().to_string(),
        }
    }

    pub(super) fn is_secret(&self) -> bool {
        !matches!(self, Held::Text(_))
    }
}

/// What it is, for errors: never the text itself.
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Held::Text(_) => f.write_str("the value"),
            Held::File(path) => write!(f, "the content of {}", path.display()),
            Held::Variable(name) => write!(f, "the value of the variable {name}"),
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_in_a_file_is_in_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("url");
        let receiver = Receiver { url: Held::File(path.clone()), ..Receiver::new("a", "") };
        let place = path.display();
        let table = [
            (None, format!("cannot read {place}: No such file or directory (os error 2)")),
            (Some("\n"), format!("the content of {place} is empty")),
            (
                Some("hooks.example/T0KEN"),
                format!("the content of {place} is not an address that starts with http:// or https://"),
            ),
            (
                Some("file:///T0KEN"),
                format!("the content of {place} is not an address that starts with http:// or https://"),
            ),
        ];
        for (content, expected) in table {
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            assert_eq!(receiver.check(0).unwrap_err(), ("url_file".to_owned(), expected));
        }
        std::fs::write(&path, " https://hooks.example/T0KEN\n").unwrap();
        assert_eq!(receiver.target().unwrap().as_str(), "https://hooks.example/T0KEN");
        assert!(!format!("{receiver:?}").contains("T0KEN"));
        assert!(!format!("{:?}", Receiver::new("a", "https://hooks.example/T0KEN")).contains("T0KEN"));

        let secret = dir.path().join("secret");
        let receiver = Receiver { secret: Some(Held::File(secret.clone())), ..receiver };
        std::fs::write(&secret, "hunter2").unwrap();
        let (key, error) = receiver.check(0).unwrap_err();
        assert!(key == "secret_file" && !error.contains("hunter2"), "{error}");
        assert!(error.starts_with(&format!("the content of {} line 1 ", secret.display())), "{error}");
    }
}
