//! Files with mistakes, each with the message it must give.

use super::*;

fn mistakes(text: &str) -> String {
    let receivers = ["default", "pager"].map(str::to_owned);
    match parse("r.yaml", text, &receivers) {
        Ok(_) => String::new(),
        Err(errors) => errors.to_string(),
    }
}

#[test]
fn every_mistake_has_its_place() {
    let table = [
        ("", "r.yaml:1:1: must be a mapping with route, inhibit_rules or time_intervals, got nothing"),
        (
            "inhibit_rules: []",
            "r.yaml:1:1: route: missing; must be the route of all alerts, such as {receiver: default}",
        ),
        ("route: {}", "r.yaml:1:8: route.receiver: missing; must be the name of a receiver"),
        (
            "route: {reciever: default, receiver: default}",
            "r.yaml:1:9: route.reciever: unknown key, did you mean `receiver`? Allowed are receiver, matchers, continue, group_by, group_wait, group_interval, repeat_interval, mute_time_intervals, active_time_intervals, routes",
        ),
        (
            "route: {receiver: nobody}",
            "r.yaml:1:19: route.receiver: there is no receiver \"nobody\"; the configuration has default, pager",
        ),
        (
            "route:\n  receiver: default\n  matchers: [a=b]",
            "r.yaml:3:13: route.matchers: the first route takes every alert at any time; put this into one of its `routes`",
        ),
        (
            "route:\n  receiver: default\n  continue: true",
            "r.yaml:3:13: route.continue: the first route takes every alert at any time; put this into one of its `routes`",
        ),
        (
            "route: {receiver: default, group_wait: soon}",
            "r.yaml:1:40: route.group_wait: must be a duration such as 30d, 24h, 1h30m, 5m, 30s or 150ms, got \"soon\"",
        ),
        (
            "route: {receiver: default, group_interval: 0s}",
            "r.yaml:1:44: route.group_interval: must be at least 1s and at most 1d, got \"0s\"",
        ),
        (
            "route: {receiver: default, group_by: alertname}",
            "r.yaml:1:38: route.group_by: must be a list, got \"alertname\"",
        ),
        (
            "route: {receiver: default, group_by: ['...', a]}",
            "r.yaml:1:38: route.group_by: `...` is every label and stands alone",
        ),
        ("route: {receiver: default, group_by: [a, a]}", "r.yaml:1:38: route.group_by: a label is there twice"),
        (
            "route: {receiver: default, group_by: [1]}",
            "r.yaml:1:39: route.group_by[0]: must be text that is not empty, got the number 1",
        ),
        (
            "route:\n  receiver: default\n  routes:\n    - matchers: ['a=~\"(\"']",
            "r.yaml:4:18: route.routes[0].matchers: \"(\" is not a regular expression: error: unclosed group",
        ),
        (
            "route:\n  receiver: default\n  routes:\n    - matchers: [severity]",
            "r.yaml:4:18: route.routes[0].matchers: one of =, !=, =~ and !~ must follow \"severity\", not its end",
        ),
        (
            "route:\n  receiver: default\n  routes:\n    - matchers: [{severity: page}]",
            "r.yaml:4:18: route.routes[0].matchers: must be matchers such as severity=\"page\", each a text in single quotes, got a mapping",
        ),
        (
            "route:\n  receiver: default\n  routes:\n    - match: {severity: page}",
            "r.yaml:4:7: route.routes[0].match: unknown key",
        ),
        (
            "route:\n  receiver: default\n  routes:\n    - continue: maybe",
            "r.yaml:4:17: route.routes[0].continue: must be true or false, got \"maybe\"",
        ),
        (
            "route:\n  receiver: default\n  routes:\n    - receiver: x\n      routes:\n        - receiver: y",
            "r.yaml:4:17: route.routes[0].receiver: there is no receiver \"x\"; the configuration has default, pager\nr.yaml:6:21: route.routes[0].routes[0].receiver: there is no receiver \"y\"; the configuration has default, pager",
        ),
        (
            "route:\n  receiver: default\n  routes:\n    - mute_time_intervals: [night]",
            "r.yaml:4:28: route.routes[0].mute_time_intervals: there is no time interval \"night\"; `time_intervals` has none",
        ),
        (
            "route: {receiver: default}\ninhibit_rules: [{source_matchers: [a=b]}]",
            "r.yaml:2:17: inhibit_rules[0].target_matchers: missing; must be matchers such as ['severity=\"page\"']",
        ),
        (
            "route: {receiver: default}\ntime_intervals: [{name: n}]",
            "r.yaml:2:18: time_intervals[0].time_intervals: missing; must be a list of times",
        ),
        (
            "route: {receiver: default}\ntime_intervals: [{time_intervals: []}]",
            "r.yaml:2:18: time_intervals[0].name: missing; must be a name that routes can use",
        ),
        (
            "route: {receiver: default}\ntime_intervals: [{name: n, time_intervals: []}, {name: n, time_intervals: []}]",
            "r.yaml:2:49: time_intervals[1].name: the name \"n\" is there twice",
        ),
        (
            "route: {receiver: default}\ntime_intervals: [{name: n, time_intervals: [{times: [{start_time: '22:00', end_time: '06:00'}]}]}]",
            "r.yaml:2:86: time_intervals[0].time_intervals[0].times[0].end_time: must be later than `start_time`; a night is two ranges, to 24:00 and from 00:00",
        ),
        (
            "route: {receiver: default}\ntime_intervals: [{name: n, time_intervals: [{times: [{start_time: 9, end_time: '10:00'}]}]}]",
            "r.yaml:2:67: time_intervals[0].time_intervals[0].times[0].start_time: must be a time of day from 00:00 to 24:00 in quotes, such as \"18:00\", got the number 9",
        ),
        (
            "route: {receiver: default}\ntime_intervals: [{name: n, time_intervals: [{weekdays: [friday:monday]}]}]",
            "r.yaml:2:57: time_intervals[0].time_intervals[0].weekdays[0]: must be days such as monday or monday:friday, got \"friday:monday\"",
        ),
        (
            "route: {receiver: default}\ntime_intervals: [{name: n, time_intervals: [{days_of_month: [0]}]}]",
            "r.yaml:2:62: time_intervals[0].time_intervals[0].days_of_month[0]: must be days such as \"1\", \"1:15\" or \"-3:-1\", got the number 0",
        ),
        (
            "route: {receiver: default}\ntime_intervals: [{name: n, time_intervals: [{location: Mars}]}]",
            "r.yaml:2:56: time_intervals[0].time_intervals[0].location: must be a time zone of the IANA database, such as UTC or Europe/Berlin, got \"Mars\"",
        ),
    ];
    for (text, expected) in table {
        let found = mistakes(text);
        assert!(found.starts_with(expected), "{text}\n  gives {found}\n  and not {expected}");
    }
}

#[test]
fn everything_there_is_can_be_said() {
    let text = "
route:
  receiver: default
  routes:
    - matchers: severity=page
      receiver: pager
      mute_time_intervals: [weekend]
      active_time_intervals: [day, summer]
inhibit_rules:
  - name: tickets
    source_matchers: [severity=page]
    target_matchers: ['severity=ticket']
    equal: [slo]
time_intervals:
  - name: weekend
    time_intervals: [{weekdays: ['saturday:saturday', sunday]}]
  - name: day
    time_intervals:
      - times: [{start_time: '08:00', end_time: '18:00'}]
        location: Asia/Seoul
  - name: summer
    time_intervals: [{months: ['6:8', may], years: [2026, '2027:2028'], days_of_month: ['1:-1']}]
";
    assert_eq!(mistakes(text), "");
    let routing = parse("r.yaml", text, &["default".to_owned(), "pager".to_owned()]).unwrap();
    let page = routing.routes_of(&labels("severity=page"))[0];
    let table = [
        // A Monday in January: by day in Seoul, then by night.
        ("2026-01-05T00:00:00Z", false),
        ("2026-01-05T12:00:00Z", true),
        // A Monday in June, and a Saturday.
        ("2026-06-01T12:00:00Z", false),
        ("2026-06-06T00:00:00Z", true),
    ];
    for (time, muted) in table {
        let time = time.parse::<jiff::Timestamp>().unwrap().as_nanosecond() as Nanos;
        assert_eq!(routing.is_muted(page, time), muted, "{time}");
        assert!(!routing.is_muted(&routing.root, time));
    }
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let text = include_str!("../../../../docs/alerting.md");
    let block = text.split("```").find(|block| block.starts_with("yaml\nroute:")).unwrap();
    let receivers = ["default", "pager", "team-a"].map(str::to_owned);
    let routing = parse("docs", block.strip_prefix("yaml\n").unwrap(), &receivers).unwrap();
    assert_eq!((routing.root.routes.len(), routing.inhibit_rules.len(), routing.time_intervals.len()), (2, 1, 1));
}
