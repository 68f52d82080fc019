//! Where the services of one demo listen.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::error::DemoError;
use crate::name::ServiceName;

/// The listening address of every service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    host: IpAddr,
    /// Added to the default port of each service.
    first_port: u16,
}

impl Default for Addresses {
    /// Returns the documented addresses: loopback, ports 4330 to 4336.
    fn default() -> Self {
        Self { host: IpAddr::V4(Ipv4Addr::LOCALHOST), first_port: ServiceName::FIRST_PORT }
    }
}

impl Addresses {
    /// Returns the addresses of a demo on a host, on the ports from `first_port` (the gateway's) on.
    ///
    /// # Errors
    /// [`DemoError::FirstPort`] when there are too few ports from there on.
    pub fn new(host: IpAddr, first_port: u16) -> Result<Self, DemoError> {
        let highest = u16::MAX - (ServiceName::ALL.len() as u16 - 1);
        if (1..=highest).contains(&first_port) {
            Ok(Self { host, first_port })
        } else {
            Err(DemoError::FirstPort { first_port, highest })
        }
    }

    /// Returns addresses that no other demo uses: the documented ports on a random address of 127.0.0.0/8, all of which
    /// is loopback on Linux. For tests that run beside each other and beside a demo.
    pub fn unused() -> Self {
        let [a, b, c]: [u8; 3] = rand::random();
        let host = Ipv4Addr::new(127, a.clamp(1, 254), b, c.clamp(1, 254));
        Self { host: IpAddr::V4(host), ..Self::default() }
    }

    /// Returns where a service listens.
    pub fn get(&self, name: ServiceName) -> SocketAddr {
        let offset = name.default_port() - ServiceName::FIRST_PORT;
        SocketAddr::new(self.host, self.first_port + offset)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_service_has_an_address_of_its_own() {
        let elsewhere = Addresses::new("::1".parse().unwrap(), 65_529).unwrap();
        for addresses in [Addresses::default(), Addresses::unused(), elsewhere] {
            let distinct: HashSet<_> = ServiceName::ALL.map(|name| addresses.get(name)).into_iter().collect();
            assert_eq!(distinct.len(), ServiceName::ALL.len());
        }
        assert_eq!(Addresses::default().get(ServiceName::Psp), "127.0.0.1:4334".parse().unwrap());
    }

    #[test]
    fn unused_addresses_are_loopback() {
        for _ in 0..1_000 {
            assert!(Addresses::unused().get(ServiceName::Gateway).ip().is_loopback());
        }
    }

    #[test]
    fn a_first_port_without_room_for_all_is_refused() {
        for first_port in [0, 65_530, 65_535] {
            let error = Addresses::new(IpAddr::V4(Ipv4Addr::LOCALHOST), first_port).unwrap_err().to_string();
            assert_eq!(error, format!("the demo cannot use ports from {first_port} on; 1 to 65529 are allowed"));
        }
    }
}
