//! Groups over a real store, with times that the tests make up.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use model::Nanos;
use model::time::{HOUR, MINUTE, SECOND};
use query::promql::{Limits, MatrixSeries, QueryValue, instant, range};
use slo::rules::status::{GroupStatus, RulesStatus};
use store::StoreConfig;
use tokio::runtime::Runtime;

use super::evaluate::{World, evaluate};
use super::schedule::slot;
use super::write::Writer;
use super::*;
use crate::alerting::state::State;

mod sloth;

/// A whole minute.
const T0: Nanos = 1_800_000_000 * SECOND;

struct Bench {
    dir: tempfile::TempDir,
    now: Arc<AtomicI64>,
    series: Arc<StoredSeries>,
    _runtime: Runtime,
}

impl Bench {
    fn new(rules: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("r.yml"), rules).unwrap();
        let now = Arc::new(AtomicI64::new(T0));
        let config = StoreConfig::new(dir.path().join("data"));
        let (store, _) = Store::open(config, Box::new(collector::decode_for_replay)).unwrap();
        let clock = Arc::clone(&now);
        let limits = collector::Limits::default();
        let collector = Collector::new(Arc::clone(&store), limits, move || clock.load(Ordering::Relaxed));
        let runtime = Runtime::new().unwrap();
        let series = Arc::new(StoredSeries { store, collector, runtime: runtime.handle().clone() });
        Self { dir, now, series, _runtime: runtime }
    }

    fn book(&self) -> Book {
        let (state, problems) = State::open(&self.dir.path().join("alerts")).unwrap();
        assert!(problems.is_empty());
        let series = Arc::clone(&self.series) as Arc<dyn Series>;
        Book::open(self.files(), series, "http://box".to_owned(), Arc::new(state)).unwrap()
    }

    fn files(&self) -> RuleFiles {
        RuleFiles::new(&format!("{}/*.yml", self.dir.path().display()), MINUTE).unwrap()
    }

    fn rewrite(&self, rules: &str) {
        std::fs::write(self.dir.path().join("r.yml"), rules).unwrap();
    }

    /// Writes samples: a series as `name a=b c=d` and its value.
    fn write(&self, seconds: i64, samples: &[(&str, f64)]) {
        self.now.store(T0 + seconds * SECOND, Ordering::Relaxed);
        let mut writer = Writer::new(&*self.series, T0 + seconds * SECOND);
        for (series, value) in samples {
            writer.push(0, &labels(series), *value);
        }
        writer.flush();
        assert_eq!(writer.failed, []);
    }

    /// Evaluates all groups once, for one time.
    fn evaluate(&self, book: &Book, seconds: i64) {
        let at = T0 + seconds * SECOND;
        self.now.store(at, Ordering::Relaxed);
        let stopped = AtomicBool::new(false);
        for (key, generation) in book.groups() {
            let state = book.group(&key, generation).unwrap();
            let world = World { series: &*self.series, external_url: "http://box", is_stopped: &stopped };
            let (after, changes) = evaluate(&state, at, world);
            book.publish(&key, generation, after, changes, at);
        }
    }

    /// The elements of a vector as `{labels} value`.
    fn vector(&self, query: &str, seconds: i64) -> Vec<String> {
        let answer = instant(&self.series.source(), query, T0 + seconds * SECOND, &Limits::default()).unwrap();
        let QueryValue::Vector(samples) = answer.value else { panic!("{query} gives no vector") };
        let line = |sample: query::promql::VectorSample| format!("{} {:?}", sample.labels, sample.value);
        samples.into_iter().map(line).collect()
    }
}

fn labels(text: &str) -> Labels {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    let pairs = rest.split(' ').filter_map(|pair| pair.split_once('='));
    Labels::new([("__name__", name)].into_iter().chain(pairs))
}

fn only(status: &RulesStatus) -> &GroupStatus {
    assert_eq!(status.groups.len(), 1);
    &status.groups[0]
}

fn history(book: &Book) -> Vec<String> {
    let status = book.status();
    let line = |change: &Arc<slo::rules::status::RuleChange>| {
        format!("{} {} {}", (change.at - T0) / SECOND, change.labels["instance"], change.to.name())
    };
    status.history.iter().rev().map(line).collect()
}

const CHAIN: &str = "
groups:
- name: chain
  labels: {from: group}
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {kind: sum}
  - record: job:up:double
    expr: job:up:sum * 2
  - record: number
    expr: 7
";

#[test]
fn a_rule_sees_what_the_one_before_it_wrote() {
    let bench = Bench::new(CHAIN);
    let book = bench.book();
    bench.write(0, &[("up job=a instance=1", 1.0), ("up job=a instance=2", 1.0), ("up job=b instance=1", 0.0)]);
    bench.evaluate(&book, 10);
    assert_eq!(
        bench.vector("{__name__=~\"job:.*|number\"}", 10),
        [
            "{__name__=\"job:up:double\", from=\"group\", job=\"a\", kind=\"sum\"} Float(4.0)",
            "{__name__=\"job:up:double\", from=\"group\", job=\"b\", kind=\"sum\"} Float(0.0)",
            "{__name__=\"job:up:sum\", from=\"group\", job=\"a\", kind=\"sum\"} Float(2.0)",
            "{__name__=\"job:up:sum\", from=\"group\", job=\"b\", kind=\"sum\"} Float(0.0)",
            "{__name__=\"number\", from=\"group\"} Float(7.0)",
        ]
    );
    let status = book.status();
    let found: Vec<_> = only(&status).rules.iter().map(|rule| (rule.health(), rule.n_series)).collect();
    assert_eq!(found, [("ok", 2), ("ok", 2), ("ok", 1)]);
    assert_eq!((only(&status).evaluations, only(&status).evaluated_at), (1, T0 + 10 * SECOND));
}

#[test]
fn a_series_ends_when_a_rule_gives_it_no_more() {
    let bench = Bench::new(CHAIN);
    let book = bench.book();
    bench.write(0, &[("up job=a", 1.0), ("up job=b", 1.0)]);
    bench.evaluate(&book, 10);
    bench.write(20, &[("up job=a", 1.0), ("up job=b", model::metric::STALE)]);
    bench.evaluate(&book, 30);
    assert_eq!(bench.vector("count(job:up:sum) + count(job:up:double)", 29), ["{} Float(4.0)"]);
    assert_eq!(bench.vector("count(job:up:sum) + count(job:up:double)", 31), ["{} Float(2.0)"]);
    // A rule that is gone, then a whole file.
    bench.rewrite("groups: [{name: chain, rules: [{record: number, expr: 8, labels: {from: group}}]}]");
    assert_eq!(book.poll(T0 + 40 * SECOND).unwrap().len(), 1);
    assert!(book.poll(T0 + 41 * SECOND).is_none());
    bench.evaluate(&book, 42);
    assert_eq!(bench.vector("{__name__=~\"job:.*|number\"}", 43), ["{__name__=\"number\", from=\"group\"} Float(8.0)"]);
    std::fs::remove_file(bench.dir.path().join("r.yml")).unwrap();
    assert_eq!(book.poll(T0 + 50 * SECOND), Some(Vec::new()));
    assert_eq!(bench.vector("number", 51), Vec::<String>::new());
}

const ALERTS: &str = "
groups:
- name: alerts
  interval: 30s
  query_offset: 5s
  rules:
  - alert: Down
    expr: up == 0
    for: 1m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.instance }} of {{ query \"count(up)\" | first | value }}'}
";

#[test]
fn alerts_are_series_and_survive_a_restart() {
    let bench = Bench::new(ALERTS);
    let book = bench.book();
    bench.write(0, &[("up instance=1", 0.0), ("up instance=2", 1.0)]);
    let version = book.version();
    bench.evaluate(&book, 30);
    assert!(book.firing().is_empty() && book.version() > version);
    let shared = "alertname=\"Down\"";
    assert_eq!(
        bench.vector("{__name__=~\"ALERTS.*\"}", 30),
        [
            format!(
                "{{__name__=\"ALERTS\", {shared}, alertstate=\"pending\", instance=\"1\", severity=\"page\"}} Float(1.0)"
            ),
            format!(
                "{{__name__=\"ALERTS_FOR_STATE\", {shared}, instance=\"1\", severity=\"page\"}} Float({:?})",
                (T0 / SECOND + 30) as f64
            ),
        ]
    );
    // Its samples are as old as what it asked for.
    assert!(bench.vector("ALERTS", 24).is_empty() && bench.vector("ALERTS", 25).len() == 1);
    drop(book);

    // A restart: the alert goes on to wait; the time in which nobody looked does not count, that in which somebody did does.
    let book = bench.book();
    bench.evaluate(&book, 60);
    drop(book);
    let book = bench.book();
    assert!(book.firing().is_empty());
    bench.write(80, &[("up instance=1", 0.0), ("up instance=2", 0.0)]);
    // It has held from 30 to 60, and since 90 as far as is known.
    bench.evaluate(&book, 120);
    let firing = book.firing();
    let [alert] = &firing[..] else { panic!("{firing:?}") };
    assert_eq!((alert.labels["instance"].as_str(), alert.starts_at), ("1", T0 + 120 * SECOND));
    let rule = alert.rule.clone().unwrap();
    assert_eq!((rule.annotations["summary"].as_str(), rule.expression.as_str()), ("1 of 2", "up == 0"));
    assert_eq!(bench.vector("ALERTS{alertstate=\"pending\"}", 120).len(), 1, "that of the second one");
    drop(book);

    let book = bench.book();
    assert_eq!(book.firing(), firing, "also before the first evaluation");
    bench.write(140, &[("up instance=1", 1.0), ("up instance=2", 0.0)]);
    bench.evaluate(&book, 150);
    bench.evaluate(&book, 180);
    let firing: Vec<String> = book.firing().iter().map(|alert| alert.labels["instance"].clone()).collect();
    assert_eq!(firing, ["2"]);
    let expected =
        ["30 1 pending", "120 1 firing", "120 2 pending", "150 1 resolved", "180 2 firing"].map(str::to_owned);
    assert_eq!(history(&book), expected);
    // Nothing is there twice, and what ended has ended.
    let states = "sum by (instance, alertstate) (ALERTS)";
    let answer = range(&bench.series.source(), states, T0, T0 + 190 * SECOND, 10 * SECOND, &Limits::default()).unwrap();
    let QueryValue::Matrix(found) = answer.value else { panic!() };
    let all_ones = |series: &MatrixSeries| series.floats.iter().all(|(_, value)| *value == 1.0);
    assert!(found.iter().all(all_ones), "{found:?}");
    assert_eq!(bench.vector("ALERTS", 150).len(), 1);
}

#[test]
fn a_rule_that_fails_keeps_its_alerts_and_holds_up_no_other() {
    let rules = "
groups:
- name: g
  rules:
  - alert: Down
    expr: up == on (job) group_left () zero
  - record: fine
    expr: count(up)
  - record: twice
    expr: up
    labels: {instance: ''}
  - record: many
    expr: up
- name: limited
  limit: 1
  rules: [{record: many, expr: up}]
";
    let bench = Bench::new(rules);
    let book = bench.book();
    bench.write(0, &[("up job=a instance=1", 0.0), ("up job=a instance=2", 1.0), ("zero job=a x=1", 0.0)]);
    bench.evaluate(&book, 0);
    assert_eq!(book.firing().len(), 1);
    // Two series on the side of the one: that cannot be matched.
    bench.write(30, &[("zero job=a x=2", 0.0)]);
    bench.evaluate(&book, 60);
    assert_eq!(book.firing().len(), 1);
    let status = book.status();
    let errors: Vec<Option<&str>> =
        status.groups.iter().flat_map(|group| &group.rules).map(|rule| rule.error.as_deref()).collect();
    let [Some(matching), None, Some(same), None, Some(limit)] = errors[..] else { panic!("{errors:?}") };
    assert!(matching.contains("duplicate series"), "{matching}");
    assert_eq!(same, "vector contains metrics with the same labelset after applying rule labels");
    assert_eq!(limit, "exceeded limit of 1 with 2 series");
    assert_eq!(bench.vector("fine", 60), ["{__name__=\"fine\"} Float(2.0)"]);
    assert_eq!(status.groups[0].rules[0].health(), "err");
}

#[test]
fn a_changed_file_is_followed_and_a_bad_one_is_not() {
    let bench = Bench::new(ALERTS);
    let book = bench.book();
    bench.write(0, &[("up instance=1", 0.0)]);
    bench.evaluate(&book, 30);
    bench.evaluate(&book, 90);
    assert_eq!(book.firing().len(), 1);
    bench.rewrite("groups: [{name: alerts, rules: [{alert: Down, expr: 'up ==', for: x}]}]");
    assert_eq!(book.poll(T0 + 91 * SECOND).unwrap().len(), 1);
    let errors = book.status().file_errors;
    assert_eq!(errors.len(), 2);
    assert!(errors[0].to_string().contains("r.yml:1:53: groups[0].rules[0].expr: could not parse"), "{errors:?}");
    assert_eq!(book.firing().len(), 1);
    // Another expression and another time to wait: the alert goes on. Another label: it is another alert.
    bench.rewrite(&ALERTS.replace("up == 0", "up < 1").replace("1m", "2m"));
    book.poll(T0 + 92 * SECOND).unwrap();
    assert!(book.status().file_errors.is_empty());
    bench.evaluate(&book, 120);
    assert_eq!(book.firing()[0].starts_at, T0 + 90 * SECOND);
    bench.rewrite(&ALERTS.replace("page", "ticket"));
    book.poll(T0 + 121 * SECOND).unwrap();
    assert!(book.firing().is_empty());
    assert_eq!(history(&book), ["30 1 pending", "90 1 firing", "121 1 resolved"]);
    bench.evaluate(&book, 125);
    assert_eq!(bench.vector("ALERTS_FOR_STATE{severity=\"page\"}", 126), Vec::<String>::new());
    assert_eq!(bench.vector("ALERTS_FOR_STATE{severity=\"ticket\"}", 126).len(), 1);
}

#[test]
fn a_mistake_stops_the_start() {
    let bench = Bench::new("groups: [{name: g, rules: [{alert: a, expr: 'up[5m]'}]}]");
    let open = |files: RuleFiles| {
        let (state, _) = State::open(&bench.dir.path().join("alerts")).unwrap();
        let series = Arc::clone(&bench.series) as Arc<dyn Series>;
        Book::open(files, series, String::new(), Arc::new(state)).err().map(|errors| errors.to_string())
    };
    let error = open(bench.files()).unwrap();
    assert!(error.ends_with("could not parse expression: it gives neither an instant vector nor a number"), "{error}");
    let path = bench.dir.path().join("nowhere.yml").display().to_string();
    let error = open(RuleFiles::new(&path, MINUTE).unwrap()).unwrap();
    assert!(error.contains("nowhere.yml:1:1: cannot be read: No such file"), "{error}");
    assert_eq!(open(RuleFiles::new("/nowhere/*.yml", MINUTE).unwrap()), None);
    assert!(RuleFiles::new("a/[", MINUTE).is_err());
}

#[test]
fn groups_are_evaluated_at_times_of_their_own() {
    let groups = "groups: [{name: a, interval: 1m}, {name: b, interval: 1m}, {name: c, interval: 7s}]";
    let bench = Bench::new(groups);
    let book = bench.book();
    let groups: Vec<_> = book.status().groups.iter().map(|group| Arc::clone(&group.group)).collect();
    for group in &groups {
        let first = slot(group, T0);
        assert!(first <= T0 && first > T0 - group.interval);
        assert_eq!(slot(group, first + group.interval - 1), first);
        assert_eq!(slot(group, first + group.interval), first + group.interval);
        assert_eq!(
            slot(group, first + 20 * HOUR / group.interval * group.interval) - first,
            20 * HOUR / group.interval * group.interval
        );
    }
    assert_ne!(slot(&groups[0], T0), slot(&groups[1], T0));
}

#[test]
fn a_replay_says_when_it_would_have_fired() {
    let bench = Bench::new(
        "
groups:
- name: g
  interval: 30s
  rules:
  - {record: up, expr: 'up_sent * 1'}
  - {record: broken, expr: 'up_sent', labels: {instance: ''}}
  - {alert: Down, expr: up == 0, for: 1m}
",
    );
    for minute in 0..20 {
        let value = if (5..10).contains(&minute) { 0.0 } else { 1.0 };
        // What the box recorded by itself is not what is asked for.
        bench.write(minute * 60, &[("up_sent instance=1", value), ("up instance=1", 0.0), ("up_sent instance=2", 1.0)]);
    }
    let groups = super::replay::read(&bench.files()).unwrap();
    let snapshot = bench.series.store.snapshot();
    let range = model::TimeRange::new(T0, T0 + 20 * MINUTE);
    let replayed = super::replay::replay(snapshot.clone(), &groups, range, || true);
    let [fired] = &replayed.fired[..] else { panic!("{replayed:?}") };
    assert_eq!((fired.name(), fired.labels["instance"].as_str()), ("Down", "1"));
    // Within an interval, whose place in the minute is that of the group, of the minutes 6 and 10.
    let minutes = |from: i64| (T0 + from * MINUTE)..(T0 + from * MINUTE + 30 * SECOND);
    assert!(minutes(6).contains(&fired.since) && minutes(10).contains(&fired.until.unwrap()), "{fired:?}");
    assert_eq!(replayed.evaluations, 40);
    let failed: Vec<_> =
        replayed.failed.iter().map(|((group, rule), (times, _))| (group.as_str(), rule.as_str(), *times)).collect();
    assert_eq!(failed, [("g", "broken", 40)]);
    assert_eq!(bench.vector("count(broken)", 1190), Vec::<String>::new(), "nothing is stored");
    let short = super::replay::replay(snapshot, &groups, model::TimeRange::new(T0, T0 + 8 * MINUTE), || true);
    assert!(short.fired.len() == 1 && short.fired[0].until.is_none(), "{short:?}");
}
