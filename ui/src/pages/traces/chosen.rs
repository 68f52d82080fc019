//! The box that is chosen of the heatmap: `box=FROM,TO,MIN,MAX` in the address, times as in ranges, durations as in filters, any
//! of them empty.

use model::TimeRange;
use query::differences::SpanSelection;
use query::traces::TraceSearch;

use crate::duration_text;
use crate::format::{self, Stamp};
use crate::page_url::PageUrl;
use crate::range::{self, Rounding};

#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) selection: SpanSelection,
    pub(super) from: Stamp,
    pub(super) to: Stamp,
    /// Durations in words; empty for all.
    pub(super) durations: String,
    /// The page without the box, and the page that the box is all of.
    pub(super) without: PageUrl,
    pub(super) only: PageUrl,
}

impl Chosen {
    /// `None` where nothing is chosen; an error that names what is not understood.
    pub(super) fn read(url: &PageUrl) -> Result<Option<Self>, String> {
        let text = url.get("box");
        if text.is_empty() {
            return Ok(None);
        }
        let mut parts = text.split(',');
        let mut part = || parts.next().unwrap_or_default();
        let (from, to, min, max) = (part(), part(), part(), part());
        let time = |text: &str| range::parse(text, 0, Rounding::Down).map_err(|error| format!("box: {error}"));
        let times = TimeRange::new(time(from)?, time(to)?);
        let (min_duration, max_duration) = (duration_text::parse(min)?, duration_text::parse(max)?);
        let durations = match (min_duration, max_duration) {
            (None, None) => String::new(),
            (Some(min), None) => format!("{} or longer", format::duration(min)),
            (None, Some(max)) => format!("up to {}", format::duration(max)),
            (Some(min), Some(max)) => format!("{} to {}", format::duration(min), format::duration(max)),
        };
        let without = url.without("box");
        let mut only = without.with("from", from).with("to", to);
        for (key, value) in [("min", min), ("max", max)] {
            if !value.is_empty() {
                only = only.with(key, value);
            }
        }
        Ok(Some(Chosen {
            selection: SpanSelection { range: times, min_duration, max_duration, failed: false },
            from: Stamp::clock(times.start),
            to: Stamp::clock(times.end),
            durations,
            without,
            only,
        }))
    }

    /// `search` for spans in the box.
    pub(super) fn within(&self, search: TraceSearch) -> TraceSearch {
        let SpanSelection { range, min_duration, max_duration, .. } = self.selection;
        let start = search.range.start.max(range.start);
        TraceSearch {
            range: TimeRange::new(start, search.range.end.min(range.end).max(start)),
            min_duration: search.min_duration.max(min_duration),
            max_duration: [search.max_duration, max_duration].into_iter().flatten().min(),
            ..search
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_narrows_a_search_from_all_sides() {
        let url = PageUrl::new("/traces").with("q", "a=1").with("box", "1700000000,1700000060,5ms,");
        let chosen = Chosen::read(&url).unwrap().unwrap();
        let second = 1_000_000_000;
        let search = TraceSearch {
            max_duration: Some(7 * second),
            ..TraceSearch::new(TimeRange::new(1_700_000_030 * second, 1_800_000_000 * second))
        };
        let within = chosen.within(search);
        assert_eq!(within.range, TimeRange::new(1_700_000_030 * second, 1_700_000_060 * second));
        assert_eq!((within.min_duration, within.max_duration), (Some(5_000_000), Some(7 * second)));
        assert_eq!(chosen.durations, "5 ms or longer");
        let only = chosen.only.to_string();
        assert!(only.contains("min=5ms") && only.contains("from=1700000000") && !only.contains("max="), "{only}");
        assert!(Chosen::read(&PageUrl::new("/traces")).unwrap().is_none());
        for bad in ["x", "1700000000", "1700000000,1700000060,fast"] {
            assert!(Chosen::read(&url.with("box", bad)).is_err(), "{bad}");
        }
    }
}
