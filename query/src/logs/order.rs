//! The order of log records in a result: by time, and where times are equal by content, so that it never depends on
//! where a record is stored.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use model::{LogRecord, Nanos};
use store::Order;

use super::LogRow;

/// Compares two records by time, then by the rest.
fn compare(a: &LogRecord<'_>, b: &LogRecord<'_>) -> Ordering {
    let key = |it: &LogRecord<'_>| (it.time, it.observed_time);
    key(a)
        .cmp(&key(b))
        .then_with(|| a.service.cmp(b.service))
        .then_with(|| a.resource.as_bytes().cmp(b.resource.as_bytes()))
        .then_with(|| (a.trace_id, a.span_id).cmp(&(b.trace_id, b.span_id)))
        .then_with(|| a.body.cmp(b.body))
        .then_with(|| a.severity_number.cmp(&b.severity_number))
}

/// A row in a heap whose top is the first to go.
struct Ranked(LogRow, Order);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_time = compare(&self.0.record(), &other.0.record());
        match self.1 {
            Order::NewestFirst => by_time.reverse(),
            Order::OldestFirst => by_time,
        }
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// The first `limit` records of an order.
pub(super) struct First {
    rows: BinaryHeap<Ranked>,
    limit: usize,
    order: Order,
    has_left_out: bool,
}

impl First {
    pub(super) fn new(limit: usize, order: Order) -> Self {
        First { rows: BinaryHeap::new(), limit, order, has_left_out: false }
    }

    /// Whether a record with `time` may still come in.
    pub(super) fn may_take(&self, time: Nanos) -> bool {
        if self.rows.len() < self.limit {
            return true;
        }
        let Some(worst) = self.rows.peek() else { return false };
        match self.order {
            Order::NewestFirst => time >= worst.0.time,
            Order::OldestFirst => time <= worst.0.time,
        }
    }

    /// Takes `record` if it belongs to the first ones so far.
    pub(super) fn offer(&mut self, record: &LogRecord<'_>) {
        if self.rows.len() == self.limit {
            self.has_left_out = true;
            let Some(worst) = self.rows.peek() else { return };
            let order = compare(record, &worst.0.record());
            let better = match self.order {
                Order::NewestFirst => order.is_gt(),
                Order::OldestFirst => order.is_lt(),
            };
            if !better {
                return;
            }
            self.rows.pop();
        }
        let shared = self.rows.peek().map(|worst| &worst.0);
        self.rows.push(Ranked(LogRow::copy(record, shared), self.order));
    }

    /// Whether more records were offered than are kept.
    pub(super) fn has_left_out(&self) -> bool {
        self.has_left_out
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn into_rows(self) -> Vec<LogRow> {
        self.rows.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect()
    }
}
