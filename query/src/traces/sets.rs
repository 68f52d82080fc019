//! Searches that ask for more than one span: traces are read whole, and their spans selected as a plan says.
//!
//! Which traces may match is found by the conditions of the plan that each of them must satisfy with some span (`select`). What
//! is left is read (`whole`) and decided (`eval`).

mod eval;
mod relate;
pub(super) mod select;
pub(super) mod summary;
#[cfg(test)]
pub(super) mod tests;
mod whole;

pub(super) use eval::joined;
pub(super) use whole::{Whole, each_trace};
