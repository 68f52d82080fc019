//! Numbers as text, as Go and therefore Prometheus writes them.

use std::fmt::Write;

/// Appends `value` as the JSON API does: decimal, with an exponent below 1e-6 and from 1e21.
pub(super) fn write_float(out: &mut String, value: f64) {
    let magnitude = value.abs();
    let exponent = magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude);
    write_as(out, value, exponent);
}

/// `value` as `strconv.FormatFloat(value, 'f', -1, 64)`: never an exponent. Label values that hold numbers have this form.
pub(super) fn decimal(value: f64) -> String {
    let mut out = String::new();
    write_as(&mut out, value, false);
    out
}

/// `value` as `%g` prints it: an exponent below 1e-4 and from 1e21.
pub(super) fn general(value: f64) -> String {
    let magnitude = value.abs();
    let mut out = String::new();
    write_as(&mut out, value, magnitude != 0.0 && !(1e-4..1e21).contains(&magnitude));
    out
}

/// `value` as OpenMetrics wants it: whole numbers end in `.0`.
pub(super) fn open_metrics(value: f64) -> String {
    let mut text = general(value);
    if value.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

fn write_as(out: &mut String, value: f64, exponent: bool) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if exponent {
        // Go writes at least two digits and always a sign.
        let text = format!("{value:e}");
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = power.strip_prefix('-').map_or(('+', power), |digits| ('-', digits));
        let _infallible = write!(out, "{mantissa}e{sign}{digits:0>2}");
    } else {
        let _infallible = write!(out, "{value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_floats_as_go_does() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (9.5e-7, "9.5e-07"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, expected) in cases {
            let mut out = String::new();
            write_float(&mut out, value);
            assert_eq!(out, expected);
        }
        assert_eq!(decimal(1e21), "1000000000000000000000");
        assert_eq!(general(0.00005), "5e-05");
        assert_eq!([0.0, 0.25, -3.0, 1e22].map(open_metrics), ["0.0", "0.25", "-3.0", "1e+22"]);
    }
}
