//! Groups, SLOs over metrics, and what several SLOs have to do with each other: nothing.

use slo::groups::Group;

use super::*;

const GROUPED: &str = "
name: booking
service: booking
indicator: availability
objective: 99
window: 24h
by: http.route
max_groups: 2
alerting:
  tiers:
    - {severity: page, long: 2m, short: 30s, burn_rate: 10}
";

const RATIO: &str = "
name: queue
service: queue
indicator: {promql: {good: 'sum(increase(ok[$window]))', total: 'sum(increase(all[$window]))'}}
objective: 99
window: 24h
alerting:
  tiers:
    - {severity: page, long: 2m, short: 30s, burn_rate: 10}
";

impl Bench {
    /// One event a second of `group`.
    fn events_of(&self, group: &'static str, from: Nanos, to: Nanos, good: bool) {
        let seconds = from / SECOND..to / SECOND;
        self.paper.events.lock().unwrap().extend(seconds.map(|second| (second * SECOND, good, group)));
    }
}

fn groups(rounds: &Rounds) -> Vec<(String, &'static str)> {
    let status = rounds.status();
    let slo = &status.slos[0];
    let name = |group: &Group| group.words(slo.slo.by.as_ref()).unwrap_or_default();
    slo.groups.iter().map(|it| (name(&it.group), it.health.name())).collect()
}

#[test]
fn each_group_has_its_alert_and_the_rest_has_one() {
    let bench = Bench::new();
    bench.write("booking.yaml", GROUPED);
    bench.events_of("/a", T0 - HOUR, T0, true);
    bench.events_of("/b", T0 - HOUR, T0, true);
    bench.events_of("/c", T0 - MINUTE, T0, true);
    let mut rounds = bench.open();
    bench.at(&mut rounds, T0);
    let all_ok = ["http.route=/a", "http.route=/b", "all other groups"].map(|name| (name.to_owned(), "ok"));
    assert_eq!(groups(&rounds), all_ok);
    // One fails, and is a small part of all.
    let end = T0 + 2 * MINUTE;
    bench.events_of("/a", T0, end, false);
    for group in ["/b", "/c"] {
        bench.events_of(group, T0, end, true);
    }
    bench.run(&mut rounds, T0, end);
    assert_eq!(groups(&rounds)[0], ("http.route=/a".to_owned(), "burning"));
    assert_eq!((groups(&rounds)[1].1, rounds.status().slos[0].health), ("ok", Health::Burning));
    let body = sent(&rounds).pop().unwrap();
    assert_eq!(body["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(body["alerts"][0]["labels"]["http_route"], "/a");
    let summary = body["alerts"][0]["annotations"]["summary"].as_str().unwrap();
    assert!(summary.starts_with("booking for http.route=/a burns"), "{summary}");
    // Over a restart it goes on; then the rest fails too, and both end.
    rounds.close();
    drop(rounds);
    let mut rounds = bench.open();
    bench.events_of("/x", end, end + 2 * MINUTE, false);
    bench.events_of("/a", end, end + 2 * MINUTE, true);
    bench.run(&mut rounds, end, end + 2 * MINUTE);
    let firing = history(&rounds).into_iter().map(|(_, to)| to.name()).collect::<Vec<_>>();
    assert_eq!(firing, ["firing", "firing", "resolved"]);
    let labels = &sent(&rounds).pop().unwrap()["alerts"][0]["labels"];
    assert_eq!(labels["rest_of_groups"], "true");
}

#[test]
fn what_fires_of_a_group_stays_while_its_counts_are_missing() {
    let bench = Bench::new();
    bench.write("booking.yaml", GROUPED);
    bench.events_of("/a", T0 - HOUR, T0, true);
    bench.events_of("/a", T0, T0 + 2 * MINUTE, false);
    let mut rounds = bench.open();
    bench.run(&mut rounds, T0, T0 + 2 * MINUTE);
    assert!(matches!(page(&rounds), Phase::Firing(_)));
    rounds.close();
    drop(rounds);
    // The counts are gone, and nothing of the group came in the last minutes.
    std::fs::remove_dir_all(bench.dir.path().join("alerts/counts")).unwrap();
    bench.events_of("/b", T0 + 2 * MINUTE, T0 + 20 * MINUTE, true);
    let mut rounds = bench.open();
    bench.run(&mut rounds, T0 + 20 * MINUTE, T0 + 21 * MINUTE);
    let status = rounds.status();
    let of_a = status.slos[0].alerts.tiers.iter().find(|alert| alert.group == Group::of(["/a"])).unwrap();
    assert!(matches!(of_a.phase, Phase::Firing(_)));
}

#[test]
fn an_slo_over_metrics_fires_and_what_fails_for_it_stops_no_other() {
    let bench = Bench::new();
    bench.write("queue.yaml", RATIO);
    bench.events(T0 - HOUR, T0 + MINUTE, 0);
    let mut rounds = bench.open();
    bench.run(&mut rounds, T0, T0 + MINUTE);
    let total = |rounds: &Rounds, place: usize| rounds.status().slos[place].budget.events.count.total;
    let (spans, metrics) = (total(&rounds, 0), total(&rounds, 1));
    assert!(metrics > 3500 && metrics <= spans, "{metrics} {spans}");
    bench.events(T0 + MINUTE, T0 + 4 * MINUTE, 2);
    bench.run(&mut rounds, T0 + MINUTE, T0 + 3 * MINUTE);
    let firing = |rounds: &Rounds, place: usize| rounds.status().slos[place].health == Health::Burning;
    assert!(firing(&rounds, 0) && firing(&rounds, 1));
    // Expressions fail now: their SLO stays as it is and says so, the other goes on.
    *bench.paper.failing_expressions.lock().unwrap() = Some("too many samples".to_owned());
    bench.events(T0 + 4 * MINUTE, T0 + 10 * MINUTE, 0);
    bench.run(&mut rounds, T0 + 3 * MINUTE, T0 + 10 * MINUTE);
    let status = rounds.status();
    assert_eq!(status.slos[1].problem.as_deref(), Some("too many samples"));
    assert!(firing(&rounds, 1) && !firing(&rounds, 0) && status.slos[0].problem.is_none());
    *bench.paper.failing_expressions.lock().unwrap() = None;
    bench.at(&mut rounds, T0 + 10 * MINUTE + 6 * SECOND);
    assert!(!firing(&rounds, 1) && rounds.status().slos[1].problem.is_none());
}

#[test]
fn many_slos_are_counted_in_one_go() {
    let bench = Bench::new();
    let slo = |number: i32| {
        format!("  - {{name: slo-{number}, service: booking, indicator: availability, objective: 99, window: 24h}}\n")
    };
    bench.write("booking.yaml", &format!("slos:\n{}", (0..50).map(slo).collect::<String>()));
    bench.events(T0 - 20 * HOUR, T0, 100);
    let mut rounds = bench.open();
    bench.run(&mut rounds, T0 - 6 * SECOND, T0 + 2 * MINUTE);
    let status = rounds.status();
    assert!(status.slos.iter().all(|slo| slo.budget.events.count.total == 72_000));
    assert!(bench.paper.counted.load(Ordering::Relaxed) < 100);
}
