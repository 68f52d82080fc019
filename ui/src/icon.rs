//! The icons: outlines on a grid of 24, drawn with the colour of the text.

use std::fmt;

use askama::filters::HtmlSafe;

/// An icon as inline SVG. It says nothing to screen readers: words stand beside it.
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
    fn path(self) -> &'static str {
        match self {
            Icon::Home => "M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z",
            Icon::Map => "M4 9h5v6H4zM15 4h5v5h-5zM15 15h5v5h-5zM9 12h3M12 6.5v11M12 6.5h3M12 17.5h3",
            Icon::Traces => "M3 5h9M7 10h10M10 15h6M13 20h8",
            Icon::Logs => "M5 3h10l4 4v14H5zM9 9h5M9 13h6M9 17h6",
            Icon::Metrics => "M4 4v16h16M7 15l4-5 3 3 5-7",
            Icon::Slos => "M12 3a9 9 0 1 0 9 9M12 8a4 4 0 1 0 4 4M12 12l8-8M17 3.5V7h3.5",
            Icon::Alerts => "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 21h4",
            Icon::Sql => "M4 5h16v14H4zM7.5 10l2.5 2.2-2.5 2.2M12.5 15H16",
            Icon::Ingest => "M12 3v10M8 9.5l4 4 4-4M4 15v5h16v-5",
            Icon::Connect => "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
            Icon::Search => "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
            Icon::Clock => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
            Icon::Chevron => "M6 9l6 6 6-6",
            Icon::Theme => "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18M12 8h5M12 12h6M12 16h5",
            Icon::Help => {
                "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M12 16.6v.1"
            }
            Icon::Refresh => "M20 11a8 8 0 1 0-2.3 6.3M20 4v7h-7",
        }
    }
}

impl HtmlSafe for Icon {}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"{}\"/></svg>", self.path())
    }
}
