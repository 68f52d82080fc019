//! Who has how much of the receiver's memory, so that a sender without measure does not crowd out the others.
//!
//! Two rules, each applied among hosts and again among the connections of one host. *At once*: a sender may hold at most
//! [`GENEROSITY`] times what is free, so that something is free for whoever comes next, however many are greedy (dynamic
//! thresholds: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998). *Over time*: as
//! the store fills up, first those wait that have sent as much as the largest sender, then those that sent half of it, and so on;
//! what is left at last is for those who have not sent anything yet.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use model::Nanos;
use model::time::SECOND;

use crate::limits::Overloaded;

/// The sender of a request: a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    host: IpAddr,
    port: u16,
}

impl Peer {
    pub(crate) fn address(self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Peer { host: address.ip().to_canonical(), port: address.port() }
    }
}

/// Of requests that come over no connection.
impl Default for Peer {
    fn default() -> Self {
        Peer { host: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0 }
    }
}

/// How much a sender may hold of what it leaves free for others. At 2, one sender alone gets two thirds of all.
const GENEROSITY: usize = 2;

/// From this on, as a part of what the store may hold, the largest senders wait. A flush that keeps up leaves it below.
const PRESSURE: f64 = 0.75;

/// From this on, a sender waits that has sent more than [`LITTLE`] although there is nobody else: somebody may come.
const LAST: f64 = 0.9;

/// Who has sent less than this part of what the largest sender did never waits for others.
const MODEST: f64 = 0.05;

/// After so many seconds a byte counts half. Longer than the pauses of exporters (5 s), shorter than anybody likes to wait.
const HALF_LIFE: f64 = 10.0;

/// Senders that are remembered; beyond, those go that have sent little for some time.
const MAX_REMEMBERED: usize = 1024;
const LITTLE: f64 = 65_536.0;

/// The shares of all senders in `budget` bytes.
pub(crate) struct Shares {
    budget: usize,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    held: usize,
    hosts: HashMap<IpAddr, Held>,
    connections: HashMap<Peer, Connection>,
    /// Bytes of rows that are about to be stored.
    coming: usize,
}

/// What is in progress.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: usize,
    requests: usize,
}

#[derive(Default)]
struct Connection {
    held: Held,
    sent: Recent,
}

/// A sum of bytes, each halved every [`HALF_LIFE`] seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    bytes: f64,
    at: Nanos,
}

impl Recent {
    fn at(self, now: Nanos) -> f64 {
        let age = (now - self.at).max(0) as f64 / SECOND as f64;
        self.bytes * (-age / HALF_LIFE).exp2()
    }

    fn add(&mut self, bytes: usize, now: Nanos) {
        *self = Recent { bytes: self.at(now) + bytes as f64, at: now };
    }
}

impl Shares {
    pub(crate) fn new(budget: usize) -> Self {
        Shares { budget, all: Mutex::default() }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    /// Bytes in progress of all senders.
    pub(crate) fn held(&self) -> usize {
        self.all().held
    }

    /// Requests in progress of all senders.
    pub(crate) fn requests(&self) -> usize {
        self.all().hosts.values().map(|host| host.requests).sum()
    }

    /// Notes a request of `peer` that begins.
    pub(crate) fn begin(&self, peer: Peer) {
        let mut all = self.all();
        all.hosts.entry(peer.host).or_default().requests += 1;
        all.connections.entry(peer).or_default().held.requests += 1;
    }

    /// Gives a request of `peer` that has begun `more` bytes. The only request of a sender may have whatever is free: a body of
    /// the greatest size is no greed.
    pub(crate) fn take(&self, peer: Peer, more: usize) -> Result<(), Overloaded> {
        let mut guard = self.all();
        let all = &mut *guard;
        let free = self.budget.saturating_sub(all.held);
        let host = all.hosts.entry(peer.host).or_default();
        let connection = &mut all.connections.entry(peer).or_default().held;
        let is_fair = |held: &Held| held.requests <= 1 || held.bytes + more <= GENEROSITY * free;
        if more > free || !is_fair(host) || !is_fair(connection) {
            return Err(Overloaded);
        }
        all.held += more;
        host.bytes += more;
        connection.bytes += more;
        Ok(())
    }

    /// Takes back `bytes` of what requests of `peer` have taken.
    pub(crate) fn give_back(&self, peer: Peer, bytes: usize) {
        let mut all = self.all();
        all.held -= bytes;
        if let Some(host) = all.hosts.get_mut(&peer.host) {
            host.bytes -= bytes;
        }
        if let Some(connection) = all.connections.get_mut(&peer) {
            connection.held.bytes -= bytes;
        }
    }

    /// Ends a request of `peer` that has taken `bytes`.
    pub(crate) fn end(&self, peer: Peer, bytes: usize) {
        self.give_back(peer, bytes);
        let mut guard = self.all();
        let all = &mut *guard;
        if let Some(host) = all.hosts.get_mut(&peer.host) {
            host.requests -= 1;
            if host.requests == 0 {
                all.hosts.remove(&peer.host);
            }
        }
        if let Some(connection) = all.connections.get_mut(&peer) {
            connection.held.requests -= 1;
        }
    }

    /// Counts `bytes` that were stored for `peer`.
    pub(crate) fn stored(&self, peer: Peer, bytes: usize, now: Nanos) {
        let mut all = self.all();
        all.connections.entry(peer).or_default().sent.add(bytes, now);
        if all.connections.len() > MAX_REMEMBERED {
            all.connections.retain(|_, it| it.held.requests > 0 || it.sent.at(now) > LITTLE);
        }
    }

    /// Notes `bytes` of rows that are about to be stored, and returns those of others.
    pub(crate) fn comes(&self, bytes: usize) -> usize {
        let mut all = self.all();
        let others = all.coming;
        all.coming += bytes;
        others
    }

    /// Ends what [`Shares::comes`] noted.
    pub(crate) fn came(&self, bytes: usize) {
        self.all().coming -= bytes;
    }

    /// Whether `peer` has to wait while the store is as full as `pressure` says: its host has sent too much lately beside the
    /// host that sent most, or its connection beside others of its host. A sender without others waits when little is left.
    pub(crate) fn is_greedy(&self, peer: Peer, pressure: f64, now: Nanos) -> bool {
        if pressure < PRESSURE {
            return false;
        }
        let part = ((1.0 - pressure) / (1.0 - PRESSURE)).max(MODEST);
        let all = self.all();
        let mut hosts: HashMap<IpAddr, f64> = HashMap::new();
        for (other, connection) in &all.connections {
            *hosts.entry(other.host).or_default() += connection.sent.at(now);
        }
        let own = hosts.get(&peer.host).copied().unwrap_or_default();
        if hosts.len() == 1 && own > LITTLE {
            return pressure >= LAST;
        }
        let connections = all.connections.iter().filter(|(other, _)| other.host == peer.host);
        is_above(part, hosts.iter().map(|(host, sent)| (*host == peer.host, *sent)))
            || is_above(part, connections.map(|(other, it)| (*other == peer, it.sent.at(now))))
    }
}

/// Of pairs (is it the one, what it sent): whether there are others, and the one sent more than `part` of the most that any did.
fn is_above(part: f64, sent: impl Iterator<Item = (bool, f64)>) -> bool {
    let (mut own, mut most_of_others) = (0.0, 0.0_f64);
    for (is_own, bytes) in sent {
        if is_own {
            own += bytes;
        } else {
            most_of_others = most_of_others.max(bytes);
        }
    }
    most_of_others >= 1.0 && own > part * most_of_others.max(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(host: u8, port: u16) -> Peer {
        SocketAddr::from(([10, 0, 0, host], port)).into()
    }

    /// Requests of 1 that `peer` gets until it is refused.
    fn take_all(shares: &Shares, peer: Peer) -> usize {
        (0..)
            .take_while(|_| {
                shares.begin(peer);
                let taken = shares.take(peer, 1).is_ok();
                if !taken {
                    shares.end(peer, 0);
                }
                taken
            })
            .count()
    }

    #[test]
    fn however_many_are_greedy_something_is_free_for_the_next() {
        let shares = Shares::new(9000);
        assert_eq!(take_all(&shares, peer(1, 1)), 6000, "two thirds for one alone");
        assert_eq!(take_all(&shares, peer(1, 2)), 0, "another connection of the same host is no way around it");
        let more: Vec<_> = (2..=5).map(|host| take_all(&shares, peer(host, 1))).collect();
        assert_eq!(more, [2000, 667, 222, 74]);
        assert!(shares.take(peer(6, 1), 9000 - shares.held()).is_ok(), "a first request may have all that is free");
        assert!(shares.take(peer(7, 1), 1).is_err());
    }

    #[test]
    fn what_ends_is_given_back() {
        let shares = Shares::new(100);
        for round in 0..1000u16 {
            let peer = peer(1, round);
            shares.begin(peer);
            assert!(shares.take(peer, 60).is_ok() && shares.take(peer, 40).is_ok(), "{round}");
            assert!(shares.take(peer, 1).is_err());
            shares.end(peer, 100);
        }
        assert_eq!((shares.held(), shares.all().hosts.len()), (0, 0));
    }

    #[test]
    fn the_fuller_the_store_the_less_a_sender_may_have_sent() {
        let shares = Shares::new(1);
        let waits = |host: u8, port: u16, pressure: f64| shares.is_greedy(peer(host, port), pressure, 0);
        assert!(!waits(1, 1, 0.99), "nobody has sent anything");
        shares.stored(peer(1, 1), 1_000_000, 0);
        assert!(!waits(1, 1, 0.89), "there is nobody else");
        assert!(waits(1, 1, 0.91) && !waits(2, 1, 0.99), "the rest is for who comes next");
        shares.stored(peer(2, 1), 400_000, 0);
        shares.stored(peer(3, 1), 40_000, 0);
        // (pressure, who waits of those that sent 100 %, 40 % and 4 %)
        for (pressure, expected) in [
            (0.74, [false, false, false]),
            (0.76, [true, false, false]),
            (0.89, [true, false, false]),
            (0.91, [true, true, false]),
            (1.50, [true, true, false]),
        ] {
            assert_eq!([1, 2, 3].map(|host| waits(host, 1, pressure)), expected, "at {pressure}");
        }
    }

    #[test]
    fn among_the_connections_of_a_host_it_is_as_among_hosts() {
        let shares = Shares::new(1);
        shares.stored(peer(1, 1), 1_000_000, 0);
        // Many are as greedy as each other, and one is not.
        for port in 2..66 {
            shares.stored(peer(2, port), 10_000, 0);
        }
        shares.stored(peer(2, 66), 400, 0);
        assert!(shares.is_greedy(peer(2, 2), 0.8, 0));
        assert!(!shares.is_greedy(peer(2, 66), 0.8, 0) && !shares.is_greedy(peer(2, 67), 0.8, 0));
    }

    #[test]
    fn what_was_sent_long_ago_counts_little() {
        let shares = Shares::new(1);
        shares.stored(peer(1, 1), 1_000_000, 0);
        shares.stored(peer(2, 1), 30_000, 100 * SECOND);
        // Ten half-lives: a thousandth.
        assert!(!shares.is_greedy(peer(1, 1), 0.99, 100 * SECOND));
        assert!(shares.is_greedy(peer(2, 1), 0.99, 100 * SECOND));
    }

    #[test]
    fn senders_that_are_gone_are_forgotten() {
        let shares = Shares::new(1);
        for port in 0..60_000 {
            shares.stored(peer(1, port), 100, Nanos::from(port));
        }
        assert!(shares.all().connections.len() <= MAX_REMEMBERED + 1);
    }
}
