//! The columns of log records, in the groups that conditions read.

use std::sync::LazyLock;

use crate::lang::columns::unions;

pub(super) const SERVICE: u32 = 1;
pub(super) const SEVERITY: u32 = 1 << 1;
pub(super) const BODY: u32 = 1 << 2;
pub(super) const BODY_VALUE: u32 = 1 << 3;
pub(super) const EVENT_NAME: u32 = 1 << 4;
pub(super) const IDS: u32 = 1 << 5;
pub(super) const ATTRIBUTES: u32 = 1 << 6;

/// By bit.
const GROUPS: [&[&str]; 7] = [
    &["service"],
    &["severity_number", "severity_text"],
    &["body"],
    &["body_value"],
    &["event_name"],
    &["trace_id", "span_id"],
    &["attributes", "resource", "scope"],
];

/// The columns of the groups in `set`.
pub(super) fn union(set: u32) -> &'static [&'static str] {
    static UNIONS: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| unions(&GROUPS));
    &UNIONS[set as usize]
}
