//! Sudden death around alerts: the box is killed between an evaluation, the storing of its outcome and its delivery, and in the
//! middle of each, while alerts of SLOs and of rules begin and end. Every alert is told to both receivers as firing and then
//! as resolved, each under one key however often it is sent; and an alert that waits for its `for` goes on to wait where it was.
//!
//! `HAECHI_ALERT_KILL_CYCLES` sets the number of kills of each test, `HAECHI_ALERT_KILL_SEED` the seed, which is printed.

mod receivers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use faults::{Action, Control, Fault, Kinds};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::otlp::{self, SECOND};
use crate::process::Haechi;
use receivers::{NAMES, Receivers, Sum};

/// What a kill is aimed at, in the order of an alert's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// None: any moment.
    Moment,
    /// What a rule wrote is being stored, its alerts are not yet.
    Evaluation,
    /// The body of a notification is being written, which no state names yet; or removed after its delivery.
    Body,
    /// The state is being replaced.
    Commit,
    /// The state is stored, and its notification is about to be sent.
    Send,
    /// The receiver has it and has not answered.
    Answer,
    /// The receiver has answered, and nothing is noted.
    Note,
    /// It is noted in the state and not in the log.
    Log,
    /// The start after a kill, up to three times in a row.
    Start,
}
use Phase::{Answer, Body, Commit, Evaluation, Log, Moment, Note, Send, Start};

/// In the order in which they come, again and again; each half has most of them.
const PHASES: [Phase; 12] = [Commit, Answer, Body, Note, Start, Commit, Send, Evaluation, Log, Moment, Answer, Send];

impl Phase {
    /// The file calls that it makes: `(kinds, part of the path, thread, how many at least)`.
    fn calls(self) -> Option<(Kinds, &'static str, &'static str, u64)> {
        Some(match self {
            Moment | Answer => return None,
            Evaluation => (Kinds::CHANGES, "wal/", "haechi-commit", 8),
            Body => (Kinds::CHANGES, "alerts/outbox", "", 10),
            Commit => (Kinds::CHANGES, "alerts/state", "", 16),
            Send => (Kinds::READ, "alerts/outbox", "", 3),
            Note => (Kinds::CHANGES, "alerts/exchanges", "", 4),
            Log => (Kinds::CHANGES, "alerts/deliveries", "", 6),
            Start => (Kinds::CHANGES | Kinds::READ, "alerts/", "", 20),
        })
    }

    fn fault(self, random: &mut StdRng) -> Option<Fault> {
        let (kinds, path, thread, calls) = self.calls()?;
        let number = random.random_range(1..=calls);
        Some(Fault { path, thread, ..Fault::once(Action::Kill, kinds, number) })
    }
}

/// Who decides who is told.
#[derive(Clone, Copy, PartialEq)]
enum Telling {
    /// A file of routes, which tells each alert to both.
    Routes,
    /// Nobody: both are told of everything.
    Everybody,
}

/// Something that alerts, once.
struct Subject {
    name: String,
    kind: Kind,
    /// When the fault that it is to tell of was first sent, whether or not that was acknowledged.
    tried: Option<u64>,
    /// The beginning of the fault was acknowledged, and its end.
    has_begun: bool,
    has_ended: bool,
    /// Kills so far when it began, and when both were told.
    kills: (u64, Option<u64>),
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Slo,
    Rule,
    /// A rule whose `for` is longer than most lives of the box.
    Slow,
}

/// `for` of slow rules, in seconds; rules are evaluated every second.
const HOLD: u64 = 8;
/// Cycles for each slow rule.
const SLOW_EVERY: u64 = 6;

/// The files that the box is started with.
fn files(dir: &Path, url: &str, telling: Telling, n: u64) -> Vec<String> {
    let slos = dir.join("slos");
    std::fs::create_dir(&slos).unwrap();
    // Its narrow buckets have everything evaluated every two seconds.
    let mut text = "slos:\n- {name: pace, service: none, indicator: availability, objective: 99, window: 24h, \
         alerting: {tiers: [{severity: page, long: 1m, short: 10s, burn_rate: 10}]}}\n"
        .to_owned();
    let mut rules = "groups:\n- name: queues\n  interval: 1s\n  rules:\n".to_owned();
    for i in 0..n {
        // Every third has alerts per group; there is one group.
        let by = if i.is_multiple_of(3) { "by: http.route, " } else { "" };
        text.push_str(&format!(
            "- {{name: shop-{i}, service: shop-{i}, indicator: availability, objective: 99, window: 24h, {by}\
             alerting: {{tiers: [{{severity: page, long: 1h, short: 5m, burn_rate: 10}}]}}}}\n"
        ));
        let hold = if i.is_multiple_of(2) { "for: 1s, " } else { "keep_firing_for: 2s, " };
        rules.push_str(&format!("  - {{alert: Long-{i}, {hold}expr: 'queue_length_total{{queue=\"{i}\"}} > 5'}}\n"));
        if i.is_multiple_of(SLOW_EVERY) {
            rules.push_str(&format!(
                "  - {{alert: Slow-{i}, for: {HOLD}s, expr: 'queue_length_total{{queue=\"slow-{i}\"}} > 5'}}\n"
            ));
        }
    }
    std::fs::write(slos.join("all.yaml"), text).unwrap();
    std::fs::write(dir.join("rules.yml"), rules).unwrap();
    let receivers = NAMES.map(|name| format!("- {{name: {name}, url: '{url}/{name}', timeout: 5s}}\n")).concat();
    std::fs::write(dir.join("haechi.yaml"), format!("receivers:\n{receivers}")).unwrap();
    let routes = format!(
        "route:\n  receiver: {0}\n  group_by: ['...']\n  group_wait: 0s\n  group_interval: 1s\n  routes:\n  - {{receiver: {0}, continue: true}}\n  - {{receiver: {1}}}\n",
        NAMES[0], NAMES[1]
    );
    std::fs::write(dir.join("routes.yaml"), routes).unwrap();
    let mut flags = vec![("--slos", "slos"), ("--rules", "rules.yml"), ("--config", "haechi.yaml")];
    if telling == Telling::Routes {
        flags.push(("--routes", "routes.yaml"));
    }
    flags.iter().flat_map(|(flag, file)| [(*flag).to_owned(), dir.join(file).to_str().unwrap().to_owned()]).collect()
}

struct Run {
    dir: PathBuf,
    flags: Vec<String>,
    control: Control,
    receivers: Arc<Receivers>,
    random: StdRng,
    subjects: Vec<Subject>,
    /// Kills by the phase that they hit.
    hits: BTreeMap<Phase, u64>,
}

impl Run {
    /// Starts the box, has an SLO and a rule alert and others recover, and has it die.
    async fn cycle(&mut self, cycle: u64, phase: Phase) {
        if phase == Start {
            self.kill_starts();
        }
        let haechi = self.start().unwrap_or_else(|log| panic!("haechi is not ready; it says:\n{log}"));
        if let Some(fault) = phase.fault(&mut self.random).filter(|_| phase != Start) {
            self.control.arm(&fault).unwrap();
        }
        for (kind, name) in [(Kind::Slo, format!("shop-{cycle}")), (Kind::Rule, format!("Long-{cycle}"))] {
            self.add(kind, name);
        }
        let has_slow = self.subjects.iter().any(|it| it.kind == Kind::Slow && it.kills.1.is_none());
        if cycle.is_multiple_of(SLOW_EVERY) && !has_slow {
            self.add(Kind::Slow, format!("Slow-{cycle}"));
        }
        self.send(&haechi).await;
        let hit = match phase {
            Answer => {
                let held = tokio::time::timeout(Duration::from_secs(5), self.receivers.hold()).await.is_ok();
                haechi.kill();
                held
            }
            Moment | Start => {
                let patience = Duration::from_millis(self.random.random_range(20..4000));
                haechi.outlive(patience).await;
                false
            }
            _ => haechi.outlive(Duration::from_secs(5)).await,
        };
        self.receivers.answer();
        self.control.heal().unwrap();
        self.count(if hit { phase } else { Moment });
    }

    fn start(&self) -> Result<Haechi, String> {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        Haechi::start_under(&self.control, &self.dir, &flags)
    }

    fn add(&mut self, kind: Kind, name: String) {
        let kills = (self.hits.values().sum(), None);
        self.subjects.push(Subject { name, kind, tried: None, has_begun: false, has_ended: false, kills });
    }

    fn count(&mut self, phase: Phase) {
        *self.hits.entry(phase).or_default() += 1;
        if !matches!(phase, Moment | Answer) {
            println!("{phase:?}: {}", self.control.hit().unwrap());
        }
        let kills = self.hits.values().sum();
        for it in self.subjects.iter_mut().filter(|it| it.kills.1.is_none()) {
            it.kills.1 = self.receivers.know(&it.name, "firing").then_some(kills);
        }
    }

    /// Kills starts, the next one after the last.
    fn kill_starts(&mut self) {
        for _ in 0..3 {
            let fault = Start.fault(&mut self.random).unwrap();
            self.control.arm(&fault).unwrap();
            let started = self.start();
            self.control.heal().unwrap();
            match started {
                Ok(haechi) => return haechi.kill(), // it made fewer calls until it was ready
                Err(_) => self.count(Start),
            }
        }
    }

    /// Sends the faults that have begun and those that are over, which is when both receivers were told. What is not acknowledged
    /// is sent again to the next life.
    async fn send(&mut self, haechi: &Haechi) {
        for it in &mut self.subjects {
            let is_over = self.receivers.know(&it.name, "firing");
            if it.has_ended {
                continue;
            }
            it.tried.get_or_insert_with(otlp::now);
            let sent = match it.kind {
                // Once is enough: their events stay.
                Kind::Slo if !is_over && it.has_begun => continue,
                Kind::Slo => send_spans(haechi, &it.name, is_over).await,
                Kind::Rule | Kind::Slow => send_length(haechi, &it.name, if is_over { 1 } else { 9 }).await,
            };
            if sent {
                (it.has_begun, it.has_ended) = (true, is_over);
            }
        }
    }

    /// Lets all that has begun come to its end, in a box that nobody kills.
    async fn end(&mut self) -> Haechi {
        let haechi = self.start().unwrap_or_else(|log| panic!("haechi is not ready; it says:\n{log}"));
        let deadline = tokio::time::Instant::now() + Duration::from_secs(180);
        loop {
            self.send(&haechi).await;
            let open: Vec<&str> = self.subjects.iter().map(|it| it.name.as_str()).collect();
            let open: Vec<&str> = open.into_iter().filter(|it| !self.receivers.know(it, "resolved")).collect();
            if open.is_empty() {
                return haechi;
            }
            assert!(tokio::time::Instant::now() < deadline, "nobody was told of {open:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// A slow rule has waited for its `for` once, over all lives of the box.
    async fn check_timers(&self, haechi: &Haechi) -> u64 {
        let mut over_kills = 0;
        for it in self.subjects.iter().filter(|it| it.kind == Kind::Slow) {
            let starts_at = self.receivers.began(&it.name).unwrap();
            let starts_at = starts_at.parse::<jiff::Timestamp>().unwrap().as_nanosecond() as u64;
            let held = starts_at - it.tried.unwrap();
            assert!(held >= HOLD * SECOND, "{} fired after {held} ns", it.name);
            // Each evaluation in which it waited left a sample.
            let query = format!(
                "count_over_time(ALERTS%7Balertname%3D%22{}%22%2Calertstate%3D%22pending%22%7D%5B1h%5D)",
                it.name
            );
            let (_, answer) = haechi.get(&format!("/api/v1/query?query={query}")).await;
            let waited: u64 = answer["data"]["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
            let (before, after) = it.kills;
            let kills = after.unwrap_or_else(|| self.hits.values().sum()) - before;
            // A kill between what an evaluation wrote and what it stored costs that evaluation.
            assert!(waited <= HOLD + 1 + kills, "{} waited in {waited} evaluations over {kills} kills", it.name);
            over_kills += u64::from(kills > 0);
        }
        over_kills
    }
}

/// Ten bad spans of a service, or as many good ones as make them bearable; whether they were acknowledged.
async fn send_spans(haechi: &Haechi, service: &str, good: bool) -> bool {
    let now = otlp::now();
    let n = if good { 400 } else { 10 };
    let spans = (0..n).map(|number| {
        let start = now - SECOND + number;
        let span = otlp::span(start.into(), start, 0, "GET /", start, start + 1000);
        if good { span } else { otlp::failed(span, "down") }
    });
    let request = otlp::traces(service, spans.collect());
    otlp::post(&haechi.otlp_http, "traces", &request).await.ok() == Some(200)
}

/// The length of the queue of an alert, now; whether it was acknowledged.
async fn send_length(haechi: &Haechi, alert: &str, length: i64) -> bool {
    let queue = match alert.split_once('-').unwrap() {
        ("Slow", number) => format!("slow-{number}"),
        (_, number) => number.to_owned(),
    };
    let metric = otlp::counter("queue.length", &[(otlp::now(), length)], vec![otlp::text("queue", &queue)]);
    let request = otlp::metrics("shop", vec![metric]);
    otlp::post(&haechi.otlp_http, "metrics", &request).await.ok() == Some(200)
}

/// The bodies that a folder below `alerts` has.
fn bodies(dir: &Path, folder: &str) -> usize {
    std::fs::read_dir(dir.join("alerts").join(folder)).unwrap().count()
}

async fn alerts_survive_kill_9(telling: Telling, first: usize) {
    let number = |name: &str, default: u64| std::env::var(name).ok().map_or(default, |text| text.parse().unwrap());
    let cycles = number("HAECHI_ALERT_KILL_CYCLES", 6);
    let seed = number("HAECHI_ALERT_KILL_SEED", otlp::now());
    println!("{cycles} cycles, seed {seed}");
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    std::fs::create_dir(&dir).unwrap();
    let (receivers, url) = Receivers::start().await;
    let flags = files(folder.path(), &url, telling, cycles);
    let control = Control::create(&folder.path().join("control"), &dir).unwrap();
    let random = StdRng::seed_from_u64(seed);
    let mut run = Run { dir, flags, control, receivers, random, subjects: Vec::new(), hits: BTreeMap::new() };
    let phases = || PHASES.iter().copied().cycle().skip(first).take(cycles as usize);
    for (cycle, phase) in (0..).zip(phases()) {
        run.cycle(cycle, phase).await;
    }
    let haechi = run.end().await;
    let over_kills = run.check_timers(&haechi).await;
    assert_eq!(haechi.terminate(), Some(0));
    assert_eq!((bodies(&run.dir, "outbox"), bodies(&run.dir, "dead")), (0, 0));
    let names: BTreeSet<String> = run.subjects.iter().map(|it| it.name.clone()).collect();
    let sum = run.receivers.check(&names);
    let kills: u64 = run.hits.values().sum();
    println!("{} alerts over {kills} kills, {over_kills} that waited for long over some", names.len());
    let Sum { requests, notifications, repeated } = sum;
    println!("{notifications} notifications in {requests} requests, {repeated} after they were taken");
    println!("kills: {:?}", run.hits);
    for phase in [Evaluation, Body, Commit, Send, Answer, Note, Log, Start] {
        let aimed = phases().filter(|it| *it == phase).count() as u64;
        let hit = run.hits.get(&phase).copied().unwrap_or(0);
        assert!(hit >= aimed / 2, "of {aimed} kills aimed at {phase:?} {hit} hit it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_told_by_routes_survive_kill_9() {
    alerts_survive_kill_9(Telling::Routes, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_told_to_everybody_survive_kill_9() {
    alerts_survive_kill_9(Telling::Everybody, PHASES.len() / 2).await;
}
