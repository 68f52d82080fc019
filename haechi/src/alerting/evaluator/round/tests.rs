//! Rounds over a made-up stream of events with a made-up clock, with restarts in between.

use std::sync::atomic::{AtomicI64, Ordering};

use slo::alert::{Phase, Transition, TransitionTo};
use slo::burn::Condition;
use slo::status::{Health, Silence};

use super::*;
use crate::alerting::paper::Paper;
use crate::alerting::{Receiver, RuleFiles};

mod files;
mod kinds;
mod resend;
mod routed;
mod rules;
mod silenced;

/// Some time in 2026, at a full day.
const T0: Nanos = 1_788_220_800 * SECOND;

const FILE: &str = "
name: booking
service: booking
indicator: availability
objective: 99
window: 24h
alerting:
  tiers:
    - {severity: page, long: 2m, short: 30s, burn_rate: 10}
    - {severity: ticket, long: 1h, short: 5m, burn_rate: 2}
";

/// A box made of paper: events, a clock, a directory.
struct Bench {
    dir: tempfile::TempDir,
    paper: Arc<Paper>,
    now: Arc<AtomicI64>,
    begin: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(T0));
        let clock = Arc::clone(&now);
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
            paper: Arc::new(Paper::new(Arc::new(move || clock.load(Ordering::Relaxed)))),
            now,
            begin: Instant::now(),
        };
        std::fs::create_dir(bench.dir.path().join("slos")).unwrap();
        bench.write("booking.yaml", FILE);
        bench
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join("slos").join(name), text).unwrap();
    }

    fn config(&self) -> Config {
        let receiver = |name: &str, send_resolved| Receiver { send_resolved, ..Receiver::new(name, "") };
        Config {
            dir: self.dir.path().join("alerts"),
            slo_dir: self.dir.path().join("slos"),
            routes: Some(self.dir.path().join("routes.yaml")).filter(|path| path.exists()),
            rules: RuleFiles::new("", SECOND).unwrap(),
            receivers: vec![receiver("team", true), receiver("pager", false)],
            heartbeat: None,
            external_url: "http://box".to_owned(),
        }
    }

    fn sources(&self) -> Sources {
        let now = Arc::clone(&self.now);
        Sources {
            now: Arc::new(move || now.load(Ordering::Relaxed)),
            events: Arc::clone(&self.paper) as Arc<dyn crate::counting::Events>,
            series: Arc::clone(&self.paper) as Arc<dyn crate::alerting::Series>,
        }
    }

    fn open(&self) -> Rounds {
        self.open_with(self.config())
    }

    fn open_with(&self, config: Config) -> Rounds {
        let (state, problems) = State::open(&config.dir).unwrap();
        // Nobody remembers what the box that was there before had seen.
        self.paper.forget();
        Rounds::open(&config, self.sources(), Arc::new(state), None, problems).unwrap()
    }

    /// One event a second from `from` to `to`, every `bad`-th of them bad (0: none).
    fn events(&self, from: Nanos, to: Nanos, bad: i64) {
        let mut events = self.paper.events.lock().unwrap();
        let seconds = from / SECOND..to / SECOND;
        events.extend(seconds.map(|second| (second * SECOND, bad == 0 || second % bad != 0, "")));
    }

    /// Evaluates at `now`; the instant moves along with the clock.
    fn at(&self, rounds: &mut Rounds, now: Nanos) {
        self.now.store(now, Ordering::Relaxed);
        rounds.evaluate(now, self.begin + Duration::from_nanos((now - T0).unsigned_abs()));
    }

    /// Evaluates every six seconds after `from` until `to`.
    fn run(&self, rounds: &mut Rounds, from: Nanos, to: Nanos) {
        let mut now = from + 6 * SECOND;
        while now <= to {
            self.at(rounds, now);
            now += 6 * SECOND;
        }
    }
}

/// The bodies in the outbox, oldest first.
fn sent(rounds: &Rounds) -> Vec<serde_json::Value> {
    let heads = |name| rounds.state.heads(name).len();
    assert!(heads("team") <= 1 && heads("pager") <= 1);
    let mut paths: Vec<_> =
        std::fs::read_dir(rounds.config.dir.join("outbox")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
}

fn history(rounds: &Rounds) -> Vec<(String, TransitionTo)> {
    rounds.status().history.into_iter().rev().map(|change| (change.tier, change.to)).collect()
}

fn page(rounds: &Rounds) -> Phase {
    rounds.status().slos[0].alerts.tiers[0].phase.clone()
}

const PAGE: &str = "page/2m/30s";
const TICKET: &str = "ticket/1h/5m";

#[test]
fn an_incident_fires_and_resolves_and_receivers_get_both() {
    let bench = Bench::new();
    let mut rounds = bench.open();
    bench.events(T0 - HOUR, T0, 0);
    bench.at(&mut rounds, T0);
    assert_eq!(rounds.status().slos[0].health, Health::Ok);
    bench.events(T0, T0 + 3 * MINUTE, 2);
    bench.run(&mut rounds, T0, T0 + 3 * MINUTE);
    assert_eq!(rounds.status().slos[0].health, Health::Burning);
    bench.events(T0 + 3 * MINUTE, T0 + 20 * MINUTE, 0);
    bench.run(&mut rounds, T0 + 3 * MINUTE, T0 + 20 * MINUTE);
    assert_eq!(rounds.status().slos[0].health, Health::BudgetSpent);

    let mut changes = history(&rounds);
    changes.sort_by(|left, right| left.0.cmp(&right.0));
    let pair = |tier: &str| [(tier.to_owned(), TransitionTo::Firing), (tier.to_owned(), TransitionTo::Resolved)];
    assert_eq!(changes, [pair(PAGE), pair(TICKET)].concat());

    let bodies = sent(&rounds);
    let reasons = |receiver: &str| -> Vec<_> {
        let of = bodies.iter().filter(|body| body["receiver"] == receiver);
        of.map(|body| body["notification_reason"].as_str().unwrap().to_owned()).collect()
    };
    let expected = ["first notification", "new alerts added", "some alerts resolved", "all alerts resolved"];
    assert_eq!(reasons("team"), expected);
    // The other one is told of everything but the end.
    assert_eq!(reasons("pager"), expected[..3]);
    assert_eq!(bodies[0]["alerts"][0]["annotations"]["trace_ids"], format!("{},{}", "07".repeat(16), "07".repeat(16)));
    assert_eq!(bodies[0]["alerts"][0]["generatorURL"], "http://box/slos/booking");
}

/// The same stream, evaluated in one life and in one with a restart after every round: the same history.
#[test]
fn restarts_at_every_round_change_nothing() {
    let live = |restart: bool| {
        let bench = Bench::new();
        bench.events(T0 - HOUR, T0 + MINUTE, 0);
        bench.events(T0 + MINUTE, T0 + 4 * MINUTE, 2);
        bench.events(T0 + 4 * MINUTE, T0 + 12 * MINUTE, 0);
        let mut rounds = bench.open();
        let mut now = T0;
        while now < T0 + 12 * MINUTE {
            bench.at(&mut rounds, now);
            if restart {
                drop(rounds);
                rounds = bench.open();
            }
            now += 6 * SECOND;
        }
        rounds.status().history
    };
    let (one_life, many) = (live(false), live(true));
    assert_eq!(one_life.len(), 4);
    let changes =
        |history: &[Transition]| history.iter().map(|change| (change.tier.clone(), change.to)).collect::<Vec<_>>();
    assert_eq!(changes(&many), changes(&one_life));
    // A moment that is evaluated again has all of its last bucket, of which the first time saw only the beginning.
    for (one, other) in one_life.iter().zip(&many) {
        assert!((one.at - other.at).abs() <= 6 * SECOND, "{one:?} {other:?}");
    }
}

#[test]
fn what_happened_while_the_box_was_down_is_made_up_for() {
    let bench = Bench::new();
    bench.events(T0 - HOUR, T0 + 5 * MINUTE, 0);
    let mut rounds = bench.open();
    bench.run(&mut rounds, T0, T0 + 5 * MINUTE);
    rounds.close();
    drop(rounds);
    // Down for 20 minutes; the senders kept what they could not deliver, an incident and its end among it.
    bench.events(T0 + 5 * MINUTE, T0 + 9 * MINUTE, 2);
    bench.events(T0 + 9 * MINUTE, T0 + 25 * MINUTE, 0);
    let mut rounds = bench.open();
    bench.at(&mut rounds, T0 + 25 * MINUTE);
    assert!(rounds.status().caught_up > 190, "{}", rounds.status().caught_up);
    assert_eq!(history(&rounds).len(), 4);
    assert_eq!(page(&rounds), Phase::Inactive);
    let fired = rounds.status().history.into_iter().next_back().unwrap();
    assert!(fired.at > T0 + 5 * MINUTE && fired.at < T0 + 7 * MINUTE, "{}", fired.at - T0);
    assert_eq!(sent(&rounds).iter().filter(|body| body["receiver"] == "team").count(), 4);
}

#[test]
fn stored_data_are_counted_back_to_the_start_of_the_window() {
    let bench = Bench::new();
    bench.events(T0 - 30 * HOUR, T0, 100);
    let mut rounds = bench.open();
    let mut shares = Vec::new();
    for round in 0..50 {
        bench.at(&mut rounds, T0 + round * 6 * SECOND);
        let Some(share) = rounds.status().slos[0].coverage.backfill else { break };
        shares.push(share);
    }
    assert!(shares.is_sorted());
    let status = rounds.status();
    let events = status.slos[0].budget.events;
    assert_eq!((status.slos[0].coverage.backfill, status.slos[0].coverage.share), (None, 1.0));
    // A day of seconds, one in a hundred bad.
    assert!((86_300..86_407).contains(&events.count.total), "{events:?}");
    assert!((863..866).contains(&events.count.bad()), "{events:?}");
}

#[test]
fn spans_that_come_late_are_counted() {
    let bench = Bench::new();
    bench.events(T0 - 2 * HOUR, T0, 0);
    let mut rounds = bench.open();
    bench.at(&mut rounds, T0);
    let total = |rounds: &Rounds| rounds.status().slos[0].budget.events.count.total;
    let before = total(&rounds);
    // Four minutes late, an hour late: with the next look, once.
    for late in [4 * MINUTE, HOUR] {
        bench.paper.events.lock().unwrap().push((T0 - late, false, ""));
        bench.run(&mut rounds, T0, T0 + 6 * SECOND);
    }
    assert_eq!(total(&rounds), before + 2);
    bench.run(&mut rounds, T0 + 6 * SECOND, T0 + MINUTE);
    assert_eq!(total(&rounds), before + 2);
    // What came while it is not known what is new, by the sweep, whose rests are short against the six seconds of a
    // round here.
    bench.paper.events.lock().unwrap().push((T0 - HOUR, false, ""));
    bench.paper.forget();
    for round in 0..200 {
        bench.at(&mut rounds, T0 + MINUTE + round * 6 * SECOND);
        if total(&rounds) == before + 3 {
            return;
        }
    }
    panic!("the sweep did not find it");
}

#[test]
fn a_history_older_than_the_first_span_is_counted_when_it_arrives() {
    let bench = Bench::new();
    bench.events(T0 - MINUTE, T0, 0);
    let mut rounds = bench.open();
    bench.run(&mut rounds, T0 - 6 * SECOND, T0 + 12 * SECOND);
    assert_eq!(rounds.status().slos[0].coverage.backfill, None);
    bench.events(T0 - 10 * HOUR, T0 - MINUTE, 0);
    bench.run(&mut rounds, T0 + 12 * SECOND, T0 + 2 * MINUTE);
    assert_eq!(rounds.status().slos[0].budget.events.count.total, 36_000);
}

#[test]
fn no_data_is_said_and_freezes_what_fires() {
    let bench = Bench::new();
    let mut rounds = bench.open();
    bench.at(&mut rounds, T0);
    assert_eq!(rounds.status().slos[0].health, Health::NoData);
    assert_eq!(rounds.status().slos[0].silence, Some(Silence::NothingStored));
    bench.events(T0, T0 + 2 * MINUTE, 2);
    bench.run(&mut rounds, T0, T0 + 2 * MINUTE);
    assert!(matches!(page(&rounds), Phase::Firing(_)));
    bench.run(&mut rounds, T0 + 2 * MINUTE, T0 + HOUR / 2);
    assert!(matches!(page(&rounds), Phase::Firing(_)));
    assert_eq!(rounds.status().slos[0].tiers[0].condition, Condition::NoTraffic);
}

#[test]
fn failures_to_count_are_shown_and_freeze() {
    let bench = Bench::new();
    let mut rounds = bench.open();
    bench.events(T0, T0 + 3 * MINUTE, 2);
    bench.run(&mut rounds, T0, T0 + 2 * MINUTE);
    *bench.paper.failing.lock().unwrap() = Some("the store is closed".to_owned());
    bench.run(&mut rounds, T0 + 2 * MINUTE, T0 + 10 * MINUTE);
    assert_eq!(rounds.status().slos[0].problem.as_deref(), Some("the store is closed"));
    assert!(matches!(page(&rounds), Phase::Firing(_)));
    *bench.paper.failing.lock().unwrap() = None;
    bench.events(T0 + 3 * MINUTE, T0 + 11 * MINUTE, 0);
    bench.at(&mut rounds, T0 + 11 * MINUTE);
    assert_eq!((rounds.status().slos[0].problem.clone(), page(&rounds)), (None, Phase::Inactive));
}

#[test]
fn a_commit_that_fails_is_made_up_for_in_the_next_round() {
    let bench = Bench::new();
    let mut rounds = bench.open();
    bench.events(T0, T0 + 4 * MINUTE, 2);
    let obstacle = rounds.config.dir.join("state.new");
    std::fs::create_dir_all(&obstacle).unwrap();
    bench.run(&mut rounds, T0, T0 + 2 * MINUTE);
    assert!(rounds.status().problem.unwrap().starts_with("cannot store alert states in "));
    assert_eq!((page_is_unknown(&rounds), sent(&rounds).len()), (true, 0));
    std::fs::remove_dir(&obstacle).unwrap();
    bench.run(&mut rounds, T0 + 2 * MINUTE, T0 + 3 * MINUTE);
    assert!(matches!(page(&rounds), Phase::Firing(_)));
    assert_eq!((rounds.status().problem, sent(&rounds).len()), (None, 2));
}

fn page_is_unknown(rounds: &Rounds) -> bool {
    rounds.status().slos[0].alerts.tiers.iter().all(|tier| tier.phase == Phase::Inactive)
}

#[test]
fn a_clock_that_jumps_changes_nothing_until_it_is_back_or_an_hour_has_passed() {
    let at = |rounds: &mut Rounds, bench: &Bench, clock: Nanos, seconds: u64| {
        bench.now.store(clock, Ordering::Relaxed);
        rounds.evaluate(clock, bench.begin + Duration::from_secs(seconds));
    };
    for jump in [10 * 365 * 24 * HOUR, -20 * HOUR] {
        let bench = Bench::new();
        bench.events(T0 - 2 * HOUR, T0 + 3 * HOUR, 0);
        let mut rounds = bench.open();
        at(&mut rounds, &bench, T0, 0);
        let before = rounds.status().slos[0].budget.events.count.total;
        at(&mut rounds, &bench, T0 + jump, 6);
        let problem = rounds.status().problem.unwrap();
        assert!(
            problem.starts_with(if jump > 0 { "the clock jumped forward by " } else { "the clock jumped back by " }),
            "{problem}"
        );
        assert_eq!(rounds.status().slos[0].budget.events.count.total, before);
        at(&mut rounds, &bench, T0 + 12 * SECOND, 12);
        assert_eq!(rounds.status().problem, None);
        at(&mut rounds, &bench, T0 + jump, 18);
        at(&mut rounds, &bench, T0 + jump + HOUR, 18 + 3600);
        assert_eq!(rounds.status().problem, None);
        assert_eq!(rounds.status().evaluated_at, T0 + jump + HOUR);
    }
}

#[test]
fn what_waits_for_a_receiver_that_is_gone_is_given_up() {
    let bench = Bench::new();
    let mut rounds = bench.open();
    bench.events(T0, T0 + 2 * MINUTE, 2);
    bench.run(&mut rounds, T0, T0 + 2 * MINUTE);
    let waiting = rounds.status().delivery.pending;
    assert!(waiting >= 2);
    drop(rounds);
    let config = Config { receivers: vec![bench.config().receivers.remove(0)], ..bench.config() };
    let (state, _) = State::open(&config.dir).unwrap();
    let rounds = Rounds::open(&config, bench.sources(), Arc::new(state), None, Vec::new()).unwrap();
    let delivery = rounds.status().delivery;
    assert_eq!((delivery.pending, delivery.dead), (waiting / 2, waiting / 2));
}
