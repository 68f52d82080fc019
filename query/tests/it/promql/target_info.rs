//! `target_info` is there while a resource sends, wherever its points lie.

use model::time::{MILLISECOND, SECOND};
use query::promql::{Limits, MatrixSeries, Millis, QueryValue, Source, instant, range};

use super::otlp::{OtlpLoad, OtlpStore};

/// Two series of a resource, 20 s apart: one ends after six minutes, and nothing is sent from the 16th minute to the 40th.
/// Another resource has a series that says once that it has no value.
fn loads() -> Vec<OtlpLoad> {
    let early = r#"early{"resource.service.name"="web", "resource.host.name"="h"} 0+1x18"#;
    let late = r#"late{"resource.service.name"="web", "resource.host.name"="h"} _x15 0+1x33 _x71 7 8 9"#;
    let other = r#"other{"resource.service.name"="batch", "resource.host.name"="i"} _x100 stale"#;
    vec![OtlpLoad::parse("20s gauge", &[early, late, other])]
}

const STEPS: usize = 130;

/// Whether the resource `web` sends at a step of 20 s.
fn sends(step: i64) -> bool {
    (0..=48).contains(&step) || (120..=122).contains(&step)
}

type Stage = (&'static str, fn(&mut OtlpStore, &OtlpLoad));

const STAGES: [Stage; 5] = [
    ("in memory", |store, load| store.append(load, 0..STEPS)),
    ("flushed", |store, load| {
        store.append(load, 0..STEPS);
        store.store().flush().unwrap();
    }),
    ("partly flushed", |store, load| {
        for steps in [0..3, 3..4, 4..20, 20..47, 47..121] {
            store.append(load, steps);
            store.store().flush().unwrap();
        }
        store.append(load, 121..STEPS);
    }),
    ("compacted", |store, load| {
        for steps in [0..30, 30..60, 60..STEPS] {
            store.append(load, steps);
            store.store().flush().unwrap();
        }
        store.store().compact_all().unwrap();
    }),
    ("opened again", |store, load| {
        store.append(load, 0..50);
        store.reopen();
        store.append(load, 50..STEPS);
        store.reopen();
    }),
];

fn matrix(source: &Source, query: &str, start: Millis, end: Millis, step: Millis) -> Vec<MatrixSeries> {
    let [start, end, step] = [start, end, step].map(|millis| millis * MILLISECOND);
    match range(source, query, start, end, step, &Limits::default()).unwrap().value {
        QueryValue::Matrix(series) => series,
        other => panic!("{query} gives {other:?}"),
    }
}

#[test]
fn a_resource_is_there_while_it_sends_at_every_stage() {
    let mut answers = Vec::new();
    for (name, store_points) in STAGES {
        let mut store = OtlpStore::new();
        loads().iter().for_each(|load| store_points(&mut store, load));
        let source = Source::store(store.snapshot());
        for (start, step) in [(0, 20_000), (7_000, 30_000), (3_599_000, 1_000)] {
            let end = start + 180 * step;
            let found = matrix(&source, r#"target_info{job="web"}"#, start, end, step);
            // A step looks back five minutes, and not to the time that is just five minutes ago.
            let seen = |at: &Millis| (at - 299_999..=*at).any(|time| time % 20_000 == 0 && sends(time / 20_000));
            let expected: Vec<Millis> = (0..=180).map(|n| start + n * step).filter(seen).collect();
            let times: Vec<Millis> = found.iter().flat_map(|it| it.floats.iter().map(|(at, _)| *at)).collect();
            assert_eq!(times, expected, "{name}, from {start} by {step}");
        }
        let mut answer = Vec::new();
        for query in
            ["target_info", "timestamp(target_info)", "count_over_time(target_info[90s])", r#"count({job="web"})"#]
        {
            answer.push(format!("{query}: {:?}", matrix(&source, query, 0, 2_700_000, 17_000)));
            for second in [0, 31, 340, 1_255, 2_000, 2_299, 2_301, 2_701] {
                let found = instant(&source, query, second * SECOND, &Limits::default()).unwrap();
                answer.push(format!("{query} at {second}: {:?}", found.value));
            }
        }
        answers.push((name, answer));
    }
    for (name, answer) in &answers[1..] {
        for (found, expected) in answer.iter().zip(&answers[0].1) {
            assert_eq!(found, expected, "{name}");
        }
    }
}
