//! Counts requests as they end, under one lock that is held for a microsecond or two.

use std::net::SocketAddr;

use http::Request;
use model::Nanos;

use super::attempts::Attempts;
use super::kept::Kept;
use super::names::Names;
use super::overflows::Overflows;
use super::rates::Rates;
use super::reasons::{Reasons, without_quoted};
use super::{
    Attempt, ConnectionStats, Fate, IngestStats, Outcome, Protocol, ReasonStats, SenderStats, SignalStats, Status,
    StoredAttempt, cut,
};
use crate::http::user_agent;
use crate::mistake::{Arrival, Mistake};
use crate::otlp::{self, Decoded, Finding, Sent};
use crate::refusal::Refusal;
use crate::remote_write;
use crate::signal::Signal;

/// Pairs of service and client kept.
const MAX_SENDERS: usize = 256;
/// Services with their names in the answer.
const TOP_NAMES: usize = 20;
/// Services of one request that the ladder shows.
const MAX_SHOWN: usize = 4;

/// How the decoders say that there are as many series as the server takes.
const SERIES_LIMITS: [&str; 2] = [otlp::SERIES_LIMIT, remote_write::SERIES_LIMIT];

/// Counts requests as they end.
pub(crate) struct Ledger {
    since: Nanos,
    signals: [SignalStats; 3],
    rates: [Rates; 3],
    senders: Kept<(String, String), SenderStats>,
    reasons: Reasons,
    attempts: Attempts,
    span_names: Names,
    log_keys: Names,
    overflows: Overflows,
    pub(crate) refused_connections: u64,
}

/// What is known of a request before its body.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) signal: Option<Signal>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) user_agent: String,
    pub(crate) arrival: Arrival,
}

impl Sender {
    pub(crate) fn of<B>(request: &Request<B>, signal: Option<Signal>, protocol: Option<Protocol>) -> Self {
        Sender { signal, protocol, user_agent: user_agent(request.headers()), arrival: Arrival::of(request) }
    }
}

/// A request that was answered with success.
pub(crate) struct Success<'a> {
    pub(crate) signal: Signal,
    pub(crate) protocol: Protocol,
    pub(crate) user_agent: &'a str,
    pub(crate) arrival: &'a Arrival,
    pub(crate) counts: Counts,
    pub(crate) n_bytes: usize,
    pub(crate) duplicate: bool,
    /// What was left out or warned about, …
    pub(crate) findings: &'a [Finding],
    /// … and what the sender was told of it.
    pub(crate) message: &'a str,
}

/// How many items a request had.
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    /// What each service sent.
    pub(crate) services: Vec<Sent>,
}

impl Counts {
    pub(crate) fn of(decoded: &mut Decoded) -> Self {
        Counts {
            accepted: decoded.accepted(),
            rejected: decoded.rejected(),
            services: std::mem::take(&mut decoded.services),
        }
    }
}

impl Ledger {
    pub(crate) fn new(since: Nanos) -> Self {
        let signals = Signal::ALL.map(|signal| SignalStats {
            signal,
            requests: 0,
            duplicates: 0,
            accepted: 0,
            rejected: 0,
            bytes: 0,
            refused: 0,
            last_received: None,
            last_refused: None,
            rejected_by_series_limit: 0,
            last_hour: Default::default(),
        });
        Ledger {
            since,
            signals,
            rates: Default::default(),
            senders: Kept::new(MAX_SENDERS),
            reasons: Reasons::default(),
            attempts: Attempts::default(),
            span_names: Names::default(),
            log_keys: Names::default(),
            overflows: Overflows::default(),
            refused_connections: 0,
        }
    }

    pub(crate) fn accepted(&mut self, at: Nanos, success: &Success<'_>) {
        let Success { signal, counts, n_bytes, duplicate, findings, .. } = success;
        let index = signal_index(*signal);
        // What was accepted and rejected of a retry was so the first time.
        let (accepted, rejected) = if *duplicate { (0, 0) } else { (counts.accepted, counts.rejected) };
        let is_by_limit = |it: &&Finding| !duplicate && SERIES_LIMITS.contains(&&*it.reason);
        let by_limit = findings.iter().filter(is_by_limit).map(|it| it.count).sum::<u64>();
        let stats = &mut self.signals[index];
        stats.requests += 1;
        stats.duplicates += u64::from(*duplicate);
        stats.accepted += accepted;
        stats.rejected += rejected;
        stats.rejected_by_series_limit += by_limit;
        stats.bytes += *n_bytes as u64;
        stats.last_received = Some(at);
        let bucket = self.rates[index].at(at);
        bucket.accepted += accepted;
        bucket.rejected += rejected;
        bucket.bytes += *n_bytes as u64;
        for sent in &counts.services {
            self.count_sender(at, sent, success);
            match signal {
                Signal::Traces => self.span_names.note(&sent.service, &sent.names, at),
                Signal::Logs => self.log_keys.note(&sent.service, &sent.names, at),
                // A retry says nothing new.
                Signal::Metrics if *duplicate => {}
                Signal::Metrics => self.overflows.note(sent, at),
            }
        }
        for sent in counts.services.iter().take(MAX_SHOWN) {
            self.attempts.note(stored_attempt(at, sent, success));
        }
        if counts.services.is_empty() && !findings.is_empty() {
            // Snake-case keys in JSON, say: nothing was found in it, and the sender hears of no error.
            self.attempts.note(stored_attempt(at, &Sent::default(), success));
        }
        if !duplicate {
            self.note_findings(at, success);
        }
    }

    fn count_sender(&mut self, at: Nanos, sent: &Sent, success: &Success<'_>) {
        let key = (cut(&sent.service), cut(success.user_agent));
        let new = || SenderStats {
            service: key.0.clone(),
            user_agent: key.1.clone(),
            sdk: String::new(),
            protocol: success.protocol,
            accepted: [0; 3],
            rejected: [0; 3],
            bytes: [0; 3],
            first_seen: at,
            last_seen: at,
        };
        let sender = &mut self.senders.see(key.clone(), at, new).value;
        let index = signal_index(success.signal);
        if !success.duplicate {
            sender.accepted[index] += sent.accepted;
            sender.rejected[index] += sent.rejected;
        }
        sender.bytes[index] += sent.bytes;
        sender.last_seen = at;
        sender.protocol = success.protocol;
        if !sent.sdk.is_empty() {
            sender.sdk.clone_from(&sent.sdk);
        }
    }

    fn note_findings(&mut self, at: Nanos, success: &Success<'_>) {
        let service = match &success.counts.services[..] {
            [only] => only.service.clone(),
            _ => String::new(),
        };
        for finding in success.findings {
            let told = ReasonStats {
                fate: if finding.rejected { Fate::Rejected } else { Fate::Warned },
                signal: Some(success.signal),
                protocol: Some(success.protocol),
                service: service.clone(),
                user_agent: cut(success.user_agent),
                peer: peer_words(success.arrival.peer),
                status: None,
                is_of_box: false,
                is_passing: false,
                message: finding.words(success.signal),
                fix: String::new(),
                times: 1,
                items: finding.count,
                first: at,
                last: at,
            };
            self.reasons.note(at, &finding.reason, told);
        }
    }

    pub(crate) fn refused(&mut self, at: Nanos, sender: &Sender, refusal: &Refusal) {
        if let Some(signal) = sender.signal {
            let index = signal_index(signal);
            self.signals[index].refused += 1;
            self.signals[index].last_refused = Some(at);
            self.rates[index].at(at).refused += 1;
        }
        let Mistake { step, fix } = sender.arrival.mistake(refusal);
        let (message, status) = (refusal.to_string(), Some(Status::of(refusal, sender.protocol)));
        let reason = ReasonStats {
            fate: Fate::Refused,
            signal: sender.signal,
            protocol: sender.protocol,
            service: String::new(),
            user_agent: cut(&sender.user_agent),
            peer: peer_words(sender.arrival.peer),
            status,
            is_of_box: refusal.is_of_box(),
            is_passing: refusal.passes(),
            message: message.clone(),
            fix: fix.clone(),
            times: 1,
            items: 0,
            first: at,
            last: at,
        };
        // The same refusal has another cause with each path, and the same cause with each value at a place of the body.
        self.reasons.note(at, &format!("{} {}", without_quoted(&message), reason.fix), reason);
        self.attempts.note(Attempt {
            at,
            since: at,
            peer: sender.arrival.peer,
            user_agent: cut(&sender.user_agent),
            protocol: sender.protocol,
            signal: sender.signal,
            request: sender.arrival.words(),
            outcome: Outcome::Stopped { step, message: cut(&message), fix, status, is_passing: refusal.passes() },
        });
    }

    pub(crate) fn connected(&mut self, at: Nanos, peer: SocketAddr) {
        self.attempts.connected(peer, at);
    }

    /// The first bytes have come from `peer`, or it has gone without any.
    pub(crate) fn spoke(&mut self, peer: SocketAddr) {
        self.attempts.spoke(peer);
    }

    /// What came from `peer` was no HTTP.
    pub(crate) fn no_http(&mut self, at: Nanos, peer: SocketAddr, what: &str, fix: &str) {
        let reason = ReasonStats {
            fate: Fate::Connection,
            signal: None,
            protocol: None,
            service: String::new(),
            user_agent: String::new(),
            // Each connection has a port of its own.
            peer: peer.ip().to_string(),
            status: None,
            is_of_box: false,
            is_passing: false,
            message: what.to_owned(),
            fix: fix.to_owned(),
            times: 1,
            items: 0,
            first: at,
            last: at,
        };
        self.reasons.note(at, what, reason);
        self.attempts.note(Attempt {
            at,
            since: at,
            peer: Some(peer),
            user_agent: String::new(),
            protocol: None,
            signal: None,
            request: String::new(),
            outcome: Outcome::Stopped {
                step: super::Step::Connection,
                message: what.to_owned(),
                fix: fix.to_owned(),
                status: None,
                is_passing: false,
            },
        });
    }

    /// Changes with each attempt.
    pub(crate) fn attempts_version(&self) -> u64 {
        self.attempts.version
    }

    /// The last attempts of the clients of the hour before `now`, those that are news first.
    pub(crate) fn attempts(&self, now: Nanos) -> Vec<Attempt> {
        self.attempts.recent(now)
    }

    /// As of `now`; what is in progress is not counted here.
    pub(crate) fn stats(&self, now: Nanos) -> IngestStats {
        let mut signals = self.signals.clone();
        for (stats, rates) in signals.iter_mut().zip(&self.rates) {
            stats.last_hour = rates.last_hour(self.since, now);
        }
        let senders = self.senders.recent(now).into_iter();
        IngestStats {
            since: self.since,
            connections: ConnectionStats { refused: self.refused_connections, ..ConnectionStats::default() },
            requests_in_progress: 0,
            bytes_in_progress: 0,
            max_bytes_in_progress: 0,
            signals,
            senders: senders.map(|(_, slot)| slot.value.clone()).collect(),
            displaced_senders: self.senders.displaced,
            reasons: self.reasons.recent(now),
            displaced_reasons: self.reasons.displaced(),
            span_names: self.span_names.top(TOP_NAMES, now),
            log_keys: self.log_keys.top(TOP_NAMES, now),
            overflows: self.overflows.recent(now),
        }
    }
}

fn stored_attempt(at: Nanos, sent: &Sent, success: &Success<'_>) -> Attempt {
    let stored = StoredAttempt {
        service: sent.service.clone(),
        sdk: sent.sdk.clone(),
        has_version: sent.has_version,
        accepted: sent.accepted,
        rejected: sent.rejected,
        message: success.message[..success.message.floor_char_boundary(1_000)].to_owned(),
        duplicate: success.duplicate,
        example: sent.example.clone().filter(|_| sent.accepted > 0),
    };
    Attempt {
        at,
        since: at,
        peer: success.arrival.peer,
        user_agent: cut(success.user_agent),
        protocol: Some(success.protocol),
        signal: Some(success.signal),
        request: success.arrival.words(),
        outcome: Outcome::Stored(stored),
    }
}

fn peer_words(peer: Option<SocketAddr>) -> String {
    peer.map(|peer| peer.ip().to_string()).unwrap_or_default()
}

fn signal_index(signal: Signal) -> usize {
    match signal {
        Signal::Traces => 0,
        Signal::Metrics => 1,
        Signal::Logs => 2,
    }
}
