//! Services as their spans show them: rate, errors and duration, by service and by operation, and who calls whom.

mod edges;
mod list;
mod operations;
mod resources;
mod stats;
#[cfg(test)]
mod tests;

pub use edges::{Edge, Edges, edges};
pub use list::{ServiceList, ServiceSummary, services};
pub use operations::{OperationList, OperationSearch, OperationSummary, operations};
pub use stats::{Red, RedBucket};
