//! The settings of one service process and their form on its command line: `NAME key=value…`.
//!
//! The supervisor writes the arguments, the process reads them back; a container file writes only those that differ
//! from the defaults. Nothing is read from the environment.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::error::DemoError;
use crate::name::ServiceName;
use crate::peer::Peer;

/// Sessions that the load generator starts per second unless told otherwise: about five requests, of which 0.5 are
/// bookings.
pub const DEFAULT_SESSIONS_PER_SECOND: f64 = 2.0;

/// The highest rate that the load generator accepts, in sessions per second.
pub const MAX_SESSIONS_PER_SECOND: f64 = 500.0;

/// The settings of one service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceConfig {
    pub service: ServiceName,
    /// Where the service listens; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The folder of the service's database; created when missing.
    pub data_dir: PathBuf,
    /// OTLP/gRPC endpoint for all three signals, such as `http://127.0.0.1:4317`; without one nothing is exported.
    pub otlp: Option<Peer>,
    /// The services that this one calls, in the order of [`ServiceName::peers`].
    pub peers: Vec<(ServiceName, Peer)>,
    /// Sessions that `load` starts per second; 0 starts none. Other services ignore it.
    pub sessions_per_second: f64,
    /// End when standard input ends: the supervisor holds the other end, so that no service outlives it.
    pub lifeline: bool,
}

impl ServiceConfig {
    /// Returns the settings of a service that runs alone on this machine, on its default port.
    pub fn new(service: ServiceName) -> Self {
        let local = |name: ServiceName| SocketAddr::from((Ipv4Addr::LOCALHOST, name.default_port()));
        Self {
            service,
            listen: local(service),
            data_dir: PathBuf::from("box-office-data"),
            otlp: None,
            peers: service.peers().iter().map(|&peer| (peer, Peer::from(local(peer)))).collect(),
            sessions_per_second: DEFAULT_SESSIONS_PER_SECOND,
            lifeline: false,
        }
    }

    /// Returns where a service that this one calls is reached.
    pub(crate) fn peer(&self, name: ServiceName) -> &Peer {
        let found = self.peers.iter().find(|(peer, _)| *peer == name);
        &found.expect("a service asks only for the peers that its name declares").1
    }

    /// Returns the settings that arguments such as `booking listen=127.0.0.1:4332` give.
    ///
    /// # Errors
    /// [`DemoError::UnknownService`], [`DemoError::MissingService`] or [`DemoError::Argument`], which names the
    /// argument and what is allowed.
    pub fn from_args<S: AsRef<str>>(args: impl IntoIterator<Item = S>) -> Result<Self, DemoError> {
        let mut args = args.into_iter();
        let name = args.next().ok_or(DemoError::MissingService)?;
        let mut config = Self::new(name.as_ref().parse()?);
        for argument in args {
            let argument = argument.as_ref();
            config.set(argument).map_err(|reason| DemoError::Argument {
                service: config.service,
                argument: argument.to_owned(),
                reason,
            })?;
        }
        Ok(config)
    }

    fn set(&mut self, argument: &str) -> Result<(), String> {
        let (key, value) = argument.split_once('=').ok_or("KEY=VALUE is allowed")?;
        match key {
            "listen" => {
                self.listen = value.parse().map_err(|_| "an IP address and a port are allowed: 127.0.0.1:4330")?;
            }
            "data-dir" if value.is_empty() => return Err("it is empty; a folder is allowed".to_owned()),
            "data-dir" => self.data_dir = PathBuf::from(value),
            "otlp" => self.otlp = Some(value.parse()?),
            "rate" => {
                let rate = value.parse().ok().filter(|rate| (0.0..=MAX_SESSIONS_PER_SECOND).contains(rate));
                self.sessions_per_second =
                    rate.ok_or_else(|| format!("a number from 0 to {MAX_SESSIONS_PER_SECOND} is allowed"))?;
            }
            "lifeline" if value == "stdin" => self.lifeline = true,
            "lifeline" => return Err("only `stdin` is allowed".to_owned()),
            _ => {
                let peer = self.peers.iter_mut().find(|(peer, _)| peer.as_str() == key);
                let Some((_, peer)) = peer else { return Err(format!("allowed keys: {}", self.keys())) };
                *peer = value.parse()?;
            }
        }
        Ok(())
    }

    fn keys(&self) -> String {
        let peers = self.peers.iter().map(|(peer, _)| peer.as_str());
        ["listen", "data-dir", "otlp", "rate", "lifeline"].into_iter().chain(peers).collect::<Vec<_>>().join(", ")
    }

    /// Returns the arguments that [`ServiceConfig::from_args`] reads back as these settings.
    ///
    /// # Errors
    /// [`DemoError::PathNotUtf8`] when the data folder cannot be written as an argument.
    pub fn to_args(&self) -> Result<Vec<String>, DemoError> {
        let data_dir = self.data_dir.to_str().ok_or_else(|| DemoError::PathNotUtf8(self.data_dir.clone()))?;
        let mut args =
            vec![self.service.to_string(), format!("listen={}", self.listen), format!("data-dir={data_dir}")];
        args.extend(self.otlp.iter().map(|endpoint| format!("otlp={endpoint}")));
        args.extend(self.peers.iter().map(|(name, peer)| format!("{name}={peer}")));
        args.push(format!("rate={}", self.sessions_per_second));
        if self.lifeline {
            args.push("lifeline=stdin".to_owned());
        }
        Ok(args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_back_as_the_same_settings() {
        for service in ServiceName::ALL {
            let plain = ServiceConfig::new(service);
            assert_eq!(ServiceConfig::from_args(plain.to_args().unwrap()).unwrap(), plain);
            let full = ServiceConfig {
                listen: "[::1]:9".parse().unwrap(),
                data_dir: PathBuf::from("/tmp/a folder = 데이터"),
                otlp: Some("http://box:4317".parse().unwrap()),
                peers: plain.peers.iter().map(|(name, _)| (*name, "http://there:81".parse().unwrap())).collect(),
                sessions_per_second: 0.25,
                lifeline: true,
                ..plain
            };
            assert_eq!(ServiceConfig::from_args(full.to_args().unwrap()).unwrap(), full);
        }
    }

    #[test]
    fn defaults_need_only_the_name() {
        let config = ServiceConfig::from_args(["gateway"]).unwrap();
        assert_eq!(config.listen, "127.0.0.1:4330".parse().unwrap());
        assert_eq!(config.peer(ServiceName::Booking).to_string(), "http://127.0.0.1:4332");
        assert!(!config.lifeline && config.otlp.is_none());
    }

    #[test]
    fn wrong_arguments_are_named_with_what_is_allowed() {
        let table: &[(&[&str], &str)] = &[
            (
                &[],
                "the name of a demo service is missing; known services: psp, payment, catalogue, booking, gateway, receiver, load",
            ),
            (&["gateway", "listen"], "`listen` is not a setting of demo service gateway: KEY=VALUE is allowed"),
            (
                &["gateway", "listen=4330"],
                "`listen=4330` is not a setting of demo service gateway: an IP address and a port are allowed: 127.0.0.1:4330",
            ),
            (
                &["gateway", "psp=http://a:1"],
                "`psp=http://a:1` is not a setting of demo service gateway: allowed keys: listen, data-dir, otlp, rate, lifeline, catalogue, booking",
            ),
            (
                &["load", "rate=-1"],
                "`rate=-1` is not a setting of demo service load: a number from 0 to 500 is allowed",
            ),
            (
                &["load", "rate=NaN"],
                "`rate=NaN` is not a setting of demo service load: a number from 0 to 500 is allowed",
            ),
            (
                &["psp", "otlp=box:4317"],
                "`otlp=box:4317` is not a setting of demo service psp: the scheme is not http; http://HOST:PORT is allowed",
            ),
            (
                &["psp", "data-dir="],
                "`data-dir=` is not a setting of demo service psp: it is empty; a folder is allowed",
            ),
            (&["psp", "lifeline=yes"], "`lifeline=yes` is not a setting of demo service psp: only `stdin` is allowed"),
        ];
        for (args, expected) in table {
            assert_eq!(ServiceConfig::from_args(*args).unwrap_err().to_string(), *expected);
        }
    }
}
