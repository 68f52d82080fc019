//! Receivers told by a file of routes.

use super::*;

const ROUTES: &str = "
route:
  receiver: team
  group_by: [slo, severity]
  group_wait: 30s
  group_interval: 2m
  routes:
    - matchers: [severity=page]
      receiver: pager
      group_wait: 0s
      continue: true
    - matchers: ['severity=~\"page|ticket\"']
";

fn bench() -> Bench {
    let bench = Bench::new();
    std::fs::write(bench.dir.path().join("routes.yaml"), ROUTES).unwrap();
    bench
}

/// Receiver, group key and reason of what was sent, with the status of each alert.
fn told(rounds: &Rounds) -> Vec<(String, String, String)> {
    let dir = rounds.config.dir.join("outbox");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let body = |path: &std::path::PathBuf| -> serde_json::Value {
        let body: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert!(!body["alerts"][0]["annotations"]["summary"].is_null(), "{body}");
        assert_eq!(body["alerts"][0]["generatorURL"], "http://box/slos/booking");
        body
    };
    let text = |body: &serde_json::Value, name: &str| body[name].as_str().unwrap().to_owned();
    let told = paths.iter().map(body).map(|body| {
        let reason = text(&body, "notification_reason");
        (text(&body, "receiver"), text(&body, "groupKey"), reason)
    });
    told.collect()
}

/// An incident of three minutes and what follows, evaluated every six seconds.
fn incident(bench: &Bench, restart: bool) -> Rounds {
    bench.events(T0 - HOUR, T0, 0);
    bench.events(T0, T0 + 3 * MINUTE, 2);
    bench.events(T0 + 3 * MINUTE, T0 + 20 * MINUTE, 0);
    let all = bench.paper.events.lock().unwrap().clone();
    let mut rounds = bench.open();
    let mut now = T0;
    while now < T0 + 20 * MINUTE {
        *bench.paper.events.lock().unwrap() = all.iter().filter(|event| event.0 <= now).copied().collect();
        bench.at(&mut rounds, now);
        if restart {
            drop(rounds);
            rounds = bench.open();
        }
        now += 6 * SECOND;
    }
    rounds
}

#[test]
fn receivers_are_told_of_their_groups_and_restarts_change_nothing() {
    const PAGE: &str = "{}/{severity=\"page\"}:{severity=\"page\", slo=\"booking\"}";
    const TEAM: &str = "{}/{severity=~\"page|ticket\"}:{severity=\"page\", slo=\"booking\"}";
    const TICKET: &str = "{}/{severity=~\"page|ticket\"}:{severity=\"ticket\", slo=\"booking\"}";
    for restart in [false, true] {
        let bench = bench();
        let rounds = incident(&bench, restart);
        let mut told = told(&rounds);
        told.sort();
        let of = |receiver: &str, key: &str, reason: &str| (receiver.to_owned(), key.to_owned(), reason.to_owned());
        let expected = [
            // It is told of nothing that is resolved.
            of("pager", PAGE, "first notification"),
            of("team", TEAM, "all alerts resolved"),
            of("team", TEAM, "first notification"),
            of("team", TICKET, "all alerts resolved"),
            of("team", TICKET, "first notification"),
        ];
        assert_eq!(told, expected, "restarts: {restart}");
        assert_eq!(rounds.status().delivery.pending, 5);
    }
}

#[test]
fn groups_are_told_between_two_evaluations() {
    let bench = bench();
    bench.events(T0 - HOUR, T0, 0);
    let mut rounds = bench.open();
    let end = T0 + 2 * MINUTE + 42 * SECOND;
    bench.events(T0, end, 2);
    bench.run(&mut rounds, T0, end);
    let before = told(&rounds).len();
    // A look that is too early for an evaluation, after the wait of the ticket is over.
    bench.now.store(end + 30 * SECOND, Ordering::Relaxed);
    let evaluated = rounds.status().evaluated_at;
    rounds.look(bench.begin + Duration::from_secs(163));
    assert_eq!(rounds.status().evaluated_at, evaluated);
    assert!(told(&rounds).len() == before + 1, "{:?}", told(&rounds));
}

#[test]
fn bad_routes_are_shown_and_the_last_good_ones_stay() {
    let bench = bench();
    let mut rounds = bench.open();
    let path = bench.dir.path().join("routes.yaml");
    std::fs::write(&path, "route: {receiver: nobody}").unwrap();
    rounds.look(bench.begin);
    let errors = rounds.status().file_errors;
    assert!(
        errors.len() == 1
            && errors[0].to_string().ends_with("there is no receiver \"nobody\"; the configuration has team, pager")
    );
    drop(rounds);
    let config = bench.config();
    let (state, _) = State::open(&config.dir).unwrap();
    let refused = Rounds::open(&config, bench.sources(), Arc::new(state), None, Vec::new()).err().unwrap().to_string();
    assert!(refused.contains("routes.yaml:1:19: route.receiver: there is no receiver"), "{refused}");
    std::fs::write(&path, ROUTES).unwrap();
    let mut rounds = bench.open();
    assert!(rounds.status().file_errors.is_empty());
    rounds.look(bench.begin);
    assert!(rounds.status().file_errors.is_empty());
}

#[test]
fn a_page_that_ends_while_the_box_is_down_is_told_as_resolved() {
    let bench = bench();
    bench.events(T0 - HOUR, T0, 0);
    bench.events(T0, T0 + 3 * MINUTE, 2);
    let mut rounds = bench.open();
    bench.run(&mut rounds, T0, T0 + 3 * MINUTE);
    rounds.close();
    drop(rounds);
    bench.events(T0 + 3 * MINUTE, T0 + 2 * HOUR, 0);
    let mut rounds = bench.open();
    bench.run(&mut rounds, T0 + HOUR, T0 + HOUR + 4 * MINUTE);
    let ends = told(&rounds).iter().filter(|(_, _, reason)| reason == "all alerts resolved").count();
    assert_eq!(ends, 2, "{:?}", told(&rounds));
}
