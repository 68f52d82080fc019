//! Runs the rules: many at a time, those with large bodies one after the other, those about all replies at the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::probe::{Probe, Shared};
use crate::protocol::Protocol;
use crate::report::{Entry, Report, Verdict};
use crate::rule::{Check, Cost, Level, Miss, Rule, Test};
use crate::rules;
use crate::target::{Options, Target};

/// Light tests at a time. A receiver that does not take so many connections has other troubles.
const AT_A_TIME: usize = 8;

const CONNECT: Duration = Duration::from_secs(5);

/// Whether something listens at each address of `target`; the first that does not, otherwise.
pub async fn reachable(target: &Target) -> Result<(), String> {
    for address in [&target.grpc, &target.http].into_iter().flatten() {
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(format!("cannot connect to {address}: {error}")),
            Err(_) => return Err(format!("cannot connect to {address} within {} s", CONNECT.as_secs())),
        }
    }
    Ok(())
}

/// Whether `name` is that of this rule over this protocol. It stops at a full word, so that `T1` is not `T10`.
pub(crate) fn is_named(name: &str, rule: &Rule, protocol: Protocol) -> bool {
    let id = format!("{}/{protocol}", rule.id);
    id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
}

/// Tests the receiver by all rules that `options` chooses.
pub async fn run(target: Target, options: Options) -> Report {
    run_chosen(target, options, |_| true).await
}

/// As [`run`], but only those rules that `choose` takes.
pub(crate) async fn run_chosen(target: Target, options: Options, choose: impl Fn(&Rule) -> bool) -> Report {
    let started = Instant::now();
    let shared = Arc::new(Shared::new(target.clone(), options));
    let known: Vec<(&'static Rule, Protocol)> = rules::all()
        .filter(|rule| choose(rule))
        .flat_map(|rule| rule.protocols.iter().map(move |protocol| (rule, *protocol)))
        .filter(|(_, protocol)| target.address(*protocol).is_some())
        .collect();
    let only = &shared.options.only;
    let is_reported = |rule: &Rule, protocol| only.is_empty() || only.iter().any(|it| is_named(it, rule, protocol));
    let is_audit = |rule: &Rule| matches!(rule.test, Test::Audit(_));
    let audited: Vec<Protocol> =
        known.iter().filter(|(rule, it)| is_audit(rule) && is_reported(rule, *it)).map(|(_, it)| *it).collect();
    // A rule about all replies is nothing without replies: all tests of its protocol are sent, and those not asked for not
    // reported. Tests that wait send nothing that has a reply.
    let is_sent = |rule: &Rule, protocol| {
        is_reported(rule, protocol) || !is_audit(rule) && rule.cost != Cost::Waits && audited.contains(&protocol)
    };
    let chosen: Vec<_> = known.into_iter().filter(|(rule, protocol)| is_sent(rule, *protocol)).collect();
    let mut entries = Vec::new();
    let waiting = spawn(&chosen, &shared, Cost::Waits, AT_A_TIME);
    for (cost, at_a_time) in [(Cost::Light, AT_A_TIME), (Cost::Heavy, 1)] {
        entries.extend(spawn(&chosen, &shared, cost, at_a_time).join_all().await);
    }
    entries.extend(waiting.join_all().await);
    for (index, (rule, protocol)) in chosen.iter().enumerate() {
        if let Test::Audit(audit) = rule.test {
            entries.push((index, look_back(rule, *protocol, &shared, audit)));
        }
    }
    entries.sort_by_key(|(index, _)| *index);
    let entries = entries.into_iter().map(|(_, entry)| entry).filter(|it| is_reported(it.rule, it.protocol)).collect();
    Report { target, entries, took: started.elapsed() }
}

/// Starts the tests of `cost`; each gives its place among the chosen.
fn spawn(
    chosen: &[(&'static Rule, Protocol)],
    shared: &Arc<Shared>,
    cost: Cost,
    at_a_time: usize,
) -> JoinSet<(usize, Entry)> {
    let permits = Arc::new(Semaphore::new(at_a_time));
    let mut tests = JoinSet::new();
    for (index, (rule, protocol)) in chosen.iter().copied().enumerate() {
        if rule.cost != cost || matches!(rule.test, Test::Audit(_)) {
            continue;
        }
        let (permits, shared) = (Arc::clone(&permits), Arc::clone(shared));
        tests.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let probe = Probe::new(shared, protocol);
            let outcome = test(&rule.test, &probe).await;
            (index, entry(rule, &probe, outcome))
        });
    }
    tests
}

async fn test(test: &Test, probe: &Probe) -> Check {
    match test {
        Test::Send(request, expect) => expect(&probe.send(request(probe)).await?),
        Test::Signals(request, expect) => {
            let mut outcome = Miss::not_applicable("the receiver is tested for no signal");
            for signal in probe.signals() {
                outcome = match expect(&probe.send(request(probe, signal)).await?) {
                    // What does not come up for one signal may for another.
                    Err(Miss::NotApplicable(why)) => outcome.or(Miss::not_applicable(why)),
                    found => Ok(found?),
                };
            }
            outcome
        }
        Test::Script(script) => script(probe).await,
        Test::Audit(_) => Ok(()),
    }
}

/// Holds all replies of the run by this protocol to a rule. It is broken by the first that breaks it, and says nothing when
/// it applies to none.
fn look_back(
    rule: &'static Rule,
    protocol: Protocol,
    shared: &Arc<Shared>,
    audit: fn(&crate::probe::Observation) -> Check,
) -> Entry {
    let probe = Probe::new(Arc::clone(shared), protocol);
    let mut outcome = Miss::not_applicable("no reply of this run was of this kind");
    for observation in shared.observations().into_iter().filter(|it| it.reply.protocol == protocol) {
        match audit(&observation) {
            Ok(()) => outcome = Ok(()),
            Err(Miss::NotApplicable(_)) => {}
            Err(broken) => {
                probe.note(observation.exchange);
                outcome = Err(broken);
                break;
            }
        }
    }
    entry(rule, &probe, outcome)
}

fn entry(rule: &'static Rule, probe: &Probe, outcome: Check) -> Entry {
    let (verdict, why) = match outcome {
        Ok(()) => (Verdict::Pass, String::new()),
        Err(Miss::NotApplicable(why)) => (Verdict::NotApplicable, why),
        Err(Miss::Broken(why)) => match rule.level {
            Level::Must => (Verdict::Fail, why),
            Level::Should | Level::Practice => (Verdict::Miss, why),
            Level::May => (Verdict::No, why),
        },
    };
    let exchange = probe.last_exchange();
    let (sent, got) = exchange.map(|it| (it.sent, it.got)).unwrap_or_default();
    Entry { rule, protocol: probe.protocol, verdict, why, sent, got }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_whole_words() {
        let rule = rules::all().find(|rule| rule.id == "T1.identity").unwrap();
        for (name, named) in [
            ("T1", true),
            ("T1.identity", true),
            ("T1.identity/grpc", true),
            ("T1.identity/http-json", false),
            ("T1.ident", false),
            ("T", false),
            ("R1", false),
        ] {
            assert_eq!(is_named(name, rule, Protocol::Grpc), named, "{name}");
        }
    }
}
