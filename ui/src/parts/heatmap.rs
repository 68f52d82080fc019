//! Spans by time and duration, the more the darker; failed ones as a bar at the foot of their cell. A table says the same.

use askama::Template;
use askama::filters::HtmlSafe;
use model::{Nanos, TimeRange};
use query::differences::SpanSelection;
use query::traces;

use crate::format::{self, Stamp};
use crate::page_url::PageUrl;

use super::histogram::ticks;

/// Shades of a layer.
const N_SPAN_LEVELS: usize = 6;
const N_ERROR_LEVELS: usize = 3;
/// Stretches of time of the table.
const TABLE_COLUMNS: usize = 6;
/// Part of a cell's height that the bar of its errors takes.
const ERROR_HEIGHT: f64 = 0.45;

/// The drawing: as wide as there are columns and as high as there are bands.
#[derive(Template)]
#[template(path = "parts/heatmap.html")]
pub(crate) struct Heatmap {
    n_columns: usize,
    n_bands: usize,
    /// Class and outline of all cells of a shade.
    shades: Vec<(String, String)>,
    range: TimeRange,
    /// Where bands start, from the shortest on, and where the last one ends; separated by spaces.
    durations: String,
    /// Durations beside the drawing, from above.
    scale: Vec<String>,
    label: String,
    /// What is chosen: left, top, width and height in columns and bands.
    chosen: Option<[String; 4]>,
    stretches: Vec<Stamp>,
    rows: Vec<Row>,
}

/// A band of the table.
struct Row {
    words: String,
    cells: Vec<TableCell>,
}

struct TableCell {
    href: PageUrl,
    n_spans: u64,
    n_errors: u64,
}

impl HtmlSafe for Heatmap {}

impl Heatmap {
    /// `url` is the page, which the table's links narrow to a cell. `None` when there is nothing to draw.
    pub(crate) fn new(map: &traces::Heatmap, url: &PageUrl, chosen: Option<SpanSelection>) -> Option<Self> {
        let (n_columns, n_bands) = (map.n_columns(), map.n_bands());
        let (first, last) = (*map.times.first()?, *map.times.last()?);
        if n_bands == 0 {
            return None;
        }
        let words = |band: usize| format::duration(map.durations[band]);
        let range = TimeRange::new(first, last);
        let rows = table(map, url);
        Some(Heatmap {
            n_columns,
            n_bands,
            shades: shades(map),
            range,
            durations: map.durations.iter().map(Nanos::to_string).collect::<Vec<_>>().join(" "),
            scale: [n_bands, n_bands / 2, 0].map(words).to_vec(),
            label: format!(
                "{} spans by time and duration, from {} to {}; {} of them failed",
                format::count(map.n_spans),
                words(0),
                words(n_bands),
                format::count(map.n_errors)
            ),
            chosen: chosen.map(|chosen| outline_of(map, &chosen).map(|it| format!("{it:.3}"))),
            stretches: table_columns(n_columns).map(|columns| Stamp::clock(map.times[columns.start])).collect(),
            rows,
        })
    }

    fn ticks(&self) -> Vec<Stamp> {
        ticks(self.range)
    }
}

/// Left, top, width and height of what is chosen, in columns and bands.
fn outline_of(map: &traces::Heatmap, chosen: &SpanSelection) -> [f64; 4] {
    let (n_columns, n_bands) = (map.n_columns() as f64, map.n_bands() as f64);
    let (first, last) = (map.times[0], map.times[map.n_columns()]);
    let column = |time: Nanos| {
        let share = (time.saturating_sub(first)) as f64 / (last - first).max(1) as f64;
        (share * n_columns).clamp(0.0, n_columns)
    };
    // The bands that a duration is in or above.
    let band = |duration: Nanos| map.durations.partition_point(|start| *start <= duration).saturating_sub(1) as f64;
    let (left, right) = (column(chosen.range.start), column(chosen.range.end));
    let bottom = chosen.min_duration.map_or(0.0, band).min(n_bands);
    let top = chosen.max_duration.map_or(n_bands, |max| (band(max) + 1.0).min(n_bands)).max(bottom);
    [left, n_bands - top, right - left, top - bottom]
}

/// The outlines of all cells, by shade: neighbours of one are one rectangle.
fn shades(map: &traces::Heatmap) -> Vec<(String, String)> {
    let (n_columns, n_bands) = (map.n_columns(), map.n_bands());
    let most = map.cells.iter().map(|cell| cell.n_spans).max().unwrap_or(0);
    let mut spans = vec![String::new(); N_SPAN_LEVELS];
    let mut errors = vec![String::new(); N_ERROR_LEVELS];
    for band in 0..n_bands {
        let y = (n_bands - 1 - band) as f64;
        let span_level = |column: usize| level_of(map.cell(column, band).n_spans, most);
        outline(&mut spans, n_columns, y, 1.0, span_level);
        let error_level = |column: usize| {
            let cell = map.cell(column, band);
            let share = f64::from(cell.n_errors) / f64::from(cell.n_spans.max(1));
            (cell.n_errors > 0).then(|| usize::from(share > 0.1) + usize::from(share > 0.5))
        };
        outline(&mut errors, n_columns, y + 1.0 - ERROR_HEIGHT, ERROR_HEIGHT, error_level);
    }
    let named = |prefix: &'static str, outlines: Vec<String>| {
        outlines.into_iter().enumerate().map(move |(level, outline)| (format!("{prefix}{level}"), outline))
    };
    named("heat", spans).chain(named("fail", errors)).filter(|(_, outline)| !outline.is_empty()).collect()
}

/// Adds the cells of a row to the outlines of their levels.
fn outline(outlines: &mut [String], n_columns: usize, y: f64, height: f64, level: impl Fn(usize) -> Option<usize>) {
    let mut column = 0;
    while column < n_columns {
        let start = column;
        let here = level(start);
        column += 1;
        while column < n_columns && level(column) == here {
            column += 1;
        }
        if let Some(level) = here {
            let width = column - start;
            outlines[level].push_str(&format!("M{start} {y:.2}h{width}v{height:.2}h-{width}z"));
        }
    }
}

/// The shade of a cell, on a logarithmic scale up to the fullest; `None` for an empty one.
fn level_of(n: u32, most: u32) -> Option<usize> {
    if n == 0 {
        return None;
    }
    let share = f64::from(n).ln_1p() / f64::from(most.max(1)).ln_1p();
    Some(((share * N_SPAN_LEVELS as f64).ceil() as usize).clamp(1, N_SPAN_LEVELS) - 1)
}

/// The columns of the drawing that each stretch of the table has.
fn table_columns(n_columns: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let n = TABLE_COLUMNS.min(n_columns);
    (0..n).map(move |i| i * n_columns / n..(i + 1) * n_columns / n)
}

fn table(map: &traces::Heatmap, url: &PageUrl) -> Vec<Row> {
    let row = |band: usize| {
        let (shortest, longest) = (map.durations[band], map.durations[band + 1]);
        let of_band = url.with("min", format!("{shortest}ns")).with("max", format!("{}ns", longest - 1));
        let cells = table_columns(map.n_columns()).map(|columns| {
            let (start, end) = (map.times[columns.start], map.times[columns.end]);
            let cells = || columns.clone().map(|column| map.cell(column, band));
            TableCell {
                href: of_band.with("from", format::rfc3339(start)).with("to", format::rfc3339(end)),
                n_spans: cells().map(|cell| u64::from(cell.n_spans)).sum(),
                n_errors: cells().map(|cell| u64::from(cell.n_errors)).sum(),
            }
        });
        Row {
            words: format!("{} to {}", format::duration(shortest), format::duration(longest)),
            cells: cells.collect(),
        }
    };
    (0..map.n_bands()).rev().map(row).collect()
}

#[cfg(test)]
mod tests {
    use query::traces::Cell;

    use super::*;

    fn map() -> traces::Heatmap {
        let cell = |n_spans, n_errors| Cell { n_spans, n_errors };
        traces::Heatmap {
            times: vec![0, 10, 20, 30],
            durations: vec![1_000, 2_000, 4_000],
            cells: vec![cell(1, 0), cell(0, 0), cell(1, 0), cell(0, 0), cell(1_000, 200), cell(3, 3)],
            n_spans: 1_005,
            n_errors: 203,
            n_traces: None,
            truncated: false,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn equal_neighbours_are_one_rectangle_and_longer_is_higher() {
        let heatmap = Heatmap::new(&map(), &PageUrl::new("/traces"), None).unwrap();
        let outlines: Vec<(&str, &str)> =
            heatmap.shades.iter().map(|(class, d)| (class.as_str(), d.as_str())).collect();
        let expected = [
            ("heat0", "M0 1.00h2v1.00h-2z"),
            ("heat1", "M2 0.00h1v1.00h-1z"),
            ("heat5", "M2 1.00h1v1.00h-1z"),
            ("fail1", "M2 1.55h1v0.45h-1z"),
            ("fail2", "M2 0.55h1v0.45h-1z"),
        ];
        assert_eq!(outlines, expected);
        assert_eq!(heatmap.durations, "1000 2000 4000");
    }

    #[test]
    fn what_is_chosen_is_outlined() {
        let chosen = |start, end, min_duration, max_duration| {
            outline_of(
                &map(),
                &SpanSelection { range: TimeRange::new(start, end), min_duration, max_duration, failed: false },
            )
        };
        assert_eq!(chosen(10, 25, None, None), [1.0, 0.0, 1.5, 2.0]);
        assert_eq!(chosen(-100, 100, Some(2_000), None), [0.0, 0.0, 3.0, 1.0]);
        assert_eq!(chosen(0, 30, Some(1_000), Some(1_999)), [0.0, 1.0, 3.0, 1.0]);
        assert_eq!(chosen(0, 30, Some(1_000_000), None), [0.0, 0.0, 3.0, 0.0]);
    }

    #[test]
    fn the_table_says_the_same_and_leads_to_the_spans() {
        let heatmap = Heatmap::new(&map(), &PageUrl::new("/traces"), None).unwrap();
        let counts: Vec<Vec<(u64, u64)>> = heatmap
            .rows
            .iter()
            .map(|row| row.cells.iter().map(|cell| (cell.n_spans, cell.n_errors)).collect())
            .collect();
        assert_eq!(counts, [vec![(0, 0), (0, 0), (3, 3)], vec![(1, 0), (1, 0), (1_000, 200)]]);
        let href = heatmap.rows[0].cells[2].href.to_string();
        assert!(href.contains("min=2000ns") && href.contains("max=3999ns"), "{href}");
        assert!(heatmap.to_string().contains("1,005 spans by time and duration"));
    }

    #[test]
    fn of_nothing_there_is_no_drawing() {
        let none = traces::Heatmap { times: vec![0, 10], ..traces::Heatmap::default() };
        assert!(Heatmap::new(&none, &PageUrl::new("/traces"), None).is_none());
    }
}
