//! Messages for webhooks of Discord. Source: discord.com/developers, "Execute Webhook" and "Embed Limits": a title of 256
//! characters, a description of 4,096.

use serde_json::{Value, json};

use super::lines::{Markup, clip, text, title};
use super::{Stored, Urgency};

const MAX_TITLE: usize = 256;
const MAX_DESCRIPTION: usize = 4096;

struct Discord;

impl Markup for Discord {
    fn plain(&self, text: &str) -> String {
        let escape =
            |character: char| "\\`*_~|[]<>#".contains(character).then_some('\\').into_iter().chain([character]);
        text.chars().flat_map(escape).collect()
    }

    fn strong(&self, text: &str) -> String {
        format!("**{}**", self.plain(text))
    }

    fn link(&self, url: &str, text: &str) -> String {
        let url = url.replace('(', "%28").replace(')', "%29").replace(' ', "%20");
        format!("[{}]({url})", self.plain(text))
    }
}

pub(in crate::alerting) fn body(stored: &Stored) -> Value {
    json!({
        "embeds": [{
            "title": clip(&title(stored), MAX_TITLE),
            "url": stored.link(),
            "description": clip(&text(stored, &Discord), MAX_DESCRIPTION),
            "color": color(stored),
            "footer": {"text": "Haechi"},
        }],
        // Whatever labels say, nobody is called by it.
        "allowed_mentions": {"parse": []},
    })
}

fn color(stored: &Stored) -> u32 {
    match (stored.is_firing(), stored.severity()) {
        (false, _) => 0x002e_7d32,
        (true, Urgency::Critical | Urgency::Error) => 0x00c6_2828,
        (true, Urgency::Warning) => 0x00ef_6c00,
        (true, Urgency::Info) => 0x0015_65c0,
    }
}
