//! The table of who sends: one row a service and client, in the order that the reader chose.

use crate::app::App;
use crate::format;
use crate::page_url::PageUrl;
use crate::parts::{Name, ServiceTag, Unnamed};
use crate::state::{IngestChoice, IngestReport, SenderReport};

/// Rows shown; the rest is counted.
const MAX_ROWS: usize = 100;
/// What the table can be in the order of, as the address and the head say it.
const COLUMNS: [(&str, &str); 5] =
    [("service", "Service"), ("items", "Items"), ("bytes", "Bytes"), ("rejected", "Left out"), ("last", "Last")];

pub(super) struct Senders {
    pub(super) heads: Vec<Head>,
    pub(super) rows: Vec<Row>,
    pub(super) n_more: usize,
    /// How many gave way to others within their hour; empty for none.
    pub(super) displaced: String,
    /// Whether a service was chosen.
    pub(super) is_filtered: bool,
    pub(super) without_filter: PageUrl,
}

pub(super) struct Head {
    pub(super) words: &'static str,
    pub(super) href: PageUrl,
    pub(super) is_current: bool,
    pub(super) is_number: bool,
    /// `ascending` or `descending`, of the current one.
    pub(super) order: &'static str,
}

pub(super) struct Row {
    pub(super) service: ServiceTag,
    pub(super) unnamed: Option<Unnamed>,
    pub(super) href: PageUrl,
    pub(super) sdk: Option<Name>,
    pub(super) user_agent: Option<Name>,
    pub(super) protocol: &'static str,
    pub(super) items: String,
    pub(super) bytes: String,
    pub(super) rejected: String,
    pub(super) is_rejecting: bool,
    pub(super) last: String,
}

impl Senders {
    /// `report` has what was chosen alone.
    pub(super) fn new(app: &App, page: &PageUrl, choice: &IngestChoice, report: &IngestReport) -> Self {
        let sort = COLUMNS.into_iter().find(|(name, _)| *name == page.get("sort")).map_or("last", |(name, _)| name);
        let of = |counts: &[u64; 3]| choice.sum(counts);
        let mut senders: Vec<&SenderReport> = report.senders.iter().collect();
        match sort {
            "service" => senders.sort_by(|a, b| a.service.cmp(&b.service)),
            "items" => senders.sort_by_key(|it| std::cmp::Reverse(of(&it.accepted))),
            "bytes" => senders.sort_by_key(|it| std::cmp::Reverse(of(&it.bytes))),
            "rejected" => senders.sort_by_key(|it| std::cmp::Reverse(of(&it.rejected))),
            _ => senders.sort_by_key(|it| std::cmp::Reverse(it.last_seen)),
        }
        let row = |it: &&SenderReport| Row {
            service: app.service(&it.service),
            unnamed: Unnamed::of(&it.service, it.protocol),
            href: PageUrl::default().to_service(&it.service),
            sdk: (!it.sdk.is_empty()).then(|| Name::new(&it.sdk, 60)),
            user_agent: (!it.user_agent.is_empty()).then(|| Name::new(&it.user_agent, 80)),
            protocol: it.protocol,
            items: format::count(of(&it.accepted)),
            bytes: format::bytes(of(&it.bytes)),
            rejected: format::count(of(&it.rejected)),
            is_rejecting: of(&it.rejected) > 0,
            last: format::ago(it.last_seen, report.now),
        };
        let head = |(name, words): (&str, &'static str)| Head {
            words,
            href: page.with("sort", name),
            is_current: name == sort,
            is_number: name != "service",
            order: if name == "service" { "ascending" } else { "descending" },
        };
        Senders {
            heads: COLUMNS.into_iter().map(head).collect(),
            n_more: senders.len().saturating_sub(MAX_ROWS),
            displaced: match report.displaced_senders {
                0 => String::new(),
                n => format::count(n),
            },
            is_filtered: !choice.service.is_empty(),
            rows: senders.iter().take(MAX_ROWS).map(row).collect(),
            without_filter: page.without("service"),
        }
    }
}
