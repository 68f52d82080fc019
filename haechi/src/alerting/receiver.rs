//! Who is told of alerts, and where the secrets that this takes are kept.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::outbox::signature::Keys;

/// Who is told of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// Unique; the field `receiver` of the payload.
    pub(crate) name: String,
    pub(crate) url: Held,
    /// The keys that its requests are signed with, one a line; `None` signs nothing.
    pub(crate) secret: Option<Held>,
    /// Whether it is told of resolved alerts too.
    pub(crate) send_resolved: bool,
    /// A receiver that has not answered by then counts as failed.
    pub(crate) timeout: Duration,
    pub(crate) networks: Networks,
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
            url: Held::Text(url.to_owned()),
            secret: None,
            send_resolved: true,
            timeout: Self::TIMEOUT,
            networks: Networks::Any,
        }
    }

    /// Where its requests go. The error is a sentence without the address.
    pub(super) fn target(&self) -> Result<reqwest::Url, String> {
        let text = self.url.read()?;
        let url = reqwest::Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        url.ok_or_else(|| match &self.url {
            Held::Text(text) => format!("\"{text}\" is not an address that starts with http:// or https://"),
            held => format!("{held} is not an address that starts with http:// or https://"),
        })
    }

    /// What its requests are signed with. The error is a sentence without the secret.
    pub(super) fn keys(&self) -> Result<Option<Keys>, String> {
        let Some(secret) = &self.secret else { return Ok(None) };
        Keys::parse(&secret.read()?).map(Some).map_err(|error| format!("{secret} {error}"))
    }

    /// An error if its address or its secret cannot be used: which of the two, and a sentence.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let url = self.target().map_err(|error| ("url", error))?;
        super::outbox::networks::check_literal(&url, self.networks).map_err(|error| ("url", error))?;
        self.keys().map_err(|error| ("secret", error)).map(drop)
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
            assert_eq!(receiver.check().unwrap_err(), ("url", expected));
        }
        std::fs::write(&path, " https://hooks.example/T0KEN\n").unwrap();
        assert_eq!(receiver.target().unwrap().as_str(), "https://hooks.example/T0KEN");
        assert!(!format!("{receiver:?}").contains("T0KEN"));
        assert!(!format!("{:?}", Receiver::new("a", "https://hooks.example/T0KEN")).contains("T0KEN"));

        let secret = dir.path().join("secret");
        let receiver = Receiver { secret: Some(Held::File(secret.clone())), ..receiver };
        std::fs::write(&secret, "hunter2").unwrap();
        let (key, error) = receiver.check().unwrap_err();
        assert!(key == "secret" && !error.contains("hunter2"), "{error}");
        assert!(error.starts_with(&format!("the content of {} line 1 ", secret.display())), "{error}");
    }
}
