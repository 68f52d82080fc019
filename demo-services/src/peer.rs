//! The address of another service: a base URL, taken apart once for `server.address` and `server.port`.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// Where a service is reached: `http://host:port`, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    host: String,
    port: u16,
}

impl Peer {
    /// Returns the host as it is written in a URL: a name or an address, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of a path, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}:{}{path}", self.host, self.port)
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        Self { host, port: address.port() }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}:{}", self.host, self.port)
    }
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ALLOWED: &str = "http://HOST:PORT is allowed";
        let uri: http::Uri = text.parse().map_err(|error| format!("{error}; {ALLOWED}"))?;
        if uri.scheme_str() != Some("http") {
            return Err(format!("the scheme is not http; {ALLOWED}"));
        }
        if uri.query().is_some() || !matches!(uri.path(), "" | "/") {
            return Err(format!("it has a path; {ALLOWED}"));
        }
        match (uri.host(), uri.port_u16()) {
            (Some(host), Some(port)) if !host.is_empty() => Ok(Self { host: host.to_owned(), port }),
            _ => Err(format!("host or port is missing; {ALLOWED}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_base_urls_and_writes_them_back() {
        for url in ["http://127.0.0.1:4331", "http://catalogue:80", "http://[::1]:4331"] {
            assert_eq!(url.parse::<Peer>().unwrap().to_string(), url);
        }
        assert_eq!("http://catalogue:80/".parse::<Peer>().unwrap().url("/shows"), "http://catalogue:80/shows");
    }

    #[test]
    fn refuses_what_is_not_a_base_url() {
        for url in [
            "",
            "catalogue",
            "catalogue:80",
            "https://catalogue:80",
            "http://catalogue",
            "http://c:80/x",
            "http://c:80?x",
        ] {
            let error = url.parse::<Peer>().unwrap_err();
            assert!(error.contains("http://HOST:PORT is allowed"), "{url}: {error}");
        }
    }

    #[test]
    fn a_socket_address_is_a_peer() {
        let address: SocketAddr = "[::1]:4331".parse().unwrap();
        assert_eq!(Peer::from(address).to_string(), "http://[::1]:4331");
    }
}
