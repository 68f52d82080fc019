//! The names of the Box Office services: as typed on a command line and as sent in `service.name`.

use std::fmt;
use std::str::FromStr;

use crate::error::DemoError;

/// One of the processes that make up the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceName {
    /// HTTP edge: the only service that customers talk to.
    Gateway,
    /// Venues, shows and seats.
    Catalogue,
    /// Bookings: the event store and the place-booking saga.
    Booking,
    /// Authorises and voids payments; gRPC.
    Payment,
    /// The payment provider, simulated: the outside world with its faults.
    Psp,
    /// Customers, simulated.
    Load,
    /// Prints the alert webhooks it receives.
    Receiver,
}

impl ServiceName {
    /// Every service; a service stands after those it calls.
    pub const ALL: [Self; 7] =
        [Self::Psp, Self::Payment, Self::Catalogue, Self::Booking, Self::Gateway, Self::Receiver, Self::Load];

    /// Returns the name as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Catalogue => "catalogue",
            Self::Booking => "booking",
            Self::Payment => "payment",
            Self::Psp => "psp",
            Self::Load => "load",
            Self::Receiver => "receiver",
        }
    }

    /// Returns the services that this one calls.
    pub fn peers(self) -> &'static [Self] {
        match self {
            Self::Gateway => &[Self::Catalogue, Self::Booking],
            Self::Booking => &[Self::Catalogue, Self::Payment],
            Self::Payment => &[Self::Psp],
            Self::Load => &[Self::Gateway],
            Self::Catalogue | Self::Psp | Self::Receiver => &[],
        }
    }

    /// The lowest default port: the gateway's.
    pub const FIRST_PORT: u16 = 4330;

    /// Returns the port the service listens on unless told otherwise: 4330 to 4336.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Gateway => Self::FIRST_PORT,
            Self::Catalogue => 4331,
            Self::Booking => 4332,
            Self::Payment => 4333,
            Self::Psp => 4334,
            Self::Load => 4335,
            Self::Receiver => 4336,
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for ServiceName {
    type Err = DemoError;

    fn from_str(text: &str) -> Result<Self, DemoError> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| DemoError::UnknownService { given: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_as_itself() {
        for name in ServiceName::ALL {
            assert_eq!(name.to_string().parse::<ServiceName>().unwrap(), name);
        }
    }

    #[test]
    fn unknown_name_is_refused_with_the_known_ones() {
        let error = "bookings".parse::<ServiceName>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown demo service `bookings`; known services: psp, payment, catalogue, booking, gateway, receiver, load"
        );
    }

    #[test]
    fn a_service_stands_after_those_it_calls() {
        for (position, name) in ServiceName::ALL.iter().enumerate() {
            for peer in name.peers() {
                assert!(ServiceName::ALL[..position].contains(peer), "{name} stands before {peer}");
            }
        }
    }
}
