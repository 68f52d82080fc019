//! Small pieces of markup that pages share: each renders itself and escapes what it was given.

mod chart;
mod choice;
mod damage;
mod heatmap;
mod histogram;
mod meter;
mod name;
mod service_tag;
mod spark;

pub(crate) use chart::{Chart, Line, Mark, seconds};
pub(crate) use choice::{Choice, Tab};
pub(crate) use damage::Damage;
pub(crate) use heatmap::Heatmap;
pub(crate) use histogram::{Bar, Histogram};
pub(crate) use meter::{DurationBar, Meter};
pub(crate) use name::{Name, plain, written_out};
pub(crate) use service_tag::{ServiceTag, Unnamed};
pub(crate) use spark::Spark;
