//! A service's name beside its colour.

use askama::Template;
use askama::filters::HtmlSafe;
use model::resource::UNKNOWN_SERVICE;

use super::Name;

/// A service's name with the colour of the palette's slot.
#[derive(Clone, Debug, Template)]
#[template(source = "<span class=\"service s{{ slot }}\">{{ name }}</span>", ext = "html")]
pub(crate) struct ServiceTag {
    pub(crate) slot: usize,
    pub(crate) name: Name,
}

impl HtmlSafe for ServiceTag {}

/// What to tell of a sender that did not name its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unnamed {
    /// What is missing.
    pub(crate) badge: &'static str,
    /// What to change.
    pub(crate) fix: &'static str,
}

impl Unnamed {
    /// `None` for a service that has a name. `protocol` is how it was sent, as the API names it.
    pub(crate) fn of(service: &str, protocol: &str) -> Option<Self> {
        if !service.starts_with(UNKNOWN_SERVICE) {
            return None;
        }
        Some(if protocol.starts_with("remote-write/") {
            Unnamed {
                badge: "no label job",
                fix: "Give the series a label job: job_name of what Prometheus scrapes, or labels of a recording rule.",
            }
        } else {
            Unnamed {
                badge: "no service.name",
                fix: "Set OTEL_SERVICE_NAME, or service.name among the resource attributes.",
            }
        })
    }
}
