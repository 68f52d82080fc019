//! A conformance suite for receivers of OTLP: over gRPC, over HTTP in protobuf and in JSON.
//!
//! It knows of a receiver what any client knows, its address, and judges what comes back. [`run`] gives a [`Report`] of all rules, of
//! which each names its level and its source. Messages, frames and HTTP requests are made here, so that also those can be sent
//! that no SDK would send. Nothing here imports Haechi.

mod args;
mod client;
mod date;
mod expect;
mod filler;
mod frames;
mod gzip;
mod message;
mod probe;
mod protocol;
mod raw;
mod reply;
mod report;
mod request;
mod rule;
mod rules;
mod run;
mod sample;
mod snappy;
mod status;
mod target;
mod together;
mod wire;

pub use args::{Args, Command, Format, HELP, parse};
pub use protocol::{Protocol, Signal};
pub use report::{Entry, Report, Verdict, markdown_list, text_list};
pub use rule::{Level, Rule};
pub use rules::all as rules;
pub use run::{reachable, run};
pub use target::{Options, Target};

#[cfg(test)]
mod tests;
