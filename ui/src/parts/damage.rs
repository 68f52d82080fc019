//! What the store could not read, as a table with a heading.

use askama::Template;
use model::Nanos;

use crate::format::{self, clip};
use crate::state::DamageReport;

#[derive(Template)]
#[template(path = "parts/damage.html")]
pub(crate) struct Damage {
    /// `2 in segments, 1 in the write-ahead log`; empty when nothing is damaged.
    pub(crate) summary: String,
    places: Vec<PlaceRow>,
    n_more: u64,
}

impl askama::filters::HtmlSafe for Damage {}

struct PlaceRow {
    found: String,
    kind: &'static str,
    file: String,
    offset: String,
    message: String,
}

impl Damage {
    /// With the newest `most` places.
    pub(crate) fn new(report: &DamageReport, most: usize, now: Nanos) -> Self {
        let kinds = report.kinds.iter().filter(|it| it.places > 0);
        let counts: Vec<String> = kinds.map(|it| format!("{} in {}", format::count(it.places), it.words)).collect();
        let shown = report.places.iter().take(most);
        Damage {
            summary: counts.join(", "),
            n_more: (report.unreadable + report.restored).saturating_sub(shown.len() as u64),
            places: shown
                .map(|it| PlaceRow {
                    found: format::ago(it.found, now),
                    kind: it.words,
                    file: clip(&it.file, 400),
                    offset: it.offset.map(format::count).unwrap_or_default(),
                    message: clip(&it.message, 600),
                })
                .collect(),
        }
    }
}
