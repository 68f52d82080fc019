//! The columns of spans, in the groups that conditions read.

use std::sync::LazyLock;

use crate::lang::columns::unions;

pub(super) const TRACE_ID: u32 = 1;
pub(super) const SPAN_IDS: u32 = 1 << 1;
pub(super) const SERVICE: u32 = 1 << 2;
pub(super) const NAME: u32 = 1 << 3;
pub(super) const KIND_AND_STATUS: u32 = 1 << 4;
pub(super) const DURATION: u32 = 1 << 5;
pub(super) const STATUS_MESSAGE: u32 = 1 << 6;
pub(super) const ATTRIBUTES: u32 = 1 << 7;
pub(super) const EVENTS: u32 = 1 << 8;

/// What a list shows of a span.
pub(super) const LISTED: u32 = TRACE_ID | SPAN_IDS | SERVICE | NAME | KIND_AND_STATUS | DURATION | STATUS_MESSAGE;

/// By bit.
const GROUPS: [&[&str]; 9] = [
    &["trace_id"],
    &["span_id", "parent_span_id"],
    &["service"],
    &["name"],
    &["kind", "status"],
    &["duration"],
    &["status_message"],
    &["attributes", "resource", "scope"],
    &["events"],
];

/// The columns of the groups in `set`.
pub(super) fn union(set: u32) -> &'static [&'static str] {
    static UNIONS: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| unions(&GROUPS));
    &UNIONS[set as usize]
}
