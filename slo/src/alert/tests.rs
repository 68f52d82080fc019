//! The state machine by tables: a script of conditions, and what must come of it.

use model::time::SECOND;

use super::saved::SavedAlerts;
use super::*;
use crate::burn::{Condition, Guard};
use crate::spec::{GroupBy, parse};

mod groups;
mod quiet;

use Condition::{Acceptable, Critical, Excluded, Increasing, NoTraffic, NotCounted, Recovering};

const SUPPRESSED: Condition = Condition::Suppressed { guard: Guard::BadEvents, counted: 1, needed: 2 };

/// An SLO with one page and one ticket tier; `page` is what the page tier has besides windows and rate.
fn slo(page: &str) -> Slo {
    let text = format!(
        "name: booking\nservice: s\nindicator: availability\nwindow: 30d\nobjective: 99\nowner: team\nlabels: {{env: demo}}\nalerting:\n  repeat_interval: 1m\n  tiers:\n    - {{severity: page, long: 1h, short: 5m, burn_rate: 10{page}}}\n    - {{severity: ticket, long: 6h, short: 30m, burn_rate: 1}}\n"
    );
    parse("f.yaml", &text).unwrap().remove(0)
}

/// Runs the page tier through conditions, ten seconds apart; gives the phases as letters (i, p, f) and the changes.
fn run(page: &str, script: &[Condition]) -> (String, Vec<&'static str>) {
    let slo = slo(page);
    let mut state = SloAlerts::new(&slo);
    let (mut phases, mut changes) = (String::new(), Vec::new());
    for (index, condition) in script.iter().enumerate() {
        let step = step(&state, &slo, &[*condition, Acceptable], (index as i64 + 1) * 10 * SECOND);
        changes.extend(step.transitions.iter().map(|transition| transition.to.name()));
        phases.push(match step.state.tiers[0].phase {
            Phase::Inactive => 'i',
            Phase::Pending { .. } => 'p',
            Phase::Firing(_) => 'f',
        });
        state = step.state;
    }
    (phases, changes)
}

#[test]
fn goes_through_its_phases() {
    let table: &[(&str, &[Condition], &str, &[&str])] = &[
        ("", &[Acceptable, Critical, Critical, Acceptable], "iffi", &["firing", "resolved"]),
        // Hysteresis: once firing, only the short window decides.
        ("", &[Critical, Increasing, SUPPRESSED, Critical, Recovering], "ffffi", &["firing", "resolved"]),
        ("", &[Increasing, Recovering, SUPPRESSED, NoTraffic], "iiii", &[]),
        // No data freezes, in every phase.
        ("", &[Critical, NoTraffic, NotCounted, NoTraffic, Critical], "fffff", &["firing"]),
        ("", &[NoTraffic, NotCounted, Critical], "iif", &["firing"]),
        ("", &[Critical, Excluded, Excluded, Acceptable], "fffi", &["firing", "resolved"]),
        (", for: 20s", &[Critical, Critical, Critical, Acceptable], "ppfi", &["pending", "firing", "resolved"]),
        (
            ", for: 20s",
            &[Critical, Recovering, Critical, Critical, Critical],
            "pippf",
            &["pending", "inactive", "pending", "firing"],
        ),
        (", for: 20s", &[Critical, NoTraffic, Critical], "ppf", &["pending", "firing"]),
        (", for: 20s", &[Critical, SUPPRESSED], "pi", &["pending", "inactive"]),
        (", keep_firing_for: 20s", &[Critical, Acceptable, Recovering, Acceptable], "fffi", &["firing", "resolved"]),
        (
            ", keep_firing_for: 20s",
            &[Critical, Acceptable, Critical, Acceptable, Acceptable, Acceptable],
            "fffffi",
            &["firing", "resolved"],
        ),
        (", keep_firing_for: 20s", &[Critical, Acceptable, NoTraffic, Acceptable], "fffi", &["firing", "resolved"]),
        ("", &[Critical, Acceptable, Critical, Acceptable], "fifi", &["firing", "resolved", "firing", "resolved"]),
    ];
    for (page, script, phases, changes) in table {
        assert_eq!(run(page, script), ((*phases).to_owned(), changes.to_vec()), "{page} {script:?}");
    }
}

/// Both tiers, ten seconds apart; for each step what was sent: reason, then `tier+` (firing) or `tier-` (resolved).
#[test]
fn notifies_as_alertmanager_groups() {
    let slo = slo("");
    let mut state = SloAlerts::new(&slo);
    let script = [
        ((Acceptable, Acceptable), ""),
        ((Critical, Acceptable), "first notification: page+"),
        ((Critical, Acceptable), ""),
        ((Critical, Critical), "new alerts added: page+ ticket+"),
        ((Acceptable, Critical), "some alerts resolved: ticket+ page-"),
        ((Critical, Acceptable), "new alerts added: page+ ticket-"),
        ((Acceptable, Acceptable), "all alerts resolved: page-"),
        ((Acceptable, Acceptable), ""),
        ((Critical, Critical), "first notification: page+ ticket+"),
        ((NoTraffic, NoTraffic), ""),
        ((Acceptable, Acceptable), "all alerts resolved: page- ticket-"),
    ];
    let mut sequence = 0;
    for (index, ((page, ticket), expected)) in script.into_iter().enumerate() {
        let step = step(&state, &slo, &[page, ticket], index as i64 * 10 * SECOND);
        let sent = step.notification.as_ref().map_or(String::new(), |notification| {
            sequence += 1;
            assert_eq!(notification.sequence, sequence);
            assert_eq!(notification.is_firing(), notification.alerts[0].ends_at.is_none());
            let alerts: Vec<String> = notification
                .alerts
                .iter()
                .map(|alert| format!("{}{}", alert.labels["severity"], if alert.ends_at.is_none() { '+' } else { '-' }))
                .collect();
            format!("{}: {}", notification.reason.name(), alerts.join(" "))
        });
        assert_eq!(sent, expected, "step {index}");
        state = step.state;
    }
}

#[test]
fn repeats_while_it_fires_and_only_then() {
    let slo = slo("");
    let mut state = SloAlerts::new(&slo);
    let mut sent = Vec::new();
    for second in 0..200 {
        let condition = if second < 150 { Critical } else { Acceptable };
        let step = step(&state, &slo, &[condition, Acceptable], second * SECOND);
        sent.extend(step.notification.map(|notification| (second, notification.reason)));
        state = step.state;
    }
    assert_eq!(sent, [(0, Reason::First), (60, Reason::Repeat), (120, Reason::Repeat), (150, Reason::AllResolved)]);
}

#[test]
fn a_resolution_carries_the_labels_and_the_start_of_its_alert() {
    let mut slo = slo("");
    let first = step(&SloAlerts::new(&slo), &slo, &[Critical, Acceptable], 10);
    let fired = first.notification.unwrap().alerts.remove(0);
    let expected = [
        ("alertname", "ErrorBudgetBurn"),
        ("env", "demo"),
        ("long_window", "1h"),
        ("owner", "team"),
        ("service", "s"),
        ("severity", "page"),
        ("short_window", "5m"),
        ("slo", "booking"),
    ];
    assert_eq!(fired.labels, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    slo.labels.insert("env".to_owned(), "other".to_owned());
    slo.alerting.name = "Renamed".to_owned();
    let second = step(&first.state, &slo, &[Recovering, Acceptable], 20).notification.unwrap();
    assert_eq!(second.alert_name, "ErrorBudgetBurn");
    assert_eq!(second.alerts, [Alert { ends_at: Some(20), ..fired.clone() }]);
    assert_eq!(second.alerts[0].fingerprint(), fired.fingerprint());
}

#[test]
fn a_removed_tier_or_slo_resolves_what_fires() {
    let mut slo = slo("");
    let fired = step(&SloAlerts::new(&slo), &slo, &[Critical, Critical], 10).state;

    let retired = retire(&fired, 20);
    let notification = retired.notification.unwrap();
    assert_eq!((notification.reason, notification.alerts.len()), (Reason::AllResolved, 2));
    assert!(retired.state.tiers.is_empty());
    assert_eq!(retire(&retired.state, 30).notification, None);

    slo.alerting.tiers.remove(0);
    let changed = step(&fired, &slo, &[Critical], 20);
    assert_eq!(changed.notification.unwrap().reason, Reason::SomeResolved);
    assert_eq!(changed.state.tiers.len(), 1);
}

#[test]
fn keys_are_stable_and_never_shared() {
    let slo = slo("");
    let mut state = SloAlerts::new(&slo);
    let mut keys = Vec::new();
    for at in 0..20 {
        let condition = if at % 2 == 0 { Critical } else { Acceptable };
        let step = step(&state, &slo, &[condition, Acceptable], at);
        let notification = step.notification.unwrap();
        assert_eq!(notification.idempotency_key(), notification.clone().idempotency_key());
        keys.push(notification.idempotency_key());
        state = step.state;
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 20);
}

/// At every point of a random life: what is stored and read back is the same and goes on in the same way.
#[test]
fn a_restart_at_any_moment_changes_nothing() {
    let conditions = [Critical, Acceptable, Recovering, Increasing, NoTraffic, NotCounted, SUPPRESSED];
    let slo = slo(", for: 20s, keep_firing_for: 20s");
    let mut state = SloAlerts::new(&slo);
    let mut seed = 7_u64;
    for round in 1..2000 {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            conditions[(seed >> 33) as usize % conditions.len()]
        };
        let readings = [next(), next()];
        let json = serde_json::to_string(&SavedAlerts::from_states([&state])).unwrap();
        let restored = serde_json::from_str::<SavedAlerts>(&json).unwrap().into_states().unwrap().remove(0);
        assert_eq!(restored, state);
        let after = step(&state, &slo, &readings, round * 10 * SECOND);
        assert_eq!(step(&restored, &slo, &readings, round * 10 * SECOND), after);
        state = after.state;
    }
    assert!(state.sequence > 50, "the script exercises notifications: {}", state.sequence);
}

#[test]
fn firing_and_resolved_alternate_and_receivers_know_what_fires() {
    let conditions = [Critical, Acceptable, Recovering, Increasing, NoTraffic, SUPPRESSED];
    let slo = slo("");
    let mut state = SloAlerts::new(&slo);
    let mut receiver: std::collections::BTreeSet<String> = Default::default();
    let mut seed = 3_u64;
    for round in 1..3000 {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            conditions[(seed >> 33) as usize % conditions.len()]
        };
        let after = step(&state, &slo, &[next(), next()], round * SECOND);
        for alert in after.notification.iter().flat_map(|notification| &notification.alerts) {
            match alert.ends_at {
                None => receiver.insert(alert.tier.clone()),
                Some(_) => receiver.remove(&alert.tier),
            };
        }
        let firing: std::collections::BTreeSet<String> = after
            .state
            .tiers
            .iter()
            .filter(|tier| matches!(tier.phase, Phase::Firing(_)))
            .map(|tier| tier.id.clone())
            .collect();
        assert_eq!(receiver, firing, "round {round}");
        state = after.state;
    }
}

#[test]
fn a_newer_format_is_refused() {
    let mut saved = SavedAlerts::from_states([]);
    saved.version = 3;
    let message = saved.into_states().unwrap_err().to_string();
    assert_eq!(message, "alert states of format 3 are newer than format 2, the newest that this program reads");
}

/// Version 1 as it lies on disks; it must stay readable for ever.
#[test]
fn reads_version_1() {
    let text = r#"{"version":1,"slos":[{"slo":"booking","alert_name":"ErrorBudgetBurn","tiers":[
        {"id":"page/1h/5m","severity":"page","phase":{"firing":{"since":5,"clear_since":null,"labels":{"a":"b"}}},"resolved_at":3},
        {"id":"ticket/6h/30m","severity":"ticket","phase":{"pending":{"since":7}},"resolved_at":null},
        {"id":"ticket/3d/6h","severity":"ticket","phase":"inactive","resolved_at":null}],
        "sequence":9,"notified":["page/1h/5m"],"notified_at":6,"evaluated_at":8}]}"#;
    let states = serde_json::from_str::<SavedAlerts>(text).unwrap().into_states().unwrap();
    assert_eq!((states[0].sequence, states[0].evaluated_at, states[0].tiers.len()), (9, 8, 3));
    let firing = Firing { since: 5, clear_since: None, labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]) };
    assert_eq!(states[0].tiers[0].phase, Phase::Firing(firing));
    assert_eq!(states[0].tiers[1].phase, Phase::Pending { since: 7 });
}
