//! The icons: outlines on a grid of 24, in the colour of the text. `styles/icons.css` draws them, so that each is one element
//! of a page, and none where it stands before the words of a link.

use std::fmt;

use askama::filters::HtmlSafe;

/// An icon. It says nothing to screen readers: words stand beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Home,
    Map,
    Traces,
    Logs,
    Metrics,
    Slos,
    Alerts,
    Sql,
    Ingest,
    Connect,
    Search,
    Clock,
    Chevron,
    Theme,
    Help,
    Refresh,
}

impl Icon {
    #[cfg(test)]
    pub(crate) const ALL: [Icon; 16] = [
        Icon::Home,
        Icon::Map,
        Icon::Traces,
        Icon::Logs,
        Icon::Metrics,
        Icon::Slos,
        Icon::Alerts,
        Icon::Sql,
        Icon::Ingest,
        Icon::Connect,
        Icon::Search,
        Icon::Clock,
        Icon::Chevron,
        Icon::Theme,
        Icon::Help,
        Icon::Refresh,
    ];

    /// The class that draws it.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Icon::Home => "i-home",
            Icon::Map => "i-map",
            Icon::Traces => "i-traces",
            Icon::Logs => "i-logs",
            Icon::Metrics => "i-metrics",
            Icon::Slos => "i-slos",
            Icon::Alerts => "i-alerts",
            Icon::Sql => "i-sql",
            Icon::Ingest => "i-ingest",
            Icon::Connect => "i-connect",
            Icon::Search => "i-search",
            Icon::Clock => "i-clock",
            Icon::Chevron => "i-chevron",
            Icon::Theme => "i-theme",
            Icon::Help => "i-help",
            Icon::Refresh => "i-refresh",
        }
    }
}

impl HtmlSafe for Icon {}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"icon {}\" aria-hidden=\"true\"></span>", self.class())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_icon_is_drawn_by_the_style_sheet() {
        let styles = include_str!("../web/styles/icons.css");
        for (place, icon) in Icon::ALL.into_iter().enumerate() {
            assert!(styles.contains(&format!("\n.{} {{ --icon: {place}; }}\n", icon.class())), "{icon:?}");
            assert!(styles.contains(&format!("translate(0 {})", 24 * place)), "{icon:?}");
        }
        assert!(styles.contains(&format!("viewBox=\"0 0 24 {0}\"", 24 * Icon::ALL.len())));
        assert!(styles.contains(&format!("/ 16px {}px", 16 * Icon::ALL.len())));
    }
}
