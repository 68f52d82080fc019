//! The last attempt of each client to send, for the ladder of the Connect page: how far it came, and what stopped it.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use hashbrown::HashMap;
use model::Nanos;
use model::time::MINUTE;

use super::kept::Kept;
use super::{Protocol, Status, cut};
use crate::otlp::Example;
use crate::signal::Signal;

/// Clients kept.
const MAX_CLIENTS: usize = 256;
/// Connections kept on which nothing was sent yet.
const MAX_SILENT: usize = 64;
/// A client that is accepted again after a pause of this is news once more; longer than the minute at which SDKs send metrics.
const PAUSE: Nanos = 150 * 1_000_000_000;
/// A silent connection is told of only where there was nothing else for this long: load balancers open such all the time.
const QUIET: Nanos = 5 * MINUTE;

/// Where an attempt stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The bytes were no HTTP.
    Connection,
    /// The request was not one of OTLP, or its body could not be read.
    Request,
    /// The receiver takes no more for now, or nothing so large.
    Accepting,
    /// The store takes no more for now.
    Storing,
}

/// The last attempt of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub at: Nanos,
    /// When it began to go as it goes now: the first of the failures or successes in a row.
    pub since: Nanos,
    pub peer: Option<SocketAddr>,
    pub user_agent: String,
    pub protocol: Option<Protocol>,
    pub signal: Option<Signal>,
    /// As in `POST /v1/traces over HTTP/1.1`; empty when there was no request.
    pub request: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Connected, and nothing came yet.
    Silent,
    Stopped {
        step: Step,
        /// What the client was told, or what was seen where it cannot be told anything.
        message: String,
        /// What to change; empty where the message says it.
        fix: String,
        /// What it was answered with; `None` where it was no request.
        status: Option<Status>,
        /// It passes by itself: the client is to come again.
        is_passing: bool,
    },
    Stored(StoredAttempt),
}

/// What was stored of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAttempt {
    pub service: String,
    pub sdk: String,
    pub has_version: bool,
    pub accepted: u64,
    pub rejected: u64,
    /// What the client was told; empty when there was nothing to say.
    pub message: String,
    pub duplicate: bool,
    pub example: Option<Example>,
}

impl Outcome {
    /// What kind of mistake it was, roughly; `None` of success.
    fn kind(&self) -> Option<(Step, Option<Status>)> {
        match self {
            Outcome::Silent => None,
            Outcome::Stopped { step, status, .. } => Some((*step, *status)),
            Outcome::Stored(stored) => (stored.accepted == 0).then_some((Step::Accepting, None)),
        }
    }

    fn is_passing(&self) -> bool {
        matches!(self, Outcome::Stopped { is_passing: true, .. })
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Client {
    /// `None` of refusals that pass, too: a box without room refuses whoever comes.
    address: Option<IpAddr>,
    user_agent: String,
    /// Empty for what stopped.
    service: String,
    signal: Option<Signal>,
}

/// The clients of the last hour.
pub(super) struct Attempts {
    clients: Kept<Client, Attempt>,
    silent: VecDeque<(SocketAddr, Nanos)>,
    /// Counts what has been noted, so that a watcher sees that there is news.
    pub(super) version: u64,
}

impl Default for Attempts {
    fn default() -> Self {
        Attempts { clients: Kept::new(MAX_CLIENTS), silent: VecDeque::new(), version: 0 }
    }
}

impl Attempts {
    pub(super) fn connected(&mut self, peer: SocketAddr, at: Nanos) {
        if self.silent.len() == MAX_SILENT {
            self.silent.pop_front();
        }
        self.silent.push_back((peer, at));
        self.version += 1;
    }

    /// The first bytes have come from `peer`, or it has gone.
    pub(super) fn spoke(&mut self, peer: SocketAddr) {
        self.silent.retain(|(silent, _)| *silent != peer);
    }

    pub(super) fn note(&mut self, attempt: Attempt) {
        let service = match &attempt.outcome {
            Outcome::Stored(stored) => cut(&stored.service),
            _ => String::new(),
        };
        let address = attempt.peer.map(|peer| peer.ip()).filter(|_| !attempt.outcome.is_passing());
        let user_agent = cut(&attempt.user_agent);
        let client = Client { address, user_agent, service, signal: attempt.signal };
        let at = attempt.at;
        self.version += 1;
        let Some(slot) = self.clients.get_mut(&client) else {
            self.make_room(at);
            self.clients.see(client, at, || attempt);
            return;
        };
        let before = &slot.value;
        // A mistake is news each time, a success or a refusal that passes when it comes after something else.
        let is_same = matches!((&before.outcome, &attempt.outcome), (Outcome::Stored(_), Outcome::Stored(_)))
            || before.outcome.is_passing() && attempt.outcome.is_passing();
        let goes_on = is_same && at.saturating_sub(before.at) < PAUSE;
        let since = if goes_on { before.since } else { at };
        slot.times += 1;
        slot.last = slot.last.max(at);
        slot.value = Attempt { since, ..attempt };
    }

    /// Lets a new client in: of the kind of outcome that most have, those seen least give way. So each kind of mistake keeps room.
    fn make_room(&mut self, at: Nanos) {
        if !self.clients.is_full() {
            return;
        }
        let mut n_of_kinds: HashMap<_, usize> = HashMap::new();
        self.clients.values().for_each(|attempt| *n_of_kinds.entry(attempt.outcome.kind()).or_default() += 1);
        let most = n_of_kinds.into_iter().max_by_key(|(_, n)| *n).and_then(|(kind, _)| kind);
        self.clients.make_room(at, |_, attempt| attempt.outcome.kind() == most);
    }

    /// The attempts of the hour before `now`, those that are news first.
    pub(super) fn recent(&self, now: Nanos) -> Vec<Attempt> {
        let mut attempts: Vec<Attempt> =
            self.clients.recent(now).into_iter().map(|(_, slot)| slot.value.clone()).collect();
        attempts.sort_by_key(|attempt| std::cmp::Reverse((attempt.since, attempt.at)));
        let is_quiet = attempts.iter().all(|attempt| now.saturating_sub(attempt.at) > QUIET);
        if let (true, Some((peer, at))) = (is_quiet, self.silent.back()) {
            let silent = Attempt {
                at: *at,
                since: *at,
                peer: Some(*peer),
                user_agent: String::new(),
                protocol: None,
                signal: None,
                request: String::new(),
                outcome: Outcome::Silent,
            };
            attempts.insert(0, silent);
        }
        attempts
    }
}

#[cfg(test)]
mod tests {
    use model::time::{HOUR, SECOND};

    use super::*;

    fn attempt(at: Nanos, user_agent: &str, outcome: Outcome) -> Attempt {
        Attempt {
            at,
            since: at,
            peer: Some(([127, 0, 0, 1], 40_000).into()),
            user_agent: user_agent.to_owned(),
            protocol: None,
            signal: None,
            request: String::new(),
            outcome,
        }
    }

    fn stored(service: &str) -> Outcome {
        Outcome::Stored(stored_of(service))
    }

    fn stored_of(service: &str) -> StoredAttempt {
        StoredAttempt {
            service: service.to_owned(),
            sdk: String::new(),
            has_version: false,
            accepted: 1,
            rejected: 0,
            message: String::new(),
            duplicate: false,
            example: None,
        }
    }

    fn stopped() -> Outcome {
        Outcome::Stopped {
            step: Step::Request,
            message: String::new(),
            fix: String::new(),
            status: Some(Status::Http(404)),
            is_passing: false,
        }
    }

    fn full() -> Outcome {
        Outcome::Stopped {
            step: Step::Accepting,
            message: String::new(),
            fix: String::new(),
            status: Some(Status::Http(429)),
            is_passing: true,
        }
    }

    #[test]
    fn what_is_news_comes_first_and_what_goes_on_does_not() {
        let mut attempts = Attempts::default();
        let first = |attempts: &Attempts, now| attempts.recent(now)[0].user_agent.clone();
        for second in 0..100 {
            attempts.note(attempt(second * SECOND, "steady", stored("a")));
        }
        attempts.note(attempt(50 * SECOND, "mistaken", stopped()));
        assert_eq!(first(&attempts, 100 * SECOND), "mistaken");
        attempts.note(attempt(101 * SECOND, "steady", stored("a")));
        assert_eq!(first(&attempts, 101 * SECOND), "mistaken", "the steady one is no news");
        attempts.note(attempt(102 * SECOND, "corrected", stored("b")));
        assert_eq!(first(&attempts, 102 * SECOND), "corrected");
        attempts.note(attempt(103 * SECOND, "mistaken", stopped()));
        assert_eq!(first(&attempts, 103 * SECOND), "mistaken", "a failure is news each time");
        attempts.note(attempt(300 * SECOND, "steady", stored("a")));
        assert_eq!(first(&attempts, 300 * SECOND), "steady", "it had paused");
        assert_eq!(attempts.recent(HOUR + 200 * SECOND).len(), 1);
    }

    #[test]
    fn a_silent_connection_is_told_of_where_nothing_else_happens() {
        let mut attempts = Attempts::default();
        let peer = |port| SocketAddr::from(([10, 0, 0, 1], port));
        (1..=100).for_each(|port| attempts.connected(peer(port), SECOND));
        assert_eq!(attempts.silent.len(), MAX_SILENT);
        assert_eq!((attempts.recent(SECOND)[0].peer, attempts.recent(SECOND).len()), (Some(peer(100)), 1));
        attempts.spoke(peer(100));
        assert_eq!(attempts.recent(SECOND)[0].peer, Some(peer(99)));
        attempts.note(attempt(2 * SECOND, "curl", stopped()));
        assert!(attempts.recent(3 * SECOND).iter().all(|it| it.outcome != Outcome::Silent));
    }

    #[test]
    fn refusals_that_pass_are_one_for_all_addresses_and_news_once() {
        let mut attempts = Attempts::default();
        for i in 0..1000 {
            let peer = Some(([10, 0, (i / 256) as u8, (i % 256) as u8], 1).into());
            attempts.note(Attempt { peer, ..attempt(i, "", full()) });
        }
        assert_eq!(attempts.recent(1000).len(), 1);
        attempts.note(attempt(1001, "mistaken", stopped()));
        attempts.note(attempt(1002, "", full()));
        assert_eq!(attempts.recent(1002)[0].user_agent, "mistaken", "a box that is still full is no news");
    }

    #[test]
    fn each_kind_of_mistake_keeps_room() {
        let mut attempts = Attempts::default();
        let left_out = Outcome::Stored(StoredAttempt { accepted: 0, rejected: 5, ..stored_of("shop") });
        attempts.note(attempt(1, "left out", left_out));
        let Outcome::Stopped { step, message, fix, .. } = stopped() else { unreachable!() };
        let status = Some(Status::Grpc("INVALID_ARGUMENT"));
        attempts.note(attempt(2, "malformed", Outcome::Stopped { step, message, fix, status, is_passing: false }));
        for i in 0..10_000 {
            attempts.note(attempt(10 + i, &format!("scanner {i}"), stopped()));
            attempts.note(attempt(10 + i, &format!("sdk {i}"), stored("shop")));
        }
        let kept: Vec<_> = attempts.recent(20_000).into_iter().map(|it| it.user_agent).collect();
        assert!(kept.iter().any(|it| it == "left out") && kept.iter().any(|it| it == "malformed"), "{kept:?}");
        let n_scanners = kept.iter().filter(|it| it.starts_with("scanner")).count();
        assert!((100..=140).contains(&n_scanners), "{n_scanners}");
    }

    #[test]
    fn clients_are_bounded() {
        let mut attempts = Attempts::default();
        for i in 0..100_000 {
            attempts.note(attempt(i, &format!("client {i}"), stopped()));
        }
        let recent = attempts.recent(100_000);
        assert!((MAX_CLIENTS / 8 * 7..=MAX_CLIENTS).contains(&recent.len()));
        assert_eq!(recent[0].user_agent, "client 99999");
    }
}
