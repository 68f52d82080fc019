//! Functions of one number: applied to every float, histograms are left out.

use super::super::matrix::Row;

/// The function of `name`, when it is one of this family.
pub(super) fn parse(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "acos" => f64::acos,
        "acosh" => f64::acosh,
        "asin" => f64::asin,
        "asinh" => f64::asinh,
        "atan" => f64::atan,
        "atanh" => f64::atanh,
        "ceil" => f64::ceil,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "deg" => f64::to_degrees,
        "exp" => f64::exp,
        "floor" => f64::floor,
        "ln" => f64::ln,
        "log10" => f64::log10,
        "log2" => f64::log2,
        "rad" => f64::to_radians,
        "sgn" => sign,
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "sqrt" => f64::sqrt,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        _ => return None,
    })
}

/// -1, 0 or 1; zero and not-a-number stay what they are.
fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// The rows without their names and histograms, `change` applied to every float.
pub(in super::super) fn map_floats(rows: Vec<Row>, change: impl Fn(usize, f64) -> f64) -> Vec<Row> {
    let mut mapped = Vec::with_capacity(rows.len());
    for mut row in rows {
        row.cells.map_floats(&change);
        if row.cells.has_any() {
            mapped.push(Row { labels: row.labels.without_name(), cells: row.cells });
        }
    }
    mapped
}

/// The multiple of `nearest` that is closest to `value`; ties go up.
pub(in super::super) fn round(value: f64, nearest: f64) -> f64 {
    // Dividing by the inverse is more precise than multiplying by fractions such as 0.1.
    let inverse = 1.0 / nearest;
    (value * inverse + 0.5).floor() / inverse
}

/// The smaller one; not-a-number if either is.
pub(in super::super) fn min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// The larger one; not-a-number if either is.
pub(in super::super) fn max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_up_to_any_multiple() {
        let cases = [(2.5, 1.0, 3.0), (-2.5, 1.0, -2.0), (0.15, 0.1, 0.2), (5.25, 0.1, 5.3), (7.5, 5.0, 10.0)];
        for (value, nearest, expected) in cases {
            assert_eq!(round(value, nearest), expected, "{value} to {nearest}");
        }
    }

    #[test]
    fn nan_is_neither_small_nor_large() {
        assert!(min(f64::NAN, 1.0).is_nan() && max(1.0, f64::NAN).is_nan());
        assert!(sign(f64::NAN).is_nan());
        assert_eq!([sign(-0.5), sign(0.0), sign(f64::INFINITY)], [-1.0, 0.0, 1.0]);
    }
}
