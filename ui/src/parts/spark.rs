//! Sparklines: a series of numbers as a small line, drawn by the server.

use std::fmt::Write;

use askama::Template;
use askama::filters::HtmlSafe;

/// Size of the drawing; the style sheet stretches it.
const WIDTH: f64 = 116.0;
const HEIGHT: f64 = 26.0;
/// Kept free above and below for the width of the line.
const MARGIN: f64 = 2.0;

/// A line through `values` from 0 or the smallest of them up to the largest. Gaps are missing values.
#[derive(Clone, Debug, Template)]
#[template(
    source = "<svg class=\"spark {{ class }}\" viewBox=\"0 0 116 26\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{{ label }}\"><path class=\"area\" d=\"{{ area }}\"/><path class=\"line\" d=\"{{ line }}\"/></svg>",
    ext = "html"
)]
pub(crate) struct Spark {
    class: &'static str,
    label: String,
    line: String,
    area: String,
}

impl HtmlSafe for Spark {}

impl Spark {
    /// `label` is what the line says, in words. The scale starts at 0 and ends at the largest value, or at `at_least`.
    pub(crate) fn new(
        values: impl IntoIterator<Item = Option<f64>>,
        at_least: f64,
        class: &'static str,
        label: String,
    ) -> Self {
        let values: Vec<Option<f64>> = values.into_iter().map(|value| value.filter(|it| it.is_finite())).collect();
        let largest = values.iter().flatten().copied().fold(at_least, f64::max);
        let scale = if largest > 0.0 { (HEIGHT - 2.0 * MARGIN) / largest } else { 0.0 };
        let step = WIDTH / values.len().saturating_sub(1).max(1) as f64;
        let (mut line, mut area) = (String::new(), String::new());
        let mut run: Vec<(f64, f64)> = Vec::new();
        for (i, value) in values.iter().enumerate() {
            if let Some(value) = value {
                run.push((i as f64 * step, HEIGHT - MARGIN - value.max(0.0) * scale));
            }
            if value.is_none() || i + 1 == values.len() {
                draw(&run, &mut line, &mut area);
                run.clear();
            }
        }
        Spark { class, label, line, area }
    }
}

/// Appends one unbroken run of points. A single point is drawn as a short dash.
fn draw(run: &[(f64, f64)], line: &mut String, area: &mut String) {
    let (Some(&(first, y)), Some(&(last, _))) = (run.first(), run.last()) else { return };
    if run.len() == 1 {
        append(line, format_args!("M{:.1} {y:.1}h2", first - 1.0));
        return;
    }
    append(area, format_args!("M{first:.1} {HEIGHT:.0}"));
    for (i, (x, y)) in run.iter().enumerate() {
        append(line, format_args!("{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' }));
        append(area, format_args!("L{x:.1} {y:.1}"));
    }
    append(area, format_args!("L{last:.1} {HEIGHT:.0}z"));
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[Option<f64>]) -> String {
        Spark::new(values.iter().copied(), 0.0, "", String::new()).line
    }

    #[test]
    fn scales_to_the_largest_value_and_breaks_at_gaps() {
        assert_eq!(line(&[Some(0.0), Some(2.0), Some(1.0)]), "M0.0 24.0L58.0 2.0L116.0 13.0");
        assert_eq!(line(&[Some(1.0), None, Some(1.0)]), "M-1.0 2.0h2M115.0 2.0h2");
    }

    #[test]
    fn draws_nothing_of_nothing_and_ignores_what_is_not_finite() {
        assert_eq!(line(&[]), "");
        assert_eq!(line(&[None, Some(f64::NAN), Some(f64::INFINITY)]), "");
        assert_eq!(line(&[Some(0.0), Some(0.0)]), "M0.0 24.0L116.0 24.0");
    }

    #[test]
    fn escapes_its_label() {
        let spark = Spark::new([Some(1.0)], 0.0, "", "\"><script>".to_owned()).to_string();
        assert!(!spark.contains("<script>"));
    }
}
