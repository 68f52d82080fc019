//! What the address of the search page asks for.

use model::StatusCode as SpanStatus;
use query::traces::{Language, TraceOrder, TraceSearch};

use crate::duration_text;
use crate::page_url::PageUrl;
use crate::parts::Tab;
use crate::shell::Shell;

use super::chosen::Chosen;

pub(super) const LIMITS: [usize; 3] = [50, 200, 1_000];
pub(super) const TRACEQL: &str = "traceql";

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Traces,
    Spans,
    Groups,
}

impl Mode {
    const ALL: [(Mode, &'static str, &'static str); 3] =
        [(Mode::Traces, "", "Traces"), (Mode::Spans, "spans", "Spans"), (Mode::Groups, "groups", "Groups")];

    pub(super) fn of(url: &PageUrl) -> Self {
        let named = Mode::ALL.into_iter().find(|(_, name, _)| *name == url.get("mode"));
        named.map_or(Mode::Traces, |(mode, ..)| mode)
    }

    /// Orders that there are, in words.
    pub(super) fn orders(self) -> &'static [(TraceOrder, &'static str)] {
        match self {
            Mode::Traces => &[
                (TraceOrder::Newest, "Newest"),
                (TraceOrder::Slowest, "Slowest"),
                (TraceOrder::MostErrors, "Most errors"),
                (TraceOrder::MostSpans, "Most spans"),
            ],
            Mode::Spans => &[
                (TraceOrder::Newest, "Newest"),
                (TraceOrder::Slowest, "Slowest"),
                (TraceOrder::MostErrors, "Failed first"),
            ],
            Mode::Groups => &[
                (TraceOrder::Newest, "Most traces"),
                (TraceOrder::Slowest, "Slowest"),
                (TraceOrder::MostErrors, "Most failed"),
                (TraceOrder::MostSpans, "Most spans"),
            ],
        }
    }

    /// The modes, each with the page in it.
    pub(super) fn tabs(self, url: &PageUrl) -> Vec<Tab> {
        let tab = |(mode, name, words)| Tab {
            words,
            // A group has traces only.
            href: if mode == Mode::Traces { url.with("mode", name) } else { url.without("group").with("mode", name) },
            is_current: mode == self,
            n: None,
        };
        Mode::ALL.map(tab).into()
    }
}

pub(super) struct Wanted {
    /// Without what is chosen of it.
    pub(super) search: TraceSearch,
    pub(super) mode: Mode,
    pub(super) chosen: Option<Chosen>,
    /// The structure of the group whose traces are wanted.
    pub(super) group: Option<u64>,
}

impl Wanted {
    /// What is wanted, or which filter is not understood.
    pub(super) fn read(shell: &Shell) -> Result<Self, String> {
        let url = &shell.url;
        let mode = Mode::of(url);
        let text = |key: &str| Some(url.get(key)).filter(|text| !text.is_empty()).map(str::to_owned);
        let limit = url.get("limit").parse().ok().filter(|limit| LIMITS.contains(limit)).unwrap_or(LIMITS[0]);
        let order = TraceOrder::parse(url.get("order")).unwrap_or_default();
        let search = TraceSearch {
            query: url.get("q").to_owned(),
            language: if url.get("lang") == TRACEQL { Language::TraceQl } else { Language::Search },
            service: text("service"),
            operation: text("operation"),
            status: (!url.get("errors").is_empty()).then_some(SpanStatus::Error),
            min_duration: duration_text::parse(url.get("min"))?,
            max_duration: duration_text::parse(url.get("max"))?,
            limit,
            order: mode.orders().iter().map(|(it, _)| *it).find(|it| *it == order).unwrap_or_default(),
            ..TraceSearch::new(shell.range.times)
        };
        let group = match text("group").filter(|_| mode == Mode::Traces) {
            Some(text) => Some(u64::from_str_radix(&text, 16).map_err(|_| format!("`group={text}` is no group"))?),
            None => None,
        };
        Ok(Wanted { search, mode, chosen: Chosen::read(url)?, group })
    }

    /// The search within what is chosen.
    pub(super) fn narrowed(&self) -> TraceSearch {
        let search = self.search.clone();
        match &self.chosen {
            Some(chosen) => chosen.within(search),
            None => search,
        }
    }
}
