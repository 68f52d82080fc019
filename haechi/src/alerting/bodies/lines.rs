//! The words of a notification that people read in a chat or a mail; each kind of receiver marks them up in its way.

use super::{Stored, StoredAlert};

/// Alerts of one message; the rest is a number and a link.
const MAX_ALERTS: usize = 10;

/// How a kind of receiver writes what is not plain text.
pub(super) trait Markup {
    /// Text that came from telemetry or files, so that nothing in it has a meaning.
    fn plain(&self, text: &str) -> String;
    fn strong(&self, text: &str) -> String;
    fn link(&self, url: &str, text: &str) -> String;
}

/// `[FIRING:2] ErrorBudgetBurn booking-availability`: how many fire, and the labels that all of the group share.
pub(super) fn title(stored: &Stored) -> String {
    let firing = stored.alerts.iter().filter(|alert| alert.is_firing()).count();
    let state = if firing > 0 { format!("FIRING:{firing}") } else { "RESOLVED".to_owned() };
    let label = |name: &str| stored.common_labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let mut words = vec![format!("[{state}]")];
    words.extend(label("alertname").or_else(|| label("service")).map(str::to_owned));
    // An SLO mostly has the name of its service in its own.
    words.extend(label("slo").or_else(|| label("service").filter(|_| label("alertname").is_some())).map(str::to_owned));
    words.extend(label("severity").map(|severity| format!("({severity})")));
    let line = words.join(" ");
    line.split(|character: char| character.is_control()).collect::<Vec<_>>().join(" ")
}

/// The alerts, a paragraph each, with links to their traces.
pub(super) fn text(stored: &Stored, markup: &impl Markup) -> String {
    let alerts = stored.sorted();
    let mut paragraphs: Vec<String> =
        alerts.iter().take(MAX_ALERTS).map(|alert| paragraph(stored, alert, markup)).collect();
    if alerts.len() > MAX_ALERTS {
        let more = format!("and {} more", alerts.len() - MAX_ALERTS);
        paragraphs.push(markup.link(&format!("{}/alerts", stored.external_url), &more));
    }
    paragraphs.join("\n\n")
}

fn paragraph(stored: &Stored, alert: &StoredAlert, markup: &impl Markup) -> String {
    let own = |name: &&String| !stored.common_labels.contains_key(*name) && name.as_str() != "alertname";
    let differs: Vec<String> =
        alert.labels.keys().filter(own).map(|name| format!("{name}={}", alert.labels[name])).collect();
    let fallback = || match differs.is_empty() {
        true => alert.labels.get("alertname").cloned().unwrap_or_else(|| "alert".to_owned()),
        false => differs.join(", "),
    };
    let summary = alert.annotation("summary").map_or_else(fallback, str::to_owned);
    let mut lines = vec![markup.strong(&summary)];
    if !alert.is_firing() {
        lines[0].push_str(&format!(" resolved at {}", markup.plain(&alert.ends_at)));
        return lines.join("\n");
    }
    lines.extend(alert.annotation("description").map(|text| markup.plain(text)));
    if !differs.is_empty() {
        lines.push(markup.plain(&differs.join(", ")));
    }
    let budget = alert.annotation("error_budget_remaining").map(|left| format!("error budget left: {left}"));
    let end = alert.annotation("time_to_exhaustion").map(|time| format!("exhausted in: {time}"));
    let numbers: Vec<String> = budget.into_iter().chain(end).collect();
    if !numbers.is_empty() {
        lines.push(markup.plain(&numbers.join(", ")));
    }
    let mut links = vec![markup.link(&alert.generator_url, "details")];
    let page = alert.annotation("runbook_url").filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    links.extend(page.map(|url| markup.link(url, "runbook")));
    let trace = |id: &str| markup.link(&format!("{}/traces/{id}", stored.external_url), &format!("trace {}", &id[..8]));
    links.extend(alert.traces().map(trace));
    lines.push(links.join(" · "));
    lines.join("\n")
}

/// At most `max` UTF-16 units of the text, which are at least as many as its characters, with an ellipsis where it was cut.
pub(super) fn clip(text: &str, max: usize) -> String {
    let mut units = 0;
    for (index, character) in text.char_indices() {
        units += character.len_utf16();
        if units > max {
            // Room for the ellipsis: characters are taken away until it fits.
            let mut cut = text[..index].to_owned();
            while cut.encode_utf16().count() + 1 > max && cut.pop().is_some() {}
            return cut + "…";
        }
    }
    text.to_owned()
}
