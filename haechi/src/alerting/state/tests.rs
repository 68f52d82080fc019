//! Commits and what is left of them after a restart at any point.

use slo::alert::TransitionTo;
use slo::groups::Group;
use slo::spec::Severity;

use super::*;

fn entry(receiver: &str, slo: &str, key: &str) -> NewEntry {
    NewEntry {
        receiver: receiver.to_owned(),
        slo: slo.to_owned(),
        status: "firing".to_owned(),
        idempotency_key: key.to_owned(),
        body: format!("{{\"key\":\"{key}\"}}").into_bytes(),
        weight: Weight::News,
    }
}

fn alerts(slo: &str, sequence: u64) -> SloAlerts {
    SloAlerts {
        slo: slo.to_owned(),
        alert_name: "A".to_owned(),
        tiers: Vec::new(),
        sequence,
        notified: Vec::new(),
        notified_at: 0,
        evaluated_at: 5,
    }
}

fn transition(at: Nanos) -> Transition {
    Transition {
        slo: "x".to_owned(),
        tier: "page/1h/5m".to_owned(),
        group: Group::All,
        severity: Severity::Page,
        at,
        to: TransitionTo::Firing,
    }
}

fn attempt(number: u32, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        time: 9,
        receiver: "r".to_owned(),
        slo: "x".to_owned(),
        status: "firing".to_owned(),
        idempotency_key: "k".to_owned(),
        number,
        took: 3,
        outcome,
        is_resend: false,
        exchange: 0,
    }
}

fn open(dir: &Path) -> State {
    let (state, problems) = State::open(dir).unwrap();
    assert_eq!(problems, Vec::<String>::new());
    state
}

fn keys(state: &State, receiver: &str) -> Vec<String> {
    state.heads(receiver).into_iter().map(|entry| entry.idempotency_key).collect()
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

#[test]
fn a_restart_finds_everything_that_was_committed() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    let commit = Commit {
        alerts: vec![alerts("x", 1), alerts("y", 2)],
        transitions: vec![transition(1), transition(2)],
        entries: vec![entry("r", "x", "k1"), entry("r", "x", "k2"), entry("s", "x", "k3")],
        ..Commit::default()
    };
    state.commit(commit, 100).unwrap();
    state.commit(Commit { forget: vec!["y".to_owned()], ..Commit::default() }, 101).unwrap();
    let id = state.heads("s")[0].id;
    state
        .record(
            id,
            attempt(1, AttemptOutcome::Retried { error: "e".to_owned(), code: Some(500), next: 200 }),
            &Exchange::default(),
        )
        .unwrap();
    let before = state.lock().clone();
    drop(state);

    let state = open(dir.path());
    assert_eq!(*state.lock(), before);
    assert_eq!(state.alerts(), [alerts("x", 1)]);
    assert_eq!(state.history(), [transition(2), transition(1)]);
    assert_eq!((state.heads("s")[0].attempts, state.heads("s")[0].next), (1, 200));
    assert_eq!(state.body(state.heads("r")[0].id).unwrap(), b"{\"key\":\"k1\"}");
    assert_eq!(state.delivery(&[]).attempts.len(), 1);
}

#[test]
fn notifications_of_one_slo_wait_for_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    let entries = vec![entry("r", "x", "x1"), entry("r", "x", "x2"), entry("r", "y", "y1"), entry("s", "x", "s1")];
    state.commit(Commit { entries, ..Commit::default() }, 100).unwrap();
    assert_eq!(keys(&state, "r"), ["x1", "y1"]);
    let id = state.heads("r")[0].id;
    state
        .record(
            id,
            attempt(1, AttemptOutcome::Retried { error: String::new(), code: None, next: 500 }),
            &Exchange::default(),
        )
        .unwrap();
    assert_eq!(keys(&state, "r"), ["y1", "x1"]);
    state.record(id, attempt(2, AttemptOutcome::Delivered(200)), &Exchange::default()).unwrap();
    assert_eq!(keys(&state, "r"), ["x2", "y1"]);
    assert_eq!(keys(&state, "s"), ["s1"]);
    assert_eq!(files(&dir.path().join("outbox")), 3);
}

#[test]
fn a_reminder_is_left_out_while_something_waits() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    let repeat = |key| Commit {
        entries: vec![NewEntry { weight: Weight::Reminder, ..entry("r", "x", key) }],
        ..Commit::default()
    };
    state.commit(repeat("a"), 100).unwrap();
    state.commit(repeat("b"), 101).unwrap();
    assert_eq!((keys(&state, "r"), state.delivery(&[]).pending), (vec!["a".to_owned()], 1));
}

#[test]
fn what_is_given_up_is_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    state.commit(Commit { entries: vec![entry("r", "x", "k")], ..Commit::default() }, 100).unwrap();
    let id = state.heads("r")[0].id;
    state
        .record(
            id,
            attempt(1, AttemptOutcome::GivenUp { error: "gone".to_owned(), code: Some(410) }),
            &Exchange::default(),
        )
        .unwrap();
    let delivery = state.delivery(&[]);
    assert_eq!((delivery.pending, delivery.dead), (0, 1));
    assert_eq!((files(&dir.path().join("outbox")), files(&dir.path().join("dead"))), (0, 1));
    drop(state);
    assert_eq!(open(dir.path()).delivery(&[]).dead, 1);
}

#[test]
fn the_log_keeps_the_newest_attempts() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    for number in 1..=LOG as u32 + 5 {
        state.record(0, attempt(number, AttemptOutcome::Delivered(200)), &Exchange::default()).unwrap();
    }
    let attempts = state.delivery(&[]).attempts;
    assert_eq!((attempts.len(), attempts[0].number), (LOG, LOG as u32 + 5));
}

/// A crash after the bodies and before the commit: the bodies go, the state is the old one.
#[test]
fn bodies_without_a_commit_are_removed_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    state.commit(Commit { entries: vec![entry("r", "x", "k")], ..Commit::default() }, 100).unwrap();
    std::fs::write(body_path(&dir.path().join("outbox"), 77), b"{}").unwrap();
    drop(state);
    assert_eq!(keys(&open(dir.path()), "r"), ["k"]);
    assert_eq!(files(&dir.path().join("outbox")), 1);
}

#[test]
fn a_commit_that_cannot_be_written_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    state.commit(Commit { alerts: vec![alerts("x", 1)], ..Commit::default() }, 1).unwrap();
    // A directory in the place of the file that is written beside it.
    std::fs::create_dir(dir.path().join("state.new")).unwrap();
    let commit = Commit { alerts: vec![alerts("x", 2)], entries: vec![entry("r", "x", "k")], ..Commit::default() };
    assert!(state.commit(commit.clone(), 2).is_err());
    assert_eq!((state.alerts(), keys(&state, "r").len()), (vec![alerts("x", 1)], 0));
    assert_eq!(files(&dir.path().join("outbox")), 0);
    std::fs::remove_dir(dir.path().join("state.new")).unwrap();
    state.commit(commit, 3).unwrap();
    assert_eq!(keys(&state, "r"), ["k"]);
}

#[test]
fn damage_is_set_aside_and_named_and_the_start_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    let commit = Commit { alerts: vec![alerts("x", 1)], entries: vec![entry("r", "x", "k")], ..Commit::default() };
    state.commit(commit, 1).unwrap();
    let id = state.heads("r")[0].id;
    drop(state);
    let good = std::fs::read(dir.path().join("state")).unwrap();
    let mut cases: Vec<Vec<u8>> = vec![Vec::new(), b"\n".to_vec(), good[..good.len() / 2].to_vec()];
    cases.extend((0..good.len()).step_by(7).map(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x01;
        bytes
    }));
    for bytes in cases {
        std::fs::write(dir.path().join("state"), &bytes).unwrap();
        match State::open(dir.path()) {
            Ok((state, problems)) => {
                assert_eq!(problems.len(), 1, "{problems:?}");
                assert!(state.alerts().is_empty());
            }
            // A flipped bit may turn the version into a larger one.
            Err(error) => assert!(matches!(error, OpenError::NewerFormat { .. }), "{error}"),
        }
    }
    std::fs::write(dir.path().join("state"), &good).unwrap();
    std::fs::write(dir.path().join("deliveries"), b"?").unwrap();
    let (state, problems) = State::open(dir.path()).unwrap();
    // The body was put with those given up when its commit could not be read; that is said too.
    assert_eq!(state.delivery(&[]).dead, 1);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!((state.alerts().len(), state.heads("r").len(), id), (1, 0, 1));
}

#[test]
fn a_newer_format_is_refused_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("state"), b"haechi-alerts 2 0000000000000000\n{}").unwrap();
    let error = State::open(dir.path()).err().unwrap().to_string();
    assert!(
        error.ends_with("state is of format 2, newer than format 1, the newest that this version of haechi reads"),
        "{error}"
    );
}

#[test]
fn exchanges_are_kept_as_long_as_their_attempts() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    let exchange = |number: u32| Exchange { request_body: number.to_string(), ..Exchange::default() };
    for number in 1..=250 {
        state.note(attempt(number, AttemptOutcome::Delivered(200)), &exchange(number)).unwrap();
    }
    assert_eq!((state.exchange(50), state.exchange(51)), (None, Some(exchange(51))));
    assert_eq!(std::fs::read_dir(dir.path().join("exchanges")).unwrap().count(), LOG);
    drop(state);
    let state = open(dir.path());
    assert_eq!(state.note(attempt(251, AttemptOutcome::Delivered(200)), &exchange(251)).unwrap(), 251);
    assert_eq!((state.exchange(51), state.exchange(251)), (None, Some(exchange(251))));
    // What cannot be read is not there.
    std::fs::write(dir.path().join("exchanges/00000000000000000100.json"), "{").unwrap();
    assert_eq!(state.exchange(100), None);
}

#[test]
fn of_resends_that_arrived_the_log_has_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    let resend = |key: &str| NewEntry { weight: Weight::Resend, ..entry("r", "x", key) };
    let commit = |entries: Vec<NewEntry>| state.commit(Commit { entries, ..Commit::default() }, 0).unwrap();
    let deliver = |outcome: AttemptOutcome| {
        let head = state.heads("r").remove(0);
        let attempt =
            Attempt { is_resend: head.is_resend, idempotency_key: head.idempotency_key, ..attempt(1, outcome) };
        state.record(head.id, attempt, &Exchange::default()).unwrap();
    };
    commit(vec![entry("r", "x", "news")]);
    commit(vec![resend("left out, since news wait")]);
    deliver(AttemptOutcome::Delivered(200));
    for key in ["1", "2", "3"] {
        commit(vec![resend(key)]);
        if key == "2" {
            deliver(AttemptOutcome::Retried { error: "e".to_owned(), code: None, next: 0 });
        }
        deliver(AttemptOutcome::Delivered(200));
    }
    let keys = |state: &State| -> Vec<String> {
        state.delivery(&[]).attempts.into_iter().map(|attempt| attempt.idempotency_key).collect()
    };
    assert_eq!(keys(&state), ["3", "2", "news"]);
    commit(vec![resend("4")]);
    drop(state);
    let state = open(dir.path());
    assert_eq!((keys(&state).len(), state.heads("r")[0].is_resend), (3, true));
}
