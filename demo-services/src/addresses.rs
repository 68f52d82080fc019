//! Where the services of one demo listen.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use crate::error::DemoError;
use crate::name::ServiceName;

/// The listening address of every service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses([SocketAddr; ServiceName::ALL.len()]);

impl Default for Addresses {
    /// Returns the documented addresses: loopback, ports 4330 to 4336.
    fn default() -> Self {
        Self::on(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

impl Addresses {
    /// Returns the documented ports on an address.
    pub fn on(host: IpAddr) -> Self {
        Self(ServiceName::ALL.map(|name| SocketAddr::new(host, name.default_port())))
    }

    /// Returns loopback addresses that nothing listens on now; for tests, since another process may take one before the
    /// demo does.
    ///
    /// # Errors
    /// [`DemoError::Ports`] when the system has no port to give.
    pub fn unused() -> Result<Self, DemoError> {
        // All are held before any is given back: otherwise the system may hand out one port twice.
        let listeners = (0..ServiceName::ALL.len())
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(DemoError::Ports)?;
        let mut addresses = Self::default();
        for (address, listener) in addresses.0.iter_mut().zip(&listeners) {
            *address = listener.local_addr().map_err(DemoError::Ports)?;
        }
        Ok(addresses)
    }

    /// Returns where a service listens.
    pub fn get(&self, name: ServiceName) -> SocketAddr {
        let position = ServiceName::ALL.iter().position(|other| *other == name);
        self.0[position.expect("ALL holds every name")]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_service_has_an_address_of_its_own() {
        for addresses in [Addresses::default(), Addresses::unused().unwrap()] {
            let distinct: HashSet<_> = ServiceName::ALL.map(|name| addresses.get(name)).into_iter().collect();
            assert_eq!(distinct.len(), ServiceName::ALL.len());
        }
        assert_eq!(Addresses::default().get(ServiceName::Psp), "127.0.0.1:4334".parse().unwrap());
    }
}
