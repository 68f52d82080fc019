//! What surrounds every page: navigation, time range, theme, and the strip of what is burning.

use axum::http::{HeaderMap, Uri, header};
use model::Nanos;
use model::time::SECOND;
use slo::alert::Phase;
use slo::spec::Severity;
use slo::status::Health;

use crate::app::App;
use crate::assets;
use crate::format::{self, Stamp};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::range::{PRESETS, PageRange};

/// The frame of a page. `base.html` reads it.
pub(crate) struct Shell {
    pub(crate) url: PageUrl,
    pub(crate) range: PageRange,
    pub(crate) now: Nanos,
    /// `light`, `dark`, or empty to follow the system.
    pub(crate) theme: &'static str,
    pub(crate) links: Vec<Link>,
    pub(crate) burning: Vec<Burning>,
    /// A sentence, when something on disk could not be read.
    pub(crate) damage: Option<String>,
    pub(crate) version: &'static str,
    /// Whether the page is about a time range and shows the picker.
    pub(crate) has_range: bool,
}

/// One entry of the navigation.
pub(crate) struct Link {
    pub(crate) href: PageUrl,
    pub(crate) words: &'static str,
    pub(crate) icon: Icon,
    pub(crate) is_current: bool,
    /// Shown as a badge when it is not 0.
    pub(crate) count: usize,
}

/// An SLO with a page alert that fires.
pub(crate) struct Burning {
    pub(crate) name: String,
    pub(crate) href: PageUrl,
    pub(crate) since: Stamp,
}

/// A range of the picker.
pub(crate) struct Preset {
    pub(crate) href: PageUrl,
    pub(crate) words: &'static str,
    pub(crate) is_current: bool,
}

const PAGES: [(&str, &str, Icon); 10] = [
    ("/", "Services", Icon::Home),
    ("/map", "Map", Icon::Map),
    ("/traces", "Traces", Icon::Traces),
    ("/logs", "Logs", Icon::Logs),
    ("/metrics", "Metrics", Icon::Metrics),
    ("/slos", "SLOs", Icon::Slos),
    ("/alerts", "Alerts", Icon::Alerts),
    ("/sql", "SQL", Icon::Sql),
    ("/ingest", "Ingest", Icon::Ingest),
    ("/connect", "Connect", Icon::Connect),
];

/// A sentence on the places on disk that are damaged: how many could not be read, and how many were restored.
fn damage((unread, restored): (u64, u64)) -> Option<String> {
    let places = |n: u64| match n {
        1 => "1 place on disk".to_owned(),
        n => format!("{} places on disk", format::count(n)),
    };
    match (unread, restored) {
        (0, 0) => None,
        (0, n) => Some(format!(
            "{} did not come back as written and {} restored from parity: nothing is missing, but the disk may be failing.",
            places(n),
            if n == 1 { "was" } else { "were" },
        )),
        (n, _) => {
            Some(format!("{} could not be read: what was there may be missing from pages and answers.", places(n)))
        }
    }
}

impl Shell {
    /// The frame for a request.
    pub(crate) fn new(app: &App, uri: &Uri, headers: &HeaderMap) -> Self {
        let now = (app.state.clock)();
        let url = PageUrl::of(uri);
        let range = PageRange::of(&url, now);
        let status = (app.state.slo_status)();
        let burning: Vec<Burning> = status
            .slos
            .iter()
            .filter(|slo| slo.health == Health::Burning)
            .map(|slo| Burning {
                name: format::clip(&slo.slo.name, 80),
                href: PageUrl::new(format!("/slos/{}", &slo.slo.name)),
                since: Stamp::clock(firing_since(&slo.alerts, Some(Severity::Page)).unwrap_or(now)),
            })
            .collect();
        let tiers = status.slos.iter().flat_map(|slo| &slo.alerts.tiers);
        let n_firing = tiers.filter(|tier| matches!(tier.phase, Phase::Firing(_))).count();
        let n_firing = n_firing + status.rules.n_firing();
        let links = PAGES
            .into_iter()
            .filter(|(path, ..)| *path != "/sql" || app.state.sql.is_some())
            .map(|(path, words, icon)| Link {
                href: keep_range(PageUrl::new(path), &range),
                words,
                icon,
                is_current: is_within(url.path(), path),
                count: if path == "/alerts" { n_firing } else { 0 },
            })
            .collect();
        let damage = damage((app.state.n_damaged)());
        let (theme, version) = (theme(headers), app.state.version);
        Shell { url, range, now, theme, links, burning, damage, version, has_range: true }
    }

    /// The same frame without the time range picker.
    pub(crate) fn without_range(mut self) -> Self {
        self.has_range = false;
        self
    }

    /// `path` with the range of this page.
    pub(crate) fn link(&self, path: impl Into<String>) -> PageUrl {
        keep_range(PageUrl::new(path), &self.range)
    }

    /// The page of a trace.
    pub(crate) fn trace_link(&self, id: model::TraceId) -> PageUrl {
        self.link(format!("/traces/{id}"))
    }

    pub(crate) fn service_link(&self, service: &str) -> PageUrl {
        keep_range(PageUrl::default().to_service(service), &self.range)
    }

    pub(crate) fn presets(&self) -> Vec<Preset> {
        let base = self.url.without("from").without("to").without("before");
        let preset = |(from, words): &(&str, &'static str)| Preset {
            href: base.with("from", from),
            words,
            is_current: self.range.from == *from && self.range.to == "now",
        };
        PRESETS.iter().map(preset).collect()
    }

    /// This page at another range.
    pub(crate) fn at(&self, start: Nanos, end: Nanos) -> PageUrl {
        self.url.without("before").with("from", format::rfc3339(start)).with("to", format::rfc3339(end))
    }

    /// This page twice as far out.
    pub(crate) fn zoomed_out(&self) -> PageUrl {
        let half = self.range.times.length() / 2;
        let end = self.range.times.end.saturating_add(half).min(self.now.max(self.range.times.end));
        self.at(end.saturating_sub(self.range.times.length().saturating_mul(2).max(SECOND)), end)
    }

    /// The page with its range as absolute times, for sharing.
    pub(crate) fn frozen(&self) -> PageUrl {
        self.at(self.range.times.start, self.range.times.end)
    }

    pub(crate) fn start(&self) -> Stamp {
        Stamp::full(self.range.times.start)
    }

    pub(crate) fn end(&self) -> Stamp {
        Stamp::full(self.range.times.end)
    }

    /// The address of a bundled asset.
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    pub(crate) fn ago(&self, time: Nanos) -> String {
        format::ago(time, self.now)
    }
}

/// Since when the oldest alert of `alerts` that fires has been firing; of those with `severity`, if it is given.
pub(crate) fn firing_since(alerts: &slo::alert::SloAlerts, severity: Option<Severity>) -> Option<Nanos> {
    let wanted = alerts.tiers.iter().filter(|tier| severity.is_none_or(|severity| tier.severity == severity));
    let since = wanted.filter_map(|tier| match &tier.phase {
        Phase::Firing(firing) => Some(firing.since),
        Phase::Inactive | Phase::Pending { .. } => None,
    });
    since.min()
}

fn keep_range(url: PageUrl, range: &PageRange) -> PageUrl {
    if range.is_default() {
        url
    } else {
        url.with("from", &range.from).with("to", if range.to == "now" { "" } else { &range.to })
    }
}

/// Whether the page at `path` belongs to the navigation entry `entry`.
fn is_within(path: &str, entry: &str) -> bool {
    match entry {
        "/" => path == "/" || path.starts_with("/services"),
        _ => path.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    }
}

/// The theme that the reader chose, from the cookie that the shell script writes.
fn theme(headers: &HeaderMap) -> &'static str {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let chosen = cookies.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix("theme="));
    match chosen {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn navigation_marks_the_page_that_is_open() {
        let table = [
            ("/", "/", true),
            ("/services/booking", "/", true),
            ("/traces/abc", "/traces", true),
            ("/tracesx", "/traces", false),
            ("/logs", "/", false),
        ];
        for (path, entry, expected) in table {
            assert_eq!(is_within(path, entry), expected, "{path} {entry}");
        }
    }

    #[test]
    fn theme_is_one_of_two_words_or_none() {
        for (cookie, expected) in
            [("theme=dark", "dark"), ("a=b; theme=light", "light"), ("theme=\"><script>", ""), ("", "")]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            assert_eq!(theme(&headers), expected);
        }
    }
}
