//! The same streams of errors into the box and into Prometheus' own engine, with rules as Sloth generates them: who fires at
//! every minute. The same again for the burn rates of an SLO of ours, which know nothing of PromQL.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use slo::backtest;
use slo::buckets::{Buckets, Count};

use super::*;

/// Where promtool of Prometheus is, unless `PROMTOOL` says otherwise.
const PROMTOOL: &str = "/usr/bin/promtool";
const MINUTES: i64 = 6 * 60;
/// Between samples: so that few of them are at the very edge of a window, which Prometheus 2 counts in on both sides.
const SCRAPE: i64 = 37;
const REQUESTS_A_SECOND: i64 = 10;

/// First and last minute, and errors of a thousand requests between them.
type Piece = (i64, i64, i64);

/// Errors over six hours.
fn streams() -> Vec<(&'static str, Vec<Piece>)> {
    let often = |every: i64, lasts: i64, errors: i64| {
        (0..MINUTES / every).map(|at| (at * every + 20, at * every + 20 + lasts, errors)).collect()
    };
    let ramp = (0..240).map(|minute| (100 + minute, 101 + minute, minute * 100 / 240)).collect();
    vec![
        ("all_well", vec![]),
        ("outage", vec![(300, 310, 1000)]),
        ("blip", vec![(200, 201, 1000)]),
        ("two_outages", vec![(100, 110, 1000), (250, 260, 1000)]),
        ("from_the_start", vec![(0, 30, 500)]),
        ("slow_burn", vec![(100, MINUTES, 10)]),
        ("slower_burn", vec![(60, MINUTES, 4)]),
        ("barely", vec![(30, MINUTES, 2)]),
        ("below_budget", vec![(0, MINUTES, 1)]),
        ("just_above_page", vec![(200, 270, 15)]),
        ("just_below_page", vec![(60, 300, 14)]),
        ("bursts", often(30, 5, 50)),
        ("rare_bursts", often(100, 3, 1000)),
        ("ramp", ramp),
        ("recovers_and_falls", vec![(60, 120, 100), (122, 180, 100)]),
    ]
}

/// Errors until the second `at`.
fn errors(pieces: &[Piece], at: i64) -> i64 {
    let of = |(from, to, errors): &Piece| (at.clamp(from * 60, to * 60) - from * 60) * REQUESTS_A_SECOND * errors;
    pieces.iter().map(of).sum::<i64>() / 1000
}

/// What Sloth generates for an objective of 99.9 % over 30 days, with all streams in one rule by their label; the ratio of 30
/// days, which no alert reads, is left out.
fn rules() -> String {
    let mut text = "groups:\n- name: sloth-slo-sli-recordings\n  rules:\n".to_owned();
    for window in ["5m", "30m", "1h", "2h", "6h", "1d", "3d"] {
        let rate = |metric: &str| format!("(sum by (stream) (rate({metric}[{window}])))");
        let ratio = format!("{} / {}", rate("errors_total"), rate("requests_total"));
        _ = writeln!(
            text,
            "  - {{record: 'slo:sli_error:ratio_rate{window}', expr: '{ratio}', labels: {{sloth_window: {window}}}}}"
        );
    }
    text.push_str("- name: sloth-slo-alerts\n  rules:\n");
    let both = |short: &str, long: &str, factor: &str| {
        let of =
            |window: &str| format!("max(slo:sli_error:ratio_rate{window} > ({factor} * 0.001)) without (sloth_window)");
        format!("({} and {})", of(short), of(long))
    };
    for (severity, quick, slow) in [
        ("page", both("5m", "1h", "14.4"), both("30m", "6h", "6")),
        ("ticket", both("2h", "1d", "3"), both("6h", "3d", "1")),
    ] {
        _ = writeln!(text, "  - {{alert: Burns, expr: '{quick} or {slow}', labels: {{sloth_severity: {severity}}}}}");
    }
    text
}

/// Who fires in each minute, as `stream severity`.
type Firing = Vec<BTreeSet<String>>;

/// What Prometheus' engine says, by the made-up clock of its tests of rules.
fn by_prometheus(promtool: &str, dir: &Path) -> Firing {
    std::fs::write(dir.join("sloth.yml"), rules()).unwrap();
    let mut text = format!("rule_files: [sloth.yml]\nevaluation_interval: 1m\ntests:\n- interval: {SCRAPE}s\n");
    text.push_str("  input_series:\n");
    let values = |value: &dyn Fn(i64) -> i64| {
        let samples = (0..=MINUTES * 60 / SCRAPE).map(|at| value(at * SCRAPE).to_string());
        samples.collect::<Vec<_>>().join(" ")
    };
    for (name, pieces) in streams() {
        let (bad, all) = (values(&|at| errors(&pieces, at)), values(&|at| at * REQUESTS_A_SECOND));
        _ = writeln!(text, "  - {{series: 'errors_total{{stream=\"{name}\"}}', values: '{bad}'}}");
        _ = writeln!(text, "  - {{series: 'requests_total{{stream=\"{name}\"}}', values: '{all}'}}");
    }
    // Nothing is expected to fire, so whatever does is told.
    text.push_str("  promql_expr_test:\n");
    for minute in 0..MINUTES {
        _ = writeln!(text, "  - {{expr: 'ALERTS{{alertstate=\"firing\"}}', eval_time: {minute}m}}");
    }
    let test = dir.join("test.yml");
    std::fs::write(&test, text).unwrap();
    let output = Command::new(promtool).args(["test", "rules"]).arg(&test).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("FAILED"), "{said}");
    let mut firing = vec![BTreeSet::new(); MINUTES as usize];
    for told in said.split("time: ").skip(1) {
        let time = slo::duration::parse(told.split(',').next().unwrap()).unwrap();
        for sample in told.split("alertstate=\"firing\"").skip(1) {
            let value = |label: &str| sample.split(label).nth(1).unwrap().split('"').nth(1).unwrap().to_owned();
            firing[(time / MINUTE) as usize].insert(format!("{} {}", value("stream="), value("sloth_severity=")));
        }
    }
    firing
}

fn by_our_rules() -> Firing {
    let bench = Bench::new(&rules());
    let book = bench.book();
    // Requests one after another are one request.
    let mut all = Vec::new();
    for at in (0..=MINUTES * 60 / SCRAPE).map(|sample| sample * SCRAPE) {
        let of = |(name, pieces): (&str, Vec<Piece>)| {
            let series = |metric: &str| labels(&format!("{metric} stream={name}"));
            let (bad, all) = (errors(&pieces, at) as f64, (at * REQUESTS_A_SECOND) as f64);
            [(series("errors_total"), bad), (series("requests_total"), all)]
        };
        let samples: Vec<(Labels, f64)> = streams().into_iter().flat_map(of).collect();
        all.extend(write::request((T0 / SECOND + at) * 1000, &samples));
    }
    bench.now.store(T0 + MINUTES * MINUTE, Ordering::Relaxed);
    let StoredSeries { runtime, collector, .. } = &*bench.series;
    runtime.block_on(collector.store_own(BodyKind::RemoteWrite(Version::V1), Bytes::from(all))).unwrap();
    let mut firing = Firing::new();
    for minute in 0..MINUTES {
        bench.evaluate(&book, minute * 60);
        let of = |alert: slo::alert::Alert| format!("{} {}", alert.labels["stream"], alert.labels["sloth_severity"]);
        firing.push(book.firing().into_iter().map(of).collect());
    }
    firing
}

/// The burn rates of an SLO with the default tiers and without its guards, over the same events.
fn by_our_slos() -> Firing {
    let text = "service: s\nindicator: availability\nobjective: 99.9\nalerting: {min_events: 1, min_bad_events: 1}\n";
    let slo = slo::spec::parse("slo.yaml", text).unwrap().remove(0);
    let mut firing = vec![BTreeSet::new(); MINUTES as usize];
    for (name, pieces) in streams() {
        let count = |minute: i64| {
            let bad = (errors(&pieces, (minute + 1) * 60) - errors(&pieces, minute * 60)) as u64;
            let total = (60 * REQUESTS_A_SECOND) as u64;
            Count { good: total - bad, total }
        };
        let mut buckets = Buckets::new(slo.bucket_width(), 10_000);
        buckets.replace(T0 / MINUTE, &(0..MINUTES).map(count).collect::<Vec<_>>());
        let range = model::TimeRange::new(T0, T0 + MINUTES * MINUTE);
        for fired in backtest::run(&slo, &buckets, range, true, || true).firings {
            let minute = |time: i64| ((time - T0) / MINUTE).min(MINUTES) as usize;
            let until = fired.until.map_or(MINUTES as usize, minute);
            for at in &mut firing[minute(fired.since)..until] {
                at.insert(format!("{name} {}", fired.severity.name()));
            }
        }
    }
    firing
}

/// Minutes, of all streams and severities, in which one fires and the other does not within a minute before or after; and the
/// number of those in which they differ at all.
fn compare(ours: &Firing, theirs: &Firing) -> (BTreeMap<String, Vec<usize>>, usize) {
    let (mut apart, mut shifted) = (BTreeMap::<String, Vec<usize>>::new(), 0);
    for (minute, found) in ours.iter().enumerate() {
        for alert in found.symmetric_difference(&theirs[minute]) {
            shifted += 1;
            let near = minute.saturating_sub(1)..(minute + 2).min(theirs.len());
            let fires = found.contains(alert);
            if !near.into_iter().any(|minute| theirs[minute].contains(alert) == fires) {
                apart.entry(alert.clone()).or_default().push(minute);
            }
        }
    }
    (apart, shifted)
}

#[test]
fn fires_when_prometheus_fires() {
    let promtool = std::env::var("PROMTOOL").unwrap_or_else(|_| PROMTOOL.to_owned());
    if !Path::new(&promtool).exists() {
        println!("skipped: needs {promtool} of Prometheus, or PROMTOOL with its path");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let theirs = by_prometheus(&promtool, dir.path());
    let of_rules = by_our_rules();
    let of_slos = by_our_slos();
    let alerts = theirs.iter().map(BTreeSet::len).sum::<usize>();
    assert!(alerts > 1000 && theirs.iter().flatten().collect::<BTreeSet<_>>().len() > 12, "{alerts}");
    // An alert of an SLO ends when its short window has recovered; Sloth's also when the long one falls below its rate, which
    // it does here while it is still young.
    let held = BTreeMap::from([("bursts page".to_owned(), (43..=50).collect::<Vec<usize>>())]);
    for (who, ours, known) in [("rules", &of_rules, BTreeMap::new()), ("slos", &of_slos, held)] {
        let (apart, shifted) = compare(ours, &theirs);
        println!("{who}: {alerts} minutes of alerts, {shifted} differ by one evaluation, further apart: {apart:?}");
        assert_eq!(apart, known, "{who}");
    }
}
