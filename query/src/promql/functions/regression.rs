//! `deriv`, `predict_linear` and `double_exponential_smoothing`: trends of gauges.

use super::super::annotations::Note;
use super::super::kahan::Sum;
use super::super::value::Millis;
use super::super::window::Window;

/// The slope per second of the line of least squares.
pub(in super::super) fn derivative(window: &Window<'_>, note: &dyn Fn(Note)) -> Option<f64> {
    let origin = *trend_input(window, note)?.times.first()?;
    Some(line(window.times, window.floats, origin).slope)
}

/// The value that the line of least squares has `seconds` after the step.
pub(in super::super) fn prediction(window: &Window<'_>, seconds: f64, note: &dyn Fn(Note)) -> Option<f64> {
    trend_input(window, note)?;
    let line = line(window.times, window.floats, window.step_time);
    Some(line.slope * seconds + line.intercept)
}

/// Smooths values by the factor `smoothing` and their trend by `trend`, both between 0 and 1 (Holt's linear method).
pub(in super::super) fn smoothed(window: &Window<'_>, smoothing: f64, trend: f64, note: &dyn Fn(Note)) -> Option<f64> {
    let values = trend_input(window, note)?.floats;
    let mut previous = 0.0;
    let mut level = values[0];
    let mut slope = values[1] - values[0];
    for (i, value) in values.iter().enumerate().skip(1) {
        if i > 1 {
            slope = trend * (level - previous) + (1.0 - trend) * slope;
        }
        let next = smoothing * value + (1.0 - smoothing) * (level + slope);
        previous = level;
        level = next;
    }
    Some(level)
}

/// The window, if it has the two floats that a trend takes. Histograms have none, and are said to be left out.
fn trend_input<'a, 'b>(window: &'a Window<'b>, note: &dyn Fn(Note)) -> Option<&'a Window<'b>> {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        note(Note::HistogramsIgnoredInRange { metric: window.metric() });
    }
    (window.floats.len() >= 2).then_some(window)
}

struct Line {
    slope: f64,
    /// The value at the origin.
    intercept: f64,
}

fn line(times: &[Millis], values: &[f64], origin: Millis) -> Line {
    let first = values[0];
    if values.iter().all(|value| *value == first) {
        return if first.is_infinite() {
            Line { slope: f64::NAN, intercept: f64::NAN }
        } else {
            Line { slope: 0.0, intercept: first }
        };
    }
    let [mut xs, mut ys, mut products, mut squares] = [Sum::default(); 4];
    for (time, y) in times.iter().zip(values) {
        let x = (time - origin) as f64 / 1e3;
        xs.add(x);
        ys.add(*y);
        products.add(x * y);
        squares.add(x * x);
    }
    let whole = |sum: Sum| sum.sum + sum.compensation;
    let n = values.len() as f64;
    let (x, y) = (whole(xs), whole(ys));
    let covariance = whole(products) - x * y / n;
    let variance = whole(squares) - x * x / n;
    let slope = covariance / variance;
    Line { slope, intercept: y / n - slope * x / n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_of_a_straight_line_is_that_line() {
        let line = line(&[0, 10_000, 20_000], &[1.0, 2.0, 3.0], 0);
        assert!((line.slope - 0.1).abs() < 1e-12 && (line.intercept - 1.0).abs() < 1e-12);
    }

    #[test]
    fn constant_values_have_no_slope() {
        let line = line(&[0, 1], &[0.1, 0.1], 5);
        assert_eq!((line.slope, line.intercept), (0.0, 0.1));
    }
}
