//! The suite against receivers that are wrong on purpose: a rule that no receiver can break proves nothing.

mod broken;

use std::collections::BTreeSet;

use crate::protocol::Signal;
use crate::report::{ID_WIDTH, Report, Verdict};
use crate::rule::{Cost, Level, Rule};
use crate::rules;
use crate::run::run_chosen;
use crate::target::{Options, Target};
use broken::{Fault, Receiver};

/// Small, so that bodies over the limit are cheap, and large enough for those that could have a long reply.
const MAX_BODY: usize = 8 << 20;

/// A time of the year 2026.
const NOW: u64 = 1_790_000_000_000_000_000;

/// What the suite says of a receiver with this fault.
async fn report_of(fault: Fault, choose: impl Fn(&Rule) -> bool) -> Report {
    let receiver = Receiver::start(fault).await;
    let address = Some(receiver.address.clone());
    let target = Target { grpc: address.clone(), http: address, ..Target::default() };
    let options = Options { max_body: MAX_BODY, ..Options::at(NOW) };
    run_chosen(target, options, choose).await
}

/// The ids of the rules that do not hold, over any protocol.
fn broken_rules(report: &Report) -> BTreeSet<&'static str> {
    let broken = report.entries.iter().filter(|entry| matches!(entry.verdict, Verdict::Fail | Verdict::Miss));
    broken.map(|entry| entry.rule.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_is_broken_by_a_receiver_that_breaks_it() {
    // These need half a minute (they have a test of their own) and the official examples.
    let others = ["T15.pings", "J9.official"];
    let mut unbroken: BTreeSet<&str> = rules::all()
        .filter(|rule| rule.level != Level::May && !others.contains(&rule.id))
        .map(|rule| rule.id)
        .collect();
    for fault in Fault::ALL {
        let named = |rule: &Rule| fault.breaks().contains(&rule.id) || fault.keeps().contains(&rule.id);
        // The rules about all replies need one to a request that is too large.
        let feeds = |rule: &Rule| rule.id == "T8.over-limit-gzip";
        // Those of T9 send much; the one fault that is about them names them.
        let untested = |rule: &Rule| unbroken.contains(rule.id) && !rule.id.starts_with("T9.");
        let report = report_of(fault, |rule| named(rule) || feeds(rule) || untested(rule)).await;
        let broken = broken_rules(&report);
        // One that answers nothing breaks every rule, which says nothing of any.
        unbroken.retain(|id| fault == Fault::HangsUp || !broken.contains(id));
        let mut wrong = Vec::new();
        for id in fault.breaks() {
            if !broken.contains(id) {
                wrong.push(format!("does not break {id}"));
            }
        }
        for id in fault.keeps() {
            if broken.contains(id) {
                wrong.push(format!("breaks {id}"));
            }
        }
        assert!(wrong.is_empty(), "{fault:?} {wrong:?}");
    }
    assert!(unbroken.is_empty(), "nothing breaks {unbroken:?}");
}

#[tokio::test]
async fn a_receiver_that_sends_pinging_clients_away_is_found() {
    let address = broken::sends_pings_away().await;
    let target = Target { grpc: Some(address), ..Target::default() };
    let options = Options { only: vec!["T15".to_owned()], ..Options::at(NOW) };
    let report = crate::run(target, options).await;
    let [entry] = &report.entries[..] else { panic!("{}", report.text(false)) };
    assert_eq!(entry.verdict, Verdict::Miss);
    assert!(entry.why.contains("GOAWAY") && entry.why.contains("too_many_pings"), "{}", entry.why);
}

#[tokio::test]
async fn a_rule_about_all_replies_is_tested_alone_by_the_replies_to_all_tests() {
    for (fault, verdict) in [(Fault::PlainErrors, Verdict::Fail), (Fault::RefusesAll, Verdict::Pass)] {
        let receiver = Receiver::start(fault).await;
        let target = Target { http: Some(receiver.address.clone()), ..Target::default() };
        let options = Options { only: vec!["R7.every".to_owned()], max_body: MAX_BODY, ..Options::at(NOW) };
        let report = run_chosen(target, options, |rule| rule.cost == Cost::Light).await;
        let found: Vec<_> = report.entries.iter().map(|entry| (entry.id(), entry.verdict)).collect();
        let expected = ["R7.every/http-protobuf", "R7.every/http-json"].map(|id| (id.to_owned(), verdict));
        assert_eq!(found, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn what_the_port_of_the_other_transport_answers_is_held_against_nobody() {
    let (grpc, http) = (Receiver::start(Fault::AcceptsAll).await, Receiver::start(Fault::PlainErrors).await);
    let target = Target { grpc: Some(grpc.address.clone()), http: Some(http.address.clone()), ..Target::default() };
    let options = Options { only: vec!["T4".to_owned(), "R7.every-grpc".to_owned()], ..Options::at(NOW) };
    let report = run_chosen(target, options, |rule| ["T4.grpc-on-http", "R7.every-grpc"].contains(&rule.id)).await;
    let found: Vec<_> = report.entries.iter().map(|entry| (entry.rule.id, entry.verdict)).collect();
    assert_eq!(found, [("T4.grpc-on-http", Verdict::No), ("R7.every-grpc", Verdict::NotApplicable)]);
    assert!(!report.says_nothing() && Report { entries: Vec::new(), ..report }.says_nothing());
}

#[tokio::test]
async fn a_receiver_of_one_signal_is_tested_as_one_of_all() {
    let receiver = Receiver::start(Fault::AcceptsAll).await;
    let silent_for = async |signals: Vec<Signal>| {
        let address = Some(receiver.address.clone());
        let target = Target { grpc: address.clone(), http: address, ..Target::default() };
        let options = Options { signals, max_body: MAX_BODY, ..Options::at(NOW) };
        let report = run_chosen(target, options, |rule| rule.cost == Cost::Light).await;
        let silent = report.entries.iter().filter(|entry| entry.verdict == Verdict::NotApplicable);
        silent.map(|entry| entry.rule.id).collect::<BTreeSet<_>>()
    };
    let of_all = silent_for(Signal::ALL.to_vec()).await;
    // What these say is of one signal, or of two.
    let rows = ["D3.", "D4.", "D5.", "R3.", "J1.not-", "J1.links", "J1.empty-", "J10.", "R8.invalid-utf8"];
    for signal in Signal::ALL {
        let mut silent = silent_for(vec![signal]).await;
        silent.retain(|id| !of_all.contains(id) && !rows.iter().any(|row| id.starts_with(row)));
        assert!(silent.is_empty(), "{}: {silent:?}", signal.name());
    }
}

#[test]
fn rules_are_well_formed() {
    let mut ids = BTreeSet::new();
    for rule in rules::all() {
        assert!(ids.insert(rule.id), "{} is there twice", rule.id);
        assert!(rule.id.len() <= ID_WIDTH && rule.id.contains('.'), "{}", rule.id);
        let (document, section) =
            rule.source.split_once(": ").unwrap_or_else(|| panic!("{}: {}", rule.id, rule.source));
        assert!(rules::DOCUMENTS.iter().any(|(name, _)| *name == document) && !section.is_empty(), "{}", rule.id);
        assert!(!rule.text.ends_with('.') && rule.text.len() > 10 && !rule.protocols.is_empty(), "{}", rule.id);
    }
    let n_checks: usize = rules::all().map(|rule| rule.protocols.len()).sum();
    assert!(n_checks >= 120, "{n_checks}");
}

/// `docs/conformance.md` has the list between two marks.
#[test]
fn the_document_lists_the_rules() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/conformance.md");
    let document = std::fs::read_to_string(path).unwrap();
    let listed = document.split_once("<!-- rules -->\n").and_then(|(_, rest)| rest.split_once("<!-- end of rules -->"));
    let (listed, _) = listed.expect("the marks");
    let expected = crate::markdown_list();
    assert!(
        listed == expected,
        "docs/conformance.md is stale; `cargo xtask conformance --list --format markdown` prints the list"
    );
}

#[tokio::test]
async fn reports_have_all_of_a_run() {
    let report = report_of(Fault::PlainErrors, |rule| rule.cost == Cost::Light).await;
    assert!(!report.conforms());
    let text = report.text(false);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(text.contains("MUST broken") && !text.contains('\x1b') && report.text(true).contains('\x1b'));
    let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(json["conforms"], false);
    assert_eq!(json["entries"].as_array().unwrap().len(), report.entries.len());
    let failed = json["entries"].as_array().unwrap().iter().find(|entry| entry["verdict"] == "FAIL").unwrap();
    for key in ["id", "source", "text", "why", "sent", "got"] {
        assert!(!failed[key].as_str().unwrap().is_empty(), "{key}: {failed}");
    }
    let markdown = report.markdown();
    assert!(markdown.contains("| `T1.identity` | MUST | FAIL | FAIL | FAIL |"), "{markdown}");
}
