//! Which spans of a search are compared with the others: `diff=errors` those that failed, `diff=QUERY` those that match it too;
//! without, those in the box of the heatmap.

use query::differences::{SpanComparison, SpanSelection};

use crate::page_url::PageUrl;

use super::wanted::Wanted;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selected {
    Failed,
    Matching(String),
    Box,
}

impl Selected {
    pub(super) fn read(url: &PageUrl) -> Self {
        match url.get("diff") {
            "" => Selected::Box,
            "errors" => Selected::Failed,
            query => Selected::Matching(query.to_owned()),
        }
    }

    /// The word before "spans".
    pub(super) fn word(&self) -> &'static str {
        match self {
            Selected::Failed => "failed",
            Selected::Matching(_) => "bad",
            Selected::Box => "chosen",
        }
    }

    /// The same as the head of a column.
    pub(super) fn head(&self) -> &'static str {
        match self {
            Selected::Failed => "Failed",
            Selected::Matching(_) => "Bad",
            Selected::Box => "Chosen",
        }
    }

    /// What is compared with what.
    pub(super) fn title(&self) -> &'static str {
        match self {
            Selected::Failed => "Failed spans and the others",
            Selected::Matching(_) => "Bad spans and the others",
            Selected::Box => "The spans in the box and the others",
        }
    }

    /// The spans to compare; `None` when none are chosen.
    pub(super) fn comparison(&self, wanted: &Wanted) -> Option<SpanComparison> {
        let search = wanted.search.clone();
        let all = SpanSelection { range: search.range, min_duration: None, max_duration: None, failed: false };
        let (selected, query) = match self {
            Selected::Failed => (SpanSelection { failed: true, ..all }, None),
            Selected::Matching(query) => (all, Some(query.clone())),
            Selected::Box => (wanted.chosen.as_ref()?.selection, None),
        };
        Some(SpanComparison { search, selected, query })
    }
}
