//! Counts over time as stacked bars; each bar is a link to its own stretch of time.

use askama::Template;
use askama::filters::HtmlSafe;
use model::{Nanos, TimeRange};

use crate::format::{self, Stamp};
use crate::page_url::PageUrl;

/// One bar before it is drawn.
pub(crate) struct Bar {
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
    /// Where a click goes.
    pub(crate) href: PageUrl,
    /// Counts from the bottom up: class of the style sheet, words, number.
    pub(crate) parts: Vec<(&'static str, &'static str, u64)>,
}

/// The drawing, 1000 wide and 84 high.
#[derive(Template)]
#[template(path = "parts/histogram.html")]
pub(crate) struct Histogram {
    bars: Vec<Column>,
    range: TimeRange,
    label: String,
}

struct Column {
    href: PageUrl,
    title: String,
    x: String,
    width: String,
    rects: Vec<(&'static str, String, String)>,
}

impl HtmlSafe for Histogram {}

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 84.0;

impl Histogram {
    /// `what` names the things counted, in the plural.
    pub(crate) fn new(bars: Vec<Bar>, range: TimeRange, what: &str) -> Self {
        let total = |bar: &Bar| bar.parts.iter().map(|part| part.2).sum::<u64>();
        let largest = bars.iter().map(total).max().unwrap_or(0);
        let sum: u64 = bars.iter().map(total).sum();
        let step = WIDTH / bars.len().max(1) as f64;
        let columns = bars.into_iter().enumerate().map(|(i, bar)| {
            let words: Vec<String> = bar
                .parts
                .iter()
                .filter(|part| part.2 > 0)
                .rev()
                .map(|(_, words, n)| format!("{} {words}", format::count(*n)))
                .collect();
            let words = if words.is_empty() { format!("no {what}") } else { words.join(", ") };
            let mut top = HEIGHT;
            let mut rects = Vec::new();
            for (class, _, n) in bar.parts.iter().filter(|part| part.2 > 0) {
                // A single record among millions is still seen.
                let height = (*n as f64 / largest as f64 * (HEIGHT - 4.0)).max(1.0);
                top -= height;
                rects.push((*class, format!("{:.1}", top.max(0.0)), format!("{height:.1}")));
            }
            Column {
                href: bar.href,
                title: format!("{} for {}: {words}", format::rfc3339(bar.start), format::duration(bar.end - bar.start)),
                x: format!("{:.2}", i as f64 * step),
                width: format!("{:.2}", (step - (step * 0.16).min(2.0)).max(0.5)),
                rects,
            }
        });
        Histogram {
            bars: columns.collect(),
            range,
            label: format!("{} {what} over time, at most {} in one bar", format::count(sum), format::count(largest)),
        }
    }

    fn ticks(&self) -> Vec<Stamp> {
        ticks(self.range)
    }
}

/// Five moments from the start to the end of `range`, with as much detail as its length calls for.
pub(crate) fn ticks(range: TimeRange) -> Vec<Stamp> {
    let stamp = if range.length() > model::time::DAY { Stamp::full } else { Stamp::clock };
    (0..5).map(|i| stamp(range.start.saturating_add(range.length() / 4 * i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_parts_from_the_bottom_and_says_them_in_words() {
        let bar = |errors, infos| Bar {
            start: 0,
            end: 1_000_000_000,
            href: PageUrl::new("/logs"),
            parts: vec![("sev-info", "info", infos), ("sev-error", "error", errors)],
        };
        let histogram = Histogram::new(vec![bar(1, 3), bar(0, 0)], TimeRange::new(0, 2_000_000_000), "records");
        assert_eq!(
            histogram.bars[0].rects,
            [("sev-info", "24.0".to_owned(), "60.0".to_owned()), ("sev-error", "4.0".to_owned(), "20.0".to_owned())]
        );
        assert!(histogram.bars[0].title.ends_with("1 error, 3 info"));
        assert!(histogram.bars[1].title.ends_with("no records"));
        assert!(histogram.to_string().contains("4 records over time"));
    }
}
