//! The columns of spans, in the groups that conditions read.

use std::sync::LazyLock;

use crate::lang::columns::unions;

pub(in crate::lang) const TRACE_ID: u32 = 1;
pub(in crate::lang) const SPAN_IDS: u32 = 1 << 1;
pub(in crate::lang) const SERVICE: u32 = 1 << 2;
pub(in crate::lang) const NAME: u32 = 1 << 3;
pub(in crate::lang) const KIND_AND_STATUS: u32 = 1 << 4;
pub(in crate::lang) const DURATION: u32 = 1 << 5;
pub(in crate::lang) const STATUS_MESSAGE: u32 = 1 << 6;
pub(in crate::lang) const ATTRIBUTES: u32 = 1 << 7;
pub(in crate::lang) const EVENTS: u32 = 1 << 8;
pub(in crate::lang) const LINKS: u32 = 1 << 9;

/// What a list shows of a span.
pub(in crate::lang) const LISTED: u32 =
    TRACE_ID | SPAN_IDS | SERVICE | NAME | KIND_AND_STATUS | DURATION | STATUS_MESSAGE;

/// By bit.
const GROUPS: [&[&str]; 10] = [
    &["trace_id"],
    &["span_id", "parent_span_id"],
    &["service"],
    &["name"],
    &["kind", "status"],
    &["duration"],
    &["status_message"],
    &["attributes", "resource", "scope"],
    &["events"],
    &["links"],
];

/// The columns of the groups in `set`.
pub(in crate::lang) fn union(set: u32) -> &'static [&'static str] {
    static UNIONS: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| unions(&GROUPS));
    &UNIONS[set as usize]
}
