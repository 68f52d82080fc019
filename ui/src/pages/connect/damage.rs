//! What the store could not read, as a table below its facts.

use askama::Template;
use model::Nanos;

use crate::format::{self, clip};
use crate::state::StorageStats;

/// Rows of the table.
const MAX_PLACES: usize = 30;

#[derive(Template)]
#[template(path = "parts/damage.html")]
pub(super) struct Damage {
    /// `2 in segments, 1 in the write-ahead log`; empty when nothing is damaged.
    summary: String,
    places: Vec<PlaceRow>,
    n_more: u64,
}

impl askama::filters::HtmlSafe for Damage {}

struct PlaceRow {
    found: String,
    kind: &'static str,
    place: String,
}

impl Damage {
    pub(super) fn new(stats: &StorageStats, now: Nanos) -> Self {
        let damaged = stats.damaged.iter().filter(|(_, n)| *n > 0);
        let counts: Vec<String> = damaged.clone().map(|(kind, n)| format!("{} in {kind}", format::count(*n))).collect();
        let shown = stats.places.iter().take(MAX_PLACES);
        let n_all: u64 = damaged.map(|(_, n)| n).sum();
        Damage {
            summary: counts.join(", "),
            n_more: n_all.saturating_sub(shown.len() as u64),
            places: shown
                .map(|it| PlaceRow { found: format::ago(it.found, now), kind: it.kind, place: clip(&it.text, 600) })
                .collect(),
        }
    }
}
