//! The lists `receivers` and `webhooks` of the configuration file, and the receiver that the settings name.

use std::ops::RangeInclusive;
use std::time::Duration;

use lettre::message::Mailbox;
use serde_saphyr::Spanned;

use super::file::Value;
use super::values::{duration, is_http, quoted};
use super::{ConfigError, Origin};
use crate::alerting::{Email, Heartbeat, Held, Kind, Networks, Receiver, Template, schemes};
use crate::clock;

/// The keys of a receiver of any kind.
const COMMON: [&str; 5] = ["name", "kind", "send_resolved", "timeout", "networks"];
const URL: [&str; 3] = ["url", "url_file", "url_env"];

/// The kinds with the keys of each; the first is that of a receiver that says none.
const KINDS: [(&str, &[&str]); 6] = [
    ("webhook", &["secret_file", "secret_env", "template_file", "content_type"]),
    ("slack", &[]),
    ("discord", &[]),
    ("pagerduty", &["routing_key_file", "routing_key_env"]),
    ("alertmanager", &[]),
    ("email", &["from", "to", "username", "password_file", "password_env", "tls", "ca_file"]),
];

/// How long a receiver may be waited for. Its notifications are sent one by one.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// How often the heartbeat may be.
const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(86_400);

/// Longest name; it is on pages and in every body.
const MAX_NAME: usize = 80;

/// Recipients of one mail.
const MAX_TO: usize = 50;

/// A receiver of the list.
pub(super) struct Listed {
    pub(super) place: String,
    pub(super) receiver: Receiver,
    /// Whether the file says for this receiver which networks it may use.
    pub(super) has_networks: bool,
}

/// `any` or `public`.
pub(super) fn networks(text: &str) -> Option<Networks> {
    match text {
        "any" => Some(Networks::Any),
        "public" => Some(Networks::Public),
        _ => None,
    }
}

fn networks_text(networks: Networks) -> &'static str {
    match networks {
        Networks::Any => "any",
        Networks::Public => "public",
    }
}

/// The receivers of the list `list`.
pub(super) fn read(path: &str, list: &str, value: Spanned<Value>) -> Result<Vec<Listed>, ConfigError> {
    let place = |line: u64| format!("{path}:{line}");
    let example = "{name: team-a, url: https://example.com/hook}";
    let Value::List(items) = value.value else {
        let message = format!("{list}: expected a list of receivers such as {example}");
        return Err(ConfigError { place: place(value.referenced.line()), message });
    };
    let with_index = items.into_iter().enumerate();
    with_index
        .map(|(index, item)| {
            let name = format!("{list}[{index}]");
            let at = place(item.referenced.line());
            let Value::Map(entries) = item.value else {
                let message = format!("{name}: expected a receiver such as {example}");
                return Err(ConfigError { place: at, message });
            };
            let entries = entries.into_iter().map(|(key, value)| Entry {
                place: place(value.referenced.line()),
                key,
                value: value.value,
            });
            one(&name, at, entries.collect())
        })
        .collect()
}

/// A key of a receiver with its value.
struct Entry {
    place: String,
    key: String,
    value: Value,
}

/// The values of one receiver that depend on its kind.
#[derive(Default)]
struct Parts {
    /// Those that its address may have.
    schemes: [&'static str; 2],
    url: Option<Held>,
    template: Option<String>,
    content_type: Option<String>,
    routing_key: Option<Held>,
    from: Option<Mailbox>,
    to: Vec<Mailbox>,
    username: Option<String>,
    password: Option<Held>,
    ca_file: Option<String>,
    is_plain: bool,
}

fn one(name: &str, place: String, entries: Vec<Entry>) -> Result<Listed, ConfigError> {
    let kind = entries.iter().find(|entry| entry.key == "kind").and_then(|entry| entry.value.single());
    let kind = kind.unwrap_or(KINDS[0].0).to_owned();
    let keys = KINDS.iter().find(|(known, _)| *known == kind).map(|(_, keys)| *keys);
    let mut one = Listed { place, receiver: Receiver::new("", ""), has_networks: false };
    let mut parts = Parts { schemes: schemes(&kind), ..Parts::default() };
    for entry in entries {
        let error = |message: String| ConfigError {
            place: entry.place.clone(),
            message: format!("{name}.{}{message}", entry.key),
        };
        let Some(keys) = keys else {
            if entry.key == "kind" {
                let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
                return Err(error(format!(": \"{kind}\" is not one of {}", kinds.join(", "))));
            }
            continue;
        };
        let known: Vec<&str> = COMMON.iter().chain(&URL).chain(keys).copied().collect();
        if !known.contains(&entry.key.as_str()) {
            return Err(error(format!(": unknown key of a {kind}; allowed: {}", known.join(", "))));
        }
        match entry.value {
            Value::List(items) if entry.key == "to" => {
                for item in &items {
                    parts.to.push(mailbox(item.value.single().unwrap_or_default()).map_err(&error)?);
                }
            }
            Value::Single(text) => set(&mut one, &mut parts, &entry.key, text).map_err(error)?,
            _ => return Err(error(": expected a single value".to_owned())),
        }
    }
    let missing = |what: &str| ConfigError { place: one.place.clone(), message: format!("{name}: {what} is missing") };
    if one.receiver.name.is_empty() {
        return Err(missing("name"));
    }
    one.receiver.kind = kind_of(&kind, &mut parts).map_err(|what| missing(&what))?;
    let usual = one.receiver.kind.usual_url().map(|url| Held::Text(url.to_owned()));
    one.receiver.url = parts.url.or(usual).ok_or_else(|| missing("url, url_file or url_env"))?;
    if let Kind::Email(email) = &one.receiver.kind
        && email.is_plain
        && email.login.is_some()
    {
        let message = format!("{name}: a password is not sent without TLS: leave out `tls: none`, or the user");
        return Err(ConfigError { place: one.place, message });
    }
    Ok(one)
}

/// Takes one value; the error follows on the name of its key.
fn set(one: &mut Listed, parts: &mut Parts, key: &str, text: String) -> Result<(), String> {
    let not = |allowed: &str| format!(": \"{text}\" is not {allowed}");
    let hold = |to: &mut Option<Held>, held: Held| match to.replace(held) {
        None => Ok(()),
        Some(first) => Err(format!(": is given as {first} already")),
    };
    let receiver = &mut one.receiver;
    match key {
        "kind" => {}
        "name" if text.is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) => {
            return Err(not(&format!("a name of 1 to {MAX_NAME} characters on one line")));
        }
        "name" => receiver.name = text,
        "url" if !parts.schemes.iter().any(|scheme| starts_with(&text, scheme)) => {
            let [plain, tls] = parts.schemes;
            return Err(not(&format!("an address that starts with {plain}:// or {tls}://")));
        }
        "url" => hold(&mut parts.url, Held::Text(text))?,
        "url_file" => hold(&mut parts.url, Held::File(text.into()))?,
        "url_env" => hold(&mut parts.url, Held::Variable(text))?,
        "secret_file" => hold(&mut receiver.secret, Held::File(text.into()))?,
        "secret_env" => hold(&mut receiver.secret, Held::Variable(text))?,
        "routing_key_file" => hold(&mut parts.routing_key, Held::File(text.into()))?,
        "routing_key_env" => hold(&mut parts.routing_key, Held::Variable(text))?,
        "password_file" => hold(&mut parts.password, Held::File(text.into()))?,
        "password_env" => hold(&mut parts.password, Held::Variable(text))?,
        "template_file" => parts.template = Some(text),
        "content_type" => match http::HeaderValue::from_str(&text) {
            Ok(_) if text.contains('/') => parts.content_type = Some(text),
            _ => return Err(not("a content type such as text/plain")),
        },
        "from" => parts.from = Some(mailbox(&text)?),
        "to" => parts.to.push(mailbox(&text)?),
        "username" => parts.username = Some(text),
        "ca_file" => parts.ca_file = Some(text),
        "tls" => match text.as_str() {
            "required" => parts.is_plain = false,
            "none" => parts.is_plain = true,
            _ => return Err(not("`required` or `none`")),
        },
        "send_resolved" => receiver.send_resolved = text.parse().map_err(|_| not("true or false"))?,
        "timeout" => {
            let timeout = duration(&text).map(|it| Duration::from_nanos(it.unsigned_abs()));
            let timeout = timeout.filter(|it| TIMEOUTS.contains(it));
            receiver.timeout = timeout.ok_or_else(|| not("a duration from 1s to 60s"))?;
        }
        _ => {
            receiver.networks = networks(&text).ok_or_else(|| not("`any` or `public`"))?;
            one.has_networks = true;
        }
    }
    Ok(())
}

fn starts_with(url: &str, scheme: &str) -> bool {
    url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")).is_some_and(|rest| !rest.is_empty())
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| format!(": \"{text}\" is not a mail address such as oncall@example.com"))
}

/// The kind of that name; the error is the key that is missing for it.
fn kind_of(name: &str, parts: &mut Parts) -> Result<Kind, String> {
    Ok(match name {
        "slack" => Kind::Slack,
        "discord" => Kind::Discord,
        "alertmanager" => Kind::Alertmanager,
        "pagerduty" => {
            let routing_key = parts.routing_key.take().ok_or("routing_key_file or routing_key_env")?;
            Kind::PagerDuty { routing_key }
        }
        "email" => {
            let login = match (parts.username.take(), parts.password.take()) {
                (None, None) => None,
                (Some(user), Some(password)) => Some((user, password)),
                (None, Some(_)) => return Err("username".to_owned()),
                (Some(_), None) => return Err("password_file or password_env".to_owned()),
            };
            let from = parts.from.take().ok_or("from")?;
            if parts.to.is_empty() || parts.to.len() > MAX_TO {
                return Err(format!("to, with 1 to {MAX_TO} addresses,"));
            }
            let to = std::mem::take(&mut parts.to);
            let ca_file = parts.ca_file.take().map(Into::into);
            Kind::Email(Box::new(Email { from, to, login, ca_file, is_plain: parts.is_plain }))
        }
        _ => Kind::Webhook(match (parts.template.take(), parts.content_type.take()) {
            (None, Some(_)) => return Err("template_file, for a content_type,".to_owned()),
            (None, None) => None,
            (Some(file), kind) => {
                let content_type = kind.unwrap_or_else(|| Template::JSON.to_owned());
                Some(Template { file: file.into(), content_type })
            }
        }),
    })
}

/// All receivers: those of the list, and that of the settings, whose name is `default`.
pub(super) fn all<'v>(
    get: &impl Fn(&str) -> &'v (String, Origin),
    listed: Vec<Listed>,
) -> Result<Vec<Receiver>, ConfigError> {
    let error =
        |key: &str, message: &str| ConfigError { place: get(key).1.to_string(), message: format!("{key}: {message}") };
    let all = networks(&get("webhook_networks").0);
    let all = all.ok_or_else(|| {
        error("webhook_networks", &format!("\"{}\" is not `any` or `public`", get("webhook_networks").0))
    })?;
    let mut receivers: Vec<Receiver> = Vec::new();
    for Listed { place, mut receiver, has_networks } in listed {
        if !has_networks {
            receiver.networks = all;
        }
        let error = |message: String| ConfigError { place: place.clone(), message: format!("receivers: {message}") };
        if receivers.iter().any(|other| other.name == receiver.name) {
            return Err(error(format!("two receivers have the name \"{}\"", receiver.name)));
        }
        let check = receiver.check(clock::now());
        check.map_err(|(key, message)| error(format!("{}: {key}: {message}", receiver.name)))?;
        receivers.push(receiver);
    }
    let (url, secret) = (&get("webhook").0, &get("webhook_secret_file").0);
    if url.is_empty() {
        return Ok(receivers);
    }
    if !is_http(url) {
        return Err(error("webhook", &format!("\"{url}\" is not an address that starts with http:// or https://")));
    }
    let secret = (!secret.is_empty()).then(|| Held::File(secret.into()));
    let receiver = Receiver { secret, networks: all, ..Receiver::new("default", url) };
    if receivers.iter().any(|other| other.name == receiver.name) {
        return Err(ConfigError {
            place: get("webhook").1.to_string(),
            message: format!("receivers: two receivers have the name \"{}\"", receiver.name),
        });
    }
    let check = receiver.check(clock::now());
    check.map_err(|(key, message)| error(if key == "url" { "webhook" } else { "webhook_secret_file" }, &message))?;
    receivers.push(receiver);
    Ok(receivers)
}

/// Who is called while alerts are evaluated, if anybody is.
pub(super) fn heartbeat<'v>(get: &impl Fn(&str) -> &'v (String, Origin)) -> Result<Option<Heartbeat>, ConfigError> {
    let error = |key: &str, message: String| ConfigError {
        place: get(key).1.to_string(),
        message: format!("{key}: {message}"),
    };
    let (url, file, interval) = (&get("heartbeat").0, &get("heartbeat_file").0, &get("heartbeat_interval").0);
    let (key, url) = match (url.as_str(), file.as_str()) {
        ("", "") => return Ok(None),
        (url, "") if !is_http(url) => {
            let message = format!("\"{url}\" is not an address that starts with http:// or https://");
            return Err(error("heartbeat", message));
        }
        (url, "") => ("heartbeat", Held::Text(url.to_owned())),
        ("", file) => ("heartbeat_file", Held::File(file.into())),
        _ => return Err(error("heartbeat_file", "`heartbeat` is given already".to_owned())),
    };
    let parsed = duration(interval).map(|it| Duration::from_nanos(it.unsigned_abs()));
    let parsed = parsed.filter(|it| INTERVALS.contains(it));
    let interval = parsed
        .ok_or_else(|| error("heartbeat_interval", format!("\"{interval}\" is not a duration from 10s to 1d")))?;
    let networks = networks(&get("webhook_networks").0).unwrap_or(Networks::Any);
    let receiver = Receiver { url, networks, ..Receiver::new("heartbeat", "") };
    receiver.check(clock::now()).map_err(|(_, message)| error(key, message))?;
    Ok(Some(Heartbeat { receiver, interval }))
}

/// The receiver as an entry of the list that says the same.
pub(super) fn line(receiver: &Receiver) -> String {
    let Receiver { name, kind, url, secret, send_resolved, timeout, networks } = receiver;
    let held = |key: &str, held: &Held| format!("{key}{}: {}", held.ending(), quoted(&held.value()));
    let text = |key: &str, text: &str| format!("{key}: {}", quoted(text));
    let mut parts = vec![text("name", name)];
    if kind.name() != KINDS[0].0 {
        parts.push(text("kind", kind.name()));
    }
    if kind.usual_url().is_none_or(|usual| *url != Held::Text(usual.to_owned())) {
        parts.push(held("url", url));
    }
    parts.extend(secret.as_ref().map(|secret| held("secret", secret)));
    match kind {
        Kind::Webhook(Some(Template { file, content_type })) => {
            parts.push(text("template_file", &file.display().to_string()));
            parts.push(text("content_type", content_type));
        }
        Kind::PagerDuty { routing_key } => parts.push(held("routing_key", routing_key)),
        Kind::Email(email) => {
            let Email { from, to, login, ca_file, is_plain } = email.as_ref();
            let to: Vec<String> = to.iter().map(|to| quoted(&to.to_string())).collect();
            parts.extend([text("from", &from.to_string()), format!("to: [{}]", to.join(", "))]);
            parts
                .extend(login.iter().flat_map(|(user, password)| [text("username", user), held("password", password)]));
            parts.extend(ca_file.as_ref().map(|file| text("ca_file", &file.display().to_string())));
            parts.extend(is_plain.then(|| text("tls", "none")));
        }
        Kind::Webhook(None) | Kind::Slack | Kind::Discord | Kind::Alertmanager => {}
    }
    if !send_resolved {
        parts.push("send_resolved: false".to_owned());
    }
    if *timeout != Receiver::TIMEOUT {
        parts.push(format!("timeout: {}s", timeout.as_secs()));
    }
    parts.push(format!("networks: {}", networks_text(*networks)));
    format!("  - {{ {} }}", parts.join(", "))
}

#[cfg(test)]
mod tests;
