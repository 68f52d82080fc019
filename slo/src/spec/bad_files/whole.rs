//! Files that are bad as a whole, or in the keys that a good one must have.

/// Whole files.
pub(super) const WHOLE: &[(&str, &str)] = &[
    ("", "f.yaml:1:1: must be a mapping: one SLO, or `slos:` with a list of them, got nothing"),
    ("- name: a\n", "f.yaml:1:1: must be a mapping: one SLO, or `slos:` with a list of them, got a list"),
    ("slos: 5\n", "f.yaml:1:7: slos: must be a list of SLOs, got the number 5"),
    ("slos:\n  - 5\n", "f.yaml:2:5: slos[0]: must be a mapping with {KEYS_OR}, got the number 5"),
    ("slos: []\nname: a\n", "f.yaml:2:1: name: unknown key; allowed are slos"),
    (
        "name: a\n",
        "f.yaml:1:1: service: missing; must be the `service.name` of the service\nf.yaml:1:1: indicator: missing; must be `availability`, or a mapping with availability, latency, logs, promql or slices\nf.yaml:1:1: objective: missing; must be a percentage above 0 and below 100, such as 99.9",
    ),
    (
        "name: Booking API\nservice: s\nindicator: availability\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:1:7: name: must be a name of 1 to 100 lower-case letters, digits, `.`, `_` or `-` that begins with a letter or digit, got \"Booking API\"",
    ),
    (
        "name: a\nservice: s\nindicator: latency\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:12: indicator: must be `availability`, or a mapping with availability, latency, logs, promql or slices, got \"latency\"",
    ),
    (
        "name: a\nservice: s\nindicator: {latency: 150ms}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:22: indicator.latency: must be a mapping with threshold, errors, client_errors or rate_limited, got \"150ms\"",
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
        "f.yaml:3:46: indicator.latency.errors: must be bad, excluded or timed, got \"good\"",
    ),
    (
        "name: a\nservice: s\nindicator: {availability: {}, latency: {}}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:12: indicator: must be `availability`, or a mapping with availability, latency, logs, promql or slices, got a mapping",
    ),
    (
        "name: a\nservice: s\nindicator: {availability: 99}\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:27: indicator.availability: must be a mapping with client_errors or rate_limited, got the number 99",
    ),
    (
        "name: a\nservice: s\nindicator: {avalability: }\nwindow: 30d\nobjective: 99.9\n",
        "f.yaml:3:13: indicator.avalability: unknown key, did you mean `availability`? Allowed are availability, latency, logs, promql, slices",
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
        "f.yaml:1:1: service: missing; must be the `service.name` of the service\nf.yaml:1:1: indicator: missing; must be `availability`, or a mapping with availability, latency, logs, promql or slices\nf.yaml:2:12: objective: must be a percentage above 0 and below 100, such as 99.9, got the number 101\nf.yaml:3:9: window: must be a duration such as 30d, 24h, 1h30m, 5m, 30s or 150ms, got the number 1",
    ),
    (
        "name: a\nservice: s\nindicator: {availability: {client_errors: ok}}\nobjective: 99.9\n",
        "f.yaml:3:43: indicator.availability.client_errors: must be status, good, bad or excluded, got \"ok\"",
    ),
    (
        "name: a\nservice: s\nindicator: {latency: {threshold: 1s, rate_limited: 5}}\nobjective: 99.9\n",
        "f.yaml:3:52: indicator.latency.rate_limited: must be status, good, bad or excluded, got the number 5",
    ),
    (
        "name: a\nservice: s\nindicator: {logs: {filter: a}}\nobjective: 99.9\n",
        "f.yaml:3:19: indicator.logs: must have either `good` or `bad`, a condition in the search language, got neither",
    ),
    (
        "name: a\nservice: s\nindicator: {logs: {good: a, bad: b}}\nobjective: 99.9\n",
        "f.yaml:3:19: indicator.logs: must have either `good` or `bad`, a condition in the search language, got both",
    ),
    (
        "name: a\nservice: s\nindicator: {logs: {good: a}}\nobjective: 99.9\nkind: server\n",
        "f.yaml:5:7: kind: selects spans, which an indicator of the kind `logs` does not count; its `filter` says which records count",
    ),
    (
        "name: a\nservice: s\nindicator: {promql: {good: a}}\nobjective: 99.9\n",
        "f.yaml:3:21: indicator.promql: must have good and total, bad and total, or error_ratio alone, got good",
    ),
    (
        "name: a\nservice: s\nindicator: {promql: {}}\nobjective: 99.9\n",
        "f.yaml:3:21: indicator.promql: must have good and total, bad and total, or error_ratio alone, got nothing",
    ),
    (
        "name: a\nservice: s\nindicator: {promql: {good: 'a[$window]', bad: 'b[$window]', total: 'c[$window]'}}\nobjective: 99.9\n",
        "f.yaml:3:21: indicator.promql: must have good and total, bad and total, or error_ratio alone, got good, bad, total",
    ),
    (
        "name: a\nservice: s\nindicator: {promql: {error_ratio: 'a[5m]'}}\nobjective: 99.9\n",
        "f.yaml:3:35: indicator.promql.error_ratio: must be a PromQL expression with `$window` where the length of the counted time belongs, such as sum(increase(requests_total[$window])), got \"a[5m]\"",
    ),
    (
        "name: a\nservice: s\nindicator: {promql: {error_ratio: 'a[$window]'}}\nobjective: 99.9\nalerting: {min_bad_events: 5}\n",
        "f.yaml:5:28: alerting.min_bad_events: an `error_ratio` tells no events that could be counted",
    ),
    (
        "name: a\nservice: s\nindicator: {promql: {error_ratio: 'a[$window]'}}\nobjective: 99.9\noperation: x\nattributes: {a: b}\n",
        "f.yaml:5:12: operation: selects spans, which an indicator of the kind `promql` does not count; its expressions say what counts\nf.yaml:6:13: attributes: selects spans, which an indicator of the kind `promql` does not count; its expressions say what counts",
    ),
    (
        "name: a\nservice: s\nindicator: {slices: {query: up}}\nobjective: 99.9\n",
        "f.yaml:3:21: indicator.slices.op: missing; must be <, <=, > or >=\nf.yaml:3:21: indicator.slices.value: missing; must be the number that the query is compared with",
    ),
    (
        "name: a\nservice: s\nindicator: {slices: {query: up, op: '==', value: 1}}\nobjective: 99.9\n",
        "f.yaml:3:37: indicator.slices.op: must be <, <=, > or >=, got \"==\"",
    ),
    (
        "name: a\nservice: s\nindicator: {slices: {query: up, op: '<', value: .inf}}\nobjective: 99.9\n",
        "f.yaml:3:49: indicator.slices.value: must be the number that the query is compared with, got the number inf",
    ),
    (
        "name: a\nservice: s\nindicator: {slices: {query: up, op: '<', value: 1, slice: 90s}}\nobjective: 99.9\n",
        "f.yaml:3:59: indicator.slices.slice: must be whole minutes, got \"90s\"",
    ),
    (
        "name: a\nservice: s\nindicator: {slices: {query: up, op: '<', value: 1, slice: 2h}}\nobjective: 99.9\n",
        "f.yaml:3:59: indicator.slices.slice: must be at least 1m and at most 1h, got \"2h\"",
    ),
    (
        "name: a\nservice: s\nindicator: {slices: {query: up, op: '<', value: 1, absent: good}}\nobjective: 99.9\n",
        "f.yaml:3:60: indicator.slices.absent: must be excluded or bad, got \"good\"",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: {calendar: fortnight}\nobjective: 99.9\n",
        "f.yaml:4:20: window.calendar: must be day, week, month, quarter or year, got \"fortnight\"",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: {time_zone: UTC}\nobjective: 99.9\n",
        "f.yaml:4:9: window.calendar: missing; must be day, week, month, quarter or year",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: {calendar: month, time_zone: Mars/Olympus}\nobjective: 99.9\n",
        "f.yaml:4:38: window.time_zone: must be a time zone of the IANA database, such as UTC or Europe/Berlin, got \"Mars/Olympus\"",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: {calendar: month, from: 2026-01-31}\nobjective: 99.9\n",
        "f.yaml:4:33: window.from: must be a day that every month has, the 1st to the 28th, got \"2026-01-31\"",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: {calendar: month, from: yesterday}\nobjective: 99.9\n",
        "f.yaml:4:33: window.from: must be a date, such as 2026-01-31, got \"yesterday\"",
    ),
    (
        "name: a\nservice: s\nindicator: availability\nwindow: {calendar: month, zone: UTC}\nobjective: 99.9\n",
        "f.yaml:4:27: window.zone: unknown key; allowed are calendar, time_zone, from",
    ),
    (
        "service: 예매\nindicator: availability\nobjective: 99.9\n",
        "f.yaml:1:1: name: missing; must be a name of 1 to 100 lower-case letters, digits, `.`, `_` or `-` that begins with a letter or digit",
    ),
    (
        "service: s\noperation: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nindicator: availability\nobjective: 99.9\n",
        "f.yaml:1:1: name: missing; must be a name of 1 to 100 lower-case letters, digits, `.`, `_` or `-` that begins with a letter or digit",
    ),
    ("name: [a\n", "f.yaml:1:7: not valid YAML: unclosed bracket '['"),
];
