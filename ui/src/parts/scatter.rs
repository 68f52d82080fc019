//! Durations over time: one mark per trace, on a logarithmic scale.

use askama::Template;
use askama::filters::HtmlSafe;
use model::{Nanos, TimeRange};

use crate::format::{self, Stamp};
use crate::page_url::PageUrl;

use super::histogram::ticks;

/// One trace before it is drawn.
pub(crate) struct Dot {
    pub(crate) time: Nanos,
    pub(crate) duration: Nanos,
    pub(crate) is_bad: bool,
    pub(crate) href: PageUrl,
    pub(crate) title: String,
}

/// The drawing, in percent of its width and a height of 132.
#[derive(Template)]
#[template(path = "parts/scatter.html")]
pub(crate) struct Scatter {
    marks: Vec<Mark>,
    range: TimeRange,
    scale: Vec<String>,
}

struct Mark {
    href: PageUrl,
    title: String,
    x: String,
    y: String,
    is_bad: bool,
}

impl HtmlSafe for Scatter {}

const HEIGHT: f64 = 132.0;
const MARGIN: f64 = 7.0;

impl Scatter {
    pub(crate) fn new(dots: Vec<Dot>, range: TimeRange) -> Self {
        let log = |duration: Nanos| (duration.max(1_000) as f64).log10();
        let shortest = dots.iter().map(|dot| log(dot.duration)).fold(f64::INFINITY, f64::min);
        let longest = dots.iter().map(|dot| log(dot.duration)).fold(f64::NEG_INFINITY, f64::max);
        // At least one decade, so that equal durations do not look like noise.
        let (low, high) = if dots.is_empty() {
            (5.0, 8.0)
        } else if longest - shortest < 1.0 {
            let middle = (longest + shortest) / 2.0;
            (middle - 0.5, middle + 0.5)
        } else {
            (shortest, longest)
        };
        let marks = dots.into_iter().map(|dot| {
            let x = dot.time.saturating_sub(range.start) as f64 / range.length().max(1) as f64;
            let y = (log(dot.duration) - low) / (high - low);
            Mark {
                href: dot.href,
                title: dot.title,
                x: format!("{:.2}", x.clamp(0.0, 1.0) * 100.0),
                y: format!("{:.1}", HEIGHT - MARGIN - y.clamp(0.0, 1.0) * (HEIGHT - 2.0 * MARGIN)),
                is_bad: dot.is_bad,
            }
        });
        let scale = [1.0, 0.5, 0.0].map(|share| format::duration(10f64.powf(low + share * (high - low)) as Nanos));
        Scatter { marks: marks.collect(), range, scale: scale.to_vec() }
    }

    fn ticks(&self) -> Vec<Stamp> {
        ticks(self.range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_is_higher_and_equal_durations_lie_in_the_middle() {
        let dot = |time, duration| Dot { time, duration, is_bad: false, href: PageUrl::new("/"), title: String::new() };
        let scatter = Scatter::new(vec![dot(0, 1_000_000), dot(100, 1_000_000_000)], TimeRange::new(0, 100));
        assert_eq!((scatter.marks[0].x.as_str(), scatter.marks[0].y.as_str()), ("0.00", "125.0"));
        assert_eq!((scatter.marks[1].x.as_str(), scatter.marks[1].y.as_str()), ("100.00", "7.0"));
        let same = Scatter::new(vec![dot(5, 1_000_000)], TimeRange::new(0, 10));
        assert_eq!(same.marks[0].y, "66.0");
        assert!(Scatter::new(Vec::new(), TimeRange::new(0, 0)).marks.is_empty());
    }
}
