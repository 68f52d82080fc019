//! What can stop a demo service or the supervisor.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::name::ServiceName;

/// A reason why a demo service or the supervisor cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("unknown demo service `{given}`; known services: {}", known_services())]
    UnknownService { given: String },
    #[error("the name of a demo service is missing; known services: {}", known_services())]
    MissingService,
    #[error("`{argument}` is not a setting of demo service {service}: {reason}")]
    Argument { service: ServiceName, argument: String, reason: String },
    #[error("path {} is not UTF-8, which the demo services need", .0.display())]
    PathNotUtf8(PathBuf),
    #[error("the demo cannot use ports from {first_port} on; 1 to {highest} are allowed")]
    FirstPort { first_port: u16, highest: u16 },
    #[error("demo service {service} cannot listen on {address}: {source}")]
    Listen { service: ServiceName, address: SocketAddr, source: io::Error },
    #[error("cannot create folder {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot open database {}: {source}", path.display())]
    OpenDatabase { path: PathBuf, source: rusqlite::Error },
    #[error("database of demo service {service}: {source}")]
    Database { service: ServiceName, source: crate::database::DatabaseError },
    #[error("telemetry to `{endpoint}` cannot be set up: {reason}")]
    Telemetry { endpoint: String, reason: String },
    #[error("cannot set up an HTTP client: {0}")]
    HttpClient(#[source] reqwest::Error),
    #[error("demo service {service}: {source}")]
    Serve { service: ServiceName, source: io::Error },
    #[error("a background task of demo service {service} ended")]
    TaskEnded { service: ServiceName },
    #[error("cannot start {} for demo service {service}: {source}", executable.display())]
    Spawn { service: ServiceName, executable: PathBuf, source: io::Error },
    #[error("demo service {service} ended while starting ({status}){}", said(stderr))]
    EndedEarly { service: ServiceName, status: ExitStatus, stderr: String },
    #[error("demo service {service} did not answer on {address} within {} s", after.as_secs())]
    NotReady { service: ServiceName, address: SocketAddr, after: Duration },
}

fn known_services() -> String {
    ServiceName::ALL.map(ServiceName::as_str).join(", ")
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
}
