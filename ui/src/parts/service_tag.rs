//! A service's name beside its colour.

use askama::Template;
use askama::filters::HtmlSafe;

/// A service's name, isolated from the direction of the text around it.
#[derive(Clone, Debug, Template)]
#[template(source = "<span class=\"service s{{ slot }}\"><bdi>{{ name }}</bdi></span>", ext = "html")]
pub(crate) struct ServiceTag {
    pub(crate) slot: usize,
    pub(crate) name: String,
}

impl HtmlSafe for ServiceTag {}
