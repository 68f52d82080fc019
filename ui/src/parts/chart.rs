//! The data of a line chart, for the island that draws it. The page shows the same numbers as a table.

use std::fmt;

use askama::filters::HtmlSafe;
use model::TimeRange;
use serde::Serialize;

/// A chart. Serialised, it is what `web/src/chart.ts` reads.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Chart {
    /// How values are written: `s`, `ms`, `ns`, `By`, `%`, `×`, or any other unit after the number.
    pub(crate) unit: String,
    /// Seconds since the epoch, ascending.
    pub(crate) times: Vec<f64>,
    pub(crate) lines: Vec<Line>,
    /// Lines across the chart, such as thresholds.
    pub(crate) marks: Vec<Mark>,
    /// The ends of the time axis, in seconds.
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// Whether dragging changes the time range of the page.
    pub(crate) zoom: bool,
    /// Whether the value axis begins at 0 even if no value is near it.
    pub(crate) from_zero: bool,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Line {
    pub(crate) label: String,
    /// Slot of the palette.
    pub(crate) slot: usize,
    /// As long as the times; `None` is a gap. Numbers that JSON lacks are gaps too.
    pub(crate) values: Vec<Option<f64>>,
    /// Filled down to 0.
    pub(crate) filled: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Mark {
    pub(crate) value: f64,
    pub(crate) label: String,
}

impl Chart {
    pub(crate) fn over(range: TimeRange) -> Self {
        Chart { from: seconds(range.start), to: seconds(range.end), ..Chart::default() }
    }
}

/// Nanoseconds as the seconds of a chart.
pub(crate) fn seconds(time: model::Nanos) -> f64 {
    time as f64 / 1e9
}

impl HtmlSafe for Chart {}

/// The chart as JSON that cannot end the element it stands in.
impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&json.replace('<', "\\u003c"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_the_script_element() {
        let line = Line {
            label: "</script><script>alert(1)</script><!--".to_owned(),
            values: vec![Some(f64::NAN)],
            ..Line::default()
        };
        let text = Chart { lines: vec![line], ..Chart::default() }.to_string();
        assert!(!text.contains('<'));
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["lines"][0]["label"], "</script><script>alert(1)</script><!--");
        assert!(read["lines"][0]["values"][0].is_null());
    }
}
