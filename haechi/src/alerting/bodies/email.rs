//! Mails: plain text, so that what labels say is text in every program that shows it.

use super::Stored;
use super::lines::{Markup, clip, text, title};

/// A line of a header may have 998 characters; more than this is not read in a list of mails anyway.
const MAX_SUBJECT: usize = 200;
const MAX_TEXT: usize = 100_000;

struct Plain;

impl Markup for Plain {
    fn plain(&self, text: &str) -> String {
        text.to_owned()
    }

    fn strong(&self, text: &str) -> String {
        text.to_owned()
    }

    fn link(&self, url: &str, text: &str) -> String {
        format!("{text}: {url}")
    }
}

pub(in crate::alerting) fn subject(stored: &Stored) -> String {
    clip(&title(stored), MAX_SUBJECT)
}

pub(in crate::alerting) fn body(stored: &Stored) -> String {
    // A line for each link: programs take what follows an address for a part of it.
    let text = text(stored, &Plain).replace(" · ", "\n");
    format!("{}\n\n-- \nHaechi, {}\n", clip(&text, MAX_TEXT), stored.external_url)
}
