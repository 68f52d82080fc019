//! Receivers as files say them.

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
    let config = load(dir.path(), &format!("receivers:\n{line}\n")).unwrap();
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
        ("webhooks:\n- name: a\n  secret: x", "haechi.yaml:3: webhooks[0].secret: unknown key of a webhook; allowed: name, kind, send_resolved, timeout, networks, url, url_file, url_env, secret_file, secret_env, template_file, content_type".to_owned()),
        ("webhooks:\n- name: a\n  url: [x]", "haechi.yaml:3: webhooks[0].url: expected a single value".to_owned()),
        ("webhooks:\n- name: ''\n  url: http://x", "haechi.yaml:2: webhooks[0].name: \"\" is not a name of 1 to 80 characters on one line".to_owned()),
        ("webhooks:\n- name: a\n  timeout: 2m", "haechi.yaml:3: webhooks[0].timeout: \"2m\" is not a duration from 1s to 60s".to_owned()),
        ("webhooks:\n- name: a\n  send_resolved: yes please", "haechi.yaml:3: webhooks[0].send_resolved: \"yes please\" is not true or false".to_owned()),
        ("webhooks:\n- name: a\n  networks: private", "haechi.yaml:3: webhooks[0].networks: \"private\" is not `any` or `public`".to_owned()),
        ("webhooks:\n- {name: a, url: http://x}\n- {name: a, url: http://y}", "haechi.yaml:3: receivers: two receivers have the name \"a\"".to_owned()),
        ("webhook: http://x\nwebhooks:\n- {name: default, url: http://x}", "haechi.yaml:1: receivers: two receivers have the name \"default\"".to_owned()),
        ("webhooks:\n- {name: a, url_env: HAECHI_NO_SUCH}", "haechi.yaml:2: receivers: a: url_env: the variable HAECHI_NO_SUCH is not set to a text".to_owned()),
        (&format!("webhooks:\n- {{name: a, url_file: {bad}}}"), "haechi.yaml:2: receivers: a: url_file: the content of bad is not an address that starts with http:// or https://".to_owned()),
        ("webhooks:\n- {name: a, url: 'http://127.1/', networks: public}", "haechi.yaml:2: receivers: a: url: 127.0.0.1 is not a public address, and this receiver may use public ones only".to_owned()),
        ("webhook: http://[::1]:9/\nwebhook_networks: public", "haechi.yaml:1: webhook: ::1 is not a public address, and this receiver may use public ones only".to_owned()),
        ("webhook: http://x\nwebhook_secret_file: /nowhere", "haechi.yaml:2: webhook_secret_file: cannot read /nowhere: No such file or directory (os error 2)".to_owned()),
        ("webhook_networks: none", "haechi.yaml:1: webhook_networks: \"none\" is not `any` or `public`".to_owned()),
        ("- 1", "haechi.yaml:1: expected settings as `key: value`".to_owned()),
    ];
    for (text, expected) in table {
        let error = load(dir.path(), text).unwrap_err();
        assert_eq!(error, expected, "{text}");
    }
    let error = load(dir.path(), &format!("webhooks:\n- {{name: a, url: http://x, secret_file: {bad}}}")).unwrap_err();
    assert!(
        error.starts_with("haechi.yaml:2: receivers: a: secret_file: the content of bad line 1 is not")
            && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn every_kind_is_printed_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in
        [("key", "R0UT1NG"), ("template", "{\"text\": {{ status }}}"), ("url", "https://hooks.example/T0KEN")]
    {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let place = dir.path().display();
    let lines = [
        format!("  - {{ name: a, kind: slack, url_file: {place}/url, networks: any }}"),
        "  - { name: b, kind: discord, url: https://discord.example/x, networks: public }".to_owned(),
        format!("  - {{ name: c, kind: pagerduty, routing_key_file: {place}/key, networks: any }}"),
        "  - { name: d, kind: alertmanager, url: http://am:9093, networks: any }".to_owned(),
        format!(
            "  - {{ name: e, url: http://x/, template_file: {place}/template, content_type: application/json, networks: any }}"
        ),
        format!(
            "  - {{ name: f, kind: email, url: smtp://mail.example, from: haechi@example.com, to: [a@x.example, b@x.example], username: u, password_file: {place}/key, networks: any }}"
        ),
        "  - { name: g, kind: email, url: smtp://mail.example, from: haechi@example.com, to: [a@x.example], tls: none, networks: any }"
            .to_owned(),
    ];
    let config = load(dir.path(), &format!("receivers:\n{}\n", lines.join("\n"))).unwrap();
    let printed = config.lines();
    assert_eq!(printed[printed.len() - lines.len()..], lines);
    assert!(!format!("{config:?}").contains("R0UT1NG"));
}

#[test]
fn mistakes_of_each_kind_are_named_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("template"), "{\"text\": \"{{ status }}\"}").unwrap();
    std::fs::write(dir.path().join("key"), "hunter2").unwrap();
    let (template, key) =
        (dir.path().join("template").display().to_string(), dir.path().join("key").display().to_string());
    let email = "name: a, kind: email, url: 'smtp://m', from: h@x.example, to: t@x.example";
    let table = [
        (
            "name: a, kind: pager, url: http://x".to_owned(),
            "receivers[0].kind: \"pager\" is not one of webhook, slack, discord, pagerduty, alertmanager, email",
        ),
        ("name: a, kind: slack".to_owned(), "receivers[0]: url, url_file or url_env is missing"),
        (
            "name: a, kind: slack, url: http://x, secret_file: x".to_owned(),
            "receivers[0].secret_file: unknown key of a slack; allowed: name, kind, send_resolved, timeout, networks, url, url_file, url_env",
        ),
        ("name: a, kind: pagerduty".to_owned(), "receivers[0]: routing_key_file or routing_key_env is missing"),
        (
            "name: a, kind: pagerduty, routing_key_env: HAECHI_NO_SUCH".to_owned(),
            "receivers: a: routing_key_env: the variable HAECHI_NO_SUCH is not set to a text",
        ),
        (
            "name: a, kind: email, url: 'http://m'".to_owned(),
            "receivers[0].url: \"http://m\" is not an address that starts with smtp:// or smtps://",
        ),
        ("name: a, kind: email, url: 'smtp://m', to: t@x.example".to_owned(), "receivers[0]: from is missing"),
        (
            "name: a, kind: email, url: 'smtp://m', from: h@x.example".to_owned(),
            "receivers[0]: to, with 1 to 50 addresses, is missing",
        ),
        (
            "name: a, kind: email, url: 'smtp://m', from: h".to_owned(),
            "receivers[0].from: \"h\" is not a mail address such as oncall@example.com",
        ),
        (
            "name: a, kind: email, url: 'smtp://m', from: h@x.example, to: [t@x.example, [x]]".to_owned(),
            "receivers[0].to: \"\" is not a mail address such as oncall@example.com",
        ),
        (format!("{email}, username: u"), "receivers[0]: password_file or password_env is missing"),
        (format!("{email}, password_file: {key}"), "receivers[0]: username is missing"),
        (
            format!("{email}, username: u, password_file: {key}, tls: none"),
            "receivers[0]: a password is not sent without TLS: leave out `tls: none`, or the user",
        ),
        (format!("{email}, tls: maybe"), "receivers[0].tls: \"maybe\" is not `required` or `none`"),
        (format!("{email}, ca_file: {key}"), "receivers: a: ca_file: key: has no certificate in PEM"),
        (
            "name: a, url: http://x, content_type: text/plain".to_owned(),
            "receivers[0]: template_file, for a content_type, is missing",
        ),
        (
            "name: a, url: http://x, template_file: /nowhere".to_owned(),
            "receivers: a: template_file: cannot read /nowhere: No such file or directory (os error 2)",
        ),
        (
            format!("name: a, url: http://x, template_file: {template}"),
            "receivers: a: template_file: template: makes no JSON: line 1, column 12 of its output; values stand there without quotes, as in {\"text\": {{ status }}}",
        ),
        (
            format!("name: a, url: http://x, template_file: {template}, content_type: plain"),
            "receivers[0].content_type: \"plain\" is not a content type such as text/plain",
        ),
    ];
    for (text, expected) in table {
        let error = load(dir.path(), &format!("receivers:\n- {{{text}}}")).unwrap_err();
        assert_eq!(error, format!("haechi.yaml:2: {expected}"), "{text}");
        assert!(!error.contains("hunter2"));
    }
}

#[test]
fn a_heartbeat_has_one_address() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("url"), "https://beat.example/T0KEN\n").unwrap();
    let url = dir.path().join("url").display().to_string();
    assert_eq!(load(dir.path(), "retention: 1d").unwrap().heartbeat, None);
    let config = load(dir.path(), &format!("heartbeat_file: {url}\nheartbeat_interval: 30s")).unwrap();
    assert_eq!(config.heartbeat.as_ref().unwrap().interval.as_secs(), 30);
    assert!(!format!("{config:?} {:?}", config.lines()).contains("T0KEN"));
    let table = [
        ("heartbeat: x".to_owned(), "1: heartbeat: \"x\" is not an address that starts with http:// or https://"),
        (format!("heartbeat: http://x\nheartbeat_file: {url}"), "2: heartbeat_file: `heartbeat` is given already"),
        (
            "heartbeat: http://x\nheartbeat_interval: 1s".to_owned(),
            "2: heartbeat_interval: \"1s\" is not a duration from 10s to 1d",
        ),
        (
            "heartbeat_file: /nowhere".to_owned(),
            "1: heartbeat_file: cannot read /nowhere: No such file or directory (os error 2)",
        ),
        (
            "heartbeat: http://127.0.0.1/x\nwebhook_networks: public".to_owned(),
            "1: heartbeat: 127.0.0.1 is not a public address, and this receiver may use public ones only",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(load(dir.path(), &text).unwrap_err(), format!("haechi.yaml:{expected}"), "{text}");
    }
}
