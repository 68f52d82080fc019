//! Alertmanagers, which are told again of what fires.

use slo::status::{AttemptOutcome, Exchange};

use super::*;
use crate::alerting::Kind;
use crate::alerting::outbox::note;

const ROUTES: &str = "
route:
  receiver: team
  group_by: [slo]
  routes:
    - {receiver: am, group_wait: 5m, group_interval: 5m, continue: true}
    - matchers: [severity=page]
";

fn open(bench: &Bench) -> Rounds {
    let mut config = bench.config();
    config.receivers.push(Receiver { kind: Kind::Alertmanager, ..Receiver::new("am", "") });
    bench.open_with(config)
}

/// Lets what waits for the Alertmanager arrive; gives the status of it.
fn deliver(rounds: &Rounds, now: Nanos) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(head) = rounds.state.heads("am").into_iter().next() {
        let attempt = note(&head, now, Duration::ZERO, AttemptOutcome::Delivered(200));
        rounds.state.record(head.id, attempt, &Exchange::default()).unwrap();
        told.push(head.status);
    }
    told
}

#[test]
fn what_fires_is_told_every_minute_and_its_end_once() {
    for routes in [None, Some(ROUTES)] {
        for restart in [false, true] {
            let bench = Bench::new();
            if let Some(routes) = routes {
                std::fs::write(bench.dir.path().join("routes.yaml"), routes).unwrap();
            }
            bench.events(T0 - HOUR, T0, 0);
            bench.events(T0, T0 + 3 * MINUTE, 2);
            bench.events(T0 + 3 * MINUTE, T0 + 20 * MINUTE, 0);
            let all = bench.paper.events.lock().unwrap().clone();
            let mut rounds = open(&bench);
            let (mut now, mut told) = (T0, Vec::new());
            while now < T0 + 20 * MINUTE {
                *bench.paper.events.lock().unwrap() = all.iter().filter(|event| event.0 <= now).copied().collect();
                bench.at(&mut rounds, now);
                told.extend(deliver(&rounds, now).into_iter().map(|status| (now, status)));
                if restart && now == T0 + 5 * MINUTE {
                    rounds = open(&bench);
                }
                now += 6 * SECOND;
            }
            let case = format!("routes: {}, restart: {restart}: {told:?}", routes.is_some());
            let (last, firing) = told.split_last().unwrap();
            // It ends once, and after that nothing is told.
            assert!(last.1 == "resolved" && firing.iter().all(|(_, status)| status == "firing"), "{case}");
            assert!(firing.len() > 5, "{case}");
            let gaps: Vec<Nanos> = told.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
            assert!(gaps.iter().all(|gap| *gap <= MINUTE + 6 * SECOND), "{case}");
            // News at once, and no more than that and once a minute.
            let rare = gaps.iter().filter(|gap| **gap < MINUTE).count();
            assert!(rare <= 3 + usize::from(restart), "{case}");
            // Others hear nothing of it.
            let others = rounds.state.heads("team").len() + rounds.state.heads("pager").len();
            assert!((1..=2).contains(&others), "{case}");
            // The log of deliveries has the last of them.
            let attempts = rounds.status().delivery.attempts;
            assert_eq!(attempts.iter().filter(|attempt| attempt.is_resend).count(), 1, "{case}");
        }
    }
}
