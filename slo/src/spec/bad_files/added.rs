//! Lines that make a good file a bad one.

/// Cases that add lines to [`super::GOOD`].
pub(super) const ADDED: &[(&str, &str)] = &[
    ("extra: 1\n", "f.yaml:6:1: extra: unknown key; allowed are {KEYS}"),
    ("operaton: x\n", "f.yaml:6:1: operaton: unknown key, did you mean `operation`? Allowed are {KEYS}"),
    ("Kind: server\n", "f.yaml:6:1: Kind: unknown key, did you mean `kind`? Allowed are {KEYS}"),
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
        "f.yaml:6:11: alerting: must be a mapping with name, enabled, min_events, min_bad_events, repeat_interval or tiers, got \"off\"",
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
        "f.yaml:6:12: alerting.tier: unknown key, did you mean `tiers`? Allowed are name, enabled, min_events, min_bad_events, repeat_interval, tiers",
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
    ("filter: ''\n", "f.yaml:6:9: filter: must be text that is not empty, got \"\""),
    (
        "by: 5\n",
        "f.yaml:6:5: by: must be an attribute such as http.route, or a list of 1 to 4 different ones, got the number 5",
    ),
    (
        "by: []\n",
        "f.yaml:6:5: by: must be an attribute such as http.route, or a list of 1 to 4 different ones, got a list",
    ),
    (
        "by: [a.b, a_b]\n",
        "f.yaml:6:11: by: must be an attribute such as http.route, or a list of 1 to 4 different ones, got \"a_b\"",
    ),
    (
        "by: [a, b, c, d, e]\n",
        "f.yaml:6:18: by: must be an attribute such as http.route, or a list of 1 to 4 different ones, got \"e\"",
    ),
    ("by: service\n", "f.yaml:6:5: by: would be the label \"service\" of its alerts, which is taken"),
    (
        "by: team.name\nlabels: {team_name: a}\n",
        "f.yaml:6:5: by: would be the label \"team_name\" of its alerts, which is taken",
    ),
    ("max_groups: 10\n", "f.yaml:6:13: max_groups: needs `by`, which says what groups there are"),
    ("by: a\nmax_groups: 1000\n", "f.yaml:7:13: max_groups: must be a whole number from 1 to 200, got the number 1000"),
    ("exclusions: {}\n", "f.yaml:6:13: exclusions: must be a list of times that do not count, got a mapping"),
    (
        "exclusions: [{from: 2026-01-01T00:00:00Z}]\n",
        "f.yaml:6:14: exclusions[0].to: missing; must be a time, such as 2026-01-31T22:00:00Z, or 2026-01-31T22:00 with `time_zone`",
    ),
    (
        "exclusions: [{from: 2026-01-02T00:00:00Z, to: 2026-01-01T00:00:00Z}]\n",
        "f.yaml:6:47: exclusions[0].to: must be later than `from`",
    ),
    (
        "exclusions: [{from: 2026-01-01T00:00, to: 2026-01-02T00:00:00Z}]\n",
        "f.yaml:6:21: exclusions[0].from: must be a time, such as 2026-01-31T22:00:00Z, or 2026-01-31T22:00 with `time_zone`, got \"2026-01-01T00:00\"",
    ),
    (
        "exclusions: [{every: hour, at: \"02:00\", for: 1h}]\n",
        "f.yaml:6:22: exclusions[0].every: must be day, week or month, got \"hour\"",
    ),
    (
        "exclusions: [{every: week, at: \"02:00\", for: 1h}]\n",
        "f.yaml:6:14: exclusions[0].on: missing; must be a weekday or a list of weekdays: mon, tue, wed, thu, fri, sat, sun",
    ),
    (
        "exclusions: [{every: week, on: [mon, Sunday], at: \"02:00\", for: 1h}]\n",
        "f.yaml:6:38: exclusions[0].on: must be a weekday or a list of weekdays: mon, tue, wed, thu, fri, sat, sun, got \"Sunday\"",
    ),
    (
        "exclusions: [{every: month, on: 31, at: \"02:00\", for: 1h}]\n",
        "f.yaml:6:33: exclusions[0].on: must be a day of the month that every month has, 1 to 28, got the number 31",
    ),
    (
        "exclusions: [{every: day, on: mon, at: \"02:00\", for: 1h}]\n",
        "f.yaml:6:31: exclusions[0].on: is for `every: week` and `every: month`; every day has no days to choose",
    ),
    (
        "exclusions: [{every: day, at: 2, for: 1h}]\n",
        "f.yaml:6:31: exclusions[0].at: must be a time of day from 00:00 to 23:59 in quotes, such as \"02:30\", got the number 2",
    ),
    (
        "exclusions: [{every: day, at: \"25:00\", for: 1h}]\n",
        "f.yaml:6:31: exclusions[0].at: must be a time of day from 00:00 to 23:59 in quotes, such as \"02:30\", got \"25:00\"",
    ),
    (
        "exclusions: [{every: day, at: \"02:00\", for: 25h}]\n",
        "f.yaml:6:45: exclusions[0].for: must be at least 1m and at most 1d, got \"25h\"",
    ),
    (
        "exclusions: [{every: day, at: \"02:00\", for: 1h, time_zone: Berlin}]\n",
        "f.yaml:6:60: exclusions[0].time_zone: must be a time zone of the IANA database, such as UTC or Europe/Berlin, got \"Berlin\"",
    ),
    (
        "exclusions: [{every: day, at: \"02:00\", for: 1h, from: 2026-02-01, until: 2026-01-01}]\n",
        "f.yaml:6:74: exclusions[0].until: must not be before `from`",
    ),
    (
        "exclusions: [{every: day, at: \"02:00\", for: 1h, until: 2026-02-30}]\n",
        "f.yaml:6:56: exclusions[0].until: must be a date, such as 2026-01-31, got \"2026-02-30\"",
    ),
    (
        "exclusions: [{every: day, at: \"02:00\", for: 1h, to: 2026-02-30}]\n",
        "f.yaml:6:49: exclusions[0].to: unknown key; allowed are every, on, at, for, time_zone, from, until, reason",
    ),
    (
        "alerting: {min_events: 0}\n",
        "f.yaml:6:24: alerting.min_events: must be a whole number from 1 (no guard) to 1000000, got the number 0",
    ),
    ("name: b\n", "f.yaml:6:1: not valid YAML: the key `name` is there twice"),
];
