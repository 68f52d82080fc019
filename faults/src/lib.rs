//! What a disk, a clock and a kill can do to a process: file calls that fail, power cuts, jumps of the wall clock. For tests
//! only; nothing of it is in the box.
//!
//! A small library in C ([`Control::preload`]) stands between the process under test and the C library, so that the real code
//! runs, its dependencies included, and no file call has to be written for the tests' sake. [`Recording`] reads back what a
//! process did to its files, and [`crash::Disk`] what a power cut could have left of it.

mod control;
pub mod crash;
mod recording;

pub use control::{Action, Control, Error, Fault, Kinds};
pub use recording::{Event, Recording};
