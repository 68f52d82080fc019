use model::time::{HOUR, MINUTE, SECOND};

use super::alerts::{Active, Phase, RESOLVED_RETENTION, resume, series, step};
use super::status::RuleStatus;
use super::*;
use crate::template::{Host, Sample};

const DEFAULTS: Defaults = Defaults { interval: MINUTE, query_offset: 0 };

/// Takes every expression but `bad`.
fn read(text: &str) -> Result<Vec<RuleGroup>, String> {
    let check = |text: &str| if text == "bad" { Err("unexpected end".to_owned()) } else { Ok(()) };
    parse("r.yml", text, DEFAULTS, &check).map_err(|errors| errors.to_string())
}

fn only(text: &str) -> Rule {
    read(&format!("groups: [{{name: g, rules: [{text}]}}]")).unwrap().remove(0).rules.remove(0)
}

struct Quiet;

impl Host for Quiet {
    fn query(&self, _: &str) -> Result<Vec<Sample>, String> {
        Ok(Vec::new())
    }

    fn now(&self) -> Nanos {
        0
    }

    fn external_url(&self) -> &str {
        "http://h"
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn sample(instance: &str, value: f64) -> Sample {
    Sample { labels: labels(&[("__name__", "up"), ("instance", instance)]), value }
}

#[test]
fn reads_what_prometheus_reads() {
    let text = r#"
groups:
  - name: all
    interval: 30s
    query_offset: 10s
    limit: 5
    labels: {team: a, tier: gold}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels: {tier: "{{ as it is }}"}
      - alert: Down
        expr: |
          up == 0
        for: 5m
        keep_firing_for: 1h30m
        labels: {severity: page, ratio: 0.50, yes: true, n: 7}
        annotations:
          summary: "{{ $labels.instance }} is down"
  - name: plain
"#;
    let groups = read(text).unwrap();
    let [all, plain] = &groups[..] else { panic!("{groups:?}") };
    assert_eq!((all.interval, all.query_offset, all.limit), (30 * SECOND, 10 * SECOND, 5));
    assert_eq!((plain.interval, plain.rules.len(), plain.key()), (MINUTE, 0, ("r.yml", "plain")));
    let [record, alert] = &all.rules[..] else { panic!("{:?}", all.rules) };
    assert_eq!((record.name.as_str(), record.alerting()), ("job:up:sum", None));
    assert_eq!(record.written_labels(), labels(&[("team", "a"), ("tier", "{{ as it is }}")]));
    assert_eq!(alert.expression.trim(), "up == 0");
    let expected =
        [("team", "a"), ("tier", "gold"), ("severity", "page"), ("ratio", "0.50"), ("yes", "true"), ("n", "7")];
    assert_eq!(alert.written_labels(), labels(&expected));
    let alerting = alert.alerting().unwrap();
    assert_eq!((alerting.hold, alerting.keep_firing_for), (5 * MINUTE, 90 * MINUTE));
    for nothing in ["", "  \n", "# only a comment\n", "groups:\n", "groups: []"] {
        assert_eq!(read(nothing).unwrap(), [], "{nothing:?}");
    }
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let rule = |fields: &str| format!("groups:\n- name: g\n  rules:\n  - {{{fields}}}");
    let table = [
        ("groups: 3".to_owned(), "r.yml:1:9: groups: must be a list, got the number 3"),
        ("group: []".to_owned(), "r.yml:1:1: group: unknown key, did you mean `groups`? Allowed are groups"),
        ("- a".to_owned(), "must be a mapping with groups, got a list"),
        ("groups:\n- rules: []".to_owned(), "r.yml:2:3: groups[0].name: missing; must be the name of the group"),
        ("groups:\n- name: ''".to_owned(), "groups[0].name: must be a name of 1 to 1024 bytes, got \"\""),
        (
            "groups:\n- name: a\n- name: a".to_owned(),
            "r.yml:3:3: groups[1].name: the name \"a\" is taken by the group in line 2; names are unique within a file",
        ),
        ("groups: [{name: a, interval: 5 minutes}]".to_owned(), "groups[0].interval: must be a duration such as"),
        ("groups: [{name: a, interval: 0s}]".to_owned(), "groups[0].interval: must be from 100ms to 366d, got \"0s\""),
        ("groups: [{name: a, limit: -1}]".to_owned(), "groups[0].limit: must be a whole number; 0 is no limit"),
        ("groups: [{name: a, rulez: []}]".to_owned(), "unknown key, did you mean `rules`?"),
        (
            "groups: [{name: a, labels: {__name__: x}}]".to_owned(),
            "invalid name of a label or annotation: \"__name__\"",
        ),
        (rule("expr: up"), "r.yml:4:5: groups[0].rules[0]: lacks `record` or `alert`"),
        (rule("record: a, alert: b, expr: up"), "has `record` and `alert`; a rule is one of both"),
        (rule("alert: a"), "groups[0].rules[0].expr: missing; must be an expression of PromQL"),
        (
            rule("alert: a, expr: bad"),
            "r.yml:4:22: groups[0].rules[0].expr: could not parse expression: unexpected end",
        ),
        (rule("record: a, expr: up, for: 1m"), "for: belongs to alerts; a rule with `record` has none"),
        (rule("record: a, expr: up, keep_firing_for: 1m"), "keep_firing_for: belongs to alerts"),
        (rule("record: a, expr: up, annotations: {a: b}"), "annotations: belongs to alerts"),
        (rule("record: 'up{a=\"b\"}', expr: up"), "should it be in `expr`?"),
        (rule("alert: a, expr: up, for: 5"), "for: must be a duration such as"),
        (rule("alert: a, expr: up, labels: [a]"), "labels: must be a mapping of names to texts, got a list"),
        (rule("alert: a, expr: up, labels: {a: [b]}"), "labels.a: must be text, got a list"),
        (rule("alert: a, expr: up, labels: {alertname: b}"), "labels.alertname: is the name of the alert"),
        (
            rule("alert: a, expr: up, annotations: {a: '{{ $nope }}'}"),
            "groups[0].rules[0].annotations.a: error parsing template: undefined variable \"$nope\"",
        ),
        (rule("alert: a, expr: up, labels: {a: '{{ nope }}'}"), "labels.a: error parsing template: function \"nope\""),
        (rule("alert: a, expr: up, serverity: x"), "serverity: unknown key"),
    ];
    for (text, expected) in table {
        let error = read(&text).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}");
    }
    let several = read(&rule("expr: bad, for: x, labels: 1")).unwrap_err();
    assert_eq!(several.lines().count(), 4, "{several}");
}

/// One moment of a rule: seconds, what its expression gives, and the phases after it.
type Moment = (Nanos, &'static [(&'static str, f64)], &'static [(&'static str, &'static str)]);

fn play(rule: &Rule, moments: &[Moment]) -> (Active, Vec<String>) {
    let (mut active, mut log) = (Active::new(), Vec::new());
    for (second, found, expected) in moments {
        let now = second * SECOND;
        let found = found.iter().map(|(name, value)| expand(rule, &sample(name, *value), &Quiet)).collect();
        let (after, changes) = step(&active, rule.alerting().unwrap(), found, 0, now).unwrap();
        active = after;
        let phases: Vec<(&str, &str)> =
            active.iter().map(|(labels, alert)| (labels["instance"].as_str(), alert.phase.name())).collect();
        assert_eq!(&phases[..], *expected, "at {second} s");
        log.extend(changes.iter().map(|change| format!("{second} {} {}", change.labels["instance"], change.to.name())));
    }
    (active, log)
}

#[test]
fn alerts_go_from_pending_to_firing_to_resolved() {
    let rule = only("{alert: Down, expr: up == 0, for: 2m, keep_firing_for: 1m}");
    let (active, log) = play(
        &rule,
        &[
            (0, &[("a", 1.0)], &[("a", "pending")]),
            (60, &[("a", 2.0), ("b", 1.0)], &[("a", "pending"), ("b", "pending")]),
            (120, &[("a", 3.0)], &[("a", "firing")]),
            // Gone, but held; back, which forgets that it was gone; gone for as long as it is held.
            (180, &[], &[("a", "firing")]),
            (200, &[("a", 4.0)], &[("a", "firing")]),
            (240, &[], &[("a", "firing")]),
            (300, &[], &[("a", "inactive")]),
            (360, &[("a", 5.0)], &[("a", "pending")]),
            (480, &[("a", 5.0)], &[("a", "firing")]),
            (600, &[], &[("a", "firing")]),
            (660, &[], &[("a", "inactive")]),
            (660 + RESOLVED_RETENTION / SECOND, &[], &[("a", "inactive")]),
            (661 + RESOLVED_RETENTION / SECOND, &[], &[]),
        ],
    );
    assert!(active.is_empty());
    let expected = [
        "0 a pending",
        "60 b pending",
        "120 b inactive",
        "120 a firing",
        "300 a resolved",
        "360 a pending",
        "480 a firing",
        "660 a resolved",
    ];
    assert_eq!(log, expected);
}

#[test]
fn without_for_an_alert_fires_at_once() {
    let rule = only("{alert: Down, expr: up == 0}");
    let (active, log) = play(&rule, &[(0, &[("a", 1.0)], &[("a", "firing")]), (60, &[("a", 2.0)], &[("a", "firing")])]);
    assert_eq!(log, ["0 a firing"]);
    let alert = active.values().next().unwrap();
    assert_eq!((alert.value, alert.active_at, alert.firing_since()), (2.0, 0, Some(0)));
}

#[test]
fn labels_and_annotations_are_those_of_sample_and_rule() {
    let rule = only(
        "{alert: Down, expr: up, labels: {severity: page, instance: 'i-{{ $labels.instance }}', gone: '{{ $labels.no }}'}, \
         annotations: {summary: '{{ $value }} of {{ $labels.__name__ }}', bad: '{{ query \"x\" | first }}'}}",
    );
    let expanded = expand(&rule, &sample("a", 1.5), &Quiet);
    assert_eq!(expanded.labels, labels(&[("alertname", "Down"), ("instance", "i-a"), ("severity", "page")]));
    assert_eq!(expanded.annotations["summary"], "1.5 of up");
    let failed = "<error expanding template: error calling first: first() called on vector with no elements>";
    assert_eq!(expanded.annotations["bad"], failed);
    assert!(expanded.problem.unwrap().starts_with("bad: error expanding template: "));
}

#[test]
fn a_rule_that_fails_keeps_its_alerts() {
    let rule = only("{alert: Down, expr: up, labels: {instance: x}}");
    let alerting = rule.alerting().unwrap();
    let found = |names: &[&str]| names.iter().map(|name| expand(&rule, &sample(name, 1.0), &Quiet)).collect::<Vec<_>>();
    let error = step(&Active::new(), alerting, found(&["a", "b"]), 0, 0).unwrap_err();
    assert_eq!(error, "vector contains metrics with the same labelset after applying alert labels");
    let rule = only("{alert: Down, expr: up}");
    let found = |names: &[&str]| names.iter().map(|name| expand(&rule, &sample(name, 1.0), &Quiet)).collect::<Vec<_>>();
    assert_eq!(step(&Active::new(), alerting, found(&["a", "b"]), 2, 0).unwrap().0.len(), 2);
    let error = step(&Active::new(), alerting, found(&["a", "b", "c"]), 2, 0).unwrap_err();
    assert_eq!(error, "exceeded limit of 2 with 3 alerts");
}

#[test]
fn active_alerts_are_two_series_each() {
    let rule = only("{alert: Down, expr: up == 0, for: 1m}");
    let (active, _) = play(&rule, &[(90, &[("a", 1.0)], &[("a", "pending")])]);
    let found: Vec<(Labels, f64)> = series(&active).collect();
    let shared = [("alertname", "Down"), ("instance", "a")];
    let of = |more: &[(&str, &str)]| labels(&[&shared[..], more].concat());
    assert_eq!(
        found,
        [
            (of(&[("__name__", "ALERTS"), ("alertstate", "pending")]), 1.0),
            (of(&[("__name__", "ALERTS_FOR_STATE")]), 90.0)
        ]
    );
}

#[test]
fn time_in_which_nobody_looked_is_not_time_for_which_it_held() {
    let rule = only("{alert: Down, expr: up == 0, for: 10m}");
    let table = [
        // Seconds without evaluation, and since when it counts as active, if it still does.
        (60, Some(0)),
        (30, Some(0)),
        (-500, Some(0)),
        (360, Some(300)),
        (60 + HOUR / SECOND, Some(HOUR / SECOND)),
        (61 + HOUR / SECOND, None),
    ];
    for (gap, expected) in table {
        let (mut active, _) = play(&rule, &[(0, &[("a", 1.0)], &[("a", "pending")])]);
        resume(&mut active, 0, gap * SECOND, MINUTE);
        let since = active.values().next().map(|alert| alert.active_at / SECOND);
        assert_eq!(since, expected, "{gap}");
    }
    let (mut active, _) = play(&only("{alert: Down, expr: up}"), &[(0, &[("a", 1.0)], &[("a", "firing")])]);
    let before = active.clone();
    resume(&mut active, 0, 5 * HOUR, MINUTE);
    assert_eq!(active, before);
}

#[test]
fn what_is_stored_is_what_was() {
    let rule = only("{alert: Down, expr: up == 0, for: 1m}");
    let (mut active, _) = play(
        &rule,
        &[
            (0, &[("a", f64::INFINITY), ("b", 1.0)], &[("a", "pending"), ("b", "pending")]),
            (60, &[("a", f64::INFINITY), ("b", 0.1)], &[("a", "firing"), ("b", "firing")]),
            (90, &[("a", f64::INFINITY), ("c", 1e300)], &[("a", "firing"), ("b", "inactive"), ("c", "pending")]),
        ],
    );
    let first = active.values_mut().next().unwrap();
    first.phase = Phase::Firing { since: 60 * SECOND, gone_since: Some(70 * SECOND) };
    let saved = saved::SavedRule::new(rule.identity(), &active);
    let json = serde_json::to_string(&saved).unwrap();
    let read: saved::SavedRule = serde_json::from_str(&json).unwrap();
    assert_eq!(read.identity, "alert Down []");
    assert_eq!(read.into_active(), active);
}

#[test]
fn a_rule_is_where_its_furthest_alert_is() {
    let rule = only("{alert: Down, expr: up == 0, for: 1m}");
    let (active, _) = play(
        &rule,
        &[
            (0, &[("a", 1.0)], &[("a", "pending")]),
            (60, &[("a", 1.0), ("b", 1.0)], &[("a", "firing"), ("b", "pending")]),
        ],
    );
    let status = RuleStatus { active: active.into(), ..RuleStatus::default() };
    assert_eq!((status.state(), status.health(), status.alerts().count()), ("firing", "unknown", 2));
    assert_eq!(RuleStatus::default().state(), "inactive");
}
