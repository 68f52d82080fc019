//! Who is at the other end of a call, as the attributes of a span say.
//!
//! Source: the semantic conventions of OpenTelemetry for database clients, messaging, HTTP and RPC, with the names that came
//! before them.

use model::{Attrs, SpanKind, Value};

use super::Connection;

/// The other end of the call that a span is one side of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other<'a> {
    /// Whoever has the other side of the call as a span.
    Span {
        /// The name to call it by if nobody has.
        peer: Option<&'a str>,
    },
    Database {
        system: &'a str,
        /// Its namespace, or else its address; may be empty.
        name: &'a str,
    },
    Queue {
        system: &'a str,
        destination: &'a str,
        is_consumed: bool,
    },
    /// The span is no side of a call.
    None,
}

/// What the attributes say that matter here.
#[derive(Default)]
struct Said<'a> {
    database: Option<&'a str>,
    old_database: Option<&'a str>,
    namespace: Option<&'a str>,
    old_namespace: Option<&'a str>,
    messaging: Option<&'a str>,
    destination: Option<&'a str>,
    template: Option<&'a str>,
    old_destination: Option<&'a str>,
    operation: Option<&'a str>,
    old_operation: Option<&'a str>,
    peer_service: Option<&'a str>,
    address: Option<&'a str>,
    old_address: Option<&'a str>,
    url: Option<&'a str>,
    old_url: Option<&'a str>,
}

/// Whether a key may be one of those in [`Said::of`]. Most are none, and this is asked of every attribute of every call.
fn may_matter(key: &[u8]) -> bool {
    matches!(key.first(), Some(b'd' | b'm' | b'n' | b'p' | b's' | b'u')) || key == b"http.url"
}

impl<'a> Said<'a> {
    fn of(attrs: Attrs<'a>) -> Self {
        let mut said = Said::default();
        for (key, value) in attrs.iter_where(may_matter) {
            let place = match key {
                "db.system.name" => &mut said.database,
                "db.system" => &mut said.old_database,
                "db.namespace" => &mut said.namespace,
                "db.name" => &mut said.old_namespace,
                "messaging.system" => &mut said.messaging,
                "messaging.destination.name" => &mut said.destination,
                "messaging.destination.template" => &mut said.template,
                "messaging.destination" => &mut said.old_destination,
                "messaging.operation.type" => &mut said.operation,
                "messaging.operation" => &mut said.old_operation,
                "peer.service" => &mut said.peer_service,
                "server.address" => &mut said.address,
                "net.peer.name" => &mut said.old_address,
                "url.full" => &mut said.url,
                "http.url" => &mut said.old_url,
                _ => continue,
            };
            if let Value::Str(text) = value
                && !text.is_empty()
            {
                *place = Some(text);
            }
        }
        said
    }

    fn address(&self) -> Option<&'a str> {
        self.address.or(self.old_address)
    }

    fn queue(&self, kind: SpanKind) -> Option<Other<'a>> {
        let destination = self.template.or(self.destination).or(self.old_destination)?;
        let is_received = match self.operation.or(self.old_operation) {
            // Neither brings a message anywhere.
            Some("settle" | "create") => return Some(Other::None),
            operation => operation == Some("receive"),
        };
        let is_consumed = kind == SpanKind::Consumer || kind == SpanKind::Client && is_received;
        Some(Other::Queue { system: self.messaging.unwrap_or_default(), destination, is_consumed })
    }
}

/// What the attributes of a span of kind client, producer or consumer say.
pub(super) fn other_end(kind: SpanKind, attrs: Attrs<'_>) -> Other<'_> {
    let said = Said::of(attrs);
    if let Some(queue) = said.queue(kind) {
        return queue;
    }
    if kind == SpanKind::Client
        && let Some(system) = said.database.or(said.old_database)
    {
        let name = said.namespace.or(said.old_namespace).or(said.peer_service).or(said.address());
        return Other::Database { system, name: name.unwrap_or_default() };
    }
    let host = || said.url.or(said.old_url).and_then(host);
    Other::Span { peer: said.peer_service.or(said.address()).or_else(host) }
}

/// The other end of a call that a span of kind client, producer or consumer is the only side of, by its name: a database or a
/// queue. And whether the span is the calling side.
pub fn named_end(kind: SpanKind, attrs: Attrs<'_>) -> Option<(Connection, String, bool)> {
    match other_end(kind, attrs) {
        Other::Database { system, name } => Some((Connection::Database, joined(system, name), true)),
        Other::Queue { system, destination, is_consumed } => {
            Some((Connection::Messaging, joined(system, destination), !is_consumed))
        }
        Other::Span { .. } | Other::None => None,
    }
}

/// What a peer is called: `system/name`, or the one of them that there is.
pub(super) fn joined(system: &str, name: &str) -> String {
    let mut text = String::new();
    join(&mut text, system, name);
    text
}

/// Appends [`joined`] to `text`.
pub(super) fn join(text: &mut String, system: &str, name: &str) {
    text.push_str(system);
    if !system.is_empty() && !name.is_empty() {
        text.push('/');
    }
    text.push_str(name);
}

/// The host of an absolute URL.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let end = match host.strip_prefix('[') {
        Some(address) => address.find(']')? + 2,
        None => host.find(':').unwrap_or(host.len()),
    };
    host.get(..end).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use model::AttrsBuf;

    use super::*;

    fn attrs(pairs: &[(&str, &str)]) -> AttrsBuf {
        let mut attrs = AttrsBuf::new();
        pairs.iter().for_each(|(key, value)| attrs.push(key, Value::Str(value)));
        attrs
    }

    /// A kind, attributes, and the end that they name.
    type Case = (SpanKind, &'static [(&'static str, &'static str)], Other<'static>);

    #[test]
    fn conventions_old_and_new_name_the_other_end() {
        use SpanKind::{Client, Consumer, Producer};
        let database = |system, name| Other::Database { system, name };
        let queue = |destination, is_consumed| Other::Queue { system: "kafka", destination, is_consumed };
        let span = |peer| Other::Span { peer };
        let table: [Case; 14] = [
            (
                Client,
                &[("db.system.name", "postgresql"), ("db.namespace", "shop"), ("server.address", "pg")],
                database("postgresql", "shop"),
            ),
            (Client, &[("db.system", "redis"), ("net.peer.name", "cache")], database("redis", "cache")),
            (Client, &[("db.system", "sqlite")], database("sqlite", "")),
            (
                Producer,
                &[("messaging.system", "kafka"), ("messaging.destination.name", "orders")],
                queue("orders", false),
            ),
            (Consumer, &[("messaging.system", "kafka"), ("messaging.destination", "orders")], queue("orders", true)),
            (
                Client,
                &[
                    ("messaging.system", "kafka"),
                    ("messaging.destination.name", "orders"),
                    ("messaging.operation.type", "receive"),
                ],
                queue("orders", true),
            ),
            (Client, &[("messaging.destination.name", "orders"), ("messaging.operation.type", "settle")], Other::None),
            (
                Producer,
                &[
                    ("messaging.system", "kafka"),
                    ("messaging.destination.name", "reply-4711"),
                    ("messaging.destination.template", "reply-{id}"),
                ],
                queue("reply-{id}", false),
            ),
            (Consumer, &[("messaging.system", "kafka")], span(None)),
            (Client, &[("peer.service", "bank"), ("server.address", "10.0.0.1")], span(Some("bank"))),
            (Client, &[("server.address", "bank.example")], span(Some("bank.example"))),
            (Client, &[("url.full", "https://user:secret@bank.example:8443/pay?x=1")], span(Some("bank.example"))),
            (Client, &[("http.url", "http://[::1]:80/")], span(Some("[::1]"))),
            (Client, &[("server.address", ""), ("url.full", "nothing")], span(None)),
        ];
        for (kind, pairs, expected) in table {
            let attrs = attrs(pairs);
            assert_eq!(other_end(kind, attrs.as_attrs()), expected, "{kind:?} {pairs:?}");
        }
    }
}
