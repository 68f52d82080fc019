//! Files that must be refused, each with the message it must give.

use super::parse;

/// A correct SLO to which a case adds its lines; the objective is on line 5.
const GOOD: &str = "name: a\nservice: s\nindicator: availability\nwindow: 30d\nobjective: 99.9\n";

/// The messages about `text`, one a line.
fn errors(text: &str) -> String {
    parse("f.yaml", text).expect_err(text).to_string()
}

/// Cases that add lines to [`GOOD`].
const ADDED: &[(&str, &str)] = &[
    (
        "extra: 1\n",
        "f.yaml:6:1: extra: unknown key; allowed are name, description, owner, labels, annotations, service, operation, kind, attributes, indicator, objective, window, alerting",
    ),
    (
        "operaton: x\n",
        "f.yaml:6:1: operaton: unknown key, did you mean `operation`? Allowed are name, description, owner, labels, annotations, service, operation, kind, attributes, indicator, objective, window, alerting",
    ),
    (
        "Kind: server\n",
        "f.yaml:6:1: Kind: unknown key, did you mean `kind`? Allowed are name, description, owner, labels, annotations, service, operation, kind, attributes, indicator, objective, window, alerting",
    ),
    ("description: [a]\n", "f.yaml:6:14: description: must be text that is not empty, got a list"),
    ("description: ''\n", "f.yaml:6:14: description: must be text that is not empty, got \"\""),
    ("owner: 5\n", "f.yaml:6:8: owner: must be text (put it in quotes), got the number 5"),
    ("operation:\n", "f.yaml:6:10: operation: must be text that is not empty, got nothing"),
    ("kind: servr\n", "f.yaml:6:7: kind: must be server, client, producer, consumer, internal or any, got \"servr\""),
    ("kind: 3\n", "f.yaml:6:7: kind: must be server, client, producer, consumer, internal or any, got the number 3"),
    ("attributes: x\n", "f.yaml:6:13: attributes: must be a mapping of attribute keys to values, got \"x\""),
    (
        "attributes: {http.route: [a]}\n",
        "f.yaml:6:26: attributes.http.route: must be a text, a number or a boolean, got a list",
    ),
    ("labels: [a]\n", "f.yaml:6:9: labels: must be a mapping of names to texts, got a list"),
    ("labels: {team: 5}\n", "f.yaml:6:16: labels.team: must be text (put it in quotes), got the number 5"),
    (
        "labels: {severity: low}\n",
        "f.yaml:6:10: labels.severity: Haechi sets this label itself, as it does alertname, slo, service, severity, long_window, short_window, operation, owner",
    ),
    (
        "labels: {my-team: a}\n",
        "f.yaml:6:10: labels.my-team: must be letters, digits and `_`, not beginning with a digit or `__`",
    ),
    (
        "labels: {__x: a}\n",
        "f.yaml:6:10: labels.__x: must be letters, digits and `_`, not beginning with a digit or `__`",
    ),
    (
        "annotations: {runbook_url: }\n",
        "f.yaml:6:26: annotations.runbook_url: must be text that is not empty, got nothing",
    ),
    (
        "alerting: off\n",
        "f.yaml:6:11: alerting: must be a mapping with name, enabled, min_bad_events, repeat_interval or tiers, got \"off\"",
    ),
    ("alerting: {enabled: maybe}\n", "f.yaml:6:21: alerting.enabled: must be true or false, got \"maybe\""),
    (
        "alerting: {min_bad_events: 0}\n",
        "f.yaml:6:28: alerting.min_bad_events: must be a whole number from 1 (no guard) to 1000000, got the number 0",
    ),
    (
        "alerting: {min_bad_events: 2.5}\n",
        "f.yaml:6:28: alerting.min_bad_events: must be a whole number from 1 (no guard) to 1000000, got the number 2.5",
    ),
    (
        "alerting: {repeat_interval: 10s}\n",
        "f.yaml:6:29: alerting.repeat_interval: must be at least 1m and at most 30d, got \"10s\"",
    ),
    (
        "alerting: {tier: []}\n",
        "f.yaml:6:12: alerting.tier: unknown key, did you mean `tiers`? Allowed are name, enabled, min_bad_events, repeat_interval, tiers",
    ),
    ("alerting: {tiers: {}}\n", "f.yaml:6:19: alerting.tiers: must be a list of tiers, got a mapping"),
    (
        "alerting: {tiers: []}\n",
        "f.yaml:6:19: alerting.tiers: must have 1 to 16 tiers, got 0; `enabled: false` switches alerts off",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 1h, short: 5m}\n",
        "f.yaml:8:7: alerting.tiers[0].burn_rate: missing; must be a number above 0, such as 14.4",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: critical, long: 1h, short: 5m, burn_rate: 2}\n",
        "f.yaml:8:18: alerting.tiers[0].severity: must be page or ticket, got \"critical\"",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 5m, short: 5m, burn_rate: 2}\n",
        "f.yaml:8:41: alerting.tiers[0].short: must be shorter than `long`, which is 5m, got 5m",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 31d, short: 5m, burn_rate: 2}\n",
        "f.yaml:8:30: alerting.tiers[0].long: must be at least 10s and at most 30d, got \"31d\"",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 1h, short: 1s, burn_rate: 2}\n",
        "f.yaml:8:41: alerting.tiers[0].short: must be at least 5s and at most 30d, got \"1s\"",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 1h, short: 5s, burn_rate: 2}\n",
        "f.yaml:8:7: alerting.tiers[0].short: too short to be counted over 30d; must be at least about 25s",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 1h, short: 5m, burn_rate: 0}\n",
        "f.yaml:8:56: alerting.tiers[0].burn_rate: must be a number above 0, such as 14.4, got the number 0",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 1h, short: 5m, burn_rate: 1000}\n",
        "f.yaml:8:56: alerting.tiers[0].burn_rate: can never be exceeded: at an objective of 99.9% a total outage burns at 1000; must be below that, got 1000",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 1h, short: 5m, burn_rate: fast}\n",
        "f.yaml:8:56: alerting.tiers[0].burn_rate: must be a number above 0, such as 14.4, got \"fast\"",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 1h, short: 5m, burn_rate: 2, for: 5}\n",
        "f.yaml:8:64: alerting.tiers[0].for: must be a duration such as 30d, 24h, 1h30m, 5m, 30s or 150ms, got the number 5",
    ),
    (
        "alerting:\n  tiers:\n    - {severity: page, long: 1h, short: 5m, burn_rate: 2}\n    - {severity: page, long: 60m, short: 5m, burn_rate: 3}\n",
        "f.yaml:9:7: alerting.tiers[1]: another tier is page/1h/5m too; severity and windows together are unique",
    ),
    ("name: b\n", "f.yaml:6:1: not valid YAML: the key `name` is there twice"),
];

/// Whole files.
const WHOLE: &[(&str, &str)] = &[
    ("", "f.yaml:1:1: must be a mapping: one SLO, or `slos:` with a list of them, got nothing"),
    ("- name: a\n", "f.yaml:1:1: must be a mapping: one SLO, or `slos:` with a list of them, got a list"),
    ("slos: 5\n", "f.yaml:1:7: slos: must be a list of SLOs, got the number 5"),
    (
        "slos:\n  - 5\n",
        "f.yaml:2:5: slos[0]: must be a mapping with name, description, owner, labels, annotations, service, operation, kind, attributes, indicator, objective, window or alerting, got the number 5",
    ),
    ("slos: []\nname: a\n", "f.yaml:2:1: name: unknown key; allowed are slos"),
    (
        "name: a\n",
        "f.yaml:1:1: service: missing; must be the `service.name` of the service\nf.yaml:1:1: indicator: missing; must be `availability` or `latency: {threshold: 150ms}`\nf.yaml:1:1: objective: missing; must be a percentage above 0 and below 100, such as 99.9\nf.yaml:1:1: window: missing; must be the length of the rolling window, such as 30d",
    ),
    (
        "name: Booking API\nservice: s\nindicator: availability\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:1:7: name: must be a name of 1 to 100 lower-case letters, digits, `.`, `_` or `-` that begins with a letter or digit, got \"Booking API\"",
    ),
    (
        "name: a\nservice: s\nindicator: latency\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:12: indicator: must be `availability` or `latency: {threshold: 150ms}`, got \"latency\"",
    ),
    (
        "name: a\nservice: s\nindicator: {latency: 150ms}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:22: indicator.latency: must be a mapping with threshold or errors, got \"150ms\"",
    ),
    (
        "name: a\nservice: s\nindicator: {latency: {}}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:22: indicator.latency.threshold: missing; must be a duration such as 30d, 24h, 1h30m, 5m, 30s or 150ms",
    ),
    (
        "name: a\nservice: s\nindicator: {latency: {threshold: 150}}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:34: indicator.latency.threshold: must be a duration such as 30d, 24h, 1h30m, 5m, 30s or 150ms, got the number 150",
    ),
    (
        "name: a\nservice: s\nindicator: {latency: {threshold: 0}}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:34: indicator.latency.threshold: must be more than 0s and at most 1h, got the number 0",
    ),
    (
        "name: a\nservice: s\nindicator: {latency: {threshold: 1s, errors: good}}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:46: indicator.latency.errors: must be bad or excluded, got \"good\"",
    ),
    (
        "name: a\nservice: s\nindicator: {availability: {}, latency: {}}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:12: indicator: must be `availability` or `latency: {threshold: 150ms}`, got a mapping",
    ),
    (
        "name: a\nservice: s\nindicator: {availability: 99}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:27: indicator.availability: must be empty: good is a span without error, got the number 99",
    ),
    (
        "name: a\nservice: s\nindicator: {avalability: }\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:13: indicator.avalability: unknown key, did you mean `availability`? Allowed are availability, latency",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: 30 days\nobjective: 99.9\n",
        "f.yaml:4:9: window: must be a duration such as 30d, 24h, 1h30m, 5m, 30s or 150ms, got \"30 days\"",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: 5m\nobjective: 99.9\n",
        "f.yaml:4:9: window: must be at least 1h and at most 366d, got \"5m\"",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: 2y\nobjective: 99.9\n",
        "f.yaml:4:9: window: must be at least 1h and at most 366d, got \"2y\"",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: 30d\nobjective: 100\n",
        "f.yaml:5:12: objective: must be a percentage above 0 and below 100, such as 99.9, got the number 100",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: 30d\nobjective: high\n",
        "f.yaml:5:12: objective: must be a percentage above 0 and below 100, such as 99.9, got \"high\"",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: 30d\nobjective: .nan\n",
        "f.yaml:5:12: objective: must be a percentage above 0 and below 100, such as 99.9, got the number NaN",
    ),
    (
        "slos:\n  - {name: a, service: s, indicator: availability, window: 30d, objective: 99.9}\n  - {name: a, service: t, indicator: availability, window: 30d, objective: 99.9}\n",
        "f.yaml:3:5: name: the name \"a\" is taken by the SLO at f.yaml:2; names are unique",
    ),
    (
        "name: a\nobjective: 101\nwindow: 1\nkind: x\n",
        "f.yaml:1:1: service: missing; must be the `service.name` of the service\nf.yaml:1:1: indicator: missing; must be `availability` or `latency: {threshold: 150ms}`\nf.yaml:2:12: objective: must be a percentage above 0 and below 100, such as 99.9, got the number 101\nf.yaml:3:9: window: must be a duration such as 30d, 24h, 1h30m, 5m, 30s or 150ms, got the number 1",
    ),
    ("name: [a\n", "f.yaml:1:7: not valid YAML: unclosed bracket '['"),
];

#[test]
fn every_bad_file_gives_its_message() {
    let added = ADDED.iter().map(|(lines, expected)| (format!("{GOOD}{lines}"), *lines, *expected));
    let whole = WHOLE.iter().map(|(text, expected)| ((*text).to_owned(), *text, *expected));
    let mut wrong = String::new();
    for (text, shown, expected) in added.chain(whole) {
        let got = errors(&text);
        if got != expected {
            wrong.push_str(&format!("--- {shown}\n    {expected}\n +  {got}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
