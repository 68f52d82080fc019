//! `sort` and `sort_by_label`. They order the answer of an instant query; series of a range query have no order.

use std::cmp::Ordering;

use super::super::labels::Labels;
use super::super::matrix::Row;

/// Sorts by value, not-a-number last; histograms, which have no order, go.
pub(in super::super) fn sort(mut rows: Vec<Row>, descending: bool) -> Vec<Row> {
    for row in &mut rows {
        row.cells.map_floats(|_, value| value);
    }
    rows.retain(|row| row.cells.has_any());
    if rows.first().is_some_and(|row| row.cells.len() == 1) {
        rows.sort_by(|a, b| {
            compare(a.cells.float(0).unwrap_or(f64::NAN), b.cells.float(0).unwrap_or(f64::NAN), descending)
        });
    }
    rows
}

/// The order of values, not-a-number last in either direction.
pub(in super::super) fn compare(a: f64, b: f64, descending: bool) -> Ordering {
    let by_value = if descending { b.total_cmp(&a) } else { a.total_cmp(&b) };
    a.is_nan().cmp(&b.is_nan()).then(by_value)
}

/// Sorts by the values of `names` one after the other, then by all labels. Runs of digits count as numbers.
pub(in super::super) fn sort_by_labels(mut rows: Vec<Row>, names: &[&str], descending: bool) -> Vec<Row> {
    let order = |a: &Labels, b: &Labels| {
        let by_names = names.iter().map(|name| natural(a.get(name), b.get(name))).find(|order| order.is_ne());
        by_names.unwrap_or_else(|| a.cmp(b))
    };
    rows.sort_by(|a, b| if descending { order(&b.labels, &a.labels) } else { order(&a.labels, &b.labels) });
    rows
}

/// The order in which `x9` comes before `x10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (number_a, rest_a) = number(a);
                let (number_b, rest_b) = number(b);
                let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
                if order.is_ne() {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), Some(y)) if x == y => (a, b) = (&a[1..], &b[1..]),
            (x, y) => return x.cmp(&y),
        }
    }
}

/// The digits at the start without leading zeros, and what follows them.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let zeros = text[..end].iter().take_while(|byte| **byte == b'0').count();
    (&text[zeros..end], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["4m1000", "4m5", "4m600", "10", "9", "a", ""];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["", "4m5", "4m600", "4m1000", "9", "10", "a"]);
        assert_eq!(natural("007", "7"), Ordering::Equal);
    }
}
