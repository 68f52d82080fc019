//! Silences without routes.

use super::*;
use crate::routing::Matcher;
use crate::silences::{Draft, Silences};

/// One for alerts of a severity, from second to second.
fn silence(severity: &str, from: i64, to: i64) -> Silences {
    let draft = Draft {
        id: None,
        matchers: Matcher::parse_all(&format!("severity=~\"{severity}\"")).unwrap(),
        starts_at: from * SECOND,
        ends_at: to * SECOND,
        created_by: "x".to_owned(),
        comment: "x".to_owned(),
    };
    Silences::default().with(draft, "1".to_owned(), -SECOND).unwrap().0
}

/// What is told every ten seconds from 10 on, of a page and a ticket tier by a letter each: `P` and `T` fire. Each row is the second, the
/// reason, and the alerts with `/` behind those that are resolved. The SLO repeats every minute.
fn told(script: &str, silences: &Silences) -> Vec<String> {
    let slo = slo("");
    let mut state = SloAlerts::new(&slo);
    let mut told = Vec::new();
    for (index, letters) in script.split(' ').enumerate() {
        let second = (index as i64 + 1) * 10;
        let of = |letter| if letters.contains(letter) { Critical } else { Acceptable };
        let group = Group::All;
        let readings = [GroupReading { group: &group, conditions: vec![of('P'), of('T')] }];
        let step = step_quietly(&state, &slo, &readings, second * SECOND, silences);
        let shown = |alert: &Alert| {
            let end = if alert.ends_at.is_some() { "/" } else { "" };
            format!(" {}{end}", alert.labels["severity"])
        };
        told.extend(step.notification.iter().map(|notification| {
            let alerts: String = notification.alerts.iter().map(shown).collect();
            format!("{second} {}:{alerts}", notification.reason.name())
        }));
        // What is stored is enough to go on from.
        let saved = SavedAlerts::from_states([&step.state]);
        state = saved.into_states().map_err(|newer| newer.0).unwrap().remove(0);
    }
    told
}

#[test]
fn of_what_is_silenced_nobody_is_told() {
    let table: [(&str, Silences, &[&str]); 8] = [
        ("P P -", silence("page", 0, 100), &[]),
        ("PT PT -", silence("page", 0, 100), &["10 first notification: ticket", "30 all alerts resolved: ticket/"]),
        // It returns while it fires.
        ("P P P P", silence("page", 0, 30), &["30 first notification: page"]),
        ("PT PT PT PT", silence("page", 0, 30), &["10 first notification: ticket", "30 new alerts added: page ticket"]),
        // It was told before, and is told again at its return, once.
        ("P P P P P P P P", silence("page", 15, 35), &["10 first notification: page", "40 new alerts added: page"]),
        // It is not repeated in silence, and its end is told.
        (
            "P P P P P P P P P P -",
            silence("page", 15, 500),
            &["10 first notification: page", "110 all alerts resolved: page/"],
        ),
        (
            "PT PT PT PT PT PT PT T",
            silence("page", 15, 500),
            &[
                "10 first notification: page ticket",
                "70 repeat interval elapsed: ticket",
                "80 some alerts resolved: ticket page/",
            ],
        ),
        // Both return at once.
        (
            "PT PT PT PT",
            silence("page|ticket", 15, 35),
            &["10 first notification: page ticket", "40 new alerts added: page ticket"],
        ),
    ];
    for (script, silences, expected) in table {
        assert_eq!(told(script, &silences), expected, "{script}");
    }
}
