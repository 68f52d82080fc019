//! Fields that say the same: a pod, its host and its instance become one difference.

use crate::fields::FieldPlace;

use super::rank::number;
use super::table::{FieldName, Table};
use super::{Difference, DifferentValue};

/// Two values say the same when so much of the rows that have one of them has both.
const SAME: f64 = 0.95;
/// Differences that are left.
const MAX_DIFFERENCES: usize = 50;

/// What a row has in a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    /// By its index.
    Value(u32),
    Absent,
    Between(Option<f64>, Option<f64>),
}

impl What {
    /// `None` for what is not told apart.
    pub(super) fn value(self, table: &Table) -> Option<DifferentValue> {
        Some(match self {
            What::Value(index) => {
                let (text, type_name) = table.values[index as usize].text.as_ref()?;
                DifferentValue::Is(text.to_string(), type_name)
            }
            What::Absent => DifferentValue::Absent,
            What::Between(from, to) => DifferentValue::Between(from, to),
        })
    }

    /// A bit for each row of `table`: whether it is so in the field with that index.
    fn rows(self, table: &Table, field: usize) -> Vec<u64> {
        let mut bits = vec![0u64; table.rows.len().div_ceil(64)];
        for (number_of_row, row) in table.rows.iter().enumerate() {
            let is_so = match self {
                What::Value(value) => row.values.binary_search(&value).is_ok(),
                What::Absent => row.values.iter().all(|&value| table.values[value as usize].field as usize != field),
                What::Between(from, to) => number(table, &row.values, field)
                    .is_some_and(|it| from.is_none_or(|from| from <= it) && to.is_none_or(|to| it <= to)),
            };
            bits[number_of_row / 64] |= u64::from(is_so) << (number_of_row % 64);
        }
        bits
    }
}

/// The first of `found` of each that say the same; the others go with it.
pub(super) fn fold(table: &Table, found: Vec<(Difference, usize, What)>) -> Vec<Difference> {
    let mut kept: Vec<(Difference, Vec<u64>)> = Vec::new();
    for (difference, field, what) in found {
        let rows = what.rows(table, field);
        match kept.iter_mut().find(|(_, others)| likeness(others, &rows) >= SAME) {
            // The replica that is slow says more than that its spans failed.
            Some((first, _)) if is_outcome(&first.field) && !is_outcome(&difference.field) => {
                let outcome = std::mem::replace(first, difference);
                first.same = outcome.same;
                first.same.push((outcome.field, outcome.value));
            }
            Some((first, _)) => first.same.push((difference.field, difference.value)),
            None => kept.push((difference, rows)),
        }
    }
    kept.truncate(MAX_DIFFERENCES);
    kept.into_iter().map(|(difference, _)| difference).collect()
}

/// Whether a field says how an operation ended, and so seldom why: that of every span, or one of OpenTelemetry's conventions.
fn is_outcome(field: &FieldName) -> bool {
    const OWN: [&str; 8] = [
        "error.type",
        "error",
        "http.response.status_code",
        "http.status_code",
        "rpc.grpc.status_code",
        "rpc.response.status_code",
        "db.response.status_code",
        "exception.type",
    ];
    match field.place {
        FieldPlace::Intrinsic => matches!(&*field.name, "status" | "status_message" | "event_name" | "duration"),
        FieldPlace::Own => OWN.contains(&&*field.name),
        FieldPlace::Event => true,
        FieldPlace::Resource | FieldPlace::Scope | FieldPlace::Link => false,
    }
}

/// The share of rows with one of two values that have both (Jaccard).
fn likeness(a: &[u64], b: &[u64]) -> f64 {
    let (mut both, mut either) = (0, 0);
    for (a, b) in a.iter().zip(b) {
        both += (a & b).count_ones();
        either += (a | b).count_ones();
    }
    if either == 0 { 0.0 } else { f64::from(both) / f64::from(either) }
}
