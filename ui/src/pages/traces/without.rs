//! The filters of a search that finds nothing: what each of them costs.

use query::traces::{Language, TraceSearch, heatmap};

use crate::app::App;
use crate::format::{self, clip};
use crate::page_url::PageUrl;
use crate::shell::Shell;

use super::PATIENCE;
use super::wanted::Wanted;

/// Conditions of a query that are taken out one by one.
const MAX_CONDITIONS: usize = 8;

/// A filter with the page without it.
pub(super) struct Chip {
    pub(super) words: String,
    pub(super) href: PageUrl,
    /// Spans that would match without it, in words; empty when that took too long.
    pub(super) n_spans: String,
    /// Whether anything would.
    pub(super) finds: bool,
}

/// The filters that are set, those first that are alone in the way.
pub(super) async fn chips(app: &App, shell: &Shell, wanted: &Wanted) -> Vec<Chip> {
    let (chips, searches): (Vec<Chip>, Vec<TraceSearch>) = filters(shell, wanted).into_iter().unzip();
    let counting = app.state.engine.run(move |snapshot, budget| {
        let count = |search: &TraceSearch| heatmap(snapshot, budget, search, 1).map(|map| (map.n_spans, map.truncated));
        searches.iter().map(count).collect::<Result<Vec<_>, _>>()
    });
    let counts = match tokio::time::timeout(PATIENCE, counting).await {
        Ok(Ok(counts)) => counts,
        // The filters are worth showing without.
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let mut chips = chips;
    let mut order = Vec::with_capacity(chips.len());
    for (index, chip) in chips.iter_mut().enumerate() {
        let count = counts.get(index).copied();
        if let Some((n, truncated)) = count {
            let least = if truncated { "at least " } else { "" };
            chip.n_spans = format!("{least}{} {} without it", format::count(n), if n == 1 { "span" } else { "spans" });
            chip.finds = n > 0;
        }
        order.push(count.map_or(0, |(n, _)| n));
    }
    let mut chips: Vec<(u64, Chip)> = order.into_iter().zip(chips).collect();
    chips.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    chips.into_iter().map(|(_, chip)| chip).collect()
}

/// What of the query no span of the range has.
pub(super) async fn unknown(app: &App, wanted: &Wanted) -> Vec<String> {
    let search = wanted.search.clone();
    let asking = app.state.engine.run(move |snapshot, budget| query::fields::unknown(snapshot, budget, &search));
    tokio::time::timeout(PATIENCE, asking).await.map_or_else(|_| Vec::new(), Result::unwrap_or_default)
}

/// Each filter with the search without it.
fn filters(shell: &Shell, wanted: &Wanted) -> Vec<(Chip, TraceSearch)> {
    let url = &shell.url;
    let search = wanted.narrowed();
    let mut filters = Vec::new();
    let mut push = |words: &str, href: PageUrl, search: TraceSearch| {
        let chip = Chip { words: clip(words, 60), href, n_spans: String::new(), finds: false };
        filters.push((chip, search));
    };
    let query = search.query.clone();
    let parts = match search.language {
        Language::Search => query::lang::conditions(&query),
        Language::TraceQl => vec![query.as_str()],
    };
    let parts = if parts.len() > MAX_CONDITIONS { vec![query.as_str()] } else { parts };
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
        let others = parts.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, it)| *it);
        let others = others.collect::<Vec<_>>().join(" AND ");
        push(part, url.with("q", &others), TraceSearch { query: others, ..search.clone() });
    }
    if let Some(service) = &search.service {
        push(&format!("service {service}"), url.without("service"), TraceSearch { service: None, ..search.clone() });
    }
    if let Some(operation) = &search.operation {
        let without = TraceSearch { operation: None, ..search.clone() };
        push(&format!("operation {operation}"), url.without("operation"), without);
    }
    for (key, words) in [("min", "at least"), ("max", "at most")] {
        if !url.get(key).is_empty() {
            let mut base = wanted.search.clone();
            *(if key == "min" { &mut base.min_duration } else { &mut base.max_duration }) = None;
            let base = wanted.chosen.as_ref().map_or(base.clone(), |chosen| chosen.within(base));
            push(&format!("{words} {}", url.get(key)), url.without(key), base);
        }
    }
    if search.status.is_some() {
        push("errors only", url.without("errors"), TraceSearch { status: None, ..search.clone() });
    }
    if wanted.chosen.is_some() {
        push("the box of the heatmap", url.without("box"), wanted.search.clone());
    }
    if wanted.group.is_some() {
        push("this group only", url.without("group"), search.clone());
    }
    filters
}
