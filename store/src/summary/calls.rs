//! Finds the two sides of calls: a span of kind client or producer, and the spans of kind server or consumer below it.
//!
//! Rows come in any order, so a side waits for the other, in bounded memory. What still waits at the end is kept: the other
//! side may be in another segment.

use std::collections::VecDeque;

use hashbrown::HashMap;
use model::Nanos;
use xxhash_rust::xxh3::xxh3_64;

/// Sides that wait, of each kind. Some 60 bytes each.
const MAX_WAITING: usize = 1 << 17;

/// What a call is found by: a hash of the trace and of the calling span.
pub(super) fn key(trace: [u8; 16], span: [u8; 8]) -> u64 {
    let mut ids = [0; 24];
    ids[..16].copy_from_slice(&trace);
    ids[16..].copy_from_slice(&span);
    xxh3_64(&ids)
}

/// One side of a call, without the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Half {
    /// The same on both sides.
    pub key: u64,
    /// An index of the summary's services.
    pub service: u32,
    /// When the span started.
    pub slot: i64,
    pub duration: Nanos,
    pub is_error: bool,
    pub side: Side,
}

/// Which side of a call a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client {
        /// What the span says of the other side: an index of the summary's peers.
        peer: Option<u32>,
        /// Whether the span is of kind producer.
        is_message: bool,
        /// Whether other sides of it were found: of a message there may be more of them.
        is_paired: bool,
    },
    Server {
        /// Whether the span is of kind consumer.
        is_message: bool,
    },
}

/// A call, or what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Of both sides the halves: client and server.
    Pair(Half, Half),
    /// A calling side for whose other side there was no room to wait.
    Alone(Half),
    /// A serving side as such.
    Dropped,
}

#[derive(Clone, Copy)]
struct Client {
    half: Half,
    is_paired: bool,
    /// Whether what it was paired with are messages.
    has_messages: bool,
}

impl Client {
    fn pair(&mut self, server: Half) -> Found {
        self.is_paired = true;
        self.has_messages |= matches!(server.side, Side::Server { is_message: true });
        Found::Pair(self.half, server)
    }

    /// What to keep of it for other sides elsewhere. A request is served once.
    fn left(&self) -> Option<Half> {
        let mut half = self.half;
        if let Side::Client { is_paired, .. } = &mut half.side {
            *is_paired = self.is_paired;
        }
        (!self.is_paired || self.has_messages).then_some(half)
    }
}

/// Pairs sides of calls that were left over in several summaries. Calls `found` with the client and the server of each call,
/// or with the one of which the other is not there.
pub fn join(halves: &[Half], mut found: impl FnMut(Option<&Half>, Option<&Half>)) {
    let is_server = |half: &&Half| matches!(half.side, Side::Server { .. });
    let mut clients: HashMap<u64, (&Half, bool)> = HashMap::new();
    // Of a span that came twice, the last one stays.
    let is_paired = |half: &Half| matches!(half.side, Side::Client { is_paired: true, .. });
    clients.extend(halves.iter().filter(|half| !is_server(half)).map(|half| (half.key, (half, is_paired(half)))));
    for server in halves.iter().filter(is_server) {
        let client = clients.get_mut(&server.key).map(|(client, is_paired)| {
            *is_paired = true;
            *client
        });
        found(client, Some(server));
    }
    clients.values().filter(|(_, is_paired)| !is_paired).for_each(|(client, _)| found(Some(client), None));
}

/// Sides of calls on their way.
#[derive(Default)]
pub(super) struct Calls {
    clients: HashMap<u64, Client>,
    /// The keys of `clients`, oldest first.
    order: VecDeque<u64>,
    servers: VecDeque<Half>,
}

impl Calls {
    /// Takes in a calling side.
    pub(super) fn client(&mut self, half: Half, found: &mut impl FnMut(Found)) {
        if self.clients.len() >= MAX_WAITING {
            self.pair(found);
            self.make_room(found);
        }
        // Of a span that came twice, the last one stays.
        if self.clients.insert(half.key, Client { half, is_paired: false, has_messages: false }).is_none() {
            self.order.push_back(half.key);
        }
    }

    /// Takes in a serving side.
    pub(super) fn server(&mut self, half: Half, found: &mut impl FnMut(Found)) {
        if let Some(client) = self.clients.get_mut(&half.key) {
            found(client.pair(half));
            return;
        }
        if self.servers.len() >= MAX_WAITING {
            self.pair(found);
            while self.servers.len() > MAX_WAITING / 2 {
                self.servers.pop_front();
                found(Found::Dropped);
            }
        }
        self.servers.push_back(half);
    }

    /// Finds the other sides of what waits.
    fn pair(&mut self, found: &mut impl FnMut(Found)) {
        let clients = &mut self.clients;
        self.servers.retain(|server| match clients.get_mut(&server.key) {
            Some(client) => {
                found(client.pair(*server));
                false
            }
            None => true,
        });
    }

    /// Lets go of the older half of the calling sides.
    fn make_room(&mut self, found: &mut impl FnMut(Found)) {
        for key in self.order.drain(..MAX_WAITING / 2) {
            if let Some(client) = self.clients.remove(&key).filter(|client| !client.is_paired) {
                found(Found::Alone(client.half));
            }
        }
    }

    /// Ends with the sides whose other side did not come.
    pub(super) fn finish(mut self, found: &mut impl FnMut(Found)) -> Vec<Half> {
        self.pair(found);
        let clients = &self.clients;
        let left = self.order.iter().filter_map(|key| clients.get(key)?.left());
        let mut halves: Vec<Half> = left.chain(self.servers).collect();
        halves.sort_unstable_by_key(|half| {
            (half.slot, half.key, matches!(half.side, Side::Server { .. }), half.duration)
        });
        halves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(number: u64, side: Side) -> Half {
        Half { key: number, service: 0, slot: number as i64, duration: 1, is_error: false, side }
    }

    const CLIENT: Side = Side::Client { peer: None, is_message: false, is_paired: false };
    const SERVER: Side = Side::Server { is_message: false };

    #[test]
    fn sides_are_paired_in_whatever_order_they_come() {
        let (mut calls, mut pairs) = (Calls::default(), 0);
        let mut found = |it| {
            assert!(matches!(it, Found::Pair(client, server) if client.key == server.key));
            pairs += 1;
        };
        calls.server(half(1, SERVER), &mut found);
        calls.client(half(1, CLIENT), &mut found);
        calls.server(half(1, SERVER), &mut found);
        calls.client(half(2, CLIENT), &mut found);
        calls.server(half(3, SERVER), &mut found);
        let left = calls.finish(&mut found);
        assert_eq!((pairs, left), (2, vec![half(2, CLIENT), half(3, SERVER)]));
    }

    #[test]
    fn sides_without_the_other_do_not_fill_the_memory() {
        let (mut calls, mut alone, mut dropped) = (Calls::default(), 0, 0);
        let mut found = |it| match it {
            Found::Alone(_) => alone += 1,
            Found::Dropped => dropped += 1,
            Found::Pair(..) => panic!("there are none"),
        };
        let n = 3 * MAX_WAITING as u64;
        for number in 0..n {
            calls.client(half(number, CLIENT), &mut found);
            calls.server(half(n + number, SERVER), &mut found);
            assert!(calls.order.len() <= MAX_WAITING && calls.servers.len() <= MAX_WAITING);
        }
        let left = calls.finish(&mut found);
        assert_eq!(left.len() + alone + dropped, 2 * n as usize);
        assert!(left.iter().any(|it| *it == half(n - 1, CLIENT)));
    }
}
