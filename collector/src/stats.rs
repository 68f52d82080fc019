//! What the receiver has seen since it started, for the Connect and Ingest pages. Bounded, whatever is sent.

use std::collections::VecDeque;

use hashbrown::HashMap;
use model::Nanos;

use crate::otlp::Decoded;
use crate::refusal::Refusal;
use crate::remote_write::Version;
use crate::signal::{BodyKind, Signal};

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Grpc,
    HttpProtobuf,
    HttpJson,
    RemoteWrite1,
    RemoteWrite2,
}

impl Protocol {
    /// As `OTEL_EXPORTER_OTLP_PROTOCOL` names it: `grpc`, `http/protobuf` or `http/json`. Of Prometheus, `remote-write/1.0` or
    /// `remote-write/2.0`.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::HttpProtobuf => "http/protobuf",
            Protocol::HttpJson => "http/json",
            Protocol::RemoteWrite1 => "remote-write/1.0",
            Protocol::RemoteWrite2 => "remote-write/2.0",
        }
    }

    /// What a body of `signal` is that came like this, once it is decompressed and transcoded.
    pub(crate) fn body_kind(self, signal: Signal) -> BodyKind {
        match self {
            Protocol::Grpc | Protocol::HttpProtobuf | Protocol::HttpJson => BodyKind::Otlp(signal),
            Protocol::RemoteWrite1 => BodyKind::RemoteWrite(Version::V1),
            Protocol::RemoteWrite2 => BodyKind::RemoteWrite(Version::V2),
        }
    }
}

/// Everything counted, at one moment.
#[derive(Clone, Debug)]
pub struct IngestStats {
    /// When counting began.
    pub since: Nanos,
    pub open_connections: usize,
    /// Connections closed at once because too many were open.
    pub refused_connections: u64,
    /// Bytes of the requests being received or stored.
    pub bytes_in_progress: usize,
    /// In the order of [`Signal::ALL`].
    pub signals: [SignalStats; 3],
    /// Who sends, most recent first.
    pub senders: Vec<SenderStats>,
    /// Requests of which some items were left out or warned about, newest first.
    pub rejections: Vec<Rejection>,
    /// Requests that were refused as a whole, newest first.
    pub refusals: Vec<RefusedRequest>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalStats {
    pub signal: Signal,
    /// Requests answered with success.
    pub requests: u64,
    /// Among them, retries of what was stored already.
    pub duplicates: u64,
    pub accepted: u64,
    /// Items left out of successful requests.
    pub rejected: u64,
    /// Bytes of successful requests, decompressed.
    pub bytes: u64,
    /// Requests refused as a whole.
    pub refused: u64,
    pub last_received: Option<Nanos>,
}

/// One service as one client sends for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderStats {
    /// `service.name`.
    pub service: String,
    /// The `user-agent` header: SDK, language and version.
    pub user_agent: String,
    pub protocol: Protocol,
    /// Accepted items in the order of [`Signal::ALL`].
    pub accepted: [u64; 3],
    pub first_seen: Nanos,
    pub last_seen: Nanos,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub at: Nanos,
    pub signal: Signal,
    pub user_agent: String,
    pub rejected: u64,
    /// What the sender was told.
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRequest {
    pub at: Nanos,
    /// `None` when it was not told, for example by an unknown path.
    pub signal: Option<Signal>,
    pub protocol: Option<Protocol>,
    pub user_agent: String,
    /// The HTTP status, or the one that HTTP would have had.
    pub http_status: u16,
    /// What the sender was told.
    pub message: String,
}

const MAX_SENDERS: usize = 256;
const MAX_RECENT: usize = 50;
const MAX_NAME: usize = 200;

/// Counts requests as they end.
pub(crate) struct Ledger {
    since: Nanos,
    signals: [SignalStats; 3],
    senders: HashMap<(String, String), SenderStats>,
    rejections: VecDeque<Rejection>,
    refusals: VecDeque<RefusedRequest>,
    pub(crate) refused_connections: u64,
}

/// What is known of a request before its body.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) signal: Option<Signal>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) user_agent: String,
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
        });
        Ledger {
            since,
            signals,
            senders: HashMap::new(),
            rejections: VecDeque::new(),
            refusals: VecDeque::new(),
            refused_connections: 0,
        }
    }

    pub(crate) fn accepted(&mut self, at: Nanos, success: &Success<'_>) {
        let Success { signal, protocol, user_agent, counts, n_bytes, duplicate, message } = success;
        let index = signal_index(*signal);
        let stats = &mut self.signals[index];
        stats.requests += 1;
        stats.duplicates += u64::from(*duplicate);
        stats.accepted += if *duplicate { 0 } else { counts.accepted };
        stats.rejected += counts.rejected;
        stats.bytes += *n_bytes as u64;
        stats.last_received = Some(at);
        for (service, accepted) in &counts.services {
            let sender = self.sender(service, user_agent, *protocol, at);
            sender.accepted[index] += accepted;
            sender.last_seen = at;
            sender.protocol = *protocol;
        }
        if !message.is_empty() {
            let (user_agent, message) = (cut(user_agent), (*message).to_owned());
            push(
                &mut self.rejections,
                Rejection { at, signal: *signal, user_agent, rejected: counts.rejected, message },
            );
        }
    }

    fn sender(&mut self, service: &str, user_agent: &str, protocol: Protocol, at: Nanos) -> &mut SenderStats {
        let key = (cut(service), cut(user_agent));
        if !self.senders.contains_key(&key) && self.senders.len() == MAX_SENDERS {
            let oldest = self.senders.iter().min_by_key(|(_, sender)| sender.last_seen).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.senders.remove(&oldest);
            }
        }
        self.senders.entry(key).or_insert_with_key(|(service, user_agent)| SenderStats {
            service: service.clone(),
            user_agent: user_agent.clone(),
            protocol,
            accepted: [0; 3],
            first_seen: at,
            last_seen: at,
        })
    }

    pub(crate) fn refused(&mut self, at: Nanos, sender: &Sender, refusal: &Refusal) {
        if let Some(signal) = sender.signal {
            self.signals[signal_index(signal)].refused += 1;
        }
        let refused = RefusedRequest {
            at,
            signal: sender.signal,
            protocol: sender.protocol,
            user_agent: cut(&sender.user_agent),
            http_status: refusal.http_status().as_u16(),
            message: refusal.to_string(),
        };
        push(&mut self.refusals, refused);
    }

    pub(crate) fn stats(&self, open_connections: usize, bytes_in_progress: usize) -> IngestStats {
        let mut senders: Vec<_> = self.senders.values().cloned().collect();
        senders.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.service.cmp(&b.service)));
        IngestStats {
            since: self.since,
            open_connections,
            refused_connections: self.refused_connections,
            bytes_in_progress,
            signals: self.signals.clone(),
            senders,
            rejections: self.rejections.iter().rev().cloned().collect(),
            refusals: self.refusals.iter().rev().cloned().collect(),
        }
    }
}

/// A request that was answered with success.
pub(crate) struct Success<'a> {
    pub(crate) signal: Signal,
    pub(crate) protocol: Protocol,
    pub(crate) user_agent: &'a str,
    pub(crate) counts: Counts,
    pub(crate) n_bytes: usize,
    pub(crate) duplicate: bool,
    pub(crate) message: &'a str,
}

/// How many items a request had.
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    /// Accepted items by service.
    pub(crate) services: Vec<(String, u64)>,
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

fn signal_index(signal: Signal) -> usize {
    match signal {
        Signal::Traces => 0,
        Signal::Metrics => 1,
        Signal::Logs => 2,
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_NAME)].to_owned()
}

fn push<T>(recent: &mut VecDeque<T>, entry: T) {
    if recent.len() == MAX_RECENT {
        recent.pop_front();
    }
    recent.push_back(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(service: &str, message: &'static str) -> Success<'static> {
        Success {
            signal: Signal::Logs,
            protocol: Protocol::Grpc,
            user_agent: "sdk",
            counts: Counts { accepted: 2, rejected: 1, services: vec![(service.to_owned(), 2)] },
            n_bytes: 10,
            duplicate: false,
            message,
        }
    }

    #[test]
    fn counts_by_signal_and_sender() {
        let mut ledger = Ledger::new(1);
        ledger.accepted(5, &success("a", ""));
        ledger.accepted(6, &success("b", "1 log record rejected: odd"));
        ledger.accepted(7, &Success { duplicate: true, ..success("a", "") });
        let stats = ledger.stats(3, 4);
        let logs = &stats.signals[2];
        assert_eq!((logs.requests, logs.duplicates, logs.accepted, logs.rejected, logs.bytes), (3, 1, 4, 3, 30));
        assert_eq!(
            stats.senders.iter().map(|it| (it.service.as_str(), it.last_seen)).collect::<Vec<_>>(),
            [("a", 7), ("b", 6)]
        );
        assert_eq!(stats.rejections.len(), 1);
        assert_eq!((stats.open_connections, stats.bytes_in_progress), (3, 4));
    }

    #[test]
    fn everything_kept_is_bounded() {
        let mut ledger = Ledger::new(0);
        let sender = Sender { signal: None, protocol: None, user_agent: "u".repeat(5000) };
        for i in 0..2000 {
            ledger.accepted(i, &success(&format!("service {i}"), "warning"));
            ledger.refused(i, &sender, &Refusal::NoSuchPath);
        }
        let stats = ledger.stats(0, 0);
        assert_eq!((stats.senders.len(), stats.rejections.len(), stats.refusals.len()), (256, 50, 50));
        assert_eq!(stats.senders[0].service, "service 1999", "the oldest went");
        assert_eq!(stats.refusals[0].user_agent.len(), 200);
    }
}
