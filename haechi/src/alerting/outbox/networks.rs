//! Which addresses requests may go to. A name is resolved once, its addresses are checked, and the connection goes to one
//! of those that passed: a name server that answers differently a moment later changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::alerting::receiver::Networks;

/// A resolver that gives public addresses only.
pub(super) fn public_only() -> Arc<impl Resolve> {
    Arc::new(PublicOnly)
}

struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let public = resolve(name.as_str(), 0, Networks::Public).await?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// The addresses of a name, or of an address in text, within `networks`; an error if none is left.
pub(super) async fn resolve(host: &str, port: u16, networks: Networks) -> Result<Vec<SocketAddr>, String> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let found = tokio::net::lookup_host((host, port)).await;
    let all: Vec<SocketAddr> = found.map_err(|error| format!("cannot find the address of {host}: {error}"))?.collect();
    let allowed = |address: &&SocketAddr| networks == Networks::Any || is_public(address.ip());
    let kept: Vec<SocketAddr> = all.iter().filter(allowed).copied().collect();
    if kept.is_empty() {
        let seen: Vec<String> = all.iter().map(|address| address.ip().to_string()).collect();
        return Err(refusal(&seen.join(", ")));
    }
    Ok(kept)
}

/// An error if the host of `url` is an address, which no resolver is asked for, outside of `networks`.
pub(in crate::alerting) fn check_literal(url: &Url, networks: Networks) -> Result<(), String> {
    // The parser has made one form of all the ways to write an address, such as 0x7f.1 or 2130706433.
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(address) if networks == Networks::Public && !is_public(address) => Err(refusal(&address.to_string())),
        _ => Ok(()),
    }
}

fn refusal(addresses: &str) -> String {
    format!("{addresses} is not a public address, and this receiver may use public ones only")
}

/// Whether the address is globally reachable by the special-purpose registries of IANA (RFC 6890), as of what it carries
/// if it is an IPv6 address that stands for one of IPv4.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b) {
        // This network, private, loopback; multicast and reserved with broadcast.
        (0 | 10 | 127 | 224..=255, _) => true,
        // Shared with carriers; link-local; private.
        (100, 64..=127) | (169, 254) | (172, 16..=31) | (192, 168) => true,
        // Protocol assignments and documentation; the anycast address of 6to4.
        (192, 0) => c == 0 || c == 2,
        (192, 88) => c == 99,
        // Benchmarks; documentation.
        (198, 18 | 19) => true,
        (198, 51) => c == 100,
        (203, 0) => c == 113,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let carried = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Mapped (RFC 4291), and translated by a gateway (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => carried(high, low),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => carried(high, low),
        // Teredo, benchmarks, ORCHID and other protocol assignments; documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Only global unicast is left: no loopback, no unique local, link-local, site-local or multicast address.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_public_or_not() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.1.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:4860:4860::8888",
        ];
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001::1",
            "2001:db8::1",
            "2001:10::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in special {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn every_way_to_write_an_address_is_seen() {
        let denied = [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1:80/x",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]:8080/",
            "http://user@10.0.0.1/",
            "https://169.254.169.254/latest",
            "http://0/",
            "http://①②⑦.0.0.1/",
        ];
        for text in denied {
            let url = Url::parse(text).unwrap();
            assert!(check_literal(&url, Networks::Public).is_err(), "{text}");
            assert!(check_literal(&url, Networks::Any).is_ok(), "{text}");
        }
        // Names are for the resolver.
        for text in ["http://8.8.8.8/", "http://localhost/", "https://example.org/", "http://[2606:4700::1111]/"] {
            assert!(check_literal(&Url::parse(text).unwrap(), Networks::Public).is_ok(), "{text}");
        }
    }
}
