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

/// Whether `only` names this rule over this protocol. A name stops at a full word, so that `T1` is not `T10`.
fn is_chosen(only: &[String], rule: &Rule, protocol: Protocol) -> bool {
    let id = format!("{}/{protocol}", rule.id);
    only.is_empty()
        || only.iter().any(|it| id.strip_prefix(it).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/'])))
}

/// Tests the receiver by all rules that `options` chooses.
pub async fn run(target: Target, options: Options) -> Report {
    run_chosen(target, options, |_| true).await
}

/// As [`run`], but only those rules that `choose` takes.
pub(crate) async fn run_chosen(target: Target, options: Options, choose: impl Fn(&Rule) -> bool) -> Report {
    let started = Instant::now();
    let shared = Arc::new(Shared::new(target.clone(), options));
    let chosen: Vec<(&'static Rule, Protocol)> = rules::all()
        .filter(|rule| choose(rule))
        .flat_map(|rule| rule.protocols.iter().map(move |protocol| (rule, *protocol)))
        .filter(|(rule, protocol)| is_chosen(&shared.options.only, rule, *protocol))
        .filter(|(_, protocol)| target.address(*protocol).is_some())
        .collect();
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
    Report { target, entries: entries.into_iter().map(|(_, entry)| entry).collect(), took: started.elapsed() }
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
            for signal in probe.shared.options.signals.iter().copied() {
                expect(&probe.send(request(probe, signal)).await?)?;
            }
            Ok(())
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
        for (only, chosen) in [
            (vec![], true),
            (vec!["T1"], true),
            (vec!["T1.identity"], true),
            (vec!["T1.identity/grpc"], true),
            (vec!["T1.identity/http-json"], false),
            (vec!["T1.ident"], false),
            (vec!["T"], false),
            (vec!["R1", "T1"], true),
        ] {
            let only: Vec<String> = only.into_iter().map(str::to_owned).collect();
            assert_eq!(is_chosen(&only, rule, Protocol::Grpc), chosen, "{only:?}");
        }
    }
}
