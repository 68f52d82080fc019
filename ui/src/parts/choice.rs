//! Things to choose from: options of a select, and tabs.

use crate::page_url::PageUrl;

/// One option of a select.
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) words: String,
    pub(crate) is_chosen: bool,
}

/// One view of a page.
pub(crate) struct Tab {
    pub(crate) words: &'static str,
    pub(crate) href: PageUrl,
    pub(crate) is_current: bool,
    /// How much is in it.
    pub(crate) n: Option<String>,
}
