//! Groups over time: what fires at which second, and what is told then.

use model::time::SECOND;

use super::*;
use crate::alert::Alert;
use crate::groups::Group;
use crate::silences::{Draft, Silences};

/// `a`, `b page`: alerts of the SLOs a and b, the second with a severity. Each has fired since it was first seen.
fn alerts(text: &str, now: Nanos, since: &mut BTreeMap<String, Nanos>) -> Vec<Alert> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    since.retain(|name, _| names.contains(&name.as_str()));
    let alert = |name: &&str| {
        let (slo, severity) = name.split_once(' ').unwrap_or((name, "ticket"));
        Alert {
            tier: "t".to_owned(),
            group: Group::All,
            labels: labels(&format!("alertname=X slo={slo} severity={severity}")),
            starts_at: *since.entry((*name).to_owned()).or_insert(now),
            ends_at: None,
            rule: None,
        }
    };
    names.iter().map(alert).collect()
}

/// `default(first notification): a, b/resolved` for each notification, in the order of the alphabet.
fn shown(notifications: &[GroupNotification]) -> String {
    let alert = |alert: &Alert| {
        let end = if alert.ends_at.is_some() { "/resolved" } else { "" };
        format!("{}{end}", alert.labels["slo"])
    };
    let one = |told: &GroupNotification| {
        let alerts: Vec<String> = told.alerts.iter().map(alert).collect();
        format!("{}({}): {}", told.receiver, told.reason.name(), alerts.join(", "))
    };
    let mut all: Vec<String> = notifications.iter().map(one).collect();
    all.sort();
    all.join("; ")
}

/// Each row: a second, what fires from then on, and what is told then. Every second between two rows is stepped too, and
/// must tell nothing.
fn check(file: &str, rows: &[(i64, &str, &str)]) {
    check_with(file, &Silences::default(), rows);
}

/// [`check`] with silences.
fn check_with(file: &str, silences: &Silences, rows: &[(i64, &str, &str)]) {
    let routing = routing(file);
    let (mut groups, mut since) = (Groups::default(), BTreeMap::new());
    let mut keys = std::collections::BTreeSet::new();
    let mut fires = "";
    let end = rows.last().unwrap().0;
    for second in rows[0].0..=end {
        let row = rows.iter().find(|row| row.0 == second);
        fires = row.map_or(fires, |row| row.1);
        let now = second * SECOND;
        let firing = alerts(fires, now, &mut since);
        let (next, told) = groups.step(&routing, &firing, now, silences, |name| name != "pager");
        assert_eq!(shown(&told), row.map_or("", |row| row.2), "at {second} s of {file}");
        assert!(told.iter().all(|told| keys.insert(told.idempotency_key.clone())), "keys differ: {told:?}");
        // Once every group was told of, what is stored is enough to go on from.
        let saved = next.to_saved();
        groups = if saved.len() == next.0.len() { Groups::from_saved(saved) } else { next };
    }
    assert!(!groups.0.is_empty() || fires.is_empty());
}

const ONE: &str = "route: {receiver: default, group_wait: 10s, group_interval: 60s, repeat_interval: 200s}";

#[test]
fn a_group_waits_then_tells_its_news_then_repeats() {
    check(
        ONE,
        &[
            (0, "a", ""),
            (4, "a, b", ""),
            (10, "a, b", "default(first notification): a, b"),
            (11, "a, b, c", ""),
            (70, "a, b, c", "default(new alerts added): a, b, c"),
            (75, "b, c", ""),
            (130, "b, c", "default(some alerts resolved): b, c, a/resolved"),
            // 190, 250, 310: nothing is new. 330 is when it repeats, 370 when it may.
            (370, "b, c", "default(repeat interval elapsed): b, c"),
            (371, "", ""),
            (430, "", "default(all alerts resolved): b/resolved, c/resolved"),
            (600, "", ""),
        ],
    );
}

/// One of the SLO a, for so many seconds.
fn silence(from: i64, to: i64) -> Silences {
    let draft = Draft {
        id: None,
        matchers: Matcher::parse_all("slo=a").unwrap(),
        starts_at: from * SECOND,
        ends_at: to * SECOND,
        created_by: "x".to_owned(),
        comment: "x".to_owned(),
    };
    Silences::default().with(draft, "1".to_owned(), -SECOND).unwrap().0
}

#[test]
fn what_is_silenced_is_told_when_it_returns() {
    // It begins in silence, alone and beside another.
    check_with(
        ONE,
        &silence(0, 100),
        &[
            (0, "a", ""),
            (50, "a, b", ""),
            (70, "a, b", "default(first notification): b"),
            (130, "a, b", "default(new alerts added): a, b"),
            (131, "", ""),
            (190, "", "default(all alerts resolved): a/resolved, b/resolved"),
        ],
    );
    // It was told before, and is told again; the repeat in between is of the other one.
    check_with(
        ONE,
        &silence(20, 300),
        &[
            (0, "a, b", ""),
            (10, "a, b", "default(first notification): a, b"),
            (250, "a, b", "default(repeat interval elapsed): b"),
            (310, "a, b", "default(new alerts added): a, b"),
            (550, "a, b", "default(repeat interval elapsed): a, b"),
        ],
    );
    // What ends in silence is told if it was told that it fires, and else not.
    check_with(
        ONE,
        &silence(20, 300),
        &[
            (0, "a, b", ""),
            (10, "a, b", "default(first notification): a, b"),
            (30, "b", ""),
            (70, "b", "default(some alerts resolved): b, a/resolved"),
            (80, "a, b", ""),
            (90, "b", ""),
            (310, "b", "default(repeat interval elapsed): b"),
        ],
    );
}

#[test]
fn what_ends_before_its_wait_is_over_is_not_told() {
    check(ONE, &[(0, "a", ""), (9, "", ""), (300, "", "")]);
}

#[test]
fn what_comes_back_before_the_next_notification_is_no_news() {
    check(
        ONE,
        &[
            (0, "a", ""),
            (10, "a", "default(first notification): a"),
            (20, "", ""),
            (40, "a", ""),
            (250, "a", "default(repeat interval elapsed): a"),
        ],
    );
}

#[test]
fn what_has_fired_for_long_does_not_wait_again() {
    let routing = routing(ONE);
    let firing = alerts("a", 0, &mut BTreeMap::new());
    let (_, told) = Groups::default().step(&routing, &firing, 100 * SECOND, &Silences::default(), |_| true);
    assert_eq!(shown(&told), "default(first notification): a");
}

#[test]
fn a_clock_that_was_set_back_delays_by_no_more_than_an_interval() {
    let routing = routing(ONE);
    let firing = alerts("a", 1000 * SECOND, &mut BTreeMap::new());
    let (groups, _) = Groups::default().step(&routing, &firing, 1000 * SECOND, &Silences::default(), |_| true);
    let (groups, _) = groups.step(&routing, &firing, 0, &Silences::default(), |_| true);
    assert!(groups.is_due(60 * SECOND) && !groups.is_due(59 * SECOND));
}

#[test]
fn groups_are_told_apart() {
    let file = "route: {receiver: default, group_by: [slo], group_wait: 10s, group_interval: 60s}";
    check(
        file,
        &[
            (0, "a", ""),
            (5, "a, b", ""),
            (10, "a, b", "default(first notification): a"),
            (15, "a, b", "default(first notification): b"),
            (20, "b", ""),
            (70, "b", "default(all alerts resolved): a/resolved"),
            (100, "b", ""),
        ],
    );
}

#[test]
fn each_route_has_groups_of_its_own() {
    let file = "
route:
  receiver: default
  group_wait: 10s
  group_interval: 60s
  routes:
    - {receiver: pager, matchers: [severity=page], group_wait: 0s, continue: true}
    - {receiver: team, matchers: [slo=b]}
";
    check(
        file,
        &[
            (0, "a, b page", "pager(first notification): b"),
            (10, "a, b page", "default(first notification): a; team(first notification): b"),
            (20, "a", ""),
            // The pager is not told of what is resolved, so there is nothing to say at 60.
            (70, "a", "team(all alerts resolved): b/resolved"),
            (80, "a, b page", "pager(first notification): b"),
            (90, "a, b page", "team(first notification): b"),
            (100, "a, b page", ""),
        ],
    );
}

#[test]
fn inhibited_alerts_are_not_told_but_their_end_is() {
    let file = "
route: {receiver: default, group_by: [slo, severity], group_wait: 0s, group_interval: 60s, repeat_interval: 100s}
inhibit_rules:
  - {source_matchers: [severity=page], target_matchers: [severity=ticket], equal: [slo]}
";
    check(
        file,
        &[
            (0, "a, b page, b", "default(first notification): a; default(first notification): b"),
            // The page of a begins: its ticket is not repeated at 120.
            (10, "a, a page, b page, b", "default(first notification): a"),
            (120, "a, a page, b page, b", "default(repeat interval elapsed): b"),
            (130, "a, a page, b page, b", "default(repeat interval elapsed): a"),
            (131, "a page, b page, b", ""),
            (180, "a page, b page, b", "default(all alerts resolved): a/resolved"),
            // The page of b is over: its ticket is told now.
            (181, "a page, b", ""),
            (240, "a page, b", "default(all alerts resolved): b/resolved; default(first notification): b"),
            (241, "", ""),
        ],
    );
}

#[test]
fn a_muted_route_tells_afterwards() {
    let file = "
route:
  receiver: default
  routes:
    - {matchers: ['slo=~\"a|b\"'], receiver: team, group_wait: 0s, group_interval: 30s, mute_time_intervals: [first]}
time_intervals:
  - {name: first, time_intervals: [{times: [{start_time: '00:00', end_time: '00:02'}, {start_time: '00:04', end_time: '00:06'}]}]}
";
    check(
        file,
        &[
            (0, "a", ""),
            (120, "a", "team(first notification): a"),
            // Its end is within the second mute, and told when that is over.
            (250, "", ""),
            (360, "", "team(all alerts resolved): a/resolved"),
            (400, "", ""),
        ],
    );
}

#[test]
fn groups_of_routes_that_are_gone_are_forgotten() {
    let firing = alerts("a", 0, &mut BTreeMap::new());
    let (groups, _) = Groups::default().step(&routing(ONE), &firing, 20 * SECOND, &Silences::default(), |_| true);
    let other = routing("route: {receiver: team, group_wait: 0s}");
    let (groups, told) = groups.step(&other, &firing, 21 * SECOND, &Silences::default(), |_| true);
    assert_eq!(shown(&told), "team(first notification): a");
    assert_eq!(groups.0.len(), 1);
}
