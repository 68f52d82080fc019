//! Alerts of groups: each for itself, told together.

use super::*;
use crate::groups::{Candidate, Group, admit};

/// One page and one ticket tier for each route.
fn by_route() -> Slo {
    let mut slo = slo("");
    slo.by = Some(GroupBy { keys: vec!["http.route".to_owned()], max: 3 });
    slo
}

fn route(name: &str) -> Group {
    Group::of([name])
}

/// Steps with the condition of the page tier of each group.
fn go(state: &SloAlerts, slo: &Slo, readings: &[(&Group, Condition)], now: Nanos) -> Step {
    let readings: Vec<GroupReading<'_>> = readings
        .iter()
        .map(|(group, condition)| GroupReading { group, conditions: vec![*condition, Acceptable] })
        .collect();
    step_groups(state, slo, &readings, now)
}

/// `route+` for each alert that fires, `route-` for each resolved one.
fn told(step: &Step) -> String {
    let Some(notification) = &step.notification else { return String::new() };
    let alert = |alert: &Alert| {
        let route = alert.labels.get("http_route").map_or("rest", String::as_str);
        format!("{route}{}", if alert.ends_at.is_none() { '+' } else { '-' })
    };
    let alerts: Vec<String> = notification.alerts.iter().map(alert).collect();
    format!("{}: {}", notification.reason.name(), alerts.join(" "))
}

#[test]
fn each_group_alerts_for_itself() {
    let slo = by_route();
    let (a, b) = (route("a"), route("b"));
    let mut state = SloAlerts::new(&slo);
    let script = [
        ([(&a, Acceptable), (&b, Critical)], "first notification: b+"),
        ([(&a, Critical), (&b, Critical)], "new alerts added: a+ b+"),
        // No data of one freezes that one only.
        ([(&a, NoTraffic), (&b, Recovering)], "some alerts resolved: a+ b-"),
        ([(&a, NoTraffic), (&b, Critical)], "new alerts added: a+ b+"),
        ([(&a, Acceptable), (&b, Acceptable)], "all alerts resolved: a- b-"),
    ];
    for (index, (readings, expected)) in script.into_iter().enumerate() {
        let after = go(&state, &slo, &readings, index as i64 * 10 * SECOND);
        assert_eq!(told(&after), expected, "step {index}");
        state = after.state;
    }
}

#[test]
fn groups_of_one_tier_have_labels_fingerprints_and_changes_of_their_own() {
    let slo = by_route();
    let (a, rest) = (route("/v1/bookings"), Group::Rest);
    let after = go(&SloAlerts::new(&slo), &slo, &[(&a, Critical), (&rest, Critical)], 10);
    let alerts = &after.notification.as_ref().unwrap().alerts;
    assert_eq!(alerts[0].labels["http_route"], "/v1/bookings");
    assert_eq!(alerts[1].labels["rest_of_groups"], "true");
    assert_ne!(alerts[0].fingerprint(), alerts[1].fingerprint());
    let changes: Vec<_> = after.transitions.iter().map(|change| (&change.group, change.to)).collect();
    assert_eq!(changes, [(&a, TransitionTo::Firing), (&rest, TransitionTo::Firing)]);
}

#[test]
fn the_most_urgent_of_all_groups_come_first() {
    let slo = by_route();
    let (a, b) = (route("a"), route("b"));
    let reading = |group, conditions: [Condition; 2]| GroupReading { group, conditions: conditions.to_vec() };
    let readings = [reading(&a, [Acceptable, Critical]), reading(&b, [Critical, Critical])];
    let after = step_groups(&SloAlerts::new(&slo), &slo, &readings, 10);
    let order: Vec<_> = after.notification.unwrap().alerts.into_iter().map(|alert| (alert.tier, alert.group)).collect();
    let tier = |id: &str, group: &Group| (id.to_owned(), group.clone());
    assert_eq!(order, [tier("page/1h/5m", &b), tier("ticket/6h/30m", &a), tier("ticket/6h/30m", &b)]);
}

#[test]
fn a_group_that_left_is_resolved_and_so_is_one_whose_key_changed() {
    let mut slo = by_route();
    let (a, b) = (route("a"), route("b"));
    let fired = go(&SloAlerts::new(&slo), &slo, &[(&a, Critical), (&b, Critical)], 10).state;
    let left = go(&fired, &slo, &[(&a, Critical)], 20);
    assert_eq!(told(&left), "some alerts resolved: a+ b-");
    assert_eq!(left.state.tiers.len(), 2);

    // Without `by` in the file there is one group of all; what fired for the others carries their labels.
    slo.by = None;
    let ungrouped = step(&fired, &slo, &[Critical, Acceptable], 20);
    assert_eq!(told(&ungrouped), "new alerts added: rest+ a- b-");
    let ended = retire(&fired, 20);
    assert_eq!(told(&ended), "all alerts resolved: a- b-");
}

#[test]
fn values_that_look_alike_are_kept_apart() {
    let slo = by_route();
    let groups =
        [Group::of(["a", "b"]), Group::of(["a, b"]), Group::of(["a\", \"b"]), Group::of([""]), Group::Rest, Group::All];
    let mut keys: Vec<String> = groups.iter().map(|group| key("page/1h/5m", group)).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), groups.len(), "{keys:?}");
    let readings: Vec<_> = groups.iter().map(|group| (group, Critical)).collect();
    assert_eq!(go(&SloAlerts::new(&slo), &slo, &readings, 10).state.notified.len(), groups.len());
}

/// A random life of groups that come, alert and go: what is stored and read back goes on in the same way, receivers know
/// what fires, and there are never more groups than the file allows.
#[test]
fn groups_survive_restarts_and_stay_within_their_number() {
    let conditions = [Critical, Acceptable, Recovering, NoTraffic, Increasing];
    let slo = by_route();
    let max = slo.by.as_ref().unwrap().max;
    let (mut state, mut counted) = (SloAlerts::new(&slo), Vec::<Group>::new());
    let mut receiver = std::collections::BTreeSet::new();
    let mut seed = 11_u64;
    let mut next = |limit: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % limit
    };
    for round in 1..2_000 {
        let alerting = |group: &Group| {
            state.tiers.iter().any(|alert| alert.group == *group && !matches!(alert.phase, Phase::Inactive))
        };
        let candidates: Vec<Candidate> = ('a'..='h')
            .map(|name| route(&name.to_string()))
            .map(|group| Candidate {
                events: next(10) as u64,
                is_counted: counted.contains(&group),
                is_alerting: alerting(&group),
                group,
            })
            .collect();
        counted = admit(&candidates, max);
        assert!(counted.len() <= max);
        let readings: Vec<GroupReading<'_>> = counted
            .iter()
            .chain([&Group::Rest])
            .map(|group| GroupReading { group, conditions: vec![conditions[next(5)], conditions[next(5)]] })
            .collect();
        let json = serde_json::to_string(&SavedAlerts::from_states([&state])).unwrap();
        let restored = serde_json::from_str::<SavedAlerts>(&json).unwrap().into_states().unwrap().remove(0);
        let after = step_groups(&restored, &slo, &readings, round * SECOND);
        assert_eq!(after, step_groups(&state, &slo, &readings, round * SECOND));
        for alert in after.notification.iter().flat_map(|notification| &notification.alerts) {
            match alert.ends_at {
                None => receiver.insert(alert.fingerprint()),
                Some(_) => receiver.remove(&alert.fingerprint()),
            };
        }
        assert_eq!(receiver.len(), after.state.notified.len(), "round {round}");
        state = after.state;
    }
}

#[test]
fn states_without_groups_are_stored_as_before() {
    let slo = slo("");
    let fired = step(&SloAlerts::new(&slo), &slo, &[Critical, Acceptable], 10).state;
    let saved = SavedAlerts::from_states([&fired]);
    assert_eq!(saved.version, 1);
    assert!(!serde_json::to_string(&saved).unwrap().contains("group"));
    let grouped = go(&SloAlerts::new(&by_route()), &by_route(), &[(&route("a"), Critical)], 10).state;
    assert_eq!(SavedAlerts::from_states([&grouped]).version, 2);
}
