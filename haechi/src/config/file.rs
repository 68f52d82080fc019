//! The configuration file: the settings as a YAML mapping, and a list of webhooks.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::settings::SETTINGS;
use super::{ConfigError, Webhook, is_http};

/// What a configuration file says; each value with its place, `FILE:LINE`.
#[derive(Default)]
pub(super) struct File {
    pub(super) values: Vec<(String, String, String)>,
    pub(super) webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Wire {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<WireWebhook>),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireWebhook {
    name: String,
    url: String,
}

type Mapping = std::collections::BTreeMap<String, Spanned<Wire>>;

pub(super) fn read(path: &str) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError { place: path.to_owned(), message: error.to_string() })?;
    let options = serde_saphyr::options! { with_snippet: false };
    let mapping: Option<Mapping> = serde_saphyr::from_str_with_options(&text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        let message = error.to_string();
        let reason = message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason);
        ConfigError { place: format!("{path}:{line}"), message: reason.to_owned() }
    })?;
    let mut file = File::default();
    for (key, value) in mapping.unwrap_or_default() {
        let place = format!("{path}:{}", value.referenced.line());
        let error = |message: String| ConfigError { place: place.clone(), message };
        if key == "webhooks" {
            let Wire::List(webhooks) = value.value else {
                return Err(error("webhooks: expected a list of {name, url}".to_owned()));
            };
            for (index, WireWebhook { name, url }) in webhooks.into_iter().enumerate() {
                if !is_http(&url) {
                    let allowed = "an address that starts with http:// or https://";
                    return Err(error(format!("webhooks[{index}].url: \"{url}\" is not {allowed}")));
                }
                file.webhooks.push(Webhook { name, url });
            }
            continue;
        }
        if !SETTINGS.iter().any(|setting| setting.key == key) {
            let allowed: Vec<_> = SETTINGS.iter().map(|setting| setting.key).chain(["webhooks"]).collect();
            return Err(error(format!("unknown key \"{key}\"; allowed: {}", allowed.join(", "))));
        }
        let text = match value.value {
            Wire::Bool(value) => value.to_string(),
            Wire::Int(value) => value.to_string(),
            Wire::Float(value) => value.to_string(),
            Wire::Text(value) => value,
            Wire::List(_) | Wire::Other(_) => return Err(error(format!("{key}: expected a single value"))),
        };
        file.values.push((key, text, place));
    }
    Ok(file)
}
