//! Box Office: the demo system. Small microservices that sell concert tickets, instrumented with the OpenTelemetry SDK
//! like any user's services, a supervisor that runs each as a process of its own, and faults to switch on while it
//! runs.
//!
//! The binary that hosts them calls [`run_from_args`] for one service and [`supervisor::run`] for all. Nothing here
//! depends on the rest of the product: the services know an OTLP endpoint and nothing else of it.

mod addresses;
mod clock;
mod config;
mod database;
mod error;
pub mod fault;
mod http_client;
mod http_server;
mod lifeline;
mod name;
mod peer;
mod problem;
mod rpc;
mod services;
pub mod supervisor;
mod telemetry;

pub use addresses::Addresses;
pub use config::{DEFAULT_SESSIONS_PER_SECOND, MAX_SESSIONS_PER_SECOND, ServiceConfig};
pub use error::DemoError;
pub use name::ServiceName;
pub use peer::Peer;
pub use services::{run_from_args, run_service};
