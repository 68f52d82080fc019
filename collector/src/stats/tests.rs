use http::Request;
use model::time::{HOUR, SECOND};
use store::AppendError;

use super::*;
use crate::mistake::Arrival;
use crate::otlp::{Example, Finding, Malformed, Sent};
use crate::refusal::Refusal;

fn finding(reason: &str, rejected: bool) -> Finding {
    Finding { reason: reason.to_owned().into(), count: 1, first: "spans[0]".to_owned(), rejected }
}

fn sent(service: &str) -> Sent {
    let example = Some(Example::Log { time: 1, trace_id: None });
    Sent { service: service.to_owned(), accepted: 2, rejected: 1, bytes: 9, example, ..Sent::default() }
}

/// Two log records of `service` stored and one rejected.
fn accept(ledger: &mut Ledger, at: Nanos, service: &str, user_agent: &str, findings: &[Finding], duplicate: bool) {
    let success = Success {
        signal: Signal::Logs,
        protocol: Protocol::Grpc,
        user_agent,
        arrival: &Arrival::default(),
        counts: Counts { accepted: 2, rejected: 1, services: vec![sent(service)] },
        n_bytes: 10,
        duplicate,
        findings,
        message: "",
    };
    ledger.accepted(at, &success);
}

fn sender(path: &str, user_agent: &str) -> Sender {
    let request = Request::post(path).header("user-agent", user_agent).body(()).unwrap();
    Sender::of(&request, None, None)
}

#[test]
fn counts_by_signal_and_sender() {
    let mut ledger = Ledger::new(1);
    accept(&mut ledger, 5, "a", "sdk", &[], false);
    accept(&mut ledger, 6, "b", "sdk", &[finding("odd", true)], false);
    accept(&mut ledger, 7, "a", "sdk", &[], true);
    let stats = ledger.stats(8);
    let logs = &stats.signals[2];
    assert_eq!((logs.requests, logs.duplicates, logs.accepted, logs.rejected, logs.bytes), (3, 1, 4, 2, 30));
    assert_eq!(
        stats
            .senders
            .iter()
            .map(|it| (it.service.as_str(), it.last_seen, it.accepted[2], it.bytes[2]))
            .collect::<Vec<_>>(),
        [("a", 7, 2, 18), ("b", 6, 2, 9)]
    );
    let reason = &stats.reasons[0];
    assert_eq!(
        (reason.message.as_str(), reason.service.as_str()),
        ("1 log record rejected: odd (first: spans[0])", "b")
    );
    assert_eq!((reason.fate, reason.items, reason.first), (Fate::Rejected, 1, 6));
}

#[test]
fn points_rejected_by_the_limit_of_series_are_counted_apart() {
    let mut ledger = Ledger::new(0);
    let findings = [Finding { count: 7, ..finding(crate::otlp::SERIES_LIMIT, true) }, finding("other", true)];
    accept(&mut ledger, 5, "a", "sdk", &findings, false);
    assert_eq!(ledger.stats(5).signals[2].rejected_by_series_limit, 7);
}

#[test]
fn a_reason_is_grouped_whatever_its_numbers_and_kept_as_it_was_told_last() {
    let mut ledger = Ledger::new(0);
    for i in 0..50 {
        ledger.refused(i, &sender("/v1/traces", "curl"), &Refusal::TooLarge { limit: 100 + i as usize });
    }
    ledger.refused(60, &sender("/v1/traces", "other"), &Refusal::TooLarge { limit: 1 });
    let reasons = ledger.stats(100).reasons;
    assert_eq!(
        reasons.iter().map(|it| (it.user_agent.as_str(), it.times, it.last)).collect::<Vec<_>>(),
        [("other", 1, 60), ("curl", 50, 49)]
    );
    assert!(reasons[1].message.contains("limit of 149 bytes") && reasons[1].fix.contains("smaller batches"));
    assert_eq!(reasons[1].status, Some(Status::Http(413)));
}

#[test]
fn what_the_box_refuses_is_told_from_what_one_sender_is_refused() {
    let cases = [
        (Refusal::Overloaded, true),
        (Refusal::Store(AppendError::Busy(1)), true),
        (Refusal::Store(AppendError::Full { free: 1, reserve: 2 }), true),
        (Refusal::Greedy, false),
        (Refusal::SlowBody(30), false),
        (Refusal::TooLarge { limit: 1 }, false),
        (Refusal::NoSuchPath, false),
    ];
    for (refusal, expected) in cases {
        let mut ledger = Ledger::new(0);
        ledger.refused(1, &sender("/v1/traces", "curl"), &refusal);
        assert_eq!(ledger.stats(1).reasons[0].is_of_box, expected, "{refusal:?}");
    }
}

#[test]
fn a_flood_of_reasons_services_and_paths_is_bounded_and_pushes_nothing_out() {
    let mut ledger = Ledger::new(0);
    for at in 0..3 {
        accept(&mut ledger, at, "shop", "steady", &[finding("the one that matters", true)], false);
        ledger.refused(at, &sender("/v1/trace", "steady"), &Refusal::NoSuchPath);
    }
    for i in 0..100_000 {
        let word = word(i);
        accept(&mut ledger, 10, &format!("service {i}"), &format!("client {i}"), &[finding(&word, false)], false);
        accept(&mut ledger, 10, "noisy", "noisy", &[finding(&word, true)], false);
        ledger.refused(10, &sender(&format!("/{word}"), &word), &Refusal::NoSuchPath);
    }
    let stats = ledger.stats(20);
    assert!((224..=256).contains(&stats.senders.len()) && (448..=512).contains(&stats.reasons.len()));
    assert!(stats.displaced_reasons > 90_000 && stats.displaced_senders > 90_000);
    let steady: Vec<_> = stats.reasons.iter().filter(|it| it.user_agent == "steady").map(|it| it.times).collect();
    assert_eq!(steady, [3, 3]);
    assert!(stats.senders.iter().any(|it| it.service == "shop"));
    let noisy: Vec<_> = stats.reasons.iter().filter(|it| it.user_agent == "noisy").collect();
    assert!((1..=64).contains(&noisy.len()), "{}", noisy.len());
    assert!(ledger.attempts(20).len() <= 256);
    assert!(stats.span_names.is_empty() && stats.log_keys.is_empty());
}

/// A word for each number, without a digit.
fn word(n: usize) -> String {
    n.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect()
}

fn malformed(place: String, problem: &str) -> Refusal {
    Refusal::Malformed(Malformed::new(place, problem))
}

#[test]
fn whatever_a_sender_was_told_before_each_mistake_has_its_own_status_and_advice() {
    let mut ledger = Ledger::new(0);
    let json = Request::post("/v1/traces").header("user-agent", "sdk").header("content-type", "application/json");
    let json = Sender::of(&json.body(()).unwrap(), Some(Signal::Traces), Some(Protocol::HttpJson));
    let brotli = Request::post("/v1/traces").header("user-agent", "sdk").header("content-encoding", "br");
    let brotli = Sender::of(&brotli.body(()).unwrap(), Some(Signal::Traces), Some(Protocol::HttpJson));
    for i in 0..2 {
        ledger.refused(i, &json, &malformed("steady".to_owned(), "is odd"));
    }
    for n in 0..200 {
        ledger.refused(10 + n as i64, &json, &malformed(word(n), "is odd"));
        let displaced = ledger.stats(0).displaced_reasons;
        assert_eq!(
            displaced,
            (n as u64 + 1).saturating_sub(63).div_ceil(8) * 8,
            "the 64th of it is the first too many"
        );
    }
    ledger.refused(300, &brotli, &Refusal::ContentEncoding);
    ledger.refused(301, &json, &malformed("name".to_owned(), "expected a string"));
    ledger.refused(302, &json, &malformed(String::new(), "expected value at line 1 column 1"));
    let reasons = ledger.stats(400).reasons;
    let told: Vec<_> = reasons.iter().take(3).map(|it| (&*it.message, it.status, it.times, &*it.fix)).collect();
    let of_body = "The body is not OTLP in JSON, for the reason given.";
    let of_brotli = "It was br. Set OTEL_EXPORTER_OTLP_COMPRESSION=gzip, or leave it out.";
    assert_eq!(
        told,
        [
            ("expected value at line 1 column 1", Some(Status::Http(400)), 1, of_body),
            ("name: expected a string", Some(Status::Http(400)), 1, of_body),
            (&*Refusal::ContentEncoding.to_string(), Some(Status::Http(415)), 1, of_brotli),
        ]
    );
    assert!(reasons.len() <= 64 && reasons.iter().any(|it| it.message == "steady: is odd" && it.times == 2));
}

#[test]
fn what_a_message_quotes_of_a_body_makes_no_reason_of_its_own() {
    let mut ledger = Ledger::new(0);
    let kind = "resourceSpans[0].scopeSpans[0].spans[0].kind";
    for n in 0..100 {
        for text in [word(n), format!("{}\" \\", word(n))] {
            let problem = format!("the string {text:?} is not allowed, expected the integer of an enum");
            ledger.refused(5, &sender("/v1/traces", "sdk"), &malformed(kind.replace('0', &n.to_string()), &problem));
        }
    }
    ledger.refused(
        6,
        &sender("/v1/traces", "sdk"),
        &malformed(kind.replace("kind", "flags"), "the string \"a\" is not"),
    );
    let stats = ledger.stats(10);
    let told: Vec<_> = stats.reasons.iter().map(|it| (it.times, &*it.message)).collect();
    let last = "resourceSpans[99].scopeSpans[99].spans[99].kind: the string \"jj\\\" \\\\\" is not allowed, expected the integer of an enum";
    let other = "resourceSpans[0].scopeSpans[0].spans[0].flags: the string \"a\" is not";
    assert_eq!((told, stats.displaced_reasons), (vec![(1, other), (200, last)], 0));
}

#[test]
fn the_keys_that_warnings_name_are_reasons_of_their_own() {
    let mut ledger = Ledger::new(0);
    let unknown = |key: &str| finding(&format!("the key {key:?} is unknown and was ignored"), false);
    accept(&mut ledger, 1, "shop", "sdk", &[unknown("zebra"), unknown("level")], false);
    assert_eq!(ledger.stats(2).reasons.len(), 2);
}

#[test]
fn everything_but_the_totals_is_forgotten_after_an_hour() {
    let mut ledger = Ledger::new(0);
    accept(&mut ledger, SECOND, "shop", "sdk", &[finding("odd", true)], false);
    ledger.refused(SECOND, &sender("/", "curl"), &Refusal::NoSuchPath);
    let counts = |now| {
        let stats = ledger.stats(now);
        (stats.senders.len(), stats.reasons.len(), ledger.attempts(now).len(), stats.signals[2].accepted)
    };
    assert_eq!(counts(HOUR), (1, 2, 2, 2));
    assert_eq!(counts(HOUR + SECOND), (0, 0, 0, 2));
}

#[test]
fn a_request_in_which_nothing_was_found_is_an_attempt_too() {
    let mut ledger = Ledger::new(0);
    let arrival = Arrival::default();
    let success = |findings| Success {
        signal: Signal::Logs,
        protocol: Protocol::HttpJson,
        user_agent: "curl",
        arrival: &arrival,
        counts: Counts { accepted: 0, rejected: 0, services: Vec::new() },
        n_bytes: 2,
        duplicate: false,
        findings,
        message: "warning: odd",
    };
    ledger.accepted(1, &success(&[]));
    assert!(ledger.attempts(1).is_empty(), "an export of nothing is no mistake");
    ledger.accepted(2, &success(&[finding("odd", false)]));
    let Outcome::Stored(stored) = &ledger.attempts(2)[0].outcome else { panic!("it was not refused") };
    assert_eq!((stored.accepted, stored.message.as_str()), (0, "warning: odd"));
}

#[test]
fn texts_of_senders_are_cut() {
    let mut ledger = Ledger::new(0);
    let long = "u".repeat(5000);
    accept(&mut ledger, 1, &long, &long, &[finding(&long, false)], false);
    ledger.refused(1, &sender("/", &long), &Refusal::NoSuchPath);
    let stats = ledger.stats(1);
    assert!(stats.senders[0].service.len() == 200 && stats.senders[0].user_agent.len() == 200);
    assert!(stats.reasons.iter().all(|it| it.message.len() <= 1000 && it.user_agent.len() == 200));
}

#[test]
fn refusals_that_pass_are_one_reason_for_all_addresses() {
    let mut ledger = Ledger::new(0);
    let from = |host: u8, user_agent: &str| {
        let mut sender = sender("/v1/traces", user_agent);
        sender.arrival.peer = Some(([10, 0, 0, host], 4_000).into());
        sender
    };
    for host in 0..200 {
        ledger.refused(1, &from(host, ""), &Refusal::Overloaded);
        ledger.refused(2, &from(7, "sdk"), &Refusal::Overloaded);
        ledger.refused(3, &from(host % 2, ""), &Refusal::NoSuchPath);
    }
    let told: Vec<_> = ledger.stats(9).reasons;
    let told: Vec<_> = told.iter().map(|it| (it.is_passing, &*it.user_agent, &*it.peer, it.times)).collect();
    let expected = [
        (false, "", "10.0.0.0", 100),
        (false, "", "10.0.0.1", 100),
        (true, "", SEVERAL, 200),
        (true, "sdk", "10.0.0.7", 200),
    ];
    assert!(told.len() == 4 && expected.iter().all(|it| told.contains(it)), "{told:?}");
}
