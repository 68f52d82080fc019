//! Services as their spans show them: rate, errors and duration, by service and by operation, and who calls whom.
//!
//! Read from the summaries that segments of spans have. A range of more than five minutes is counted in whole minutes, a
//! shorter one span by span.

mod calls;
mod edges;
mod list;
mod operations;
mod range;
mod stats;
#[cfg(test)]
mod tests;

pub(crate) use calls::{Ends, as_served, calls};
pub use calls::{Node, NodeKind};
pub use edges::{Edge, Edges, edges};
pub use list::{ServiceList, ServiceSummary, services};
pub use operations::{OperationList, OperationSearch, OperationSummary, operations};
pub(crate) use range::Covered;
pub use stats::{Red, RedBucket};

use model::Nanos;
pub use store::summary::{Connection, OTHER};

use crate::steps::Steps;

/// The steps of a range: whole slots, `n_steps` of them at most.
fn steps_of(covered: &Covered, n_steps: usize) -> Steps {
    let n_slots = covered.end.saturating_sub(covered.first).max(1);
    let n_steps = Nanos::try_from(n_steps.max(1)).unwrap_or(Nanos::MAX);
    let slots_a_step = n_slots / n_steps + Nanos::from(n_slots % n_steps > 0);
    Steps::of_width(covered.range, covered.slots.width.saturating_mul(slots_a_step))
}
