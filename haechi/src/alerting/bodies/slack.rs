//! Messages for incoming webhooks of Slack, and of Mattermost and Rocket.Chat, which take the same.
//! Sources: docs.slack.dev, "Sending messages using incoming webhooks", "Legacy message attachments" and "Formatting message text".
//! Attachments are what all three show with a colour; Slack alone has blocks.

use serde_json::{Value, json};

use super::lines::{Markup, clip, text, title};
use super::{Stored, Urgency};

/// Slack cuts longer messages in pieces.
const MAX_TEXT: usize = 8000;
const MAX_TITLE: usize = 300;

struct Slack;

impl Markup for Slack {
    /// The three characters that have a meaning to Slack; and `@`, by which Mattermost would call everybody.
    fn plain(&self, text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('@', "@\u{200b}")
    }

    fn strong(&self, text: &str) -> String {
        format!("*{}*", self.plain(text))
    }

    fn link(&self, url: &str, text: &str) -> String {
        let url = url.replace('&', "&amp;").replace('<', "%3C").replace('>', "%3E").replace('|', "%7C");
        format!("<{url}|{}>", self.plain(text))
    }
}

pub(in crate::alerting) fn body(stored: &Stored) -> Value {
    let title = Slack.plain(&clip(&title(stored), MAX_TITLE));
    json!({
        "attachments": [{
            "color": color(stored),
            "fallback": title,
            "title": title,
            "title_link": stored.link(),
            "text": clip(&text(stored, &Slack), MAX_TEXT),
            "mrkdwn_in": ["text"],
            "footer": "Haechi",
        }],
    })
}

/// `#rrggbb`; the same words have the same colours on the pages.
fn color(stored: &Stored) -> &'static str {
    match (stored.is_firing(), stored.severity()) {
        (false, _) => "#2e7d32",
        (true, Urgency::Critical | Urgency::Error) => "#c62828",
        (true, Urgency::Warning) => "#ef6c00",
        (true, Urgency::Info) => "#1565c0",
    }
}
