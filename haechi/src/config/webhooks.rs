//! The list `webhooks` of the configuration file, and the receiver that the settings name.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_saphyr::Spanned;

use super::file::Value;
use super::values::{duration, quoted};
use super::{ConfigError, Origin, is_http};
use crate::alerting::{Held, Networks, Receiver};

/// The keys of a receiver.
const KEYS: [&str; 9] =
    ["name", "url", "url_file", "url_env", "secret_file", "secret_env", "send_resolved", "timeout", "networks"];

/// How long a receiver may be waited for. Its notifications are sent one by one.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Longest name; it is on pages and in every body.
const MAX_NAME: usize = 80;

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

pub(super) fn read(path: &str, value: Spanned<Value>) -> Result<Vec<Listed>, ConfigError> {
    let place = |line: u64| format!("{path}:{line}");
    let Value::List(items) = value.value else {
        let message = "webhooks: expected a list of receivers such as {name: team-a, url: https://example.com/hook}";
        return Err(ConfigError { place: place(value.referenced.line()), message: message.to_owned() });
    };
    let mut listed: Vec<Listed> = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let at = place(item.referenced.line());
        let error = |key: &str, message: String| ConfigError {
            place: at.clone(),
            message: format!("webhooks[{index}]{key}: {message}"),
        };
        let Value::Map(entries) = item.value else {
            return Err(error(
                "",
                "expected a receiver such as {name: team-a, url: https://example.com/hook}".to_owned(),
            ));
        };
        let mut one = Listed { place: at.clone(), receiver: Receiver::new("", ""), has_networks: false };
        let mut url = None;
        for (key, value) in entries {
            let at = place(value.referenced.line());
            let error = |message: String| ConfigError {
                place: at.clone(),
                message: format!("webhooks[{index}].{key}{message}"),
            };
            if !KEYS.contains(&key.as_str()) {
                return Err(error(format!(": unknown key; allowed: {}", KEYS.join(", "))));
            }
            let Value::Single(text) = value.value else { return Err(error(": expected a single value".to_owned())) };
            let not = |allowed: &str| error(format!(": \"{text}\" is not {allowed}"));
            let set = |to: &mut Option<Held>, held: Held| match to.replace(held) {
                None => Ok(()),
                Some(first) => Err(error(format!(": is given as {first} already"))),
            };
            let receiver = &mut one.receiver;
            match key.as_str() {
                "name" if text.is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) => {
                    return Err(not(&format!("a name of 1 to {MAX_NAME} characters on one line")));
                }
                "name" => receiver.name = text,
                "url" if !is_http(&text) => return Err(not("an address that starts with http:// or https://")),
                "url" => set(&mut url, Held::Text(text))?,
                "url_file" => set(&mut url, Held::File(text.into()))?,
                "url_env" => set(&mut url, Held::Variable(text))?,
                "secret_file" => set(&mut receiver.secret, Held::File(text.into()))?,
                "secret_env" => set(&mut receiver.secret, Held::Variable(text))?,
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
        }
        let missing = |what: &str| error("", format!("{what} is missing"));
        one.receiver.url = url.ok_or_else(|| missing("url, url_file or url_env"))?;
        if one.receiver.name.is_empty() {
            return Err(missing("name"));
        }
        listed.push(one);
    }
    Ok(listed)
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
        let error = |message: String| ConfigError { place: place.clone(), message: format!("webhooks: {message}") };
        if receivers.iter().any(|other| other.name == receiver.name) {
            return Err(error(format!("two receivers have the name \"{}\"", receiver.name)));
        }
        receiver.check().map_err(|(key, message)| {
            let held = if key == "url" { Some(&receiver.url) } else { receiver.secret.as_ref() };
            error(format!("{}: {key}{}: {message}", receiver.name, held.map_or("", Held::ending)))
        })?;
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
            message: format!("webhooks: two receivers have the name \"{}\"", receiver.name),
        });
    }
    receiver
        .check()
        .map_err(|(key, message)| error(if key == "url" { "webhook" } else { "webhook_secret_file" }, &message))?;
    receivers.push(receiver);
    Ok(receivers)
}

/// The receiver as an entry of the list that says the same.
pub(super) fn line(receiver: &Receiver) -> String {
    let Receiver { name, url, secret, send_resolved, timeout, networks } = receiver;
    let held = |key: &str, held: &Held| format!("{key}{}: {}", held.ending(), quoted(&held.value()));
    let mut parts = vec![format!("name: {}", quoted(name)), held("url", url)];
    parts.extend(secret.as_ref().map(|secret| held("secret", secret)));
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
mod tests {
    use super::super::settings;
    use crate::config::Config;

    fn load(dir: &std::path::Path, text: &str) -> Result<Config, String> {
        let path = dir.join("haechi.yaml");
        std::fs::write(&path, text).unwrap();
        let command = settings::with_flags(clap::Command::new("serve"));
        let matches = command.try_get_matches_from(["serve", "--config", path.to_str().unwrap()]).unwrap();
        Config::load(&matches).map_err(|error| error.to_string().replace(&format!("{}/", dir.display()), ""))
    }

    #[test]
    fn a_receiver_with_everything_is_printed_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().display();
        std::fs::write(dir.path().join("url"), "https://hooks.example/T0KEN\n").unwrap();
        std::fs::write(dir.path().join("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let line = format!(
            "  - {{ name: a, url_file: {place}/url, secret_file: {place}/secret, send_resolved: false, timeout: 30s, networks: public }}"
        );
        let config = load(dir.path(), &format!("webhooks:\n{line}\n")).unwrap();
        assert_eq!(config.lines().last().unwrap(), &line);
        assert!(!format!("{config:?}").contains("T0KEN") && !format!("{config:?}").contains("MfKQ"));
    }

    #[test]
    fn the_setting_holds_for_receivers_that_say_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let text = "webhook_networks: public\nwebhooks:\n- {name: a, url: http://x}\n- {name: b, url: 'http://10.0.0.1', networks: any}\n";
        let lines = load(dir.path(), text).unwrap().lines();
        assert!(lines[lines.len() - 2].ends_with("{ name: a, url: http://x, networks: public }"), "{lines:?}");
        assert!(lines[lines.len() - 1].ends_with("{ name: b, url: http://10.0.0.1, networks: any }"), "{lines:?}");
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bad"), "hunter2").unwrap();
        let bad = dir.path().join("bad").display().to_string();
        let table = [
            ("webhooks: x", "haechi.yaml:1: webhooks: expected a list of receivers such as {name: team-a, url: https://example.com/hook}".to_owned()),
            ("webhooks:\n- x", "haechi.yaml:2: webhooks[0]: expected a receiver such as {name: team-a, url: https://example.com/hook}".to_owned()),
            ("webhooks:\n- name: a", "haechi.yaml:2: webhooks[0]: url, url_file or url_env is missing".to_owned()),
            ("webhooks:\n- url: http://x", "haechi.yaml:2: webhooks[0]: name is missing".to_owned()),
            ("webhooks:\n- name: a\n  url: http://x\n  url_env: Y", "haechi.yaml:4: webhooks[0].url_env: is given as the value already".to_owned()),
            ("webhooks:\n- name: a\n  secret: x", "haechi.yaml:3: webhooks[0].secret: unknown key; allowed: name, url, url_file, url_env, secret_file, secret_env, send_resolved, timeout, networks".to_owned()),
            ("webhooks:\n- name: a\n  url: [x]", "haechi.yaml:3: webhooks[0].url: expected a single value".to_owned()),
            ("webhooks:\n- name: ''\n  url: http://x", "haechi.yaml:2: webhooks[0].name: \"\" is not a name of 1 to 80 characters on one line".to_owned()),
            ("webhooks:\n- name: a\n  timeout: 2m", "haechi.yaml:3: webhooks[0].timeout: \"2m\" is not a duration from 1s to 60s".to_owned()),
            ("webhooks:\n- name: a\n  send_resolved: yes please", "haechi.yaml:3: webhooks[0].send_resolved: \"yes please\" is not true or false".to_owned()),
            ("webhooks:\n- name: a\n  networks: private", "haechi.yaml:3: webhooks[0].networks: \"private\" is not `any` or `public`".to_owned()),
            ("webhooks:\n- {name: a, url: http://x}\n- {name: a, url: http://y}", "haechi.yaml:3: webhooks: two receivers have the name \"a\"".to_owned()),
            ("webhook: http://x\nwebhooks:\n- {name: default, url: http://x}", "haechi.yaml:1: webhooks: two receivers have the name \"default\"".to_owned()),
            ("webhooks:\n- {name: a, url_env: HAECHI_NO_SUCH}", "haechi.yaml:2: webhooks: a: url_env: the variable HAECHI_NO_SUCH is not set to a text".to_owned()),
            (&format!("webhooks:\n- {{name: a, url_file: {bad}}}"), "haechi.yaml:2: webhooks: a: url_file: the content of bad is not an address that starts with http:// or https://".to_owned()),
            ("webhooks:\n- {name: a, url: 'http://127.1/', networks: public}", "haechi.yaml:2: webhooks: a: url: 127.0.0.1 is not a public address, and this receiver may use public ones only".to_owned()),
            ("webhook: http://[::1]:9/\nwebhook_networks: public", "haechi.yaml:1: webhook: ::1 is not a public address, and this receiver may use public ones only".to_owned()),
            ("webhook: http://x\nwebhook_secret_file: /nowhere", "haechi.yaml:2: webhook_secret_file: cannot read /nowhere: No such file or directory (os error 2)".to_owned()),
            ("webhook_networks: none", "haechi.yaml:1: webhook_networks: \"none\" is not `any` or `public`".to_owned()),
            ("- 1", "haechi.yaml:1: expected settings as `key: value`".to_owned()),
        ];
        for (text, expected) in table {
            let error = load(dir.path(), text).unwrap_err();
            assert_eq!(error, expected, "{text}");
        }
        let error =
            load(dir.path(), &format!("webhooks:\n- {{name: a, url: http://x, secret_file: {bad}}}")).unwrap_err();
        assert!(
            error.starts_with("haechi.yaml:2: webhooks: a: secret_file: the content of bad line 1 is not")
                && !error.contains("hunter2"),
            "{error}"
        );
    }
}
