//! Service-level objectives without I/O and without a clock: what an SLO is ([`spec`]), its counted events
//! ([`buckets`]), what they mean ([`burn`]), when to alert ([`alert`]) and what to tell receivers ([`webhook`]).
//!
//! `haechi` counts spans, stores and sends; `ui` reads [`status`]. Everything here is tested by tables.

pub mod alert;
pub mod backtest;
pub mod buckets;
pub mod burn;
pub mod chart;
pub mod counts;
pub mod duration;
pub mod fingerprint;
pub mod formats;
pub mod groups;
pub mod ratio;
pub mod routing;
pub mod rules;
pub mod schema;
pub mod silences;
pub mod spec;
pub mod status;
pub mod template;
pub mod values;
pub mod webhook;
pub mod windows;
mod zone;

pub use buckets::{Buckets, Count};
pub use counts::{Counts, Tally};
pub use spec::Slo;
pub use status::Status;
