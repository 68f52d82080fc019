//! Silences, with and without routes, over restarts.

use slo::routing::Matcher;
use slo::silences::{Draft, SilenceState};
use slo::status::{AttemptOutcome, Exchange};

use super::*;
use crate::alerting::outbox::note;

const ROUTES: &str = "route: {receiver: team, group_by: [slo, severity], group_wait: 0s, group_interval: 1m}\n";

fn draft(from: Nanos, to: Nanos) -> Draft {
    Draft {
        id: None,
        matchers: Matcher::parse_all("slo=booking").unwrap(),
        starts_at: from,
        ends_at: to,
        created_by: "somebody".to_owned(),
        comment: "they know".to_owned(),
    }
}

/// The first incident is silenced all along; the second fires when the silence ends.
#[test]
fn what_is_silenced_is_not_told_until_its_silence_ends() {
    for routes in [false, true] {
        let bench = Bench::new();
        if routes {
            std::fs::write(bench.dir.path().join("routes.yaml"), ROUTES).unwrap();
        }
        bench.events(T0 - HOUR, T0, 0);
        bench.events(T0, T0 + 3 * MINUTE, 2);
        bench.events(T0 + 3 * MINUTE, T0 + 20 * MINUTE, 0);
        bench.events(T0 + 20 * MINUTE, T0 + 40 * MINUTE, 2);
        let all = bench.paper.events.lock().unwrap().clone();
        let mut rounds = bench.open();
        let id = rounds.state.silence(draft(T0 - MINUTE, T0 + 30 * MINUTE), T0).unwrap();
        let mut now = T0;
        let mut told = Vec::new();
        while now < T0 + 40 * MINUTE {
            *bench.paper.events.lock().unwrap() = all.iter().filter(|event| event.0 <= now).copied().collect();
            bench.at(&mut rounds, now);
            if now % (3 * MINUTE) == 0 {
                rounds = bench.open();
            }
            while let Some(head) = rounds.state.heads("team").into_iter().next() {
                told.push((now, head.status.clone()));
                let outcome = AttemptOutcome::Delivered(200);
                let attempt = note(&head, now, Duration::ZERO, outcome);
                rounds.state.record(head.id, attempt, &Exchange::default()).unwrap();
            }
            now += 6 * SECOND;
        }
        // Both alerts of the second incident, in one notification without routes and in one each with them.
        let at = T0 + 30 * MINUTE;
        let expected = if routes { 2 } else { 1 };
        assert_eq!(told.len(), expected, "{told:?}");
        let soon = |time: &Nanos| (at..=at + MINUTE + 6 * SECOND).contains(time);
        assert!(told.iter().all(|(time, status)| soon(time) && status == "firing"), "{told:?}");
        let silences = rounds.status().silences;
        assert_eq!(silences.get(&id).map(|silence| silence.state(now)), Some(SilenceState::Expired));
    }
}

#[test]
fn silences_are_stored_before_they_are_answered() {
    let bench = Bench::new();
    let rounds = bench.open();
    let id = rounds.state.silence(draft(T0, T0 + HOUR), T0).unwrap();
    assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id}");
    drop(rounds);
    let rounds = bench.open();
    assert_eq!(rounds.status().silences.iter().count(), 1);
    rounds.state.expire(&id, T0 + MINUTE).unwrap();
    drop(rounds);
    let rounds = bench.open();
    assert_eq!(rounds.status().silences.get(&id).unwrap().ends_at, T0 + MINUTE);
    // What cannot be stored did not happen.
    let file = bench.dir.path().join("alerts/state");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let refusal = rounds.state.silence(draft(T0, T0 + HOUR), T0).unwrap_err().to_string();
    assert!(refusal.starts_with("cannot store silences: "), "{refusal}");
    assert_eq!(rounds.status().silences.iter().count(), 1);
}
