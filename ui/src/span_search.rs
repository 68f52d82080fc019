//! Searches that find the spans behind a figure: addresses of the page of traces.

use model::TimeRange;
use query::lang::quoted;
use query::services::{Connection, Edge, Node, NodeKind, OTHER, ServiceSummary};

use crate::format;
use crate::page_url::PageUrl;

/// Attributes that the other end of a call is named by.
const ADDRESSES: [&str; 3] = ["peer.service", "server.address", "net.peer.name"];
const DATABASES: [&str; 5] = ["db.namespace", "db.name", ADDRESSES[0], ADDRESSES[1], ADDRESSES[2]];
const QUEUES: [&str; 3] = ["messaging.destination.template", "messaging.destination.name", "messaging.destination"];

/// The traces of `range`.
pub(crate) fn traces(range: TimeRange) -> PageUrl {
    PageUrl::new("/traces").with("from", format::rfc3339(range.start)).with("to", format::rfc3339(range.end))
}

/// The requests that the figures of a service count.
pub(crate) fn requests(service: &ServiceSummary, range: TimeRange) -> PageUrl {
    let what = if service.by_roots { "NOT parent_span_id:*" } else { "kind:(server OR consumer)" };
    let namespace = match service.namespace.as_str() {
        "" => String::new(),
        namespace => format!(" service.namespace={}", quoted(namespace)),
    };
    traces(range).with("service", &service.service).with("q", format!("{what}{namespace}"))
}

/// The spans of an operation. Those of names that are not told apart cannot be asked for.
pub(crate) fn operation(service: &str, name: &str, kind: &str, range: TimeRange) -> PageUrl {
    let url = traces(range).with("service", service).with("q", format!("kind={kind}"));
    if name == OTHER { url } else { url.with("operation", name) }
}

/// The spans that calls are counted by: of a service that is called the serving ones, else the calling ones.
pub(crate) fn calls(edge: &Edge, range: TimeRange) -> PageUrl {
    let (client, server) = (&edge.client, &edge.server);
    let q = match (client.kind, server.kind) {
        (NodeKind::Service, NodeKind::Service) => {
            let kind = if edge.connection == Connection::Messaging { "consumer" } else { "server" };
            format!("{{ {} kind={kind} }} CHILD OF {{ {} kind:(client OR producer) }}", of(server), of(client))
        }
        (NodeKind::Service, NodeKind::Database) => {
            let (system, name) = server.name.split_once('/').unwrap_or((&server.name, ""));
            let name = if name.is_empty() { String::new() } else { format!(" {}", any_of(&DATABASES, name)) };
            format!("{} kind=client {}{name}", of(client), any_of(&["db.system.name", "db.system"], system))
        }
        (NodeKind::Service, NodeKind::Queue) => format!("{} kind:(producer OR client) {}", of(client), queue(server)),
        (NodeKind::Queue, _) => format!("{} kind:(consumer OR client) {}", of(server), queue(client)),
        (NodeKind::User, _) => format!("{} kind=server NOT parent_span_id:*", of(server)),
        _ => format!("{} kind:(client OR producer) {}", of(client), external(server)),
    };
    traces(range).with("q", q)
}

fn of(service: &Node) -> String {
    match service.namespace.as_str() {
        "" => format!("service={}", quoted(&service.name)),
        namespace => format!("service={} service.namespace={}", quoted(&service.name), quoted(namespace)),
    }
}

fn queue(queue: &Node) -> String {
    any_of(&QUEUES, queue.name.split_once('/').map_or(queue.name.as_str(), |(_, destination)| destination))
}

fn external(peer: &Node) -> String {
    // It may be named by its URL alone.
    let urls = ["url.full", "http.url"].map(|key| format!("{key}=~{}", quoted(&format!("://{}", regex(&peer.name)))));
    format!("({} OR {})", any_of(&ADDRESSES, &peer.name), urls.join(" OR "))
}

fn any_of(keys: &[&str], value: &str) -> String {
    let conditions: Vec<String> = keys.iter().map(|key| format!("{key}={}", quoted(value))).collect();
    format!("({})", conditions.join(" OR "))
}

/// A regular expression that matches `text` alone.
fn regex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use query::lang;

    use super::*;

    fn node(name: &str, kind: NodeKind) -> Node {
        Node { namespace: String::new(), name: name.to_owned(), kind }
    }

    #[test]
    fn every_edge_has_a_search_that_is_understood() {
        use NodeKind::{Database, External, Queue, Service, User};
        let nasty = "a\"b\\c) OR (x=1";
        let table = [
            (Service, "shop", Service, "bank", Connection::Call),
            (Service, nasty, Service, nasty, Connection::Messaging),
            (Service, "shop", Database, "postgresql/shop", Connection::Database),
            (Service, "shop", Database, "sqlite", Connection::Database),
            (Service, "shop", Queue, "kafka/orders", Connection::Messaging),
            (Queue, "kafka/orders", Service, "mail", Connection::Messaging),
            (Service, "shop", External, nasty, Connection::Virtual),
            (User, "user", Service, "shop", Connection::Virtual),
        ];
        for (client_kind, client, server_kind, server, connection) in table {
            let (client, server) = (node(client, client_kind), node(server, server_kind));
            let edge = Edge {
                client,
                server,
                connection,
                n_calls: 1,
                n_errors: 0,
                rate: 1.0,
                p50: None,
                p90: None,
                p99: None,
            };
            let url = calls(&edge, TimeRange::new(0, 60_000_000_000));
            let q = url.get("q").to_owned();
            assert!(lang::parse(&q).is_ok(), "{q}: {:?}", lang::parse(&q).err());
        }
    }
}
