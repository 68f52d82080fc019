//! Bars whose length says a share.

use askama::Template;
use askama::filters::HtmlSafe;

/// The share of something that is left, as a bar with its value in words.
#[derive(Clone, Debug, Template)]
#[template(
    source = "<svg class=\"meter {{ class }}\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{{ label }}\"><rect class=\"track\" width=\"100\" height=\"6\"/><rect class=\"fill\" width=\"{{ width }}\" height=\"6\"/></svg>",
    ext = "html"
)]
pub(crate) struct Meter {
    class: &'static str,
    label: String,
    width: String,
}

impl HtmlSafe for Meter {}

impl Meter {
    /// `share` of 1 fills the bar; below 0 leaves it empty. `class` is `ok`, `warn`, `error` or `none`.
    pub(crate) fn new(share: f64, class: &'static str, label: String) -> Self {
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        Meter { class, label, width: format!("{:.2}", share * 100.0) }
    }
}

/// Where a stretch lies within a whole, as a bar in a table. Decoration: the number stands beside it.
#[derive(Clone, Debug, Template)]
#[template(
    source = "<svg class=\"durbar s{{ slot }}{% if is_bad %} bad{% endif %}\" aria-hidden=\"true\"><rect class=\"track\" width=\"100%\" height=\"8\" rx=\"2\"/><rect class=\"bar\" x=\"{{ start }}%\" width=\"{{ width }}%\" height=\"8\" rx=\"2\"/></svg>",
    ext = "html"
)]
pub(crate) struct DurationBar {
    slot: usize,
    is_bad: bool,
    start: String,
    width: String,
}

impl HtmlSafe for DurationBar {}

impl DurationBar {
    /// `start` and `length` are shares of the whole. A length above 0 is always visible.
    pub(crate) fn new(start: f64, length: f64, slot: usize, is_bad: bool) -> Self {
        let start = if start.is_finite() { start.clamp(0.0, 1.0) } else { 0.0 };
        let length = if length.is_finite() { length.clamp(0.004, (1.0 - start).max(0.004)) } else { 0.004 };
        DurationBar { slot, is_bad, start: format!("{:.3}", start * 100.0), width: format!("{:.3}", length * 100.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_stays_within_its_track() {
        for (share, width) in [(0.382, "38.20"), (-3.0, "0.00"), (7.0, "100.00"), (f64::NAN, "0.00")] {
            assert_eq!(Meter::new(share, "ok", String::new()).width, width);
        }
    }

    #[test]
    fn a_short_bar_is_still_visible() {
        let bar = DurationBar::new(0.5, 0.0, 1, false);
        assert_eq!((bar.start.as_str(), bar.width.as_str()), ("50.000", "0.400"));
    }
}
